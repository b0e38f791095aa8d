//! A client's session: simple queries, and any message or bytes a suite wants to send.
//!
//! It blocks, so a test drives many sessions from one thread: [`Session::send`] puts a query on its
//! way and [`Session::finish`] takes the answer later.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::BytesMut;
use reckon_wire::auth::scram;
use reckon_wire::client::{self, Authentication, Fields, Message};
use reckon_wire::codec::Frame;

use crate::{Address, condition, random};

/// Bytes taken from the socket at once.
const CHUNK: usize = 1 << 16;

/// An open connection.
pub struct Session {
    stream: Box<dyn Stream>,
    /// What arrived; messages before `taken` were handed out.
    input: Vec<u8>,
    taken: usize,
    /// What a cancel request must carry.
    pub key: (i32, i32),
    /// ParameterStatus at startup, in order.
    pub parameters: Vec<(String, String)>,
}

/// What a session reads and writes.
trait Stream: Read + Write + Send {
    fn limit_reads(&self, time: Duration) -> std::io::Result<()>;
}

impl Stream for UnixStream {
    fn limit_reads(&self, time: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

impl Stream for TcpStream {
    fn limit_reads(&self, time: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(time))
    }
}

/// The answer to a query: of its last statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Values as text.
    pub rows: Vec<Vec<Option<String>>>,
    /// Command tag.
    pub tag: String,
    /// Transaction status: I, T or E.
    pub status: char,
}

/// An ErrorResponse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// ERROR, FATAL or PANIC.
    pub severity: String,
    /// SQLSTATE.
    pub sqlstate: String,
    /// Primary message.
    pub message: String,
    /// Detail, empty when there is none.
    pub detail: String,
}

impl ServerError {
    fn of(fields: Fields<'_>) -> Self {
        Self {
            severity: fields.field(b'V').unwrap_or_default().to_owned(),
            sqlstate: fields.sqlstate().to_owned(),
            message: fields.message().to_owned(),
            detail: fields.field(b'D').unwrap_or_default().to_owned(),
        }
    }

