//! What functions need of a session, without one.

use std::time::Duration;

use reckon_sql::error::Result;
use reckon_sql::expr::function::{Advisory, AdvisoryScope, Environment};
use reckon_sql::types::{Formats, Oid};

/// A session that knows nothing but its clock.
pub(crate) struct Alone {
    pub(crate) formats: Formats,
}

/// 2024-03-15 12:34:56.789 UTC.
pub(crate) const NOW: i64 = 763_907_696_789_000;

impl Environment for Alone {
    fn check(&self) -> Result<()> {
        Ok(())
    }
    fn stand_aside(&self) {}
    fn transaction_time(&self) -> i64 {
        NOW
    }
    fn statement_time(&self) -> i64 {
        NOW
    }
    fn clock_time(&self) -> i64 {
        NOW
    }
    fn setting(&self, _: &str) -> Option<String> {
        None
    }
    fn set_setting(&mut self, _: &str, value: &str, _: bool) -> Result<String> {
        Ok(value.to_owned())
    }
    fn formats(&self) -> &Formats {
        &self.formats
    }
    fn session_user(&self) -> &str {
        "postgres"
    }
    fn is_superuser(&self) -> bool {
        true
    }

    fn current_user(&self) -> &str {
        "postgres"
    }
    fn database(&self) -> &str {
        "postgres"
    }
    fn backend_pid(&self) -> i32 {
        1
    }
    fn search_path(&self) -> Vec<String> {
        vec!["pg_catalog".to_owned(), "public".to_owned()]
    }
    fn searches_catalog(&self) -> bool {
        false
    }
    fn sleep(&mut self, _: Duration) -> Result<()> {
        Ok(())
    }
    fn relation_name(&mut self, _: Oid) -> Result<Option<String>> {
        Ok(None)
    }
    fn relation_oid(&mut self, _: &str) -> Result<Option<Oid>> {
        Ok(None)
    }
    fn random(&mut self) -> [u8; 16] {
        [7; 16]
    }
    fn lock_advisory(&mut self, _: Advisory, _: AdvisoryScope, _: bool) -> Result<bool> {
        Ok(true)
    }
    fn unlock_advisory(&mut self, _: Advisory) -> bool {
        false
    }
    fn unlock_all_advisory(&mut self) {}
    fn blockers(&mut self, _: i32) -> Vec<i32> {
        Vec::new()
    }
    fn stop_session(&mut self, _: i32, _: bool) -> bool {
        false
    }
    fn notify(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
    fn notification_usage(&self) -> f64 {
        0.0
    }
    fn listening(&self) -> Vec<String> {
        Vec::new()
    }
    fn export_snapshot(&mut self) -> Result<String> {
        Ok(String::new())
    }

    fn snapshot_blockers(&mut self, _: i32) -> Vec<i32> {
        Vec::new()
    }

    fn session_exists(&mut self, _: i32) -> bool {
        false
    }

    fn warn(&mut self, _: String) {}
    fn index_outline(&mut self, _: Oid) -> Option<String> {
        None
    }
    fn use_models(&mut self, _: bool) -> bool {
        true
    }
}
