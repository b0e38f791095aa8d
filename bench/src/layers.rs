//! Where the time of a statement goes, layer by layer, in nanoseconds.
//!
//! The same work is done at ever higher entrances: the index alone, with a transaction around it, as
//! a prepared statement, as a text; and beside them what the wire and a socket cost. What a layer
//! adds is the difference to the one below it. Everything runs in this process, one operation after
//! the other; figures are medians of the rounds, for the whole process on one core.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use bytes::BytesMut;
use reckon_mvcc::{Counters, Isolation, RowLock, SyncMode, Wait};
use reckon_sql::{Database, EngineOptions, Options};
use reckon_storage::{
    Direction, KeyRange, KeyspaceId, RocksStore, Store, Tier, Timestamp, Write as Written, rocks,
};
use reckon_tests::{condition::Watch, random::Random};
use reckon_wire::frontend::{self, Limits};
use reckon_wire::{backend, client, codec};

use crate::report::Series;
use crate::sqlite::{self, Engine, Reckon};

/// How to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Rows of the table.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Operations of a round.
    #[arg(long, default_value_t = 50_000)]
    operations: u64,
    /// Rounds of each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// One row of the table: as long as what SQL stores for the statements' table.
const VALUE: [u8; 48] = [7; 48];

/// Memory of the engine's index: all rows fit.
const CACHE_BYTES: usize = 1 << 30;

/// A figure: what was measured, and nanoseconds an operation.
type Figure = (&'static str, f64);

/// Measures and prints.
///
/// # Errors
///
/// Standard output is closed.
pub(crate) fn run(plan: &Plan) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (title, figures) in [
        ("select of a row by its key", select(plan)),
        ("update of a row by its key, all in one transaction", update(plan)),
    ] {
        writeln!(out, "{title}")?;
        for (name, ns) in figures {
            writeln!(out, "  {name:<58} {ns:>8.0} ns")?;
        }
    }
    Ok(())
}

/// Median nanoseconds an operation of `round`, which does all of them.
fn measure(plan: &Plan, mut round: impl FnMut(&mut Random)) -> f64 {
    let mut series = Series::default();
    for number in 0..plan.rounds {
        let mut random = Random::new(number as u64);
        let watch = Watch::start();
        round(&mut random);
        series.push(watch.elapsed().as_nanos() as f64 / plan.operations as f64);
    }
    series.median()
}

fn key(random: &mut Random, rows: u64) -> [u8; 9] {
    let mut key = [1; 9];
    key[1..].copy_from_slice(&(random.number() % rows).to_be_bytes());
    key
}

/// A filled keyspace of an engine without SQL.
struct Rows {
    session: reckon_mvcc::Session,
    keyspace: KeyspaceId,
}

impl Rows {
    fn fill(database: &Database, plan: &Plan) -> Self {
        let engine = database.engine();
        let mut session = engine.session();
        let mut transaction = session.begin(Isolation::ReadCommitted, false);
        let keyspace = transaction.create_keyspace().expect("a keyspace");
        for row in 0..plan.rows {
            let mut key = [1; 9];
            key[1..].copy_from_slice(&row.to_be_bytes());
            transaction.put(keyspace, &key, &VALUE).expect("a write");
        }
        transaction.commit().expect("a commit");
        Self { session, keyspace }
    }
}

fn open() -> (Database, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let engine = EngineOptions { sync: SyncMode::Inline, ..EngineOptions::default() };
    let options = Options { engine, ..Options::default() };
    let database = Database::open(&dir.path().join("data"), options).expect("open Reckon");
    (database, dir)
}

fn select(plan: &Plan) -> Vec<Figure> {
    let (database, _dir) = open();
    let mut rows = Rows::fill(&database, plan);
    let keyspace = rows.keyspace;
    let mut counters = Counters::default();
    let mut transaction = rows.session.begin(Isolation::ReadCommitted, false);
    let snapshot = transaction.snapshot();
    let mut lookup = |models: bool| {
        database.engine().use_models(models);
        measure(plan, |random| {
            for _ in 0..plan.operations {
                let key = key(random, plan.rows);
                let read = transaction.read(&snapshot, keyspace, &key, &mut counters, <[u8]>::len);
                assert_eq!(read.expect("a read"), Some(VALUE.len()));
            }
        })
    };
    let (halving, index) = (lookup(false), lookup(true));
    let row = measure(plan, |_| {
        let mut visited = 0;
        while visited < plan.operations {
            let mut cursor = transaction.cursor(keyspace, KeyRange::ALL, Direction::Forward);
            let left = (plan.operations - visited) as usize;
            let more = cursor.visit(&transaction, &snapshot, left, &mut counters, |_, _| {
                visited += 1;
                std::ops::ControlFlow::Continue(())
            });
            more.expect("a visit");
        }
    });
    transaction.rollback();
    let store = measure(plan, |random| {
        let store = database.engine().store();
        for _ in 0..plan.operations {
            let key = key(random, plan.rows);
            store.read(keyspace, &key, Timestamp::MAX, Tier::Disk).expect("a read");
        }
    });
    let begun = measure(plan, |_| {
        for _ in 0..plan.operations {
            let mut transaction = rows.session.begin(Isolation::ReadCommitted, false);
            transaction.snapshot();
            transaction.commit().expect("a commit");
        }
    });
    let (prepared, text) = statements(plan);
    vec![
        ("store: a read of memtable and files", store),
        ("index: a row of a scan", row),
        ("index: a lookup", index),
        ("index: a lookup, models switched off", halving),
        ("snapshot: begin, snapshot, commit", begun),
        ("execute: Bind, Execute and Sync, without the above", prepared - index - begun),
        ("plan: parse, analyze and plan a text, against prepared", text - prepared),
        ("wire: read the messages, write the replies", wire(plan)),
        ("socket: a round trip and two switches of threads", socket(plan)),
    ]
}

