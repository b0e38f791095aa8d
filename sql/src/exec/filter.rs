//! Filter: the rows of its input that satisfy a condition.

use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::plan::Node;
use crate::types::Datum;

pub(super) struct Filter {
    input: Box<dyn Operator>,
    condition: Compiled,
}

impl Filter {
    pub(super) fn new(input: &Node, condition: &Expr, builder: &mut Builder) -> Result<Filter> {
        let input = builder.operator(input)?;
        Ok(Filter { input, condition: Compiled::within(condition, builder)? })
    }
}

impl Operator for Filter {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while self.input.next(cx)? {
            if self.condition.test(self.input.row(), cx)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        self.input.row()
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
    }
}
