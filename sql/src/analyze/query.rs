//! What the analyzer makes of a statement: a tree with every name resolved and every type known,
//! and nothing decided about how it runs.
//!
//! Every column of every relation, every group, aggregate and subquery result has a *column id*,
//! unique in the statement, and [`ExprKind::Column`](crate::expr::ExprKind) holds such an id
//! here. The planner turns ids into positions in rows; an id that is not in the row at hand
//! belongs to a query further out, and becomes a value handed in from there.
//!
//! # Invariants
//!
//! 1. A relation's columns have the ids `first..first + columns.len()`.
//! 2. An id's meaning is `Analysis::meanings[id]` and never changes.
//! 3. No [`ExprKind::Outer`](crate::expr::ExprKind) and no
//!    [`ExprKind::Subquery`](crate::expr::ExprKind) occurs.

use std::sync::Arc;

use reckon_mvcc::RowLock;

use crate::catalog::{Table, VirtualRelation};
use crate::expr::function::Function;
use crate::expr::{Aggregate, Expr, Quantifier};
use crate::plan::{JoinKind, SetOperation};
use crate::types::{Oid, Type};

/// A column's id within a statement.
pub(crate) type ColumnId = usize;

/// An analyzed statement.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) body: Body,
    pub(crate) relations: Vec<Relation>,
    pub(crate) meanings: Vec<Meaning>,
    /// Whether constants in it are only right for the transaction it was analyzed in.
    pub(crate) reads_clock: bool,
}

/// What the statement does.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub(crate) enum Body {
    Select(Query),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
}

/// What an id stands for.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// A column of `Analysis::relations[relation]`.
    Relation { relation: usize },
    /// True in every row of `Analysis::relations[relation]`, NULL where a join misses it.
    Present { relation: usize },
    /// The result of a group expression or an aggregate.
    Computed,
    /// The result of a subquery in an expression.
    Sublink(Box<Sublink>),
}

/// Something in FROM.
#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) kind: RelationKind,
    /// The name it goes by.
    pub(crate) alias: String,
    pub(crate) first: ColumnId,
    pub(crate) columns: Vec<RelationColumn>,
    /// The id of [`Meaning::Present`], on the side of a join that may miss it.
    pub(crate) present: Option<ColumnId>,
    /// Whether it reads columns of what stands before it in FROM.
    pub(crate) lateral: bool,
    /// For a subquery that is a WITH query: which, and what was said about it.
    pub(crate) with: Option<WithReference>,
}

/// A place where a WITH query is read. Each place has the query analyzed afresh, with ids of its
/// own.
#[derive(Clone, Debug)]
pub(crate) struct WithReference {
    /// The WITH query's number in the statement.
    pub(crate) id: usize,
    pub(crate) name: String,
    /// MATERIALIZED (true) or NOT MATERIALIZED, when one was written.
    pub(crate) materialized: Option<bool>,
    /// Whether it calls volatile functions.
    pub(crate) volatile: bool,
    /// Whether it reads columns of a query around it.
    pub(crate) correlated: bool,
}

/// The kinds of [`Relation`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each item of FROM")]
pub(crate) enum RelationKind {
    Table(Arc<Table>),
    Virtual(&'static VirtualRelation),
    Subquery(Query),
    Function { function: &'static Function, args: Vec<Expr>, ordinality: bool },
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub(crate) struct RelationColumn {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The table column it is: (relation, attribute number).
    pub(crate) origin: Option<(Oid, i16)>,
    /// A dropped column keeps its id and is found by nobody.
    pub(crate) dropped: bool,
}

/// The FROM clause.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// No FROM: one row without columns.
    Nothing,
    /// A relation, by its index.
    Relation(usize),
    /// Two of them.
    Join { kind: JoinKind, left: Box<From>, right: Box<From>, on: Vec<Expr> },
}

/// A query with everything after its body.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) body: QueryBody,
    pub(crate) columns: Vec<QueryColumn>,
    /// (position in the body's columns, hidden ones included; DESC; NULLS FIRST).
    pub(crate) order: Vec<OrderKey>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
    pub(crate) locks: Vec<LockRequest>,
}

/// A column of a query's result.
#[derive(Clone, Debug)]
pub(crate) struct QueryColumn {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) origin: Option<(Oid, i16)>,
}

/// One key of ORDER BY.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OrderKey {
    pub(crate) target: usize,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// FOR UPDATE of a relation.
