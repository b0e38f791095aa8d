//! What a node did, for EXPLAIN (ANALYZE, BUFFERS).

use std::sync::Arc;

use parking_lot::Mutex;
use reckon_mvcc::Counters;

use super::{Again, Context, Operator};
use crate::error::Result;
use crate::types::Datum;

/// What a node did over all of its runs, with what its inputs did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Rows that came out, over all runs.
    pub rows: u64,
    /// How many times it was run.
    pub loops: u64,
    /// Microseconds until the first row of each run, summed.
    pub first_us: i64,
    /// Microseconds in all.
    pub total_us: i64,
    /// What it read.
    pub counters: Counters,
}

/// An operator that is measured.
pub(super) struct Measured {
    operator: Box<dyn Operator>,
    figures: Arc<Mutex<Figures>>,
    /// Whether the current run has not been asked for a row yet.
    fresh: bool,
    first: bool,
}

impl Measured {
    pub(super) fn new(operator: Box<dyn Operator>, figures: Arc<Mutex<Figures>>) -> Measured {
        Measured { operator, figures, fresh: true, first: true }
    }
}

impl Operator for Measured {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let (start, before) = (cx.environment.clock_time(), cx.counters);
        let found = self.operator.next(cx)?;
        let spent = cx.environment.clock_time() - start;
        let mut figures = self.figures.lock();
        figures.loops += u64::from(std::mem::replace(&mut self.fresh, false));
        figures.rows += u64::from(found);
        if std::mem::replace(&mut self.first, false) {
            figures.first_us += spent;
        }
        figures.total_us += spent;
        figures.counters.add(&difference(cx.counters, before));
        Ok(found)
    }

    fn row(&self) -> &[Datum] {
        self.operator.row()
    }

    fn rewind(&mut self, again: Again) {
        self.fresh = true;
        self.first = true;
        self.operator.rewind(again);
    }
}

fn difference(after: Counters, before: Counters) -> Counters {
    Counters {
        leaf_hits: after.leaf_hits - before.leaf_hits,
        loads: after.loads - before.loads,
        store_reads: after.store_reads - before.store_reads,
    }
}
