//! The protocol, byte by byte: what PostgreSQL answers, Reckon answers, to good messages and bad.

#![forbid(unsafe_code)]

use bytes::BytesMut;
use reckon_tests::exchange::exchange;
use reckon_tests::{Address, Postgres, Reckon, Session};
use reckon_wire::Format::{Binary, Text};
use reckon_wire::client;

/// A case: its name, the ReadyForQuery to wait for, and what is sent.
type Case = (&'static str, usize, fn(&mut BytesMut));

/// Sends every case, each on a session of its own, to both servers and compares the answers.
#[track_caller]
fn agree(cases: &[Case]) {
    let postgres = Postgres::start();
    let reckon = Reckon::start();
    let mut wrong = String::new();
    for (name, ready, build) in cases {
        let mut bytes = BytesMut::new();
        build(&mut bytes);
        let [expected, found] = [postgres.address(), reckon.address()].map(|address| {
            let mut session = Session::connect(address, "postgres");
            let mut shown = exchange(&mut session, &bytes, *ready);
            if !shown.ends_with("closed\n") {
                // What the session answers next shows that it is in step.
                let mut next = BytesMut::new();
                client::query(&mut next, "rollback; select 'in step'");
                shown.push_str(&exchange(&mut session, &next, 1));
            }
            shown
        });
        if found != expected {
            wrong.push_str(&format!("== {name}\n-- Reckon\n{found}-- PostgreSQL\n{expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn bind(out: &mut BytesMut, portal: &str, statement: &str, values: &[&str]) {
    let values: Vec<_> = values.iter().map(|value| Some(value.as_bytes())).collect();
    client::bind(out, portal, statement, &[], &values, &[]);
}

const SIMPLE: &[Case] = &[
    ("one statement", 1, |out| client::query(out, "select 1 as a, 'x'::text as b, null::int as c")),
    ("several statements", 1, |out| client::query(out, "select 1; select 2; select 3")),
    ("nothing", 1, |out| client::query(out, "")),
    ("blanks and a comment", 1, |out| client::query(out, "  -- nothing\n ;")),
    ("an error", 1, |out| client::query(out, "select nosuch")),
    ("an error stops the message", 1, |out| {
        client::query(out, "select 1; select nosuch; select 2")
    }),
    ("a block stays open", 1, |out| client::query(out, "begin; select 1")),
    ("a failed block stays failed", 2, |out| {
        client::query(out, "begin; select nosuch");
        client::query(out, "select 1");
    }),
    ("tags", 1, |out| {
        client::query(
            out,
            "create table tags (id int primary key); insert into tags values (1), (2); \
             update tags set id = id + 10; select * from tags; delete from tags; drop table tags",
        );
    }),
    ("types and modifiers", 1, |out| {
        client::query(
            out,
            "select true, 1::int2, 2::int4, 3::int8, 1.5::float8, 1.50::numeric(6,2), 'a'::text, \
             'b'::varchar(5), 'c'::char(3), '2024-01-01'::date, '2024-01-01'::timestamp(3), \
             '2024-01-01'::timestamptz, '1 day'::interval, '\\x01'::bytea, 7::oid, 'n'::name, \
             '{1,2}'::int4[], '11111111-1111-1111-1111-111111111111'::uuid",
        );
    }),
];

#[test]
fn simple_queries_agree() {
    agree(SIMPLE);
}

const EXTENDED: &[Case] = &[
    ("parse, bind, describe, execute", 1, |out| {
        client::parse(out, "", "select $1::int + 1 as n", &[]);
        bind(out, "", "", &["41"]);
        client::describe_portal(out, "");
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("parameter types are inferred", 1, |out| {
        client::parse(out, "s", "select $1 + 1, $2 || 'x', $3::numeric", &[]);
        client::describe_statement(out, "s");
        client::sync(out);
    }),
    ("parameter types are given", 1, |out| {
        client::parse(out, "s", "select $1, $2", &[23, 25]);
        client::describe_statement(out, "s");
        client::sync(out);
    }),
    ("binary in and out", 1, |out| {
        client::parse(out, "", "select $1::int4, $2::text, $1::int4 + 0.5::float8, true", &[]);
        let values = [Some(&[0, 0, 1, 0][..]), Some(&b"text"[..])];
        client::bind(out, "", "", &[Binary, Text], &values, &[Binary]);
        client::describe_portal(out, "");
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("binary of every type", 1, |out| {
        client::parse(
            out,
            "",
            "select true, 1::int2, 2::int4, 3::int8, 1.5::float8, 1234.50::numeric, -0.001::numeric, \
             'a'::text, 'b'::varchar, 'c'::char(3), '2024-01-01'::date, \
             '2024-01-01 01:02:03.4'::timestamp, '2024-01-01 00:00+00'::timestamptz, \
             '1 mon 2 days 3 secs'::interval, '\\x00ff'::bytea, 7::oid, 'n'::name, '{1,null,3}'::int4[], \
             '11111111-1111-1111-1111-111111111111'::uuid, null::int",
            &[],
        );
        client::bind(out, "", "", &[], &[], &[Binary]);
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("a null parameter", 1, |out| {
        client::parse(out, "", "select $1::int is null", &[]);
        client::bind(out, "", "", &[], &[None], &[]);
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("an empty statement", 1, |out| {
        client::parse(out, "", "", &[]);
        bind(out, "", "", &[]);
        client::describe_portal(out, "");
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("no data", 1, |out| {
        client::parse(out, "", "begin", &[]);
        client::describe_statement(out, "");
        bind(out, "", "", &[]);
        client::describe_portal(out, "");
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("a row limit suspends the portal", 1, |out| {
        client::parse(out, "", "select * from generate_series(1, 5)", &[]);
        bind(out, "p", "", &[]);
        client::execute(out, "p", 2);
        client::execute(out, "p", 2);
        client::execute(out, "p", 2);
        client::execute(out, "p", 2);
        client::sync(out);
    }),
    ("a portal ends with its transaction", 2, |out| {
        client::parse(out, "", "select * from generate_series(1, 5)", &[]);
        bind(out, "p", "", &[]);
        client::execute(out, "p", 2);
        client::sync(out);
        client::execute(out, "p", 2);
        client::sync(out);
    }),
    ("a portal lives in a block", 3, |out| {
        client::query(out, "begin");
        client::parse(out, "", "select * from generate_series(1, 5)", &[]);
        bind(out, "p", "", &[]);
        client::execute(out, "p", 2);
        client::sync(out);
        client::execute(out, "p", 0);
        client::sync(out);
    }),
    ("a named statement is used again", 2, |out| {
        client::parse(out, "s", "select $1::int * 2", &[]);
        bind(out, "", "s", &["1"]);
        client::execute(out, "", 0);
        client::sync(out);
        bind(out, "", "s", &["2"]);
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("a closed statement is gone", 2, |out| {
        client::parse(out, "s", "select 1", &[]);
        client::close_statement(out, "s");
        client::close_statement(out, "never was");
        client::close_portal(out, "never was");
        client::sync(out);
        bind(out, "", "s", &[]);
        client::sync(out);
    }),
    ("a pipeline of three", 3, |out| {
        for value in ["1", "2", "3"] {
            client::parse(out, "", "select $1::int", &[]);
            bind(out, "", "", &[value]);
            client::execute(out, "", 0);
            client::sync(out);
        }
    }),
    ("a pipeline is one transaction up to its sync", 2, |out| {
        for sql in ["create table gone (id int)", "insert into gone values (1)", "select nosuch"] {
            client::parse(out, "", sql, &[]);
            bind(out, "", "", &[]);
            client::execute(out, "", 0);
        }
        client::sync(out);
        client::query(out, "select * from gone");
    }),
];

#[test]
fn the_extended_protocol_agrees() {
    agree(EXTENDED);
}

const MISTAKES: &[Case] = &[
    ("everything is skipped until sync", 2, |out| {
        client::parse(out, "", "select nosuch", &[]);
        bind(out, "", "", &[]);
        client::execute(out, "", 0);
        client::query(out, "select 'skipped'");
        client::sync(out);
        client::query(out, "select 'taken'");
    }),
    ("two statements in a parse", 1, |out| {
        client::parse(out, "", "select 1; select 2", &[]);
        client::sync(out);
    }),
    ("an unknown statement", 1, |out| {
        bind(out, "", "nosuch", &[]);
        client::sync(out);
    }),
    ("an unknown portal", 1, |out| {
        client::execute(out, "nosuch", 0);
        client::sync(out);
    }),
    ("a description of nothing", 2, |out| {
        client::describe_statement(out, "nosuch");
        client::sync(out);
        client::describe_portal(out, "nosuch");
        client::sync(out);
    }),
    ("too few values", 1, |out| {
        client::parse(out, "s", "select $1::int, $2::int", &[]);
        bind(out, "", "s", &["1"]);
        client::sync(out);
    }),
    ("too many values", 1, |out| {
        client::parse(out, "", "select $1::int", &[]);
        bind(out, "", "", &["1", "2"]);
        client::sync(out);
    }),
    ("a wrong number of formats", 1, |out| {
        client::parse(out, "", "select $1::int, $2::int, $3::int", &[]);
        let values = [Some(&b"1"[..]); 3];
        client::bind(out, "", "", &[Text, Text], &values, &[]);
        client::sync(out);
    }),
    ("a wrong number of result formats", 1, |out| {
        client::parse(out, "", "select 1, 2, 3", &[]);
        client::bind(out, "", "", &[], &[], &[Text, Text]);
        client::execute(out, "", 0);
        client::sync(out);
    }),
    ("a text value that is no number", 1, |out| {
        client::parse(out, "", "select $1::int", &[]);
        bind(out, "", "", &["x"]);
        client::sync(out);
    }),
    ("a binary value of a wrong length", 1, |out| {
        client::parse(out, "", "select $1::int", &[]);
        client::bind(out, "", "", &[Binary], &[Some(&[1, 2, 3])], &[]);
        client::sync(out);
    }),
    ("a statement's name twice", 1, |out| {
        client::parse(out, "s", "select 1", &[]);
        client::parse(out, "s", "select 2", &[]);
        client::sync(out);
    }),
    ("a portal's name twice", 1, |out| {
        client::parse(out, "", "select 1", &[]);
        bind(out, "p", "", &[]);
        bind(out, "p", "", &[]);
        client::sync(out);
    }),
    ("bytes that are no text", 1, |out| {
        client::parse(out, "", "select $1::text", &[]);
        client::bind(out, "", "", &[], &[Some(&[0xC3, 0x28])], &[]);
        client::sync(out);
    }),
    ("copy messages outside a copy", 1, |out| {
        client::copy_data(out, b"1\n");
        client::copy_done(out);
        client::copy_fail(out, "no reason");
        client::query(out, "select 1");
    }),
    ("flush and sync alone", 2, |out| {
        client::flush(out);
        client::sync(out);
        client::sync(out);
    }),
];

#[test]
fn mistakes_are_errors_and_the_session_goes_on() {
    agree(MISTAKES);
}

const VIOLATIONS: &[Case] = &[
    ("an unknown message", 1, |out| out.extend_from_slice(&[b'y', 0, 0, 0, 4])),
    ("a length below four", 1, |out| out.extend_from_slice(&[b'Q', 0, 0, 0, 3])),
    ("a negative length", 1, |out| out.extend_from_slice(&[b'Q', 0xFF, 0xFF, 0xFF, 0xFF])),
    ("a query without its end", 1, |out| out.extend_from_slice(b"Q\0\0\0\x08abcd")),
    ("a parse cut short", 1, |out| {
        out.extend_from_slice(b"P\0\0\0\x06\0\0");
        client::sync(out);
    }),
    ("a bind that promises more than it holds", 1, |out| {
        client::parse(out, "", "select 1", &[]);
        out.extend_from_slice(b"B\0\0\0\x0a\0\0\x7f\xff\0\0");
        client::sync(out);
    }),
    ("a describe of neither kind", 1, |out| {
        out.extend_from_slice(b"D\0\0\0\x06x\0");
        client::sync(out);
    }),
    ("a close of neither kind", 1, |out| {
        out.extend_from_slice(b"C\0\0\0\x06x\0");
        client::sync(out);
    }),
    ("a password out of place", 1, |out| out.extend_from_slice(b"p\0\0\0\x05\0")),
    ("terminate", 1, client::terminate),
];

#[test]
fn violations_are_fatal_where_they_are_for_postgresql() {
    agree(VIOLATIONS);
}

const COPIES: &[Case] = &[
    ("copy in", 2, |out| {
        client::query(out, "create table c (id int primary key, v text)");
        client::query(out, "copy c from stdin; select count(*) from c; drop table c");
        client::copy_data(out, b"1\tone\n2\t");
        client::copy_data(out, b"two\n");
        client::copy_done(out);
    }),
    ("copy in given up", 1, |out| {
        client::query(out, "create table c (id int); copy c from stdin");
        client::copy_fail(out, "changed my mind");
    }),
    ("copy out", 1, |out| {
        client::query(out, "copy (select i, 'v' || i from generate_series(1, 3) i) to stdout");
    }),
    ("a query in the middle of a copy", 1, |out| {
        client::query(out, "create table c (id int); copy c from stdin");
        client::query(out, "select 1");
    }),
];

#[test]
fn copies_agree() {
    agree(COPIES);
}

/// What a server sends to `bytes` as the first on a connection, as far as a client may rely on it:
/// settings in any order, and whether an error comes before or after AuthenticationOk is open.
fn greeting(address: &Address, bytes: &[u8]) -> String {
    let mut session = Session::open(address).expect("connect");
    let shown = exchange(&mut session, bytes, 1);
    let varies = ["BackendKeyData", "server_version", "is_superuser", "in_hot_standby", "(Ok)"];
    let kept = |line: &&str| !varies.iter().any(|word| line.contains(word));
    let (mut settings, others): (Vec<&str>, Vec<&str>) =
        shown.lines().filter(kept).partition(|line| line.starts_with("ParameterStatus"));
    settings.sort_unstable();
    [settings, others].concat().join("\n") + "\n"
}

#[test]
fn startups_agree() {
    let postgres = Postgres::start();
    let reckon = Reckon::start();
    let mut cases: Vec<(&str, BytesMut)> = Vec::new();
    let mut add = |name, build: fn(&mut BytesMut)| {
        let mut bytes = BytesMut::new();
        build(&mut bytes);
        cases.push((name, bytes));
    };
    add("a good one", |out| {
        client::startup(
            out,
            [("user", "postgres"), ("database", "postgres"), ("application_name", "me")],
        );
    });
    add("without a user", |out| client::startup(out, [("database", "postgres")]));
    add("an unknown database", |out| {
        client::startup(out, [("user", "postgres"), ("database", "nowhere")]);
    });
    add("the database of the user", |out| client::startup(out, [("user", "postgres")]));
    add("an unknown setting", |out| {
        client::startup(out, [("user", "postgres"), ("nosuch_setting", "1")]);
    });
    add("a bad value", |out| {
        client::startup(out, [("user", "postgres"), ("extra_float_digits", "many")]);
    });
    add("a fact", |out| {
        client::startup(out, [("user", "postgres"), ("options", "-c is_superuser=off")]);
    });
    add("another fact", |out| {
        client::startup(out, [("user", "postgres"), ("server_version", "99")]);
    });
    add("what the server is started with", |out| {
        client::startup(out, [("user", "postgres"), ("max_prepared_transactions", "9")]);
    });
    add("options", |out| {
        client::startup(out, [("user", "postgres"), ("options", "-c application_name=opt")]);
    });
    add("version 2", |out| out.extend_from_slice(&[0, 0, 0, 8, 0, 2, 0, 0]));
    add("version 4", |out| out.extend_from_slice(&[0, 0, 0, 8, 0, 4, 0, 0]));
    add("a length of zero", |out| out.extend_from_slice(&[0, 0, 0, 0]));
    add("a length too large", |out| out.extend_from_slice(&[0, 0, 0x40, 0]));
    let mut wrong = String::new();
    for (name, bytes) in &cases {
        let expected = greeting(postgres.address(), bytes);
        let found = greeting(reckon.address(), bytes);
        if found != expected {
            wrong.push_str(&format!("== {name}\n-- Reckon\n{found}-- PostgreSQL\n{expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn encryption_is_declined_and_the_session_starts() {
    let reckon = Reckon::start();
    for request in [client::ssl_request, client::gssenc_request] {
        let mut session = Session::open(reckon.address()).expect("connect");
        let mut bytes = BytesMut::new();
        request(&mut bytes);
        session.write(&bytes).expect("send");
        assert_eq!(session.read_byte().expect("an answer"), b'N');
        let mut bytes = BytesMut::new();
        client::startup(&mut bytes, [("user", "postgres")]);
        session.write(&bytes).expect("send");
        assert!(session.read_until(b'Z').ends_with('Z'));
    }
}

/// Where ours is the better answer: PostgreSQL's is an internal error.
#[test]
fn an_unknown_parameter_type_has_an_error_of_its_own() {
    let reckon = Reckon::start();
    let mut bytes = BytesMut::new();
    client::parse(&mut bytes, "", "select $1", &[4_000_000]);
    client::sync(&mut bytes);
    let shown = exchange(&mut reckon.connect(), &bytes, 1);
    assert!(shown.contains("C=42704"), "{shown}");
}

#[test]
fn a_cancel_with_a_wrong_secret_does_nothing() {
    let reckon = Reckon::start();
    let mut session = reckon.connect();
    session.send("select pg_sleep(0.3), 'done'");
    session.key.1 ^= 1;
    session.cancel(reckon.address());
    assert_eq!(session.finish().expect("not cancelled").rows[0][1].as_deref(), Some("done"));
}
