//! Starting, stopping, starting again; who is let in; what is refused at the start.

#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use reckon_tests::reckon::program;
use reckon_tests::{Psql, Reckon, Session, condition, skipped};
use rustix::process::Signal;

#[test]
fn data_survive_a_stop_and_a_kill() {
    let mut server = Reckon::start();
    let mut session = server.connect();
    session.run("create table t (id int primary key, v text)");
    session.run("insert into t select i, 'v' || i from generate_series(1, 1000) i");
    session.run("create index t_v on t (v)");
    assert!(server.stop().success());
    server.restart();
    let mut session = server.connect();
    assert_eq!(session.value("select v from t where id = 500"), "v500");
    session.run("update t set v = 'changed' where id = 500; delete from t where id = 501");
    server.kill();
    server.restart();
    let mut session = server.connect();
    assert_eq!(session.value("select v from t where id = 500"), "changed");
    assert_eq!(session.value("select id from t where v = 'changed'"), "500");
    assert_eq!(session.value("select count(*) from t"), "999");
}

#[test]
fn databases_and_definitions_survive_a_kill() {
    let mut server = Reckon::start();
    server.connect().run("create database other");
    Session::connect(server.address(), "other")
        .run("create table here (id int primary key, n numeric(5,2) default 1.5 not null)");
    server.kill();
    server.restart();
    let mut session = Session::connect(server.address(), "other");
    session.run("insert into here (id) values (1)");
    assert_eq!(session.value("select n from here"), "1.50");
    assert_eq!(server.connect().sqlstate("select * from here"), "42P01");
}

#[test]
fn a_stop_ends_idle_sessions_at_once_and_lets_statements_finish() {
    let mut server = Reckon::start();
    let mut idle = server.connect();
    let mut busy = server.connect();
    busy.run("create table t (id int primary key); insert into t values (0)");
    busy.send(
        "begin; select id from t for update; select pg_sleep(0.5); insert into t values (1); commit",
    );
    // The lock shows that the statement is under way.
    condition::until("the statement runs", || {
        idle.query("select id from t for update nowait").is_err()
    });
    server.signal(Signal::TERM);
    let told = idle.read_to_close().expect("the idle session is told");
    assert_eq!((told.severity.as_str(), told.sqlstate.as_str()), ("FATAL", "57P01"));
    assert_eq!(told.message, "terminating connection due to administrator command");
    busy.finish().expect("the running statement finishes");
    assert!(server.wait().success());
    server.restart();
    assert_eq!(server.connect().value("select count(*) from t"), "2");
}

#[test]
fn a_stop_ends_what_does_not_finish_in_time() {
    let mut server = Reckon::start_with(&["shutdown_timeout=100ms"]);
    let mut busy = server.connect();
    busy.send("select pg_sleep(600)");
    server.signal(Signal::INT);
    assert_eq!(busy.finish().expect_err("it is ended").sqlstate, "57P01");
    assert!(server.wait().success());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Reckon::start();
    let mut busy = server.connect();
    busy.send("select pg_sleep(600)");
    server.signal(Signal::TERM);
    let mut idle_is_refused = || Session::try_connect(server.address(), "postgres").is_err();
    condition::until("the stop to begin", &mut idle_is_refused);
    server.signal(Signal::TERM);
    server.wait();
}

/// Starts the program with these arguments, which must make it refuse; what it says.
fn refusal(arguments: &[&str], data: &Path) -> String {
    let mut command = Command::new(program());
    command.arg("serve").arg("--data-dir").arg(data).args(["--listen", "127.0.0.1:0"]);
    command.arg("--socket-dir").arg(data.parent().expect("a parent")).args(arguments);
    command.env_clear().stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start reckon");
    let mut status = None;
    condition::within(condition::PATIENCE / 4, || {
        status = child.try_wait().expect("its status");
        status.is_some()
    });
    let _ended = child.kill();
    let output = child.wait_with_output().expect("what it said");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(status.is_some_and(|status| !status.success()), "it started: {said}");
    said
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let said = refusal(&["--set", "max_conections=5"], &dir.path().join("data"));
    assert!(said.contains("max_conections") && said.contains("max_connections"), "{said}");
}

