//! From accept to a session: what is said before the first query.
//!
//! All of it runs on the thread that accepts, so that neither busy sessions keep a CancelRequest
//! waiting, nor a storm of connections keeps sessions waiting. One deadline covers it up to the
//! first ReadyForQuery.

use std::io;

use bytes::BytesMut;
use reckon_wire::backend::{self, Report, Severity};
use reckon_wire::startup::{self, Parameters, STARTUP_LENGTH_MAX, Startup};

use crate::auth;
use crate::server::Server;
use crate::sessions::Place;
use crate::socket::Stream;

/// Bytes of a name that count, as in PostgreSQL.
const NAME_LENGTH_MAX: usize = 63;

/// A client that has proved who it is.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// What came behind the last message of the handshake.
    pub(crate) input: BytesMut,
    pub(crate) place: Place,
    pub(crate) user: String,
    pub(crate) database: String,
    /// Settings of the startup packet.
    pub(crate) settings: Vec<(String, String)>,
    /// Secret of its cancel key.
    pub(crate) secret: i32,
}

/// Why a connection goes no further.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It said what it had to say, or closed.
    Gone,
    /// It broke the protocol.
    Protocol(reckon_wire::Error),
    /// There was something behind a request for encryption.
    UnencryptedData { request: &'static str },
    /// There are `max_connections` already.
    TooMany,
    /// The server is about to end.
    ShuttingDown,
    /// Not the owner of the data directory as `postgres`.
    Peer { user: String },
    /// Not the password.
    Password { user: String },
    /// Physical or logical replication.
    Replication,
    /// `-x` in the options of the startup packet.
    Option { option: String },
    /// The system has no randomness for a key.
    NoRandomness,
    /// Everything took too long.
    Timeout,
    /// The catalog could not be read.
    Sql(reckon_sql::Error),
}

impl From<reckon_wire::Error> for Refusal {
    fn from(error: reckon_wire::Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Leads a client to the point where its session can begin.
pub(crate) async fn handshake(stream: &mut Stream, server: &Server) -> Result<Admitted, Refusal> {
    let mut input = BytesMut::with_capacity(1024);
    let input = &mut input;
    let packet = startup_packet(stream, input, server).await?;
    let Startup::Session(parameters) = startup::decode(&packet)? else {
        return Err(Refusal::Gone);
    };
    let user = name(parameters.user()?);
    let database = parameters.value("database").filter(|name| !name.is_empty());
    let database = database.map_or_else(|| user.clone(), name);
    let settings = settings(&parameters)?;
    if server.sessions.is_stopping() {
        return Err(Refusal::ShuttingDown);
    }
    let place = server.sessions.admit().ok_or(Refusal::TooMany)?;
    if parameters.needs_negotiation() {
        let mut out = BytesMut::new();
        backend::negotiate_protocol_version(&mut out, parameters.options());
        stream.write(&out).await?;
    }
    let role = server.database.role(&user).map_err(Refusal::Sql)?;
    let verifier = role.and_then(|role| role.password);
    server.authenticator.authenticate(stream, input, &user, verifier.as_deref()).await?;
    let secret = i32::from_be_bytes(auth::random()?);
    Ok(Admitted { input: std::mem::take(input), place, user, database, settings, secret })
}

/// The packet that opens a session, after requests for encryption are answered with no.
async fn startup_packet(
    stream: &mut Stream,
    input: &mut BytesMut,
    server: &Server,
) -> Result<BytesMut, Refusal> {
    let (mut ssl_done, mut gss_done) = (false, false);
    loop {
        let packet = read_packet(stream, input).await?;
        let (done, request) = match startup::decode(&packet)? {
            Startup::Session(_) => return Ok(packet),
            Startup::CancelRequest { process, secret } => {
                if server.sessions.cancel(process, secret) {
                    server.metrics.cancels.add();
                }
                return Err(Refusal::Gone);
            }
            Startup::SslRequest => (&mut ssl_done, "SSL"),
            Startup::GssEncRequest => (&mut gss_done, "GSSAPI encryption"),
        };
        if std::mem::replace(done, true) {
            return Err(startup::unsupported(&packet).into());
        }
        if !input.is_empty() {
            return Err(Refusal::UnencryptedData { request });
        }
        stream.write(b"N").await?;
    }
}

async fn read_packet(stream: &mut Stream, input: &mut BytesMut) -> Result<BytesMut, Refusal> {
    loop {
        let length = startup::packet_length(input, STARTUP_LENGTH_MAX)?;
        match length {
            Some(length) if length <= input.len() => return Ok(input.split_to(length)),
            _ => input.reserve(length.unwrap_or(4).saturating_sub(input.len()).max(64)),
        }
        if stream.read(input).await? == 0 {
            return Err(Refusal::Gone);
        }
    }
}

/// Cuts a name where PostgreSQL cuts it, between characters.
fn name(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_LENGTH_MAX)].to_owned()
}