    fn lost(cause: &std::io::Error) -> Self {
        let message = format!("connection lost: {cause}");
        let (severity, sqlstate) = ("FATAL".into(), "08006".into());
        Self { severity, sqlstate, message, detail: String::new() }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.sqlstate, self.message)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Session {
    /// A session over the Unix socket as `postgres`; panics when it is refused.
    pub fn connect(address: &Address, database: &str) -> Self {
        Self::try_connect(address, database).unwrap_or_else(|error| panic!("refused: {error}"))
    }

    /// A session over the Unix socket as `postgres`.
    pub fn try_connect(address: &Address, database: &str) -> Result<Self, ServerError> {
        let mut session = Self::open(address).map_err(|error| ServerError::lost(&error))?;
        session.startup("postgres", database, None)?;
        Ok(session)
    }

    /// A session over TCP with a password.
    pub fn try_connect_tcp(
        address: &Address,
        user: &str,
        password: &str,
    ) -> Result<Self, ServerError> {
        let mut session = Self::open_tcp(address).map_err(|error| ServerError::lost(&error))?;
        session.startup(user, "postgres", Some(password))?;
        Ok(session)
    }

    /// A connection to the Unix socket on which nothing was sent yet.
    pub fn open(address: &Address) -> std::io::Result<Self> {
        let stream = UnixStream::connect(address.socket())?;
        stream.limit_reads(condition::PATIENCE)?;
        Ok(Self::over(Box::new(stream)))
    }

    /// A connection over TCP on which nothing was sent yet.
    pub fn open_tcp(address: &Address) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", address.port))?;
        stream.limit_reads(condition::PATIENCE)?;
        stream.set_nodelay(true)?;
        Ok(Self::over(Box::new(stream)))
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream, input: Vec::new(), taken: 0, key: (0, 0), parameters: Vec::new() }
    }

    fn startup(
        &mut self,
        user: &str,
        database: &str,
        password: Option<&str>,
    ) -> Result<(), ServerError> {
        let mut out = BytesMut::new();
        client::startup(&mut out, [("user", user), ("database", database)]);
        self.write(&out).map_err(|error| ServerError::lost(&error))?;
        let mut scram = Scram { password: password.unwrap_or_default(), client: None, proof: None };
        loop {
            let (tag, body) = self.read().map_err(|error| ServerError::lost(&error))?;
            match client::decode(tag, &body).expect("a message of a server") {
                Message::Authentication(request) => {
                    if let Some(reply) = scram.reply(request) {
                        self.write(&reply).map_err(|error| ServerError::lost(&error))?;
                    }
                }
                Message::BackendKeyData { process, secret } => self.key = (process, secret),
                Message::ParameterStatus(name, value) => {
                    self.parameters.push((name.to_owned(), value.to_owned()));
                }
                Message::ErrorResponse(fields) => return Err(ServerError::of(fields)),
                Message::ReadyForQuery(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Runs `sql`; the answer of its last statement, or the error that ended it.
    pub fn query(&mut self, sql: &str) -> Result<Answer, ServerError> {
        self.send(sql);
        self.finish()
    }

    /// As [`Session::query`], where the server may be gone already.
    pub fn try_query(&mut self, sql: &str) -> Result<Answer, ServerError> {
        let mut out = BytesMut::new();
        client::query(&mut out, sql);
        self.write(&out).map_err(|error| ServerError::lost(&error))?;
        self.finish()
    }

    /// Runs `sql`, which must succeed, and returns its rows.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
    }

    /// Runs `sql`, which must succeed.
    pub fn run(&mut self, sql: &str) {
        self.rows(sql);
    }

    /// Runs `sql`, which must succeed and return one value; NULL reads `NULL`.
    pub fn value(&mut self, sql: &str) -> String {
        let rows = self.rows(sql);
        let first = rows.first().and_then(|row| row.first());
        first.unwrap_or_else(|| panic!("{sql}: no row")).clone().unwrap_or_else(|| "NULL".into())
    }

    /// The figure `name` of `reckon_counters`.
    pub fn counter(&mut self, name: &str) -> u64 {
        let sql = format!("select value from reckon_counters where name = '{name}'");
        self.value(&sql).parse().expect("a counter is a number")
    }

    /// Runs `sql`, which must fail, and returns its SQLSTATE.
    pub fn sqlstate(&mut self, sql: &str) -> String {
        match self.query(sql) {
            Err(error) => error.sqlstate,
            Ok(answer) => panic!("{sql}: succeeded with {}", answer.tag),
        }
    }

    /// Sends `sql` without waiting for its answer.
    pub fn send(&mut self, sql: &str) {
        let mut out = BytesMut::new();
        client::query(&mut out, sql);
        self.write(&out).expect("send a query");
    }

    /// Takes the answer up to ReadyForQuery.
    pub fn finish(&mut self) -> Result<Answer, ServerError> {
        let mut answer = Answer::default();
        let mut failed = None;
        loop {
            let (tag, body) = match self.read() {
                Ok(message) => message,
                Err(cause) => return Err(failed.unwrap_or_else(|| ServerError::lost(&cause))),
            };
            match client::decode(tag, &body).expect("a message of a server") {
                Message::RowDescription(columns) => {
                    let columns = Message::RowDescription(columns).columns();
                    let columns = columns.expect("columns of a result");
                    answer.columns = columns.iter().map(|column| column.name.to_owned()).collect();
                    answer.rows.clear();
                }
                Message::DataRow(row) => answer.rows.push(row.iter().map(text).collect()),
                Message::CommandComplete(tag) => tag.clone_into(&mut answer.tag),
                Message::ErrorResponse(fields) => failed = Some(ServerError::of(fields)),
                Message::ReadyForQuery(status) => {
                    answer.status = char::from(status);
                    return failed.map_or(Ok(answer), Err);
                }
                _ => {}
            }
        }
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Takes the next message: its type byte and body.
    pub fn read(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        loop {
            match client::frame(&self.input[self.taken..]) {
                Ok(Frame::Complete { tag, body }) => {
                    let message = (tag, body.to_vec());
                    self.taken += 5 + message.1.len();
                    return Ok(message);
                }
                Ok(Frame::Incomplete { .. }) => (),
                Err(error) => return Err(std::io::Error::other(error.to_string())),
            }
            self.input.drain(..self.taken);
            self.taken = 0;
            self.fill()?;
        }
    }

    /// Whether anything arrives before `limit` is over.
    pub fn answers_within(&mut self, limit: Duration) -> bool {
        if self.taken < self.input.len() {
            return true;
        }
        self.stream.limit_reads(limit).expect("limit reads");
        let arrived = self.fill();
        self.stream.limit_reads(condition::PATIENCE).expect("limit reads");
        !arrived.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Takes one byte, as the answer to an SSLRequest is.
    pub fn read_byte(&mut self) -> std::io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn fill(&mut self) -> std::io::Result<()> {
        let start = self.input.len();
        self.input.resize(start + CHUNK, 0);
        let count = self.stream.read(&mut self.input[start..]);
        self.input.truncate(start + count.as_ref().map_or(0, |count| *count));
        match count? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Type bytes of all messages up to and with `last`, or up to the end of the connection.
    pub fn read_until(&mut self, last: u8) -> String {
        let mut tags = String::new();
        while let Ok((tag, _)) = self.read() {
            tags.push(char::from(tag));
            if tag == last {
                break;
            }
        }
        tags
    }

    /// Reads until the server closes; the last error it sent.
    pub fn read_to_close(&mut self) -> Option<ServerError> {
        let mut last = None;
        while let Ok((tag, body)) = self.read() {
            if let Ok(Message::ErrorResponse(fields)) = client::decode(tag, &body) {
                last = Some(ServerError::of(fields));
            }
        }
        last
    }

    /// Asks the server, on a connection of its own, to cancel what this session runs.
    pub fn cancel(&self, address: &Address) {
        let mut out = BytesMut::new();
        client::cancel_request(&mut out, self.key.0, self.key.1);
        let mut other = Self::open(address).expect("connect to cancel");
        other.write(&out).expect("send a cancel request");
        other.read_to_close();
    }
}

fn text(value: Option<&[u8]>) -> Option<String> {
    value.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// The client's side of a password exchange.
struct Scram<'a> {
    password: &'a str,
    client: Option<scram::Client>,
    proof: Option<scram::ClientProof>,
}

impl Scram<'_> {
    /// The message that answers `request`, if it wants one.
    fn reply(&mut self, request: Authentication<'_>) -> Option<BytesMut> {
        let mut out = BytesMut::new();
        match request {
            Authentication::Ok => return None,
            Authentication::Cleartext => client::password(&mut out, self.password),
            Authentication::Sasl(_) => {
                let mut random = random::Random::new(random::seed());
                let nonce = std::array::from_fn(|_| (random.number() & 0xFF) as u8);
                let scram = scram::Client::new(self.password, nonce);
                let first = scram.first();
                client::sasl_initial_response(&mut out, "SCRAM-SHA-256", first.as_bytes());
                self.client = Some(scram);
            }
            Authentication::SaslContinue(challenge) => {
                let scram = self.client.as_ref().expect("a challenge follows an initial response");
                let proof = scram.respond(challenge).expect("a challenge");
                client::sasl_response(&mut out, proof.message().as_bytes());
                self.proof = Some(proof);
            }
            Authentication::SaslFinal(signature) => {
                let proof = self.proof.as_ref().expect("a signature follows a proof");
                proof.check(signature).expect("the server knows the password");
                return None;
            }
            Authentication::Other(code) => panic!("authentication request {code}"),
        }
        Some(out)
    }
}
