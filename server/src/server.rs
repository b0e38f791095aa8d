//! The running server: from settings to the last goodbye.
//!
//! ```text
//! main thread     accepts, greets, proves who is there, takes CancelRequests and signals,
//!                 looks for clients that went away
//! worker threads  run sessions, one task each; what may block leaves its worker to the others
//! ```
//!
//! # Stopping
//!
//! The first SIGTERM or SIGINT closes the listeners and tells idle sessions at once (57P01); running
//! statements have `shutdown_timeout`, then they are ended too. The second signal ends the process
//! where it stands: what was acknowledged is durable.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use reckon_sql::{Blocking, Broken, Database, EngineOptions, Options};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, error, info, warn};

use crate::auth::Authenticator;
use crate::budget;
use crate::config::Config;
use crate::connection;
use crate::error::Error;
use crate::listener::{Listener, Listeners};
use crate::metrics::Metrics;
use crate::password;
use crate::sessions::Sessions;
use crate::socket::Stream;
use crate::startup::{self, Refusal};

/// Virtual memory of a thread's stack; only what is used becomes real.
const STACK_BYTES: usize = 4 << 20;
/// Threads beyond one a session that may block at the same time.
const SPARE_BLOCKING_THREADS: usize = 64;
/// Connections that may be on their way to a session, beyond twice as many as sessions.
const SPARE_GREETINGS: usize = 256;
/// Sessions that the workers open at the same time: behind more of them sessions that run would wait.
const OPENINGS: usize = 1;
/// Niceness of the thread that accepts: a storm of connections is not to slow down sessions that run.
const FRONT_NICENESS: i32 = 10;
/// How often running statements' clients are looked for.
const ABANDONED_EVERY: Duration = Duration::from_millis(500);
/// How long ended statements may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long accepting rests when the system has no more descriptors.
const REST: Duration = Duration::from_millis(100);

/// What every connection shares.
pub(crate) struct Server {
    pub(crate) database: Database,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) metrics: Metrics,
    pub(crate) authenticator: Authenticator,
    authentication_timeout: Duration,
    /// How many more may be on their way to a session.
    greetings: Arc<Semaphore>,
    /// How many more sessions the workers may be opening.
    openings: Arc<Semaphore>,
    /// Where sessions run.
    workers: Handle,
    /// Where timers run.
    pub(crate) front: Handle,
}

/// Runs the server until it is told to stop.
///
/// # Errors
///
/// Why it does not start.
pub(crate) fn run(config: &Config, broken: Broken) -> Result<(), Error> {
    raise_descriptor_limit();
    if !config.fsync {
        eprintln!("reckon: warning: fsync is off: a power cut loses what was acknowledged");
    }
    let database = open(config, broken)?;
    let owner = std::fs::metadata(&config.data_dir).map_err(|error| data_dir(config, error))?.uid();
    password::ensure(&database, &config.data_dir, config.superuser_password_file.as_deref())?;
    let front = Builder::new_current_thread().enable_all().build().map_err(Error::Threads)?;
    let listeners = {
        let _front = front.enter();
        Listeners::bind(&config.listen, config.socket_dir.as_deref(), &config.data_dir)?
    };
    let workers = workers(config)?;
    let mut mock_secret = [0; 32];
    getrandom::fill(&mut mock_secret).map_err(Error::Random)?;
    let server = Arc::new(Server {
        database,
        sessions: Sessions::new(config.max_connections),
        metrics: Metrics::default(),
        authenticator: Authenticator { owner, mock_secret },
        authentication_timeout: config.authentication_timeout,
        greetings: Arc::new(Semaphore::new(2 * config.max_connections + SPARE_GREETINGS)),
        openings: Arc::new(Semaphore::new(OPENINGS)),
        workers: workers.handle().clone(),
        front: front.handle().clone(),
    });
    let sessions = Arc::clone(&server.sessions);
    server.database.stop_sessions_by(move |process, reason| sessions.stop_one(process, reason));
    workers.spawn(budget::keep(server.database.clone(), config.cache_bytes));
    yield_to_sessions();
    front.block_on(serve(&server, listeners, config.shutdown_timeout));
    workers.shutdown_background();
    info!("stopped: {}", server.metrics);
    server.database.shutdown()?;
    Ok(())
}

fn workers(config: &Config) -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .worker_threads(config.worker_threads)
        .max_blocking_threads(config.max_connections + SPARE_BLOCKING_THREADS)
        .thread_name("session")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(Error::Threads)
}

/// Opens the data directory, or makes it.
#[cfg(feature = "rocks")]
fn open(config: &Config, broken: Broken) -> Result<Database, Error> {
    Ok(Database::open(&config.data_dir, options(config, broken))?)
}

/// Without RocksDB the data are gone at the end; the directory holds the password alone.
#[cfg(not(feature = "rocks"))]
fn open(config: &Config, broken: Broken) -> Result<Database, Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut private = std::fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(&config.data_dir);
    made.map_err(|error| data_dir(config, error))?;
    Ok(Database::open_in_memory(options(config, broken))?)
}

fn data_dir(config: &Config, error: std::io::Error) -> Error {
    Error::DataDir { dir: config.data_dir.clone(), error }
}

