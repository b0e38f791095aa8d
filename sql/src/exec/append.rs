//! Append: one input after another.

use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::plan::Node;
use crate::types::Datum;

pub(super) struct Append {
    inputs: Vec<Box<dyn Operator>>,
    current: usize,
}

impl Append {
    pub(super) fn new(inputs: &[Node], builder: &mut Builder) -> Result<Append> {
        let inputs = inputs.iter().map(|input| builder.operator(input)).collect::<Result<_>>()?;
        Ok(Append { inputs, current: 0 })
    }
}

impl Operator for Append {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while let Some(input) = self.inputs.get_mut(self.current) {
            if input.next(cx)? {
                return Ok(true);
            }
            self.current += 1;
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        self.inputs.get(self.current).map_or(&[], |input| input.row())
    }

    fn rewind(&mut self, again: Again) {
        self.current = 0;
        for input in &mut self.inputs {
            input.rewind(again);
        }
    }
}
