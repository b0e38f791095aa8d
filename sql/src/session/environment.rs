//! What functions may ask of the session that runs them.

use std::cell::Cell;
use std::time::Duration;

use reckon_mvcc::{
    AdvisoryKey, AdvisoryLock, Engine, Export, Interrupt, Isolation, Pace, Reason, SessionId, Wait,
};

use super::bound::Current;
use super::mail::Mail;
use super::notice::{Severity, Warnings};
use crate::catalog::{Catalog, DatabaseDefinition, Role};
use crate::database::Database;
use crate::error::{
    ExecutionError, Result, SnapshotError, StatementError, SyntaxError, TransactionError,
};
use crate::expr::function::{Advisory, AdvisoryScope, Environment};
use crate::settings::{Level, Scope, Settings};
use crate::types::{self, Formats, Oid};

/// Microseconds between the Unix epoch and 2000-01-01.
pub(super) const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// The name of a channel, in bytes.
const CHANNEL_BYTES_MAX: usize = 63;

/// What a notification may say, in bytes.
const PAYLOAD_BYTES_MAX: usize = 8000;

/// How many random bytes are drawn from the system at a time.
const RANDOM_BYTES: usize = 4096;

/// A session as functions see it.
pub(crate) struct Surroundings {
    pub(super) instance: Database,
    pub(super) engine: Engine,
    pub(super) advisory: reckon_mvcc::Advisory,
    pub(super) settings: Settings,
    pub(super) user: String,
    superuser: bool,
    pub(super) database: String,
    pub(super) database_oid: Oid,
    pub(super) pid: i32,
    pub(super) transaction_time: i64,
    pub(super) statement_time: i64,
    /// The definitions of the statement that runs.
    pub(super) current: Current,
    /// How locks are waited for, as of a version of the settings.
    wait: Cell<Option<(u64, Wait)>>,
    pub(super) interrupt: Interrupt,
    /// How long functions have computed.
    pace: Pace,
    /// Notifications to send and to tell.
    pub(super) mail: Mail,
    pub(super) exporter: reckon_mvcc::Exporter,
    /// The snapshot of the statement that runs, and whether that is in a subtransaction.
    pub(super) exportable: Option<(Export, bool)>,
    /// The level of the transaction as it was named.
    pub(super) level: Level,
    /// Whether `set_config` has made the transaction READ ONLY, from the next statement on.
    pub(super) turns_read_only: bool,
    /// What functions had to say.
    pub(super) warnings: Warnings,
    random: Vec<u8>,
}

impl Surroundings {
    pub(super) fn new(
        instance: Database,
        mvcc: &reckon_mvcc::Session,
        settings: Settings,
        user: &Role,
        database: &DatabaseDefinition,
    ) -> Surroundings {
        let level = settings.effective().default_isolation;
        Surroundings {
            engine: instance.engine().clone(),
            instance,
            advisory: mvcc.advisory(),
            settings,
            user: user.name.clone(),
            superuser: user.superuser,
            database: database.name.clone(),
            database_oid: database.oid,
            pid: mvcc.id().0 as i32,
            transaction_time: 0,
            statement_time: 0,
            current: Current::default(),
            wait: Cell::new(None),
            interrupt: mvcc.interrupt(),
            pace: Pace::default(),
            mail: Mail::default(),
            exporter: mvcc.exporter(),
            exportable: None,
            level,
            turns_read_only: false,
            warnings: Warnings::default(),
            random: Vec::new(),
        }
    }

    fn advisory_key(&self, lock: Advisory) -> (AdvisoryKey, AdvisoryLock) {
        let Advisory { high, low, pair, shared } = lock;
        let key = AdvisoryKey { database: self.database_oid.0, high, low, pair };
        (key, if shared { AdvisoryLock::Share } else { AdvisoryLock::Exclusive })
    }

    /// How long a lock is waited for.
    #[inline]
    pub(super) fn lock_wait(&self) -> Wait {
        let version = self.settings.version();
        if let Some((known, wait)) = self.wait.get()
            && known == version
        {
            return wait;
        }
        let effective = self.settings.effective();
        self.advisory.set_deadlock_timeout(Duration::from_millis(effective.deadlock_timeout_ms));
        let wait = match effective.lock_timeout_ms {
            0 => Wait::Block,
            milliseconds => Wait::Timeout(Duration::from_millis(milliseconds)),
        };
        self.wait.set(Some((version, wait)));
        wait
    }

