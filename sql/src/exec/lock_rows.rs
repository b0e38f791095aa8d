//! LockRows: FOR UPDATE and its kind.
//!
//! A row that changed while it was waited for is looked at again once all rows beside it are locked:
//! as one that was joined from the newest versions, so what an outer join no longer finds is NULL.

use reckon_mvcc::{RowLock, Wait};

use super::newest::{Found, Newest};
use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::expr::Compiled;
use crate::plan::{Lock, Node, NodeKind};
use crate::types::Datum;

pub(super) struct LockRows {
    input: Box<dyn Operator>,
    locks: Vec<TableLock>,
    outer: Vec<Missing>,
    recheck: Option<Compiled>,
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
}

/// Columns that are NULL unless a condition holds.
struct Missing {
    unless: Compiled,
    columns: Vec<usize>,
}

impl LockRows {
    pub(super) fn new(node: &Node, builder: &mut Builder) -> Result<LockRows> {
        let NodeKind::LockRows { input, locks, outer, recheck } = &node.kind else {
            return Err(ExecutionError::Internal { what: "no locks" }.into());
        };
        let input = builder.operator(input)?;
        builder.lock_rows();
        let outer = outer.iter().map(|side| {
            let unless = Compiled::within(&side.on, builder)?;
            Ok(Missing { unless, columns: side.columns.clone() })
        });
        let outer = outer.collect::<Result<_>>()?;
        let recheck = builder.optional(recheck.as_ref())?;
        let locks = locks.iter().map(TableLock::new).collect();
        Ok(LockRows { input, locks, outer, recheck, row: Vec::new(), newest: Vec::new() })
    }

    /// Locks the rows behind `row`; false when it does not qualify any more.
    fn lock(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let mut changed = false;
        for lock in &self.locks {
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
                    changed = true;
                }
            }
        }
        if changed { self.qualifies(cx) } else { Ok(true) }
    }

    /// Whether a row that changed is still one.
    fn qualifies(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        for Missing { unless, columns } in &mut self.outer {
            if !unless.test(&self.row, cx)? {
                columns.iter().for_each(|column| self.row[*column] = Datum::Null);
            }
        }
        match &mut self.recheck {
            Some(recheck) => recheck.test(&self.row, cx),
            None => Ok(true),
        }
    }
}

impl TableLock {
    fn new(lock: &Lock) -> TableLock {
        TableLock {
            rows: Newest::new(&lock.table, lock.mode),
            mode: lock.mode,
            wait: lock.skip.map(|skip| if skip { Wait::Skip } else { Wait::NoWait }),
            key: lock.key,
            columns: lock.columns.clone(),
        }
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