#[derive(Clone, Debug)]
pub(crate) struct LockRequest {
    pub(crate) relation: usize,
    pub(crate) mode: RowLock,
    pub(crate) skip: Option<bool>,
}

/// The words that ask for a lock.
pub(crate) fn lock_words(mode: RowLock) -> &'static str {
    match mode {
        RowLock::ForKeyShare => "FOR KEY SHARE",
        RowLock::ForShare => "FOR SHARE",
        RowLock::ForNoKeyUpdate => "FOR NO KEY UPDATE",
        RowLock::ForUpdate | RowLock::ForKeyChange => "FOR UPDATE",
    }
}

/// The kinds of queries.
#[derive(Debug)]
pub(crate) enum QueryBody {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    /// Two inputs, or more of UNION: a chain of UNIONs that are alike is one of them.
    SetOp {
        operation: SetOperation,
        all: bool,
        inputs: Vec<Query>,
    },
}

/// One SELECT.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) from: From,
    /// WHERE, as conjuncts.
    pub(crate) conditions: Vec<Expr>,
    /// Whether rows are grouped: GROUP BY, HAVING or aggregates.
    pub(crate) grouped: bool,
    /// Group expressions and the ids of their values.
    pub(crate) groups: Vec<(ColumnId, Expr)>,
    pub(crate) aggregates: Vec<(ColumnId, Aggregate)>,
    pub(crate) having: Vec<Expr>,
    /// The select list, then what ORDER BY and DISTINCT ON need besides.
    pub(crate) targets: Vec<Expr>,
    /// How many targets are in the result.
    pub(crate) visible: usize,
    pub(crate) distinct: Distinct,
    /// Whether a target calls a set-returning function.
    pub(crate) returns_sets: bool,
}

/// DISTINCT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Distinct {
    No,
    All,
    /// DISTINCT ON these targets.
    On(Vec<usize>),
}

/// A subquery in an expression.
#[derive(Debug)]
pub(crate) struct Sublink {
    pub(crate) kind: SublinkKind,
    pub(crate) query: Query,
    /// Columns of queries around it: (id, position, level of the query they belong to).
    pub(crate) outer: Vec<OuterReference>,
}

/// A column of a query around a subquery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OuterReference {
    pub(crate) id: ColumnId,
    pub(crate) position: Option<u32>,
    pub(crate) level: usize,
}

/// What a [`Sublink`] asks.
#[derive(Debug)]
pub(crate) enum SublinkKind {
    Exists,
    Scalar,
    Array,
    Compare { compare: &'static Function, arg: Box<Expr>, quantifier: Quantifier },
}

/// INSERT.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) table: Arc<Table>,
    pub(crate) alias: String,
    /// The rows; None: one row of defaults.
    pub(crate) source: Option<Query>,
    /// Ids of the source's columns, which `row` is made of.
    pub(crate) first: ColumnId,
    /// The value of each column of the table.
    pub(crate) row: Vec<Expr>,
    pub(crate) conflict: Option<InsertConflict>,
    /// Ids of the table's columns in RETURNING and as the existing row of DO UPDATE.
    pub(crate) target: usize,
    pub(crate) returning: Option<Returning>,
}

/// ON CONFLICT.
#[derive(Debug)]
pub(crate) struct InsertConflict {
    pub(crate) index: Option<Oid>,
    pub(crate) update: Option<ConflictUpdate>,
}

/// DO UPDATE.
#[derive(Debug)]
pub(crate) struct ConflictUpdate {
    pub(crate) assignments: Vec<(usize, Expr)>,
    pub(crate) filter: Option<Expr>,
    /// The relation `excluded`.
    pub(crate) excluded: usize,
}

/// RETURNING.
#[derive(Debug)]
pub(crate) struct Returning {
    pub(crate) targets: Vec<Expr>,
    pub(crate) columns: Vec<QueryColumn>,
}

/// UPDATE.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) table: Arc<Table>,
    pub(crate) target: usize,
    pub(crate) from: From,
    pub(crate) conditions: Vec<Expr>,
    pub(crate) assignments: Vec<(usize, Expr)>,
    pub(crate) returning: Option<Returning>,
}

/// DELETE.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) table: Arc<Table>,
    pub(crate) target: usize,
    pub(crate) from: From,
    pub(crate) conditions: Vec<Expr>,
    pub(crate) returning: Option<Returning>,
}
