//! A session: one client's statements, one at a time.
//!
//! A statement comes as text (the simple protocol, [`Session::script`]) or is parsed, bound and
//! executed in steps (the extended one, [`Session::parse`]). Both end in a portal, which
//! [`Session::execute`] runs until its rows are out, the sink is full or the row limit is reached.
//!
//! # Invariants
//!
//! 1. A method that returns an error has already brought the transaction into the state the error
//!    leaves it in: rolled back, or failed and waiting for ROLLBACK.
//! 2. What [`Session::durable_needed`] returns covers every snapshot and commit whose effects are
//!    in the replies so far.
//! 3. Table locks are taken before the snapshot, and the definitions a plan was made from are
//!    looked at again once they are held.

mod activity;
mod as_of;
mod block;
mod bound;
mod copying;
mod counters;
mod definitions;
mod environment;
mod execute;
mod explain;
mod extended;
mod locks;
mod mail;
mod maintenance;
mod notice;
mod portal;
mod prepared;
mod simple;
mod transaction;
mod two_phase;
mod utility;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use reckon_mvcc::{Interrupt, TableLockId, Timestamp, Watch};

use crate::catalog::{AsOf, DatabaseDefinition, Role};
use crate::database::Database;
use crate::error::{NameError, Result, SqlState};
use crate::settings::Settings;
use crate::types::Oid;
pub(crate) use activity::Activities;
use activity::Activity;
use block::Block;
pub(crate) use bound::Names;
use copying::CopyIn;
use counters::Computed;
use environment::Surroundings;
pub(crate) use mail::Channels;
pub use mail::Notification;
pub use notice::{Notice, Severity};
use portal::Portal;
pub use portal::{Flow, MESSAGE_BYTES_MAX, Progress, RowEncoding, RowSink, Shape, Tag};
use prepared::{PlanCache, Prepared};
pub use prepared::{PortalDescription, StatementDescription};
pub use simple::Script;
use transaction::Characteristics;
pub(crate) use two_phase::Origin;

/// How a session begins.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// An authenticated role.
    pub user: String,
    /// The database.
    pub database: String,
    /// Settings of the startup message.
    pub settings: Vec<(String, String)>,
}

/// One client's session.
pub struct Session {
    database: Database,
    definition: DatabaseDefinition,
    /// When the database's definitions changed last.
    watch: Watch,
    user: Role,
    mvcc: reckon_mvcc::Session,
    block: Block,
    /// What AND CHAIN gave the block.
    chained: Option<Characteristics>,
    surroundings: Surroundings,
    /// What others see of it.
    activity: Arc<Activity>,
    /// The version of the settings that its application's name there is of.
    named_at: Option<u64>,
    /// The newest definitions read so far, without changes of an open transaction.
    committed: Option<AsOf>,
    /// The open transaction's own view, and which of its own changes it was read after.
    uncommitted: Option<(u64, AsOf)>,
    statements: HashMap<String, Arc<Prepared>, RandomState>,
    unnamed_statement: Option<Arc<Prepared>>,
    portals: HashMap<String, Box<Portal>, RandomState>,
    unnamed_portal: Option<Box<Portal>>,
    /// The last unnamed portal, for its memory.
    spare_portal: Option<Box<Portal>>,
    plans: PlanCache,
    copy_in: Option<CopyIn>,
    /// Whether the running statement is one of several in a text.
    in_script: bool,
    /// Whether the implicit transaction ends with the running statement.
    commits_at_end: bool,
    /// Whether a statement that waits for a row gives its thread back.
    leaves_waits: bool,
    relations: Computed,
    interrupt: Interrupt,
    notices: Vec<Notice>,
    durable_needed: Option<Timestamp>,
}

impl Session {
    pub(crate) fn new(
        database: Database,
        user: Role,
        definition: DatabaseDefinition,
        options: ConnectOptions,
    ) -> Result<Session> {
        let engine = database.engine().clone();
        let mvcc = engine.session();
        let watch = engine.watch(definition.catalog);
        let interrupt = mvcc.interrupt();
        let mut settings = Settings::new();
        let superuser = if user.superuser { "on" } else { "off" };
        settings.set_start("is_superuser", superuser)?;
        settings.set_start("session_authorization", &user.name)?;
        let deadlock_ms = engine.deadlock_timeout().as_millis();
        settings.set_start("deadlock_timeout", &deadlock_ms.to_string())?;
        let most_prepared = engine.max_prepared_transactions();
        settings.set_start("max_prepared_transactions", &most_prepared.to_string())?;
        for (name, value) in &options.settings {
            settings.set_by_client(name, value)?;
        }
        let surroundings = Surroundings::new(database.clone(), &mvcc, settings, &user, &definition);
        if !database.inner().presence.enter(definition.oid) {
            return Err(NameError::UndefinedDatabase { name: definition.name }.into());
        }
        let begun_at = environment::now(&engine);
        let activity = Activity::new(surroundings.pid, &user, &definition, begun_at);
        let activity = Arc::new(activity);
        database.inner().activities.enter(Arc::clone(&activity));
        let (catalog, viewer) = (definition.catalog, user.clone());
        let mut session = Session {
            relations: Computed { database: database.clone(), catalog, user: viewer },
            activity,
            named_at: None,
            database,
            definition,
            watch,
            user,
            mvcc,
            block: Block::Idle,
            chained: None,
            surroundings,
            committed: None,
            uncommitted: None,
            statements: HashMap::default(),
            unnamed_statement: None,
            portals: HashMap::default(),
            unnamed_portal: None,
            spare_portal: None,
            plans: PlanCache::default(),
            copy_in: None,
            in_script: false,
            commits_at_end: false,
            leaves_waits: false,
            interrupt,
            notices: Vec::new(),
            durable_needed: None,
        };
        session.name_application();
        Ok(session)
    }

