//! LockRows: FOR UPDATE and its kind.

use reckon_mvcc::{RowLock, Wait};

use super::newest::{Found, Newest};
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::Compiled;
use crate::plan::{Lock, Node};
use crate::types::Datum;

pub(super) struct LockRows {
    input: Box<dyn Operator>,
    locks: Vec<TableLock>,
    /// The input's row, brought up to date.
    row: Vec<Datum>,
    /// All columns of a table's newest row.
    newest: Vec<Datum>,
}

struct TableLock {
    rows: Newest,
    mode: RowLock,
    /// None: as the session waits.
    wait: Option<Wait>,
    key: usize,
    columns: Vec<(usize, usize)>,
    recheck: Option<Compiled>,
}

impl LockRows {
    pub(super) fn new(input: &Node, locks: &[Lock], builder: &mut Builder) -> Result<LockRows> {
        let input = builder.operator(input)?;
        builder.lock_rows();
        let locks = locks.iter().map(|lock| {
            Ok(TableLock {
                rows: Newest::new(&lock.table),
                mode: lock.mode,
                wait: lock.skip.map(|skip| if skip { Wait::Skip } else { Wait::NoWait }),
                key: lock.key,
                columns: lock.columns.clone(),
                recheck: builder.optional(lock.recheck.as_ref())?,
            })
        });
        let locks = locks.collect::<Result<_>>()?;
        Ok(LockRows { input, locks, row: Vec::new(), newest: Vec::new() })
    }

    /// Locks the rows behind `row`; false when it does not qualify any more.
    fn lock(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        for lock in &mut self.locks {
            // The missing side of an outer join has nothing to lock.
            let Datum::Bytea(key) = self.row[lock.key].clone() else { continue };
            let wait = lock.wait.unwrap_or(cx.row_wait());
            match lock.rows.lock(key.as_bytes(), lock.mode, wait, &mut self.newest, cx)? {
                Found::Unchanged => {}
                Found::Skipped => return Ok(false),
                Found::Changed => {
                    for (place, column) in &lock.columns {
                        self.row[*place] = self.newest[*column].clone();
                    }
                    if let Some(recheck) = &mut lock.recheck
                        && !recheck.test(&self.row, cx)?
                    {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

impl Operator for LockRows {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        while self.input.next(cx)? {
            self.row.clear();
            self.row.extend_from_slice(self.input.row());
            if self.lock(cx)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
    }
}
