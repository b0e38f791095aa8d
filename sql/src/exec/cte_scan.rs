//! CTE Scan: the rows of a WITH query that is read in several places and runs once.
//!
//! All scans of one WITH query share its operator and a spool of its rows; the first one that asks
//! for a row in an execution fills it. The query reads nothing of the queries around it, so it
//! gives the same rows in every frame.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::spool::{Spool, SpoolReader};
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::plan::Node;
use crate::types::Datum;

/// The WITH queries of a plan, by their number in it.
#[derive(Default)]
pub(super) struct Shared(HashMap<usize, Arc<Mutex<Rows>>>);

/// A WITH query and the rows it gave.
struct Rows {
    input: Box<dyn Operator>,
    width: usize,
    spool: Spool,
    /// The execution the spool was filled in; 0 is none.
    generation: u64,
}

pub(super) struct CteScan {
    rows: Arc<Mutex<Rows>>,
    reader: SpoolReader,
    /// The execution the reader belongs to.
    generation: u64,
    row: Vec<Datum>,
}

impl Shared {
    /// Gives memory and tapes back; the queries run again when they are read again.
    pub(super) fn forget(&self) {
        self.0.values().for_each(|rows| rows.lock().forget());
    }
}

impl Rows {
    fn forget(&mut self) {
        self.spool = Spool::new(self.width);
        self.generation = 0;
        self.input.rewind(Again::Execution);
    }

    /// Runs the query, unless this execution has done so.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.generation == cx.generation {
            return Ok(());
        }
        self.forget();
        while self.input.next(cx)? {
            cx.check()?;
            self.spool.push(self.input.row(), cx)?;
        }
        self.generation = cx.generation;
        Ok(())
    }
}

impl CteScan {
    pub(super) fn new(with: usize, plan: &Node, builder: &mut Builder) -> Result<CteScan> {
        let known = builder.shared.0.get(&with).map(Arc::clone);
        let rows = match known {
            Some(rows) => rows,
            None => {
                let (input, width) = (builder.operator(plan)?, plan.output.len());
                let spool = Spool::new(width);
                let rows = Arc::new(Mutex::new(Rows { input, width, spool, generation: 0 }));
                builder.shared.0.insert(with, Arc::clone(&rows));
                rows
            }
        };
        let reader = rows.lock().spool.reader();
        Ok(CteScan { rows, reader, generation: 0, row: Vec::new() })
    }
}

impl Operator for CteScan {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let mut rows = self.rows.lock();
        if self.generation != cx.generation {
            rows.fill(cx)?;
            self.reader = rows.spool.reader();
            self.generation = cx.generation;
        }
        let found = self.reader.next(&mut rows.spool)?;
        if found {
            self.row.clear();
            self.row.extend_from_slice(self.reader.row(&rows.spool));
        }
        Ok(found)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, _again: Again) {
        self.generation = 0;
    }
}
