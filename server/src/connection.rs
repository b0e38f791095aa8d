//! One connection: reads messages, runs them, writes replies.
//!
//! ```text
//!           complete message in the input?
//!          yes │                      │ no
//!              ▼                      ▼
//!    run it; replies pile up    wait until they are durable, write them, read more
//!              └──────────▶───────────┘
//! ```
//!
//! So a pipeline costs one read and one write, however many messages it holds.
//!
//! # Invariants
//!
//! 1. Replies leave only when what they tell is durable ([`Connection::flush`]).
//! 2. At most [`HIGH_WATER`] bytes and one row wait for the socket: a statement is stopped until they
//!    are gone.
//! 3. After an error in the extended protocol everything up to Sync is skipped.
//! 4. Memory for a message grows with what has arrived of it, not with what it announces.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use reckon_sql::session::{Progress, Script, Shape};
use reckon_sql::{ConnectOptions, Reason, Session};
use reckon_wire::backend::{self, Report, Severity};
use reckon_wire::codec::{Frame, HEADER_LENGTH};
use reckon_wire::frontend::{self, Limits};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, error};

use crate::protocol::{self, Failure, Work};
use crate::response::{self, HIGH_WATER, Rows};
use crate::server::{Server, aside};
use crate::sessions::{Entry, Place};
use crate::socket::{Reader, Stream};
use crate::startup::Admitted;

/// Room for input that is kept ready.
const INPUT_BYTES: usize = 8 * 1024;
/// The most by which the room for a message grows ahead of its bytes.
const INPUT_GROWTH_MAX: usize = 1 << 20;
/// How long a client may take to read why its session ends.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// To parse a longer message takes so long that other sessions should not wait for it.
const LONG_MESSAGE_BYTES: usize = 64 * 1024;
/// Buffers above this are given back when a session becomes idle.
const IDLE_BYTES_MAX: usize = 128 * 1024;

/// A session and its socket. Dropped from top to bottom: a client that sees its connection end finds
/// its transaction gone and its place free.
pub(crate) struct Connection {
    pub(crate) server: Arc<Server>,
    pub(crate) session: Session,
    place: Place,
    pub(crate) entry: Arc<Entry>,
    pub(crate) reader: Reader,
    pub(crate) input: BytesMut,
    pub(crate) out: BytesMut,
    /// Everything up to Sync is skipped (invariant 3).
    skipping: bool,
    /// Runs from a statement's first message to its end, if `statement_timeout` is set.
    timer: Option<Timer>,
}

/// Interrupts a statement at its time, unless dropped before.
struct Timer(tokio::task::AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client is gone, or said goodbye.
    Gone,
    /// It was told why: the report is in the output.
    Told,
    /// The replies so far are all it gets.
    Silent,
}

/// Why a statement does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed; the session goes on.
    Failed(Failure),
    /// The connection ends.
    End(End),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs a session to its end; `turn` is given back once it is open.
pub(crate) async fn run(
    server: Arc<Server>,
    stream: Stream,
    admitted: Admitted,
    deadline: Instant,
    turn: OwnedSemaphorePermit,
) {
    let opened = timeout_at(deadline, open(server, stream, admitted)).await;
    drop(turn);
    let Some(mut connection) = opened.ok().flatten() else {
        return;
    };
    if caught(connection.serve()).await.is_none() {
        connection.server.metrics.panics.add();
        error!("a panic ended session {}", connection.process());
        connection.out.clear();
        let report = Report::new(Severity::Fatal, "XX000", "internal error ended this session");
        backend::report(&mut connection.out, &report);
        let _ = connection.entry.writer.try_write(&connection.out);
    }
    debug!("session {} ends", connection.process());
}

/// The output of a future, or None when it panicked.
async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let poll = || future.as_mut().poll(cx);
        match std::panic::catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Makes the session and greets the client.
