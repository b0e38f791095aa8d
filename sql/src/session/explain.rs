//! EXPLAIN.

use std::sync::Arc;

use super::Session;
use super::portal::{Flow, Progress, RowEncoding, RowSink};
use super::prepared::Prepared;
use crate::error::{ExecutionError, Result};
use crate::exec::Execution;
use crate::parser::Explain;
use crate::plan::explain;
use crate::types::Datum;

impl Session {
    /// The rows of EXPLAIN; with ANALYZE the statement runs, and its own rows go nowhere.
    pub(super) fn explain(&mut self, request: &Explain) -> Result<Vec<Vec<Datum>>> {
        let planning_from = self.surroundings.clock();
        let prepared = Prepared::new(Some(Clone::clone(&request.statement)));
        let mut run = self.start_plan(&prepared, None, &[], &[])?;
        let planned_at = self.surroundings.clock();
        let mut options = explain::Options {
            verbose: request.verbose,
            costs: request.costs,
            buffers: request.buffers,
            timing: request.timing.unwrap_or(request.analyze),
            planning_ms: None,
            execution_ms: None,
        };
        if request.summary.unwrap_or(request.analyze) {
            options.planning_ms = Some(milliseconds(planning_from, planned_at));
        }
        if request.analyze {
            run.execution = Execution::start_measured(&run.planning.planned.node)?;
            while self.run_plan(&mut run, &[], 0, &mut Nowhere)? == Progress::Full {}
            if request.summary.unwrap_or(true) {
                let ended = self.surroundings.clock();
                options.execution_ms = Some(milliseconds(planned_at, ended));
            }
        }
        let node = Arc::clone(&run.planning.planned.node);
        let figures = |node: &_| if request.analyze { run.execution.figures(node) } else { None };
        let lines = explain::text(&node, &options, &figures);
        if lines.is_empty() {
            return Err(ExecutionError::Internal { what: "an empty plan" }.into());
        }
        Ok(lines.iter().map(|line| vec![Datum::text(line)]).collect())
    }
}

/// Takes rows and forgets them.
pub(super) struct Nowhere;

impl RowSink for Nowhere {
    fn row(&mut self, _row: &[Datum], _encoding: &RowEncoding) -> Flow {
        Flow::Go
    }

    fn copy_out(&mut self, _bytes: &[u8]) -> Flow {
        Flow::Go
    }
}

fn milliseconds(from: i64, to: i64) -> f64 {
    (to - from) as f64 / 1000.0
}
