//! From a history to its anomalies.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::graph::{Graph, Kind};
use super::{End, Level, Outcome, Predicate, Record, Row, Step};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// As the table of this module names it.
    pub name: &'static str,
    /// Who and what.
    pub what: String,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.what)
    }
}

/// What a check found, and whether the history was one that can show anything.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What must not be at the level.
    pub anomalies: Vec<Anomaly>,
    /// Transactions that committed.
    pub committed: usize,
    /// Transactions that did not.
    pub aborted: usize,
    /// Share of the transactions that ran while another was at work on the same list, group or slot.
    pub overlapping: f64,
    /// Searches that did not find a row that somebody inserted.
    pub absences: usize,
}

/// Checks a history of transactions that all ran at `level`.
pub fn check(level: Level, records: &[Record], outcome: &Outcome) -> Findings {
    let mut check = Check::new(records, outcome);
    check.judge_ends();
    for at in 0..records.len() {
        if check.committed[at] {
            check.reads_of(at);
        }
    }
    check.order_of_writes();
    check.order_of_sessions();
    check.cycles(level);
    Findings {
        committed: check.committed.iter().filter(|committed| **committed).count(),
        aborted: records.iter().filter(|record| record.end == End::Aborted).count(),
        overlapping: overlapping(records),
        absences: check.absences,
        anomalies: check.anomalies,
    }
}

struct Check<'a> {
    records: &'a [Record],
    outcome: &'a Outcome,
    /// Who wrote each number and inserted each row.
    writers: HashMap<u64, usize>,
    /// The rows of committed transactions.
    rows: Vec<(usize, Row)>,
    committed: Vec<bool>,
    graph: Graph,
    anomalies: Vec<Anomaly>,
    absences: usize,
}

impl<'a> Check<'a> {
    fn new(records: &'a [Record], outcome: &'a Outcome) -> Self {
        let mut writers = HashMap::new();
        for (at, record) in records.iter().enumerate() {
            writers.extend(record.written().map(|number| (number, at)));
        }
        Self {
            records,
            outcome,
            writers,
            rows: Vec::new(),
            committed: vec![false; records.len()],
            graph: Graph::new(records.len()),
            anomalies: Vec::new(),
            absences: 0,
        }
    }

    fn found(&mut self, name: &'static str, what: String) {
        self.anomalies.push(Anomaly { name, what });
    }

    /// Which transactions committed; those that were not told are asked what is there.
    fn judge_ends(&mut self) {
        let ids = self.outcome.ids.iter();
        let there: HashSet<u64> = self.outcome.lists.iter().flatten().chain(ids).copied().collect();
        for (at, record) in self.records.iter().enumerate() {
            let missing = record.written().filter(|number| !there.contains(number)).count();
            let present = record.written().count() - missing;
            self.committed[at] = match record.end {
                End::Committed => true,
                End::Aborted => false,
                End::Unknown => present > 0,
            };
            if record.end == End::Committed && missing > 0 {
                self.found("lost", format!("{missing} writes of {record:?}"));
            } else if record.end == End::Aborted && present > 0 {
                self.found("G1a", format!("it did not commit and is there: {record:?}"));
            } else if present > 0 && missing > 0 {
                self.found("lost", format!("half of {record:?}"));
            }
        }
        for number in there.iter().filter(|number| !self.writers.contains_key(number)) {
            self.anomalies.push(Anomaly { name: "order", what: format!("nobody wrote {number}") });
        }
        for (at, record) in self.records.iter().enumerate().filter(|(at, _)| self.committed[*at]) {
            self.rows.extend(record.inserted().map(|row| (at, row)));
        }
    }

