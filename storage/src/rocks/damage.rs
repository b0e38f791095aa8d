//! Torn tail or damage? The judgement before RocksDB sees its log.
//!
//! A crash may leave the end of the log unwritten, or written in part, or written in the wrong
//! order; all of that was never durable and may go. A flipped bit in something that was durable may
//! not: cutting there would silently lose acknowledged commits. Both look the same where they are,
//! so what decides is what comes behind:
//!
//! ```text
//! record    1    2    3    4  ✗     6    7
//! synced    0    0    2    2        2    2      nobody says 5 was durable: a torn tail, cut at 5
//! synced    0    0    2    2        2    5      record 7 knows that 5 was durable: refuse
//! ```
//!
//! # Invariants
//!
//! 1. A log is cut only if no intact record behind the cut says that a record at or behind the cut
//!    was durable.
//! 2. What is left after a cut is intact: whole records, numbered without a gap. RocksDB is
//!    opened in the mode that accepts nothing else.
//! 3. Nothing is changed in a log that is refused.
//!
//! What no reader can tell is damage in the last records that were synced, with nothing behind them.

use std::fs::{self, OpenOptions};

use super::directory::{io_result, sync_directory};
use super::log::{LogFile, Part, Piece, Pieces};
use super::record::{LogEnd, Stamp};
use crate::error::Error;
use crate::store::Timestamp;

/// The judgement on a log.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Every record is whole.
    Intact,
    /// The log ends in something that is not, and nothing says that it was durable.
    Torn(Cut),
    /// So it does, and an intact record behind it says that it had been durable.
    Damaged(Cut, Evidence),
    /// The first record of the log is not whole, so its number is unknown: it depends on where the
    /// tables end whether the evidence counts.
    Unknown(Cut, Evidence),
}

/// Where the first record starts that is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Index of the log file.
    pub(super) file: usize,
    /// Byte in the file.
    pub(super) offset: u64,
    /// The end of the log before the cut, if any record is there.
    pub(super) end: Option<LogEnd>,
}

/// What intact records behind the cut say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The largest record number that one of them knew to be durable.
    pub(super) synced: u64,
    /// The largest timestamp that one of them knew to be durable.
    pub(super) durable: Timestamp,
}

impl Evidence {
    /// Whether something behind `end` was durable.
    pub(super) fn contradicts(&self, end: LogEnd) -> bool {
        self.synced > end.record
    }
}

/// Judges the log in `files`, written by the store with identity `store`.
pub(super) fn judge(files: &[LogFile], store: u64) -> Result<Verdict, Error> {
    let mut judge = Judge { store, file: 0, started: None, end: None, found: None };
    for (index, file) in files.iter().enumerate() {
        judge.file = index;
        let mut pieces = Pieces::open(file)?;
        while let Some(piece) = pieces.next()? {
            judge.take(piece);
        }
        judge.end_file();
    }
    Ok(match judge.found {
        None => Verdict::Intact,
        Some((cut, evidence)) => match cut.end {
            Some(end) if evidence.contradicts(end) => Verdict::Damaged(cut, evidence),
            None if evidence.synced > 0 => Verdict::Unknown(cut, evidence),
            _ => Verdict::Torn(cut),
        },
    })
}

/// Removes everything from `cut` on.
pub(super) fn cut(files: &[LogFile], cut: Cut) -> Result<(), Error> {
    let torn = &files[cut.file];
    tracing::warn!(
        file = %torn.path.display(),
        offset = cut.offset,
        "the log ends in the middle of a record; removed what had not become durable"
    );
    for later in files[cut.file + 1..].iter().rev() {
        io_result("remove", &later.path, fs::remove_file(&later.path))?;
    }
    let shortened = OpenOptions::new().write(true).open(&torn.path).and_then(|file| {
        file.set_len(cut.offset)?;
        file.sync_all()
    });
    io_result("shorten", &torn.path, shortened)?;
    torn.path.parent().map_or(Ok(()), sync_directory)
}

/// The refusal of a log that lost something durable.
pub(super) fn refusal(files: &[LogFile], cut: Cut, end: LogEnd, evidence: Evidence) -> Error {
    Error::DamagedLog {
        file: files[cut.file].path.clone(),
        offset: cut.offset,
        intact_until: end.last,
        durable: evidence.durable,
    }
}

struct Judge {
    store: u64,
    /// Index of the file being read.
    file: usize,
    /// A record that has begun: where, and its stamp.
    started: Option<(u64, Option<Stamp>)>,
    /// The end of the last whole record.
    end: Option<LogEnd>,
    found: Option<(Cut, Evidence)>,
}

impl Judge {
    fn take(&mut self, piece: Piece) {
        let (offset, part, stamp) = match piece {
            Piece::Gap { offset } => return self.break_off(offset),
            Piece::Fragment { offset, part, stamp } => (offset, part, stamp),
        };
        if self.found.is_some() {
            return self.testify(stamp);
        }
        match (part, self.started.take()) {
            (Part::Note, None) => {}
            (Part::Full, None) => self.finish(offset, stamp),
            (Part::First, None) => self.started = Some((offset, stamp)),
            (Part::Middle, Some(started)) => self.started = Some(started),
            (Part::Last, Some((start, stamp))) => self.finish(start, stamp),
            (_, started) => {
                self.started = started;
                self.break_off(offset);
                self.testify(stamp);
            }
        }
    }

    /// A record is whole. It must be the one that follows.
    fn finish(&mut self, offset: u64, stamp: Option<Stamp>) {
        let Some(stamp) = stamp else { return };
        let follows = self.end.is_none_or(|end| stamp.end.record == end.record + 1);
        if follows && stamp.store == self.store {
            self.end = Some(stamp.end);
        } else {
            self.break_off(offset);
            self.testify(Some(stamp));
        }
    }

    fn end_file(&mut self) {
        if let Some((offset, _)) = self.started {
            self.break_off(offset);
        }
    }

    /// The first record that is not whole starts at `offset`, or where one has begun.
    fn break_off(&mut self, offset: u64) {
        let offset = self.started.take().map_or(offset, |(start, _)| start);
        if self.found.is_none() {
            let cut = Cut { file: self.file, offset, end: self.end };
            self.found = Some((cut, Evidence::default()));
        }
    }

    fn testify(&mut self, stamp: Option<Stamp>) {
        let Some(stamp) = stamp.filter(|stamp| stamp.store == self.store) else { return };
        if let Some((_, evidence)) = &mut self.found {
            evidence.synced = evidence.synced.max(stamp.synced);
            evidence.durable = evidence.durable.max(stamp.durable);
        }
    }
}
