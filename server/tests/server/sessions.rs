//! Who is let in, who is told to go, and what stops a statement.

use std::process::Stdio;

use crate::support::{Client, Reply, Server, command};
use reckon_wire::auth::scram::{Client as Scram, MECHANISM};
use reckon_wire::client::{self, Authentication, Message};

/// Proves a password. What the server says last.
fn log_in(client: &mut Client, user: &str, password: &str) -> Option<(String, String)> {
    client.startup(&[("user", user), ("database", "postgres")]);
    let request = client.next().expect("a request");
    assert!(matches!(request.message(), Message::Authentication(Authentication::Sasl(_))));
    let scram = Scram::new(password, [7; 18]);
    client.send(|out| client::sasl_initial_response(out, MECHANISM, scram.first().as_bytes()));
    let challenge = client.next().expect("a challenge");
    let Message::Authentication(Authentication::SaslContinue(text)) = challenge.message() else {
        return challenge.error();
    };
    let proof = scram.respond(text).expect("a proof");
    client.send(|out| client::sasl_response(out, proof.message().as_bytes()));
    let outcome = client.next().expect("an outcome");
    if let Message::Authentication(Authentication::SaslFinal(text)) = outcome.message() {
        proof.check(text).expect("the server knows the verifier");
        client.until_ready();
    }
    outcome.error()
}

#[test]
fn over_tcp_the_generated_password_is_needed() {
    let server = Server::start(&[]);
    let mut client = server.unconnected_tcp();
    assert_eq!(log_in(&mut client, "postgres", &server.password()), None);
    assert_eq!(client.values("select 1"), ["1"]);
    for user in ["postgres", "nobody"] {
        let refused = log_in(&mut server.unconnected_tcp(), user, "wrong");
        let message = format!("password authentication failed for user \"{user}\"");
        assert_eq!(refused, Some(("28P01".to_owned(), message)));
    }
}

#[test]
fn on_the_unix_socket_the_owner_is_postgres_and_nobody_else() {
    let server = Server::start(&[]);
    assert_eq!(server.connect().values("select current_user"), ["postgres"]);
    let mut client = server.unconnected();
    client.startup(&[("user", "anna")]);
    let message = "Peer authentication failed for user \"anna\"".to_owned();
    assert_eq!(client.last_words(), ("28000".to_owned(), message));
    let mut client = server.unconnected();
    client.startup(&[("user", "postgres"), ("database", "nowhere")]);
    let message = "database \"nowhere\" does not exist".to_owned();
    assert_eq!(client.last_words(), ("3D000".to_owned(), message));
}

#[test]
fn encryption_is_declined_and_the_session_goes_on() {
    let server = Server::start(&[]);
    let mut client = server.unconnected();
    client.send(client::ssl_request);
    assert_eq!(client.byte(), b'N');
    client.send(client::gssenc_request);
    assert_eq!(client.byte(), b'N');
    client.startup(&[("user", "postgres")]);
    assert!(client.tags().ends_with("KZ"));
    let mut client = server.unconnected();
    client.send(|out| {
        client::ssl_request(out);
        client::startup(out, [("user", "postgres")]);
    });
    assert_eq!(client.last_words().1, "received unencrypted data after SSL request");
}

#[test]
fn newer_minor_versions_are_negotiated_and_other_majors_refused() {
    let server = Server::start(&[]);
    let mut client = server.unconnected();
    client.send(|out| client::startup_version(out, 0x3_0002, [("user", "postgres")]));
    assert_eq!(client.next().unwrap().tag, b'v');
    assert!(client.tags().ends_with('Z'));
    let mut client = server.unconnected();
    client.send(|out| client::startup_version(out, 0x4_0000, [("user", "postgres")]));
    assert_eq!(client.last_words().0, "0A000");
}

#[test]
fn before_authentication_little_is_taken() {
    let server = Server::start(&[]);
    let mut client = server.unconnected();
    client.send_bytes(&10_001_i32.to_be_bytes());
    assert!(client.next().is_none());
    let mut client = server.unconnected_tcp();
    client.startup(&[("user", "postgres")]);
    client.next();
    client.send_bytes(b"p\0\0\x27\x11");
    assert_eq!(client.last_words(), ("08P01".into(), "invalid message length".into()));
    let mut client = server.unconnected_tcp();
    client.startup(&[("user", "postgres")]);
    client.next();
    client.send(|out| client::query(out, "select 1"));
    let message = "expected SASL response, got message type 81";
    assert_eq!(client.last_words(), ("08P01".into(), message.into()));
}

