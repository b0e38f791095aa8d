//! COPY: rows as lines of text or CSV, in both directions.

mod decode;
mod encode;
mod options;

pub(crate) use decode::{Decoder, Fields};
pub(crate) use encode::Encoder;
pub use options::{CopyFormat, CopyOptions, GivenOption, Header, OptionValue};
