//! RETURNING: what comes out of a modified row.

use crate::error::Result;
use crate::exec::result::evaluate;
use crate::exec::{Builder, Context};
use crate::expr::{Compiled, Expr};
use crate::types::Datum;

pub(super) struct Returning {
    exprs: Vec<Compiled>,
    /// The modified row, then the input's.
    both: Vec<Datum>,
    row: Vec<Datum>,
}

impl Returning {
    pub(super) fn new(exprs: &[Expr], builder: &mut Builder) -> Result<Returning> {
        let exprs = Compiled::all(exprs, builder)?;
        Ok(Returning { exprs, both: Vec::new(), row: Vec::new() })
    }

    /// Takes a modified row and the input row it came from. False: nothing comes out of it.
    pub(super) fn take(
        &mut self,
        modified: &[Datum],
        input: &[Datum],
        cx: &mut Context<'_>,
    ) -> Result<bool> {
        cx.modified += 1;
        if self.exprs.is_empty() {
            return Ok(false);
        }
        self.both.clear();
        self.both.extend_from_slice(modified);
        self.both.extend_from_slice(input);
        evaluate(&mut self.exprs, &self.both, &mut self.row, cx)?;
        Ok(true)
    }

    pub(super) fn row(&self) -> &[Datum] {
        &self.row
    }
}
