//! The expression tree.
//!
//! # Invariants
//!
//! 1. Arguments have exactly the types their function declares (polymorphic ones resolved);
//!    every coercion is an explicit node.
//! 2. [`ExprKind::Column`] counts in the row of the node's input: one input's columns, or for a
//!    join the left input's columns followed by the right one's.
//! 3. `position` is the 1-based character position PostgreSQL would report for the node.

use std::sync::Arc;

use crate::plan::Node;
use crate::types::{Datum, Type};

use super::function::{AggregateFunction, Function};

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// The type of its value.
    pub ty: Type,
    /// Where it stands in the statement.
    pub position: Option<u32>,
}

/// The kinds of [`Expr`].
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A constant.
    Constant(Datum),
    /// A column of the input row.
    Column(usize),
    /// `$n` of a prepared statement, counted from 0.
    Parameter(usize),
    /// A value the enclosing plan hands to a subplan: a column of an outer query's current row.
    Outer(usize),
    /// A function, and so also an operator or a cast by function.
    Call {
        /// The function.
        function: &'static Function,
        /// Its arguments; for a VARIADIC function all of them in a row.
        args: Vec<Expr>,
    },
    /// Text form of the value read by the target's input function (a cast WITH INOUT). An array
    /// as another is cast element by element, by the function of their types' cast if it has one.
    CoerceViaText(Box<Expr>),
    /// Same bits, other type (varchar to text, oid to regclass).
    Relabel(Box<Expr>),
    /// A length coercion to `ty.modifier`: varchar(n), char(n), numeric(p,s), timestamp(p)...
    Length {
        /// The value.
        arg: Box<Expr>,
        /// An explicit cast truncates where an assignment fails.
        explicit: bool,
    },
    /// Conjunction of two or more.
    And(Vec<Expr>),
    /// Disjunction of two or more.
    Or(Vec<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// IS NULL; of a row: that all of its fields are.
    IsNull(Box<Expr>),
    /// IS NOT NULL of a row: that none of its fields is.
    AllPresent(Box<Expr>),
    /// IS TRUE, IS FALSE, IS UNKNOWN (None).
    IsTruth(Box<Expr>, Option<bool>),
    /// IS DISTINCT FROM, by the equality function.
    Distinct {
        /// Equality of the type.
        equal: &'static Function,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// CASE. A simple CASE has its operand's comparison spelled out in each condition.
    Case {
        /// What [`ExprKind::CaseOperand`] stands for in the conditions, computed once.
        operand: Option<Box<Expr>>,
        /// WHEN ... THEN ..., in order.
        branches: Vec<CaseBranch>,
        /// ELSE, NULL when not given.
        otherwise: Box<Expr>,
    },
    /// In a condition of a simple CASE: the value of the operand of the innermost one around.
    CaseOperand,
    /// COALESCE.
    Coalesce(Vec<Expr>),
    /// NULLIF, by the equality function.
    NullIf {
        /// Equality of the two types.
        equal: &'static Function,
        /// The value.
        left: Box<Expr>,
        /// What makes it NULL.
        right: Box<Expr>,
    },
    /// GREATEST (true) or LEAST (false).
    Extreme(bool, Vec<Expr>),
    /// `arg op ANY (list)` and `arg op ALL (list)`; IN and NOT IN with a list.
    InList {
        /// The comparison, (arg, element) -> bool.
        compare: &'static Function,
        /// Left side.
        arg: Box<Expr>,
        /// The elements.
        list: Vec<Expr>,
        /// ANY or ALL.
        quantifier: Quantifier,
    },
    /// `arg op ANY (array)` with an array value.
    InArray {
        /// The comparison, (arg, element) -> bool.
        compare: &'static Function,
        /// Left side.
        arg: Box<Expr>,
        /// The array.
        array: Box<Expr>,
        /// ANY or ALL.
        quantifier: Quantifier,
    },
    /// ARRAY[...]; `ty` is the array's type.
    Array(Vec<Expr>),
    /// `array[i]...`.
    Subscript(Box<Expr>, Vec<Expr>),
    /// ROW(...).
    Row(Vec<Expr>),
    /// A subquery. Without `outer` it is run at most once per execution.
    Subquery {
        /// What is asked of its rows.
        kind: SubqueryKind,
        /// Its plan; [`ExprKind::Outer`] counts in `outer`.
        plan: Arc<Node>,
        /// Values of the current row that the plan needs.
        outer: Vec<Expr>,
    },
}

/// ANY or ALL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantifier {
    /// True when one comparison is.
    Any,
    /// True when every comparison is.
    All,
}

/// WHEN condition THEN value.
#[derive(Clone, Debug)]
pub struct CaseBranch {
    /// A boolean.
    pub condition: Expr,
    /// Of the CASE's type.
    pub value: Expr,
}

/// What an [`ExprKind::Subquery`] asks.
#[derive(Clone, Debug)]
pub enum SubqueryKind {
    /// EXISTS.
    Exists,
    /// The value of its one row's one column; NULL without a row, 21000 with two.
    Scalar,
    /// `arg op ANY/ALL (subquery)`, also IN and NOT IN.
    Compare {
        /// The comparison, (arg, element) -> bool.
        compare: &'static Function,
        /// Left side, in the outer row.
        arg: Box<Expr>,
        /// ANY or ALL.
        quantifier: Quantifier,
    },
    /// ARRAY(subquery).
    Array,
}

/// One aggregate of an Aggregate node.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Which.
    pub function: &'static AggregateFunction,
    /// Arguments over the input row; empty for count(*).
    pub args: Vec<Expr>,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY inside the call.
    pub order: Vec<crate::plan::SortKey>,
    /// FILTER (WHERE ...).
    pub filter: Option<Expr>,
    /// The result's type.
    pub ty: Type,
}