/// The settings of a startup packet: parameters that are not about the connection, and the
/// switches in `options`, which go first.
fn settings(parameters: &Parameters<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let mut settings = Vec::new();
    if let Some(options) = parameters.value("options") {
        switches(options, &mut settings)?;
    }
    for (name, value) in parameters.iter() {
        match name {
            "user" | "database" | "options" => {}
            "replication" => {
                if !matches!(value, "false" | "off" | "no" | "0") {
                    return Err(Refusal::Replication);
                }
            }
            name if name.starts_with("_pq_.") => {}
            name => settings.push((name.to_owned(), value.to_owned())),
        }
    }
    Ok(settings)
}

/// Reads `-c name=value` and `--name=value`. A backslash takes the meaning of the space behind it.
fn switches(options: &str, settings: &mut Vec<(String, String)>) -> Result<(), Refusal> {
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--") {
            Some(rest) => Some(rest.to_owned()),
            None if word == "-c" => words.next(),
            None => word.strip_prefix("-c").map(str::to_owned),
        };
        let pair = assignment.as_deref().and_then(|text| text.split_once('='));
        let Some((name, value)) = pair else { return Err(Refusal::Option { option: word }) };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(())
}

fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

impl Refusal {
    /// Tells the client, as far as it listens.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let fatal = |out: &mut BytesMut, sqlstate: &str, message: &str| {
            backend::report(out, &Report::new(Severity::Fatal, sqlstate, message));
        };
        match self {
            Self::Gone => {}
            // PostgreSQL hangs up on what is no startup packet at all.
            Self::Protocol(reckon_wire::Error::StartupLength) => {}
            Self::Protocol(error @ reckon_wire::Error::UnsupportedVersion { major: 0..3, .. }) => {
                // These clients know no other form.
                out.extend_from_slice(format!("EFATAL:  {error}\n\0").as_bytes());
            }
            Self::Protocol(error) => {
                let (message, detail) = (error.to_string(), error.detail().unwrap_or_default());
                let report = Report::new(Severity::Fatal, error.sqlstate(), &message);
                backend::report(out, &Report { detail: &detail, ..report });
            }
            Self::UnencryptedData { request } => {
                let message = format!("received unencrypted data after {request} request");
                let detail = "This could be either a client-software bug or evidence of an \
                              attempted man-in-the-middle attack.";
                let report = Report::new(Severity::Fatal, "08P01", &message);
                backend::report(out, &Report { detail, ..report });
            }
            Self::TooMany => fatal(out, "53300", "sorry, too many clients already"),
            Self::ShuttingDown => fatal(out, "57P03", "the database system is shutting down"),
            Self::Peer { user } => {
                fatal(out, "28000", &format!("Peer authentication failed for user \"{user}\""));
            }
            Self::Password { user } => {
                fatal(out, "28P01", &format!("password authentication failed for user \"{user}\""));
            }
            Self::Replication => fatal(out, "0A000", "replication connections are not supported"),
            Self::Option { option } => {
                let message = format!("invalid command-line argument for server process: {option}");
                fatal(out, "42601", &message);
            }
            Self::NoRandomness => fatal(out, "XX000", "could not generate random cancel key"),
            Self::Timeout => fatal(out, "57014", "canceling authentication due to timeout"),
            Self::Sql(error) => crate::response::error(out, Severity::Fatal, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_set_and_nothing_else() {
        let mut settings = Vec::new();
        let options = r"-c a=1 --work-mem=4MB -cb=2\ 3 -c search_path=x\\y";
        switches(options, &mut settings).unwrap();
        let pairs: Vec<_> = settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("work_mem", "4MB"), ("b", "2 3"), ("search_path", r"x\y")]);
        for bad in ["-d 5", "-c", "hello", "--x"] {
            assert!(matches!(switches(bad, &mut settings), Err(Refusal::Option { .. })), "{bad}");
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(name(&"ä".repeat(40)), "ä".repeat(31));
        assert_eq!(name("anna"), "anna");
    }
}