/// A prepared select, and one as a new text each time.
fn statements(plan: &Plan) -> (f64, f64) {
    let mut engine = Reckon::open(CACHE_BYTES);
    sqlite::fill(&mut engine, plan.rows as i64);
    let prepared = measure(plan, |random| {
        let mut left = plan.operations;
        engine.repeat("select v from t where id = $1", &mut || {
            left = left.checked_sub(1)?;
            Some(vec![(random.number() % plan.rows) as i64])
        });
    });
    let text = measure(plan, |random| {
        for _ in 0..plan.operations {
            engine.text(&format!("select v from t where id = {}", random.number() % plan.rows));
        }
    });
    (prepared, text)
}

/// Bind, Execute and Sync as a server reads them, and the replies to them.
fn wire(plan: &Plan) -> f64 {
    let mut input = BytesMut::new();
    client::bind(&mut input, "", "s", &[], &[Some(b"12345")], &[]);
    client::execute(&mut input, "", 0);
    client::sync(&mut input);
    let mut out = BytesMut::new();
    measure(plan, |_| {
        for _ in 0..plan.operations {
            let mut rest = &input[..];
            while let Ok(codec::Frame::Complete { tag, body }) =
                frontend::frame(rest, Limits::AUTHENTICATED)
            {
                let message = frontend::decode(tag, body).expect("a message");
                std::hint::black_box(&message);
                rest = &rest[codec::HEADER_LENGTH + body.len()..];
            }
            out.clear();
            backend::bind_complete(&mut out);
            let mut row = backend::data_row(&mut out);
            row.value(b"12345");
            row.end();
            backend::command_complete(&mut out, "SELECT 1");
            backend::ready_for_query(&mut out, backend::TransactionStatus::Idle);
            std::hint::black_box(&out);
        }
    })
}

/// Messages of the size of a select's there and back, between two threads.
fn socket(plan: &Plan) -> f64 {
    let (mut here, mut there) = UnixStream::pair().expect("a pair of sockets");
    let answering = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok(1..) = there.read(&mut buffer) {
            if there.write_all(&buffer[..48]).is_err() {
                return;
            }
        }
    });
    let mut buffer = [0; 64];
    let figure = measure(plan, |_| {
        for _ in 0..plan.operations {
            here.write_all(&buffer[..40]).expect("a write");
            let mut left = 48;
            while left > 0 {
                left -= here.read(&mut buffer).expect("a read");
            }
        }
    });
    drop(here);
    answering.join().expect("the answering thread");
    figure
}

fn update(plan: &Plan) -> Vec<Figure> {
    let (database, _dir) = open();
    let mut rows = Rows::fill(&database, plan);
    let keyspace = rows.keyspace;
    let (mut locked, mut written, mut committed) =
        (Series::default(), Series::default(), Series::default());
    let each = |watch: Watch| watch.elapsed().as_nanos() as f64 / plan.operations as f64;
    for number in 0..plan.rounds {
        let mut transaction = rows.session.begin(Isolation::ReadCommitted, false);
        let snapshot = transaction.snapshot();
        let mut random = Random::new(number as u64);
        let keys: Vec<_> = (0..plan.operations).map(|_| key(&mut random, plan.rows)).collect();
        let watch = Watch::start();
        for key in &keys {
            let mode = RowLock::ForNoKeyUpdate;
            transaction
                .lock_row(&snapshot, keyspace, key, mode, Wait::Block, &mut Counters::default())
                .expect("a lock");
        }
        locked.push(each(watch));
        let watch = Watch::start();
        for key in &keys {
            transaction.put(keyspace, key, &VALUE).expect("a write");
        }
        written.push(each(watch));
        let watch = Watch::start();
        transaction.commit().expect("a commit");
        committed.push(each(watch));
    }
    let appended = append(plan);
    let mut engine = Reckon::open(CACHE_BYTES);
    sqlite::fill(&mut engine, plan.rows as i64);
    let whole = measure(plan, |random| {
        let mut left = plan.operations;
        engine.run("begin");
        engine.repeat("update t set v = v + $2 where id = $1", &mut || {
            left = left.checked_sub(1)?;
            Some(vec![(random.number() % plan.rows) as i64, 1])
        });
        engine.run("commit");
    });
    let (locked, written, committed) = (locked.median(), written.median(), committed.median());
    vec![
        ("lock: of a row, and whether it changed", locked),
        ("write set: a write", written),
        ("store: append to the log and the memtable, and sync", appended),
        ("commit: sort, install and unlock, without the append", committed - appended),
        (
            "execute: Bind, Execute and Sync, without the above",
            whole - locked - written - committed,
        ),
    ]
}

/// One append of as many rows, in order, with its sync.
fn append(plan: &Plan) -> f64 {
    let dir = tempfile::tempdir().expect("temporary directory");
    let store = RocksStore::open(&dir.path().join("data"), rocks::Options::default());
    let store = store.expect("open RocksDB");
    let keyspace = store.allocate_keyspace().expect("a keyspace");
    let mut at = 1000;
    measure(plan, |random| {
        let mut keys: Vec<_> = (0..plan.operations).map(|_| key(random, plan.rows)).collect();
        keys.sort_unstable();
        keys.dedup();
        at += 1;
        let write = |key| Written { keyspace, key, value: Some(&VALUE) };
        let mut writes = keys.iter().map(|key| write(&key[..]));
        store.append(&mut writes, Timestamp(at), Timestamp(at - 1)).expect("an append");
        store.flush_log(true).expect("a sync");
    })
}