    /// The letter in ReadyForQuery: `I`dle, in a `T`ransaction block, or in a failed one (`E`).
    pub fn transaction_status(&self) -> u8 {
        self.block.status()
    }

    /// What must be durable before the replies so far may go out; taken.
    pub fn durable_needed(&mut self) -> Option<Timestamp> {
        self.durable_needed.take()
    }

    /// Blocks until the replies so far may be shown: from then on all other sessions see what they tell.
    /// For who has no executor to wait with.
    pub fn wait_until_durable(&mut self) {
        let engine = self.database.engine();
        if let Some(timestamp) = self.durable_needed.take()
            && engine.durable() < timestamp
        {
            engine.on_durable(timestamp).wait();
        }
    }

    /// Notices since the last call, as far as `client_min_messages` asks for them.
    pub fn notices(&mut self) -> Vec<Notice> {
        self.notices.append(&mut self.surroundings.warnings.take());
        let mut notices = std::mem::take(&mut self.notices);
        let least = self.surroundings.settings.effective().least_notice;
        notices.retain(|notice| notice.severity >= least);
        notices
    }

    /// The number other sessions know this one by: what `pg_backend_pid()` says.
    pub fn backend_pid(&self) -> i32 {
        self.surroundings.pid
    }

    /// Notifications to tell the client: between transactions those that have arrived. When that is more than a
    /// megabyte, only the first of them; then `wake` of [`on_notification`](Self::on_notification) is called again.
    pub fn notifications(&mut self) -> Vec<Notification> {
        if !matches!(self.block, Block::Idle) {
            return Vec::new();
        }
        let (notifications, needed) = self.surroundings.mail.take();
        self.need_durable(needed);
        notifications
    }

    /// Whether notifications may arrive.
    pub fn is_listening(&self) -> bool {
        self.surroundings.mail.listening().next().is_some()
    }

    /// Calls `wake`, in any thread, whenever a notification arrives. Set once.
    pub fn on_notification(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.surroundings.mail.on_arrival(wake);
    }

    /// Settings to tell the client (ParameterStatus): after connecting all that are reported,
    /// later those that changed.
    pub fn parameter_changes(&mut self) -> Vec<(String, String)> {
        self.surroundings.settings.take_reported()
    }

    /// The settings as they are.
    pub fn settings(&self) -> &Settings {
        &self.surroundings.settings
    }

    /// How other threads stop what this session is doing.
    pub fn interrupt(&self) -> Interrupt {
        self.surroundings.interrupt.clone()
    }

    /// Brings the transaction into the state after an error, also one that the caller found
    /// (a bad message): the open statement, its portal and COPY are gone. In a block that can go back to a
    /// savepoint, what is older than the last of them stays: portals, settings, notifications to send.
    pub fn fail(&mut self) {
        let needed = self.block.fail();
        self.need_durable(needed);
        self.copy_in = None;
        self.commits_at_end = false;
        self.in_script = false;
        self.drop_portals_behind(self.block.savepoints().len());
        self.surroundings.exportable = None;
        self.surroundings.turns_read_only = false;
        self.uncommitted = None;
        let mark = self.block.savepoints().last();
        let (settings, mail) = mark.map_or((0, 0), |mark| (mark.settings, mark.mail));
        self.surroundings.settings.undo_to(settings);
        self.surroundings.mail.undo_to(mail);
    }

    fn need_durable(&mut self, timestamp: Option<Timestamp>) {
        self.durable_needed = self.durable_needed.max(timestamp);
    }

    /// Passes a result on, after [`Session::fail`] for an error (invariant 1).
    fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.fail();
        }
        result
    }

    /// A NOTICE for each name in a text that was longer than a name may be; whether there was one.
    fn notice_cut_names(&mut self, statement: Option<&crate::parser::Statement>) -> bool {
        let names = statement.map(|s| s.source.cut_names()).unwrap_or_default();
        let any = !names.is_empty();
        for (name, cut) in names {
            let message = format!("identifier \"{name}\" will be truncated to \"{cut}\"");
            self.notice(Notice::new(SqlState::NAME_TOO_LONG, message));
        }
        any
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let inner = self.database.inner();
        inner.presence.leave(self.definition.oid);
        inner.activities.leave(self.surroundings.pid);
        self.surroundings.mail.close(&inner.channels, self.definition.oid);
        if let Block::Open(open) | Block::Failed(Some(open)) = std::mem::take(&mut self.block) {
            open.transaction.rollback();
        }
    }
}

/// The lock on a table of a database.
fn table_lock(database: Oid, table: Oid) -> TableLockId {
    TableLockId { database: database.0, relation: table.0 }
}
