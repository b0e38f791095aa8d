//! SQL scripts: `tests/scripts/<area>/<case>.sql`, run through psql in a database of their own.
//!
//! Beside each stands `<case>.out`, written by PostgreSQL 15 and never by us: input and output side by
//! side, errors with SQLSTATE, detail, hint and position. A wanted difference stands in `<case>.diff`:
//!
//! ```text
//! # Why ours is better or cannot be the same.
//! @@
//! -PostgreSQL's lines
//! +ours
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Address, Psql, Session, condition, difference};

/// A script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script {
    /// `<area>/<case>`.
    pub name: String,
    path: PathBuf,
}

/// Directory of all scripts.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// All scripts whose name contains `filter`, in order of their names.
pub fn all(filter: &str) -> Vec<Script> {
    let mut scripts = Vec::new();
    for area in entries(&directory()) {
        for path in
            entries(&area).into_iter().filter(|path| path.extension() == Some("sql".as_ref()))
        {
            let (area, case) = (area.file_name(), path.file_stem());
            let (area, case) = (area.unwrap_or_default(), case.unwrap_or_default());
            let name = format!("{}/{}", area.to_string_lossy(), case.to_string_lossy());
            if name.contains(filter) {
                scripts.push(Script { name, path });
            }
        }
    }
    scripts.sort();
    scripts
}

/// What a directory contains.
pub(crate) fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.expect("directory entry").path()).collect()
}

impl Script {
    /// Its statements and psql commands.
    pub fn text(&self) -> String {
        fs::read_to_string(&self.path).expect("read the script")
    }

    /// What psql shows for it on the server at `address`, in a new database that is dropped again.
    pub fn run(&self, address: &Address) -> String {
        let database = self.name.replace(['/', '-'], "_");
        let mut session = Session::connect(address, "postgres");
        session.run(&format!("create database {database}"));
        let dir = self.path.parent().expect("a script is in a directory");
        let psql = Psql::new(address, &database).args(&["-a", "-v", "VERBOSITY=verbose"]).dir(dir);
        let shown = psql.run(&self.text());
        // The server may not have noticed yet that psql has left.
        condition::until("the database to be dropped", || {
            let dropped = session.query(&format!("drop database {database}"));
            dropped.is_ok_and(|answer| answer.tag == "DROP DATABASE")
        });
        without_locations(&shown)
    }

    /// Writes the expected output from PostgreSQL at `address`; true when it changed.
    pub fn bless(&self, address: &Address) -> bool {
        let path = self.path.with_extension("out");
        let shown = self.run(address);
        let changed = fs::read_to_string(&path).is_ok_and(|old| old == shown);
        fs::write(&path, shown).expect("write the expected output");
        !changed
    }

    /// Runs it and compares.
    ///
    /// # Errors
    ///
    /// The differences that are not wanted, and the wanted ones that did not appear.
    pub fn check(&self, address: &Address) -> Result<(), String> {
        let expected = fs::read_to_string(self.path.with_extension("out"));
        let expected = expected.map_err(|_| "no expected output: run make bless".to_owned())?;
        let wanted = fs::read_to_string(self.path.with_extension("diff")).unwrap_or_default();
        let wanted = difference::wanted(&wanted)?;
        let found = difference::blocks(&expected, &self.run(address));
        if found == wanted {
            return Ok(());
        }
        let mut report = String::new();
        for block in found.iter().filter(|block| !wanted.contains(block)) {
            report.push_str(&format!("@@\n{block}"));
        }
        for block in wanted.iter().filter(|block| !found.contains(block)) {
            report.push_str(&format!("wanted, but not seen\n@@\n{block}"));
        }
        Err(report)
    }
}

/// LOCATION names a line of the server's sources, which is nobody's business.
fn without_locations(shown: &str) -> String {
    shown.lines().filter(|line| !line.starts_with("LOCATION:  ")).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    )
}