#[test]
fn a_silent_client_is_let_go_after_the_timeout() {
    let server = Server::start(&["authentication_timeout=200ms"]);
    assert_eq!(server.unconnected().until_ready().len(), 1);
    let mut client = server.connect();
    assert_eq!(client.values("select 1"), ["1"]);
}

#[test]
fn there_are_never_more_than_max_connections() {
    let server = Server::start(&["max_connections=2"]);
    let (mut first, _second) = (server.connect(), server.connect());
    let mut third = server.unconnected();
    third.startup(&[("user", "postgres")]);
    let message = "sorry, too many clients already".to_owned();
    assert_eq!(third.last_words(), ("53300".to_owned(), message));
    first.send(client::terminate);
    assert!(first.next().is_none());
    server.connect();
}

#[test]
fn a_cancel_request_stops_the_statement_it_means() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client
        .send(|out| client::query(out, "select generate_series(1, 20000); select pg_sleep(1000)"));
    assert_eq!(client.next().unwrap().tag, b'T');
    let (process, secret) = client.key;
    let wrong = secret.wrapping_add(1);
    for secret in [wrong, secret] {
        let mut other = server.unconnected();
        other.send(|out| client::cancel_request(out, process, secret));
        assert!(other.next().is_none());
    }
    let replies = client.until_ready();
    let message = "canceling statement due to user request".to_owned();
    let error = replies.iter().find_map(Reply::error);
    assert_eq!(error, Some(("57014".to_owned(), message)));
    assert_eq!(client.values("select 2"), ["2"]);
}

#[test]
fn a_cancel_request_stops_a_copy_that_waits_for_rows() {
    let (server, mut client) = Server::with_table();
    client.send(|out| client::query(out, "copy t from stdin"));
    assert_eq!(client.next().unwrap().tag, b'G');
    server.cancel(&client);
    assert_eq!(client.until_ready()[0].error().unwrap().0, "57014");
}

#[test]
fn statement_timeout_stops_a_statement() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.query("set statement_timeout = '50ms'");
    let message = "canceling statement due to statement timeout".to_owned();
    assert_eq!(client.error("select pg_sleep(1000)"), ("57014".to_owned(), message));
    assert_eq!(client.values("select 1"), ["1"]);
}

#[test]
fn statement_timeout_stops_planning_and_single_calls() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.query("create table t (a text)");
    client.query("insert into t values (repeat('a', 1000000))");
    client.query("set statement_timeout = '200ms'");
    let message = "canceling statement due to statement timeout".to_owned();
    let stopped = ("57014".to_owned(), message);
    for (call, table) in [
        ("regexp_replace(repeat('a', 1000000), 'a(.*b)?', 'x', 'g')", ""),
        ("regexp_replace(a, 'a(.*b)?', 'x', 'g')", "from t"),
        ("regexp_split_to_array(a, 'a(.*b)?')::text", "from t"),
        ("(a like '%' || repeat('a', 500000) || 'b')::text", "from t"),
    ] {
        assert_eq!(client.error(&format!("select length({call}) {table}")), stopped, "{call}");
    }
    let planned = "select regexp_count(repeat('a', 1000000), 'a(.*b)?')";
    client.send(|out| {
        client::parse(out, "", planned, &[]);
        client::sync(out);
    });
    assert_eq!(client.until_ready()[0].error(), Some(stopped));
    assert_eq!(client.values("select 1"), ["1"]);
}

#[test]
fn statement_timeout_counts_while_the_statement_waits_for_its_client() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.query("set statement_timeout = '50ms'");
    client.send(|out| {
        client::parse(out, "", "select pg_sleep(1000)", &[]);
        client::flush(out);
    });
    assert_eq!(client.next().unwrap().tag, b'1');
    other.query("select pg_sleep(0.1)");
    client.send(|out| {
        client::bind(out, "", "", &[], &[], &[]);
        client::execute(out, "", 0);
        client::sync(out);
    });
    let error = client.until_ready().iter().find_map(Reply::error);
    assert_eq!(error.expect("its time is over").0, "57014");
    assert_eq!(client.values("select 1"), ["1"]);
}

#[test]
fn idle_in_transaction_is_ended_after_its_timeout() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.query("set idle_in_transaction_session_timeout = '50ms'");
    client.query("begin");
    let message = "terminating connection due to idle-in-transaction timeout".to_owned();
    assert_eq!(client.last_words(), ("25P03".to_owned(), message));
}

