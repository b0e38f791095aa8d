//! SERIALIZABLE: random histories have a serial order, and the check that says so notices when they do not.
//!
//! Every write stores a number of its own, so what a read returns names the write it saw. From what the
//! committed transactions read and wrote, and when they committed, follow Adya's dependencies:
//!
//! ```text
//! ww   the next version of a key follows the one before
//! wr   who read a version follows its writer
//! rw   who wrote the next version of a key follows those that read the one before, or its absence
//! ```
//!
//! A history is serializable when they have no circle.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it fails, and says what it tried"
)]

mod support;

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use reckon_mvcc::{
    Broken, Counters, Direction, Engine, Error, Isolation, KeyRange, MemoryStore, Options, RowLock,
    Savepoint, Session, Snapshot, Timestamp, Transaction, Wait,
};
use support::{Random, TABLE, lock_row};

const KEYS: u64 = 12;
const CLIENTS: u64 = 6;

/// What a committed transaction did.
#[derive(Debug, Default)]
struct Record {
    snapshot: Timestamp,
    committed: Option<Timestamp>,
    /// Of each key read, absent ones too, the number that was there.
    reads: BTreeMap<u64, Option<u64>>,
    /// Of each key written, the number, `None` for a deletion.
    writes: Writes,
    /// A savepoint, and what was written before it.
    savepoint: Option<(Savepoint, Writes)>,
}

type Writes = BTreeMap<u64, Option<u64>>;

