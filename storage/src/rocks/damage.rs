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
use super::log::{Head, LogFile, Part, Piece, Pieces};
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
    /// A record that has begun: where, and its first bytes.
    started: Option<(u64, Head)>,
    /// The end of the last whole record before the break.
    end: Option<LogEnd>,
    found: Option<(Cut, Evidence)>,
}

impl Judge {
    fn take(&mut self, piece: Piece) {
        let (offset, part, head) = match piece {
            Piece::Gap { offset } => return self.break_off(offset),
            Piece::Fragment { offset, part, head } => (offset, part, head),
        };
        match (part, self.started.take()) {
            (Part::Note, None) => {}
            (Part::Full, None) => self.finish(offset, &head),
            (Part::First, None) => self.started = Some((offset, head)),
            (Part::Middle, Some((start, mut begun))) => {
                begun.extend(&head);
                self.started = Some((start, begun));
            }
            (Part::Last, Some((start, mut begun))) => {
                begun.extend(&head);
                self.finish(start, &begun);
            }
            (Part::Middle | Part::Last, None) => self.break_off(offset),
            (Part::Note | Part::Full | Part::First, Some(begun)) => {
                self.started = Some(begun);
                self.break_off(offset);
                self.take(Piece::Fragment { offset, part, head });
            }
        }
    }

    /// A record is whole. Before a break it must be the one that follows, behind it it testifies.
    fn finish(&mut self, offset: u64, head: &Head) {
        let Some(stamp) = head.stamp() else { return };
        let follows = self.end.is_none_or(|end| stamp.end.record == end.record + 1);
        if self.found.is_none() && follows && stamp.store == self.store {
            self.end = Some(stamp.end);
            return;
        }
        self.break_off(offset);
        self.testify(stamp);
    }

    fn end_file(&mut self) {
        if let Some((offset, _)) = self.started {
            self.break_off(offset);
        }
    }

    /// The first record that is not whole starts at `offset`, or where one has begun. One that
    /// has begun behind an earlier break testifies, even if the rest of it is missing.
    fn break_off(&mut self, offset: u64) {
        let begun = self.started.take();
        if self.found.is_none() {
            let offset = begun.map_or(offset, |(start, _)| start);
            let cut = Cut { file: self.file, offset, end: self.end };
            self.found = Some((cut, Evidence::default()));
        } else if let Some(stamp) = begun.and_then(|(_, head)| head.stamp()) {
            self.testify(stamp);
        }
    }

