//! Update and Delete on a table.
//!
//! The input's rows are all columns of the table, the row's key, then whatever else there is.

use reckon_mvcc::RowLock;

use super::conflict::lock_mode;
use super::returning::Returning;
use super::writer::RowWriter;
use crate::catalog::Table;
use crate::error::{ExecutionError, Result};
use crate::exec::newest::{Found, Newest};
use crate::exec::{Again, Builder, Context, Operator};
use crate::expr::{Compiled, Expr};
use crate::plan::{Modify, Node, Operation};
use crate::types::{Datum, Varlena};

pub(super) struct Update {
    target: Target,
    columns: Vec<usize>,
    values: Vec<Compiled>,
    writer: RowWriter,
    /// All columns of the changed row.
    new: Vec<Datum>,
    returning: Returning,
}

pub(super) struct Delete {
    target: Target,
    writer: RowWriter,
    returning: Returning,
}

/// The rows to change: found by the input, then locked and brought up to date.
struct Target {
    input: Box<dyn Operator>,
    rows: Newest,
    width: usize,
    mode: RowLock,
    recheck: Option<Compiled>,
    /// The input's row, with the newest columns of the table's row.
    row: Vec<Datum>,
    newest: Vec<Datum>,
}

impl Target {
    fn new(
        table: &Table,
        input: &Node,
        recheck: Option<&Expr>,
        mode: RowLock,
        builder: &mut Builder,
    ) -> Result<Target> {
        Ok(Target {
            input: builder.operator(input)?,
            rows: Newest::new(table, mode),
            width: table.columns.len(),
            mode,
            recheck: builder.optional(recheck)?,
            row: Vec::new(),
            newest: Vec::new(),
        })
    }

    /// Moves to the next row that is to be changed, and locks it.
    fn next(&mut self, cx: &mut Context<'_>) -> Result<Option<Varlena>> {
        while self.input.next(cx)? {
            cx.check()?;
            self.row.clear();
            self.row.extend_from_slice(self.input.row());
            let Datum::Bytea(key) = self.row[self.width].clone() else {
                return Err(ExecutionError::Internal { what: "a row to change has no key" }.into());
            };
            if self.lock(key.as_bytes(), cx)? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Locks the row; false when it is not to be changed after all.
    fn lock(&mut self, key: &[u8], cx: &mut Context<'_>) -> Result<bool> {
        match self.rows.lock(key, self.mode, cx.row_wait(), &mut self.newest, cx)? {
            Found::Unchanged => Ok(true),
            Found::Skipped => Ok(false),
            Found::Changed => {
                self.row[..self.width].clone_from_slice(&self.newest);
                match &mut self.recheck {
                    Some(recheck) => recheck.test(&self.row, cx),
                    None => Ok(true),
                }
            }
        }
    }
}

impl Update {
    pub(super) fn new(modify: &Modify, builder: &mut Builder) -> Result<Update> {
        let Operation::Update { input, assignments, recheck } = &modify.operation else {
            return Err(ExecutionError::Internal { what: "no update" }.into());
        };
        let writer = RowWriter::new(&modify.table);
        let columns = assignments.iter().map(|(column, _)| *column).collect::<Vec<_>>();
        let mode = lock_mode(&writer, &columns);
        let target = Target::new(&modify.table, input, recheck.as_ref(), mode, builder)?;
        let values = assignments.iter().map(|(_, value)| Compiled::within(value, builder));
        let values = values.collect::<Result<_>>()?;
        let returning = Returning::new(&modify.returning, builder)?;
        Ok(Update { target, columns, values, writer, new: Vec::new(), returning })
    }
}

impl Operator for Update {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while let Some(key) = self.target.next(cx)? {
            let row = &self.target.row;
            let old = &row[..self.target.width];
            self.new.clear();
            self.new.extend_from_slice(old);
            for (column, value) in self.columns.iter().zip(&mut self.values) {
                self.new[*column] = value.eval(row, cx)?;
            }
            self.writer.update(key.as_bytes(), old, &self.new, &self.columns, cx)?;
            if self.returning.take(&self.new, row, cx)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        self.returning.row()
    }

    fn rewind(&mut self, again: Again) {
        self.target.input.rewind(again);
    }
}

impl Delete {
    pub(super) fn new(modify: &Modify, builder: &mut Builder) -> Result<Delete> {
        let Operation::Delete { input, recheck } = &modify.operation else {
            return Err(ExecutionError::Internal { what: "no delete" }.into());
        };
        let (table, recheck) = (&modify.table, recheck.as_ref());
        let target = Target::new(table, input, recheck, RowLock::ForKeyChange, builder)?;
        let returning = Returning::new(&modify.returning, builder)?;
        Ok(Delete { target, writer: RowWriter::new(table), returning })
    }
}

impl Operator for Delete {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while let Some(key) = self.target.next(cx)? {
            let row = &self.target.row;
            let old = &row[..self.target.width];
            self.writer.delete(key.as_bytes(), old, cx)?;
            if self.returning.take(old, row, cx)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        self.returning.row()
    }

    fn rewind(&mut self, again: Again) {
        self.target.input.rewind(again);
    }
}
