//! Catalog scan: the rows of a relation that the session computes.

use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::{Compiled, Expr};
use crate::types::Datum;

pub(super) struct CatalogScan {
    relation: &'static str,
    filter: Option<Compiled>,
    rows: Option<Vec<Vec<Datum>>>,
    next: usize,
}

impl CatalogScan {
    pub(super) fn new(
        relation: &'static str,
        filter: Option<&Expr>,
        builder: &mut Builder,
    ) -> Result<CatalogScan> {
        Ok(CatalogScan { relation, filter: builder.optional(filter)?, rows: None, next: 0 })
    }
}

impl Operator for CatalogScan {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let rows = match &mut self.rows {
            Some(rows) => rows,
            empty => empty.insert(cx.relation(self.relation)?),
        };
        while let Some(row) = rows.get(self.next) {
            self.next += 1;
            let passes = match &mut self.filter {
                Some(filter) => filter.test(row, cx)?,
                None => true,
            };
            if passes {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        let row = self.rows.as_ref().and_then(|rows| rows.get(self.next.checked_sub(1)?));
        row.map_or(&[], Vec::as_slice)
    }

    fn rewind(&mut self, again: Again) {
        self.next = 0;
        if again == Again::Execution {
            self.rows = None;
        }
    }
}
