//! The plan tree. Names of nodes are EXPLAIN's.
//!
//! # Invariants
//!
//! 1. A node's rows have exactly the columns of `output`, in order.
//! 2. Expressions of a node count in its input's row (a join's: left then right); those of a
//!    scan count in `columns`, the table's columns it decodes.
//! 3. A plan is immutable and shared by every execution; nothing in it depends on parameters.

use std::sync::Arc;

use reckon_mvcc::{Direction, RowLock};

use crate::catalog::Table;
use crate::expr::function::Function;
use crate::expr::{Aggregate, Expr};
use crate::types::{Oid, Type};

/// A physical operator and its inputs.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub kind: NodeKind,
    /// The columns of its rows.
    pub output: Vec<OutputColumn>,
    /// Estimated rows.
    pub rows: f64,
    /// Estimated cost up to the first row and up to the last, in PostgreSQL's unit.
    pub cost: (f64, f64),
}

/// A column of a node's rows, and of RowDescription for the topmost.
#[derive(Clone, PartialEq, Debug)]
pub struct OutputColumn {
    /// Name a client sees.
    pub name: String,
    /// Type and modifier.
    pub ty: Type,
    /// The table column it comes from unchanged: (relation, attribute number from 1).
    pub origin: Option<(Oid, i16)>,
}

/// The kinds of [`Node`].
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// One row from expressions without input, or none when the filter is false.
    Result {
        /// The columns.
        exprs: Vec<Expr>,
        /// One-time filter.
        filter: Option<Expr>,
    },
    /// Rows of VALUES.
    Values(Vec<Vec<Expr>>),
    /// All rows of a table in key order.
    SeqScan {
        /// The table.
        table: Arc<Table>,
        /// Alias, for EXPLAIN.
        alias: String,
        /// The columns it decodes, by position in the table; with `row_key` the row's key as
        /// `bytea` follows as one more column.
        columns: Vec<usize>,
        /// Whether the row's key is an output, for LockRows and ModifyTable above.
        row_key: bool,
        /// Rows to keep.
        filter: Option<Expr>,
    },
    /// Rows of a table by an index; by the primary key this is the table itself. EXPLAIN calls it
    /// an Index Only Scan when the entries answer alone.
    IndexScan {
        /// The table.
        table: Arc<Table>,
        /// Alias, for EXPLAIN.
        alias: String,
        /// OID of the index.
        index: Oid,
        /// The columns it decodes, as in SeqScan.
        columns: Vec<usize>,
        /// As in SeqScan.
        row_key: bool,
        /// Which keys.
        probe: IndexProbe,
        /// Order of the rows.
        direction: Direction,
        /// Whether a secondary index's entries carry all of `columns`, so that no row is read.
        only: bool,
        /// Rows to keep; it repeats nothing that `probe` decides exactly.
        filter: Option<Expr>,
    },
    /// Rows of a function in FROM.
    FunctionScan {
        /// A set-returning or scalar function.
        function: &'static Function,
        /// Its arguments.
        args: Vec<Expr>,
        /// Alias, for EXPLAIN.
        alias: String,
        /// WITH ORDINALITY.
        ordinality: bool,
        /// Rows to keep.
        filter: Option<Expr>,
    },
    /// Rows computed from the session's catalog and state: a `pg_catalog` relation.
    CatalogScan {
        /// Name of the relation.
        relation: &'static str,
        /// Alias, for EXPLAIN.
        alias: String,
        /// Rows to keep.
        filter: Option<Expr>,
    },
    /// The rows of a WITH query that is read in several places and runs once.
    CteScan {
        /// Its number in the statement: scans of one number share their rows.
        with: usize,
        /// Its name.
        name: String,
        /// Alias, for EXPLAIN.
        alias: String,
        /// The query; it reads nothing of the row or frame around it.
        plan: Arc<Node>,
    },
    /// Rows that satisfy a condition.
    Filter {
        /// Rows to look at.
        input: Box<Node>,
        /// The condition.
        condition: Expr,
    },
    /// Other columns from each row.
    Project {
        /// Rows to start from.
        input: Box<Node>,
        /// The columns.
        exprs: Vec<Expr>,
    },
    /// The select list with set-returning functions: each call's rows side by side.
    ProjectSet {
        /// Rows to start from.
        input: Box<Node>,
        /// The columns; set-returning calls stand only at the top of an expression.
        exprs: Vec<Expr>,
    },
    /// For each left row the matching right rows. The right side may use the left row's values:
    /// its [`crate::expr::ExprKind::Outer`] count in `outer`.
    NestedLoop {
        /// Outer side.
        left: Box<Node>,
        /// Inner side, started again for each left row.
        right: Box<Node>,
        /// Inner, Left, Semi or Anti.
        kind: JoinKind,
        /// Values handed to the right side, over the left row.
        outer: Vec<Expr>,
        /// Over both rows.
        condition: Option<Expr>,
    },
    /// Equality join: builds a table of the right side's rows.
    HashJoin {
        /// Probe side.
        left: Box<Node>,
        /// Build side.
        right: Box<Node>,
        /// Which rows come out.
        kind: JoinKind,
        /// (left expression, right expression, equality), each over its own side.
        keys: Vec<(Expr, Expr, &'static Function)>,
        /// What else must hold, over both rows.
        condition: Option<Expr>,
    },
    /// Groups and their aggregates: group columns first, then one column an aggregate.
    Aggregate {
        /// Rows to start from.
        input: Box<Node>,
        /// Group columns; empty: one group, also over no rows.
        groups: Vec<Expr>,
        /// Aggregates.
        aggregates: Vec<Aggregate>,
        /// HAVING, over the node's output.
        having: Option<Expr>,
        /// Whether equal groups come one after another, so that no table is needed.
        sorted: bool,
    },
    /// Sorted rows.
    Sort {
        /// Rows to sort.
        input: Box<Node>,
        /// By.
        keys: Vec<SortKey>,
        /// At most this many rows are wanted (LIMIT + OFFSET above), when it is a constant.
        limit: Option<u64>,
    },
    /// Distinct rows: all columns, or with `on` the first of each value of those.
    Distinct {
        /// Rows; sorted by `on` when that is given.
        input: Box<Node>,
        /// DISTINCT ON expressions.
        on: Option<Vec<Expr>>,
    },
    /// LIMIT and OFFSET.
    Limit {
        /// Rows.
        input: Box<Node>,
        /// int8; NULL is no limit.
        limit: Option<Expr>,
        /// int8.
        offset: Option<Expr>,
    },
    /// One input after another (UNION ALL).
    Append(Vec<Node>),
    /// UNION, INTERSECT, EXCEPT.
    SetOp {
        /// Which.
        operation: SetOperation,
        /// ALL.
        all: bool,
        /// Left input.
        left: Box<Node>,
        /// Right input.
        right: Box<Node>,
    },
    /// FOR UPDATE and its kind: locks each row and looks at its newest version.
    LockRows {
        /// Rows with their keys.
        input: Box<Node>,
        /// One entry a locked table.
        locks: Vec<Lock>,
        /// Sides of outer joins that may be missing from a row that changed, innermost join first.
        outer: Vec<OuterSide>,
        /// The condition to check again on a row that changed.
        recheck: Option<Expr>,
    },
    /// The rows of an input, kept to be read again (the inner side of a loop).
    Materialize(Box<Node>),
    /// INSERT, UPDATE, DELETE.
    ModifyTable(Box<Modify>),
}

