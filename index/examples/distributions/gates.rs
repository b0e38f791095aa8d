//! The gates: what the index must reach, and whether it did.

use std::process::ExitCode;

use crate::measure::{Growth, Row};

/// Distributions that a model must make faster.
const EASY: [&str; 3] = ["uniform", "sequential", "lognormal"];

/// What a lookup costs the C++ ALEX on the machine where the gates were set, in nanoseconds of CPU time: 10M uniform 64-bit keys, bulk
/// loaded, to an 8-byte payload beside the key. From github.com/microsoft/ALEX, `src/benchmark/main.cpp` with `KEY_TYPE` of
/// `uint64_t` and the thread's CPU clock, `g++ -O3 -march=native`: `--init_num_keys=10000000 --total_num_keys=10000000
/// --batch_size=1000000 --insert_frac=0 --lookup_distribution=uniform`. Where it goes on to a record of its own for each key, as a
/// lookup here does, it takes 183; one miss takes 280 to 410 there, and its short loop lets the processor overlap several.
const ALEX_LOOKUP_NS: f64 = 96.0;

/// A lookup among so many keys may cost this much or a fifth more than ALEX's, whichever is more.
const LOOKUP_NS_MAX: f64 = 190.0;

/// From so many keys on memory and caches have no part in how cost grows.
const GROWTH_KEYS_MIN: u64 = 10_000_000;

/// One thing that is demanded.
struct Gate {
    distribution: String,
    what: &'static str,
    figure: f64,
    /// The bar, and whether the figure must not be above it (else below).
    bar: f64,
    is_most: bool,
}

impl Gate {
    fn holds(&self) -> bool {
        if self.is_most { self.figure <= self.bar } else { self.figure >= self.bar }
    }
}

/// All that was judged.
#[derive(Default)]
pub(crate) struct Gates(Vec<Gate>);

impl Gates {
    fn most(&mut self, distribution: &str, what: &'static str, figure: f64, bar: f64) {
        let distribution = distribution.to_owned();
        self.0.push(Gate { distribution, what, figure, bar, is_most: true });
    }

    fn least(&mut self, distribution: &str, what: &'static str, figure: f64, bar: f64) {
        let distribution = distribution.to_owned();
        self.0.push(Gate { distribution, what, figure, bar, is_most: false });
    }

    /// Judges a distribution of `count` keys, with models beside without.
    pub(crate) fn judge(&mut self, name: &str, count: u64, learned: &Row, dense: &Row) {
        if EASY.contains(&name) {
            self.least(name, "lookup: dense / learned", dense.lookup / learned.lookup, 1.5);
            if count >= GROWTH_KEYS_MIN {
                let bar = LOOKUP_NS_MAX.max(1.2 * ALEX_LOOKUP_NS);
                let part = learned.announced / learned.lookup;
                self.most(name, "lookup: announced / not", part, 0.75);
                self.most(name, "lookup, ns (ALEX: 96)", learned.lookup, bar);
            }
        } else {
            self.most(name, "lookup: learned / dense", learned.lookup / dense.lookup, 2.0);
        }
        self.most(name, "insert: learned / dense", learned.insert / dense.insert, 2.0);
        self.most(name, "scan: learned / dense", learned.scan / dense.scan, 2.0);
        self.most(name, "build: learned / dense", learned.build / dense.build, 2.0);
        self.most(name, "bytes: learned / dense", learned.bytes / dense.bytes, 1.3);
        let bytes_max = match name {
            "uniform" => 24.0,
            "sequential" | "reverse" => 18.0,
            _ => 40.0,
        };
        self.most(name, "bytes a key", learned.bytes, bytes_max);
        // Keys of a megabyte take longer to copy than this.
        if name != "long-prefix" {
            self.most(name, "insert p99.9, us", learned.p99_9 / 1000.0, 25.0);
            self.most(name, "rebuild (p99.99), us", learned.p99_99 / 1000.0, 50.0);
        }
        if count >= GROWTH_KEYS_MIN {
            self.most(name, "insert: all keys / first tenth", learned.growth, 2.0);
        }
    }

    /// Judges how inserts of many keys cost beside those of a tenth, and beside uniform ones.
    pub(crate) fn grows(&mut self, name: &str, growth: &Growth, uniform: Option<f64>) {
        self.most(name, "insert: all keys / first tenth", growth.all / growth.first, 2.0);
        if let Some(uniform) = uniform {
            self.most(name, "insert: this / uniform", growth.all / uniform, 2.0);
        }
    }

    /// Judges the speed of two threads by that of one.
    pub(crate) fn threads(&mut self, ratio: f64) {
        self.least("uniform", "lookup: two threads / one", ratio, 1.8);
    }

    /// Prints them all; fails if one is missed.
    pub(crate) fn print(&self) -> ExitCode {
        println!();
        for gate in &self.0 {
            let sign = if gate.is_most { "<=" } else { ">=" };
            let verdict = if gate.holds() { "pass" } else { "MISS" };
            println!(
                "{verdict} {:<15} {:<31} {:>8.2} {sign} {}",
                gate.distribution, gate.what, gate.figure, gate.bar
            );
        }
        let missed = self.0.iter().filter(|gate| !gate.holds()).count();
        println!("{missed} of {} gates missed", self.0.len());
        if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
