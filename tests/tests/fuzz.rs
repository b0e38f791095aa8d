//! Any bytes give an answer or an error: the server lives, and a session that is kept is in step.
//!
//! The seed is printed; `RECKON_SEED` repeats a run and `RECKON_FUZZ_ROUNDS` makes it longer.

#![forbid(unsafe_code)]

use bytes::BytesMut;
use reckon_tests::random::{Random, seed};
use reckon_tests::{Reckon, Session, script};
use reckon_wire::client;

fn rounds() -> usize {
    let given = std::env::var("RECKON_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(3000)
}

fn random() -> Random {
    let seed = seed();
    eprintln!("RECKON_SEED={seed}");
    Random::new(seed)
}

/// A stream of good messages, from which bad ones are made.
fn messages(random: &mut Random) -> Vec<u8> {
    let mut out = BytesMut::new();
    for _ in 0..=random.below(6) {
        match random.below(9) {
            0 => client::query(&mut out, "select 1; select 'x'"),
            1 => client::parse(&mut out, "s", "select $1::int + 1", &[23]),
            2 => client::bind(&mut out, "p", "s", &[], &[Some(b"7")], &[]),
            3 => client::execute(&mut out, "p", 1),
            4 => client::describe_statement(&mut out, "s"),
            5 => client::close_portal(&mut out, "p"),
            6 => client::query(&mut out, "copy (select 1) to stdout"),
            7 => client::copy_data(&mut out, b"1\t2\n"),
            _ => client::sync(&mut out),
        }
    }
    client::sync(&mut out);
    out.to_vec()
}

fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.number() as u8,
            1 => bytes.insert(at, random.number() as u8),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
}

#[test]
fn damaged_messages_never_end_the_server() {
    let server = Reckon::start();
    let mut random = random();
    for _ in 0..rounds() {
        let mut session = server.connect();
        let mut bytes = messages(&mut random);
        damage(&mut random, &mut bytes);
        // The server may close while we send; what it answers is judged by the protocol suite.
        let _closed = session.write(&bytes);
        drop(session);
    }
    assert_eq!(server.connect().value("select 'alive'"), "alive");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn damaged_startups_never_end_the_server() {
    let server = Reckon::start();
    let mut random = random();
    for _ in 0..rounds() {
        let mut out = BytesMut::new();
        client::startup(&mut out, [("user", "postgres"), ("database", "postgres")]);
        let mut bytes = out.to_vec();
        damage(&mut random, &mut bytes);
        let mut session = Session::open(server.address()).expect("connect");
        let _closed = session.write(&bytes);
    }
    assert_eq!(server.connect().value("select 'alive'"), "alive");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Statements of the scripts, without psql's own commands.
fn statements() -> Vec<String> {
    let mut found = Vec::new();
    for script in script::all("") {
        for line in script.text().lines() {
            let skip = line.starts_with(['\\', '-']) || line.contains("pg_sleep");
            if line.ends_with(';') && !skip && !line.contains("1000000") {
                found.push(line.to_owned());
            }
        }
    }
    found
}

/// Words of two statements, mixed.
fn mixed(random: &mut Random, statements: &[String]) -> String {
    let (first, second) = (random.choose(statements), random.choose(statements));
    let mut words: Vec<&str> = first.split(' ').collect();
    let others: Vec<&str> = second.split(' ').collect();
    for _ in 0..=random.below(4) {
        let at = random.below(words.len());
        match random.below(4) {
            0 => words[at] = others[random.below(others.len())],
            1 => words.insert(at, others[random.below(others.len())]),
            2 if words.len() > 1 => drop(words.remove(at)),
            _ => words.swap(at, 0),
        }
    }
    words.join(" ")
}

#[test]
fn mixed_statements_leave_the_session_in_step() {
    let server = Reckon::start();
    let mut random = random();
    let statements = statements();
    let mut session = server.connect();
    session.run("set statement_timeout = '2s'");
    for _ in 0..rounds() {
        let sql = mixed(&mut random, &statements);
        if sql.to_lowercase().contains("copy") {
            continue;
        }
        match session.query(&sql) {
            Err(error) if error.severity == "FATAL" => panic!("{sql}\n{error}"),
            Err(error) if error.sqlstate == "XX000" => panic!("{sql}\n{error}"),
            _ => {}
        }
    }
    let _outside = session.query("rollback");
    assert_eq!(session.value("select 'in step'"), "in step");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
