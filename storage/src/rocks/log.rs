//! Reading RocksDB's log files, byte by byte where they are broken.
//!
//! A file is a row of 32 KB blocks. A block holds fragments; a fragment never crosses into the next
//! block, and the last 6 bytes or fewer of a block are zeros. A record is one Full fragment, or a
//! First, any number of Middle ones and a Last.
//!
//! # Format
//!
//! | bytes | what |
//! |---|---|
//! | 4 | CRC-32C of everything from the type on, rotated right by 15, plus 0xA282EAD8; little-endian |
//! | 2 | length of the payload, little-endian |
//! | 1 | type |
//! | 4 | number of the log file, little-endian; only in types of recycled files |
//! | n | payload |
//!
//! The payload of a record is a batch: sequence number (8 bytes), count (4), then entries. The first
//! entry of ours is the stamp: `03`, its length, the stamp itself. It may cross into a second
//! fragment.
//!
//! # Invariants
//!
//! 1. Every byte of a file is in exactly one fragment, in padding, or in a gap that was reported.
//! 2. After a gap, reading goes on at the next byte where a whole fragment with a right checksum
//!    starts; whoever judges what is found there looks for the store's identity in its stamp.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use smallvec::SmallVec;

use super::directory::io_result;
use super::record::{STAMP_LEN, Stamp};
use crate::error::Error;

const BLOCK_LEN: usize = 32 << 10;
const HEADER_LEN: usize = 7;
const RECYCLED_HEADER_LEN: usize = 11;
const CHECKSUM_LEN: usize = 4;
const BATCH_HEADER_LEN: usize = 12;
const LOG_DATA_TAG: u8 = 3;
const HEAD_LEN: usize = BATCH_HEADER_LEN + 2 + STAMP_LEN;

/// A log file by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogFile {
    pub(super) number: u64,
    pub(super) path: PathBuf,
}

/// The log files of a directory in the order they were written.
pub(super) fn files(directory: &Path) -> Result<Vec<LogFile>, Error> {
    let mut files = Vec::new();
    if !directory.exists() {
        return Ok(files);
    }
    for entry in io_result("list", directory, std::fs::read_dir(directory))? {
        let path = io_result("list", directory, entry)?.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(number)) = (is_log, number) {
            files.push(LogFile { number, path });
        }
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

/// What is found in a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A fragment with a right checksum.
    Fragment {
        /// Where it starts in the file.
        offset: u64,
        /// Its place in its record.
        part: Part,
        /// Its first bytes.
        head: Head,
    },
    /// Bytes that are no fragment. Reported once, at the first of them.
    Gap {
        /// Where they start in the file.
        offset: u64,
    },
}

/// As many first bytes of a record as its stamp takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head(SmallVec<[u8; 64]>);

impl Head {
    fn of(payload: &[u8]) -> Self {
        Self(SmallVec::from_slice(&payload[..payload.len().min(HEAD_LEN)]))
    }

    /// Goes on with the head of the next fragment.
    pub(super) fn extend(&mut self, next: &Self) {
        let missing = HEAD_LEN - self.0.len();
        self.0.extend_from_slice(&next.0[..next.0.len().min(missing)]);
    }

    /// The stamp, if it is all there and the record has one.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let entry = self.0.get(BATCH_HEADER_LEN..)?;
        let (&[tag, len], stamp) = entry.split_first_chunk()?;
        let is_stamp = tag == LOG_DATA_TAG && usize::from(len) == STAMP_LEN;
        is_stamp.then(|| Stamp::decode(stamp)).flatten()
    }
}

/// The place of a fragment in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Full,
    First,
    Middle,
    Last,
    /// RocksDB's own notes between records.
    Note,
}

/// Reads one log file.
pub(super) struct Pieces {
    file: File,
    path: PathBuf,
    number: u64,
    block: Vec<u8>,
    block_offset: u64,
    at: usize,
    in_gap: bool,
}

impl Pieces {
    pub(super) fn open(file: &LogFile) -> Result<Self, Error> {
        Ok(Self {
            file: io_result("open", &file.path, File::open(&file.path))?,
            path: file.path.clone(),
            number: file.number,
            block: Vec::new(),
            block_offset: 0,
            at: 0,
            in_gap: false,
        })
    }

    /// The next piece; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            let rest = &self.block[self.at..];
            let is_padding =
                self.block.len() == BLOCK_LEN && rest.len() < HEADER_LEN && !self.in_gap;
            if rest.is_empty() || is_padding && rest.iter().all(|&byte| byte == 0) {
                if !self.read_block()? {
                    return Ok(None);
                }
                continue;
            }
            let offset = self.block_offset + self.at as u64;
            if let Some((len, part, payload)) = fragment(rest, self.number) {
                let piece = Piece::Fragment { offset, part, head: Head::of(payload) };
                self.at += len;
                self.in_gap = false;
                return Ok(Some(piece));
            }
            self.at += 1;
            if !std::mem::replace(&mut self.in_gap, true) {
                return Ok(Some(Piece::Gap { offset }));
            }
        }
    }

    fn read_block(&mut self) -> Result<bool, Error> {
        self.block_offset += self.block.len() as u64;
        self.block.clear();
        self.at = 0;
        let read = read_up_to(&mut self.file, BLOCK_LEN, &mut self.block);
        Ok(io_result("read", &self.path, read)? > 0)
    }
}

fn read_up_to(file: &mut File, len: usize, into: &mut Vec<u8>) -> io::Result<usize> {
    file.by_ref().take(len as u64).read_to_end(into)
}

/// The whole fragment at the start of `bytes`: its length, its part and its payload.
fn fragment(bytes: &[u8], number: u64) -> Option<(usize, Part, &[u8])> {
    let (header, _) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let (part, header_len) = match kind {
        1 => (Part::Full, HEADER_LEN),
        2 => (Part::First, HEADER_LEN),
        3 => (Part::Middle, HEADER_LEN),
        4 => (Part::Last, HEADER_LEN),
        5 => (Part::Full, RECYCLED_HEADER_LEN),
        6 => (Part::First, RECYCLED_HEADER_LEN),
        7 => (Part::Middle, RECYCLED_HEADER_LEN),
        8 => (Part::Last, RECYCLED_HEADER_LEN),
        9 | 10 | 130 => (Part::Note, HEADER_LEN),
        11 | 131 => (Part::Note, RECYCLED_HEADER_LEN),
        _ => return None,
    };
    let len = header_len + usize::from(u16::from_le_bytes([l0, l1]));
    let whole = bytes.get(..len)?;
    if checksum(whole.get(CHECKSUM_LEN + 2..)?) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return None;
    }
    let recycled = whole.get(HEADER_LEN..header_len)?;
    let of_this_file = recycled.is_empty() || recycled == (number as u32).to_le_bytes();
    of_this_file.then(|| (len, part, &whole[header_len..]))
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}
