//! The simple protocol: several statements in one text.
//!
//! Outside a block they are one transaction: it commits with the last of them, before that one's
//! command tag is sent.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Session;
use super::portal::{Portal, Run, Shape};
use super::prepared::Prepared;
use crate::error::Result;
use crate::parser;

/// The statements of a text that have not run yet.
pub struct Script {
    waiting: VecDeque<Arc<Prepared>>,
    /// Whether there were two or more.
    several: bool,
    started: bool,
}

impl Session {
    /// Parses a whole text. Without a statement in it, one empty statement is left to run.
    ///
    /// # Errors
    ///
    /// 42601 with the position; nothing has run then.
    pub fn script(&mut self, sql: &str) -> Result<Script> {
        if let Some(known) = self.plans.find(sql) {
            return Ok(Script { waiting: [known].into(), several: false, started: false });
        }
        let result = parser::parse(sql);
        let statements = self.settle(result)?;
        self.notice_cut_names(statements.first());
        let prepare = |statement| Arc::new(Prepared::new(statement));
        let mut waiting: VecDeque<_> = statements.into_iter().map(Some).map(prepare).collect();
        if waiting.is_empty() {
            waiting.push_back(prepare(None));
        }
        if let [only] = waiting.make_contiguous()
            && only.statement.as_ref().is_some_and(|statement| statement.kind.is_plannable())
        {
            self.plans.keep(sql, only);
        }
        Ok(Script { several: waiting.len() > 1, waiting, started: false })
    }

    /// Puts the next statement into the unnamed portal, to be executed to its end; None: all have
    /// run.
    ///
    /// # Errors
    ///
    /// Whatever analysis finds.
    pub fn next(&mut self, script: &mut Script) -> Result<Option<Shape>> {
        let Some(prepared) = script.waiting.pop_front() else {
            self.in_script = false;
            return Ok(None);
        };
        if !std::mem::replace(&mut script.started, true) {
            self.unnamed_statement = None;
        }
        self.in_script = script.several;
        self.commits_at_end = script.waiting.is_empty();
        let result = self.open_portal(prepared);
        self.settle(result).map(Some)
    }

    fn open_portal(&mut self, prepared: Arc<Prepared>) -> Result<Shape> {
        self.check_allowed(prepared.statement.as_ref())?;
        let shape = self.shape(&prepared)?;
        if let Some(planning) = self.planning(&prepared)?
            && !planning.parameters.is_empty()
        {
            let place = prepared.statement.as_ref().and_then(|s| s.parameter_position(1));
            let error = crate::error::StatementError::NoParameter { number: 1 };
            return Err(crate::Error::from(error).at(place));
        }
        let run = Run::Ready;
        let (parameters, result_formats) = (Arc::from([]), Vec::new());
        self.unnamed_portal = Some(Portal { prepared, parameters, result_formats, run });
        Ok(shape)
    }
}