    /// Edges of what a transaction read, and what was wrong with it.
    fn reads_of(&mut self, at: usize) {
        let records = self.records;
        let mut own: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        let mut own_rows = Vec::new();
        // Whom earlier statements have seen something of.
        let (mut seen, mut statement) = (HashSet::new(), 0);
        let mut seen_now = HashSet::new();
        for (number_of_statement, step) in &records[at].steps {
            if *number_of_statement != statement {
                statement = *number_of_statement;
                seen.extend(seen_now.drain());
            }
            match step {
                Step::Append { list, number } => own.entry(*list).or_default().push(*number),
                Step::Insert(row) => own_rows.push(*row),
                Step::Read { list, numbers } => {
                    let own = own.get(list).map_or(&[][..], Vec::as_slice);
                    let Some(others) = numbers.strip_suffix(own) else {
                        self.found("own", format!("{own:?} missing in {numbers:?} of list {list}"));
                        continue;
                    };
                    self.list_read(at, *list, others, &seen, &mut seen_now);
                }
                Step::Search { predicate, ids } => {
                    let missing = |row: &&Row| predicate.holds(row) && !ids.contains(&row.id);
                    if let Some(row) = own_rows.iter().find(missing) {
                        self.found("own", format!("{row:?} missing in {ids:?}"));
                    }
                    self.search(at, *predicate, ids, &seen, &mut seen_now);
                }
            }
        }
    }

    fn list_read(
        &mut self,
        at: usize,
        list: usize,
        numbers: &[u64],
        seen: &HashSet<usize>,
        seen_now: &mut HashSet<usize>,
    ) {
        let outcome = self.outcome;
        let end = &outcome.lists[list];
        if !self.all_committed(at, numbers) {
            return;
        }
        let Some(behind) = end.strip_prefix(numbers) else {
            return self.found("order", format!("list {list} was {numbers:?}, at the end {end:?}"));
        };
        let writer = |number: Option<&u64>| number.map(|number| self.writers[number]);
        let (last, next) = (writer(numbers.last()), writer(behind.first()));
        let forgotten = behind.iter().map(|number| self.writers[number]).find(|w| seen.contains(w));
        if let Some(last) = last {
            self.graph.add(last, Kind::WriteRead, at);
        }
        if let Some(next) = next {
            self.graph.add(at, Kind::ReadWrite, next);
        }
        if last.is_some() && last == next && last != Some(at) {
            self.found("G1b", format!("list {list} was {numbers:?}, at the end {end:?}"));
        }
        if let Some(writer) = forgotten.filter(|writer| *writer != at) {
            self.went_back(at, writer);
        }
        seen_now.extend(numbers.iter().map(|number| self.writers[number]));
    }

    fn search(
        &mut self,
        at: usize,
        predicate: Predicate,
        ids: &[u64],
        seen: &HashSet<usize>,
        seen_now: &mut HashSet<usize>,
    ) {
        if !self.all_committed(at, ids) {
            return;
        }
        let mut forgotten = None;
        let matching = self.rows.iter().filter(|(_, row)| predicate.holds(row));
        for &(writer, row) in matching.filter(|(writer, _)| *writer != at) {
            if ids.contains(&row.id) {
                self.graph.add(writer, Kind::WriteRead, at);
                seen_now.insert(writer);
            } else {
                self.absences += 1;
                self.graph.add(at, Kind::ReadWrite, writer);
                forgotten = forgotten.or(Some(writer).filter(|writer| seen.contains(writer)));
            }
        }
        if let Some(writer) = forgotten {
            self.went_back(at, writer);
        }
        let strays = ids.iter().filter(|id| !self.holds(predicate, **id)).count();
        if strays > 0 {
            self.found("order", format!("{predicate:?} found {ids:?}"));
        }
    }

    /// Whether the row of this key satisfies a predicate.
    fn holds(&self, predicate: Predicate, id: u64) -> bool {
        let writer = self.writers.get(&id).map(|writer| &self.records[*writer]);
        writer.is_some_and(|record| {
            record.inserted().any(|row| row.id == id && predicate.holds(&row))
        })
    }

    fn went_back(&mut self, at: usize, writer: usize) {
        let (reader, writer) = (&self.records[at], &self.records[writer]);
        self.found("view", format!("{reader:?}\n  had seen something of {writer:?}"));
    }

    /// Whether all that was read was written by transactions that committed; an anomaly if not.
    fn all_committed(&mut self, at: usize, numbers: &[u64]) -> bool {
        let committed =
            |number: &&u64| self.writers.get(number).is_some_and(|writer| self.committed[*writer]);
        let Some(stray) = numbers.iter().find(|number| !committed(number)).copied() else {
            return true;
        };
        let writer = self.writers.get(&stray).map(|writer| &self.records[*writer]);
        let taken_back = writer.is_some_and(|writer| writer.end == End::Unknown);
        let what = format!("{stray} was read by {:?}, written by {writer:?}", self.records[at]);
        self.found(if taken_back { "lost" } else { "G1a" }, what);
        false
    }

