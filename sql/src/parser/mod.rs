//! From text to statements.
//!
//! sqlparser reads queries, INSERT, UPDATE, DELETE and definitions; statements it lacks or reads
//! in another way than PostgreSQL have parsers of their own over its tokens. Its messages never
//! reach a client: an error is the offending token and its place.

mod as_of;
mod copy;
mod dialect;
mod escape;
mod identifier;
pub(crate) mod keyword;
mod lexical;
mod limits;
mod locking;
mod option;
mod outline;
mod quantified;
mod setting;
mod source;
mod split;
mod statement;
mod transaction;
mod utility;

pub use as_of::SystemTime;

pub use crate::types::{quote_identifier, split_identifiers};
pub(crate) use identifier::column_name as identifier_of;
pub use identifier::{fold, object_name};
pub(crate) use locking::read_mark;
pub(crate) use outline::{Outline, Signs, lift};
pub use source::Source;
pub use split::{parse, parse_expression};
pub use statement::{
    Copy, CopyEndpoint, CopyRelation, DatabaseOption, DiscardTarget, Explain, Kind, Maintenance,
    Name, SettingValue, Statement, TransactionModes, Truncate, Utility,
};
