//! What each message means: those that need no socket are done here, the others become [`Work`].

use bytes::BytesMut;
use reckon_sql::session::Script;
use reckon_sql::types::Oid;
use reckon_sql::{Reason, Session};
use reckon_wire::backend::{self, Report, Severity};
use reckon_wire::frontend::{self, Bind, Message, Target};
use smallvec::SmallVec;

use crate::response;

/// What is left of a message once it has been read.
pub(crate) enum Work {
    /// Nothing.
    Done,
    /// Statements of the simple protocol.
    Script(Script),
    /// A portal to run.
    Execute {
        portal: String,
        /// 0: all of them.
        max_rows: usize,
    },
    /// Send the replies so far.
    Flush,
    /// End of a pipeline's unit.
    Sync,
    /// The client leaves.
    Terminate,
}

/// Why a message failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine says so.
    Sql(reckon_sql::Error),
    /// It is not as the protocol wants it.
    Protocol(reckon_wire::Error),
    /// A function call by number.
    FunctionCall,
    /// Something else than rows while COPY FROM STDIN reads them.
    DuringCopy { tag: u8 },
    /// Somebody asked the statement to stop while it waited for its client.
    Interrupted(Reason),
}

impl From<reckon_sql::Error> for Failure {
    fn from(error: reckon_sql::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<reckon_wire::Error> for Failure {
    fn from(error: reckon_wire::Error) -> Self {
        Self::Protocol(error)
    }
}

impl Failure {
    /// Appends the ErrorResponse.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Sql(error) => response::error(out, Severity::Error, error),
            Self::Protocol(error) => response::violation(out, Severity::Error, error),
            Self::FunctionCall => {
                let message = "function calls by message are not supported";
                backend::report(out, &Report::new(Severity::Error, "0A000", message));
            }
            Self::Interrupted(reason) => {
                let message = reason.to_string();
                backend::report(out, &Report::new(Severity::Error, "57014", &message));
            }
            Self::DuringCopy { tag } => {
                let message = format!("unexpected message type 0x{tag:02X} during COPY from stdin");
                backend::report(out, &Report::new(Severity::Error, "08P01", &message));
            }
        }
    }
}

/// Reads a message and does what can be done at once. Its replies are appended to `out`.
#[inline]
pub(crate) fn begin(
    session: &mut Session,
    out: &mut BytesMut,
    tag: u8,
    body: &[u8],
) -> Result<Work, Failure> {
    let message = match frontend::decode(tag, body) {
        Ok(message) => message,
        // Whatever a stray message of a COPY holds, it is ignored.
        Err(_) if matches!(tag, b'd' | b'c' | b'f') => return Ok(Work::Done),
        Err(error) => return Err(error.into()),
    };
    match message {
        Message::Query(sql) => return Ok(Work::Script(session.script(sql)?)),
        Message::Parse(parse) => {
            let types: SmallVec<[Oid; 16]> = parse.types.iter().map(Oid).collect();
            session.parse(parse.statement, parse.sql, &types)?;
            backend::parse_complete(out);
        }
        Message::Bind(message) => bind(session, out, &message)?,
        Message::Describe(target) => describe(session, out, target)?,
        Message::Execute { portal, max_rows } => {
            let max_rows = usize::try_from(max_rows).unwrap_or_default();
            return Ok(Work::Execute { portal: portal.to_owned(), max_rows });
        }
        Message::Close(target) => {
            match target {
                Target::Statement(name) => session.close_statement(name),
                Target::Portal(name) => session.close_portal(name),
            }
            backend::close_complete(out);
        }
        Message::Flush => return Ok(Work::Flush),
        Message::Sync => return Ok(Work::Sync),
        Message::FunctionCall => return Err(Failure::FunctionCall),
        // What a client sends before it learns that its COPY has failed.
        Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => {}
        Message::Password(_) => return Err(reckon_wire::Error::MessageType(tag).into()),
        Message::Terminate => return Ok(Work::Terminate),
    }
    Ok(Work::Done)
}

fn bind(session: &mut Session, out: &mut BytesMut, bind: &Bind<'_>) -> Result<(), Failure> {
    let codes = |formats: &frontend::Formats<'_>| -> SmallVec<[i16; 16]> {
        formats.iter().map(|format| format.code()).collect()
    };
    let parameters: SmallVec<[Option<&[u8]>; 16]> = bind.parameters.iter().collect();
    let (formats, result_formats) = (codes(&bind.formats), codes(&bind.result_formats));
    session.bind(bind.portal, bind.statement, &formats, &parameters, &result_formats)?;
    backend::bind_complete(out);
    Ok(())
}

fn describe(session: &mut Session, out: &mut BytesMut, target: Target<'_>) -> Result<(), Failure> {
    match target {
        Target::Statement(name) => {
            let description = session.describe_statement(name)?;
            backend::parameter_description(out, description.parameters.iter().map(|oid| oid.0));
            match &description.columns {
                Some(columns) => response::row_description(out, columns, &[]),
                None => backend::no_data(out),
            }
        }
        Target::Portal(name) => match session.describe_portal(name)? {
            Some(portal) => response::row_description(out, &portal.columns, &portal.formats),
            None => backend::no_data(out),
        },
    }
    Ok(())
}
