//! Prepared statements and their plans.
//!
//! A plan is made from definitions and settings; while neither has changed it is used again, with
//! its operators, so that a second execution decides nothing any more. Only words like `'now'` are
//! read anew by each execution of a statement that nobody has prepared.
//!
//! Of a statement of Parse or PREPARE the literals are read once, as in PostgreSQL: later settings say only how
//! its rows are written. They are read anew when one of its tables or the search path has changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::atomic::AtomicCell;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use reckon_mvcc::Snapshot;

use super::Session;
use super::as_of::Given;
use super::portal::{PlanRun, RowEncoding};
use crate::analyze;
use crate::catalog::Catalog;
use crate::error::{Error, Result, SnapshotError, StatementError};
use crate::exec::Execution;
use crate::parser::{self, Outline, Signs, Statement};
use crate::plan::{OutputColumn, Planned};
use crate::settings::Settings;
use crate::types::{Datum, Formats, Oid, Type};

/// How many texts of each kind keep their plans, in one session.
const CACHED_TEXTS: usize = 256;
/// The longest text worth keeping, in bytes.
const CACHED_TEXT_BYTES: usize = 4096;

/// A parsed statement and its newest plan.
pub(super) struct Prepared {
    /// None for a text without a statement.
    pub(super) statement: Option<Statement>,
    /// Types the client gave for its parameters; 0 asks to infer.
    declared: Vec<Oid>,
    /// Whether the client knows its columns, so that they must stay as they are.
    described: bool,
    planning: Mutex<Option<Arc<Planning>>>,
    /// A run that is over, with its operators, for the next one; its plan may be out of date.
    idle: AtomicCell<Option<Box<PlanRun>>>,
}

/// A plan and what it was made from.
pub(super) struct Planning {
    pub(super) planned: Planned,
    pub(super) parameters: Vec<Type>,
    catalog: Arc<Catalog>,
    /// The schemas that names without one were looked for in.
    path: Vec<String>,
    /// How literals were read: with the settings of this version.
    formats: Formats,
    settings: u64,
    /// The last version of the settings known to have the same search path.
    same_path: AtomicU64,
}

/// What a portal was bound with: a plan that was right a moment ago.
pub(super) enum Bound {
    /// Its operators are still to be made.
    Planned(Arc<Planning>),
    /// An earlier run of it.
    Idle(Box<PlanRun>),
}

/// Describe of a statement.
#[derive(Clone, PartialEq, Debug)]
pub struct StatementDescription {
    /// Types of `$1`, `$2`, ...
    pub parameters: Vec<Oid>,
    /// Columns of its rows; None: it gives none.
    pub columns: Option<Vec<OutputColumn>>,
}

/// Describe of a portal that gives rows.
#[derive(Clone, PartialEq, Debug)]
pub struct PortalDescription {
    /// Columns of its rows.
    pub columns: Vec<OutputColumn>,
    /// Format codes as in Bind.
    pub formats: Vec<i16>,
}

impl Prepared {
    /// A statement that runs as it is now.
    pub(super) fn new(statement: Option<Statement>) -> Prepared {
        Prepared::with(statement, Vec::new(), false)
    }

    fn with(statement: Option<Statement>, declared: Vec<Oid>, described: bool) -> Prepared {
        let (planning, idle) = (Mutex::new(None), AtomicCell::new(None));
        Prepared { statement, declared, described, planning, idle }
    }

    /// The types of its parameters, once it was planned.
    fn parameter_types(&self) -> Vec<Type> {
        self.planning.lock().as_ref().map_or_else(Vec::new, |known| known.parameters.clone())
    }

    /// A statement of Parse or PREPARE: its parameters and columns stay as they are.
    pub(super) fn lasting(statement: Option<Statement>, declared: Vec<Oid>) -> Prepared {
        Prepared::with(statement, declared, true)
    }

    /// Whether it takes little memory.
    #[inline]
    pub(super) fn is_small(&self) -> bool {
        let text = |statement: &Statement| statement.source.text().len();
        self.statement.as_ref().map_or(0, text) <= CACHED_TEXT_BYTES
    }

    /// Keeps a run that is over for the next one.
    #[inline]
    pub(super) fn keep(&self, mut run: Box<PlanRun>) {
        run.execution.restart();
        self.idle.store(Some(run));
    }
}

impl Planning {
    /// Whether its tables are in other definitions what they are in its own.
    fn is_about(&self, catalog: &Catalog) -> bool {
        let same = |table: Oid| self.catalog.table(table) == catalog.table(table);
        self.planned.tables.iter().all(|(table, _)| same(*table))
    }

    /// The definitions it was made from.
    #[inline]
    pub(super) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }
}

impl Bound {
    #[inline]
    pub(super) fn planning(&self) -> &Arc<Planning> {
        match self {
            Bound::Planned(planning) => planning,
            Bound::Idle(run) => &run.planning,
        }
    }

