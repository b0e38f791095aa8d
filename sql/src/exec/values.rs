//! Values Scan: the rows of VALUES.

use super::result::evaluate;
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::types::Datum;

pub(super) struct Values {
    rows: Vec<Vec<Compiled>>,
    position: usize,
    row: Vec<Datum>,
}

impl Values {
    pub(super) fn new(rows: &[Vec<Expr>], builder: &mut Builder) -> Result<Values> {
        let rows = rows.iter().map(|row| Compiled::all(row, builder)).collect::<Result<_>>()?;
        Ok(Values { rows, position: 0, row: Vec::new() })
    }
}

impl Operator for Values {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let Some(exprs) = self.rows.get_mut(self.position) else { return Ok(false) };
        self.position += 1;
        evaluate(exprs, &[], &mut self.row, cx)?;
        Ok(true)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, _again: Again) {
        self.position = 0;
    }
}