    /// Names of the schemas searched for unqualified names, those that exist, `pg_catalog` first
    /// unless the path puts it elsewhere.
    pub(super) fn search_path(&self) -> Vec<&str> {
        self.search_path_in(self.catalog())
    }

    /// The same for other definitions.
    pub(super) fn search_path_in(&self, catalog: &Catalog) -> Vec<&str> {
        let listed = &self.settings.effective().search_path;
        let mut path = Vec::with_capacity(listed.len() + 1);
        if !listed.iter().any(|name| name == "pg_catalog") {
            path.push("pg_catalog");
        }
        for name in listed {
            let name = if name == "$user" { self.user.as_str() } else { name.as_str() };
            if name == "pg_catalog" || catalog.schema(name).is_some() {
                path.push(name);
            }
        }
        path
    }
}

/// Whether a setting is the transaction's: to set it is SET TRANSACTION.
pub(super) fn is_of_transaction(name: &str) -> bool {
    ["transaction_deferrable", "transaction_isolation", "transaction_read_only"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

impl Surroundings {
    /// `set_config` of what SET TRANSACTION sets. It comes in a query, so that most of it comes too late.
    fn set_transaction_setting(&mut self, name: &str, value: &str) -> Result<String> {
        let checked = self.settings.check(name, value)?;
        let Some((Export { isolation, read_only, .. }, behind)) = self.exportable else {
            return Err(SyntaxError::unsupported("set_config of a transaction's setting").into());
        };
        let was = read_only || self.turns_read_only;
        match (&*name.to_ascii_lowercase(), &*checked) {
            ("transaction_isolation", level) if Level::named(level) != Some(self.level) => {
                return Err(TransactionError::IsolationTooLate.into());
            }
            ("transaction_deferrable", _) if behind => {
                return Err(TransactionError::DeferrableInSubtransaction.into());
            }
            ("transaction_deferrable", _) => {
                return Err(TransactionError::DeferrableTooLate.into());
            }
            ("transaction_read_only", "on") if !was => {
                if behind && isolation == Isolation::Serializable {
                    return Err(super::transaction::read_only_behind_savepoint());
                }
                self.turns_read_only = true;
            }
            ("transaction_read_only", "off") if was && behind => {
                return Err(TransactionError::ReadWriteInSubtransaction.into());
            }
            ("transaction_read_only", "off") if was => {
                return Err(TransactionError::ReadWriteTooLate.into());
            }
            _ => {}
        }
        Ok(checked)
    }

    /// The clock, in microseconds since 2000-01-01 UTC.
    pub(super) fn clock(&self) -> i64 {
        now(&self.engine)
    }
}

impl Environment for Surroundings {
    fn transaction_time(&self) -> i64 {
        self.transaction_time
    }

    fn statement_time(&self) -> i64 {
        self.statement_time
    }

    fn clock_time(&self) -> i64 {
        now(&self.engine)
    }

    fn setting(&self, name: &str) -> Option<String> {
        let (setting, value) = self.settings.show(name).ok()?;
        let read_only =
            || self.turns_read_only || self.exportable.as_ref().is_some_and(|(e, _)| e.read_only);
        Some(match setting.name {
            "transaction_isolation" => self.level.name().to_owned(),
            "transaction_read_only" => if read_only() { "on" } else { "off" }.to_owned(),
            _ => value,
        })
    }

    fn set_setting(&mut self, name: &str, value: &str, local: bool) -> Result<String> {
        if is_of_transaction(name) {
            return self.set_transaction_setting(name, value);
        }
        let scope = if local { Scope::Local } else { Scope::Session };
        self.settings.set(name, Some(value), scope)
    }

    fn formats(&self) -> &Formats {
        &self.settings.effective().formats
    }

    fn session_user(&self) -> &str {
        &self.user
    }

    fn is_superuser(&self) -> bool {
        self.superuser
    }

    fn current_user(&self) -> &str {
        &self.user
    }

    fn database(&self) -> &str {
        &self.database
    }

    fn backend_pid(&self) -> i32 {
        self.pid
    }

    fn search_path(&self) -> Vec<String> {
        self.search_path().into_iter().map(str::to_owned).collect()
    }

    fn searches_catalog(&self) -> bool {
        self.settings.effective().search_path.iter().any(|name| name == "pg_catalog")
    }

    fn check(&self) -> Result<()> {
        Ok(self.interrupt.check_paced(&self.pace)?)
    }

    fn stand_aside(&self) {
        self.interrupt.stand_aside();
    }

    fn sleep(&mut self, duration: Duration) -> Result<()> {
        Ok(self.interrupt.sleep(duration)?)
    }

    fn relation_name(&mut self, oid: Oid) -> Result<Option<String>> {
        Ok(types::Names::relation_name(&self.names(), oid))
    }

    fn relation_oid(&mut self, name: &str) -> Result<Option<Oid>> {
        types::Names::relation_oid(&self.names(), name)
    }

    fn random(&mut self) -> [u8; 16] {
        if self.random.len() < 16 {
            self.random.resize(RANDOM_BYTES, 0);
            // Without entropy there is no safe way on: what asks for it may be making a key.
            getrandom::fill(&mut self.random).unwrap_or_else(|_| std::process::abort());
        }
        let rest = self.random.len() - 16;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.random[rest..]);
        self.random.truncate(rest);
        bytes
    }

    fn lock_advisory(&mut self, lock: Advisory, scope: AdvisoryScope, wait: bool) -> Result<bool> {
        let (key, mode) = self.advisory_key(lock);
        let wait = if wait { self.lock_wait() } else { Wait::Skip };
        Ok(match scope {
            AdvisoryScope::Session => self.advisory.lock(key, mode, wait)?,
            AdvisoryScope::Transaction => self.advisory.lock_in_transaction(key, mode, wait)?,
        })
    }

    fn unlock_advisory(&mut self, lock: Advisory) -> bool {
        let (key, mode) = self.advisory_key(lock);
        self.advisory.unlock(key, mode)
    }

    fn unlock_all_advisory(&mut self) {
        self.advisory.unlock_all();
    }

    fn blockers(&mut self, pid: i32) -> Vec<i32> {
        let Ok(pid) = u32::try_from(pid) else { return Vec::new() };
        let blockers = self.engine.blockers(SessionId(pid));
        let pid = |id: SessionId| if id.is_prepared() { 0 } else { id.0 as i32 };
        blockers.into_iter().map(pid).collect()
    }

    fn stop_session(&mut self, pid: i32, ends_session: bool) -> bool {
        let reason = if ends_session { Reason::Terminate } else { Reason::Cancel };
        self.instance.stop_session(pid, reason)
    }

    fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        if channel.is_empty() {
            return Err(StatementError::NoChannelName.into());
        }
        if channel.len() > CHANNEL_BYTES_MAX {
            return Err(StatementError::ChannelNameTooLong.into());
        }
        if payload.len() >= PAYLOAD_BYTES_MAX {
            return Err(StatementError::PayloadTooLong.into());
        }
        self.mail.notify(channel, payload)
    }

    fn notification_usage(&self) -> f64 {
        self.instance.inner().channels.usage()
    }

    fn listening(&self) -> Vec<String> {
        self.mail.listening().cloned().collect()
    }

    fn export_snapshot(&mut self) -> Result<String> {
        match &self.exportable {
            Some((_, true)) => Err(SnapshotError::ExportInSubtransaction.into()),
            Some((export, false)) => Ok(self.exporter.export(export)),
            None => Err(ExecutionError::Internal { what: "no snapshot to export" }.into()),
        }
    }

    fn snapshot_blockers(&mut self, pid: i32) -> Vec<i32> {
        let Ok(pid) = u32::try_from(pid) else { return Vec::new() };
        let blockers = self.engine.snapshot_blockers(SessionId(pid));
        blockers.into_iter().map(|SessionId(id)| id as i32).collect()
    }

    fn session_exists(&mut self, pid: i32) -> bool {
        let session = u32::try_from(pid).ok().map(SessionId);
        session.is_some_and(|session| self.engine.interrupt(session).is_some())
    }

    fn warn(&mut self, message: String) {
        if self.settings.effective().least_notice <= Severity::Warning {
            self.warnings.add(message);
        }
    }

    fn index_outline(&mut self, relation: Oid) -> Option<String> {
        let keyspace = self.catalog().keyspace(relation)?;
        Some(self.engine.tree_outline(keyspace))
    }

    fn use_models(&mut self, on: bool) -> bool {
        self.engine.use_models(on)
    }
}

/// The statement's and transaction's clock in PostgreSQL's epoch.
#[inline]
pub(super) fn now(engine: &Engine) -> i64 {
    engine.now().0 as i64 - EPOCH_MICROSECONDS
}
