//! Clients that make a history: random transactions over few lists, groups and slots.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::{End, Level, Outcome, Predicate, Record, Row, Step};
use crate::condition::{self, Watch};
use crate::random::Random;
use crate::session::{ServerError, Session};

/// Few, so that transactions meet.
const LISTS: usize = 8;
const GROUPS: usize = 4;
/// Numbers around the newest one that a range of keys is searched in.
const RANGE: u64 = 12;
/// SQLSTATEs that end a transaction and are no fault: serialization, deadlock, a slot that is taken.
const EXPECTED: [&str; 3] = ["40001", "40P01", "23505"];

/// Rows as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no.
    Refused {
        /// SQLSTATE.
        sqlstate: String,
        /// What it said.
        message: String,
    },
    /// No answer came.
    Lost,
}

/// Something that runs statements.
pub trait Connection {
    /// Runs one; its rows.
    ///
    /// # Errors
    ///
    /// Why it failed.
    fn query(&mut self, sql: &str) -> Result<Rows, Failure>;
}

impl Connection for Session {
    fn query(&mut self, sql: &str) -> Result<Rows, Failure> {
        match self.try_query(sql) {
            Ok(answer) => Ok(answer.rows),
            // The connection, or the disk below the server.
            Err(error) if is_of_class(&error, "08") || is_of_class(&error, "58") => {
                Err(Failure::Lost)
            }
            Err(error) => {
                Err(Failure::Refused { sqlstate: error.sqlstate, message: error.message })
            }
        }
    }
}

fn is_of_class(error: &ServerError, class: &str) -> bool {
    error.sqlstate.starts_with(class)
}

/// A history in the making.
#[derive(Debug)]
pub struct Workload {
    level: Level,
    watch: Watch,
    last_number: AtomicU64,
    ended: AtomicU64,
    closing: AtomicBool,
    /// By session.
    records: Vec<Mutex<Vec<Record>>>,
}

impl Workload {
    /// One of so many sessions; makes its tables anew.
    pub fn create(connection: &mut impl Connection, level: Level, sessions: usize) -> Self {
        for sql in [
            "drop table if exists lists, entries",
            "create table lists (id int primary key, v text not null)",
            "create table entries (id bigint primary key, grp int not null, slot int unique)",
            "create index entries_grp on entries (grp)",
            &format!("insert into lists select i, '' from generate_series(0, {}) i", LISTS - 1),
        ] {
            connection.query(sql).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
        }
        Self {
            level,
            watch: Watch::start(),
            last_number: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            records: (0..sessions).map(|_| Mutex::default()).collect(),
        }
    }

    /// Runs all sessions; once `count` more transactions have ended calls `crash`, after which sessions end
    /// with their connection or their transaction.
    pub fn run<C: Connection>(
        &self,
        random: &mut Random,
        connect: impl Fn() -> Option<C> + Sync,
        count: u64,
        crash: impl FnOnce(),
    ) {
        self.closing.store(false, Ordering::SeqCst);
        let target = self.ended.load(Ordering::SeqCst) + count;
        thread::scope(|scope| {
            for session in 0..self.records.len() {
                let seed = random.number();
                let connect = &connect;
                scope.spawn(move || {
                    let Some(connection) = connect() else { return };
                    self.work(connection, session, Random::new(seed));
                });
            }
            condition::until("transactions to end", || self.ended.load(Ordering::SeqCst) >= target);
            crash();
            self.closing.store(true, Ordering::SeqCst);
        });
    }

    fn work(&self, mut connection: impl Connection, session: usize, mut random: Random) {
        while !self.closing.load(Ordering::SeqCst) {
            let began = self.watch.elapsed();
            let mut at_work = AtWork { workload: self, steps: Vec::new(), statement: 0 };
            let ran = at_work.transact(&mut connection, &mut random);
            let steps = at_work.steps;
            let (end, lost) = match ran {
                Ok(end) => (end, false),
                Err((end, Failure::Lost)) => (end, true),
                Err((end, Failure::Refused { sqlstate, message })) => {
                    assert!(EXPECTED.contains(&sqlstate.as_str()), "{sqlstate}: {message}");
                    (end, connection.query("rollback").is_err())
                }
            };
            let record = Record { session, steps, end, began, ended: self.watch.elapsed() };
            self.records[session].lock().expect("sessions do not panic").push(record);
            self.ended.fetch_add(1, Ordering::SeqCst);
            if lost {
                return;
            }
        }
    }

    fn number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The history so far, and what is there now.
    pub fn finish(self, connection: &mut impl Connection) -> (Vec<Record>, Outcome) {
        let mut rows = |sql: &str| {
            connection.query(sql).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"))
        };
        let lists = rows("select v from lists order by id");
        let ids = rows("select id from entries");
        let outcome = Outcome {
            lists: lists.iter().map(|row| numbers(&row[0])).collect(),
            ids: ids.iter().flat_map(|row| numbers(&row[0])).collect(),
        };
        let records = self.records.into_iter();
        let records =
            records.flat_map(|records| records.into_inner().expect("sessions do not panic"));
        (records.collect(), outcome)
    }
}

/// Numbers with commas.
fn numbers(text: &Option<String>) -> Vec<u64> {
    let parts = text.as_deref().unwrap_or_default().split(',').filter(|part| !part.is_empty());
    parts.map(|part| part.parse().expect("a number")).collect()
}

