//! A server of a test's own, and a plain client for it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use reckon_wire::client;
use reckon_wire::codec::{Frame, HEADER_LENGTH};
use tempfile::TempDir;

/// A test that hangs fails after this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, killed at the end.
pub(crate) struct Server {
    child: Child,
    pub(crate) dir: TempDir,
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    pub(crate) socket: PathBuf,
}

impl Server {
    /// Starts a server with these settings and waits until it accepts connections.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut command = command();
        command.arg("--data-dir").arg(dir.path().join("data"));
        command.arg("--socket-dir").arg(dir.path());
        command.args(["--listen", "127.0.0.1:0"]);
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its stderr")).lines();
        let names = loop {
            let line = lines.next().expect("it accepts connections").expect("text");
            if let Some(names) = line.strip_prefix("reckon: accepting connections on ") {
                break names.to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let (address, socket) = names.split_once(", ").expect("an address and a socket");
        Self { child, dir, address: address.to_owned(), socket: socket.into() }
    }

    /// A server, and a session that has made the empty table `t`.
    pub(crate) fn with_table() -> (Self, Client) {
        let server = Self::start(&[]);
        let mut client = server.connect();
        client.query("create table t (a int4 primary key)");
        (server, client)
    }

    /// A session on the Unix socket.
    pub(crate) fn connect(&self) -> Client {
        let mut client = self.unconnected();
        client.startup(&[("user", "postgres")]);
        let replies = client.until_ready();
        assert!(replies.iter().all(|reply| reply.tag != b'E'), "{replies:?}");
        client
    }

    /// Asks for a session's statement to stop.
    pub(crate) fn cancel(&self, client: &Client) {
        let (process, secret) = client.key;
        self.unconnected().send(|out| client::cancel_request(out, process, secret));
    }

    /// A Unix socket on which nothing was said.
    pub(crate) fn unconnected(&self) -> Client {
        let stream = UnixStream::connect(&self.socket).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client::over(stream)
    }

    /// A TCP socket on which nothing was said.
    pub(crate) fn unconnected_tcp(&self) -> Client {
        let stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client::over(stream)
    }

    /// The password the first start made.
    pub(crate) fn password(&self) -> String {
        let file = self.dir.path().join("data/superuser-password");
        std::fs::read_to_string(file).expect("a password").trim().to_owned()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("a signal");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("its status")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `reckon serve` without the settings of our own environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RECKON_") {
            command.env_remove(name);
        }
    }
    command.arg("serve");
    command
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// One message of the server.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) tag: u8,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn message(&self) -> client::Message<'_> {
        client::decode(self.tag, &self.body).expect("a message")
    }

    /// SQLSTATE and message of an ErrorResponse.
    pub(crate) fn error(&self) -> Option<(String, String)> {
        match self.message() {
            client::Message::ErrorResponse(fields) => {
                Some((fields.sqlstate().to_owned(), fields.message().to_owned()))
            }
            _ => None,
        }
    }

    /// The first column as text.
    pub(crate) fn value(&self) -> Option<String> {
        let client::Message::DataRow(row) = self.message() else { return None };
        let first = row.iter().next()??;
        Some(String::from_utf8_lossy(first).into_owned())
    }
}

/// A connection that says what it is told to.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    input: BytesMut,
    /// Process id and secret.
    pub(crate) key: (i32, i32),
}

impl Client {
    fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), input: BytesMut::new(), key: (0, 0) }
    }

    /// Sends what `write` writes.
    pub(crate) fn send(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let mut out = BytesMut::new();
        write(&mut out);
        self.send_bytes(&out);
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    pub(crate) fn startup(&mut self, parameters: &[(&str, &str)]) {
        self.send(|out| client::startup(out, parameters.iter().copied()));
    }

    /// The next message; None when the server has closed the connection.
    pub(crate) fn next(&mut self) -> Option<Reply> {
        loop {
            if let Ok(Frame::Complete { tag, body }) = client::frame(&self.input) {
                let body = body.to_vec();
                self.input.advance(HEADER_LENGTH + body.len());
                return Some(Reply { tag, body });
            }
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    /// One byte that is no message: the answer to a request for encryption.
    pub(crate) fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).expect("an answer");
        byte[0]
    }

    /// Messages up to and with ReadyForQuery, or to the end of the connection.
    pub(crate) fn until_ready(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some(reply) = self.next() {
            if let client::Message::BackendKeyData { process, secret } = reply.message() {
                self.key = (process, secret);
            }
            let ready = reply.tag == b'Z';
            replies.push(reply);
            if ready {
                break;
            }
        }
        replies
    }

    /// Tags of the messages up to ReadyForQuery.
    pub(crate) fn tags(&mut self) -> String {
        self.until_ready().iter().map(|reply| char::from(reply.tag)).collect()
    }

    /// Runs a simple query.
    pub(crate) fn query(&mut self, sql: &str) -> Vec<Reply> {
        self.send(|out| client::query(out, sql));
        self.until_ready()
    }

    /// First columns of the rows of a simple query.
    pub(crate) fn values(&mut self, sql: &str) -> Vec<String> {
        self.query(sql).iter().filter_map(Reply::value).collect()
    }

    /// The error of a simple query.
    pub(crate) fn error(&mut self, sql: &str) -> (String, String) {
        self.query(sql).iter().find_map(Reply::error).expect("an error")
    }

    /// The error a connection ends with.
    pub(crate) fn last_words(&mut self) -> (String, String) {
        let replies = self.until_ready();
        assert!(self.next().is_none(), "it goes on after {replies:?}");
        replies.iter().find_map(Reply::error).expect("an error")
    }
}