/// Which keys of an index an IndexScan visits: equalities on a prefix of its columns, then a
/// range on the next one. Values are computed once per (re)start; a NULL among them visits nothing,
/// but for `IsNull`.
#[derive(Clone, Debug, Default)]
pub struct IndexProbe {
    /// One expression for each leading column, of the column's type; None: IS NULL.
    pub equal: Vec<Option<Expr>>,
    /// Lower end of the next column's range, in the column's order of values.
    pub lower: Option<Bound>,
    /// Upper end.
    pub upper: Option<Bound>,
}

/// One end of a range.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Of the column's type.
    pub value: Expr,
    /// Whether the value itself belongs to it.
    pub inclusive: bool,
}

/// The kinds of joins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinKind {
    /// Matching pairs.
    Inner,
    /// And left rows without a match, with NULLs.
    Left,
    /// And right rows without a match, with NULLs.
    Right,
    /// And both.
    Full,
    /// Left rows with a match, once.
    Semi,
    /// Left rows without a match.
    Anti,
}

/// A sort key over the input row.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// The value.
    pub expr: Expr,
    /// DESC.
    pub descending: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// UNION, INTERSECT, EXCEPT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetOperation {
    /// Rows of either.
    Union,
    /// Rows of both.
    Intersect,
    /// Rows of the left one only.
    Except,
}

/// A table whose rows LockRows locks.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The table.
    pub table: Arc<Table>,
    /// The mode.
    pub mode: RowLock,
    /// NOWAIT (Some(false)) or SKIP LOCKED (Some(true)).
    pub skip: Option<bool>,
    /// Position of the row's key in the input row.
    pub key: usize,
    /// Table columns of the input row that must be read again when the row changed:
    /// (position in the input row, position in the table).
    pub columns: Vec<(usize, usize)>,
}

/// The side of an outer join that may be missing, when a row of the other side has changed.
#[derive(Clone, Debug)]
pub struct OuterSide {
    /// The condition under which it stays, over the input row.
    pub on: Expr,
    /// Positions of its columns in the input row.
    pub columns: Vec<usize>,
}

/// INSERT, UPDATE or DELETE.
#[derive(Clone, Debug)]
pub struct Modify {
    /// The table.
    pub table: Arc<Table>,
    /// Alias, for EXPLAIN.
    pub alias: String,
    /// What is done.
    pub operation: Operation,
    /// RETURNING, over (new row's columns, or for DELETE the old one's: all columns of the table)
    /// followed by the input row; empty: none, and the node yields no rows.
    pub returning: Vec<Expr>,
}

/// The operations of [`Modify`].
#[derive(Clone, Debug)]
pub enum Operation {
    /// The input's rows are complete rows of the table: every column, in order, coerced.
    Insert {
        /// Rows to insert.
        input: Node,
        /// ON CONFLICT.
        conflict: Option<Conflict>,
    },
    /// The input's rows are: all columns of the table, the row's key, then what else the FROM
    /// list gave.
    Update {
        /// Rows to change.
        input: Node,
        /// (position in the table, new value over the input row, coerced).
        assignments: Vec<(usize, Expr)>,
        /// WHERE, over the input row: checked again on the newest version of a row that changed
        /// while it was waited for.
        recheck: Option<Expr>,
    },
    /// The input's rows are as for Update.
    Delete {
        /// Rows to delete.
        input: Node,
        /// As in Update.
        recheck: Option<Expr>,
    },
}

/// ON CONFLICT.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// The unique index that arbitrates; None: any (DO NOTHING only).
    pub index: Option<Oid>,
    /// DO UPDATE SET, over (existing row's columns, then the proposed row's); None: DO NOTHING.
    pub update: Option<Vec<(usize, Expr)>>,
    /// WHERE of DO UPDATE, over the same.
    pub filter: Option<Expr>,
}
