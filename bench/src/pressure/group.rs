//! Reckon and PostgreSQL in control groups of one size, with data several times that: reads and updates, in turns.
//!
//! PostgreSQL has a quarter of the group for its shared buffers; Reckon's cache is a quarter of it by default. What the kernel
//! keeps of their files counts for each group as well.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use reckon_tests::{Address, Postgres, Reckon, Session, condition, pgbench, process, skipped};

use super::Plan;
use crate::report::{Better, Comparison, Series};

/// A control group for memory, of version 1 or 2; removed when dropped.
struct Group {
    path: PathBuf,
    /// Where this process belongs.
    home: PathBuf,
}

impl Group {
    fn make(name: &str, megabytes: u64) -> Result<Self, String> {
        let (root, limit) = mounted().ok_or("no control groups for memory are mounted")?;
        let home = root.join(own_group(&root).trim_start_matches('/'));
        let path = root.join(format!("reckon-bench-{}-{name}", std::process::id()));
        let explain = |error: std::io::Error| format!("{}: {error}", path.display());
        fs::create_dir(&path).map_err(explain)?;
        let group = Self { path: path.clone(), home };
        fs::write(path.join(limit), (megabytes << 20).to_string()).map_err(explain)?;
        Ok(group)
    }

    /// Starts a server that belongs to the group: what a process starts is where it is itself.
    fn start<S>(&self, start: impl FnOnce() -> S) -> S {
        enter(&self.path);
        let started = start();
        enter(&self.home);
        started
    }

    /// The most memory it has had, in bytes.
    fn peak(&self) -> u64 {
        let read = |file: &str| fs::read_to_string(self.path.join(file)).ok();
        let text = read("memory.max_usage_in_bytes").or_else(|| read("memory.peak"));
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes have ended by now, but the kernel may need a moment to see that.
        condition::until("a control group to be empty", || fs::remove_dir(&self.path).is_ok());
    }
}

fn enter(group: &Path) {
    let process = std::process::id().to_string();
    fs::write(group.join("cgroup.procs"), process).expect("enter a control group");
}

/// Where groups for memory are made, and the file that limits one.
fn mounted() -> Option<(PathBuf, &'static str)> {
    let (one, two) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
    if one.join("memory.limit_in_bytes").is_file() {
        return Some((one.to_owned(), "memory.limit_in_bytes"));
    }
    let controllers = fs::read_to_string(two.join("cgroup.subtree_control")).unwrap_or_default();
    controllers.contains("memory").then(|| (two.to_owned(), "memory.max"))
}

/// The group of this process below `root`.
fn own_group(root: &Path) -> String {
    let wanted = if root.ends_with("memory") { "memory" } else { "" };
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let line = text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        fields.next()?.split(',').any(|name| name == wanted).then(|| fields.next()).flatten()
    });
    line.unwrap_or("/").to_owned()
}

/// Figures of one server.
#[derive(Default)]
struct Figures {
    per_second: Series,
    cpu_us: Series,
}

/// Runs the scenario.
pub(super) fn run(plan: &Plan) -> std::io::Result<Vec<Comparison>> {
    let groups = (Group::make("ours", plan.group_mb), Group::make("theirs", plan.group_mb));
    let (ours, theirs) = match groups {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(why), _) | (_, Err(why)) => {
            skipped("servers in control groups", &why);
            return Ok(Vec::new());
        }
    };
    let rows = plan.rows(plan.group_mb, 3);
    let settings: Vec<&str> = plan.settings.iter().map(String::as_str).collect();
    let reckon = ours.start(|| Reckon::start_with(&settings));
    let buffers = format!("shared_buffers={}MB", plan.group_mb / 4);
    let postgres = theirs.start(|| Postgres::start_with(&[&buffers, "max_connections=200"]));
    let servers = [(reckon.address(), reckon.id()), (postgres.address(), postgres.id())];
    for (address, _) in servers {
        let mut session = Session::connect(address, "postgres");
        super::fill(&mut session, rows);
        session.run("vacuum analyze t");
    }
    let results = compare(plan, rows, servers);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "control groups of {} MB, {rows} rows; most used: Reckon {} MB, PostgreSQL {} MB",
        plan.group_mb,
        ours.peak() >> 20,
        theirs.peak() >> 20
    )?;
    drop((reckon, postgres));
    Ok(results)
}

fn compare(plan: &Plan, rows: u64, servers: [(&Address, u32); 2]) -> Vec<Comparison> {
    let uniform = format!("\\set id random(1, {rows})\n");
    let skewed = format!("\\set id permute(random_zipfian(1, {rows}, 1.1), {rows})\n");
    let read = "SELECT n FROM t WHERE id = :id;\n";
    let write = "UPDATE t SET n = n + 1 WHERE id = :id;\n";
    let mut results = Vec::new();
    for (name, text) in [
        ("zipfian reads", format!("{skewed}{read}")),
        ("uniform reads", format!("{uniform}{read}")),
        ("zipfian updates", format!("{skewed}{write}")),
        ("uniform updates", format!("{uniform}{write}")),
    ] {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("write the script");
        let mut figures = [Figures::default(), Figures::default()];
        for round in 0..plan.rounds {
            for turn in 0..2 {
                let one = (turn + round) % 2;
                turn_of(servers[one], file.path(), plan.seconds, &mut figures[one]);
            }
        }
        let [ours, theirs] = &figures;
        let name = format!("{} MB group, {name}", plan.group_mb);
        let peer = "postgresql 15";
        let (fast, slow) = (&ours.per_second, &theirs.per_second);
        results.push(Comparison::new(&name, "transactions/s", Better::More, fast, slow, peer));
        let (fast, slow) = (&ours.cpu_us, &theirs.cpu_us);
        results.push(Comparison::new(&name, "us CPU/transaction", Better::Less, fast, slow, peer));
    }
    results
}

fn turn_of((address, id): (&Address, u32), script: &Path, seconds: u32, figures: &mut Figures) {
    let seconds = seconds.to_string();
    let before = process::cpu(id);
    let arguments = ["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", &seconds];
    let report = pgbench::run_script(address, script, &arguments);
    condition::pause(std::time::Duration::from_millis(200));
    let cpu = process::cpu(id) - before;
    figures.per_second.push(report.per_second);
    figures.cpu_us.push(cpu.as_secs_f64() * 1e6 / report.transactions.max(1) as f64);
}
