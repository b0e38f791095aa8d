//! Random concurrent histories of the engine inside a program, over the store in memory: no socket, no disk and
//! no other process between two statements, so that they meet in other places than a server's do.

#![forbid(unsafe_code)]

use std::time::Duration;

use bytes::BytesMut;
use reckon_sql::session::{Flow, RowEncoding, RowSink};
use reckon_sql::types::Datum;
use reckon_sql::{Broken, ConnectOptions, Database, EngineOptions, Error, Options, Session};
use reckon_tests::history::{Connection, Failure, Findings, Level, Rows, Workload, check};
use reckon_tests::random::{Random, seed};

const SESSIONS: usize = 6;
const TRANSACTIONS: u64 = 1_500;
const OVERLAPPING: f64 = 0.3;

/// A session of the embedded engine.
struct Embedded {
    session: Session,
}

impl Embedded {
    fn open(database: &Database) -> Self {
        let options = ConnectOptions {
            user: "postgres".to_owned(),
            database: "postgres".to_owned(),
            settings: Vec::new(),
        };
        let session = database.connect(options).expect("the superuser may connect");
        Self { session }
    }

    fn run(&mut self, sql: &str, rows: &mut Collected) -> Result<(), Error> {
        let mut script = self.session.script(sql)?;
        while self.session.next(&mut script)?.is_some() {
            self.session.execute("", 0, rows)?;
        }
        Ok(())
    }
}

impl Connection for Embedded {
    fn query(&mut self, sql: &str) -> Result<Rows, Failure> {
        // Or transactions would be over before another thread has its turn.
        std::thread::yield_now();
        let mut rows = Collected::default();
        let ran = self.run(sql, &mut rows);
        self.session.wait_until_durable();
        match ran {
            Ok(()) => Ok(rows.0),
            Err(error) => Err(Failure::Refused {
                sqlstate: error.sqlstate().to_string(),
                message: error.to_string(),
            }),
        }
    }
}

/// Rows as text.
#[derive(Default)]
struct Collected(Rows);

impl RowSink for Collected {
    fn row(&mut self, row: &[Datum], encoding: &RowEncoding) -> Flow {
        let text = |(column, value): (usize, &Datum)| {
            let mut text = BytesMut::new();
            encoding.write(column, value, &mut text);
            (!value.is_null()).then(|| String::from_utf8_lossy(&text).into_owned())
        };
        self.0.push(row.iter().enumerate().map(text).collect());
        Flow::Go
    }

    fn copy_out(&mut self, _bytes: &[u8]) -> Flow {
        Flow::Go
    }
}

fn history(level: Level, broken: Broken, random: &mut Random) -> Findings {
    let engine = EngineOptions {
        // Leaves come and go all the time.
        cache_size: 64 << 10,
        deadlock_timeout: Duration::from_millis(10),
        broken,
        ..EngineOptions::default()
    };
    let database = Database::open_in_memory(Options { engine, ..Options::default() });
    let database = database.expect("memory opens");
    let workload = Workload::create(&mut Embedded::open(&database), level, SESSIONS);
    let connect = || Some(Embedded::open(&database));
    workload.run(random, connect, TRANSACTIONS, || ());
    let (records, outcome) = workload.finish(&mut Embedded::open(&database));
    check(level, &records, &outcome)
}

#[test]
fn histories_of_the_embedded_engine_are_of_their_level() {
    eprintln!("RECKON_SEED={}", seed());
    for level in [Level::ReadCommitted, Level::RepeatableRead, Level::Serializable] {
        let findings = history(level, Broken::default(), &mut Random::new(seed()));
        let lines: Vec<String> = findings.anomalies.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{}:\n{}", level.name(), lines.join("\n"));
        assert!(findings.overlapping >= OVERLAPPING, "{}", findings.overlapping);
        assert!(findings.committed > findings.aborted / 4 && findings.absences > 100);
    }
}

#[test]
fn what_certification_prevents_is_found_without_it() {
    let broken = Broken { certification: true, ..Broken::default() };
    let findings = history(Level::Serializable, broken, &mut Random::new(seed()));
    assert!(findings.anomalies.iter().any(|anomaly| anomaly.name == "G2"));
}