    /// A run of the plan, whose rows are written in these format codes and as these settings say. The names of
    /// relations, which that depends on too, are as long-lived as the plan.
    #[inline]
    pub(super) fn start(
        self,
        snapshot: Snapshot,
        codes: &[i16],
        settings: &Settings,
    ) -> Result<Box<PlanRun>> {
        let mut run = match self {
            Bound::Idle(run) => run,
            Bound::Planned(planning) => PlanRun::new(planning, snapshot, codes, settings)?,
        };
        if run.codes != codes {
            run.encode_in(codes, settings);
        }
        run.follow(settings);
        (run.snapshot, run.savepoint) = (snapshot, None);
        (run.sent, run.in_call, run.held) = (0, 0, None);
        Ok(run)
    }
}

impl PlanRun {
    fn new(
        planning: Arc<Planning>,
        snapshot: Snapshot,
        codes: &[i16],
        settings: &Settings,
    ) -> Result<Box<PlanRun>> {
        let columns = planning.planned.columns.as_deref().unwrap_or_default();
        Ok(Box::new(PlanRun {
            execution: Execution::start(&planning.planned.node)?,
            encoding: RowEncoding::new(columns, codes, &settings.effective().formats),
            codes: codes.to_vec(),
            settings: settings.version(),
            planning,
            snapshot,
            savepoint: None,
            sent: 0,
            in_call: 0,
            held: None,
        }))
    }

    /// Writes rows as the settings say from here on.
    #[inline]
    pub(super) fn follow(&mut self, settings: &Settings) {
        if self.settings != settings.version() {
            let codes = std::mem::take(&mut self.codes);
            self.encode_in(&codes, settings);
        }
    }

    fn encode_in(&mut self, codes: &[i16], settings: &Settings) {
        let columns = self.planning.planned.columns.as_deref().unwrap_or_default();
        self.encoding = RowEncoding::new(columns, codes, &settings.effective().formats);
        (self.codes, self.settings) = (codes.to_vec(), settings.version());
    }
}

type ByText = HashMap<Box<str>, Arc<Prepared>, RandomState>;

/// Keeps a text's statement; when there are too many, all before it go.
fn enter(texts: &mut ByText, sql: &str, prepared: &Arc<Prepared>) {
    if sql.len() > CACHED_TEXT_BYTES {
        return;
    }
    if texts.len() >= CACHED_TEXTS {
        texts.clear();
    }
    texts.insert(sql.into(), Arc::clone(prepared));
}

/// Plans of the simple protocol, by text and by outline, and of Parse, by text.
#[derive(Default)]
pub(super) struct PlanCache {
    texts: ByText,
    /// None: the outline's integers are more than values.
    outlines: HashMap<Box<str>, Option<Template>, RandomState>,
    /// What Parse made of a text and the types declared for its parameters.
    parsed: ByText,
}

/// A statement with parameters in the place of its text's integers.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) prepared: Arc<Prepared>,
    pub(super) signs: Signs,
}

impl Template {
    /// The template of the only statement of a text, if there is one.
    fn of(statement: &Statement, outline: &Outline) -> Option<Template> {
        let mut statement = statement.clone();
        let source = Arc::clone(&statement.source);
        let signs = source.walk(|| parser::lift(&mut statement, outline))?;
        let declared = outline.types().map(|ty| ty.oid).collect();
        let prepared = Arc::new(Prepared::with(Some(statement), declared, false));
        Some(Template { prepared, signs })
    }
}

impl PlanCache {
    pub(super) fn find(&self, sql: &str) -> Option<Arc<Prepared>> {
        self.texts.get(sql).cloned()
    }

    pub(super) fn keep(&mut self, sql: &str, prepared: &Arc<Prepared>) {
        enter(&mut self.texts, sql, prepared);
    }

    /// What is known of an outline.
    pub(super) fn template(&self, outline: &Outline) -> Option<&Option<Template>> {
        self.outlines.get(outline.text.as_str())
    }

    /// Makes the template of a text seen for the first time.
    pub(super) fn learn(&mut self, outline: &Outline, statement: &Statement) {
        if self.outlines.len() >= CACHED_TEXTS {
            self.outlines.clear();
        }
        let template = Template::of(statement, outline);
        self.outlines.insert(outline.text.as_str().into(), template);
    }

    /// The outline's texts are planned one by one from now on.
    pub(super) fn refuse(&mut self, outline: &Outline) {
        self.outlines.insert(outline.text.as_str().into(), None);
    }

    /// Forgets an outline: nothing is known of the next text that has it.
    pub(super) fn forget(&mut self, outline: &Outline) {
        self.outlines.remove(outline.text.as_str());
    }