#[test]
fn a_setting_with_a_wrong_value_is_refused() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let said = refusal(&["--set", "cache_size=plenty"], &dir.path().join("data"));
    assert!(said.contains("cache_size") && said.contains("plenty"), "{said}");
}

#[test]
fn settings_come_from_a_file_and_the_command_line_wins() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("reckon.toml");
    fs::write(&file, "nosuch = 1\n").expect("write a file");
    let file = file.to_str().expect("a path in UTF-8");
    let said = refusal(&["--config", file], &dir.path().join("data"));
    assert!(said.contains("nosuch"), "{said}");
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("a directory");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("permissions");
    fs::write(data.join("letter.txt"), "not a database").expect("a file");
    let said = refusal(&[], &data);
    assert!(said.contains("empty"), "{said}");
    assert_eq!(fs::read_to_string(data.join("letter.txt")).ok().as_deref(), Some("not a database"));
}

#[test]
fn data_that_others_can_read_are_refused() {
    let mut server = Reckon::start();
    assert!(server.stop().success());
    fs::set_permissions(server.data(), fs::Permissions::from_mode(0o755)).expect("permissions");
    let said = refusal(&[], server.data());
    assert!(said.contains("0700") || said.contains("permission"), "{said}");
}

#[test]
fn a_directory_in_use_is_refused() {
    let server = Reckon::start();
    let said = refusal(&[], server.data());
    assert!(said.contains("use"), "{said}");
    assert_eq!(server.connect().value("select 1"), "1");
}

#[test]
fn the_data_directory_is_the_owners_alone() {
    let server = Reckon::start();
    let mode = fs::metadata(server.data()).expect("the data directory").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_password_is_made_up_once_and_needed_over_tcp() {
    let mut server = Reckon::start();
    let file = server.data().join("superuser-password");
    let password = fs::read_to_string(&file).expect("the made-up password");
    let password = password.trim_end();
    let mode = fs::metadata(&file).expect("its file").permissions().mode();
    assert_eq!(mode & 0o077, 0, "others can read the password");
    let connect = |server: &Reckon, user: &str, password: &str| {
        Session::try_connect_tcp(server.address(), user, password)
    };
    assert_eq!(connect(&server, "postgres", password).expect("let in").value("select 1"), "1");
    for (user, password) in [("postgres", "wrong"), ("postgres", ""), ("nobody", password)] {
        let refused = connect(&server, user, password).expect_err("a wrong user or password");
        assert_eq!((refused.severity.as_str(), refused.sqlstate.as_str()), ("FATAL", "28P01"));
        let message = format!("password authentication failed for user \"{user}\"");
        assert_eq!(refused.message, message);
    }
    server.kill();
    server.restart();
    assert!(connect(&server, "postgres", password).is_ok(), "the password has changed");
}

#[test]
fn a_password_comes_from_a_file() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("password");
    fs::write(&file, "correct horse\n").expect("write a password");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
    let setting = format!("superuser_password_file={}", file.display());
    let server = Reckon::start_with(&[&setting]);
    assert!(Session::try_connect_tcp(server.address(), "postgres", "correct horse").is_ok());
    assert!(Session::try_connect_tcp(server.address(), "postgres", "wrong").is_err());
}

#[test]
fn the_socket_lets_in_its_owner_as_postgres_only() {
    let server = Reckon::start();
    let shown = Psql::new(server.address(), "postgres").args(&["-U", "other"]).run("select 1;\n");
    assert!(shown.contains("FATAL:"), "{shown}");
    if !rustix::process::geteuid().is_root() {
        return skipped("another user on the socket", "becoming another user needs root");
    }
    let sockets = &server.address().socket_dir;
    let above = sockets.parent().expect("a parent");
    fs::set_permissions(above, fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut stranger = Psql::new(server.address(), "postgres").into_command();
    stranger.uid(65534).gid(65534).args(["-w", "-c", "select 1"]);
    let output = stranger.output().expect("start psql");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("FATAL:"), "{said}");
}
