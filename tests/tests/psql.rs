//! psql feels right: its own commands, errors under the right word, Ctrl-C.

#![forbid(unsafe_code)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use reckon_tests::{Psql, Reckon, condition, process};
use rustix::process::Signal;

fn typed(server: &Reckon, input: &str) -> String {
    Psql::new(server.address(), "postgres").run(input)
}

#[test]
fn timing_shows_a_time() {
    let server = Reckon::start();
    let shown = typed(&server, "\\timing on\nselect 1;\n");
    assert!(shown.contains("Timing is on.") && shown.contains("Time: "), "{shown}");
}

#[test]
fn included_files_run_in_the_session() {
    let server = Reckon::start();
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("included.sql");
    fs::write(&file, "create table t (id int primary key);\ninsert into t values (1), (2);\n")
        .expect("write a script");
    let shown = typed(&server, &format!("\\i {}\nselect count(*) from t;\n", file.display()));
    assert_eq!(shown, "CREATE TABLE\nINSERT 0 2\n count \n-------\n     2\n(1 row)\n\n");
}

#[test]
fn copy_goes_through_files_of_the_client() {
    let server = Reckon::start();
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("rows.csv");
    fs::write(&file, "id,v\n1,one\n2,\"two, quoted\"\n").expect("write a file");
    let file = file.display();
    let shown = typed(
        &server,
        &format!(
            "create table t (id int primary key, v text);\n\
             \\copy t from '{file}' csv header\n\\copy t to stdout\n"
        ),
    );
    assert_eq!(shown, "CREATE TABLE\nCOPY 2\n1\tone\n2\ttwo, quoted\n");
}

#[test]
fn results_become_variables() {
    let server = Reckon::start();
    let shown = typed(&server, "select 6 * 7 as answer \\gset\n\\echo :answer\n");
    assert_eq!(shown, "42\n");
}

#[test]
fn expanded_output_shows_a_record_a_block() {
    let server = Reckon::start();
    let shown = typed(&server, "\\x\nselect 1 as a, 'x' as b;\n");
    assert_eq!(shown, "Expanded display is on.\n-[ RECORD 1 ]\na | 1\nb | x\n\n");
}

#[test]
fn one_line_holds_many_statements() {
    let server = Reckon::start();
    let shown = typed(&server, "\\t\nselect 1; select 2; select nosuch; select 3;\n");
    let parts: Vec<&str> = shown.split_whitespace().collect();
    assert!(shown.contains("column \"nosuch\" does not exist"), "{shown}");
    assert_eq!(parts.last(), Some(&"3"));
}

#[test]
fn the_caret_stands_under_the_word() {
    let server = Reckon::start();
    let shown = typed(&server, "select 1,\n   wrong from nowhere;\nselect 'äö', wrong;\n");
    let expected = "ERROR:  relation \"nowhere\" does not exist\n\
                    LINE 2:    wrong from nowhere;\n                      ^\n\
                    ERROR:  column \"wrong\" does not exist\n\
                    LINE 1: select 'äö', wrong;\n                     ^\n";
    assert_eq!(shown, expected);
}

#[test]
fn quit_ends_and_what_follows_does_not_run() {
    let server = Reckon::start();
    assert_eq!(
        typed(&server, "\\t\nselect 1;\n\\q\nselect 2;\n"),
        "Tuples only is on.\n        1\n\n"
    );
}

#[test]
fn a_wrong_database_is_refused_by_name() {
    let server = Reckon::start();
    let shown = Psql::new(server.address(), "nowhere").run("select 1;\n");
    assert!(shown.ends_with("FATAL:  database \"nowhere\" does not exist\n"), "{shown}");
}

#[test]
fn connection_facts_are_told() {
    let server = Reckon::start();
    let shown = typed(&server, "\\conninfo\n\\echo :SERVER_VERSION_NUM\n\\encoding\n");
    assert!(shown.contains("database \"postgres\" as user \"postgres\" via socket"), "{shown}");
    assert!(shown.contains("\n1500") && shown.ends_with("UTF8\n"), "{shown}");
}

/// What psql shows when `statement` runs and Ctrl-C is pressed `pause` after psql was ready for it.
fn interrupted(server: &Reckon, statement: &str, pause: Duration) -> String {
    let mut command = Psql::new(server.address(), "postgres").args(&["-t"]).into_command();
    let (output, writer) = std::io::pipe().expect("a pipe");
    let errors = writer.try_clone().expect("the pipe's other end");
    command.stdin(Stdio::piped()).stdout(writer).stderr(errors);
    let mut child = command.spawn().expect("start psql");
    drop(command);
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = format!("\\echo ready\n{statement};\n");
    stdin.write_all(input.as_bytes()).expect("type");
    drop(stdin);
    let mut output = BufReader::new(output);
    let mut shown = String::new();
    output.read_line(&mut shown).expect("psql says that it is ready");
    condition::pause(pause);
    process::signal(child.id(), Signal::INT);
    output.read_to_string(&mut shown).expect("the rest");
    child.wait().expect("psql's status");
    shown
}

/// Presses Ctrl-C later and later until it meets the running statement: before that psql ends itself.
fn is_cancelled(server: &Reckon, statement: &str) {
    let mut pause = Duration::from_millis(10);
    condition::until("Ctrl-C to meet the statement", || {
        pause *= 2;
        let shown = interrupted(server, statement, pause);
        shown.contains("ERROR:  canceling statement due to user request")
    });
    assert_eq!(server.connect().value("select 'alive'"), "alive");
}

#[test]
fn ctrl_c_cancels_a_sleeping_statement() {
    is_cancelled(&Reckon::start(), "select pg_sleep(600)");
}

#[test]
fn ctrl_c_cancels_a_computing_statement() {
    let sql = "select count(*) from generate_series(1, 100000000000) i";
    is_cancelled(&Reckon::start(), sql);
}
