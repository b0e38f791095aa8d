//! The store on RocksDB with user-defined timestamps: the only durable one.
//!
//! | module | what it is |
//! |---|---|
//! | `engine` | [`RocksStore`]: the contract, call by call |
//! | [`options`] | what can be chosen, and how RocksDB is set up |
//! | `comparator` | the form and order of stored keys |
//! | `open` | from a directory to a store: claim, judge the log, open, recover counters |
//! | `directory` | the data directory: permissions, lock, format version |
//! | `meta` | what the store remembers about itself |
//! | `writer` | the way into the log: order, sync, the first failure |
//! | `record` | the stamp on each log record |
//! | `log` | reading RocksDB's log files |
//! | `damage` | torn tail or damage? cut or refuse |
//! | `cursor` | rows at a timestamp |
//! | `table` | a table file that cannot be read |
//! | `versions` | all versions of a key |
//! | `load` | bulk load: sorted runs, merged, ingested |
//! | `run` | sorted runs of rows |
//! | `dropped` | how dropped keyspaces vanish |
//! | `space` | the watch on free disk space |

pub mod options;

mod comparator;
mod cursor;
mod damage;
mod directory;
mod dropped;
mod engine;
mod load;
mod log;
mod meta;
mod open;
mod record;
mod run;
mod space;
mod table;
mod versions;
mod writer;

pub use engine::RocksStore;
pub use options::{FreeSpace, Options};
