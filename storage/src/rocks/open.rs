//! From a directory to a store.
//!
//! Order matters: the directory is claimed before anything is read, the log judged before RocksDB
//! replays it, and RocksDB writes everything it has replayed into tables before it returns. So
//! when a store is open, all it holds is durable.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use rocksdb::{DB, DBRecoveryMode};

use super::comparator;
use super::damage::{self, Verdict};
use super::directory::Directory;
use super::dropped::Dropped;
use super::engine::{Allocation, Counters, RocksStore};
use super::log;
use super::meta::{self, failed_to};
use super::options::{self, Options};
use super::record::LogEnd;
use super::space::{self, SpaceWatch};
use super::versions;
use super::writer::Writer;
use crate::error::Error;
use crate::store::{KeyspaceId, Timestamp};

/// Opens the store in `path`, and makes one if the directory is empty or does not exist.
pub(super) fn open(path: &Path, options: &Options) -> Result<RocksStore, Error> {
    let directory = Directory::claim(path)?;
    repair_log(&directory, options)?;
    let dropped = Dropped::default();
    let database = options::database(options).map_err(failed_to("set up RocksDB"))?;
    let families = options::families(options, &dropped);
    let db = DB::open_cf_descriptors(&database, directory.store(), families)
        .map_err(failed_to("open the store"))?;
    let writer = Writer::new(directory.id(), meta::log_end(&db)?);
    recall_dropped(&db, &writer, &dropped)?;
    let reserve = options.reserve(space::total_bytes(path)?);
    let free_space = options.free_space.clone();
    Ok(RocksStore {
        allocation: Mutex::new(Allocation::starting_at(first_free_keyspace(&db)?)),
        low_mark: AtomicU64::new(low_mark(&db)?.0),
        raising: Mutex::new(()),
        space: SpaceWatch::new(path.to_owned(), free_space, reserve),
        tables: options::tables(options),
        load_buffer_bytes: options.load_buffer_bytes,
        counters: Counters::default(),
        db,
        directory,
        writer,
        dropped,
    })
}

/// Cuts a torn tail off the log; refuses a log that lost something durable.
fn repair_log(directory: &Directory, options: &Options) -> Result<(), Error> {
    let files = log::files(&directory.store())?;
    let (cut, evidence, end) = match damage::judge(&files, directory.id())? {
        Verdict::Intact => return Ok(()),
        Verdict::Torn(cut) => return damage::cut(&files, cut),
        Verdict::Damaged(cut, evidence) => (cut, evidence, cut.end.unwrap_or_default()),
        Verdict::Unknown(cut, evidence) => (cut, evidence, end_of_tables(directory, options)?),
    };
    if evidence.contradicts(end) {
        return Err(damage::refusal(&files, cut, end, evidence));
    }
    damage::cut(&files, cut)
}

/// Where the log ended when the tables were written, found without changing anything.
fn end_of_tables(directory: &Directory, options: &Options) -> Result<LogEnd, Error> {
    let mut database = options::database(options).map_err(failed_to("set up RocksDB"))?;
    database.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    let families = options::families(options, &Dropped::default());
    let path = directory.store();
    let db = DB::open_cf_descriptors_read_only(&database, path, families, false)
        .map_err(failed_to("open the store behind a damaged log"))?;
    meta::log_end(&db)
}

/// Fills `dropped`, forgetting keyspaces of which nothing is left.
fn recall_dropped(db: &DB, writer: &Writer, dropped: &Dropped) -> Result<(), Error> {
    for keyspace in meta::dropped(db)? {
        if versions::holds_versions(db, keyspace)? {
            dropped.insert(keyspace);
        } else {
            let key = meta::dropped_key(keyspace);
            writer.note(db, |batch| batch.delete_cf(meta::family(db), key))?;
        }
    }
    Ok(())
}

/// Above every id that was reserved, and above every one that is in use whatever the notes say.
fn first_free_keyspace(db: &DB) -> Result<KeyspaceId, Error> {
    let reserved = meta::first_free_keyspace(db)?;
    let Some(highest) = versions::keyspaces(db)?.pop() else { return Ok(reserved) };
    Ok(reserved.max(KeyspaceId(highest.0.saturating_add(1))))
}

fn low_mark(db: &DB) -> Result<Timestamp, Error> {
    let stored =
        db.get_full_history_ts_low(meta::data(db)).map_err(failed_to("read the low mark"))?;
    Ok(comparator::timestamp_of(&stored).unwrap_or(Timestamp::ZERO))
}
