//! The bank's invariants, checked on a server that nobody else uses.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::{ACCOUNTS, BRANCHES, Bank, MOVED, START, Seen};
use crate::session::Answer;
use crate::{Address, Session};

/// A row of `accounts`: id, branch, number, balance, version.
type Row = Vec<String>;

const COLUMNS: &str = "select id, branch, number, balance, version from accounts";
/// Each secondary index with a condition that holds for every row.
const INDEXES: [(&str, &str); 3] = [
    ("accounts_number_key", "number between '' and '~'"),
    ("accounts_branch", "branch between -1 and 1000000"),
    ("accounts_balance", "balance between -1000000000 and 1000000000"),
];

impl Bank {
    /// Which of the invariants do not hold on the server at `address`: the first fault of each check. Then
    /// the clients go on from what the tables hold.
    pub fn faults(&self, address: &Address) -> Vec<String> {
        let mut faults: Vec<String> = Vec::new();
        faults.extend(self.wrong.lock().expect("no client panicked").clone());
        let mut session = Session::connect(address, "postgres");
        faults.extend(self.check_transfers(&mut session).err());
        let states = all(&mut session, COLUMNS).and_then(|rows| Ok((states(&rows)?, rows)));
        match states {
            Ok((states, rows)) => {
                faults.extend(self.check_seen(&states).err());
                faults.extend(check_money(&mut session, &states).err());
                faults.extend(check_indexes(&mut session, &rows).err());
            }
            Err(fault) => faults.push(fault),
        }
        faults
    }

    /// Invariants 1 and 2.
    fn check_transfers(&self, session: &mut Session) -> Result<(), String> {
        let found =
            all(session, "select client, count(*), max(number) from transfers group by client")?;
        let mut found: BTreeMap<usize, (u64, u64)> = found
            .iter()
            .map(|row| Ok((number(&row[0])?, (number(&row[1])?, number(&row[2])?))))
            .collect::<Result<_, String>>()?;
        let mut fault = Ok(());
        let mut note = |text: String| {
            if fault.is_ok() {
                fault = Err(text);
            }
        };
        for (client, acknowledged) in self.writers.iter().enumerate() {
            let (count, last) = found.remove(&client).unwrap_or_default();
            let known = acknowledged.swap(last, Ordering::SeqCst);
            if last < known {
                note(format!("lost: client {client}: {known} acknowledged, {last} there"));
            }
            if last > known + 1 {
                note(format!("client {client}: {last} there, only {known} acknowledged"));
            }
            if count != last {
                note(format!("client {client}: {count} transfers up to number {last}"));
            }
        }
        if let Some(client) = found.keys().next() {
            note(format!("client {client} is unknown"));
        }
        fault
    }

    /// Invariant 3.
    fn check_seen(&self, states: &BTreeMap<usize, Seen>) -> Result<(), String> {
        let mut fault = Ok(());
        for (account, (seen, now)) in self.seen.iter().zip(states.values()).enumerate() {
            let told = std::mem::replace(&mut *seen.lock().expect("no client panicked"), *now);
            let gone = now.version < told.version || (now.version == told.version && *now != told);
            if gone && fault.is_ok() {
                fault = Err(format!(
                    "taken back: account {account}: {told:?} was told, {now:?} is there"
                ));
            }
        }
        fault
    }
}

/// States by account; every account is there once.
fn states(rows: &[Row]) -> Result<BTreeMap<usize, Seen>, String> {
    let mut states = BTreeMap::new();
    for row in rows {
        let account = number::<usize>(&row[0])? % MOVED;
        let state = Seen { version: number(&row[4])?, balance: number(&row[3])? };
        if states.insert(account, state).is_some() {
            return Err(format!("account {account} is there twice"));
        }
    }
    match states.keys().copied().eq(0..ACCOUNTS) {
        true => Ok(states),
        false => Err(format!("{} accounts", states.len())),
    }
}

/// Invariant 4: accounts are what their transfers made of them.
fn check_money(session: &mut Session, states: &BTreeMap<usize, Seen>) -> Result<(), String> {
    let start = Seen { version: 0, balance: START };
    let mut expected: BTreeMap<usize, Seen> = (0..ACCOUNTS).map(|at| (at, start)).collect();
    for (column, sign) in [("source", -1), ("target", 1)] {
        let sql =
            format!("select {column}, count(*), sum(amount) from transfers group by {column}");
        for row in all(session, &sql)? {
            let state = expected.get_mut(&number(&row[0])?).ok_or("a transfer of no account")?;
            state.version += number::<u64>(&row[1])?;
            state.balance += sign * number::<i64>(&row[2])?;
        }
    }
    for (account, expected) in &expected {
        if states[account] != *expected {
            let found = states[account];
            return Err(format!(
                "half applied: account {account}: {found:?}, by its transfers {expected:?}"
            ));
        }
    }
    let sum: i64 = states.values().map(|state| state.balance).sum();
    match sum == START * ACCOUNTS as i64 {
        true => Ok(()),
        false => Err(format!("the sum is {sum}")),
    }
}

/// Invariant 5.
fn check_indexes(session: &mut Session, rows: &[Row]) -> Result<(), String> {
    let mut rows = rows.to_vec();
    rows.sort();
    for (index, range) in INDEXES {
        let sql = format!("{COLUMNS} where {range}");
        must_use(session, index, &sql)?;
        let mut found = all(session, &sql)?;
        found.sort();
        if found != rows {
            return Err(format!("{index} has {} entries, {} rows", found.len(), rows.len()));
        }
    }
    must_use(session, "accounts_pkey", &format!("{COLUMNS} where id = 1"))?;
    for row in &rows {
        for (column, value) in [("id", &row[0]), ("number", &row[2])] {
            let found = all(session, &format!("{COLUMNS} where {column} = '{value}'"))?;
            if found != std::slice::from_ref(row) {
                return Err(format!("{column} {value} leads to {found:?} instead of {row:?}"));
            }
        }
    }
    check_groups(session, &rows)
}

/// Every branch and every balance leads to the rows that have it.
fn check_groups(session: &mut Session, rows: &[Row]) -> Result<(), String> {
    let branches = (0..BRANCHES).map(|branch| ("branch", 1, branch.to_string()));
    let balances = rows.iter().map(|row| ("balance", 3, row[3].clone()));
    for (column, place, value) in branches.chain(balances) {
        let mut found = all(session, &format!("{COLUMNS} where {column} = {value}"))?;
        found.sort();
        if !found.iter().eq(rows.iter().filter(|row| row[place] == value)) {
            return Err(format!("{column} {value} leads to {} rows", found.len()));
        }
    }
    Ok(())
}

/// The check of an index reads that index.
fn must_use(session: &mut Session, index: &str, sql: &str) -> Result<(), String> {
    let plan = all(session, &format!("explain {sql}"))?.concat().concat();
    match plan.contains(&format!("using {index} ")) {
        true => Ok(()),
        false => Err(format!("not by {index}: {plan}")),
    }
}

fn all(session: &mut Session, sql: &str) -> Result<Vec<Row>, String> {
    let answer: Answer = session.query(sql).map_err(|error| format!("{sql}: {error}"))?;
    let text = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    Ok(answer.rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} instead of a number"))
}
