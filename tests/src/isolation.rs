//! Named sessions that wait for one another, written as a script.
//!
//! ```text
//! a: begin                         runs in session a
//! a: update t set v = 1
//! b: update t set v = 2            b waits for a: the transcript says so
//! a: commit
//! b.                               now b's answer is taken
//! ```
//!
//! Those of `tests/isolation` are files `<area>/<case>.steps`; where one says `$level` it is run at each
//! isolation level. Beside each stands `<case>.out`, written by PostgreSQL 15 and never by us.
//!
//! A statement whose answer is not there after `LOOK` is shown as waiting; its answer is taken by
//! the line `name.`. The transcript is compared with PostgreSQL's of the same script.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Address, Answer, ServerError, Session, condition, script};

/// What `$level` stands for, one after another.
const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

/// A script in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steps {
    /// `<area>/<case>`.
    pub name: String,
    path: PathBuf,
}

/// All scripts in files whose name contains `filter`, in order of their names.
pub fn all(filter: &str) -> Vec<Steps> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("isolation");
    let files = script::entries(&directory).into_iter().flat_map(|area| script::entries(&area));
    let steps = files.filter(|path| path.extension() == Some("steps".as_ref()));
    let named = steps.map(|path| {
        let name = path.strip_prefix(&directory).unwrap_or(&path).with_extension("");
        Steps { name: name.to_string_lossy().into_owned(), path }
    });
    let mut all: Vec<_> = named.filter(|steps| steps.name.contains(filter)).collect();
    all.sort();
    all
}

impl Steps {
    /// What the server at `address` shows for it.
    pub fn run(&self, address: &Address) -> String {
        let text = fs::read_to_string(&self.path).expect("read the steps");
        if !text.contains("$level") {
            return self.run_text(address, &text);
        }
        let at = |level| {
            let shown = self.run_text(address, &text.replace("$level", level));
            format!("# {level}\n\n{shown}")
        };
        LEVELS.map(at).join("\n")
    }

    /// Runs in a database of its own.
    fn run_text(&self, address: &Address, text: &str) -> String {
        let database = format!("steps_{}", self.name.replace(['/', '-'], "_"));
        let mut session = Session::connect(address, "postgres");
        session.run(&format!("create database {database}"));
        let shown = transcript_in(address, &database, text);
        condition::until("the database to be dropped", || {
            let dropped = session.query(&format!("drop database {database}"));
            dropped.is_ok_and(|answer| answer.tag == "DROP DATABASE")
        });
        shown
    }

    /// Writes the expected transcript from PostgreSQL at `address`; true when it changed.
    pub fn bless(&self, address: &Address) -> bool {
        let path = self.path.with_extension("out");
        let shown = self.run(address);
        let changed = fs::read_to_string(&path).is_ok_and(|old| old == shown);
        fs::write(&path, shown).expect("write the expected transcript");
        !changed
    }

    /// What PostgreSQL showed.
    pub fn expected(&self) -> String {
        fs::read_to_string(self.path.with_extension("out")).expect("blessed by make bless")
    }
}

/// How long an answer may take before its session counts as waiting.
const LOOK: Duration = Duration::from_millis(200);

/// The transcript of `script`, run in sessions of the server at `address` in its first database.
///
/// # Panics
///
/// When a line is neither `name: statement` nor `name.`.
pub fn transcript(address: &Address, script: &str) -> String {
    transcript_in(address, "postgres", script)
}

fn transcript_in(address: &Address, database: &str, script: &str) -> String {
    let mut sessions: BTreeMap<&str, Session> = BTreeMap::new();
    let mut shown = String::new();
    let steps = script.lines().map(str::trim);
    for line in steps.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let end = line.find([':', '.']).unwrap_or_else(|| panic!("not a step: {line}"));
        let (name, rest) = line.split_at(end);
        let session = sessions.entry(name).or_insert_with(|| Session::connect(address, database));
        shown.push_str(line);
        shown.push('\n');
        if let Some(statement) = rest.strip_prefix(':') {
            session.send(statement.trim());
            if !session.answers_within(LOOK) {
                shown.push_str("    waiting\n");
                continue;
            }
        }
        show(&mut shown, &session.finish());
    }
    shown
}

fn show(shown: &mut String, answer: &Result<Answer, ServerError>) {
    match answer {
        Ok(answer) => {
            for row in &answer.rows {
                let values = row.iter().map(|value| value.as_deref().unwrap_or("NULL"));
                shown.push_str(&format!("    {}\n", values.collect::<Vec<_>>().join(" | ")));
            }
            shown.push_str(&format!("    {}\n", answer.tag));
        }
        Err(error) => shown.push_str(&format!("    {error}\n")),
    }
}
