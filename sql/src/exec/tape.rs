//! Tapes: rows on disk, for operators that have more than `work_mem` of them.
//!
//! A tape is a temporary file without a name, written from front to back. What is written stays;
//! any part that ended at a row can be read while more is written behind it. Nothing on a tape
//! outlives the statement, so there is no version and no checksum.
//!
//! # Format
//!
//! A row is its length in bytes (u32), then its values. A value is the number of its kind, then
//! its bytes; lengths and counts are u32. All numbers are big-endian.

mod value;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{ExecutionError, Result};
use crate::types::Datum;

/// Written when so much is pending.
const WRITE_BYTES: usize = 256 * 1024;
/// Read at once.
const READ_BYTES: usize = 64 * 1024;

/// Rows being written.
pub(super) struct Tape {
    file: Arc<File>,
    pending: Vec<u8>,
    written: u64,
}

/// Rows being read.
pub(super) struct TapeReader {
    file: Arc<File>,
    /// What is read next, and where the part ends.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    position: usize,
}

impl Tape {
    /// An empty tape in a directory.
    pub(super) fn new(directory: &Path) -> Result<Tape> {
        let file = tempfile::tempfile_in(directory).map_err(failed)?;
        Ok(Tape { file: Arc::new(file), pending: Vec::new(), written: 0 })
    }

    /// Writes a row behind the others.
    pub(super) fn append(&mut self, row: &[Datum]) -> Result<()> {
        let start = self.pending.len();
        self.pending.extend_from_slice(&[0; 4]);
        for datum in row {
            value::append(datum, &mut self.pending);
        }
        let length = u32::try_from(self.pending.len() - start - 4);
        let length = length.map_err(|_| ExecutionError::Internal { what: "a row of 4 GB" })?;
        self.pending[start..start + 4].copy_from_slice(&length.to_be_bytes());
        if self.pending.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// The place behind the last row.
    pub(super) fn position(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Reads the rows between two places.
    pub(super) fn read(&mut self, from: u64, to: u64) -> Result<TapeReader> {
        self.flush()?;
        let file = Arc::clone(&self.file);
        Ok(TapeReader { file, next: from, end: to, buffer: Vec::new(), position: 0 })
    }

    /// Reads all rows.
    pub(super) fn read_all(&mut self) -> Result<TapeReader> {
        self.read(0, self.position())
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all_at(&self.pending, self.written).map_err(failed)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

impl TapeReader {
    /// Replaces `row` by the next one; false at the end.
    pub(super) fn next(&mut self, row: &mut Vec<Datum>) -> Result<bool> {
        row.clear();
        if !self.hold(4)? {
            return Ok(false);
        }
        let header = self.buffer[self.position..].first_chunk::<4>().copied().unwrap_or_default();
        let length = u32::from_be_bytes(header) as usize;
        self.position += 4;
        if !self.hold(length)? {
            return Err(ExecutionError::Corrupted { what: "a temporary file" }.into());
        }
        let mut bytes = &self.buffer[self.position..self.position + length];
        while !bytes.is_empty() {
            let value = value::take(&mut bytes);
            row.push(value.ok_or(ExecutionError::Corrupted { what: "a temporary file" })?);
        }
        self.position += length;
        Ok(true)
    }

    /// Makes the next `wanted` bytes stand in the buffer; false at the end of the part.
    fn hold(&mut self, wanted: usize) -> Result<bool> {
        let held = self.buffer.len() - self.position;
        if held >= wanted {
            return Ok(true);
        }
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let more = (wanted - held).max(READ_BYTES).min(left);
        if held + more < wanted {
            return Ok(false);
        }
        self.buffer.drain(..self.position);
        self.position = 0;
        self.buffer.resize(held + more, 0);
        self.file.read_exact_at(&mut self.buffer[held..], self.next).map_err(failed)?;
        self.next += more as u64;
        Ok(true)
    }
}

fn failed(error: std::io::Error) -> crate::Error {
    ExecutionError::TemporaryFile { error: error.to_string(), full: is_full(&error) }.into()
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_parts_and_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut tape = Tape::new(directory.path()).unwrap();
        let row = |number: i64| [Datum::Int8(number), Datum::text(&"x".repeat(number as usize))];
        for number in 0..1000 {
            tape.append(&row(number)).unwrap();
        }
        let middle = tape.position();
        tape.append(&row(100_000)).unwrap();
        let mut part = tape.read(middle, tape.position()).unwrap();
        let mut found = Vec::new();
        assert!(part.next(&mut found).unwrap());
        assert!(matches!(found[0], Datum::Int8(100_000)));
        assert!(!part.next(&mut found).unwrap());
        let mut all = tape.read_all().unwrap();
        let mut count = 0;
        while all.next(&mut found).unwrap() {
            assert_eq!(found.len(), 2);
            count += 1;
        }
        assert_eq!(count, 1001);
    }
}
