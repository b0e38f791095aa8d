//! Expressions made ready to run.
//!
//! Compiling an [`Expr`] decides everything that does not depend on the row: which function body
//! is called, whether it is strict, and whether a comparison or a sum of fixed-width values can
//! be done in place. What is left is a tree of [`Step`]s that is walked once a row, with its
//! argument buffers and the results of its subqueries inside.
//!
//! # Invariants
//!
//! 1. Fixed-width work allocates nothing.
//! 2. A condition that is NULL counts as false wherever rows are kept or dropped.
//! 3. A subquery that is handed no values runs at most once an execution.

mod arithmetic;
mod array;
mod call;
mod choice;
mod comparator;
mod elements;
mod list;
mod step;
mod subquery;
mod translate;

pub(crate) use comparator::Comparator;

use step::Step;

use crate::error::Result;
use crate::exec::{Builder, Context};
use crate::expr::Expr;
use crate::types::Datum;

/// An expression ready to run, with what it remembers between rows.
pub struct Compiled {
    step: Step,
    heavy: bool,
    columns: Vec<usize>,
}

impl Compiled {
    /// Compiles an expression that stands outside any plan: a DEFAULT, a parameter of EXECUTE.
    pub fn new(expr: &Expr) -> Result<Compiled> {
        Compiled::within(expr, &mut Builder::default())
    }

    /// Compiles an expression of a plan's node.
    pub(crate) fn within(expr: &Expr, builder: &mut Builder) -> Result<Compiled> {
        let before = builder.heavy();
        let (step, columns) = builder.reading(|builder| translate::step(expr, builder))?;
        Ok(Compiled { step, heavy: builder.heavy() > before, columns })
    }

    /// Compiles several.
    pub(crate) fn all(exprs: &[Expr], builder: &mut Builder) -> Result<Vec<Compiled>> {
        exprs.iter().map(|expr| Compiled::within(expr, builder)).collect()
    }

    /// The value over `row`.
    #[inline]
    pub fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        self.step.eval(row, cx)
    }

    /// The value where it stands, when nothing is to be computed and it depends on no row.
    #[inline]
    pub(crate) fn peek<'v>(&'v self, cx: &'v Context<'_>) -> Option<&'v Datum> {
        self.step.peek(&[], cx)
    }

    /// Whether the condition holds over `row` (invariant 2).
    #[inline]
    pub fn test(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<bool> {
        Ok(self.step.truth(row, cx)? == Some(true))
    }

    /// Whether a subquery is inside, which reads with the transaction, or a volatile call, which
    /// may take long: neither is for the inside of a visit.
    pub(crate) fn is_heavy(&self) -> bool {
        self.heavy
    }

    /// The columns of the row that it reads, in order.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The column it is, when it is nothing else.
    pub(crate) fn column(&self) -> Option<usize> {
        match self.step {
            Step::Column(position) => Some(position),
            _ => None,
        }
    }
}
