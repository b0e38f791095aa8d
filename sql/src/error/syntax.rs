//! The text is not a statement, or not one that is supported.

use std::fmt;

use super::{Fields, SqlState};

/// The text is not a statement, or not one that is supported.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum SyntaxError {
    /// Not SQL; `near` is the offending token, None at the end of the input.
    Syntax { near: Option<String> },
    /// Valid PostgreSQL that Reckon does not support: named, never ignored.
    Unsupported { feature: String },
    /// What PostgreSQL does not have either, in its words.
    NotImplemented { feature: &'static str },
    /// AS OF SYSTEM TIME that is not at the top level of a query.
    NestedSystemTime,
    /// A second AS OF SYSTEM TIME.
    SecondSystemTime,
    /// Text that makes no tokens: `problem` in PostgreSQL's words.
    Lexical { problem: &'static str, near: String },
    /// A `\u` without its hexadecimal digits.
    UnicodeEscape,
    /// A statement whose tree is too deep to walk.
    TooDeep,
    /// A statement that says so much in few words that analyzing it takes too long.
    TooComplex,
    /// A name with a database in front; of a table in quotes.
    CrossDatabase { name: String },
    /// A relation name of four or more parts.
    TooManyDots { name: String },
    /// An option EXPLAIN, VACUUM or ANALYZE does not have.
    UnknownStatementOption { statement: &'static str, option: String },
    /// EXPLAIN (TIMING) without ANALYZE.
    ExplainNeedsAnalyze,
    /// One option given twice.
    ConflictingOptions,
    /// An option the statement does not have.
    UnknownOption { option: String },
    /// An option that is on or off was given something else.
    OptionNeedsBoolean { option: String },
    /// An option of EXPLAIN was given a word it does not know.
    OptionValue { option: String, value: String },
    /// An option was given without its value.
    OptionNeedsValue { option: String },
    /// VACUUM (PARALLEL) without a number.
    WorkersMissing,
    /// VACUUM (PARALLEL) with a number out of its range.
    WorkersRange,
    /// Text that is no name.
    InvalidName { name: String },
}

impl SyntaxError {
    /// The error for a feature that is not there, by its name.
    pub fn unsupported(feature: impl Into<String>) -> SyntaxError {
        SyntaxError::Unsupported { feature: feature.into() }
    }

    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::Syntax { .. }
            | Self::TooManyDots { .. }
            | Self::NestedSystemTime
            | Self::SecondSystemTime => SqlState::SYNTAX_ERROR,
            Self::Unsupported { .. } | Self::NotImplemented { .. } | Self::CrossDatabase { .. } => {
                SqlState::FEATURE_NOT_SUPPORTED
            }
            Self::TooDeep | Self::TooComplex => SqlState::STATEMENT_TOO_COMPLEX,
            Self::UnicodeEscape => SqlState::INVALID_ESCAPE_SEQUENCE,
            Self::ExplainNeedsAnalyze | Self::OptionValue { .. } => {
                SqlState::INVALID_PARAMETER_VALUE
            }
            Self::Lexical { .. }
            | Self::UnknownStatementOption { .. }
            | Self::ConflictingOptions
            | Self::UnknownOption { .. }
            | Self::OptionNeedsBoolean { .. }
            | Self::WorkersMissing
            | Self::WorkersRange
            | Self::OptionNeedsValue { .. } => SqlState::SYNTAX_ERROR,
            Self::InvalidName { .. } => SqlState::INVALID_NAME,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let hint = match self {
            Self::UnicodeEscape => {
                Some("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.".to_owned())
            }
            Self::TooComplex => Some(
                "Expressions that are evaluated in several places, and WITH queries that are part of \
                 each query that reads them, multiply when they are nested."
                    .to_owned(),
            ),
            Self::NestedSystemTime | Self::SecondSystemTime => Some(
                "One statement sees one time: AS OF SYSTEM TIME follows its FROM clause, outside of \
                 parentheses."
                    .to_owned(),
            ),
            _ => None,
        };
        Fields { hint, ..Fields::default() }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { near: Some(token) } => write!(f, "syntax error at or near \"{token}\""),
            Self::Syntax { near: None } => f.write_str("syntax error at end of input"),
            Self::Unsupported { feature } => write!(f, "{feature} is not supported"),
            Self::NotImplemented { feature } => f.write_str(feature),
            Self::NestedSystemTime => {
                f.write_str("AS OF SYSTEM TIME must stand at the top level of a query")
            }
            Self::SecondSystemTime => {
                f.write_str("AS OF SYSTEM TIME can be given only once in a statement")
            }
            Self::Lexical { problem, near } => write!(f, "{problem} at or near \"{near}\""),
            Self::TooDeep => f.write_str("stack depth limit exceeded"),
            Self::TooComplex => f.write_str("statement is too complex"),
            Self::UnicodeEscape => f.write_str("invalid Unicode escape"),
            Self::TooManyDots { name } => {
                write!(f, "improper relation name (too many dotted names): {name}")
            }
            Self::CrossDatabase { name } => {
                write!(f, "cross-database references are not implemented: {name}")
            }
            Self::UnknownStatementOption { statement, option } => {
                write!(f, "unrecognized {statement} option \"{option}\"")
            }
            Self::ExplainNeedsAnalyze => f.write_str("EXPLAIN option TIMING requires ANALYZE"),
            Self::ConflictingOptions => f.write_str("conflicting or redundant options"),
            Self::UnknownOption { option } => write!(f, "option \"{option}\" not recognized"),
            Self::OptionNeedsBoolean { option } => write!(f, "{option} requires a Boolean value"),
            Self::OptionValue { option, value } => {
                write!(f, "unrecognized value for EXPLAIN option \"{option}\": \"{value}\"")
            }
            Self::OptionNeedsValue { option } => write!(f, "{option} requires a parameter"),
            Self::WorkersMissing => {
                f.write_str("parallel option requires a value between 0 and 1024")
            }
            Self::WorkersRange => {
                f.write_str("parallel workers for vacuum must be between 0 and 1024")
            }
            Self::InvalidName { .. } => f.write_str("invalid name syntax"),
        }
    }
}
