//! Execute: runs a portal until its rows are out, the sink is full or the limit is reached.

use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use reckon_mvcc::{Snapshot, Wait};

use super::Session;
use super::block::Block;
use super::environment::now;
use super::portal::{PlanRun, Portal, Progress, RowSink, RowsRun, Run, Tag};
use super::prepared::{Bound, Prepared};
use crate::error::{
    Cause, Error, ExecutionError, Result, SnapshotError, StatementError, TransactionError,
};
use crate::exec::{self, Context, Limits};
use crate::parser::Statement;
use crate::types::Datum;

/// A run that holds values is not kept for the next one when it took longer: they may be many, and to make its
/// operators anew is little beside that.
const KEPT_MICROS: i64 = 2000;

impl Session {
    /// Runs a portal. `max_rows` 0 is no limit; after [`Progress::Full`] the same call goes on.
    ///
    /// # Errors
    ///
    /// 34000, 55000 when it is at its end and gave no rows, and whatever the statement gives.
    pub fn execute(
        &mut self,
        portal: &str,
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        let result = self.execute_portal(portal, max_rows, sink);
        self.settle(result)
    }

    /// From now on a statement that must wait for a row may come back with [`Progress::Waiting`] instead.
    pub fn leave_waits(&mut self) {
        self.leaves_waits = true;
    }

    /// Ready when it is worth to call [`execute`](Self::execute) again after [`Progress::Waiting`]; until then the waker is kept.
    pub fn poll_lock(&mut self, waker: &Waker) -> Poll<()> {
        self.block.open().map_or(Poll::Ready(()), |open| open.transaction.poll_lock(waker))
    }

    /// When to call [`execute`](Self::execute) again though [`poll_lock`](Self::poll_lock) is not ready: a time is over.
    pub fn look_at(&mut self) -> Option<Instant> {
        self.block.open().and_then(|open| open.transaction.look_at())
    }

    fn execute_portal(
        &mut self,
        name: &str,
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        let mut portal = self.take_portal(name)?;
        if let Err(error) = self.check_allowed(portal.prepared.statement.as_ref()) {
            self.keep_portal(name, portal);
            return Err(error);
        }
        if let Run::Done(None) = portal.run {
            return Err(StatementError::SpentPortal { name: name.to_owned() }.into());
        }
        let progress = self.run(&mut portal, max_rows, sink)?;
        if let Progress::Complete(tag) = &progress {
            let done = Run::Done(portal.run.gives_rows().then(|| tag.clone()));
            if let Run::Plan(run) = std::mem::replace(&mut portal.run, done)
                && (!run.execution.holds_values() || self.has_run_for_micros() < KEPT_MICROS)
            {
                portal.prepared.keep(run);
            }
            if std::mem::take(&mut self.commits_at_end) {
                // The portal ends with its transaction.
                self.end_implicit()?;
                return Ok(progress);
            }
            if self.travels_alone() {
                self.end_implicit()?;
                return Ok(progress);
            }
            self.release_snapshots();
        }
        if let Some(open) = self.block.open() {
            open.pipelined = true;
        }
        let ends = |statement: &Statement| statement.kind.ends_transaction();
        let ended = portal.prepared.statement.as_ref().is_some_and(ends);
        self.keep_portal(name, portal);
        if ended {
            // And so the portal.
            self.close_portal(name);
        }
        Ok(progress)
    }

    /// How long ago the statement began.
    fn has_run_for_micros(&self) -> i64 {
        now(self.database.engine()) - self.surroundings.statement_time
    }

    fn run(
        &mut self,
        portal: &mut Portal,
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        if matches!(portal.run, Run::Ready)
            && let Some(progress) = self.start(portal)?
        {
            return Ok(progress);
        }
        match &mut portal.run {
            Run::Plan(run) => self.run_plan(run, &portal.parameters, max_rows, sink),
            Run::Rows(run) => run_rows(run, max_rows, sink),
            Run::CopyOut(run) => self.run_copy_out(run, sink),
            Run::Done(Some(tag)) => Ok(Progress::Complete(spent(tag))),
            Run::Ready | Run::Done(None) => {
                Err(ExecutionError::Internal { what: "a portal did not start" }.into())
            }
        }
    }

