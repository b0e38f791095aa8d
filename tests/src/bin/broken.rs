//! The server with rules switched off, so that suites can show that they would notice:
//! `broken RULE[,RULE]... serve ...`, where the rest is the command line of `reckon`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use reckon_server::{Broken, run};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next();
    let rules = arguments.next().unwrap_or_default();
    let mut broken = Broken::default();
    for rule in rules.to_string_lossy().split(',') {
        match rule {
            "certification" => broken.certification = true,
            "floor" => broken.floor = true,
            "replies" => broken.replies = true,
            other => {
                eprintln!("broken: there is no rule {other:?}");
                return ExitCode::FAILURE;
            }
        }
    }
    run(program.into_iter().chain(arguments), broken)
}