#[test]
fn a_session_whose_client_does_not_read_can_be_terminated() {
    let (server, mut client) = Server::with_table();
    client.query("insert into t values (1)");
    let mut deaf = server.connect();
    let rows = "select repeat('x', 1000) from generate_series(1, 100000)";
    deaf.send(|out| client::query(out, &format!("begin; update t set a = 2; {rows}")));
    assert_eq!(deaf.next().unwrap().tag, b'C');
    let terminate = |deaf: &Client| format!("select pg_terminate_backend({})", deaf.key.0);
    assert_eq!(client.values(&terminate(&deaf)), ["t"]);
    assert_eq!(client.query("update t set a = 3 where a = 1")[0].tag, b'C');
    // One that is told of notifications while it is idle.
    let mut deaf = server.connect();
    deaf.query("listen news");
    deaf.query("select pg_advisory_lock(1)");
    let news = "select pg_notify('news', n || repeat('x', 7000)) from generate_series(1, 1000) n";
    client.query(news);
    client.query(news);
    assert_eq!(client.values(&terminate(&deaf)), ["t"]);
    client.query("select pg_advisory_lock(1)");
}

#[test]
fn a_lock_is_free_once_its_waiting_or_sleeping_client_is_gone() {
    let (server, mut client) = Server::with_table();
    client.query("insert into t values (1)");
    let mut gone = server.connect();
    gone.send(|out| {
        client::query(
            out,
            "begin; delete from t; select generate_series(1, 20000); select pg_sleep(1000)",
        );
    });
    assert_eq!(gone.next().unwrap().tag, b'C');
    drop(gone);
    let replies = client.query("update t set a = 2");
    assert!(replies.iter().any(|reply| reply.tag == b'C'), "{replies:?}");
}

#[test]
fn shutdown_tells_idle_sessions_and_waits_for_statements() {
    let mut server = Server::start(&[]);
    let (mut idle, mut busy) = (server.connect(), server.connect());
    busy.send(|out| client::query(out, "select generate_series(1, 20000); select pg_sleep(0.3)"));
    assert_eq!(busy.next().unwrap().tag, b'T');
    server.terminate();
    let message = "terminating connection due to administrator command".to_owned();
    let told = ("57P01".to_owned(), message);
    assert_eq!(idle.last_words(), told);
    let tags = busy.tags();
    assert_eq!(tags.replace('D', ""), "CTCZ");
    assert_eq!(busy.last_words(), told);
    assert!(server.wait().success());
    assert!(!server.socket.exists());
}

#[test]
fn shutdown_ends_statements_after_its_timeout() {
    let mut server = Server::start(&["shutdown_timeout=100ms"]);
    let mut busy = server.connect();
    busy.send(|out| client::query(out, "select generate_series(1, 20000); select pg_sleep(1000)"));
    assert_eq!(busy.next().unwrap().tag, b'T');
    server.terminate();
    assert_eq!(busy.last_words().0, "57P01");
    assert!(server.wait().success());
}

#[test]
fn wrong_settings_and_taken_places_are_refused_with_what_to_do() {
    let server = Server::start(&[]);
    let refused = |arguments: &[&str]| {
        let mut command = command();
        command.args(arguments).stderr(Stdio::piped());
        let output = command.output().expect("it ran");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    assert_eq!(refused(&[]), "reckon: no data directory: say --data-dir DIR\n");
    let unknown = refused(&["--data-dir", "/nowhere", "--set", "max_conections=1"]);
    assert!(unknown.contains("did you mean \"max_connections\"?"), "{unknown}");
    let other = tempfile::tempdir().expect("a directory");
    let other = other.path().join("data");
    let other = other.to_str().expect("text");
    let taken = refused(&["--data-dir", other, "--listen", &server.address]);
    assert!(taken.contains("give another --listen HOST:PORT"), "{taken}");
}

#[test]
fn a_call_that_takes_long_leaves_its_worker_to_others() {
    let server = Server::start(&["worker_threads=1"]);
    let mut long = server.connect();
    let call = "regexp_replace(repeat('a', 1000000), 'a(.*b)?', 'x', 'g')";
    long.send(|out| client::query(out, &format!("select length({call})")));
    let mut other = server.connect();
    assert_eq!(other.values("select 1"), ["1"]);
    server.cancel(&long);
    let error = long.until_ready().iter().find_map(Reply::error);
    assert_eq!(error.expect("it was canceled").0, "57014");
}

#[test]
fn a_statement_that_only_computes_leaves_its_worker_to_others() {
    let server = Server::start(&["worker_threads=1"]);
    let mut long = server.connect();
    long.query("create table t (a int4)");
    long.query("insert into t select generate_series(1, 20000)");
    long.send(|out| client::query(out, "select count(*) from t a, t b where a.a + b.a < 0"));
    let mut other = server.connect();
    assert_eq!(other.values("select 1"), ["1"]);
    server.cancel(&long);
    let error = long.until_ready().iter().find_map(Reply::error);
    assert_eq!(error.expect("it was canceled").0, "57014");
}