async fn open(server: Arc<Server>, stream: Stream, admitted: Admitted) -> Option<Connection> {
    let Admitted { input, mut place, user, database, settings, secret } = admitted;
    let peer = stream.peer_address();
    let (reader, writer) = stream.detach().and_then(|stream| stream.attach()).ok()?;
    let options = ConnectOptions { user, database, settings };
    let mut session = match server.database.connect(options) {
        Ok(session) => session,
        Err(error) => {
            let mut out = BytesMut::new();
            backend::authentication_ok(&mut out);
            response::error(&mut out, Severity::Fatal, &error);
            let _ = writer.write(&out).await;
            return None;
        }
    };
    session.set_client(peer);
    place.process = session.backend_pid();
    session.leave_waits();
    let entry = place.enter(secret, session.interrupt(), writer);
    let listener = Arc::downgrade(&entry);
    session.on_notification(move || {
        if let Some(entry) = listener.upgrade() {
            entry.mailed();
        }
    });
    let out = BytesMut::with_capacity(INPUT_BYTES);
    let process = place.process;
    let mut connection = Connection {
        server,
        session,
        place,
        entry,
        reader,
        input,
        out,
        skipping: false,
        timer: None,
    };
    backend::authentication_ok(&mut connection.out);
    connection.session.parameter_changes();
    for (name, value) in connection.session.settings().reportable() {
        backend::parameter_status(&mut connection.out, &name, &value);
    }
    backend::backend_key_data(&mut connection.out, process, secret);
    response::ready(&mut connection.out, connection.session.transaction_status());
    connection.flush().await.ok()?;
    connection.server.metrics.sessions.add();
    Some(connection)
}

impl Connection {
    fn process(&self) -> i32 {
        self.place.process
    }

    /// Messages until the end.
    async fn serve(&mut self) {
        let end = loop {
            if let Err(end) = self.step().await {
                break end;
            }
        };
        if end != End::Gone {
            let _ = timeout(LAST_WORDS, self.last_words()).await;
        }
    }

    /// Runs the message at the start of the input, or waits for one.
    async fn step(&mut self) -> Result<(), End> {
        let (tag, work, length) = match frontend::frame(&self.input, Limits::AUTHENTICATED) {
            Err(error) => return Err(self.violation(&error)),
            Ok(Frame::Incomplete { needed }) => return self.wait(needed).await,
            Ok(Frame::Complete { tag, body }) => {
                let skipped = self.skipping && !matches!(tag, b'S' | b'X');
                if !skipped && self.timer.is_none() && b"QPBDE".contains(&tag) {
                    self.timer = self.statement_timer();
                }
                let (session, out) = (&mut self.session, &mut self.out);
                let work = if skipped {
                    Ok(Work::Done)
                } else if body.len() > LONG_MESSAGE_BYTES {
                    aside(|| protocol::begin(session, out, tag, body))
                } else {
                    protocol::begin(session, out, tag, body)
                };
                (tag, work, HEADER_LENGTH + body.len())
            }
        };
        self.input.advance(length);
        let done = match work {
            Ok(work) => self.work(work).await,
            Err(failure) => {
                self.session.fail();
                Err(Stop::Failed(failure))
            }
        };
        match done {
            Ok(()) => {}
            Err(Stop::End(end)) => return Err(end),
            Err(Stop::Failed(Failure::Protocol(error))) if error.is_fatal() => {
                return Err(self.violation(&error));
            }
            Err(Stop::Failed(failure)) => {
                self.failed(&failure)?;
                // The simple protocol has no Sync to wait for.
                if matches!(tag, b'Q' | b'F') {
                    self.ready();
                } else {
                    self.skipping = true;
                }
            }
        }
        if self.out.len() >= HIGH_WATER { self.flush().await } else { Ok(()) }
    }

    async fn work(&mut self, work: Work) -> Result<(), Stop> {
        match work {
            Work::Done => {}
            Work::Script(script) => {
                self.script(script).await?;
                self.ready();
            }
            Work::Execute { portal, max_rows } => self.portal(&portal, max_rows).await?,
            Work::Flush => self.flush().await?,
            Work::Sync => {
                self.skipping = false;
                self.stop_timer();
                if let Err(error) = self.session.sync() {
                    self.failed(&Failure::Sql(error))?;
                }
                self.ready();
            }
            Work::Terminate => return Err(Stop::End(End::Gone)),
        }
        Ok(())
    }