    /// Starts a portal; Some when that was all there is to it.
    pub(super) fn start(&mut self, portal: &mut Portal) -> Result<Option<Progress>> {
        self.surroundings.statement_time = now(self.database.engine());
        let Some(statement) = &portal.prepared.statement else { return Ok(Some(Progress::Empty)) };
        if self.travels_alone() {
            return Err(SnapshotError::SystemTimeInUse.into());
        }
        if statement.kind.is_plannable() {
            let bound = portal.bound.take();
            let (values, formats) = (&portal.parameters, &portal.result_formats);
            let run = self.start_plan(&portal.prepared, bound, values, formats)?;
            portal.run = Run::Plan(run);
            return Ok(None);
        }
        let prepared = Arc::clone(&portal.prepared);
        let Some(statement) = &prepared.statement else { return Ok(Some(Progress::Empty)) };
        self.start_utility(statement, portal)
    }

    /// Locks a plan's tables and takes the statement's snapshot. The definitions are looked at
    /// again afterwards: who waited for a lock may find another table there.
    pub(super) fn start_plan(
        &mut self,
        prepared: &Prepared,
        bound: Option<Bound>,
        parameters: &[Datum],
        formats: &[i16],
    ) -> Result<Box<PlanRun>> {
        self.travel_for(prepared, parameters)?;
        let mut bound = bound.filter(|bound| self.is_bound_alike(prepared, bound.planning()));
        loop {
            let bound = match bound.take() {
                Some(bound) => bound,
                None => self
                    .planning_here(prepared)?
                    .map(Bound::Planned)
                    .ok_or(ExecutionError::Internal { what: "a statement has no plan" })?,
            };
            let planning = bound.planning();
            let wait = self.lock_wait();
            let database = self.definition.oid;
            let open = self.open_transaction_at(self.surroundings.statement_time)?;
            if let Some(command) = planning.planned.writes
                && open.transaction.is_read_only()
            {
                return Err(TransactionError::ReadOnlyTransaction { command }.into());
            }
            let locked = if open.as_of.is_some() { &[][..] } else { &planning.planned.tables };
            for (table, mode) in locked {
                open.transaction.lock_table(super::table_lock(database, *table), *mode, wait)?;
            }
            let snapshot = open.transaction.snapshot();
            open.has_queried = true;
            if !self.are_definitions_at(&snapshot, planning.catalog())? {
                continue;
            }
            self.check_not_redefined(&snapshot, planning.catalog(), locked)?;
            self.surroundings.set_catalog(planning.catalog());
            let mut run = bound.start(snapshot, formats, &self.surroundings.settings)?;
            if run.starts_again_from_savepoint() {
                run.savepoint = Some(self.open_transaction()?.transaction.savepoint());
            }
            return Ok(run);
        }
    }

    /// How long a lock is waited for.
    #[inline]
    pub(super) fn lock_wait(&self) -> Wait {
        self.surroundings.lock_wait()
    }

    /// Runs a plan. What may have to start again sends nothing before its end: a change is complete then, also if
    /// its portal stops, and no row was sent that a new start would send again.
    #[inline]
    pub(super) fn run_plan(
        &mut self,
        run: &mut PlanRun,
        parameters: &[Datum],
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        run.follow(&self.surroundings.settings);
        if run.held.is_none() && run.sent == 0 && run.holds_rows(max_rows) {
            run.hold();
        }
        if let Some(progress) = run.send_held(max_rows, sink)? {
            return Ok(progress);
        }
        let progress = self.run_to_end(run, parameters, max_rows, sink)?;
        match (&mut run.held, progress) {
            (Some(held), Progress::Complete(_)) => {
                held.end();
                let sent = run.send_held(max_rows, sink)?;
                sent.ok_or(ExecutionError::Internal { what: "rows are still held" }.into())
            }
            (_, progress) => Ok(progress),
        }
    }

    /// Runs a plan to its end, or as far as the sink and the limit let it.
    #[inline]
    fn run_to_end(
        &mut self,
        run: &mut PlanRun,
        parameters: &[Datum],
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        if self.leaves_waits && !self.open_transaction()?.transaction.look_again()? {
            return Ok(Progress::Waiting);
        }
        let progress = loop {
            match self.pull(run, parameters, max_rows, sink) {
                Err(error) if run.sent == 0 && is_row_moved(&error) => self.start_again(run)?,
                Err(error) if is_row_queued(&error) => {
                    run.restart();
                    return Ok(Progress::Waiting);
                }
                other => break other?,
            }
        };
        if let Progress::Complete(_) = progress {
            if let (Some(savepoint), Some(open)) = (run.savepoint.take(), self.block.open()) {
                open.transaction.release(savepoint);
            }
            self.end_command();
        }
        Ok(progress)
    }

