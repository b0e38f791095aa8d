//! Large values, slow readers, many connections: what grows and what does not.

#![forbid(unsafe_code)]

use bytes::BytesMut;
use reckon_tests::{Reckon, Session, condition, process, random};
use reckon_wire::client::{self, Message};

const MB: u64 = 1 << 20;

/// Waits until the server has nothing to do: its CPU time stands still between looks.
fn idle(server: &Reckon) {
    let mut looks = Vec::new();
    condition::until("the server to be idle", || {
        condition::pause(std::time::Duration::from_millis(50));
        looks.push(process::cpu(server.id()));
        looks.len() > 5 && looks[looks.len() - 5..].iter().all(|cpu| Some(cpu) == looks.last())
    });
}

#[test]
fn a_stopped_reader_does_not_grow_the_server() {
    let server = Reckon::start();
    let mut reader = server.connect();
    reader.run("select 1");
    idle(&server);
    let before = process::resident_bytes(server.id());
    // Five gigabytes, of which nobody reads a byte.
    reader.send("select repeat('x', 1000) from generate_series(1, 5000000)");
    idle(&server);
    let grown = process::resident_bytes(server.id()).saturating_sub(before);
    assert!(grown <= 32 * MB, "grew by {} MB", grown / MB);
    drop(reader);
    assert_eq!(server.connect().value("select 'alive'"), "alive");
}

#[test]
fn a_stopped_reader_of_a_table_does_not_grow_the_server() {
    let server = Reckon::start_with(&["cache_size=1MB", "write_buffer_size=4MB"]);
    let mut reader = server.connect();
    reader.run("create table t (id int primary key, v text)");
    for part in 0..20 {
        let (first, last) = (part * 5_000 + 1, part * 5_000 + 5_000);
        reader.run(&format!(
            "insert into t select i, repeat('x', 1000) from generate_series({first}, {last}) i"
        ));
    }
    assert_eq!(reader.value("select count(*) from t"), "100000");
    idle(&server);
    let before = process::resident_bytes(server.id());
    // A hundred megabytes, of which nobody reads a byte.
    reader.send("select * from t");
    idle(&server);
    let grown = process::resident_bytes(server.id()).saturating_sub(before);
    assert!(grown <= 32 * MB, "grew by {} MB", grown / MB);
    reader.cancel(server.address());
    let error = reader.finish().expect_err("it was cancelled");
    assert_eq!(error.sqlstate, "57014", "{error}");
    assert_eq!(reader.value("select 'alive'"), "alive");
}

#[test]
fn a_value_of_100_mb_travels_both_ways() {
    const LENGTH: usize = 100 << 20;
    let server = Reckon::start();
    let mut session = server.connect();
    let value: Vec<u8> = (0..LENGTH).map(|i| b'a' + (i % 23) as u8).collect();
    let mut out = BytesMut::new();
    client::parse(&mut out, "", "select $1::text, length($1::text)", &[]);
    client::bind(&mut out, "", "", &[], &[Some(&value)], &[]);
    client::execute(&mut out, "", 0);
    client::sync(&mut out);
    session.write(&out).expect("send 100 MB");
    let mut returned = None;
    loop {
        let (tag, body) = session.read().expect("an answer");
        match client::decode(tag, &body).expect("a message") {
            Message::DataRow(row) => {
                returned = Some(row.iter().map(|value| value.map(<[u8]>::to_vec)).collect());
            }
            Message::ReadyForQuery(_) => break,
            Message::ErrorResponse(fields) => panic!("{}", fields.message()),
            _ => {}
        }
    }
    let returned: Vec<Option<Vec<u8>>> = returned.expect("a row");
    assert!(returned[0].as_deref() == Some(&value), "not what was sent");
    assert_eq!(returned[1].as_deref(), Some(LENGTH.to_string().as_bytes()));
}

#[test]
fn connections_beyond_the_limit_are_refused_and_come_back() {
    let server = Reckon::start_with(&["max_connections=20"]);
    let mut sessions: Vec<Session> = Vec::new();
    // The harness's own first session may not be gone yet.
    condition::until("all places to be taken", || {
        sessions.extend(Session::try_connect(server.address(), "postgres"));
        sessions.len() == 20
    });
    let refused = Session::try_connect(server.address(), "postgres").expect_err("the 21st");
    assert_eq!((refused.severity.as_str(), refused.sqlstate.as_str()), ("FATAL", "53300"));
    assert_eq!(refused.message, "sorry, too many clients already");
    sessions.pop();
    condition::until("the place to be free again", || {
        Session::try_connect(server.address(), "postgres").is_ok()
    });
    for session in &mut sessions {
        assert_eq!(session.value("select 1"), "1");
    }
}

#[test]
fn a_storm_of_connections_leaves_running_sessions_working() {
    const STORM: usize = 1000;
    let server = Reckon::start_with(&["max_connections=1100"]);
    let mut running: Vec<Session> = (0..8).map(|_| server.connect()).collect();
    running[0].run("create table t (id int primary key, v int)");
    running[0].run("insert into t select i, 0 from generate_series(1, 8) i");
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let arrived: Vec<Session> = (0..STORM).map(|_| server.connect()).collect();
            arrived.len()
        });
        let mut turns = 0;
        while !storm.is_finished() {
            for (i, session) in running.iter_mut().enumerate() {
                session.run(&format!("update t set v = v + 1 where id = {}", i + 1));
            }
            turns += 1;
        }
        assert_eq!(storm.join().expect("the storm"), STORM);
        assert_eq!(running[0].value("select sum(v) from t"), (8 * turns).to_string());
    });
}

#[test]
fn an_idle_connection_takes_little_memory() {
    let server = Reckon::start();
    let warm: Vec<Session> = (0..50).map(|_| server.connect()).collect();
    idle(&server);
    let before = process::resident_bytes(server.id());
    let sessions: Vec<Session> = (0..500).map(|_| server.connect()).collect();
    idle(&server);
    let each = process::resident_bytes(server.id()).saturating_sub(before) / 500;
    assert!(each <= 100 * 1024, "{each} bytes a connection");
    drop((warm, sessions));
}

#[test]
fn a_statement_larger_than_a_transaction_may_be_is_refused() {
    let server = Reckon::start_with(&["max_transaction_size=1MB"]);
    let mut session = server.connect();
    session.run("create table t (id int primary key, v text)");
    session.run("insert into t values (0, 'before')");
    let sql = "insert into t select i, repeat('x', 1000) from generate_series(1, 5000) i";
    assert_eq!(session.sqlstate(sql), "53400");
    assert_eq!(session.value("select count(*) from t"), "1");
}

#[test]
fn deep_and_long_statements_end_in_an_answer() {
    let server = Reckon::start();
    let mut session = server.connect();
    let mut random = random::Random::new(1);
    let deep = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let long = format!("select {}", vec!["1 + 1"; 20_000].join(" + "));
    let lists = (0..50_000).map(|_| random.below(1000).to_string()).collect::<Vec<_>>().join(",");
    let listed = format!("select 5 in ({lists})");
    for sql in [deep, long, listed] {
        // An answer or an error; never the end of the session.
        let _answer = session.query(&sql);
        assert_eq!(session.value("select 'alive'"), "alive");
    }
}
