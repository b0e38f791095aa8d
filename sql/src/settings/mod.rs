//! Settings: what SET changes and SHOW prints.
//!
//! [`table`] says which there are and what each means; [`Settings`] holds one session's values.
//! A change made in a transaction block ends with it when the block rolls back, and SET LOCAL
//! ends with it always.
//!
//! # Invariants
//!
//! 1. A value in [`Settings`] has passed its setting's check and stands in canonical form.
//! 2. [`Settings::effective`] always says the same as the texts.
//! 3. The undo log holds the state before each change, oldest first, and is empty outside a
//!    transaction.

mod effective;
mod elsewhere;
mod level;
mod table;
mod value;

use std::borrow::Cow;

use effective::Effective;
pub use level::Level;
pub use table::{Context, Setting, Unit};

use crate::error::{Result, SettingError};
use crate::types::Formats;
use elsewhere::ELSEWHERE;
use table::SETTINGS;

/// One session's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    values: Vec<Value>,
    /// Since the last mark one change a setting.
    undo: Vec<Change>,
    marked: usize,
    effective: Effective,
    reported: Vec<(String, String)>,
    version: u64,
}

#[derive(Clone, Debug, Default)]
struct Value {
    /// What RESET goes back to.
    start: Option<String>,
    session: Option<String>,
    local: Option<String>,
}

#[derive(Clone, Debug)]
struct Change {
    index: usize,
    before: Value,
}

/// How long a change lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// From now on.
    Session,
    /// Until the transaction ends.
    Local,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::new()
    }
}

impl Settings {
    /// Every setting at its default.
    pub fn new() -> Settings {
        let mut settings = Settings {
            values: vec![Value::default(); SETTINGS.len()],
            undo: Vec::new(),
            marked: 0,
            effective: Effective::default(),
            reported: Vec::new(),
            version: 0,
        };
        for index in 0..SETTINGS.len() {
            settings.apply(index);
        }
        settings
    }

    /// Sets what a client sends when it connects: RESET goes back to it.
    ///
    /// # Errors
    ///
    /// As of [`Settings::set`].
    pub fn set_by_client(&mut self, name: &str, value: &str) -> Result<()> {
        check_changeable(&SETTINGS[find(name)?])?;
        self.set_start(name, value)
    }

    /// Sets what the connection, not the user, decides (`is_superuser`).
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name, 22023 for a bad value.
    pub fn set_start(&mut self, name: &str, value: &str) -> Result<()> {
        let index = find(name)?;
        let canonical = (SETTINGS[index].check)(&SETTINGS[index], value)?;
        self.values[index].start = Some(canonical);
        self.apply(index);
        Ok(())
    }

    /// Sets one setting; None goes back to the value at the start of the session. Returns the new
    /// value.
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name, 22023 for a bad value, 55P02 for one that cannot be changed.
    pub fn set(&mut self, name: &str, value: Option<&str>, scope: Scope) -> Result<String> {
        let index = find(name)?;
        let setting = &SETTINGS[index];
        check_changeable(setting)?;
        let canonical = value.map(|value| (setting.check)(setting, value)).transpose()?;
        self.remember(index);
        match scope {
            Scope::Local => {
                let start = self.values[index].start.clone();
                let default = || start.unwrap_or_else(|| setting.default.to_owned());
                self.values[index].local = Some(canonical.unwrap_or_else(default));
            }
            Scope::Session => {
                self.values[index].session = canonical;
                self.values[index].local = None;
            }
        }
        self.apply(index);
        Ok(self.value(index).into_owned())
    }

    /// RESET ALL.
    pub fn reset_all(&mut self) {
        for (index, setting) in SETTINGS.iter().enumerate() {
            let value = &self.values[index];
            let changed = value.session.is_some() || value.local.is_some();
            if changed && setting.context == Context::User && !setting.survives_reset_all() {
                self.remember(index);
                self.values[index].session = None;
                self.values[index].local = None;
                self.apply(index);
            }
        }
    }

    /// What SHOW prints.
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name.
    pub fn show(&self, name: &str) -> Result<(&'static Setting, String)> {
        let index = find(name)?;
        Ok((&SETTINGS[index], self.value(index).into_owned()))
    }

