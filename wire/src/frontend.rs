//! What a client sends after startup, decoded without copying.
//!
//! Counts and lists stay in the message: [`Oids`], [`Formats`] and [`Parameters`] were checked once
//! and are read where they lie, so that a hostile count takes no memory.

use crate::codec::{self, Format, Frame, Reader};
use crate::startup::STARTUP_LENGTH_MAX;
use crate::{Error, auth};

/// The largest length field of a message, per state of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of Query, Parse, Bind, FunctionCall and CopyData.
    pub large: usize,
    /// Of every other message.
    pub small: usize,
}

impl Limits {
    /// Before a client has proved who it is.
    pub const UNAUTHENTICATED: Self = Self { large: STARTUP_LENGTH_MAX, small: STARTUP_LENGTH_MAX };
    /// Afterwards: 1 GB, and 10,000 bytes for messages that have no use for more.
    pub const AUTHENTICATED: Self = Self { large: 0x3FFF_FFFE, small: STARTUP_LENGTH_MAX };
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Message<'a> {
    /// Run these statements, one after another.
    Query(&'a str),
    /// Prepare a statement.
    Parse(Parse<'a>),
    /// Make a portal of a statement.
    Bind(Bind<'a>),
    /// Describe a statement or a portal.
    Describe(Target<'a>),
    /// Run a portal until `max_rows` rows have come; 0 and below mean all.
    Execute {
        /// Its name, empty for the unnamed one.
        portal: &'a str,
        /// Row limit.
        max_rows: i32,
    },
    /// Forget a statement or a portal.
    Close(Target<'a>),
    /// Send what is ready.
    Flush,
    /// End of a unit: commit, and leave the state after an error.
    Sync,
    /// The fast-path call of a function; its body is not looked at.
    FunctionCall,
    /// Rows of a COPY.
    CopyData(&'a [u8]),
    /// The COPY is complete.
    CopyDone,
    /// The COPY is to fail with this message.
    CopyFail(&'a str),
    /// An answer to an authentication request.
    Password(auth::Response<'a>),
    /// Goodbye.
    Terminate,
}

/// A Parse message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parse<'a> {
    /// Name of the statement, empty for the unnamed one.
    pub statement: &'a str,
    /// Its text.
    pub sql: &'a str,
    /// Types of the first parameters, 0 where they are to be inferred.
    pub types: Oids<'a>,
}

/// A Bind message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bind<'a> {
    /// Name of the portal, empty for the unnamed one.
    pub portal: &'a str,
    /// Name of the statement.
    pub statement: &'a str,
    /// Formats of the parameters.
    pub formats: Formats<'a>,
    /// Values of the parameters.
    pub parameters: Parameters<'a>,
    /// Formats asked for the columns of the result.
    pub result_formats: Formats<'a>,
}

/// What Describe and Close are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A prepared statement.
    Statement(&'a str),
    /// A portal.
    Portal(&'a str),
}

/// A list of type identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oids<'a>(&'a [u8]);

/// A list of formats: none for all text, one for all, or one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats<'a>(&'a [u8]);

/// A list of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a> {
    count: usize,
    values: &'a [u8],
}

/// Finds the message at the start of `input`.
///
/// # Errors
///
/// [`Error::MessageType`] and [`Error::MessageLength`], both fatal.
#[inline]
pub fn frame(input: &[u8], limits: Limits) -> Result<Frame<'_>, Error> {
    codec::frame(input, |tag| match tag {
        b'Q' | b'P' | b'B' | b'F' | b'd' => Ok(limits.large),
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' | b'p' => Ok(limits.small),
        tag => Err(Error::MessageType(tag)),
    })
}

/// Decodes the body of a message.
///
/// # Errors
///
/// What is wrong with it; none of the errors of a body is fatal.
#[inline]
pub fn decode(tag: u8, body: &[u8]) -> Result<Message<'_>, Error> {
    let mut reader = Reader::new(body);
    let message = match tag {
        b'Q' => Message::Query(reader.string()?),
        b'P' => Message::Parse(parse(&mut reader)?),
        b'B' => Message::Bind(bind(&mut reader)?),
        b'D' => Message::Describe(target(&mut reader, Error::DescribeSubtype)?),
        b'E' => Message::Execute { portal: reader.string()?, max_rows: reader.int32()? },
        b'C' => Message::Close(target(&mut reader, Error::CloseSubtype)?),
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'F' => return Ok(Message::FunctionCall),
        b'd' => return Ok(Message::CopyData(body)),
        // A body is not looked at, as in PostgreSQL.
        b'c' => return Ok(Message::CopyDone),
        b'f' => Message::CopyFail(reader.string()?),
        b'p' => return Ok(Message::Password(auth::Response::new(body))),
        // Whatever is said with a goodbye is not worth an error.
        b'X' => return Ok(Message::Terminate),
        tag => return Err(Error::MessageType(tag)),
    };
    reader.end()?;
    Ok(message)
}

fn parse<'a>(reader: &mut Reader<'a>) -> Result<Parse<'a>, Error> {
    let statement = reader.string()?;
    let sql = reader.string()?;
    let count = reader.count()?;
    Ok(Parse { statement, sql, types: Oids(reader.bytes(count * 4)?) })
}

fn bind<'a>(reader: &mut Reader<'a>) -> Result<Bind<'a>, Error> {
    let portal = reader.string()?;
    let statement = reader.string()?;
    let formats = formats(reader)?;
    let count = reader.count()?;
    if formats.len() > 1 && formats.len() != count {
        return Err(Error::ParameterFormats { formats: formats.len(), parameters: count });
    }
    let start = reader.rest();
    for _ in 0..count {
        reader.value()?;
    }
    let values = &start[..start.len() - reader.rest().len()];
    let result_formats = self::formats(reader)?;
    let parameters = Parameters { count, values };
    Ok(Bind { portal, statement, formats, parameters, result_formats })
}

fn formats<'a>(reader: &mut Reader<'a>) -> Result<Formats<'a>, Error> {
    let count = reader.count()?;
    let list = Formats(reader.bytes(count * 2)?);
    let (codes, _) = list.0.as_chunks::<2>();
    codes.iter().try_for_each(|code| Format::from_code(i16::from_be_bytes(*code)).map(drop))?;
    Ok(list)
}

fn target<'a>(
    reader: &mut Reader<'a>,
    unknown: impl FnOnce(u8) -> Error,
) -> Result<Target<'a>, Error> {
    let kind = reader.byte()?;
    let name = reader.string()?;
    match kind {
        b'S' => Ok(Target::Statement(name)),
        b'P' => Ok(Target::Portal(name)),
        kind => Err(unknown(kind)),
    }
}

impl<'a> Oids<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / 4
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.0.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

impl<'a> Formats<'a> {
    /// How many codes were sent.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether no code was sent: everything is text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The codes as sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Format> + use<'a> {
        self.0.as_chunks::<2>().0.iter().map(|code| match code {
            [0, 0] => Format::Text,
            _ => Format::Binary,
        })
    }

    /// The format of the value at `index`, by the rule of none, one or each.
    #[inline]
    pub fn format(&self, index: usize) -> Format {
        let index = if self.len() == 1 { 0 } else { index };
        self.iter().nth(index).unwrap_or_default()
    }
}

impl<'a> Parameters<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In the order sent, `None` for NULL.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let mut reader = Reader::new(self.values);
        (0..self.count).map(move |_| reader.value().unwrap_or_default())
    }
}
