//! Groups in a hash table.
//!
//! When the table is full, rows of groups that are in it are still added; rows of others go to
//! tapes by the hash of their group, and each tape is aggregated on its own later.

use super::call::{Calls, Running, bounded};
use crate::error::Result;
use crate::exec::overflow::{self, Overflow, Pending};
use crate::exec::result::evaluate;
use crate::exec::row_set::{Likeness, RowSet};
use crate::exec::tape::TapeReader;
use crate::exec::{Again, Context, Operator};
use crate::expr::Compiled;
use crate::types::Datum;

pub(super) struct HashAggregate {
    input: Box<dyn Operator>,
    groups: Vec<Compiled>,
    calls: Calls,
    having: Option<Compiled>,
    table: RowSet,
    /// The states of group n are at n * calls.
    states: Vec<Running>,
    /// Bytes of rows that states have kept.
    kept: usize,
    overflow: Option<Overflow>,
    pending: Vec<Pending>,
    /// The group columns of the row at hand.
    group: Vec<Datum>,
    row: Vec<Datum>,
    /// The next group to come out.
    next: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Emitting,
    Ended,
}

impl HashAggregate {
    pub(super) fn new(
        input: Box<dyn Operator>,
        groups: Vec<Compiled>,
        likeness: Likeness,
        calls: Calls,
        having: Option<Compiled>,
    ) -> HashAggregate {
        HashAggregate {
            input,
            table: RowSet::alike(groups.len(), likeness),
            groups,
            calls,
            having,
            states: Vec::new(),
            kept: 0,
            overflow: None,
            pending: Vec::new(),
            group: Vec::new(),
            row: Vec::new(),
            next: 0,
            stage: Stage::Fresh,
        }
    }

    /// Adds all rows of the input.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.groups.is_empty() {
            // One group, also over no rows.
            self.table.insert(&[]);
            self.calls.start(&mut self.states);
        }
        while self.input.next(cx)? {
            cx.check()?;
            let row = self.input.row();
            if self.groups.is_empty() {
                self.kept += self.calls.add(&mut self.states, row, cx)?;
                bounded(self.kept, cx)?;
                continue;
            }
            evaluate(&mut self.groups, row, &mut self.group, cx)?;
            let room = Room { memory: memory(&self.table, &self.calls, self.kept), level: 0 };
            match place(&mut self.table, &self.group, room, cx)? {
                Place::Group(number, new) => {
                    if new {
                        self.calls.start(&mut self.states);
                    }
                    let states = &mut self.states[number * self.calls.len()..];
                    self.kept += self.calls.add(states, row, cx)?;
                    bounded(self.kept, cx)?;
                }
                Place::Later(hash) => {
                    let overflow = self.overflow.get_or_insert_with(|| Overflow::new(0));
                    overflow.push(hash, row, &cx.limits)?;
                }
            }
        }
        Ok(())
    }

    /// Adds all rows of a tape.
    fn collect_tape(
        &mut self,
        mut reader: TapeReader,
        level: u32,
        cx: &mut Context<'_>,
    ) -> Result<()> {
        let mut row = Vec::new();
        while reader.next(&mut row)? {
            cx.check()?;
            evaluate(&mut self.groups, &row, &mut self.group, cx)?;
            let room = Room { memory: memory(&self.table, &self.calls, self.kept), level };
            match place(&mut self.table, &self.group, room, cx)? {
                Place::Group(number, new) => {
                    if new {
                        self.calls.start(&mut self.states);
                    }
                    let states = &mut self.states[number * self.calls.len()..];
                    self.kept += self.calls.add(states, &row, cx)?;
                    bounded(self.kept, cx)?;
                }
                Place::Later(hash) => {
                    let overflow = self.overflow.get_or_insert_with(|| Overflow::new(level));
                    overflow.push(hash, &row, &cx.limits)?;
                }
            }
        }
        Ok(())
    }

    /// Goes on with the next tape; false when there is none.
    fn next_tape(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        self.forget();
        self.pending.extend(self.overflow.take().into_iter().flat_map(Overflow::finish));
        let Some(mut pending) = self.pending.pop() else { return Ok(false) };
        let reader = pending.tape.read_all()?;
        self.collect_tape(reader, pending.level, cx)?;
        Ok(true)
    }

    fn forget(&mut self) {
        self.table.clear();
        self.states = Vec::new();
        self.kept = 0;
        self.next = 0;
    }
}

/// What a table takes, and the level it is at.
struct Room {
    memory: usize,
    level: u32,
}

/// Where a row belongs.
enum Place {
    /// To the group of this number; whether it is new.
    Group(usize, bool),
    /// To a tape, by this hash.
    Later(u64),
}

fn memory(table: &RowSet, calls: &Calls, kept: usize) -> usize {
    table.memory() + table.len() * calls.memory() + kept
}

fn place(table: &mut RowSet, group: &[Datum], room: Room, cx: &Context<'_>) -> Result<Place> {
    if room.memory <= overflow::room(room.level, &cx.limits) {
        let (number, new) = table.insert(group);
        return Ok(Place::Group(number, new));
    }
    match table.find(group) {
        Some(number) => Ok(Place::Group(number, false)),
        None if room.level >= overflow::DEEPEST => Err(overflow::refused("an aggregate")),
        None => Ok(Place::Later(table.hash(group))),
    }
}

impl Operator for HashAggregate {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.stage == Stage::Fresh {
            self.collect(cx)?;
            self.stage = Stage::Emitting;
        }
        while self.stage == Stage::Emitting {
            while self.next < self.table.len() {
                let number = self.next;
                self.next += 1;
                self.row.clear();
                self.row.extend_from_slice(self.table.row(number));
                let states = &self.states[number * self.calls.len()..];
                self.calls.finish(states, &mut self.row)?;
                let passes = match &mut self.having {
                    Some(having) => having.test(&self.row, cx)?,
                    None => true,
                };
                if passes {
                    return Ok(true);
                }
            }
            if !self.next_tape(cx)? {
                self.stage = Stage::Ended;
            }
        }
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
        self.forget();
        self.overflow = None;
        self.pending.clear();
        self.stage = Stage::Fresh;
    }
}
