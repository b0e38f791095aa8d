//! Far more rows than the cache may hold, while they change: answers stay exact, memory stays within its budget, what is hot
//! stays in memory.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

use reckon_tests::random::{self, Random};
use reckon_tests::{Reckon, Session, condition, pgbench, process};

const MB: u64 = 1 << 20;

const ROWS: usize = 40_000;
const BRANCHES: usize = 100;
const WRITERS: usize = 3;
const TRANSFERS: usize = 400;
/// What all accounts hold together, always.
const TOTAL: usize = ROWS * 1000;
/// A row whose bytes belong to it.
const SEAL: &str = "md5(id || ':' || branch || ':' || balance)";

/// Accounts of some 300 bytes, ten times what the cache may hold, in many branches.
fn accounts(cache: &str) -> Reckon {
    let cache = format!("cache_size={cache}");
    let server = Reckon::start_with(&[&cache, "block_cache_size=4MB", "write_buffer_size=4MB"]);
    let mut session = server.connect();
    session.run(
        "create table account (id int primary key, branch int, balance bigint, seal text, pad text)",
    );
    session.run("create index account_branch on account (branch)");
    for part in 0..ROWS / 10_000 {
        let (first, last) = (part * 10_000 + 1, (part + 1) * 10_000);
        session.run(&format!(
            "insert into account select i, i % {BRANCHES}, 1000, \
             md5(i || ':' || i % {BRANCHES} || ':' || 1000), repeat('x', 200) \
             from generate_series({first}, {last}) i"
        ));
    }
    session.run("analyze account");
    server
}

/// Adds to one account's balance, gives it another branch, or another key; false when there is none.
fn change(session: &mut Session, id: usize, set: &str) -> bool {
    let sealed = "seal = md5((id) || ':' || (branch) || ':' || (balance))";
    let values = |name: &str, old: &str| {
        set.strip_prefix(&format!("{name} = ")).map_or(old.to_owned(), str::to_owned)
    };
    let sealed = sealed
        .replace("(id)", &format!("({})", values("id", "id")))
        .replace("(branch)", &format!("({})", values("branch", "branch")))
        .replace("(balance)", &format!("({})", values("balance", "balance")));
    let sql = format!("update account set {set}, {sealed} where id = {id}");
    session.query(&sql).unwrap_or_else(|error| panic!("{sql}: {error}")).tag == "UPDATE 1"
}

/// Moves money between two accounts, and sometimes an account to another branch or another key.
fn write(session: &mut Session, random: &mut Random) {
    for _ in 0..TRANSFERS {
        let (a, b) = (1 + random.below(ROWS), 1 + random.below(ROWS));
        let (from, to) = (a.min(b), a.max(b));
        if from == to {
            continue;
        }
        let amount = random.below(50) as i64 - 25;
        session.run("begin");
        let both = change(session, from, &format!("balance = balance - {amount}"))
            && change(session, to, &format!("balance = balance + {amount}"));
        let moved = match random.below(4) {
            0 => change(session, to, &format!("branch = (branch + 7) % {BRANCHES}")),
            1 => change(session, to, &format!("id = id + {}", 10 * ROWS)),
            _ => true,
        };
        session.run(if both && moved { "commit" } else { "rollback" });
    }
}

/// All rows, by a scan.
fn check_all(session: &mut Session) {
    let sql = format!(
        "select count(*), sum(balance), count(*) filter (where seal <> {SEAL}) from account"
    );
    let row = &session.rows(&sql)[0];
    let found: Vec<&str> = row.iter().flatten().map(String::as_str).collect();
    assert_eq!(found, [&*ROWS.to_string(), &*TOTAL.to_string(), "0"]);
}

/// A branch by its index and by a scan, at one snapshot.
fn check_branch(session: &mut Session, branch: usize) {
    session.run("begin isolation level repeatable read");
    let rows = |session: &mut Session, column: &str| {
        let sql = format!(
            "select id, balance, seal = {SEAL} from account where {column} = {branch} order by id"
        );
        session.rows(&sql)
    };
    let (by_index, by_scan) = (rows(session, "branch"), rows(session, "branch + 0"));
    assert_eq!(by_index, by_scan, "branch {branch}");
    assert!(by_index.iter().all(|row| row[2].as_deref() == Some("t")));
    session.run("commit");
}

#[test]
fn answers_are_exact_while_rows_come_and_go_and_change() {
    let server = accounts("1MB");
    let seed = random::seed();
    eprintln!("RECKON_SEED={seed}");
    let mut session = server.connect();
    let plan = session.rows("explain select id from account where branch = 5");
    assert!(format!("{plan:?}").contains("account_branch"), "{plan:?}");
    let before = ["cache_loads", "cache_evictions"].map(|name| session.counter(name));
    let writing = AtomicUsize::new(WRITERS);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (server, writing) = (&server, &writing);
            scope.spawn(move || {
                let mut random = Random::new(seed.wrapping_add(writer as u64));
                write(&mut server.connect(), &mut random);
                writing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let (server, writing) = (&server, &writing);
        scope.spawn(move || {
            let mut session = server.connect();
            while writing.load(Ordering::Relaxed) > 0 {
                check_all(&mut session);
            }
        });
        let mut random = Random::new(!seed);
        while writing.load(Ordering::Relaxed) > 0 {
            check_branch(&mut session, random.below(BRANCHES));
        }
    });
    check_all(&mut session);
    for branch in 0..BRANCHES / 10 {
        check_branch(&mut session, branch);
    }
    let after = ["cache_loads", "cache_evictions"].map(|name| session.counter(name));
    assert!(after[0] > before[0] + 50 && after[1] > before[1] + 50, "{before:?} {after:?}");
    assert!(session.counter("cache_bytes") <= session.counter("cache_size_bytes"));
}