    /// Edges from each version of a list to the next; a row has one version.
    fn order_of_writes(&mut self) {
        let outcome = self.outcome;
        for list in &outcome.lists {
            for pair in list.windows(2) {
                let writers = [&pair[0], &pair[1]].map(|number| self.writers.get(number).copied());
                if let [Some(one), Some(next)] = writers {
                    self.graph.add(one, Kind::WriteWrite, next);
                }
            }
        }
        let mut slots = HashSet::new();
        let twice =
            self.rows.iter().find(|(_, row)| row.slot.is_some_and(|slot| !slots.insert(slot)));
        if let Some((_, row)) = twice.copied() {
            self.found("order", format!("two rows in the slot of {row:?}"));
        }
    }

    fn order_of_sessions(&mut self) {
        let mut last: HashMap<usize, usize> = HashMap::new();
        for (at, record) in self.records.iter().enumerate().filter(|(at, _)| self.committed[*at]) {
            if let Some(before) = last.insert(record.session, at) {
                self.graph.add(before, Kind::Session, at);
            }
        }
    }

    fn cycles(&mut self, level: Level) {
        use Kind::{ReadWrite, WriteRead, WriteWrite};
        let mut found = vec![
            ("G0", self.graph.cycle(&[WriteWrite])),
            ("G1c", self.graph.cycle(&[WriteWrite, WriteRead])),
        ];
        if level >= Level::RepeatableRead {
            found.push(("G-SI", self.graph.cycle_of_snapshots()));
        }
        if level >= Level::Serializable {
            found.push(("G2", self.graph.cycle(&[WriteWrite, WriteRead, ReadWrite])));
        }
        for (name, cycle) in found {
            let Some(cycle) = cycle else { continue };
            let lines = cycle.iter().map(|at| format!("\n  {:?}", self.records[*at]));
            self.found(name, lines.collect());
        }
    }
}

impl Record {
    /// The numbers it appended and the keys it inserted.
    fn written(&self) -> impl Iterator<Item = u64> {
        self.steps.iter().filter_map(|(_, step)| match step {
            Step::Append { number, .. } => Some(*number),
            Step::Insert(row) => Some(row.id),
            Step::Read { .. } | Step::Search { .. } => None,
        })
    }

    fn inserted(&self) -> impl Iterator<Item = Row> {
        self.steps.iter().filter_map(|(_, step)| match step {
            Step::Insert(row) => Some(*row),
            _ => None,
        })
    }

    /// What it shares with others: lists, groups, slots.
    fn touched(&self) -> HashSet<Shared> {
        let shared = self.steps.iter().flat_map(|(_, step)| match step {
            Step::Append { list, .. } | Step::Read { list, .. } => vec![Shared::List(*list)],
            Step::Insert(row) => {
                let slot = row.slot.map(Shared::Slot);
                [Some(Shared::Group(row.group)), slot].into_iter().flatten().collect()
            }
            Step::Search { predicate: Predicate::Group(group), .. } => vec![Shared::Group(*group)],
            Step::Search { predicate: Predicate::Slot(slot), .. } => vec![Shared::Slot(*slot)],
            Step::Search { predicate: Predicate::Ids(..), .. } => Vec::new(),
        });
        shared.collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shared {
    List(usize),
    Group(usize),
    Slot(usize),
}

/// Share of the transactions that ran at the same time as another that touched the same.
fn overlapping(records: &[Record]) -> f64 {
    let mut by_shared: HashMap<Shared, Vec<usize>> = HashMap::new();
    for (at, record) in records.iter().enumerate() {
        for shared in record.touched() {
            by_shared.entry(shared).or_default().push(at);
        }
    }
    let mut found = HashSet::new();
    for mut at_work in by_shared.into_values() {
        at_work.sort_by_key(|at| records[*at].began);
        // Of those before, the one that ended last.
        let mut latest: Option<usize> = None;
        for at in at_work {
            if let Some(before) = latest
                && records[before].ended > records[at].began
            {
                found.extend([before, at]);
            }
            if latest.is_none_or(|before| records[before].ended < records[at].ended) {
                latest = Some(at);
            }
        }
    }
    found.len() as f64 / records.len().max(1) as f64
}