fn options(config: &Config, broken: Broken) -> Options {
    Options {
        engine: EngineOptions {
            cache_size: config.cache_bytes,
            blocking: Blocking::new(|work| aside(work)),
            fsync: config.fsync,
            deadlock_timeout: config.deadlock_timeout,
            history_retention: config.history_retention,
            max_prepared_transactions: config.max_prepared_transactions,
            max_transaction_bytes: config.max_transaction_bytes,
            broken,
            ..EngineOptions::default()
        },
        write_buffer_bytes: config.write_buffer_bytes,
        block_cache_bytes: config.block_cache_bytes,
    }
}

/// Runs what may block without holding up other sessions. The thread that accepts has no others to
/// hand its tasks to: there it blocks, for the length of a read while somebody is let in.
pub(crate) fn aside<R>(work: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Lets this thread, which lets others in, stand back behind the workers when there are too few
/// processors for both. Workers have been started before.
fn yield_to_sessions() {
    if let Err(error) = rustix::process::setpriority_process(None, FRONT_NICENESS) {
        debug!("priority of the accepting thread: {error}");
    }
}

/// Allows as many descriptors as the system lets us have.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        debug!("descriptor limit: {error}");
    }
}

async fn serve(server: &Arc<Server>, listeners: Listeners, shutdown_timeout: Duration) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("signals cannot be received");
        return;
    };
    for address in &listeners.open {
        eprintln!(
            "reckon: warning: {address} can be reached from other machines, and nothing is encrypted"
        );
    }
    let Listeners { all, names, socket, .. } = listeners;
    let accepting: Vec<_> = all
        .into_iter()
        .map(|listener| tokio::spawn(accept(Arc::clone(server), listener)))
        .collect();
    let watching = tokio::spawn(watch(Arc::clone(server)));
    eprintln!("reckon: accepting connections on {}", names.join(", "));
    either(&mut terminate, &mut interrupt).await;
    accepting.iter().for_each(|task| task.abort());
    drop(socket);
    tokio::select! {
        () = stop(server, shutdown_timeout) => {}
        () = either(&mut terminate, &mut interrupt) => {
            eprintln!("reckon: second signal, ending at once");
            std::process::exit(1);
        }
    }
    watching.abort();
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

/// Ends every session: politely, then firmly, then without them.
async fn stop(server: &Server, shutdown_timeout: Duration) {
    let sessions = &server.sessions;
    sessions.stop();
    if timeout(shutdown_timeout, sessions.emptied()).await.is_ok() {
        return;
    }
    warn!("shutdown_timeout is over: ending running statements");
    sessions.terminate();
    if timeout(LAST_WORDS, sessions.emptied()).await.is_ok() {
        return;
    }
    sessions.cut();
    if timeout(LAST_WORDS, sessions.emptied()).await.is_err() {
        warn!("some sessions do not end");
    }
}

async fn accept(server: Arc<Server>, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                server.metrics.accepted.add();
                match Arc::clone(&server.greetings).try_acquire_owned() {
                    Ok(permit) => {
                        let greeting = greet(Arc::clone(&server), stream);
                        tokio::spawn(async move {
                            greeting.await;
                            drop(permit);
                        });
                    }
                    // Nobody is told: telling is what there are too many of.
                    Err(_) => server.metrics.refused.add(),
                }
            }
            Err(error) => {
                warn!("accept: {error}");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Leads one connection to its session.
async fn greet(server: Arc<Server>, mut stream: Stream) {
    let deadline = Instant::now() + server.authentication_timeout;
    let handshake = tokio::select! {
        handshake = timeout_at(deadline, startup::handshake(&mut stream, &server)) => {
            handshake.unwrap_or(Err(Refusal::Timeout))
        }
        () = server.sessions.stopped() => Err(Refusal::ShuttingDown),
    };
    match handshake {
        Ok(admitted) => {
            let turn = Arc::clone(&server.openings).acquire_owned().await;
            let turn = turn.expect("the semaphore is never closed");
            let task = connection::run(Arc::clone(&server), stream, admitted, deadline, turn);
            drop(server.workers.spawn(task));
        }
        Err(refusal) => refuse(&server, stream, &refusal).await,
    }
}

async fn refuse(server: &Server, mut stream: Stream, refusal: &Refusal) {
    match refusal {
        Refusal::TooMany => server.metrics.refused.add(),
        Refusal::Peer { .. } | Refusal::Password { .. } => server.metrics.failed_logins.add(),
        _ => {}
    }
    debug!("refused: {refusal:?}");
    let mut out = BytesMut::new();
    refusal.write(&mut out);
    // A client that does not read its refusal must not keep the socket.
    let _ = timeout(LAST_WORDS, stream.write(&out)).await;
}

/// Stops statements whose client is gone.
async fn watch(server: Arc<Server>) {
    let mut seen = HashMap::new();
    let mut ticks = tokio::time::interval(ABANDONED_EVERY);
    loop {
        ticks.tick().await;
        for _ in 0..server.sessions.stop_abandoned(&mut seen) {
            server.metrics.disconnects.add();
        }
    }
}
