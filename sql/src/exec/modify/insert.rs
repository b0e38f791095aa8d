//! Insert on a table.

use super::conflict::OnConflict;
use super::returning::Returning;
use super::table_writer::TableWriter;
use crate::error::{ExecutionError, Result};
use crate::exec::{Again, Builder, Context, Operator};
use crate::plan::{Modify, Operation};
use crate::types::Datum;

pub(super) struct Insert {
    input: Box<dyn Operator>,
    writer: TableWriter,
    conflict: Option<OnConflict>,
    returning: Returning,
}

impl Insert {
    pub(super) fn new(modify: &Modify, builder: &mut Builder) -> Result<Insert> {
        let Operation::Insert { input, conflict } = &modify.operation else {
            return Err(ExecutionError::Internal { what: "no insert" }.into());
        };
        let mut writer = TableWriter::new(&modify.table);
        let conflict = conflict.as_ref();
        Ok(Insert {
            input: builder.operator(input)?,
            conflict: conflict.map(|c| OnConflict::new(c, writer.rows(), builder)).transpose()?,
            returning: Returning::new(&modify.returning, builder)?,
            writer,
        })
    }
}

impl Operator for Insert {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            if !self.input.next(cx)? {
                self.writer.finish(cx)?;
                return Ok(false);
            }
            cx.check()?;
            let row = self.input.row();
            let modified = match &mut self.conflict {
                None => {
                    self.writer.insert(row, cx)?;
                    Some(row)
                }
                Some(conflict) => conflict.insert(self.writer.rows(), row, cx)?,
            };
            if let Some(modified) = modified
                && self.returning.take(modified, row, cx)?
            {
                return Ok(true);
            }
        }
    }

    fn row(&self) -> &[Datum] {
        self.returning.row()
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
        self.writer.reset();
    }
}
