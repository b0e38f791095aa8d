//! A query says something it may not.

use std::fmt;

use super::{Fields, SqlState};

/// A query says something it may not.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum QueryError {
    /// A column outside of GROUP BY and aggregates.
    Ungrouped { column: String },
    /// The same inside of a subquery.
    UngroupedInSubquery { column: String },
    /// An aggregate where none may stand.
    AggregateNotAllowed { place: &'static str },
    /// An aggregate in an aggregate.
    NestedAggregate,
    /// A set-returning function where none may stand.
    SetNotAllowed { place: &'static str },
    /// A set-returning function inside of CASE or COALESCE.
    SetInside { construct: &'static str },
    /// A subquery where none may stand.
    SubqueryNotAllowed { place: &'static str },
    /// A column where none may stand.
    ColumnNotAllowed { place: &'static str },
    /// A column in a DEFAULT.
    ColumnInDefault,
    /// * with nothing to expand.
    StarWithoutTables,
    /// A list of VALUES of another length.
    ValuesLength,
    /// DEFAULT outside of INSERT and UPDATE.
    DefaultNotAllowed,
    /// Sides of UNION and its kind of different width.
    SetWidth { operation: &'static str },
    /// A subquery of more than one column as a value.
    OneColumn,
    /// A select list of more entries than a row may have columns.
    TooManyTargets { most: usize },
    /// A row of more entries than a row may have columns.
    RowTooWide { most: usize },
    /// A call of more arguments than a function may have.
    TooManyArguments { most: usize },
    /// A subquery of the wrong width in IN.
    SubqueryWidth { many: bool },
    /// Rows of different width compared.
    RowWidth,
    /// Rows without columns compared.
    EmptyRows,
    /// Rows compared by an operator that is none of an order.
    RowOperator { symbol: String },
    /// A clause both inside and outside of the parentheses around a query.
    MultipleClauses { clause: &'static str },
    /// An ordinal past the select list.
    NoSuchPosition { clause: &'static str, number: String },
    /// A constant that is no ordinal.
    NonIntegerConstant { clause: &'static str },
    /// ORDER BY of a set operation over more than its columns.
    SetOrder { operation: &'static str },
    /// DISTINCT sorted by something it does not show.
    DistinctOrder,
    /// DISTINCT ON sorted by something else first.
    DistinctOnOrder,
    /// Aggregate DISTINCT sorted by something else.
    AggregateDistinctOrder,
    /// More names than columns.
    TooManyAliases { table: String, available: usize, specified: usize },
    /// More names than a WITH query has columns.
    TooManyWithAliases { name: String, available: usize, specified: usize },
    /// INSERT of more values than columns.
    TooManyValues,
    /// INSERT of fewer values than columns.
    TooFewValues,
    /// Two assignments to one column.
    AssignedTwice { column: String },
    /// A multiple assignment of the wrong width.
    AssignmentWidth,
    /// A multiple assignment of one value.
    RowSource,
    /// ON CONFLICT DO UPDATE without a target.
    ConflictNeedsTarget,
    /// ON CONFLICT on columns no unique index has.
    NoArbiter,
    /// FOR UPDATE where rows have lost their tables.
    LockNotAllowed { clause: &'static str, with: &'static str },
    /// FOR UPDATE of something that has no rows of its own.
    LockNotApplicable { clause: &'static str, to: &'static str },
    /// A subquery or VALUES in FROM without a name.
    NeedsAlias { values: bool },
    /// LIMIT #,#.
    LimitComma,
    /// FULL JOIN on a condition that is no equality.
    FullJoinCondition,
}

impl QueryError {
    /// The code clients branch on.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::Ungrouped { .. }
            | Self::UngroupedInSubquery { .. }
            | Self::AggregateNotAllowed { .. }
            | Self::NestedAggregate => SqlState::GROUPING_ERROR,
            Self::SetNotAllowed { .. }
            | Self::SetInside { .. }
            | Self::SubqueryNotAllowed { .. }
            | Self::ColumnInDefault
            | Self::SetOrder { .. }
            | Self::RowSource
            | Self::EmptyRows
            | Self::RowOperator { .. }
            | Self::LockNotAllowed { .. }
            | Self::LockNotApplicable { .. } => SqlState::FEATURE_NOT_SUPPORTED,
            Self::ColumnNotAllowed { .. }
            | Self::NoSuchPosition { .. }
            | Self::DistinctOrder
            | Self::DistinctOnOrder
            | Self::AggregateDistinctOrder
            | Self::TooManyAliases { .. }
            | Self::TooManyWithAliases { .. }
            | Self::NoArbiter => SqlState::INVALID_COLUMN_REFERENCE,
            Self::StarWithoutTables
            | Self::ValuesLength
            | Self::DefaultNotAllowed
            | Self::SetWidth { .. }
            | Self::OneColumn
            | Self::SubqueryWidth { .. }
            | Self::RowWidth
            | Self::MultipleClauses { .. }
            | Self::NonIntegerConstant { .. }
            | Self::TooManyValues
            | Self::TooFewValues
            | Self::AssignedTwice { .. }
            | Self::AssignmentWidth
            | Self::ConflictNeedsTarget
            | Self::NeedsAlias { .. }
            | Self::LimitComma => SqlState::SYNTAX_ERROR,
            Self::FullJoinCondition => SqlState::FEATURE_NOT_SUPPORTED,
            Self::TooManyTargets { .. } | Self::RowTooWide { .. } => SqlState::TOO_MANY_COLUMNS,
            Self::TooManyArguments { .. } => SqlState::TOO_MANY_ARGUMENTS,
        }
    }

    /// DETAIL, HINT and the objects concerned.
    pub fn fields(&self) -> Fields {
        let (detail, hint) = match self {
            Self::SetOrder { .. } => (Some("Only result column names can be used, not expressions or functions.".to_owned()), Some("Add the expression/function to every SELECT, or move the UNION into a FROM clause.".to_owned())),
            Self::SetInside { .. } => (None, Some("You might be able to move the set-returning function into a LATERAL FROM item.".to_owned())),
            Self::ConflictNeedsTarget => (None, Some("For example, ON CONFLICT (column_name).".to_owned())),
            Self::NeedsAlias { values } => (None, Some(if *values { "For example, FROM (VALUES ...) [AS] foo." } else { "For example, FROM (SELECT ...) [AS] foo." }.to_owned())),
            Self::RowOperator { .. } => (None, Some("Row comparison operators must be associated with btree operator families.".to_owned())),
            Self::LimitComma => (None, Some("Use separate LIMIT and OFFSET clauses.".to_owned())),
            _ => (None, None),
        };
        Fields { detail, hint, ..Fields::default() }
    }
}

impl fmt::Display for QueryError {
    #[expect(clippy::too_many_lines, reason = "one line a message")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ungrouped { column } => write!(
                f,
                "column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
            ),
            Self::UngroupedInSubquery { column } => {
                write!(f, "subquery uses ungrouped column \"{column}\" from outer query")
            }
            Self::AggregateNotAllowed { place } => {
                write!(f, "aggregate functions are not allowed in {place}")
            }
            Self::NestedAggregate => f.write_str("aggregate function calls cannot be nested"),
            Self::SetInside { construct } => {
                write!(f, "set-returning functions are not allowed in {construct}")
            }
            Self::SetNotAllowed { place } => {
                write!(f, "set-returning functions are not allowed in {place}")
            }
            Self::SubqueryNotAllowed { place } => write!(f, "cannot use subquery in {place}"),
            Self::ColumnNotAllowed { place } => {
                write!(f, "argument of {place} must not contain variables")
            }
            Self::ColumnInDefault => {
                f.write_str("cannot use column reference in DEFAULT expression")
            }
            Self::StarWithoutTables => {
                f.write_str("SELECT * with no tables specified is not valid")
            }
            Self::ValuesLength => f.write_str("VALUES lists must all be the same length"),
            Self::DefaultNotAllowed => f.write_str("DEFAULT is not allowed in this context"),
            Self::SetWidth { operation } => {
                write!(f, "each {operation} query must have the same number of columns")
            }
            Self::OneColumn => f.write_str("subquery must return only one column"),
            Self::TooManyTargets { most } => {
                write!(f, "target lists can have at most {most} entries")
            }
            Self::RowTooWide { most } => {
                write!(f, "ROW expressions can have at most {most} entries")
            }
            Self::TooManyArguments { most } => {
                write!(f, "cannot pass more than {most} arguments to a function")
            }
            Self::SubqueryWidth { many } => f.write_str(if *many {
                "subquery has too many columns"
            } else {
                "subquery has too few columns"
            }),
            Self::EmptyRows => f.write_str("cannot compare rows of zero length"),
            Self::RowOperator { symbol } => {
                write!(f, "could not determine interpretation of row comparison operator {symbol}")
            }
            Self::MultipleClauses { clause } => write!(f, "multiple {clause} clauses not allowed"),
            Self::RowWidth => f.write_str("unequal number of entries in row expressions"),
            Self::NoSuchPosition { clause, number } => {
                write!(f, "{clause} position {number} is not in select list")
            }
            Self::NonIntegerConstant { clause } => write!(f, "non-integer constant in {clause}"),
            Self::SetOrder { operation } => write!(f, "invalid {operation} ORDER BY clause"),
            Self::DistinctOrder => {
                f.write_str("for SELECT DISTINCT, ORDER BY expressions must appear in select list")
            }
            Self::DistinctOnOrder => f.write_str(
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
            ),
            Self::AggregateDistinctOrder => f.write_str(
                "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
            ),
            Self::TooManyAliases { table, available, specified } => write!(
                f,
                "table \"{table}\" has {available} columns available but {specified} columns specified"
            ),
            Self::TooManyWithAliases { name, available, specified } => write!(
                f,
                "WITH query \"{name}\" has {available} columns available but {specified} columns \
                 specified"
            ),
            Self::TooManyValues => f.write_str("INSERT has more expressions than target columns"),
            Self::TooFewValues => f.write_str("INSERT has more target columns than expressions"),
            Self::AssignedTwice { column } => {
                write!(f, "multiple assignments to same column \"{column}\"")
            }
            Self::AssignmentWidth => {
                f.write_str("number of columns does not match number of values")
            }
            Self::RowSource => f.write_str(
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            ),
            Self::ConflictNeedsTarget => f.write_str(
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            ),
            Self::NoArbiter => f.write_str(
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ),
            Self::LockNotAllowed { clause, with } => {
                write!(f, "{clause} is not allowed with {with}")
            }
            Self::LockNotApplicable { clause, to } => {
                write!(f, "{clause} cannot be applied to {to}")
            }
            Self::NeedsAlias { values } => f.write_str(if *values {
                "VALUES in FROM must have an alias"
            } else {
                "subquery in FROM must have an alias"
            }),
            Self::LimitComma => f.write_str("LIMIT #,# syntax is not supported"),
            Self::FullJoinCondition => f.write_str(
                "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions",
            ),
        }
    }
}
