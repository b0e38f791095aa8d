//! What a client may say, in which order, and what comes back.

use crate::support::Server;
use reckon_wire::{Format, client};

#[test]
fn simple_queries_answer_statement_by_statement() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.values("select 1; select 2"), ["1", "2"]);
    client.send(|out| client::query(out, ""));
    assert_eq!(client.tags(), "IZ");
    client.send(|out| client::query(out, "select 1; select 1/0; select 3"));
    assert_eq!(client.tags(), "TDCEZ");
    assert_eq!(client.values("select 4"), ["4"]);
}

#[test]
fn a_pipeline_is_answered_in_order_and_skips_to_sync_after_an_error() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(|out| {
        client::parse(out, "s", "select $1::int4 + 1", &[]);
        client::describe_statement(out, "s");
        client::bind(out, "", "s", &[], &[Some(b"41")], &[]);
        client::execute(out, "", 0);
        client::bind(out, "", "s", &[], &[Some(b"x")], &[]);
        client::execute(out, "", 0);
        client::query(out, "select 'skipped'");
        client::sync(out);
        client::bind(out, "", "s", &[], &[None], &[Format::Binary]);
        client::describe_portal(out, "");
        client::execute(out, "", 0);
        client::close_statement(out, "s");
        client::sync(out);
    });
    assert_eq!(client.tags(), "1tT2DCEZ");
    assert_eq!(client.tags(), "2TDC3Z");
}

#[test]
fn portals_stop_at_the_row_limit_and_go_on() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(|out| {
        client::parse(out, "", "select generate_series(1, 5)", &[]);
        client::bind(out, "p", "", &[], &[], &[]);
        client::execute(out, "p", 2);
        client::execute(out, "p", 2);
        client::execute(out, "p", 2);
        client::sync(out);
        client::execute(out, "p", 2);
        client::sync(out);
    });
    assert_eq!(client.tags(), "12DDsDDsDCZ");
    let replies = client.until_ready();
    let (sqlstate, message) = replies[0].error().unwrap();
    assert_eq!((sqlstate.as_str(), message.as_str()), ("34000", "portal \"p\" does not exist"));
}

#[test]
fn flush_sends_what_is_ready() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(|out| {
        client::parse(out, "", "select 1", &[]);
        client::flush(out);
    });
    assert_eq!(client.next().unwrap().tag, b'1');
    client.send(client::sync);
    assert_eq!(client.tags(), "Z");
}

#[test]
fn messages_may_arrive_byte_by_byte() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut out = bytes::BytesMut::new();
    client::query(&mut out, "select 'slowly'");
    out.chunks(1).for_each(|byte| client.send_bytes(byte));
    assert_eq!(client.until_ready()[1].value().unwrap(), "slowly");
}

#[test]
fn copy_in_takes_rows_fails_and_ignores_the_rest() {
    let (_server, mut client) = Server::with_table();
    client.send(|out| {
        client::query(out, "copy t from stdin");
        client::copy_data(out, b"1\n2");
        client::copy_data(out, b"\n3\n");
        client::copy_done(out);
    });
    assert_eq!(client.tags(), "GCZ");
    assert_eq!(client.values("select count(*) from t"), ["3"]);
    client.send(|out| {
        client::query(out, "copy t from stdin");
        client::copy_data(out, b"x\n");
        client::copy_data(out, b"5\n");
        client::copy_done(out);
        client::query(out, "select 7");
    });
    assert_eq!(client.tags(), "GEZ");
    assert_eq!(client.tags(), "TDCZ");
    client.send(|out| {
        client::query(out, "copy t from stdin");
        client::copy_fail(out, "changed my mind");
    });
    let replies = client.until_ready();
    let (sqlstate, message) = replies[1].error().unwrap();
    assert_eq!(sqlstate, "57014");
    assert_eq!(message, "COPY from stdin failed: changed my mind");
    client.send(|out| {
        client::parse(out, "", "copy t from stdin", &[]);
        client::bind(out, "", "", &[], &[], &[]);
        client::execute(out, "", 0);
        client::copy_data(out, b"9\n");
        client::sync(out);
        client::copy_done(out);
        client::sync(out);
    });
    assert_eq!(client.tags(), "12GCZ");
    assert_eq!(client.values("select count(*) from t"), ["4"]);
}

#[test]
fn messages_of_a_copy_that_is_none_are_ignored_whatever_they_hold() {
    let (_server, mut client) = Server::with_table();
    client.query("begin");
    client.send_bytes(b"f\0\0\0\x05A");
    client.send_bytes(b"f\0\0\0\x06\xff\0");
    client.send_bytes(b"c\0\0\0\x05A");
    client.send_bytes(b"d\0\0\0\x05A");
    assert_eq!(client.values("select 1"), ["1"]);
    client.send(|out| client::query(out, "copy t from stdin"));
    client.send_bytes(b"H\0\0\0\x05AS\0\0\0\x05Ad\0\0\0\x061\nc\0\0\0\x05A");
    assert_eq!(client.tags(), "GCZ");
    assert_eq!(client.values("select count(*) from t"), ["1"]);
}

#[test]
fn copy_out_sends_a_line_a_message() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(|out| client::query(out, "copy (select generate_series(1, 3)) to stdout"));
    assert_eq!(client.tags(), "HdddcCZ");
    client.send(|out| {
        client::parse(out, "", "copy (select 1 where false) to stdout", &[]);
        client::bind(out, "", "", &[], &[], &[]);
        client::execute(out, "", 0);
        client::sync(out);
    });
    assert_eq!(client.tags(), "12HcCZ");
}

#[test]
fn settings_of_the_startup_packet_hold_and_changes_are_told() {
    let server = Server::start(&[]);
    let mut client = server.unconnected();
    client.startup(&[
        ("user", "postgres"),
        ("application_name", "tests"),
        ("options", "-c statement_timeout=5s"),
    ]);
    client.until_ready();
    assert_eq!(client.values("show application_name"), ["tests"]);
    assert_eq!(client.values("show statement_timeout"), ["5s"]);
    let replies = client.query("set application_name = 'other'");
    let told = client::Message::ParameterStatus("application_name", "other");
    assert!(replies.iter().any(|reply| reply.message() == told), "{replies:?}");
    let tags: String = replies.iter().map(|reply| char::from(reply.tag)).collect();
    assert_eq!(tags, "CSZ");
}

#[test]
fn broken_bodies_are_errors_and_broken_frames_end_the_session() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send_bytes(b"Q\0\0\0\x0cselect\xff\0");
    let error = client.until_ready()[0].error().unwrap();
    assert_eq!(error.0, "22021");
    client.send_bytes(b"D\0\0\0\x06X\0");
    client.send(client::sync);
    let replies = client.until_ready();
    assert_eq!(replies[0].error().unwrap().1, "invalid DESCRIBE message subtype 88");
    assert_eq!(client.values("select 1"), ["1"]);
    client.send_bytes(b"!\0\0\0\x04");
    assert_eq!(client.last_words(), ("08P01".into(), "invalid frontend message type 33".into()));
    let mut client = server.connect();
    client.send_bytes(b"Q\x7f\xff\xff\xff");
    assert!(client.next().is_none());
}

#[test]
fn large_results_and_values_travel() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.values("select generate_series(1, 100000)").len(), 100_000);
    let long = "x".repeat(10_000_000);
    assert_eq!(client.values(&format!("select '{long}'")), [long]);
}
