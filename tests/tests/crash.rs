//! What a crash can do: nothing acknowledged is lost, nothing is half applied, nobody was told what is gone.
//!
//! `RECKON_CRASH_ROUNDS` says how many times the server is killed, and how many times its power is cut;
//! `make crash` says a thousand. Each crash comes at a random moment of the load; every fourth is followed by
//! others at random moments of the recovery. The controls show that the same check fails where a rule that
//! durability rests on does not hold.

#![forbid(unsafe_code)]

use std::time::Duration;

use reckon_tests::bank::Bank;
use reckon_tests::condition::{self, Watch};
use reckon_tests::disk::Disk;
use reckon_tests::random::{Random, seed};
use reckon_tests::{Reckon, skipped};

const WRITERS: usize = 6;
const READERS: usize = 3;
/// Small, so that crashes come during flushes and switches of the log too; and deadlocks are found soon.
const SETTINGS: [&str; 2] = ["write_buffer_size=4MB", "deadlock_timeout=50ms"];
/// Rounds on one data directory.
const ROUNDS_OF_A_BANK: usize = 50;
const NONE: [String; 0] = [];
/// A control that nothing was noticed in after as many rounds is not noticed.
const CONTROL_ROUNDS: usize = 20;

fn rounds() -> usize {
    let given = std::env::var("RECKON_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(4)
}

/// What the rounds did, for whoever reads the output.
#[derive(Debug)]
struct Figures {
    what: &'static str,
    crashes: usize,
    during_recovery: usize,
    transfers: u64,
    reads: u64,
    watch: Watch,
}

impl Figures {
    fn new(what: &'static str) -> Self {
        eprintln!("{what}: RECKON_SEED={}", seed());
        let watch = Watch::start();
        Self { what, crashes: 0, during_recovery: 0, transfers: 0, reads: 0, watch }
    }

    fn add(&mut self, bank: &Bank, before: (u64, u64)) {
        self.crashes += 1;
        self.transfers += bank.transfers() - before.0;
        self.reads += bank.reads() - before.1;
        if self.crashes.is_multiple_of(50) || self.crashes == rounds() {
            eprintln!("{self}");
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} and {} more during recovery in {} s; {} transfers and {} reads acknowledged, none lost",
            self.what,
            self.crashes,
            self.during_recovery,
            self.watch.elapsed().as_secs(),
            self.transfers,
            self.reads
        )
    }
}

/// Some moment up to `limit` from now.
fn moment(random: &mut Random, limit: Duration) {
    condition::pause(limit * random.below(1000) as u32 / 1000);
}

/// Kills the server at a random moment of the load.
fn kill_under_load(server: &mut Reckon, bank: &Bank, random: &mut Random) {
    let address = server.address().clone();
    let count = random.below(150) as u64;
    bank.run_until(&address, count, || {
        moment(random, Duration::from_millis(10));
        server.kill();
    });
}

#[test]
fn kill_9_under_load_loses_nothing_acknowledged() {
    let mut figures = Figures::new("kill -9");
    let mut random = Random::new(seed());
    while figures.crashes < rounds() {
        let mut server = Reckon::start_with(&SETTINGS);
        let bank = Bank::create(server.address(), WRITERS, READERS);
        for _ in 0..ROUNDS_OF_A_BANK.min(rounds() - figures.crashes) {
            let before = (bank.transfers(), bank.reads());
            kill_under_load(&mut server, &bank, &mut random);
            while random.below(4) == 0 {
                server.start_again();
                moment(&mut random, Duration::from_millis(100));
                server.kill();
                figures.during_recovery += 1;
            }
            server.restart();
            assert_eq!(bank.faults(server.address()), NONE, "after crash {}", figures.crashes);
            figures.add(&bank, before);
        }
    }
}

