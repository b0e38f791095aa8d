//! Reckon with far more rows than its cache may hold.
//!
//! | scenario | what it shows |
//! |---|---|
//! | [`memory`] | what the process takes, account by account, beside what the counters tell and `cache_size` |
//! | [`hot`] | how often what is hot is answered from memory: through a full scan, and one row in a leaf |
//! | [`group`] | reads and updates beside PostgreSQL's, both in control groups of one size |
//! | [`learned`] | how many leaves of pgbench's accounts carry a model |

mod group;
mod hot;
mod learned;
mod memory;

use clap::ValueEnum;
use reckon_tests::{Reckon, Session};

use crate::report::Comparison;

/// What to run.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Plan {
    /// What to show.
    #[arg(long, value_delimiter = ',', default_value = "memory,hot,group,learned")]
    scenarios: Vec<Scenario>,
    /// Reckon's cache in MB; in control groups it has its default.
    #[arg(long, default_value_t = 64)]
    cache_mb: u64,
    /// Rows of some 300 bytes; 0: ten times what the cache or the group may hold.
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// A control group in MB.
    #[arg(long, default_value_t = 512)]
    group_mb: u64,
    /// Seconds of a run.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Runs of each kind in each control group.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// pgbench's scale where leaves are counted.
    #[arg(long, default_value_t = 50)]
    scale: u32,
    /// Settings of Reckon, each NAME=VALUE.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    Memory,
    Hot,
    Group,
    Learned,
}

/// What a row takes in memory, about.
const ROW_BYTES: u64 = 320;

/// Rows inserted by one statement.
const PART_ROWS: u64 = 50_000;

/// Runs the plan.
///
/// # Errors
///
/// Standard output is closed.
pub(crate) fn run(plan: &Plan) -> std::io::Result<Vec<Comparison>> {
    let mut results = Vec::new();
    for scenario in &plan.scenarios {
        match scenario {
            Scenario::Memory => memory::run(plan)?,
            Scenario::Hot => hot::run(plan)?,
            Scenario::Group => results.extend(group::run(plan)?),
            Scenario::Learned => learned::run(plan)?,
        }
    }
    Ok(results)
}

impl Plan {
    /// How many rows there are for a cache or a group of `megabytes`.
    fn rows(&self, megabytes: u64, times: u64) -> u64 {
        if self.rows > 0 { self.rows } else { (megabytes << 20) * times / ROW_BYTES }
    }

    /// A server with this cache, and what is said on the command line.
    fn server(&self) -> Reckon {
        let cache = format!("cache_size={}MB", self.cache_mb);
        let settings = self.settings.iter().map(String::as_str);
        Reckon::start_with(&std::iter::once(&*cache).chain(settings).collect::<Vec<_>>())
    }
}

/// Makes and fills the table `t`, in either server, with texts that no compression makes much smaller.
fn fill(session: &mut Session, rows: u64) {
    let parts: Vec<_> = (0..7).map(|part| format!("md5((i * 7 + {part})::text)")).collect();
    let pad = parts.join(" || ");
    session.run("create table t (id int primary key, n int not null, pad text not null)");
    for first in (1..=rows).step_by(PART_ROWS as usize) {
        let last = (first + PART_ROWS - 1).min(rows);
        session.run(&format!(
            "insert into t select i, 0, {pad} from generate_series({first}, {last}) i"
        ));
    }
}
