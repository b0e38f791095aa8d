//! How a single row comes into memory: hot rows in cold ranges.
//!
//! With the memory full a whole leaf is rarely worth loading for one row. A row that is asked for a second time before too
//! many others were is kept by itself, in the absent leaf that covers it (which is *partial* then). The clock passes
//! over partial leaves too and drops the rows that were not read since.
//!
//! The order is that of a load: first a placeholder, which takes installs and answers nothing; then the source is read, at the
//! largest timestamp; then what was found takes the placeholder's place, unless a commit was installed there meanwhile,
//! which is newer.
//!
//! # Invariants
//!
//! 1. A placeholder is filled only by who made it: its ticket says so. Left behind (the source failed, or has no such row) it
//!    answers nothing and goes with the clock.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use crossbeam_epoch::pin;

use crate::api::{Direction, Error, Loading};
use crate::leaf::{Room, State};
use crate::projection::successor;
use crate::reclaim::retire_records;
use crate::record::RecordPtr;
use crate::tree::{Inner, Seek};

impl Inner {
    /// Brings one row into memory, if it was asked for lately. `Declined`: it is not there, or somebody else is at it.
    pub(crate) fn load_row(&self, key: &[u8]) -> Result<Loading, Error> {
        if !self.cache.is_returning(key) {
            return Ok(Loading::Declined);
        }
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        if !self.reserve(key, ticket) {
            return Ok(Loading::Declined);
        }
        let mut found = None;
        let mut add = |row: &[u8], timestamp: u64, value: &[u8]| {
            let fits = row == key && value.len() <= self.cache.size() / 4;
            found = fits.then(|| (timestamp, value.to_vec()));
            ControlFlow::Break(())
        };
        let upper = successor(key);
        let result = self.source.load(key, Some(&upper), Direction::Forward, &mut add);
        result.map_err(Error::Source)?;
        let Some((timestamp, value)) = found else { return Ok(Loading::Declined) };
        let filled = self.fill(key, ticket, RecordPtr::new(key, timestamp, Some(&value), true));
        self.cache.make_some_room();
        Ok(if filled { Loading::Done } else { Loading::Declined })
    }

    /// Puts a placeholder for `key` into the absent leaf that covers it. False if there is something already.
    fn reserve(&self, key: &[u8], ticket: u64) -> bool {
        let guard = pin();
        loop {
            let leaf = self.leaf(Seek::At(key), &guard);
            let mut body = leaf.write();
            match body.state {
                State::Absent => {}
                State::Obsolete => continue,
                State::Resident | State::Loading(_) => return false,
            }
            let Err(at) = body.slots.find(key, self.cache.search()) else { return false };
            if !body.slots.is_full() {
                let record = RecordPtr::placeholder(key, ticket);
                body.put(at, key, record, &leaf.fences, &self.cache);
                return true;
            }
            drop(body);
            self.split_partial(key);
        }
    }

    /// Makes room for one more row in the partial leaf around `key`.
    fn split_partial(&self, key: &[u8]) {
        let guard = pin();
        let _held = self.structure.lock();
        let path = self.path(Seek::At(key), &guard);
        let mut body = path.leaf.write();
        if body.state == State::Absent && body.slots.is_full() {
            let contents = body.slots.contents();
            self.rebuild(&path, &mut body, contents.run(), 0, Room::Between, &guard);
        }
    }

    /// Puts a record in its placeholder's place. False, and the record is freed, if that is gone or has a version.
    fn fill(&self, key: &[u8], ticket: u64, record: RecordPtr) -> bool {
        let guard = pin();
        loop {
            let leaf = self.leaf(Seek::At(key), &guard);
            let mut body = leaf.write();
            if body.state == State::Obsolete {
                continue;
            }
            let place = body.slots.find(key, self.cache.search()).ok();
            let place = place.filter(|&at| {
                body.slots.record(at).is_some_and(|record| record.is_placeholder(ticket))
            });
            let Some(at) = place else {
                // SAFETY: made by this thread, and nobody else has it.
                unsafe { record.free() };
                return false;
            };
            self.cache.charge(record.view().bytes());
            let old = body.slots.replace(at, record);
            body.revision += 1;
            // SAFETY: taken out of the slots under the exclusive latch.
            unsafe { retire_records(old.into_iter().collect(), &self.cache, &guard) };
            return true;
        }
    }
}
