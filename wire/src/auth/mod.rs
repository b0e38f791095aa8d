//! How a client proves who it is.

pub mod scram;

use crate::Error;
use crate::codec::Reader;

/// The body of a `p` message: a password or a SASL message, as the request before it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'a>(&'a [u8]);

/// The first message of a SASL exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaslInitial<'a> {
    /// The mechanism chosen.
    pub mechanism: &'a str,
    /// What the mechanism starts with, if it does.
    pub response: Option<&'a [u8]>,
}

impl<'a> Response<'a> {
    /// The body of a `p` message.
    pub fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// As a password. Errors: [`Error::InvalidString`], [`Error::InvalidFormat`],
    /// [`Error::InvalidEncoding`].
    pub fn password(&self) -> Result<&'a str, Error> {
        let mut reader = Reader::new(self.0);
        let password = reader.string()?;
        reader.end()?;
        Ok(password)
    }

    /// As the start of a SASL exchange. Errors: what is wrong with its form.
    pub fn sasl_initial(&self) -> Result<SaslInitial<'a>, Error> {
        let mut reader = Reader::new(self.0);
        let mechanism = reader.string()?;
        let response = reader.value()?;
        reader.end()?;
        Ok(SaslInitial { mechanism, response })
    }

    /// As a later message of a SASL exchange.
    pub fn sasl(&self) -> &'a [u8] {
        self.0
    }
}