/// A server whose replies wait for nothing: commits that were acknowledged are lost, and readers were told
/// what early lock release showed them.
#[test]
fn replies_that_do_not_wait_for_the_disk_are_noticed() {
    let mut random = Random::new(seed());
    let mut server = Reckon::start_broken("replies", &SETTINGS);
    let bank = Bank::create(server.address(), WRITERS, READERS);
    let mut missing = vec!["lost", "taken back"];
    for _ in 0..CONTROL_ROUNDS {
        kill_under_load(&mut server, &bank, &mut random);
        server.restart();
        let faults = bank.faults(server.address());
        missing.retain(|kind| !faults.iter().any(|fault| fault.starts_with(kind)));
        if missing.is_empty() {
            return;
        }
    }
    panic!("never noticed in {CONTROL_ROUNDS} rounds: {missing:?}");
}

/// A bank on a disk of its own.
struct OnDisk {
    disk: Disk,
    server: Reckon,
    bank: Bank,
}

impl OnDisk {
    /// One, or why there can be none here. Whatever fails from then on is a fault.
    fn open(settings: &[&str]) -> Result<Self, String> {
        let disk = Disk::mount()?;
        let server = Reckon::start_on(&disk.path().join("data"), settings);
        let bank = Bank::create(server.address(), WRITERS, READERS);
        Ok(Self { disk, server, bank })
    }

    /// Cuts the power at a random moment of the load, and mounts the disk again.
    fn cut_under_load(&mut self, random: &mut Random, transfers: u64) {
        let Self { disk, server, bank } = self;
        let address = server.address().clone();
        bank.run_until(&address, transfers, || {
            moment(random, Duration::from_millis(10));
            disk.cut();
            // The first write that fails must end it.
            let _status = server.wait();
        });
        disk.mount_again();
    }

    /// Cuts the power while the server recovers, once.
    fn cut_during_recovery(&mut self, random: &mut Random) {
        self.server.start_again();
        moment(random, Duration::from_millis(100));
        self.disk.cut();
        // It may have nothing to write, and fail only when it is asked to.
        self.server.kill();
        self.disk.mount_again();
    }

    /// Starts the server and checks.
    fn verdict(&mut self) -> Vec<String> {
        match self.server.try_restart() {
            true => self.bank.faults(self.server.address()),
            false => vec![format!("it refuses to start: {}", self.server.log())],
        }
    }
}

/// Power cuts until there were enough; the reason when there can be none here.
fn power_cuts(figures: &mut Figures) -> Result<(), String> {
    let mut random = Random::new(seed() ^ 1);
    while figures.crashes < rounds() {
        let mut here = OnDisk::open(&SETTINGS)?;
        for _ in 0..ROUNDS_OF_A_BANK.min(rounds() - figures.crashes) {
            let before = (here.bank.transfers(), here.bank.reads());
            let transfers = random.below(150) as u64;
            here.cut_under_load(&mut random, transfers);
            while random.below(4) == 0 {
                here.cut_during_recovery(&mut random);
                figures.during_recovery += 1;
            }
            assert_eq!(here.verdict(), NONE, "after cut {}", figures.crashes);
            figures.add(&here.bank, before);
        }
        here.server.kill();
    }
    Ok(())
}

#[test]
fn a_power_cut_loses_nothing_that_was_synced() {
    if let Err(why) = power_cuts(&mut Figures::new("power cut")) {
        skipped("power cut", &why);
    }
}

/// The control: the check above notices acknowledged commits that a power cut took back. A store that
/// refuses to start says nothing of that; then once more.
#[test]
fn a_power_cut_without_syncs_loses_what_was_acknowledged() {
    let mut random = Random::new(seed());
    let settings = [SETTINGS[0], SETTINGS[1], "fsync=off"];
    let mut verdict = Vec::new();
    for _ in 0..CONTROL_ROUNDS {
        let mut here = match OnDisk::open(&settings) {
            Ok(here) => here,
            Err(why) => return skipped("power cut without syncs", &why),
        };
        here.disk.sync();
        let transfers = 50 + random.below(150) as u64;
        here.cut_under_load(&mut random, transfers);
        verdict = here.verdict();
        if here.server.is_running() {
            here.server.kill();
        }
        let is_loss = |fault: &String| fault.starts_with("lost") || fault.starts_with("taken back");
        if verdict.iter().any(is_loss) {
            return;
        }
    }
    panic!("no loss was noticed in {CONTROL_ROUNDS} rounds, in the last one {verdict:?}");
}