    /// Every setting with its value, by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static Setting, String)> {
        (0..SETTINGS.len()).map(|index| (&SETTINGS[index], self.value(index).into_owned()))
    }

    /// Grows with every change: what was made from the settings is still good while it is the same.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A value in canonical form, for a setting that somebody else keeps.
    ///
    /// # Errors
    ///
    /// As of [`Settings::set`].
    pub fn check(&self, name: &str, value: &str) -> Result<String> {
        let setting = &SETTINGS[find(name)?];
        (setting.check)(setting, value)
    }

    /// The values as the engine reads them.
    #[inline]
    pub fn effective(&self) -> &Effective {
        &self.effective
    }

    /// What texts depend on, for the parts that are no settings: the time and the names.
    #[inline]
    pub(crate) fn formats_mut(&mut self) -> &mut Formats {
        &mut self.effective.formats
    }

    /// The values of every setting a client is told of.
    pub fn reportable(&self) -> Vec<(String, String)> {
        self.all()
            .filter(|(setting, _)| setting.report)
            .map(|(setting, value)| (setting.name.to_owned(), value))
            .collect()
    }

    /// Changes to tell the client, since the last call.
    pub fn take_reported(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.reported)
    }

    /// A place to come back to: of a transaction's start, or a savepoint.
    pub fn mark(&mut self) -> usize {
        self.marked = self.undo.len();
        self.marked
    }

    /// Whether the transaction has changed any.
    pub fn has_changes(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Remembers what a setting was at the last mark.
    fn remember(&mut self, index: usize) {
        if !self.undo[self.marked..].iter().any(|change| change.index == index) {
            self.undo.push(Change { index, before: self.values[index].clone() });
        }
    }

    /// Takes back every change since `mark`.
    pub fn undo_to(&mut self, mark: usize) {
        self.marked = mark.min(self.undo.len());
        while self.undo.len() > mark {
            if let Some(change) = self.undo.pop() {
                self.values[change.index] = change.before;
                self.apply(change.index);
            }
        }
    }

    /// Ends a transaction: local values go, and after a rollback everything it changed.
    #[inline]
    pub fn end_transaction(&mut self, committed: bool) {
        if !self.undo.is_empty() {
            self.end_changes(committed);
        }
    }

    fn end_changes(&mut self, committed: bool) {
        if !committed {
            return self.undo_to(0);
        }
        self.marked = 0;
        for change in std::mem::take(&mut self.undo) {
            if self.values[change.index].local.take().is_some() {
                self.apply(change.index);
            }
        }
    }

    fn value(&self, index: usize) -> Cow<'_, str> {
        let Value { start, session, local } = &self.values[index];
        match local.as_ref().or(session.as_ref()).or(start.as_ref()) {
            Some(value) => Cow::Borrowed(value),
            None => Cow::Borrowed(SETTINGS[index].default),
        }
    }

    fn apply(&mut self, index: usize) {
        let setting = &SETTINGS[index];
        let value = self.value(index).into_owned();
        self.version += 1;
        self.effective.apply(setting.name, &value);
        if setting.report {
            self.reported.retain(|(name, _)| name != setting.name);
            self.reported.push((setting.name.to_owned(), value));
        }
    }
}

/// Whether a client may set it.
fn check_changeable(setting: &Setting) -> Result<()> {
    let name = setting.name;
    match setting.context {
        Context::User => Ok(()),
        Context::Internal => Err(SettingError::Fixed { name }.into()),
        Context::Server => Err(SettingError::NeedsRestart { name }.into()),
    }
}

/// Position of a setting in the table; names are matched without regard to case.
fn find(name: &str) -> Result<usize> {
    SETTINGS.iter().position(|setting| setting.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let lower = name.to_ascii_lowercase();
        if ELSEWHERE.binary_search(&lower.as_str()).is_ok() || lower.contains('.') {
            SettingError::Unsupported { name: name.to_owned() }.into()
        } else {
            SettingError::Unknown { name: name.to_owned() }.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollback_takes_back_what_the_transaction_set() {
        let mut settings = Settings::new();
        settings.set("work_mem", Some("8MB"), Scope::Session).unwrap();
        settings.end_transaction(true);
        settings.set("work_mem", Some("64kB"), Scope::Session).unwrap();
        settings.set("work_mem", Some("128kB"), Scope::Local).unwrap();
        assert_eq!(settings.show("WORK_MEM").unwrap().1, "128kB");
        settings.end_transaction(false);
        assert_eq!(settings.show("work_mem").unwrap().1, "8MB");
    }

    #[test]
    fn a_setting_is_remembered_once_between_marks() {
        let mut settings = Settings::new();
        let set = |settings: &mut Settings, value: &str| {
            settings.set("work_mem", Some(value), Scope::Session).unwrap();
        };
        (0..100).for_each(|_| set(&mut settings, "1MB"));
        assert_eq!(settings.undo.len(), 1);
        let mark = settings.mark();
        (0..100).for_each(|_| set(&mut settings, "2MB"));
        settings.mark();
        set(&mut settings, "3MB");
        assert_eq!(settings.undo.len(), 3);
        settings.undo_to(mark);
        assert_eq!(settings.show("work_mem").unwrap().1, "1MB");
        set(&mut settings, "5MB");
        settings.undo_to(mark);
        assert_eq!(settings.show("work_mem").unwrap().1, "1MB");
        settings.end_transaction(false);
        assert_eq!(settings.show("work_mem").unwrap().1, "4MB");
        set(&mut settings, "5MB");
        settings.end_transaction(false);
        assert_eq!(settings.show("work_mem").unwrap().1, "4MB");
    }

    #[test]
    fn a_time_zone_is_a_finite_number_of_hours() {
        let mut settings = Settings::new();
        for zone in ["nan", "-NaN", "inf", "1e300"] {
            assert!(settings.set("timezone", Some(zone), Scope::Session).is_err(), "{zone}");
        }
        settings.set("timezone", Some("-3.5"), Scope::Session).unwrap();
        assert_eq!(settings.show("timezone").unwrap().1, "<-03:30>+03:30");
    }

    #[test]
    fn commit_ends_local_values_only() {
        let mut settings = Settings::new();
        settings.set("statement_timeout", Some("5000"), Scope::Session).unwrap();
        settings.set("statement_timeout", Some("1min"), Scope::Local).unwrap();
        assert_eq!(settings.effective().statement_timeout_ms, 60_000);
        settings.end_transaction(true);
        assert_eq!(settings.show("statement_timeout").unwrap().1, "5s");
        assert_eq!(settings.effective().statement_timeout_ms, 5_000);
    }

    #[test]
    fn every_default_is_canonical() {
        for setting in SETTINGS {
            let checked = (setting.check)(setting, setting.default).unwrap();
            assert_eq!(checked, setting.default, "{}", setting.name);
        }
    }
}
