//! Result: one row from expressions, without input.

use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::types::Datum;

pub(super) struct OneRow {
    exprs: Vec<Compiled>,
    /// No row when it does not hold.
    filter: Option<Compiled>,
    row: Vec<Datum>,
    done: bool,
}

impl OneRow {
    pub(super) fn new(
        exprs: &[Expr],
        filter: Option<&Expr>,
        builder: &mut Builder,
    ) -> Result<OneRow> {
        let row = Vec::with_capacity(exprs.len());
        let filter = builder.optional(filter)?;
        Ok(OneRow { exprs: Compiled::all(exprs, builder)?, filter, row, done: false })
    }
}

impl Operator for OneRow {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        if let Some(filter) = &mut self.filter
            && !filter.test(&[], cx)?
        {
            return Ok(false);
        }
        evaluate(&mut self.exprs, &[], &mut self.row, cx)?;
        Ok(true)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, _again: Again) {
        self.row.clear();
        self.done = false;
    }
}

/// Replaces `values` by those of `exprs` over `row`.
pub(super) fn evaluate(
    exprs: &mut [Compiled],
    row: &[Datum],
    values: &mut Vec<Datum>,
    cx: &mut Context<'_>,
) -> Result<()> {
    values.clear();
    for expr in exprs {
        values.push(expr.eval(row, cx)?);
    }
    Ok(())
}
