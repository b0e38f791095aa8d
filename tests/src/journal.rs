//! A load whose clients write down what was acknowledged, and the check after a crash.
//!
//! Each client numbers its transactions. One moves a counter and inserts a row with its number:
//!
//! ```text
//! begin; update counters set n = n + 1 where id = ..; insert into journal values (client, 7, ..); commit
//! acknowledged  1 2 3 4 5 6        the client's own record, outside the server
//! in the table  1 2 3 4 5 6 7      after the crash
//! ```
//!
//! # Invariants
//!
//! 1. Everything acknowledged is in the table; at most the one transaction under way is there beyond it.
//! 2. A client's numbers have no gap.
//! 3. The counters' sum is the number of rows: no transaction is half applied.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::{Address, Session, condition, random::Random};

/// Counters that the clients share, so that they wait for one another's rows.
const COUNTERS: usize = 16;
/// Bytes of a row's padding: a thousand transactions fill a memtable of 4 MB.
const PADDING: usize = 5_000;

/// What the clients know.
#[derive(Debug)]
pub struct Journal {
    acknowledged: Vec<AtomicU64>,
}

impl Journal {
    /// For this many clients; makes the tables.
    pub fn create(address: &Address, clients: usize) -> Self {
        let mut session = Session::connect(address, "postgres");
        session.run("create table counters (id int primary key, n bigint not null)");
        session.run(&format!(
            "insert into counters select i, 0 from generate_series(0, {}) as i",
            COUNTERS - 1
        ));
        session.run(
            "create table journal (client int, number bigint, padding text, \
             primary key (client, number))",
        );
        Self { acknowledged: (0..clients).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Transactions acknowledged so far, of all clients.
    pub fn total(&self) -> u64 {
        self.acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// Runs all clients until each has lost its connection; calls `crash` once `count` more
    /// transactions are acknowledged.
    pub fn run_until(&self, address: &Address, count: u64, crash: impl FnOnce()) {
        let target = self.total() + count;
        thread::scope(|scope| {
            for client in 0..self.acknowledged.len() {
                scope.spawn(move || self.work(address, client));
            }
            condition::until("the clients to be acknowledged", || self.total() >= target);
            crash();
        });
    }

    fn work(&self, address: &Address, client: usize) {
        let Ok(mut session) = Session::try_connect(address, "postgres") else { return };
        let acknowledged = &self.acknowledged[client];
        let mut random = Random::new(acknowledged.load(Ordering::SeqCst) ^ client as u64);
        let padding = "x".repeat(PADDING);
        loop {
            let number = acknowledged.load(Ordering::SeqCst) + 1;
            let counter = random.below(COUNTERS);
            let sql = format!(
                "begin; update counters set n = n + 1 where id = {counter}; \
                 insert into journal values ({client}, {number}, '{padding}'); commit"
            );
            if session.try_query(&sql).is_err() {
                return;
            }
            acknowledged.store(number, Ordering::SeqCst);
        }
    }

    /// What of the invariants does not hold on the server at `address`; then the clients go on from
    /// what the table holds.
    ///
    /// # Errors
    ///
    /// The first broken invariant.
    pub fn check(&self, address: &Address) -> Result<(), String> {
        let mut session = Session::connect(address, "postgres");
        let mut numbers = |sql: &str| -> Result<Vec<u64>, String> {
            let answer = session.query(sql).map_err(|error| format!("{sql}: {error}"))?;
            let row = answer.rows.into_iter().next().unwrap_or_default();
            Ok(row.iter().flatten().filter_map(|value| value.parse::<u64>().ok()).collect())
        };
        for (client, acknowledged) in self.acknowledged.iter().enumerate() {
            let found = numbers(&format!(
                "select count(*), coalesce(max(number), 0) from journal where client = {client}"
            ))?;
            let (count, last) = (found[0], found[1]);
            let known = acknowledged.load(Ordering::SeqCst);
            if last < known {
                return Err(format!("client {client}: {known} acknowledged, {last} there"));
            }
            if last > known + 1 {
                return Err(format!("client {client}: {last} there, only {known} sent"));
            }
            if count != last {
                return Err(format!("client {client}: {count} rows up to number {last}"));
            }
            acknowledged.store(last, Ordering::SeqCst);
        }
        let sum = numbers("select coalesce(sum(n), 0) from counters")?;
        let rows = numbers("select count(*) from journal")?;
        if sum != rows {
            return Err(format!("half applied: the counters say {sum:?}, the journal {rows:?}"));
        }
        Ok(())
    }
}