    fn testify(&mut self, stamp: Stamp) {
        if let Some((_, evidence)) = &mut self.found
            && stamp.store == self.store
        {
            evidence.synced = evidence.synced.max(stamp.synced);
            evidence.durable = evidence.durable.max(stamp.durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const STORE: u64 = 77;

    /// Record `record` of a commit at ten times its number, written when `synced` was durable.
    fn record(record: u64, synced: u64) -> Vec<u8> {
        let end = LogEnd { record, last: Timestamp(record * 10) };
        let durable = Timestamp(synced * 10);
        let stamp = Stamp { store: STORE, end, durable, synced };
        let batch = [&[0; 12][..], &[3, 40], &stamp.encode(), b"rows"].concat();
        fragment(1, &batch)
    }

    fn fragment(kind: u8, payload: &[u8]) -> Vec<u8> {
        let checked = [&[kind], payload].concat();
        let checksum = crc32c::crc32c(&checked).rotate_right(15).wrapping_add(0xA282_EAD8);
        let len = payload.len() as u16;
        [&checksum.to_le_bytes()[..], &len.to_le_bytes(), &checked].concat()
    }

    fn broken(record: &[u8]) -> Vec<u8> {
        record.iter().map(|byte| byte ^ 0x40).collect()
    }

    fn judge_logs(directory: &Path, logs: &[Vec<Vec<u8>>]) -> Verdict {
        for (number, records) in logs.iter().enumerate() {
            let path = directory.join(format!("{:06}.log", number + 1));
            fs::write(path, records.concat()).unwrap();
        }
        judge(&super::super::log::files(directory).unwrap(), STORE).unwrap()
    }

    fn verdict(logs: &[Vec<Vec<u8>>]) -> Verdict {
        judge_logs(tempfile::tempdir().unwrap().path(), logs)
    }

    #[test]
    fn whole_records_in_order_are_intact() {
        let logs = [vec![record(1, 0), record(2, 0)], vec![], vec![record(3, 2)]];
        assert!(matches!(verdict(&logs), Verdict::Intact));
        assert!(matches!(verdict(&[]), Verdict::Intact));
    }

    #[test]
    fn a_break_that_nobody_knew_to_be_durable_is_a_torn_tail() {
        let first = record(1, 0);
        let logs = [vec![first.clone(), broken(&record(2, 0)), record(3, 1)]];
        let Verdict::Torn(cut) = verdict(&logs) else { panic!("not torn") };
        let end = LogEnd { record: 1, last: Timestamp(10) };
        assert_eq!(cut, Cut { file: 0, offset: first.len() as u64, end: Some(end) });
    }

    #[test]
    fn a_break_that_a_later_record_knew_to_be_durable_is_damage() {
        let logs = [vec![record(1, 0), broken(&record(2, 0))], vec![record(3, 2)]];
        let Verdict::Damaged(cut, evidence) = verdict(&logs) else { panic!("not damaged") };
        assert_eq!((cut.file, evidence.durable), (0, Timestamp(20)));
    }

    #[test]
    fn a_record_that_is_missing_between_files_counts_as_broken() {
        let torn = [vec![record(1, 0)], vec![record(3, 1)]];
        assert!(matches!(verdict(&torn), Verdict::Torn(Cut { file: 1, offset: 0, .. })));
        let damaged = [vec![record(1, 0)], vec![record(3, 2)]];
        assert!(matches!(verdict(&damaged), Verdict::Damaged(..)));
    }

    #[test]
    fn a_broken_start_leaves_the_question_to_the_tables() {
        let logs = [vec![broken(&record(4, 0)), record(5, 3)]];
        let Verdict::Unknown(_, evidence) = verdict(&logs) else { panic!("not unknown") };
        assert!(evidence.contradicts(LogEnd { record: 2, last: Timestamp(20) }));
        assert!(!evidence.contradicts(LogEnd { record: 3, last: Timestamp(30) }));
    }

    #[test]
    fn a_record_without_its_last_fragment_is_torn_where_it_began() {
        let started = fragment(2, &record(2, 0)[7..]);
        for behind in [vec![], record(3, 1), fragment(2, b"again"), vec![0; 50]] {
            let logs = [vec![record(1, 0), started.clone(), behind], vec![]];
            let Verdict::Torn(cut) = verdict(&logs) else { panic!("not torn") };
            assert_eq!(cut.offset, record(1, 0).len() as u64);
        }
    }

    #[test]
    fn what_a_user_stores_is_no_evidence() {
        let mut forged = record(9, 8);
        forged[7 + 12 + 2 + 7] ^= 1;
        let forged = fragment(1, &forged[7..]);
        let logs = [vec![record(1, 0), broken(&record(2, 0)), forged]];
        assert!(matches!(verdict(&logs), Verdict::Torn(_)));
    }

    #[test]
    fn a_cut_leaves_an_intact_log() {
        let directory = tempfile::tempdir().unwrap();
        let logs = [vec![record(1, 0), broken(&record(2, 0))], vec![record(3, 1)], vec![]];
        let Verdict::Torn(found) = judge_logs(directory.path(), &logs) else { panic!("not torn") };
        cut(&super::super::log::files(directory.path()).unwrap(), found).unwrap();
        let files = super::super::log::files(directory.path()).unwrap();
        assert_eq!(files.len(), 1);
        assert!(matches!(judge(&files, STORE).unwrap(), Verdict::Intact));
    }

    #[test]
    fn a_stamp_may_cross_into_the_next_block() {
        let first = record(1, 0);
        let second = &record(2, 0)[7..];
        for split in 0..second.len() {
            let room = 7 + split;
            let filler = fragment(1, &vec![9; 32768 - 7 - room - first.len()]);
            let halves = [fragment(2, &second[..split]), fragment(4, &second[split..])].concat();
            let whole = [vec![first.clone(), filler.clone(), halves.clone(), record(3, 1)]];
            assert!(matches!(verdict(&whole), Verdict::Intact));
            let again = [vec![broken(&first), filler, halves, record(3, 1)]];
            assert!(matches!(verdict(&again), Verdict::Unknown(..)));
        }
    }

    #[test]
    fn blocks_are_crossed_and_padding_is_skipped() {
        let first = record(1, 0);
        let filler = fragment(1, &vec![9; 32768 - 7 - 5 - first.len()]);
        let logs = [vec![first, filler, vec![0; 5], record(2, 0), record(3, 1)]];
        assert!(matches!(verdict(&logs), Verdict::Intact));
    }
}