    async fn script(&mut self, mut script: Script) -> Result<(), Stop> {
        loop {
            if self.timer.is_none() {
                self.timer = self.statement_timer();
            }
            let Some(shape) = self.session.next(&mut script)? else { break };
            if let Shape::Rows(columns) = &shape {
                response::row_description(&mut self.out, columns, &[]);
            }
            self.portal("", 0).await?;
        }
        self.stop_timer();
        Ok(())
    }

    /// Executes a portal until its end or its row limit.
    async fn portal(&mut self, portal: &str, max_rows: usize) -> Result<(), Stop> {
        let (mut full, mut copying) = (false, false);
        let result = loop {
            if std::mem::take(&mut full) {
                self.flush().await?;
                tokio::task::coop::consume_budget().await;
            }
            let mut rows = Rows { out: &mut self.out, copying };
            let progress = self.session.execute(portal, max_rows, &mut rows);
            copying = rows.copying;
            self.notices();
            match progress {
                Err(error) => break Err(error.into()),
                Ok(Progress::Full) => full = true,
                Ok(Progress::Waiting) => self.lock().await,
                Ok(Progress::CopyIn { columns }) => break self.copy_in(columns).await,
                Ok(Progress::Complete(tag)) => {
                    if copying {
                        backend::copy_done(&mut self.out);
                    }
                    backend::command_complete(&mut self.out, &tag);
                    break Ok(());
                }
                Ok(Progress::Empty) => {
                    backend::empty_query_response(&mut self.out);
                    break Ok(());
                }
                Ok(Progress::Suspended) => {
                    backend::portal_suspended(&mut self.out);
                    break Ok(());
                }
            }
        };
        if result.is_ok() {
            self.stop_timer();
        }
        result
    }

    /// The statement is over: its time counts no more.
    fn stop_timer(&mut self) {
        if self.timer.take().is_some() {
            self.entry.interrupt.clear();
        }
    }

    /// Waits for a row, without a thread.
    async fn lock(&mut self) {
        let look_at = self.session.look_at();
        let locked = std::future::poll_fn(|cx| self.session.poll_lock(cx.waker()));
        match look_at {
            Some(at) => timeout_at(at.into(), locked).await.unwrap_or_default(),
            None => locked.await,
        }
    }

