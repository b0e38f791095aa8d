//! The simple protocol: several statements in one text.
//!
//! Outside a block they are one transaction: it commits with the last of them, before that one's
//! command tag is sent.
//!
//! A text is planned once, and so are all texts that differ from it in integers that are only
//! values: their [`Outline`] finds a statement with parameters in the place of the integers. That
//! must not show. So a template is used only while it can be planned (whatever is wrong is told of the
//! text itself, with its own positions), and only if no other plan would come of the integers and
//! nothing would be computed from them ahead of the first row, which might fail there.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Session;
use super::block::Block;
use super::portal::Shape;
use super::prepared::{Prepared, Template};
use crate::error::Result;
use crate::parser::{self, Outline};
use crate::types::Datum;

/// The statements of a text that have not run yet.
pub struct Script {
    waiting: VecDeque<Waiting>,
    /// Whether there were two or more.
    several: bool,
}

/// A statement, and the values of its parameters.
struct Waiting {
    prepared: Arc<Prepared>,
    parameters: Vec<Datum>,
}

impl Waiting {
    fn new(prepared: Arc<Prepared>) -> Waiting {
        Waiting { prepared, parameters: Vec::new() }
    }
}

impl Script {
    fn single(only: Waiting) -> Script {
        Script { waiting: [only].into(), several: false }
    }
}

impl Session {
    /// Parses a whole text. Without a statement in it, one empty statement is left to run. The unnamed
    /// prepared statement is forgotten, whatever comes of the text.
    ///
    /// # Errors
    ///
    /// 42601 with the position; nothing has run then.
    pub fn script(&mut self, sql: &str) -> Result<Script> {
        self.runs(sql);
        self.unnamed_statement = None;
        let outline = Outline::of(sql);
        if let Some(known) = outline.as_ref().and_then(|outline| self.by_outline(outline)) {
            return Ok(Script::single(known));
        }
        if let Some(known) = self.plans.find(sql) {
            return Ok(Script::single(Waiting::new(known)));
        }
        let result = parser::parse(sql);
        let statements = self.settle(result)?;
        let cut = self.notice_cut_names(statements.first());
        if let (Some(outline), [only]) = (&outline, &statements[..])
            && self.plans.template(outline).is_none()
            && !cut
        {
            self.plans.learn(outline, only);
            if let Some(known) = self.by_outline(outline) {
                return Ok(Script::single(known));
            }
        }
        let prepare = |statement| Arc::new(Prepared::new(statement));
        let mut waiting: VecDeque<_> = statements.into_iter().map(Some).map(prepare).collect();
        if waiting.is_empty() {
            waiting.push_back(prepare(None));
        }
        if let [only] = waiting.make_contiguous()
            && only.statement.as_ref().is_some_and(|statement| statement.kind.is_plannable())
            && !cut
        {
            self.plans.keep(sql, only);
        }
        let several = waiting.len() > 1;
        let waiting = waiting.into_iter().map(Waiting::new).collect();
        Ok(Script { several, waiting })
    }

    /// The statement of a text by its outline, if all of its integers are only values.
    fn by_outline(&mut self, outline: &Outline) -> Option<Waiting> {
        if matches!(self.block, Block::Failed(_)) {
            return None;
        }
        let Template { prepared, signs } = self.plans.template(outline)?.clone()?;
        match self.planning(&prepared) {
            Ok(Some(planning)) if !planning.planned.depends_on_values => {
                Some(Waiting { prepared, parameters: outline.values(&signs) })
            }
            Ok(_) => {
                self.plans.refuse(outline);
                None
            }
            Err(_) => {
                self.plans.forget(outline);
                None
            }
        }
    }

    /// Puts the next statement into the unnamed portal, to be executed to its end; None: all have
    /// run.
    ///
    /// # Errors
    ///
    /// Whatever analysis finds.
    pub fn next(&mut self, script: &mut Script) -> Result<Option<Shape>> {
        let Some(Waiting { prepared, parameters }) = script.waiting.pop_front() else {
            // An empty statement has left them.
            (self.in_script, self.commits_at_end) = (false, false);
            self.drop_unnamed_portal();
            return Ok(None);
        };
        self.in_script = script.several;
        self.commits_at_end = script.waiting.is_empty();
        let result = self.open_portal(prepared, parameters);
        self.settle(result).map(Some)
    }

    fn open_portal(&mut self, prepared: Arc<Prepared>, parameters: Vec<Datum>) -> Result<Shape> {
        self.check_allowed(prepared.statement.as_ref())?;
        let shape = self.shape(&prepared)?;
        let bound = self.bound(&prepared)?;
        if let Some(bound) = &bound
            && bound.planning().parameters.len() != parameters.len()
        {
            let place = prepared.statement.as_ref().and_then(|s| s.parameter_position(1));
            let error = crate::error::StatementError::NoParameter { number: 1 };
            return Err(crate::Error::from(error).at(place));
        }
        self.drop_unnamed_portal();
        let mut portal = self.portal_for(prepared);
        (portal.bound, portal.parameters) = (bound, parameters);
        self.unnamed_portal = Some(portal);
        Ok(shape)
    }
}