/// The part of `ids` answered from memory when each is read once, in percent; each statement says so of itself.
fn hit_percent(session: &mut Session, ids: impl Iterator<Item = usize>) -> usize {
    let (mut reads, mut hits) = (0, 0);
    for id in ids {
        let sql = format!("explain (analyze, buffers) select balance from account where id = {id}");
        let lines = session.rows(&sql);
        let mut lines = lines.iter().flatten().flatten();
        reads += 1;
        hits += usize::from(lines.any(|line| line.contains("loads=0 store reads=0")));
    }
    hits * 100 / reads
}

/// Reads rows by their keys.
fn read(session: &mut Session, ids: impl Iterator<Item = usize>) {
    for id in ids {
        session.run(&format!("select balance from account where id = {id}"));
    }
}

#[test]
fn a_full_scan_does_not_evict_what_is_hot() {
    let server = accounts("2MB");
    let mut session = server.connect();
    let hot = || (ROWS / 2..).take(ROWS / 20);
    for _ in 0..4 {
        read(&mut session, hot());
    }
    let before = hit_percent(&mut session, hot());
    let mut scanning = server.connect();
    scanning.send("select count(*) from account where pad <> ''");
    let during = hit_percent(&mut session, hot());
    assert_eq!(scanning.finish().expect("a scan").rows[0][0], Some(ROWS.to_string()));
    let after = hit_percent(&mut session, hot());
    assert!(before >= 95 && during >= 90 && after >= 90, "{before} {during} {after}");
}

#[test]
fn rows_that_are_hot_one_in_a_leaf_stay_in_memory() {
    let server = accounts("1MB");
    let mut session = server.connect();
    let (hot, mut random) = (|| (1..ROWS).step_by(100), Random::new(1));
    for _ in 0..8 {
        read(&mut session, hot());
        // Others are read as well, each once.
        read(&mut session, (0..400).map(|_| 1 + random.below(ROWS)));
    }
    let hits = hit_percent(&mut session, hot());
    assert!(hits >= 90, "{hits} of 100 reads of hot rows were answered from memory");
    let partial = "select partial_leaves > 0 from reckon_index_stats where name = 'account'";
    assert_eq!(session.value(partial), "t");
}

#[test]
fn memory_stays_near_the_budget_and_what_the_counters_tell() {
    const CACHE_MB: u64 = 192;
    let cache = format!("cache_size={CACHE_MB}MB");
    let settings = [&*cache, "block_cache_size=8MB", "write_buffer_size=8MB"];
    let server = Reckon::start_with(&settings);
    let mut session = server.connect();
    session.run("create table wide (id int primary key, n int, pad text)");
    let idle = process::resident_bytes(server.id());
    for part in 0..60 {
        let (first, last) = (part * 20_000 + 1, (part + 1) * 20_000);
        session.run(&format!(
            "insert into wide select i, 0, repeat(md5(i::text), 1 + i % 40) \
             from generate_series({first}, {last}) i"
        ));
    }
    for turn in 0..3 {
        session.run("select count(*) from wide where pad <> ''");
        session.run(&format!("update wide set n = n + 1 where id % 97 = {turn}"));
        session.run(
            "select count(*) from generate_series(1, 20000) g \
             join wide on id = (g::bigint * 7919 * 104729 % 1200000)::int + 1",
        );
    }
    // A twentieth more is what is promised; statements have their memory too, for a while. Without an allocator that gives
    // memory back it is several times as much.
    let most = CACHE_MB * MB * 21 / 20;
    let mut grown = u64::MAX;
    let within = condition::within(condition::PATIENCE, || {
        let store =
            session.counter("store_memtable_bytes") + session.counter("store_block_cache_bytes");
        grown = process::resident_bytes(server.id()).saturating_sub(idle + store);
        grown <= most
    });
    assert!(within, "{} MB above an idle server, {CACHE_MB} MB of cache", grown / MB);
    assert!(session.counter("cache_bytes") >= CACHE_MB * MB / 3, "the cache is empty");
}

#[test]
fn leaves_of_pgbench_accounts_are_learned() {
    let server = Reckon::start();
    pgbench::initialize(server.address(), 2, "dtgvp");
    let mut session = server.connect();
    assert_eq!(session.value("select sum(abalance) from pgbench_accounts"), "0");
    let sql = "select resident_leaves > 50 and absent_leaves = 0 and records = 200000 \
               and learned_leaves >= 0.95 * resident_leaves \
               from reckon_index_stats where name = 'pgbench_accounts'";
    assert_eq!(session.value(sql), "t");
}
