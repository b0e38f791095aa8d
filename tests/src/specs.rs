//! PostgreSQL's own isolation tests: its `isolationtester` runs its specs against a server.
//!
//! The program comes with PostgreSQL's development files. Specs and expected outputs are PostgreSQL's and
//! are not kept here: they are taken from `PG15_SRC`, a directory of its sources, or with
//! `apt-get source` once and kept beside the test's other temporary files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Address, Session, condition};

/// Where apt is told about archives.
const APT: [&str; 2] = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// Seconds that one step of a spec may take before it is cancelled.
const STEP_SECONDS: &str = "30";

/// The specs, their expected outputs, and the program.
#[derive(Debug)]
pub struct Specs {
    tester: PathBuf,
    dir: PathBuf,
}

impl Specs {
    /// Finds or fetches them; `cache` is a directory that stays.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn find(cache: &Path) -> Result<Self, String> {
        let tester = tester()?;
        if let Some(sources) = std::env::var_os("PG15_SRC") {
            return Self::in_sources(tester, Path::new(&sources));
        }
        let sources = cache.join("postgresql-15");
        if !sources.exists() {
            fetch(cache, &sources)?;
        }
        Self::in_sources(tester, &sources)
    }

    fn in_sources(tester: PathBuf, sources: &Path) -> Result<Self, String> {
        let dir = sources.join("src/test/isolation");
        if !dir.join("specs").is_dir() {
            return Err(format!("{} has no specs", dir.display()));
        }
        Ok(Self { tester, dir })
    }

    /// Runs a spec in a database of its own.
    ///
    /// # Errors
    ///
    /// What the program printed, when that is nothing PostgreSQL expects.
    pub fn check(&self, name: &str, address: &Address) -> Result<(), String> {
        let database = format!("spec_{}", name.replace('-', "_"));
        let mut session = Session::connect(address, "postgres");
        session.run(&format!("create database {database}"));
        let shown = self.run(name, address, &database)?;
        condition::until("the database to be dropped", || {
            let dropped = session.query(&format!("drop database {database}"));
            dropped.is_ok_and(|answer| answer.tag == "DROP DATABASE")
        });
        if self.expected(name).contains(&shown) { Ok(()) } else { Err(shown) }
    }

    fn run(&self, name: &str, address: &Address, database: &str) -> Result<String, String> {
        let spec = self.dir.join(format!("specs/{name}.spec"));
        let spec = File::open(&spec).map_err(|error| format!("{}: {error}", spec.display()))?;
        let (mut output, write) = std::io::pipe().map_err(|error| error.to_string())?;
        let errors = write.try_clone().map_err(|error| error.to_string())?;
        let (host, port) = (address.socket_dir.display(), address.port);
        let mut command = Command::new(&self.tester);
        command
            .arg(format!("host={host} port={port} user=postgres dbname={database}"))
            .env("PGISOLATIONTIMEOUT", STEP_SECONDS)
            .env("PGTZ", "PST8PDT")
            .env("PGDATESTYLE", "Postgres, MDY")
            .env("PGOPTIONS", "-c intervalstyle=postgres_verbose")
            .env("PGAPPNAME", format!("isolation/{name}"))
            .stdin(spec)
            .stdout(write)
            .stderr(errors);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        // It holds the pipe's other end.
        drop(command);
        let mut shown = String::new();
        let read = output.read_to_string(&mut shown);
        read.and_then(|_| child.wait()).map_err(|error| error.to_string())?;
        Ok(shown)
    }

    /// `<name>.out` and its alternatives, `<name>_1.out` and so on.
    fn expected(&self, name: &str) -> Vec<String> {
        let suffixes = std::iter::once(String::new()).chain((1..10).map(|at| format!("_{at}")));
        let paths = suffixes.map(|suffix| self.dir.join(format!("expected/{name}{suffix}.out")));
        paths.filter_map(|path| fs::read_to_string(path).ok()).collect()
    }
}

/// The program, beside the makefile that `pg_config --pgxs` names.
fn tester() -> Result<PathBuf, String> {
    let config = crate::postgres::bin_dir().join("pg_config");
    let answer = Command::new(config).arg("--pgxs").output();
    let answer = answer.map_err(|error| format!("pg_config: {error}"))?;
    let makefile = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    let root = makefile.ancestors().nth(3).ok_or("pg_config --pgxs names no makefile")?;
    let tester = root.join("src/test/isolation/isolationtester");
    if tester.is_file() { Ok(tester) } else { Err(format!("no {}", tester.display())) }
}

/// The line of apt's configuration for the sources in Debian's archive that this machine uses.
fn archive() -> Result<String, String> {
    let [list, parts] = APT.map(PathBuf::from);
    let parts = fs::read_dir(parts).into_iter().flatten().flatten().map(|entry| entry.path());
    for file in std::iter::once(list).chain(parts) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut words = lines.flat_map(str::split_whitespace);
        let is_archive = |word: &&str| word.trim_end_matches('/').ends_with("/debian");
        if let Some(uri) = words.find(is_archive) {
            return Ok(format!("deb-src {uri} bookworm main\n"));
        }
    }
    Err("apt knows no archive of Debian".to_owned())
}

/// Downloads PostgreSQL's sources and unpacks the part that has the specs.
fn fetch(cache: &Path, into: &Path) -> Result<(), String> {
    let dir = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::create_dir(path("lists")).map_err(|error| error.to_string())?;
    fs::write(path("sources.list"), archive()?).map_err(|error| error.to_string())?;
    let options = [
        format!("Dir::Etc::SourceList={}", path("sources.list")),
        "Dir::Etc::SourceParts=/dev/null".to_owned(),
        format!("Dir::State::Lists={}", path("lists")),
        "Acquire::Retries=1".to_owned(),
    ];
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        options.iter().for_each(|option| _ = apt.args(["-o", option]));
        succeed(apt.args(words).current_dir(dir.path()))
    };
    apt(&["update"])?;
    apt(&["source", "--download-only", "postgresql-15"])?;
    let unpacked = dir.path().join("unpacked");
    fs::create_dir(&unpacked).map_err(|error| error.to_string())?;
    let files = fs::read_dir(dir.path()).map_err(|error| error.to_string())?;
    let archive = files.filter_map(Result::ok).map(|file| file.path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains(".orig.tar."))
    });
    let archive = archive.ok_or("apt-get source brought no archive")?;
    let mut tar = Command::new("tar");
    tar.arg("xf").arg(archive).arg("-C").arg(&unpacked);
    succeed(tar.args(["--strip-components=1", "--wildcards", "*/src/test/isolation/*"]))?;
    fs::rename(unpacked, into).map_err(|error| error.to_string())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.lines().last().unwrap_or("it failed")))
}
