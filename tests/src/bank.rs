//! A bank under load whose clients write down what they were told, and the check after a crash.
//!
//! Money moves between accounts. What was acknowledged stands in the clients' own record, outside the
//! server; so does every state of an account that an acknowledged reader saw, be it by a plain read or
//! under a lock, before the commit that wrote it was on the disk:
//!
//! ```text
//! writer     begin; account 7: version 12 -> 13; account 9: ..; transfer 31; commit ─ acknowledged
//! reader            begin; account 7 for share: version 13 ──────────────── commit ─ acknowledged
//! after the crash   transfer 31 is there, account 7 is at version 13 or later
//! ```
//!
//! A transfer changes the entries of three secondary indexes, one of them unique: the balance always, the
//! number and the branch now and then, and sometimes the primary key itself.
//!
//! # Invariants
//!
//! 1. Every acknowledged transfer is in the table; of each writer at most the one under way beyond that.
//! 2. A writer's numbers have no gap.
//! 3. No account is at an older version than somebody was told, and a version has one balance.
//! 4. The sum of the balances never changes; versions, balances and transfers tell the same.
//! 5. Every index leads to every row once, and to nothing else.

mod client;
mod verify;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::{Address, Session, condition};

/// Accounts, as many as it takes for the planner to prefer an index.
pub const ACCOUNTS: usize = 300;
/// Accounts that most transfers are between, so few that clients wait for one another's.
const BUSY: usize = 24;
/// What an account starts with.
pub const START: i64 = 1_000;
/// Branches.
const BRANCHES: usize = 8;
/// An account `n` has the key `n` or `n + MOVED`.
const MOVED: usize = 1_000;

/// What the clients know.
#[derive(Debug)]
pub struct Bank {
    writers: Vec<AtomicU64>,
    readers: usize,
    /// The latest state of each account that somebody was told.
    seen: Vec<Mutex<Seen>>,
    reads: AtomicU64,
    /// The first thing that was wrong while the server ran.
    wrong: Mutex<Option<String>>,
    /// Clients stop instead of starting another transaction.
    closing: AtomicBool,
    /// Whatever ends a client now is the crash.
    crashing: AtomicBool,
}

/// A state of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    version: u64,
    balance: i64,
}

impl Bank {
    /// Opens a bank with so many clients; makes its tables.
    pub fn create(address: &Address, writers: usize, readers: usize) -> Self {
        let mut session = Session::connect(address, "postgres");
        session.run(
            "create table accounts (id int primary key, branch int not null, \
             number text not null unique, balance bigint not null, version int not null)",
        );
        session.run("create index accounts_branch on accounts (branch)");
        session.run("create index accounts_balance on accounts (balance)");
        session.run(
            "create table transfers (client int, number int, source int, target int, \
             amount bigint, padding text, primary key (client, number))",
        );
        session.run(&format!(
            "insert into accounts select i, i % {BRANCHES}, 'n' || i, {START}, 0 \
             from generate_series(0, {}) as i",
            ACCOUNTS - 1
        ));
        // Where replies do not wait, others see it a little later.
        condition::until("others to see the accounts", || {
            let mut other = Session::connect(address, "postgres");
            let seen = other.query("select count(*) from accounts");
            seen.is_ok_and(|answer| answer.rows == [[Some(ACCOUNTS.to_string())]])
        });
        let start = Seen { version: 0, balance: START };
        Self {
            writers: (0..writers).map(|_| AtomicU64::new(0)).collect(),
            readers,
            seen: (0..ACCOUNTS).map(|_| Mutex::new(start)).collect(),
            reads: AtomicU64::new(0),
            wrong: Mutex::new(None),
            closing: AtomicBool::new(false),
            crashing: AtomicBool::new(false),
        }
    }

    /// Transfers acknowledged so far.
    pub fn transfers(&self) -> u64 {
        self.writers.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// Reads acknowledged so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    /// Runs all clients until each has lost its connection; calls `crash` once `count` more transfers
    /// are acknowledged.
    pub fn run_until(&self, address: &Address, count: u64, crash: impl FnOnce()) {
        self.closing.store(false, Ordering::SeqCst);
        self.crashing.store(false, Ordering::SeqCst);
        let target = self.transfers() + count;
        thread::scope(|scope| {
            for client in 0..self.writers.len() {
                scope.spawn(move || self.write(address, client));
            }
            for reader in 0..self.readers {
                scope.spawn(move || self.read(address, reader));
            }
            condition::until("transfers to be acknowledged", || {
                self.transfers() >= target || self.is_wrong()
            });
            self.crashing.store(true, Ordering::SeqCst);
            crash();
        });
    }

    /// Runs all clients until `count` more transfers are acknowledged, and lets them finish.
    pub fn run(&self, address: &Address, count: u64) {
        self.run_until(address, count, || self.closing.store(true, Ordering::SeqCst));
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    fn is_wrong(&self) -> bool {
        self.wrong.lock().expect("no client panicked").is_some()
    }

    /// What was wrong while the server ran; the first counts.
    fn report(&self, wrong: String) {
        self.wrong.lock().expect("no client panicked").get_or_insert(wrong);
    }

    /// Somebody was told that an account is in this state.
    fn told(&self, account: usize, state: Seen) {
        let mut seen = self.seen[account].lock().expect("no client panicked");
        if state.version > seen.version {
            *seen = state;
        } else if state.version == seen.version && state != *seen {
            self.report(format!("account {account}: {state:?} and {:?}", *seen));
        }
    }
}
