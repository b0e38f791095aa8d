//! The floor: a server that does nothing but speak the protocol.
//!
//! It answers every statement with the same row, so its cost is that of sockets and messages alone:
//! no server of this protocol can be cheaper. A thread a connection, one read and one write a turn.
//!
//! The row has three columns, (value, NULL, 0), because pgbench asks for the scale in the first and
//! for partitions in the others before it starts.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Bytes read at once: more than a pgbench client ever sends ahead.
const BUFFER: usize = 1 << 16;
/// `int4`, for all columns.
const TYPE: u32 = 23;
/// A startup packet's version for SSLRequest, GSSENCRequest.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// What it answers, made once.
#[derive(Clone, Debug)]
struct Canned {
    greeting: Vec<u8>,
    description: Vec<u8>,
    row: Vec<u8>,
    ready: Vec<u8>,
}

/// Listens on `socket` until the process ends.
///
/// # Errors
///
/// The socket cannot be made.
pub(crate) fn serve(socket: &Path, value: &str) -> std::io::Result<()> {
    let canned = Canned::new(value);
    for client in UnixListener::bind(socket)?.incoming() {
        let (client, canned) = (client?, canned.clone());
        std::thread::spawn(move || converse(client, &canned));
    }
    Ok(())
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("canned messages are short");
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

impl Canned {
    fn new(value: &str) -> Self {
        let status =
            |name: &str, value: &str| message(b'S', format!("{name}\0{value}\0").as_bytes());
        let ready = message(b'Z', b"I");
        let greeting = [
            message(b'R', &[0; 4]),
            status("server_version", "15.18"),
            status("client_encoding", "UTF8"),
            status("standard_conforming_strings", "on"),
            message(b'K', &[0; 8]),
            ready.clone(),
        ]
        .concat();
        let mut columns = vec![0, 3];
        for name in ["a", "b", "c"] {
            columns.extend_from_slice(&[name.as_bytes(), &[0; 7]].concat());
            columns.extend_from_slice(&TYPE.to_be_bytes());
            columns.extend_from_slice(&[0, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]);
        }
        let mut values = vec![0, 3];
        let length = u32::try_from(value.len()).expect("a short value");
        values.extend_from_slice(&length.to_be_bytes());
        values.extend_from_slice(value.as_bytes());
        values.extend_from_slice(&[0xFF; 4]);
        values.extend_from_slice(&[0, 0, 0, 1, b'0']);
        let row = [message(b'D', &values), message(b'C', b"SELECT 1\0")].concat();
        Self { greeting, description: message(b'T', &columns), row, ready }
    }

    /// Appends the answer to a message.
    fn answer(&self, tag: u8, body: &[u8], out: &mut Vec<u8>) {
        match tag {
            b'Q' => {
                out.extend_from_slice(&self.description);
                out.extend_from_slice(&self.row);
                out.extend_from_slice(&self.ready);
            }
            b'P' => out.extend_from_slice(b"1\0\0\0\x04"),
            b'B' => out.extend_from_slice(b"2\0\0\0\x04"),
            b'C' => out.extend_from_slice(b"3\0\0\0\x04"),
            b'D' => {
                if body.first() == Some(&b'S') {
                    out.extend_from_slice(b"t\0\0\0\x06\0\0");
                }
                out.extend_from_slice(&self.description);
            }
            b'E' => out.extend_from_slice(&self.row),
            b'S' => out.extend_from_slice(&self.ready),
            _ => {}
        }
    }
}

/// Talks to one client until it leaves.
fn converse(mut client: UnixStream, canned: &Canned) {
    let mut buffer = vec![0; BUFFER];
    let (mut held, mut started) = (0, false);
    let mut out = Vec::new();
    while let Ok(count @ 1..) = client.read(&mut buffer[held..]) {
        held += count;
        let mut taken = 0;
        while let Some(length) = next(&buffer[taken..held], started) {
            let whole = &buffer[taken..taken + length];
            taken += length;
            if started {
                canned.answer(whole[0], &whole[5..], &mut out);
            } else if ENCRYPTION.iter().any(|code| whole[4..].starts_with(&code.to_be_bytes())) {
                out.push(b'N');
            } else {
                started = true;
                out.extend_from_slice(&canned.greeting);
            }
        }
        buffer.copy_within(taken..held, 0);
        held -= taken;
        if held == buffer.len() {
            return;
        }
        if client.write_all(&out).is_err() {
            return;
        }
        out.clear();
    }
}

/// Length of the message at the start of `bytes`, once all of it is there.
fn next(bytes: &[u8], started: bool) -> Option<usize> {
    let tag = usize::from(started);
    let length: [u8; 4] = bytes.get(tag..tag + 4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?.max(4) + tag;
    (bytes.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_once_it_is_whole() {
        assert_eq!(next(b"Q\0\0\0\x06a", true), None);
        assert_eq!(next(b"Q\0\0\0\x06a\0S", true), Some(7));
        assert_eq!(next(b"\0\0\0\x08\0\x03\0\0", false), Some(8));
    }

    #[test]
    fn every_execution_returns_the_row() {
        let canned = Canned::new("50");
        let mut out = Vec::new();
        canned.answer(b'E', b"\0\0\0\0\0", &mut out);
        assert!(out.windows(2).any(|bytes| bytes == b"50"));
    }
}