    pub(super) fn keep_parsed(&mut self, sql: &str, prepared: &Arc<Prepared>) {
        enter(&mut self.parsed, sql, prepared);
    }

    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.outlines.clear();
        self.parsed.clear();
    }
}

impl Session {
    /// What an earlier Parse made of a text, if a new one would make the same.
    pub(super) fn parsed_before(&mut self, sql: &str, declared: &[Oid]) -> Option<Arc<Prepared>> {
        let prepared = Arc::clone(self.plans.parsed.get(sql)?);
        let planning = prepared.planning.lock().clone()?;
        if prepared.declared != declared || planning.planned.reads_clock {
            return None;
        }
        self.note_query();
        let catalog = self.definitions().ok()?;
        let read_alike = planning.settings == self.surroundings.settings.version();
        (read_alike && Arc::ptr_eq(&planning.catalog, &catalog)).then_some(prepared)
    }

    /// The plan of a statement for the definitions of now; None for a utility statement.
    pub(super) fn planning(&mut self, prepared: &Prepared) -> Result<Option<Arc<Planning>>> {
        let Some(statement) = &prepared.statement else { return Ok(None) };
        if !statement.kind.is_plannable() {
            return Ok(None);
        }
        self.note_query();
        let planning = self.travel(statement, None).and_then(|()| self.planning_here(prepared));
        self.come_back();
        planning
    }

    /// In a block the first look at definitions is its first query, as in PostgreSQL: from then on its
    /// snapshot stays.
    #[inline]
    pub(super) fn note_query(&mut self) {
        if let Some(open) = self.block.open().filter(|open| open.explicit) {
            open.has_queried = true;
        }
    }

    /// The plan of a statement for the definitions that the open transaction sees.
    pub(super) fn planning_here(&mut self, prepared: &Prepared) -> Result<Option<Arc<Planning>>> {
        let Some(statement) = &prepared.statement else { return Ok(None) };
        if let Some(known) = self.known_planning(prepared) {
            return Ok(Some(known));
        }
        let catalog = self.definitions()?;
        self.planning_for(prepared, statement, catalog).map(Some)
    }

    /// Takes the transaction to the time at which a statement that is about to run reads.
    #[inline]
    pub(super) fn travel_for(&mut self, prepared: &Prepared, values: &[Datum]) -> Result<()> {
        let Some(statement) = &prepared.statement else { return Ok(()) };
        let types = match &statement.system_time {
            Some(clause) if clause.has_parameters => prepared.parameter_types(),
            _ => Vec::new(),
        };
        let values = if types.is_empty() { &[] } else { values };
        self.travel(statement, Some(Given { types: &types, values }))
    }

    /// The plan of a statement for a portal: an earlier run of it, when there is one and its plan is
    /// still right.
    #[inline]
    pub(super) fn bound(&mut self, prepared: &Prepared) -> Result<Option<Bound>> {
        if let Some(run) = prepared.idle.take()
            && prepared.statement.as_ref().is_some_and(|statement| statement.system_time.is_none())
            && self.is_known(prepared, &run.planning)
        {
            self.note_query();
            return Ok(Some(Bound::Idle(run)));
        }
        Ok(self.planning(prepared)?.map(Bound::Planned))
    }

    /// The plan that was made before, if it is still right.
    fn known_planning(&self, prepared: &Prepared) -> Option<Arc<Planning>> {
        let known = prepared.planning.lock();
        let known = known.as_ref()?;
        self.is_known(prepared, known).then(|| Arc::clone(known))
    }

    /// Whether the definitions at hand and the settings are still those a plan was made from.
    #[inline]
    fn is_known(&self, prepared: &Prepared, planning: &Planning) -> bool {
        let Some(catalog) = self.known_definitions() else { return false };
        self.is_right(prepared, planning, catalog)
    }

    /// Whether a plan is still right for these definitions.
    #[inline]
    fn is_right(&self, prepared: &Prepared, planning: &Planning, catalog: &Arc<Catalog>) -> bool {
        Arc::ptr_eq(&planning.catalog, catalog)
            && if prepared.described {
                self.searches_like(planning)
            } else {
                self.are_settings_of(planning) && !planning.planned.reads_clock
            }
    }

    /// Whether a plan of a portal that was bound earlier is as the settings say now.
    #[inline]
    pub(super) fn is_bound_alike(&self, prepared: &Prepared, planning: &Planning) -> bool {
        self.are_settings_of(planning) || prepared.described && self.searches_like(planning)
    }

    #[inline]
    fn are_settings_of(&self, planning: &Planning) -> bool {
        planning.settings == self.surroundings.settings.version()
    }

