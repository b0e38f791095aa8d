//! What the process takes, beside what it says that it holds.
//!
//! Of the resident memory what an idle server has, the memtables and the block cache are taken away; what is left is for
//! `cache_size`. What of that the cache itself does not count is the allocator's, and that of statements that run.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reckon_tests::{Reckon, Session, condition, pgbench, process};

use super::Plan;

const MB: f64 = (1 << 20) as f64;

/// How often memory is looked at while clients run.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Where the memory is, in bytes.
#[derive(Clone, Copy, Debug)]
struct Account {
    resident: u64,
    idle: u64,
    memtables: u64,
    blocks: u64,
    /// What trees hold, and what they gave up and readers may still see.
    counted: u64,
    retired: u64,
    size: u64,
}

impl Account {
    fn take(server: &Reckon, session: &mut Session, idle: u64, size: u64) -> Self {
        Self {
            resident: process::resident_bytes(server.id()),
            idle,
            memtables: session.counter("store_memtable_bytes"),
            blocks: session.counter("store_block_cache_bytes"),
            counted: session.counter("cache_bytes"),
            retired: session.counter("cache_retired_bytes"),
            size,
        }
    }

    /// What is left for the cache.
    fn left(self) -> f64 {
        self.resident as f64 - (self.idle + self.memtables + self.blocks) as f64
    }

    fn ratio(self) -> f64 {
        self.left() / self.size as f64
    }

    fn print(self, after: &str, out: &mut impl Write) -> std::io::Result<()> {
        let mb = |bytes: u64| bytes as f64 / MB;
        let unexplained = self.left() - (self.counted + self.retired) as f64;
        writeln!(
            out,
            "{after:24} {:>8.1} {:>8.1} {:>9.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1}  {:.3}",
            mb(self.resident),
            mb(self.idle),
            mb(self.memtables),
            mb(self.blocks),
            mb(self.counted),
            mb(self.retired),
            unexplained / MB,
            self.ratio()
        )
    }
}

/// Runs the scenario.
pub(super) fn run(plan: &Plan) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let rows = plan.rows(plan.cache_mb, 10);
    let server = plan.server();
    let mut session = server.connect();
    session.run("select count(*) from reckon_counters");
    let (idle, size) = (process::resident_bytes(server.id()), plan.cache_mb << 20);
    writeln!(out, "memory in MB, cache_size {} MB, {rows} rows", plan.cache_mb)?;
    writeln!(
        out,
        "{:24} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}  left/cache_size",
        "after", "resident", "idle", "memtables", "blocks", "cache", "retired", "other"
    )?;
    super::fill(&mut session, rows);
    Account::take(&server, &mut session, idle, size).print("filling", &mut out)?;
    session.run("select count(*) from t where pad <> ''");
    Account::take(&server, &mut session, idle, size).print("a scan", &mut out)?;
    let uniform = format!("\\set id random(1, {rows})\n");
    let skewed = format!("\\set id permute(random_zipfian(1, {rows}, 1.1), {rows})\n");
    let read = "SELECT n FROM t WHERE id = :id;\n";
    let write = "UPDATE t SET n = n + 1 WHERE id = :id;\n";
    for (name, text) in [
        ("uniform reads", format!("{uniform}{read}")),
        ("skewed reads", format!("{skewed}{read}")),
        ("uniform updates", format!("{uniform}{write}")),
        ("skewed updates", format!("{skewed}{write}")),
        ("all of it again", format!("{uniform}{read}{skewed}{read}{write}")),
    ] {
        let worst = watch(&server, (idle, size), || clients(&server, &text, plan.seconds));
        worst.print(name, &mut out)?;
    }
    Ok(())
}

/// Eight clients that run a script.
fn clients(server: &Reckon, text: &str, seconds: u32) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("write the script");
    let seconds = seconds.to_string();
    let arguments = ["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", &seconds];
    pgbench::run_script(server.address(), file.path(), &arguments);
}

/// The account with the largest ratio while `work` runs and at its end.
fn watch(server: &Reckon, (idle, size): (u64, u64), work: impl FnOnce()) -> Account {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut session = server.connect();
            let mut worst = Account::take(server, &mut session, idle, size);
            while !ended.load(Ordering::Relaxed) {
                condition::pause(LOOK_EVERY);
                let now = Account::take(server, &mut session, idle, size);
                if now.ratio() > worst.ratio() {
                    worst = now;
                }
            }
            worst
        });
        work();
        ended.store(true, Ordering::Relaxed);
        watching.join().expect("who watches")
    })
}