/// One session and its open transaction.
struct Client {
    session: Session,
    open: Option<(Transaction, Snapshot, Record)>,
    isolation: Isolation,
    random: Random,
    wait: Wait,
    rolled_back: u64,
    /// Of its transactions that read only, one in so many reads the past; 0: none does.
    past: u64,
    since: Timestamp,
    /// Times that it could not read at.
    torn: u64,
    /// Whether some of its transactions are prepared first; one at a time waits to be finished.
    two_phase: bool,
    prepared: Option<(String, Record)>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Client {
    fn new(engine: &Engine, isolation: Isolation, seed: u64, wait: Wait) -> Self {
        Self {
            session: engine.session(),
            open: None,
            isolation,
            random: Random::new(seed),
            wait,
            rolled_back: 0,
            past: 0,
            since: engine.now(),
            torn: 0,
            two_phase: false,
            prepared: None,
        }
    }

    /// Begins a transaction, unless it was to read at a time that it cannot.
    fn begin(&mut self) {
        let read_only = self.random.below(if self.past > 0 { 2 } else { 5 }) == 0;
        let mut transaction = self.session.begin(self.isolation, read_only);
        if read_only && self.past > 0 && self.random.below(self.past) == 0 {
            let age = self.session.engine().now().0 - self.since.0;
            match transaction.read_as_of(Timestamp(self.since.0 + self.random.below(age + 1))) {
                Ok(()) => {}
                Err(Error::NotSerializable { .. }) => {
                    self.torn += 1;
                    return;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        let snapshot = transaction.snapshot();
        let record = Record { snapshot: snapshot.timestamp, ..Record::default() };
        self.open = Some((transaction, snapshot, record));
    }

    /// Finishes what it has prepared, most often by a commit.
    fn finish(&mut self) -> Option<Record> {
        let (name, mut record) = self.prepared.take()?;
        let claim = self.session.engine().claim_prepared(&name).unwrap();
        if self.random.below(4) == 0 {
            claim.rollback().unwrap();
            return None;
        }
        record.committed = claim.commit(&self.session).unwrap().timestamp;
        Some(record)
    }

    fn prepare(&mut self, transaction: Transaction, record: Record) {
        let name = format!("{}", NUMBERS.fetch_add(1, Ordering::Relaxed));
        match transaction.prepare(&name, b"") {
            Ok(_) => self.prepared = Some((name, record)),
            Err(_) => self.rolled_back += 1,
        }
    }

    /// One operation. A transaction that committed is returned.
    fn step(&mut self) -> Option<Record> {
        if self.prepared.is_some() && self.random.below(6) == 0 {
            return self.finish();
        }
        let Some((mut transaction, mut snapshot, mut record)) = self.open.take() else {
            self.begin();
            return None;
        };
        if self.random.below(5) == 0 {
            if self.two_phase && self.prepared.is_none() && self.random.below(2) == 0 {
                self.prepare(transaction, record);
                return None;
            }
            let Ok(committed) = transaction.commit() else {
                self.rolled_back += 1;
                return None;
            };
            record.committed = committed.timestamp;
            return Some(record);
        }
        match self.operate(&mut transaction, &snapshot, &mut record) {
            Ok(()) => {
                transaction.next_command();
                snapshot = transaction.snapshot();
                self.open = Some((transaction, snapshot, record));
            }
            Err(error) => {
                let expected = matches!(
                    error,
                    Error::NotSerializable { .. }
                        | Error::WriteConflict { .. }
                        | Error::LockNotAvailable
                        | Error::Deadlock(_)
                );
                assert!(expected, "{error:?}");
                self.rolled_back += 1;
                transaction.rollback();
            }
        }
        None
    }

    fn operate(
        &mut self,
        transaction: &mut Transaction,
        snapshot: &Snapshot,
        record: &mut Record,
    ) -> Result<(), Error> {
        let random = &mut self.random;
        if random.below(8) == 0 {
            record.savepoint = match record.savepoint.take() {
                Some((savepoint, writes)) => {
                    transaction.rollback_to(savepoint);
                    record.writes = writes;
                    None
                }
                None => Some((transaction.savepoint(), record.writes.clone())),
            };
        }
        let key = random.below(KEYS);
        match random.below(5) {
            0 => {
                let mut counters = Counters::default();
                let found =
                    transaction.read(snapshot, TABLE, &bytes(key), &mut counters, number)?;
                record.saw(key, found);
            }
            1 => {
                let upto = key + random.below(KEYS - key);
                let direction = [Direction::Forward, Direction::Reverse][random.below(2) as usize];
                let limit = 1 + random.below(4) as usize;
                scan(transaction, snapshot, record, (key, upto), direction, limit)?;
            }
            _ if transaction.is_read_only() => {}
            4 => {
                let key_bytes = bytes(key);
                transaction.lock_key(TABLE, &key_bytes, RowLock::ForUpdate, self.wait)?;
                if transaction
                    .newest(TABLE, &key_bytes, &mut Counters::default(), |_| ())?
                    .is_none()
                {
                    let written = NUMBERS.fetch_add(1, Ordering::Relaxed);
                    transaction.put(TABLE, &key_bytes, &written.to_be_bytes())?;
                    record.writes.insert(key, Some(written));
                }
            }
            kind => {
                let mode = RowLock::ForUpdate;
                lock_row(transaction, snapshot, &bytes(key), mode, self.wait)?;
                if kind == 2 {
                    let written = NUMBERS.fetch_add(1, Ordering::Relaxed);
                    transaction.put(TABLE, &bytes(key), &written.to_be_bytes())?;
                    record.writes.insert(key, Some(written));
                } else {
                    transaction.delete(TABLE, &bytes(key))?;
                    record.writes.insert(key, None);
                }
            }
        }
        Ok(())
    }
}

/// Reads up to `limit` rows of a range. What was passed without a row was absent.
fn scan(
    transaction: &Transaction,
    snapshot: &Snapshot,
    record: &mut Record,
    (first, last): (u64, u64),
    direction: Direction,
    limit: usize,
) -> Result<(), Error> {
    let range =
        KeyRange { lower: Bound::Included(bytes(first)), upper: Bound::Included(bytes(last)) };
    let mut cursor = transaction.cursor(TABLE, range, direction);
    let mut rows = BTreeMap::new();
    let mut counters = Counters::default();
    let more = cursor.visit(transaction, snapshot, limit, &mut counters, |key, value| {
        rows.insert(u64::from_be_bytes(key.try_into().unwrap()), number(value));
        ControlFlow::Continue(())
    })?;
    let (first, last) = match (more, direction) {
        (false, _) => (first, last),
        (true, Direction::Forward) => (first, *rows.keys().next_back().unwrap()),
        (true, Direction::Reverse) => (*rows.keys().next().unwrap(), last),
    };
    (first..=last).for_each(|key| record.saw(key, rows.get(&key).copied()));
    Ok(())
}

impl Record {
    /// A read of a key; what it wrote itself says nothing of others.
    fn saw(&mut self, key: u64, found: Option<u64>) {
        if !self.writes.contains_key(&key) {
            let before = self.reads.entry(key).or_insert(found);
            assert_eq!(*before, found, "the same snapshot shows the same");
        }
    }
}

fn bytes(key: u64) -> Vec<u8> {
    key.to_be_bytes().to_vec()
}

fn number(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().unwrap())
}

fn broken(certify: bool) -> Broken {
    Broken { certification: !certify, ..Broken::default() }
}

fn engine(certify: bool) -> Engine {
    let options = Options { broken: broken(certify), ..support::options() };
    Engine::open(Arc::new(MemoryStore::new()), options).unwrap()
}

/// A history in one thread: which session goes on is random, and locks are not waited for.
fn interleaved(seed: u64, isolation: Isolation, certify: bool) -> (Vec<Record>, u64) {
    let engine = engine(certify);
    let clients = (0..CLIENTS)
        .map(|at| Client::new(&engine, isolation, seed * 1000 + at, Wait::NoWait))
        .collect();
    let (records, clients) = take_turns(seed, clients);
    (records, clients.iter().map(|client| client.rolled_back).sum())
}

/// As [`interleaved`], with readers of the past; and how many times could not be read at.
fn with_the_past(seed: u64, isolation: Isolation) -> (Vec<Record>, u64) {
    let engine = engine(true);
    let client = |at| {
        let client = Client::new(&engine, isolation, seed * 1000 + at, Wait::NoWait);
        Client { past: 2, ..client }
    };
    let (records, clients) = take_turns(seed, (0..CLIENTS).map(client).collect());
    (records, clients.iter().map(|client| client.torn).sum())
}

fn take_turns(seed: u64, mut clients: Vec<Client>) -> (Vec<Record>, Vec<Client>) {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for _ in 0..600 {
        records.extend(clients[random.below(CLIENTS) as usize].step());
    }
    (records, clients)
}

/// As [`interleaved`], with transactions that are prepared, and a restart in the middle that only they
/// survive.
fn prepared(seed: u64, certify: bool) -> (Vec<Record>, u64) {
    let store = Arc::new(MemoryStore::new());
    let broken = broken(certify);
    let options =
        || Options { broken, max_prepared_transactions: CLIENTS as usize, ..support::options() };
    let mut random = Random::new(seed);
    let (mut records, mut rolled_back) = (Vec::new(), 0);
    let mut waiting: Vec<_> = (0..CLIENTS).map(|_| None).collect();
    for half in 0..2 {
        let engine = Engine::open(Arc::clone(&store) as _, options()).unwrap();
        let mut clients = Vec::new();
        for (at, prepared) in waiting.drain(..).enumerate() {
            let seed = seed * 1000 + half * 100 + at as u64;
            let mut client = Client::new(&engine, Isolation::Serializable, seed, Wait::NoWait);
            (client.two_phase, client.prepared) = (true, prepared);
            clients.push(client);
        }
        for _ in 0..300 {
            records.extend(clients[random.below(CLIENTS) as usize].step());
        }
        rolled_back += clients.iter().map(|client| client.rolled_back).sum::<u64>();
        waiting.extend(clients.iter_mut().map(|client| client.prepared.take()));
    }
    (records, rolled_back)
}

/// A history of threads.
fn threaded(seed: u64) -> Vec<Record> {
    let engine = engine(true);
    let threads: Vec<_> = (0..CLIENTS)
        .map(|at| {
            let isolation = Isolation::Serializable;
            let client = Client::new(&engine, isolation, seed * 1000 + at, Wait::Block);
            let mut client = Client { past: seed % 3, ..client };
            thread::spawn(move || (0..600).filter_map(|_| client.step()).collect::<Vec<_>>())
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

/// A circle of dependencies, if there is one.
fn circle(records: &[Record]) -> Option<Vec<usize>> {
    let edges = dependencies(records);
    let mut done = vec![false; records.len()];
    (0..records.len()).find_map(|start| circle_from(start, &edges, &mut Vec::new(), &mut done))
}

fn circle_from(
    at: usize,
    edges: &[Vec<usize>],
    path: &mut Vec<usize>,
    done: &mut [bool],
) -> Option<Vec<usize>> {
    if let Some(start) = path.iter().position(|other| *other == at) {
        return Some(path[start..].to_vec());
    }
    if done[at] {
        return None;
    }
    path.push(at);
    let found = edges[at].iter().find_map(|next| circle_from(*next, edges, path, done));
    path.pop();
    done[at] = true;
    found
}

/// Of each transaction, those that come after it.
fn dependencies(records: &[Record]) -> Vec<Vec<usize>> {
    let mut versions: BTreeMap<u64, BTreeMap<Timestamp, usize>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        for key in record.writes.keys() {
            versions.entry(*key).or_default().insert(record.committed.unwrap(), at);
        }
    }
    let mut edges = vec![Vec::new(); records.len()];
    for versions in versions.values() {
        let writers: Vec<_> = versions.values().copied().collect();
        writers.windows(2).for_each(|pair| edges[pair[0]].push(pair[1]));
    }
    for (at, record) in records.iter().enumerate() {
        for (key, found) in &record.reads {
            let Some(versions) = versions.get(key) else {
                assert_eq!(*found, None);
                continue;
            };
            let seen = versions.range(..=record.snapshot).next_back();
            let expected = seen.and_then(|(_, writer)| records[*writer].writes[key]);
            assert_eq!(*found, expected, "a read sees the newest version of its snapshot");
            if let Some((_, writer)) = seen {
                edges[*writer].push(at);
            }
            let behind = (Bound::Excluded(record.snapshot), Bound::Unbounded);
            let next = versions.range(behind).find(|(_, writer)| **writer != at);
            if let Some((_, writer)) = next {
                edges[at].push(*writer);
            }
        }
    }
    edges
}

/// How many of the transactions overlap another one on a key that one of them writes.
fn overlapping(records: &[Record]) -> usize {
    let end = |record: &Record| record.committed.unwrap_or(record.snapshot);
    let touches = |record: &Record, key: &u64| {
        record.reads.contains_key(key) || record.writes.contains_key(key)
    };
    let meets = |one: &Record, other: &Record| {
        one.snapshot <= end(other)
            && other.snapshot <= end(one)
            && (one.writes.keys().any(|key| touches(other, key))
                || other.writes.keys().any(|key| touches(one, key)))
    };
    let meets_any = |at: &usize| {
        records
            .iter()
            .enumerate()
            .any(|(other, record)| other != *at && meets(&records[*at], record))
    };
    (0..records.len()).filter(meets_any).count()
}

#[test]
fn random_histories_have_a_serial_order() {
    let (mut committed, mut overlap, mut rolled_back) = (0, 0, 0);
    for seed in 1..=150 {
        let (records, failed) = interleaved(seed, Isolation::Serializable, true);
        assert_eq!(circle(&records), None, "seed {seed}: {records:#?}");
        committed += records.len();
        overlap += overlapping(&records);
        rolled_back += failed;
    }
    println!("{committed} committed, {overlap} of them overlapping, {rolled_back} rolled back");
    assert!(overlap * 10 >= committed * 3, "too few meet");
    assert!(committed as u64 * 4 >= rolled_back, "too many fail");
}

#[test]
fn random_histories_with_prepared_transactions_and_a_restart_have_a_serial_order() {
    let (mut committed, mut rolled_back) = (0, 0);
    for seed in 1..=150 {
        let (records, failed) = prepared(seed, true);
        assert_eq!(circle(&records), None, "seed {seed}: {records:#?}");
        committed += records.len();
        rolled_back += failed;
    }
    println!("{committed} committed, {rolled_back} rolled back");
    let found = (1..=20).filter(|seed| circle(&prepared(*seed, false).0).is_some()).count();
    assert!(found >= 10, "without certification {found} of 20 have a circle");
}

/// Most of what was, was a state that a serial order has; some was not.
#[test]
fn random_histories_with_readers_of_the_past_have_a_serial_order() {
    let (mut committed, mut torn) = (0, 0);
    for seed in 1..=300 {
        let (records, refused) = with_the_past(seed, Isolation::Serializable);
        assert_eq!(circle(&records), None, "seed {seed}: {records:#?}");
        committed += records.len() as u64;
        torn += refused;
    }
    println!("{committed} committed, {torn} times could not be read at");
    assert!(torn > 0 && torn * 4 < committed);
}

#[test]
fn histories_of_threads_have_a_serial_order() {
    for seed in 1..=10 {
        let records = threaded(seed);
        println!("seed {seed}: {} committed", records.len());
        assert_eq!(circle(&records), None, "seed {seed}");
    }
}

#[test]
fn without_certification_the_check_finds_circles() {
    let found = (1..=20)
        .filter(|seed| circle(&interleaved(*seed, Isolation::Serializable, false).0).is_some())
        .count();
    println!("{found} of 20 histories have a circle");
    assert!(found >= 10);
}

#[test]
fn repeatable_read_has_circles_too() {
    let found = (1..=20)
        .filter(|seed| circle(&interleaved(*seed, Isolation::RepeatableRead, true).0).is_some())
        .count();
    assert!(found >= 10);
}

/// A SERIALIZABLE transaction of a session, and its snapshot.
fn begin(session: &mut Session, read_only: bool) -> (Transaction, Snapshot) {
    let mut transaction = session.begin(Isolation::Serializable, read_only);
    let snapshot = transaction.snapshot();
    (transaction, snapshot)
}

fn look(transaction: &Transaction, snapshot: &Snapshot, key: u64) -> Result<Option<u64>, Error> {
    transaction.read(snapshot, TABLE, &bytes(key), &mut Counters::default(), number)
}

fn write(transaction: &mut Transaction, snapshot: &Snapshot, key: u64) -> Result<(), Error> {
    lock_row(transaction, snapshot, &bytes(key), RowLock::ForUpdate, Wait::Block)?;
    transaction.put(TABLE, &bytes(key), &key.to_be_bytes())
}

fn is_not_serializable<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotSerializable { .. }))
}

#[test]
fn of_two_that_overwrite_what_the_other_read_the_second_to_commit_fails() {
    let engine = engine(true);
    let (mut one, mut other) = (engine.session(), engine.session());
    let (mut a, at_a) = begin(&mut one, false);
    let (mut b, at_b) = begin(&mut other, false);
    assert_eq!(look(&a, &at_a, 1).unwrap(), None);
    assert_eq!(look(&b, &at_b, 2).unwrap(), None);
    write(&mut a, &at_a, 2).unwrap();
    write(&mut b, &at_b, 1).unwrap();
    a.commit().unwrap();
    assert!(is_not_serializable(b.commit()));
}

#[test]
fn the_statement_that_completes_the_structure_fails() {
    let engine = engine(true);
    let (mut one, mut other) = (engine.session(), engine.session());
    let (mut a, at_a) = begin(&mut one, false);
    let (mut b, at_b) = begin(&mut other, false);
    assert_eq!(look(&a, &at_a, 1).unwrap(), None);
    assert_eq!(look(&b, &at_b, 2).unwrap(), None);
    write(&mut a, &at_a, 2).unwrap();
    a.commit().unwrap();
    assert!(is_not_serializable(write(&mut b, &at_b, 1)));
}

/// What one transaction overwrites before another one does hides nothing unless it has certainly overwritten it. `between`
/// reads nothing and commits before the second write, which closes a circle.
fn the_second_write_fails_behind(between: impl FnOnce(&mut Transaction, &Snapshot)) {
    let engine = engine(true);
    let mut sessions: Vec<_> = (0..4).map(|_| engine.session()).collect();
    let [one, two, three, four] = &mut sessions[..] else { unreachable!() };
    let (mut writer, at_writer) = begin(one, false);
    assert_eq!(look(&writer, &at_writer, 1).unwrap(), None);
    let (mut first, at_first) = begin(two, false);
    write(&mut first, &at_first, 1).unwrap();
    first.commit().unwrap();
    let (reader, at_reader) = begin(three, false);
    assert_eq!(look(&reader, &at_reader, 1).unwrap(), Some(1));
    assert_eq!(look(&reader, &at_reader, 2).unwrap(), None);
    assert_eq!(look(&reader, &at_reader, 5_000).unwrap(), None);
    let (mut other, at_other) = begin(four, false);
    between(&mut other, &at_other);
    other.commit().unwrap();
    let written = write(&mut writer, &at_writer, 5_000);
    assert!(is_not_serializable(written.and_then(|()| writer.commit())));
}

#[test]
fn keys_that_are_marked_as_one_range_hide_no_writer_of_a_key_between() {
    the_second_write_fails_behind(|other, at| {
        (2..10_000).filter(|key| *key != 5_000).for_each(|key| write(other, at, key).unwrap());
    });
}

#[test]
fn what_was_taken_back_hides_no_writer() {
    the_second_write_fails_behind(|other, at| {
        write(other, at, 2).unwrap();
        let savepoint = other.savepoint();
        write(other, at, 5_000).unwrap();
        other.rollback_to(savepoint);
    });
}

/// Fekete's example: a report that reads only makes two writers unserializable.
#[test]
fn a_reader_can_be_what_makes_writers_unserializable() {
    let engine = engine(true);
    let mut sessions: Vec<_> = (0..3).map(|_| engine.session()).collect();
    let [one, other, third] = &mut sessions[..] else { unreachable!() };
    let (mut withdrawal, at_withdrawal) = begin(one, false);
    assert_eq!(look(&withdrawal, &at_withdrawal, 1).unwrap(), None);
    assert_eq!(look(&withdrawal, &at_withdrawal, 2).unwrap(), None);
    let (mut deposit, at_deposit) = begin(other, false);
    assert_eq!(look(&deposit, &at_deposit, 2).unwrap(), None);
    write(&mut deposit, &at_deposit, 2).unwrap();
    deposit.commit().unwrap();
    let (report, at_report) = begin(third, true);
    assert_eq!(look(&report, &at_report, 1).unwrap(), None);
    assert_eq!(look(&report, &at_report, 2).unwrap(), Some(2));
    report.commit().unwrap();
    let written = write(&mut withdrawal, &at_withdrawal, 1);
    assert!(is_not_serializable(written.and_then(|()| withdrawal.commit())));
}

/// What a DEFERRABLE reader sees of key 1 when a writer ends, as `end` says, only once it waits for that.
fn deferred(end: impl FnOnce(Transaction, &Snapshot)) -> Option<u64> {
    let engine = engine(true);
    let mut writer = engine.session();
    let (writing, at) = begin(&mut writer, false);
    assert_eq!(look(&writing, &at, 1).unwrap(), None);
    let mut session = engine.session();
    let reader = session.id();
    let waiting = thread::spawn(move || {
        let mut report = session.begin(Isolation::Serializable, true);
        report.await_safe_snapshot().unwrap();
        let snapshot = report.snapshot();
        look(&report, &snapshot, 1).unwrap()
    });
    support::until(|| engine.snapshot_blockers(reader) == [writer.id()]);
    assert!(!waiting.is_finished());
    end(writing, &at);
    let seen = waiting.join().unwrap();
    assert_eq!(engine.snapshot_blockers(reader), []);
    seen
}

#[test]
fn a_deferrable_reader_waits_for_the_writers_that_could_make_it_wrong() {
    let written = deferred(|mut writing, at| {
        write(&mut writing, at, 1).unwrap();
        writing.commit().unwrap();
    });
    assert_eq!(written, None, "its snapshot is from before the commit");
    let without_a_write = deferred(|writing, _| {
        writing.commit().unwrap();
    });
    assert_eq!(without_a_write, None);
    let rolled_back = deferred(|mut writing, at| {
        write(&mut writing, at, 1).unwrap();
        writing.rollback();
    });
    assert_eq!(rolled_back, None);
}

#[test]
fn a_deferrable_reader_goes_on_when_what_it_waits_for_is_prepared_without_a_write() {
    let options = Options { max_prepared_transactions: 1, ..support::options() };
    let engine = Engine::open(Arc::new(MemoryStore::new()), options).unwrap();
    let mut writer = engine.session();
    let (writing, _) = begin(&mut writer, false);
    let mut session = engine.session();
    let reader = session.id();
    let waiting =
        thread::spawn(move || session.begin(Isolation::Serializable, true).await_safe_snapshot());
    support::until(|| engine.snapshot_blockers(reader) == [writer.id()]);
    writing.prepare("g", b"").unwrap();
    waiting.join().unwrap().unwrap();
}

/// The importer overwrites what a later reader saw, and read what was overwritten before that reader began.
#[test]
fn an_imported_snapshot_threatens_the_readers_that_began_after_it() {
    let engine = engine(true);
    let mut sessions: Vec<_> = (0..4).map(|_| engine.session()).collect();
    let [one, other, third, fourth] = &mut sessions[..] else { unreachable!() };
    let (exporter, old) = begin(one, false);
    let name = one.exporter().export(&exporter.exportable(&old, 0));
    let (mut overwriting, at) = begin(other, false);
    write(&mut overwriting, &at, 2).unwrap();
    overwriting.commit().unwrap();
    let (report, at_report) = begin(third, true);
    let mut importer = fourth.begin(Isolation::Serializable, false);
    assert!(importer.import(&name).unwrap().is_some());
    let at_importer = importer.snapshot();
    assert_eq!(at_importer.timestamp, old.timestamp);
    exporter.rollback();
    assert_eq!(look(&report, &at_report, 1).unwrap(), None);
    assert_eq!(look(&report, &at_report, 2).unwrap(), Some(2));
    report.commit().unwrap();
    assert_eq!(look(&importer, &at_importer, 2).unwrap(), None);
    let written = write(&mut importer, &at_importer, 1);
    assert!(is_not_serializable(written.and_then(|()| importer.commit().map(|_| ()))));
}

#[test]
fn a_deferrable_reader_can_be_interrupted() {
    let engine = engine(true);
    let mut writer = engine.session();
    let (_writing, _) = begin(&mut writer, false);
    let mut session = engine.session();
    let interrupt = session.interrupt();
    let waiting =
        thread::spawn(move || session.begin(Isolation::Serializable, true).await_safe_snapshot());
    interrupt.set(reckon_mvcc::Reason::Cancel);
    assert!(matches!(waiting.join().unwrap(), Err(Error::Interrupted(_))));
}

/// A pivot that runs, the commit it has an edge to, and when that was.
fn pivot(one: &mut Session, other: &mut Session) -> (Transaction, Timestamp) {
    let (mut pivot, at_pivot) = begin(one, false);
    assert_eq!(look(&pivot, &at_pivot, 2).unwrap(), None);
    let (mut out, at_out) = begin(other, false);
    write(&mut out, &at_out, 2).unwrap();
    let torn = out.commit().unwrap().timestamp.unwrap();
    write(&mut pivot, &at_pivot, 1).unwrap();
    (pivot, torn)
}

fn read_at(session: &mut Session, at: Timestamp) -> Result<[Option<u64>; 2], Error> {
    let mut reader = session.begin(Isolation::Serializable, true);
    reader.read_as_of(at)?;
    let snapshot = reader.snapshot();
    Ok([look(&reader, &snapshot, 1)?, look(&reader, &snapshot, 2)?])
}

#[test]
fn a_time_between_a_commit_and_that_of_a_writer_before_it_cannot_be_read_at() {
    let engine = engine(true);
    let (mut one, mut other, mut third) = (engine.session(), engine.session(), engine.session());
    let (pivot, torn) = pivot(&mut one, &mut other);
    let before = Timestamp(torn.0 - 1);
    let after = pivot.commit().unwrap().timestamp.unwrap();
    assert_eq!(read_at(&mut third, before).unwrap(), [None, None]);
    assert_eq!(read_at(&mut third, after).unwrap(), [Some(1), Some(2)]);
    for at in [torn, Timestamp(after.0 - 1)] {
        assert!(is_not_serializable(read_at(&mut third, at)));
        // Nothing of that is left: the session reads what other levels see there.
        let mut reader = third.begin(Isolation::RepeatableRead, true);
        reader.read_as_of(at).unwrap();
        let snapshot = reader.snapshot();
        assert_eq!(look(&reader, &snapshot, 2).unwrap(), Some(2));
    }
}

/// What a DEFERRABLE reader of the past sees of key 2 once a pivot has ended.
fn deferred_past(end: impl FnOnce(Transaction) -> bool) -> Result<Option<u64>, Error> {
    let engine = engine(true);
    let (mut one, mut other, mut third) = (engine.session(), engine.session(), engine.session());
    let (pivot, torn) = pivot(&mut one, &mut other);
    let reader = third.id();
    let waiting = thread::spawn(move || {
        let mut report = third.begin(Isolation::Serializable, true);
        report.read_as_of(torn)?;
        report.await_safe_snapshot()?;
        let snapshot = report.snapshot();
        look(&report, &snapshot, 2)
    });
    support::until(|| engine.snapshot_blockers(reader) == [one.id()]);
    assert!(!waiting.is_finished());
    assert!(end(pivot));
    waiting.join().unwrap()
}

#[test]
fn a_deferrable_reader_of_the_past_waits_for_those_that_ran_then() {
    let committed = deferred_past(|pivot| pivot.commit().is_ok());
    assert!(is_not_serializable(committed));
    assert_eq!(deferred_past(|pivot| pivot.rollback() > Timestamp::ZERO).unwrap(), Some(2));
}

#[test]
fn of_times_before_a_restart_nobody_knows_who_ran() {
    let store = Arc::new(MemoryStore::new());
    let open = || Engine::open(Arc::clone(&store) as _, support::options()).unwrap();
    let written = support::set(&open(), b"a", b"1");
    let engine = open();
    let mut session = engine.session();
    assert!(read_at(&mut session, written).is_ok());
    let before = read_at(&mut session, Timestamp(written.0 - 1));
    assert!(matches!(before, Err(Error::PastNotCertified)));
}
