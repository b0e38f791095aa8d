//! Reckon measured against PostgreSQL, SQLite and an empty server.
//!
//! | module | what it measures |
//! |---|---|
//! | [`pgbench`] | the server, by pgbench, against PostgreSQL 15 and the floor |
//! | [`restart`] | how soon the server answers after a clean stop |
//! | [`snapshot`] | what an old snapshot costs while others update |
//! | [`storm`] | what a thousand new connections do to sessions that run |
//! | [`sqlite`] | the embedded engine against SQLite, in one process |
//! | [`pressure`] | Reckon with far more rows than its cache may hold |
//! | [`adversarial`] | orders of keys that are bad for models, beside an index without models |
//! | [`share`] | what transactions cost on top of index and store |
//! | [`layers`] | a statement's way through the layers, in nanoseconds |
//! | [`floor`] | nothing: the server that answers everything with one canned row |
//! | [`report`] | medians, ratios, their table, JSON and plot |

#![forbid(unsafe_code)]

#[cfg(feature = "rocks")]
mod adversarial;
mod floor;
#[cfg(feature = "rocks")]
mod layers;
mod pgbench;
mod plot;
mod pressure;
mod report;
mod restart;
#[cfg(feature = "rocks")]
mod share;
mod snapshot;
#[cfg(feature = "rocks")]
mod sqlite;
mod storm;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The server's allocator, so that the embedded engine is measured on what it has in the server; SQLite has it as well.
#[cfg(feature = "rocks")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Reckon measured against PostgreSQL, SQLite and an empty server.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Runs pgbench against PostgreSQL 15, Reckon and the floor in turns.
    Pgbench {
        #[command(flatten)]
        plan: pgbench::Plan,
        #[command(flatten)]
        files: Files,
    },
    /// Runs the embedded engine against SQLite in one process.
    #[cfg(feature = "rocks")]
    Sqlite {
        #[command(flatten)]
        plan: sqlite::Plan,
        #[command(flatten)]
        files: Files,
    },
    /// Stops and starts servers with many rows: time to the first row.
    Restart {
        #[command(flatten)]
        plan: restart::Plan,
        #[command(flatten)]
        files: Files,
    },
    /// Measures running sessions while many others connect.
    Storm {
        #[command(flatten)]
        plan: storm::Plan,
        #[command(flatten)]
        files: Files,
    },
    /// Holds a snapshot open while others update: throughput and memory, line by line.
    Snapshot {
        #[command(flatten)]
        plan: snapshot::Plan,
    },
    /// Shows what each layer adds to a statement, in nanoseconds.
    #[cfg(feature = "rocks")]
    Layers {
        #[command(flatten)]
        plan: layers::Plan,
    },
    /// Runs Reckon with far more rows than its cache may hold.
    Pressure {
        #[command(flatten)]
        plan: pressure::Plan,
        #[command(flatten)]
        files: Files,
    },
    /// Inserts and reads keys in orders that are bad for models, beside an index without models.
    #[cfg(feature = "rocks")]
    Adversarial {
        #[command(flatten)]
        plan: adversarial::Plan,
        #[command(flatten)]
        files: Files,
    },
    /// Shows what transactions cost on top of index and store.
    #[cfg(feature = "rocks")]
    Share {
        #[command(flatten)]
        plan: share::Plan,
    },
    /// Answers every query with one canned row, until it is killed.
    #[command(hide = true)]
    Floor {
        /// Path of the Unix socket.
        socket: PathBuf,
        /// First column of the row.
        value: String,
    },
}

/// Where results go besides the terminal.
#[derive(clap::Args, Debug)]
struct Files {
    /// Results as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Results as a picture.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().work {
        Work::Pgbench { plan, files } => publish(&pgbench::run(&plan), &files),
        #[cfg(feature = "rocks")]
        Work::Sqlite { plan, files } => publish(&sqlite::run(&plan), &files),
        Work::Restart { plan, files } => publish(&restart::run(&plan), &files),
        Work::Storm { plan, files } => {
            storm::run(&plan).and_then(|results| publish(&results, &files))
        }
        #[cfg(feature = "rocks")]
        Work::Layers { plan } => layers::run(&plan),
        Work::Pressure { plan, files } => {
            pressure::run(&plan).and_then(|results| publish(&results, &files))
        }
        #[cfg(feature = "rocks")]
        Work::Adversarial { plan, files } => publish(&adversarial::run(&plan), &files),
        Work::Snapshot { plan } => snapshot::run(&plan),
        #[cfg(feature = "rocks")]
        Work::Share { plan } => share::run(&plan),
        Work::Floor { socket, value } => floor::serve(&socket, &value),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reckon-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the table and writes the files asked for.
fn publish(results: &[report::Comparison], files: &Files) -> std::io::Result<()> {
    report::print(results, &mut std::io::stdout().lock())?;
    if let Some(file) = &files.json {
        std::fs::write(file, report::json(results))?;
    }
    if let Some(file) = &files.plot {
        std::fs::write(file, plot::svg(results))?;
    }
    Ok(())
}