    /// A READ COMMITTED statement met a row that moved: it starts over with a new snapshot.
    fn start_again(&mut self, run: &mut PlanRun) -> Result<()> {
        let open = self.open_transaction()?;
        if let Some(savepoint) = run.savepoint {
            open.transaction.rollback_to(savepoint);
        }
        run.snapshot = open.transaction.snapshot();
        run.restart();
        Ok(())
    }

    /// Pulls rows into the sink, or to those that are held.
    #[inline]
    fn pull(
        &mut self,
        run: &mut PlanRun,
        parameters: &[Datum],
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Progress> {
        let planned = &run.planning.planned;
        let may_leave = self.leaves_waits;
        let mut cx = self.context(run.snapshot, parameters)?;
        cx.skip_moved = run.sent > 0;
        cx.may_leave = may_leave && run.sent == 0 && run.execution.is_repeatable();
        let has_rows = planned.columns.is_some();
        while run.execution.next(&mut cx)? {
            if !has_rows {
                continue;
            }
            if let Some(held) = &mut run.held {
                held.keep(run.execution.row(), &cx)?;
                continue;
            }
            // What was sent cannot be taken back.
            (cx.skip_moved, cx.may_leave) = (true, false);
            run.sent += 1;
            run.in_call += 1;
            let full = sink.row(run.execution.row(), &run.encoding).is_full()?;
            if max_rows > 0 && run.in_call == max_rows as u64 {
                run.in_call = 0;
                return Ok(Progress::Suspended);
            }
            if full {
                return Ok(Progress::Full);
            }
        }
        Ok(Progress::Complete(run.tag()))
    }

    /// What an execution runs with.
    #[inline]
    pub(super) fn context<'a>(
        &'a mut self,
        snapshot: Snapshot,
        parameters: &'a [Datum],
    ) -> Result<Context<'a>> {
        let wait = self.lock_wait();
        let Block::Open(open) = &mut self.block else {
            return Err(ExecutionError::Internal { what: "a portal without a transaction" }.into());
        };
        let export = open.transaction.exportable(&snapshot, self.definition.oid.0);
        self.surroundings.exportable = Some((export, !open.savepoints.is_empty()));
        let inner = self.database.inner();
        let limits = Limits {
            work_memory: self.surroundings.settings.effective().work_mem_bytes,
            temporary: &inner.spill_dir,
        };
        let surroundings = exec::Surroundings {
            environment: &mut self.surroundings,
            relations: &mut self.relations,
            interrupt: &self.interrupt,
            row_ids: &inner.row_ids,
            limits,
        };
        let mut cx = Context::new(&mut open.transaction, snapshot, parameters, surroundings);
        cx.wait = wait;
        Ok(cx)
    }

    /// Between the statements of a block nothing is read: without a portal in the middle of its
    /// rows no snapshot is needed any more.
    #[inline]
    fn release_snapshots(&mut self) {
        let runs = |portal: &Portal| matches!(portal.run, Run::Plan(_) | Run::CopyOut(_));
        let unnamed = self.unnamed_portal.as_deref().is_some_and(runs);
        if unnamed || !self.portals.is_empty() && self.portals.values().any(|named| runs(named)) {
            return;
        }
        if let Some(open) = self.block.open() {
            open.transaction.release_snapshots();
        }
    }

    /// Makes a finished statement's writes visible to the transaction's next one.
    #[inline]
    pub(super) fn end_command(&mut self) {
        if let Some(open) = self.block.open() {
            open.transaction.next_command();
        }
    }
}

fn run_rows(run: &mut RowsRun, max_rows: usize, sink: &mut dyn RowSink) -> Result<Progress> {
    for row in run.rows.by_ref() {
        run.in_call += 1;
        let full = sink.row(&row, &run.encoding).is_full()?;
        if max_rows > 0 && run.in_call == max_rows as u64 {
            run.in_call = 0;
            return Ok(Progress::Suspended);
        }
        if full {
            return Ok(Progress::Full);
        }
    }
    Ok(Progress::Complete(run.tag.clone()))
}

fn is_row_moved(error: &Error) -> bool {
    matches!(error.cause(), Cause::Execution(ExecutionError::RowMoved))
}

fn is_row_queued(error: &Error) -> bool {
    matches!(error.cause(), Cause::Execution(ExecutionError::RowQueued))
}

/// The tag when a portal is executed again after its end.
fn spent(tag: &Tag) -> Tag {
    match tag.split_once(' ') {
        Some(("INSERT", _)) => "INSERT 0 0".into(),
        Some((command @ ("SELECT" | "UPDATE" | "DELETE"), _)) => format!("{command} 0").into(),
        _ => tag.clone(),
    }
}
