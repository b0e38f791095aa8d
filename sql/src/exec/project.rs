//! Project: other columns from each row. EXPLAIN folds it into the node below.

use super::result::evaluate;
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::plan::Node;
use crate::types::Datum;

pub(super) struct Project {
    input: Box<dyn Operator>,
    exprs: Vec<Compiled>,
    row: Vec<Datum>,
}

/// A projection that takes the first columns of its input as they are.
pub(super) struct Prefix {
    input: Box<dyn Operator>,
    width: usize,
}

/// The operator of a Project node.
pub(super) fn project(
    input: &Node,
    exprs: &[Expr],
    builder: &mut Builder,
) -> Result<Box<dyn Operator>> {
    let input = builder.operator(input)?;
    let exprs = Compiled::all(exprs, builder)?;
    let in_place = exprs.iter().enumerate().all(|(place, expr)| expr.column() == Some(place));
    if in_place {
        return Ok(Box::new(Prefix { input, width: exprs.len() }));
    }
    let row = Vec::with_capacity(exprs.len());
    Ok(Box::new(Project { input, exprs, row }))
}

impl Operator for Project {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if !self.input.next(cx)? {
            return Ok(false);
        }
        evaluate(&mut self.exprs, self.input.row(), &mut self.row, cx)?;
        Ok(true)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, again: Again) {
        self.row.clear();
        self.input.rewind(again);
    }
}

impl Operator for Prefix {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        self.input.next(cx)
    }

    fn row(&self) -> &[Datum] {
        &self.input.row()[..self.width]
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
    }
}
