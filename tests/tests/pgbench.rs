//! pgbench in all its ways, and the sums that must come out.

#![forbid(unsafe_code)]

use std::fs;

use reckon_tests::{Address, Reckon, Session, pgbench};

const MODES: [&str; 3] = ["simple", "extended", "prepared"];
const CLIENTS: [&str; 3] = ["1", "8", "32"];

/// Ways to fill the tables: rows from the client, or from the server.
const FROM_CLIENT: &str = "dtgvp";
const FROM_SERVER: &str = "dtGvp";

fn sum(session: &mut Session, column: &str, table: &str) -> String {
    session.value(&format!("select coalesce(sum({column}), 0) from pgbench_{table}"))
}

/// The balances of accounts, and what the history says they are.
fn accounts_and_history(address: &Address) -> (String, String) {
    let mut session = Session::connect(address, "postgres");
    (sum(&mut session, "abalance", "accounts"), sum(&mut session, "delta", "history"))
}

#[track_caller]
fn all_sums_agree(address: &Address) {
    let (accounts, history) = accounts_and_history(address);
    let mut session = Session::connect(address, "postgres");
    let tellers = sum(&mut session, "tbalance", "tellers");
    let branches = sum(&mut session, "bbalance", "branches");
    assert_eq!((&accounts, &accounts, &accounts), (&tellers, &branches, &history));
}

fn run(address: &Address, script: &[&str], mode: &str, clients: &str) {
    let common = ["-n", "-M", mode, "-c", clients, "-j", "2", "-t", "20"];
    let report = pgbench::run(address, &[&common, script].concat());
    let wanted = 20 * clients.parse::<u64>().expect("a number of clients");
    assert_eq!((report.transactions, report.failed), (wanted, 0), "{script:?} {mode} -c {clients}");
}

fn run_everywhere(address: &Address, script: &[&str]) {
    for mode in MODES {
        for clients in CLIENTS {
            run(address, script, mode, clients);
        }
    }
}

#[test]
fn tpcb_keeps_all_sums_equal() {
    let server = Reckon::start();
    for steps in [FROM_CLIENT, FROM_SERVER] {
        pgbench::initialize(server.address(), 1, steps);
        let accounts = server.connect().value("select count(*) from pgbench_accounts");
        assert_eq!(accounts, "100000");
        run_everywhere(server.address(), &[]);
        all_sums_agree(server.address());
    }
}

#[test]
fn simple_update_keeps_accounts_and_history_equal() {
    let server = Reckon::start();
    pgbench::initialize(server.address(), 1, FROM_SERVER);
    run_everywhere(server.address(), &["-N"]);
    let (accounts, history) = accounts_and_history(server.address());
    assert_eq!(accounts, history);
}

#[test]
fn select_only_runs_in_every_mode() {
    let server = Reckon::start();
    pgbench::initialize(server.address(), 1, FROM_SERVER);
    run_everywhere(server.address(), &["-S"]);
}

#[test]
fn pipelines_keep_accounts_and_history_equal() {
    let server = Reckon::start();
    pgbench::initialize(server.address(), 1, FROM_SERVER);
    let dir = tempfile::tempdir().expect("temporary directory");
    let script = dir.path().join("pipeline.sql");
    let text = "\\set aid random(1, 100000)\n\\set delta random(-5000, 5000)\n\\startpipeline\n\
        BEGIN;\n\
        UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;\n\
        SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n\
        INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) \
        VALUES (1, 1, :aid, :delta, CURRENT_TIMESTAMP);\n\
        END;\n\\endpipeline\n";
    fs::write(&script, text).expect("write the script");
    for mode in ["extended", "prepared"] {
        for clients in CLIENTS {
            let arguments = ["-n", "-M", mode, "-c", clients, "-j", "2", "-t", "20"];
            let report = pgbench::run_script(server.address(), &script, &arguments);
            assert_eq!(report.failed, 0, "{mode} -c {clients}");
        }
    }
    let (accounts, history) = accounts_and_history(server.address());
    assert_eq!(accounts, history);
}

#[test]
fn sums_survive_restarts_with_a_small_cache() {
    let mut server = Reckon::start_with(&["cache_size=1MB", "write_buffer_size=4MB"]);
    pgbench::initialize(server.address(), 2, FROM_CLIENT);
    for _ in 0..2 {
        run(server.address(), &[], "prepared", "8");
        assert!(server.stop().success());
        server.restart();
        all_sums_agree(server.address());
        run(server.address(), &[], "simple", "8");
        server.kill();
        server.restart();
        all_sums_agree(server.address());
    }
}