    /// Interrupts the statement when `statement_timeout` is over.
    fn statement_timer(&self) -> Option<Timer> {
        let milliseconds = self.session.settings().effective().statement_timeout_ms;
        (milliseconds > 0).then(|| {
            let interrupt = self.entry.interrupt.clone();
            let timer = async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                interrupt.set(Reason::StatementTimeout);
            };
            Timer(self.server.front.spawn(timer).abort_handle())
        })
    }

    /// Reports a failed statement. Ends the session when that is what it failed of.
    fn failed(&mut self, failure: &Failure) -> Result<(), End> {
        self.notices();
        self.timer = None;
        let reason = self.entry.interrupt.reason();
        if reason == Some(Reason::Disconnect) {
            return Err(End::Gone);
        }
        if let Some(reason) = reason.filter(|reason| reason.ends_session()) {
            return Err(self.tell(reason));
        }
        self.entry.interrupt.clear();
        failure.write(&mut self.out);
        Ok(())
    }

    /// Tells the client why its session ends.
    fn tell(&mut self, reason: Reason) -> End {
        let sqlstate = match reason {
            Reason::IdleInTransactionTimeout => "25P03",
            Reason::Disconnect => "08006",
            Reason::Cancel | Reason::StatementTimeout => "57014",
            Reason::Terminate => "57P01",
        };
        let message = reason.to_string();
        backend::report(&mut self.out, &Report::new(Severity::Fatal, sqlstate, &message));
        End::Told
    }

    /// What follows in the stream has no meaning. Of a length that cannot be one PostgreSQL tells
    /// only its log.
    pub(crate) fn violation(&mut self, error: &reckon_wire::Error) -> End {
        debug!("session {}: {error}", self.process());
        if *error == reckon_wire::Error::MessageLength {
            return End::Silent;
        }
        response::violation(&mut self.out, Severity::Fatal, error);
        End::Told
    }

    /// Everything a query said is out: the client may send the next one.
    fn ready(&mut self) {
        self.parameters();
        self.notifications();
        self.session.rest();
        response::ready(&mut self.out, self.session.transaction_status());
    }

    fn notifications(&mut self) {
        for told in self.session.notifications() {
            let (process, channel) = (told.process, &told.channel);
            backend::notification_response(&mut self.out, process, channel, &told.payload);
        }
    }

    fn parameters(&mut self) {
        for (name, value) in self.session.parameter_changes() {
            backend::parameter_status(&mut self.out, &name, &value);
        }
    }

    pub(crate) fn notices(&mut self) {
        for notice in self.session.notices() {
            response::notice(&mut self.out, &notice);
        }
    }

    /// Writes what waits, once what it tells is durable (invariant 1).
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        if let Some(timestamp) = self.session.durable_needed() {
            self.server.database.engine().on_durable(timestamp).await;
        }
        let written = self.entry.write(&self.out).await;
        self.out.clear();
        written.map_err(|_| End::Gone)
    }

    /// Writes why the session ends, for as long as its client may take to read it.
    async fn last_words(&mut self) {
        if let Some(timestamp) = self.session.durable_needed() {
            self.server.database.engine().on_durable(timestamp).await;
        }
        let _ = self.entry.writer.write(&self.out).await;
    }

    /// Sends the replies and waits for the client, until the input holds `needed` bytes.
    async fn wait(&mut self, needed: usize) -> Result<(), End> {
        self.flush().await?;
        self.give_back();
        self.entry.set_idle();
        if self.is_ended() {
            return Err(self.tell(Reason::Terminate));
        }
        let limit = match self.session.transaction_status() {
            b'I' => 0,
            _ => self.session.settings().effective().idle_in_transaction_timeout_ms,
        };
        let read = match limit {
            0 => self.fill_idle(needed).await,
            milliseconds => {
                match timeout(Duration::from_millis(milliseconds), self.fill(needed)).await {
                    Ok(read) => read,
                    Err(_) => return Err(self.tell(Reason::IdleInTransactionTimeout)),
                }
            }
        };
        if read.is_err() && self.is_ended() {
            return Err(self.tell(Reason::Terminate));
        }
        read?;
        if self.timer.is_none() {
            // Cancel requests for what it did before are void.
            self.entry.interrupt.clear();
        }
        self.entry.set_busy();
        Ok(())
    }

    /// As [`fill`](Self::fill), and tells the client of notifications that arrive meanwhile.
    async fn fill_idle(&mut self, needed: usize) -> Result<(), End> {
        while self.session.is_listening() {
            let entry = Arc::clone(&self.entry);
            let filled = {
                let (mut mail, mut fill) = (pin!(entry.mail()), pin!(self.fill(needed)));
                std::future::poll_fn(|cx| match fill.as_mut().poll(cx) {
                    Poll::Ready(filled) => Poll::Ready(Some(filled)),
                    Poll::Pending => mail.as_mut().poll(cx).map(|()| None),
                })
                .await
            };
            if let Some(filled) = filled {
                return filled;
            }
            self.notifications();
            self.flush().await?;
        }
        self.fill(needed).await
    }

    /// Whether somebody wants this session to end.
    fn is_ended(&self) -> bool {
        self.server.sessions.is_stopping()
            || self.entry.interrupt.reason() == Some(Reason::Terminate)
    }

    /// Reads until the input holds `needed` bytes (invariant 4).
    pub(crate) async fn fill(&mut self, needed: usize) -> Result<(), End> {
        while self.input.len() < needed {
            let missing = needed - self.input.len();
            self.input.reserve(missing.clamp(INPUT_BYTES, INPUT_GROWTH_MAX));
            match self.reader.read(&mut self.input).await {
                Ok(0) | Err(_) => return Err(End::Gone),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Gives the room of an unusually large message or reply back.
    fn give_back(&mut self) {
        if self.out.capacity() > IDLE_BYTES_MAX {
            self.out = BytesMut::with_capacity(INPUT_BYTES);
        }
        if self.input.is_empty() && self.input.capacity() > IDLE_BYTES_MAX {
            self.input = BytesMut::with_capacity(INPUT_BYTES);
        }
    }
}
