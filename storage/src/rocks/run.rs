//! Sorted runs of rows: in memory until the buffer is full, then in a file.
//!
//! # Format
//!
//! A file of rows: length of the key and of the value (4 bytes each, little-endian), key, value. It
//! does not outlive the process that wrote it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::directory::io_result;
use crate::error::Error;

const FILE_BUFFER_BYTES: usize = 256 << 10;

/// Rows waiting to be sorted.
#[derive(Default)]
pub(super) struct SortBuffer {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

/// Where a row lies in the buffer: key, then value.
#[derive(Clone, Copy)]
struct Row {
    start: usize,
    value: usize,
    end: usize,
}

impl SortBuffer {
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        let row = Row { start, value: start + key.len(), end: self.bytes.len() };
        self.rows.push(row);
    }

    /// Memory in use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Row>()
    }

    /// Hands all rows to `take` in key order and forgets them.
    pub(super) fn drain_sorted(
        &mut self,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { bytes, rows } = self;
        let key = |row: &Row| &bytes[row.start..row.value];
        if !rows.is_sorted_by(|a, b| key(a) <= key(b)) {
            rows.sort_unstable_by(|a, b| key(a).cmp(key(b)));
        }
        for row in rows.iter() {
            take(key(row), &bytes[row.value..row.end])?;
        }
        rows.clear();
        bytes.clear();
        Ok(())
    }
}

/// Writes a run.
pub(super) struct RunWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl RunWriter {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let file = io_result("create", path, File::create(path))?;
        let file = BufWriter::with_capacity(FILE_BUFFER_BYTES, file);
        Ok(Self { path: path.to_owned(), file })
    }

    pub(super) fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let written = (|| {
            self.file.write_all(&length(key)?)?;
            self.file.write_all(&length(value)?)?;
            self.file.write_all(key)?;
            self.file.write_all(value)
        })();
        io_result("write", &self.path, written)
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        io_result("write", &self.path, self.file.flush())
    }
}

/// Reads a run.
pub(super) struct Run {
    path: PathBuf,
    file: BufReader<File>,
    value: Vec<u8>,
}

impl Run {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = io_result("open", path, File::open(path))?;
        let file = BufReader::with_capacity(FILE_BUFFER_BYTES, file);
        Ok(Self { path: path.to_owned(), file, value: Vec::new() })
    }

    /// Goes to the next row and reads its key into `key`; false at the end.
    pub(super) fn next_into(&mut self, key: &mut Vec<u8>) -> Result<bool, Error> {
        let Self { path, file, value } = self;
        let read = (|| {
            let mut lengths = [0; 8];
            match file.read_exact(&mut lengths) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                other => other?,
            }
            let [k0, k1, k2, k3, v0, v1, v2, v3] = lengths;
            key.resize(u32::from_le_bytes([k0, k1, k2, k3]) as usize, 0);
            value.resize(u32::from_le_bytes([v0, v1, v2, v3]) as usize, 0);
            file.read_exact(key)?;
            file.read_exact(value)?;
            Ok(true)
        })();
        io_result("read", path, read)
    }

    /// Goes to the next row: its key.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut key = Vec::new();
        Ok(self.next_into(&mut key)?.then_some(key))
    }

    /// The value of the row last gone to.
    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len()).map_err(|_| ErrorKind::FileTooLarge)?;
    Ok(length.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_sorts_and_a_run_keeps_the_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        let mut buffer = SortBuffer::default();
        for key in [&b"c"[..], b"", b"a\0", b"b", b"a"] {
            buffer.push(key, &[key, b"!"].concat());
        }
        let mut writer = RunWriter::create(&path).unwrap();
        buffer.drain_sorted(|key, value| writer.write(key, value)).unwrap();
        writer.finish().unwrap();
        assert_eq!(buffer.bytes(), 0);

        let mut run = Run::open(&path).unwrap();
        let mut keys = Vec::new();
        while let Some(key) = run.next().unwrap() {
            assert_eq!(run.value(), [&key[..], b"!"].concat());
            keys.push(key);
        }
        assert_eq!(keys, [&b""[..], b"a", b"a\0", b"b", b"c"]);
    }
}
