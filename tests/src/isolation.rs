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
//! A statement whose answer is not there after `LOOK` is shown as waiting; its answer is taken by
//! the line `name.`. The transcript is compared with PostgreSQL's of the same script.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Address, Answer, ServerError, Session};

/// How long an answer may take before its session counts as waiting.
const LOOK: Duration = Duration::from_millis(200);

/// The transcript of `script`, run in sessions of the server at `address`.
///
/// # Panics
///
/// When a line is neither `name: statement` nor `name.`.
pub fn transcript(address: &Address, script: &str) -> String {
    let mut sessions: BTreeMap<&str, Session> = BTreeMap::new();
    let mut shown = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let end = line.find([':', '.']).unwrap_or_else(|| panic!("not a step: {line}"));
        let (name, rest) = line.split_at(end);
        let session = sessions.entry(name).or_insert_with(|| Session::connect(address, "postgres"));
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