/// A transaction at work.
struct AtWork<'a> {
    workload: &'a Workload,
    steps: Vec<(usize, Step)>,
    statement: usize,
}

impl AtWork<'_> {
    /// Runs a transaction. A COMMIT that was not answered leaves its end unknown.
    fn transact(
        &mut self,
        connection: &mut impl Connection,
        random: &mut Random,
    ) -> Result<End, (End, Failure)> {
        let aborted = |failure| (End::Aborted, failure);
        let begin = format!("begin isolation level {}", self.workload.level.name());
        connection.query(&begin).map_err(aborted)?;
        for _ in 0..2 + random.below(3) {
            match random.below(11) {
                0..=3 => self.append(connection, random),
                10 => self.take_back(connection, random),
                4 | 5 => self.read(connection, random),
                6 | 7 => self.search(connection, random).map(drop),
                8 => self.claim(connection, random),
                _ => self.insert(connection, random, None),
            }
            .map_err(aborted)?;
        }
        if random.below(12) == 0 {
            connection.query("rollback").map_err(aborted)?;
            return Ok(End::Aborted);
        }
        match connection.query("commit") {
            Ok(_) => Ok(End::Committed),
            Err(Failure::Lost) => Err((End::Unknown, Failure::Lost)),
            Err(refused) => Err((End::Aborted, refused)),
        }
    }

    /// Notes what is about to be written: it may happen although no answer comes.
    fn note(&mut self, step: Step) {
        self.steps.push((self.statement, step));
    }

    fn append(&mut self, connection: &mut impl Connection, random: &mut Random) -> Ran {
        self.statement += 1;
        let (list, number) = (random.below(LISTS), self.workload.number());
        self.note(Step::Append { list, number });
        let sql = format!("update lists set v = v || '{number},' where id = {list} returning v");
        let rows = connection.query(&sql)?;
        self.note(Step::Read { list, numbers: numbers(&rows[0][0]) });
        Ok(())
    }

    /// Writes, and rolls back to the savepoint before: nobody may see that. What it read it did read.
    fn take_back(&mut self, connection: &mut impl Connection, random: &mut Random) -> Ran {
        connection.query("savepoint s")?;
        let before = self.steps.len();
        match random.below(2) {
            0 => self.append(connection, random)?,
            _ => self.insert(connection, random, None)?,
        }
        connection.query("rollback to s")?;
        for (statement, step) in self.steps.split_off(before) {
            if let Step::Read { list, mut numbers } = step {
                numbers.pop();
                self.steps.push((statement, Step::Read { list, numbers }));
            }
        }
        Ok(())
    }

    fn read(&mut self, connection: &mut impl Connection, random: &mut Random) -> Ran {
        self.statement += 1;
        let first = random.below(LISTS - 2);
        let sql = match random.below(2) {
            0 => format!("select id, v from lists where id in ({first}, {})", first + 2),
            _ => format!("select id, v from lists where id between {first} and {}", first + 2),
        };
        for row in connection.query(&sql)? {
            let list = numbers(&row[0])[0] as usize;
            self.note(Step::Read { list, numbers: numbers(&row[1]) });
        }
        Ok(())
    }

    fn search(
        &mut self,
        connection: &mut impl Connection,
        random: &mut Random,
    ) -> Result<Vec<u64>, Failure> {
        let newest = self.workload.last_number.load(Ordering::SeqCst);
        let predicate = match random.below(3) {
            0 => Predicate::Ids(newest.saturating_sub(RANGE), newest + RANGE),
            1 => Predicate::Slot(self.slot(random)),
            _ => Predicate::Group(random.below(GROUPS)),
        };
        self.look_for(connection, predicate)
    }

    fn look_for(
        &mut self,
        connection: &mut impl Connection,
        predicate: Predicate,
    ) -> Result<Vec<u64>, Failure> {
        self.statement += 1;
        let condition = match predicate {
            Predicate::Group(group) => format!("grp = {group}"),
            Predicate::Ids(first, last) => format!("id between {first} and {last}"),
            Predicate::Slot(slot) => format!("slot = {slot}"),
        };
        let rows = connection.query(&format!("select id from entries where {condition}"))?;
        let ids: Vec<u64> = rows.iter().flat_map(|row| numbers(&row[0])).collect();
        self.note(Step::Search { predicate, ids: ids.clone() });
        Ok(ids)
    }

    /// A slot that was free a moment ago, and that others want too.
    fn slot(&self, random: &mut Random) -> usize {
        (self.workload.last_number.load(Ordering::SeqCst) / 4) as usize + random.below(3)
    }

    /// Inserts into a slot if nobody is there.
    fn claim(&mut self, connection: &mut impl Connection, random: &mut Random) -> Ran {
        let slot = self.slot(random);
        if self.look_for(connection, Predicate::Slot(slot))?.is_empty() {
            self.insert(connection, random, Some(slot))?;
        }
        Ok(())
    }

    fn insert(
        &mut self,
        connection: &mut impl Connection,
        random: &mut Random,
        slot: Option<usize>,
    ) -> Ran {
        self.statement += 1;
        let row = Row { id: self.workload.number(), group: random.below(GROUPS), slot };
        self.note(Step::Insert(row));
        let slot = slot.map_or_else(|| "null".to_owned(), |slot| slot.to_string());
        let sql = format!("insert into entries values ({}, {}, {slot})", row.id, row.group);
        connection.query(&sql).map(drop)
    }
}

type Ran = Result<(), Failure>;
