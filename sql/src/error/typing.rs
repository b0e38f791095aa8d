//! Types do not go together.

use std::fmt;

use super::{Fields, SqlState};

/// Types do not go together.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum TypeError {
    /// A clause that needs one type got another.
    ClauseType { clause: &'static str, expected: String, found: String },
    /// Two expressions that must have one type do not; `context` is UNION, CASE, VALUES...
    Unmatched { context: &'static str, left: String, right: String },
    /// An expression of a list cannot become the list's common type.
    CannotConvert { context: &'static str, from: String, to: String },
    /// A stored value of another type than its column.
    ColumnType { column: String, expected: String, found: String },
    /// A DEFAULT of another type than its column.
    DefaultType { column: String, expected: String, found: String },
    /// No cast between two types.
    CannotCast { from: String, to: String },
    /// A parameter used with two types.
    ParameterConflict { number: usize, first: String, second: String },
    /// A parameter whose type nothing tells.
    UnknownParameter { number: usize },
    /// Two rows whose columns have different types.
    RecordColumn { left: String, right: String, column: usize },
    /// Rows compared by an operator that gives no boolean.
    RowOperatorType { found: String },
    /// Two rows of different width.
    RecordWidth,
    /// A polymorphic function whose arguments tell no type.
    UnknownPolymorphic,
    /// ARRAY[] without a cast.
    EmptyArray,
    /// A type that has no array type.
    NoArrayType { type_name: String },
    /// ANY or ALL of something that is no array.
    NeedsArray,
    /// An operator in ANY or ALL that gives no boolean.
    NeedsBoolean,
    /// A subscript of something that is no array.
    NotSubscriptable { type_name: String },
    /// A subscript that is no integer.
    SubscriptType,
    /// A modifier on a type without one.
    NoModifier { type_name: String },
    /// A length of 0 or less.
    LengthTooSmall { type_name: &'static str },
    /// A length past the most.
    LengthTooLarge { type_name: &'static str },
    /// A numeric's precision out of range.
    NumericPrecision { precision: i64 },
    /// A numeric's scale out of range.
    NumericScale { scale: i64 },
    /// A float's precision out of range.
    FloatPrecision { small: bool },
    /// An argument of EXECUTE of another type.
    ArgumentType { number: usize, expected: String, found: String },
    /// AS OF SYSTEM TIME of another type.
    SystemTimeType { found: String },
    /// A column of a type no value has.
    PseudoType { column: String, type_name: String },
}

impl TypeError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::ClauseType { .. }
            | Self::Unmatched { .. }
            | Self::ColumnType { .. }
            | Self::ArgumentType { .. }
            | Self::SystemTimeType { .. }
            | Self::DefaultType { .. }
            | Self::RecordColumn { .. }
            | Self::RecordWidth
            | Self::RowOperatorType { .. }
            | Self::UnknownPolymorphic
            | Self::NotSubscriptable { .. }
            | Self::SubscriptType => SqlState::DATATYPE_MISMATCH,
            Self::CannotConvert { .. } | Self::CannotCast { .. } => SqlState::CANNOT_COERCE,
            Self::ParameterConflict { .. } => SqlState::AMBIGUOUS_PARAMETER,
            Self::UnknownParameter { .. } | Self::EmptyArray => SqlState::INDETERMINATE_DATATYPE,
            Self::NoArrayType { .. } => SqlState::UNDEFINED_OBJECT,
            Self::NeedsArray | Self::NeedsBoolean => SqlState::WRONG_OBJECT_TYPE,
            Self::NoModifier { .. } => SqlState::SYNTAX_ERROR,
            Self::LengthTooSmall { .. }
            | Self::LengthTooLarge { .. }
            | Self::NumericPrecision { .. }
            | Self::NumericScale { .. }
            | Self::FloatPrecision { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::PseudoType { .. } => SqlState::INVALID_TABLE_DEFINITION,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let (detail, hint) = match self {
            Self::ColumnType { .. } => {
                (None, Some("You will need to rewrite or cast the expression.".to_owned()))
            }
            Self::DefaultType { .. } => {
                (None, Some("You will need to rewrite or cast the expression.".to_owned()))
            }
            Self::ParameterConflict { first, second, .. } => {
                (Some(format!("{first} versus {second}")), None)
            }
            Self::EmptyArray => (
                None,
                Some(
                    "Explicitly cast to the desired type, for example ARRAY[]::integer[]."
                        .to_owned(),
                ),
            ),
            Self::ArgumentType { .. } => {
                (None, Some("You will need to rewrite or cast the expression.".to_owned()))
            }
            _ => (None, None),
        };
        Fields { detail, hint, ..Fields::default() }
    }
}

impl fmt::Display for TypeError {
    #[expect(clippy::too_many_lines, reason = "one line a message")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClauseType { clause, expected, found } => {
                write!(f, "argument of {clause} must be type {expected}, not type {found}")
            }
            Self::Unmatched { context, left, right } => {
                write!(f, "{context} types {left} and {right} cannot be matched")
            }
            Self::CannotConvert { context, from, to } => {
                write!(f, "{context} could not convert type {from} to {to}")
            }
            Self::ColumnType { column, expected, found } => write!(
                f,
                "column \"{column}\" is of type {expected} but expression is of type {found}"
            ),
            Self::DefaultType { column, expected, found } => write!(
                f,
                "column \"{column}\" is of type {expected} but default expression is of type {found}"
            ),
            Self::CannotCast { from, to } => write!(f, "cannot cast type {from} to {to}"),
            Self::ParameterConflict { number, .. } => {
                write!(f, "inconsistent types deduced for parameter ${number}")
            }
            Self::UnknownParameter { number } => {
                write!(f, "could not determine data type of parameter ${number}")
            }
            Self::RecordColumn { left, right, column } => write!(
                f,
                "cannot compare dissimilar column types {left} and {right} at record column {column}"
            ),
            Self::RowOperatorType { found } => {
                write!(f, "row comparison operator must yield type boolean, not type {found}")
            }
            Self::RecordWidth => {
                f.write_str("cannot compare record types with different numbers of columns")
            }
            Self::UnknownPolymorphic => {
                f.write_str("could not determine polymorphic type because input has type unknown")
            }
            Self::EmptyArray => f.write_str("cannot determine type of empty array"),
            Self::NoArrayType { type_name } => {
                write!(f, "could not find array type for data type {type_name}")
            }
            Self::NeedsArray => f.write_str("op ANY/ALL (array) requires array on right side"),
            Self::NeedsBoolean => {
                f.write_str("op ANY/ALL (array) requires operator to yield boolean")
            }
            Self::NotSubscriptable { type_name } => write!(
                f,
                "cannot subscript type {type_name} because it does not support subscripting"
            ),
            Self::SubscriptType => f.write_str("array subscript must have type integer"),
            Self::NoModifier { type_name } => {
                write!(f, "type modifier is not allowed for type \"{type_name}\"")
            }
            Self::LengthTooSmall { type_name } => {
                write!(f, "length for type {type_name} must be at least 1")
            }
            Self::LengthTooLarge { type_name } => {
                write!(f, "length for type {type_name} cannot exceed 10485760")
            }
            Self::NumericPrecision { precision } => {
                write!(f, "NUMERIC precision {precision} must be between 1 and 1000")
            }
            Self::NumericScale { scale } => {
                write!(f, "NUMERIC scale {scale} must be between -1000 and 1000")
            }
            Self::FloatPrecision { small } => f.write_str(if *small {
                "precision for type float must be at least 1 bit"
            } else {
                "precision for type float must be less than 54 bits"
            }),
            other => other.fmt_of_value(f),
        }
    }
}

impl TypeError {
    /// The messages about values that are given to a statement, and columns.
    fn fmt_of_value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArgumentType { number, expected, found } => write!(
                f,
                "parameter ${number} of type {found} cannot be coerced to the expected type \
                 {expected}"
            ),
            Self::SystemTimeType { found } => write!(
                f,
                "argument of AS OF SYSTEM TIME must be type timestamp with time zone or interval, \
                 not type {found}"
            ),
            Self::PseudoType { column, type_name } => {
                write!(f, "column \"{column}\" has pseudo-type {type_name}")
            }
            _ => Ok(()),
        }
    }
}
