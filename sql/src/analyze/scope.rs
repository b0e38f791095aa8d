//! Scopes: which names a place in a statement can see.
//!
//! Each query has a [`Level`] with the items of its FROM clause. A name is looked for in the
//! innermost level first. While a subquery in FROM is analyzed, the items before it are in the
//! level but only LATERAL may see them; everybody else is told that they are out of reach.

use super::query::{ColumnId, OuterReference};
use crate::expr::Expr;

/// The names of one query.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) items: Vec<Item>,
    /// What part of the query is being analyzed.
    pub(super) place: Place,
    /// Aggregates found so far.
    pub(super) aggregates: Vec<(ColumnId, crate::expr::Aggregate)>,
    /// Columns of levels further out that were used in this one or inside of it.
    pub(super) outer: Vec<OuterReference>,
    /// WITH queries in scope.
    pub(super) with: Vec<WithQuery>,
    /// Whether a set-returning function was called.
    pub(super) returns_sets: bool,
}

/// A WITH query: analyzed afresh wherever it is named.
#[derive(Clone, Debug)]
pub(super) struct WithQuery {
    pub(super) name: String,
    pub(super) query: std::rc::Rc<sqlparser::ast::Query>,
    pub(super) columns: Vec<String>,
    pub(super) position: Option<u32>,
    /// Its number in the statement.
    pub(super) id: usize,
    /// MATERIALIZED (true) or NOT MATERIALIZED.
    pub(super) materialized: Option<bool>,
    /// How many of the level's WITH queries were there before it.
    pub(super) before: usize,
}

/// A FROM item, or the merged columns of a JOIN USING.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its name; None for a join without one.
    pub(super) alias: Option<String>,
    /// Schema and name of a table that has no alias.
    pub(super) qualified: Option<(String, String)>,
    /// Name of the relation behind an alias, for hints.
    pub(super) table_name: Option<String>,
    pub(super) relation: Option<usize>,
    pub(super) columns: Vec<ItemColumn>,
    /// Whether `alias.column` may name its columns.
    pub(super) table_visible: bool,
    /// Whether a bare name may.
    pub(super) columns_visible: bool,
    /// Whether only LATERAL may see it.
    pub(super) lateral_only: bool,
    /// Whether not even that: what is analyzed stands to the right of it in a RIGHT or FULL JOIN.
    pub(super) lateral_refused: bool,
}

/// A column by name.
#[derive(Clone, Debug)]
pub(super) struct ItemColumn {
    pub(super) name: String,
    pub(super) expr: Expr,
}

/// The part of a query an expression stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Place {
    #[default]
    Select,
    FunctionInFrom,
    JoinOn,
    Where,
    GroupBy,
    Having,
    OrderBy,
    Limit,
    Offset,
    Values,
    UpdateSource,
    Returning,
    OnConflict,
    Default,
    Filter,
    Execute,
    SystemTime,
}

impl Place {
    /// The place in PostgreSQL's messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Place::Select => "SELECT",
            Place::FunctionInFrom => "functions in FROM",
            Place::JoinOn => "JOIN conditions",
            Place::Where | Place::OnConflict => "WHERE",
            Place::GroupBy => "GROUP BY",
            Place::Having => "HAVING",
            Place::OrderBy => "ORDER BY",
            Place::Limit => "LIMIT",
            Place::Offset => "OFFSET",
            Place::Values => "VALUES",
            Place::UpdateSource => "UPDATE",
            Place::Returning => "RETURNING",
            Place::Default => "DEFAULT expressions",
            Place::Filter => "FILTER",
            Place::Execute => "EXECUTE parameters",
            Place::SystemTime => "AS OF SYSTEM TIME",
        }
    }

    /// Whether an aggregate may stand there.
    pub(super) fn allows_aggregates(self) -> bool {
        matches!(self, Place::Select | Place::Having | Place::OrderBy)
    }

    /// Whether a set-returning function may stand there.
    pub(super) fn allows_sets(self) -> bool {
        matches!(self, Place::Select | Place::OrderBy | Place::GroupBy | Place::FunctionInFrom)
    }
}

/// The id of a column expression.
pub(super) fn id_of(expr: &Expr) -> Option<ColumnId> {
    match expr.kind {
        crate::expr::ExprKind::Column(id) => Some(id),
        _ => None,
    }
}