    /// Whether names are looked for in the schemas of a plan.
    #[inline]
    fn searches_like(&self, planning: &Planning) -> bool {
        let settings = self.surroundings.settings.version();
        if planning.same_path.load(Ordering::Relaxed) == settings {
            return true;
        }
        let same = self.surroundings.search_path_in(&planning.catalog) == planning.path;
        if same {
            planning.same_path.store(settings, Ordering::Relaxed);
        }
        same
    }

    fn planning_for(
        &mut self,
        prepared: &Prepared,
        statement: &Statement,
        catalog: Arc<Catalog>,
    ) -> Result<Arc<Planning>> {
        let known = prepared.planning.lock().clone();
        if let Some(known) = &known
            && self.is_right(prepared, known, &catalog)
        {
            return Ok(Arc::clone(known));
        }
        let known = known.filter(|_| prepared.described);
        let path = self.surroundings.search_path_in(&catalog);
        let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
        let read_alike = known.as_ref();
        let read_alike = read_alike.filter(|known| known.path == path && known.is_about(&catalog));
        let read_before = read_alike.map(|known| &known.formats);
        let mut types = match &known {
            Some(known) => known.parameters.iter().copied().map(Some).collect(),
            None => declared_types(&prepared.declared)?,
        };
        if let Some(clause) = statement.system_time.as_deref().filter(|c| c.has_parameters) {
            let formats = self.surroundings.settings.effective().formats.clone();
            let names = self.surroundings.names();
            analyze::system_time(&clause.time, &statement.source, &names, &formats, &mut types)?;
        }
        let mut planned = self.plan(statement, &catalog, &mut types, read_before)?;
        if planned.reads_clock && read_before.is_none() && self.block.open().is_none() {
            // Its time is that of the transaction it runs in.
            self.open_transaction()?;
            planned = self.plan(statement, &catalog, &mut types, None)?;
        }
        let settings = &self.surroundings.settings;
        let (version, current) = (settings.version(), &settings.effective().formats);
        let formats = read_before.unwrap_or(current).clone();
        let settings = read_alike.map_or(version, |known| known.settings);
        if known.is_some_and(|known| !known.planned.gives_the_same(&planned)) {
            return Err(match &statement.system_time {
                Some(clause) if clause.has_parameters => SnapshotError::ColumnsOfOtherTime.into(),
                _ => StatementError::ResultTypeChanged.into(),
            });
        }
        let parameters = inferred(types)?;
        let same_path = AtomicU64::new(version);
        let planning =
            Planning { planned, parameters, catalog, path, formats, settings, same_path };
        let planning = Arc::new(planning);
        *prepared.planning.lock() = Some(Arc::clone(&planning));
        Ok(planning)
    }
}

/// The types a client declared; an unknown OID is an error, 0 is to be inferred.
fn declared_types(declared: &[Oid]) -> Result<Vec<Option<Type>>> {
    let one = |oid: &Oid| match *oid {
        Oid(0) => Ok(None),
        oid if oid == Type::UNKNOWN.oid => Ok(None),
        oid => match crate::types::catalog::by_oid(oid) {
            Some(_) => Ok(Some(Type { oid, modifier: -1 })),
            None => Err(Error::from(StatementError::UndefinedParameterType { oid: oid.0 })),
        },
    };
    declared.iter().map(one).collect()
}

/// The types of all parameters once the statement has been analyzed.
fn inferred(types: Vec<Option<Type>>) -> Result<Vec<Type>> {
    let one = |(index, ty): (usize, Option<Type>)| {
        ty.ok_or_else(|| StatementError::IndeterminateParameter { number: index + 1 }.into())
    };
    types.into_iter().enumerate().map(one).collect()
}

/// The one statement of a Parse message.
pub(super) fn single(sql: &str) -> Result<Option<Statement>> {
    let mut statements = parser::parse(sql)?;
    if statements.len() > 1 {
        return Err(StatementError::SeveralCommands.into());
    }
    Ok(statements.pop())
}

#[cfg(test)]
mod tests {
    use crate::session::explain::Nowhere;
    use crate::{ConnectOptions, Database, Options};

    #[test]
    fn many_values_are_not_kept_for_the_next_run() {
        let database = Database::open_in_memory(Options::default()).unwrap();
        let (user, name) = ("postgres".to_owned(), "postgres".to_owned());
        let options = ConnectOptions { user, database: name, settings: Vec::new() };
        let mut session = database.connect(options).unwrap();
        for (sql, kept) in [
            ("select array_agg(g) from generate_series(1, 100000) g", false),
            ("select 1 in (select g from generate_series(1, 100000) g)", false),
            ("select g from generate_series(1, 100000) g", true),
        ] {
            session.parse("", sql, &[]).unwrap();
            session.bind("", "", &[], &[], &[]).unwrap();
            let _ = session.execute("", 0, &mut Nowhere).unwrap();
            let prepared = session.prepared("").unwrap();
            assert_eq!(prepared.idle.take().is_some(), kept, "{sql}");
        }
    }
}
