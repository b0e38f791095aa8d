//! A setting that is not there, or cannot have the value.

use std::fmt;

use super::{Fields, SqlState};

/// A setting that is not there, or cannot have the value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum SettingError {
    /// SET or SHOW of a setting that is not there.
    Unknown { name: String },
    /// SET or SHOW of a setting that only PostgreSQL has.
    Unsupported { name: String },
    /// SET of a setting that tells a fact.
    Fixed { name: &'static str },
    /// SET of a setting that the server is started with.
    NeedsRestart { name: &'static str },
    /// A value the setting cannot have; `words` are those it can, if it is an enumeration.
    Invalid { name: &'static str, value: String, words: &'static [&'static str] },
    /// A date style with a word that is none.
    DateStyleWord { value: String, word: String },
    /// A Boolean setting was given something else.
    NotBoolean { name: &'static str },
    /// A number outside its setting's range.
    OutOfRange { name: &'static str, number: i64, unit: &'static str, least: i64, most: i64 },
    /// A client encoding other than UTF8.
    UnsupportedEncoding { encoding: String },
}

impl SettingError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::Unknown { .. } => SqlState::UNDEFINED_OBJECT,
            Self::Fixed { .. } | Self::NeedsRestart { .. } => SqlState::CANT_CHANGE_RUNTIME_PARAM,
            Self::Invalid { .. }
            | Self::DateStyleWord { .. }
            | Self::NotBoolean { .. }
            | Self::OutOfRange { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::Unsupported { .. } | Self::UnsupportedEncoding { .. } => {
                SqlState::FEATURE_NOT_SUPPORTED
            }
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        match self {
            Self::Invalid { words, .. } if !words.is_empty() => Fields {
                hint: Some(format!("Available values: {}.", words.join(", "))),
                ..Fields::default()
            },
            Self::DateStyleWord { word, .. } => Fields {
                detail: Some(format!("Unrecognized key word: \"{word}\".")),
                ..Fields::default()
            },
            _ => Fields::default(),
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => write!(f, "unrecognized configuration parameter \"{name}\""),
            Self::Unsupported { name } => write!(f, "setting \"{name}\" is not supported"),
            Self::Fixed { name } => write!(f, "parameter \"{name}\" cannot be changed"),
            Self::NeedsRestart { name } => {
                write!(f, "parameter \"{name}\" cannot be changed without restarting the server")
            }
            Self::Invalid { name, value, .. } => {
                write!(f, "invalid value for parameter \"{name}\": \"{value}\"")
            }
            Self::DateStyleWord { value, .. } => {
                write!(f, "invalid value for parameter \"DateStyle\": \"{value}\"")
            }
            Self::NotBoolean { name } => write!(f, "parameter \"{name}\" requires a Boolean value"),
            Self::OutOfRange { name, number, unit, least, most } => write!(
                f,
                "{number}{unit} is outside the valid range for parameter \"{name}\" ({least} .. {most})"
            ),
            Self::UnsupportedEncoding { encoding } => {
                write!(f, "client encoding \"{encoding}\" is not supported")
            }
        }
    }
}
