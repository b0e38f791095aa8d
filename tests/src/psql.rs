//! psql as people use it: commands in, what a terminal shows out.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Address;

/// psql on one database.
#[derive(Debug)]
pub struct Psql {
    command: Command,
}

impl Psql {
    /// psql on `database`, without anybody's `.psqlrc`.
    pub fn new(address: &Address, database: &str) -> Self {
        let mut command = address.client("psql");
        command.args(["-X", "-P", "pager=off", "-d", database]);
        Self { command }
    }

    /// With further arguments.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// In this directory.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The command, to be started by the caller.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Types `input` and returns everything shown, output and errors in the order they came.
    pub fn run(mut self, input: &str) -> String {
        let (output, writer) = std::io::pipe().expect("a pipe");
        let errors = writer.try_clone().expect("the pipe's other end");
        self.command.stdin(Stdio::piped()).stdout(writer).stderr(errors);
        let mut child = self.command.spawn().expect("start psql");
        drop(self);
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let input = input.to_owned();
        let typing = std::thread::spawn(move || {
            // psql may end before it has read everything: \q, or a lost connection.
            let _ended = stdin.write_all(input.as_bytes());
        });
        let shown = std::io::read_to_string(output).expect("psql prints UTF-8");
        typing.join().expect("the typing thread");
        child.wait().expect("psql's status");
        shown
    }
}
