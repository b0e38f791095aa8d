//! Two tables: how the index does on easy and hard key distributions beside what else could hold the keys, and whether that is good
//! enough.
//!
//! `cargo run --release -p reckon-index --example distributions -- [KEYS] [NAME...] [--ours]`
//!
//! For each distribution and structure: nanoseconds a lookup (of present keys, in random order, to the value), one of 64 that the tree
//! was told beforehand (of others: a lookup as before), an insert (in the
//! distribution's order), a row of ranges of 100, a row of a bulk build from sorted rows; bytes of index a key, the part of
//! leaves with a model, and the slow end of inserts: an insert in a few hundred rebuilds its leaf. `dense` is the same tree
//! with models switched off. `--ours` leaves the others out. The gates follow; a missed one ends the program with status 1.
//!
//! `--growth` asks only how the cost of inserts grows: keys are made as they are inserted, into the learned tree alone, so that 50 million
//! fit in 6 GB: `distributions 50000000 uniform sequential reverse zigzag bursts --growth`.

#![allow(clippy::print_stdout, reason = "it prints tables")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

mod contestants;
mod gates;
mod keys;
mod measure;

use std::process::ExitCode;

use contestants::{Contestant, Ours, SkipList, Standard};
use gates::Gates;
use keys::Key;
use measure::Row;

fn print(distribution: &str, row: &Row) {
    let known = |number: f64| if number == 0.0 { "-".to_owned() } else { format!("{number:.1}") };
    println!(
        "{distribution:<15} {:<9} {:>8.0} {:>9.0} {:>8.0} {:>6.2} {:>8.1} {:>8.1} {:>8} {:>7.0}% {:>8.1} {:>8.1}",
        row.name,
        row.lookup,
        row.announced,
        row.insert,
        row.growth,
        row.scan,
        row.build,
        known(row.bytes),
        row.learned * 100.0,
        row.p99_9 / 1000.0,
        row.p99_99 / 1000.0,
    );
}

/// The server's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The table and the gates of `--growth`.
fn growth<'a>(names: impl Iterator<Item = &'a str>, count: u64) -> ExitCode {
    println!("{:<15} {:>9} {:>9} {:>9} {:>9}", "keys", "first 10%", "last 10%", "all", "bytes");
    let mut gates = Gates::default();
    let mut uniform = None;
    for name in names {
        let growth = measure::growth(name, count);
        println!(
            "{name:<15} {:>9.0} {:>9.0} {:>9.0} {:>9.1}",
            growth.first, growth.last, growth.all, growth.bytes
        );
        if name == "uniform" {
            uniform = Some(growth.all);
        }
        gates.grows(name, &growth, uniform);
    }
    if uniform.is_none() {
        println!("not judged: insert: this / uniform, which is not among the keys");
    }
    gates.print()
}

fn main() -> ExitCode {
    let (flags, arguments): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let ours_only = flags.iter().any(|flag| flag == "--ours");
    let count = arguments.first().and_then(|count| count.parse().ok());
    let names = &arguments[usize::from(count.is_some())..];
    let count: u64 = count.unwrap_or(1_000_000);
    let is_chosen = |name: &&str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let chosen = keys::NAMES.into_iter().filter(is_chosen);
    if flags.iter().any(|flag| flag == "--growth") {
        return growth(chosen, count);
    }
    println!(
        "{:<15} {:<9} {:>8} {:>9} {:>8} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "keys",
        "",
        "lookup",
        "announced",
        "insert",
        "growth",
        "scan",
        "build",
        "bytes",
        "learned",
        "p99.9 us",
        "p99.99"
    );
    let mut gates = Gates::default();
    for name in chosen {
        let keys: Vec<Key> = keys::keys(name, count).collect();
        let mut contestants: Vec<Box<dyn Contestant>> =
            vec![Box::new(Ours::new(true)), Box::new(Ours::new(false))];
        if !ours_only {
            contestants.push(Box::<Standard>::default());
            contestants.push(Box::<SkipList>::default());
        }
        let rows = measure::run(&mut contestants, &keys);
        rows.iter().for_each(|row| print(name, row));
        gates.judge(name, count, &rows[0], &rows[1]);
        if name == "uniform" {
            gates.threads(measure::threads(&keys));
        }
    }
    gates.print()
}
