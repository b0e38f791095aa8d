//! The bank's clients: writers move money, readers look; both note what they were told.

use std::sync::atomic::Ordering;

use super::{ACCOUNTS, BRANCHES, BUSY, Bank, MOVED, START, Seen};
use crate::random::{Random, seed};
use crate::session::{Answer, ServerError};
use crate::{Address, Session};

/// Bytes of a transfer's padding: a few thousand transfers fill a memtable of 4 MB.
const PADDING: usize = 1_000;
const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

/// Why a transaction that failed may be tried again.
fn is_retried(error: &ServerError) -> bool {
    ["40001", "40P01"].contains(&error.sqlstate.as_str())
}

/// The condition that finds an account under either of its keys.
fn keys(accounts: &[usize]) -> String {
    let both = |&account: &usize| format!("{account}, {}", account + MOVED);
    format!("id in ({})", accounts.iter().map(both).collect::<Vec<_>>().join(", "))
}

/// Account and state of a row `id, version, balance`.
fn state(row: &[Option<String>]) -> Option<(usize, Seen)> {
    let number = |at: usize| row.get(at)?.as_ref()?.parse::<i64>().ok();
    let account = usize::try_from(number(0)?).ok()? % MOVED;
    Some((account, Seen { version: u64::try_from(number(1)?).ok()?, balance: number(2)? }))
}

impl Bank {
    /// Moves money until the connection is lost.
    pub(super) fn write(&self, address: &Address, client: usize) {
        let Ok(mut session) = Session::try_connect(address, "postgres") else { return };
        let acknowledged = &self.writers[client];
        let start = acknowledged.load(Ordering::SeqCst);
        let mut random = Random::new(seed() ^ (start << 8) ^ client as u64);
        while !self.is_closing() {
            let number = acknowledged.load(Ordering::SeqCst) + 1;
            let parts = transfer(&mut random, client, number);
            match send(&mut session, &parts, random.below(3) == 0) {
                Ok(answer) => {
                    acknowledged.store(number, Ordering::SeqCst);
                    self.told_all(&answer);
                }
                Err(error) if is_retried(&error) => {
                    if session.try_query("rollback").is_err() {
                        return;
                    }
                }
                Err(error) => return self.ended(&error),
            }
        }
    }

    /// Looks at accounts until the connection is lost.
    pub(super) fn read(&self, address: &Address, reader: usize) {
        let Ok(mut session) = Session::try_connect(address, "postgres") else { return };
        let mut random = Random::new(seed() ^ (self.reads() << 8) ^ (!reader as u64));
        while !self.is_closing() {
            let accounts: Vec<usize> = (0..3).map(|_| random.below(BUSY)).collect();
            let choice = random.below(8);
            let sql = match choice {
                0 => "select id, version, balance from accounts".to_owned(),
                1 => {
                    format!(
                        "select id, version, balance from accounts where branch = {}",
                        random.below(BRANCHES)
                    )
                }
                2 | 3 => {
                    format!("select id, version, balance from accounts where {}", keys(&accounts))
                }
                // Granted as soon as the last writer's commit is visible, before it is on the disk.
                _ => format!(
                    "begin; select id, version, balance from accounts where {} for {}; commit",
                    keys(&accounts[..1]),
                    random.choose(&["share", "update", "key share"])
                ),
            };
            match session.try_query(&sql) {
                Ok(answer) => {
                    self.reads.fetch_add(1, Ordering::SeqCst);
                    self.told_all(&answer);
                    if choice == 0 {
                        self.look_at_all(&answer);
                    }
                }
                Err(error) if is_retried(&error) => {
                    if session.try_query("rollback").is_err() {
                        return;
                    }
                }
                Err(error) => return self.ended(&error),
            }
        }
    }

    /// One snapshot has all accounts once, with all the money.
    fn look_at_all(&self, answer: &Answer) {
        let states: Vec<(usize, Seen)> = answer.rows.iter().filter_map(|row| state(row)).collect();
        let sum: i64 = states.iter().map(|(_, state)| state.balance).sum();
        if states.len() != ACCOUNTS || sum != START * ACCOUNTS as i64 {
            self.report(format!("a reader saw {} accounts with {sum} in all", states.len()));
        }
    }

    fn told_all(&self, answer: &Answer) {
        for (account, state) in answer.rows.iter().filter_map(|row| state(row)) {
            self.told(account, state);
        }
    }

    /// Clients end with the crash; before it every error is the server's fault.
    fn ended(&self, error: &ServerError) {
        if !self.crashing.load(Ordering::SeqCst) {
            self.report(format!("a client ended: {error}"));
        }
    }
}

/// Sends the parts of a transaction: all at once, or each when the one before it was answered. The answer
/// that has the rows.
fn send(session: &mut Session, parts: &[String], apart: bool) -> Result<Answer, ServerError> {
    if !apart {
        return session.try_query(&parts.join("; "));
    }
    let mut told = Answer::default();
    for part in parts {
        let answer = session.try_query(part)?;
        if !answer.rows.is_empty() {
            told = answer;
        }
    }
    Ok(told)
}

/// The statements of a transfer between two accounts.
fn transfer(random: &mut Random, client: usize, number: u64) -> Vec<String> {
    let among = if random.below(4) == 0 { ACCOUNTS } else { BUSY };
    let first = random.below(among - 1);
    let second = first + 1 + random.below(among - 1 - first);
    let amount = random.below(100) as i64 - 50;
    let mut more = String::new();
    if random.below(4) == 0 {
        let branch = random.below(BRANCHES);
        more += &format!(", number = 'c{client}-{number}', branch = {branch}");
    }
    if random.below(4) == 0 {
        more += &format!(", id = case when id < {MOVED} then id + {MOVED} else id - {MOVED} end");
    }
    let padding = "x".repeat(PADDING);
    vec![
        format!("begin isolation level {}", random.choose(&LEVELS)),
        format!(
            "update accounts set balance = balance - {amount}, version = version + 1 where {}",
            keys(&[first])
        ),
        format!(
            "update accounts set balance = balance + {amount}, version = version + 1{more} where {}",
            keys(&[second])
        ),
        format!(
            "insert into transfers values ({client}, {number}, {first}, {second}, {amount}, '{padding}')"
        ),
        format!("select id, version, balance from accounts where {}", keys(&[first, second])),
        "commit".to_owned(),
    ]
}
