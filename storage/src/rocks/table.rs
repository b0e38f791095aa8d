//! A table file that cannot be read: which one, and whose keys.
//!
//! RocksDB checks every block it reads from a file and names the file in its error. Of the keys that were asked
//! for only those the file holds are in doubt:
//!
//! ```text
//! asked for       ├───────────────────────┤
//! in the file             ├──────────────────────┤
//! in doubt                ├───────────────┤
//! ```

use std::path::{Path, PathBuf};

use rocksdb::{DB, ErrorKind};

use super::comparator::{TIMESTAMP_LEN, key_of, keyspace_of};
use super::meta::failed_to;
use crate::error::Error;
use crate::store::KeyspaceId;

/// The keys a read asked for: stored keys from `lower` on, below `upper`.
pub(super) struct Asked<'a> {
    pub(super) keyspace: KeyspaceId,
    pub(super) lower: &'a [u8],
    pub(super) upper: Option<&'a [u8]>,
}

/// What a read failed with.
pub(super) fn read_failed(
    db: &DB,
    action: &'static str,
    asked: &Asked<'_>,
    error: rocksdb::Error,
) -> Error {
    if error.kind() != ErrorKind::Corruption {
        return failed_to(action)(error);
    }
    let message = error.to_string();
    let file = named_file(db.path(), &message);
    let held = file.as_deref().and_then(|file| held_keys(db, file));
    let mut lower = asked.lower.to_vec();
    let mut upper = asked.upper.map(<[u8]>::to_vec);
    if let Some((first, last)) = held {
        lower = lower.max(first);
        let behind_last = [&last[..], &[0]].concat();
        upper = Some(upper.map_or(behind_last.clone(), |upper| upper.min(behind_last)));
    }
    // A file may go on into the next keyspace.
    let upper = upper.filter(|upper| keyspace_of(upper) == Some(asked.keyspace));
    Error::DamagedTable {
        file,
        keyspace: asked.keyspace,
        lower: key_of(&lower).to_vec(),
        upper: upper.map(|upper| key_of(&upper).to_vec()),
        message,
    }
}

/// The table file that RocksDB's words name. Of its path the number is enough: where the path begins the words
/// do not tell, and a directory may be called like a table.
pub(super) fn named_file(store: &Path, message: &str) -> Option<PathBuf> {
    let end = message.rfind(".sst")?;
    let number = message[..end].rsplit(|letter: char| !letter.is_ascii_digit()).next()?;
    (!number.is_empty()).then(|| store.join(format!("{number}.sst")))
}

/// The first and the last stored key in a table file.
fn held_keys(db: &DB, file: &Path) -> Option<(Vec<u8>, Vec<u8>)> {
    let name = file.file_name()?.to_str()?;
    let files = db.live_files().ok()?;
    let found = files.into_iter().find(|live| live.name.trim_start_matches('/') == name)?;
    Some((untimed(found.start_key?), untimed(found.end_key?)))
}

fn untimed(mut key: Vec<u8>) -> Vec<u8> {
    key.truncate(key.len().saturating_sub(TIMESTAMP_LEN));
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_in_an_error_of_rocksdb_is_found() {
        for store in ["/my data/store", "relative/7.sst/store", "store"] {
            let message = format!(
                "Corruption: block checksum mismatch: stored = 1, context removed checksum = 2, \
                 computed = 3, type = 4  in {store}/000012.sst offset 4096 size 4008"
            );
            let expected = Path::new(store).join("000012.sst");
            assert_eq!(named_file(Path::new(store), &message), Some(expected));
        }
        assert_eq!(named_file(Path::new("store"), "Corruption: bad entry in block"), None);
    }
}
