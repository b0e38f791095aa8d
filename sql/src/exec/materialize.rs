//! Materialize: the rows of its input, kept to be read again.

use super::spool::{Spool, SpoolReader};
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::plan::Node;
use crate::types::Datum;

pub(super) struct Materialize {
    input: Box<dyn Operator>,
    /// Whether the rows depend on the frame.
    framed: bool,
    spool: Spool,
    reader: SpoolReader,
    /// Whether the input has been read to its end.
    complete: bool,
    width: usize,
}

impl Materialize {
    pub(super) fn new(input: &Node, builder: &mut Builder) -> Result<Materialize> {
        let width = input.output.len();
        let (input, framed) = builder.watched(|builder| builder.operator(input))?;
        let spool = Spool::new(width);
        let reader = spool.reader();
        Ok(Materialize { input, framed, spool, reader, complete: false, width })
    }
}

impl Operator for Materialize {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.reader.next(&mut self.spool)? {
            return Ok(true);
        }
        if self.complete {
            return Ok(false);
        }
        // A spool on a tape is not read while it grows: collect the rest first.
        while self.input.next(cx)? {
            self.spool.push(self.input.row(), cx)?;
        }
        self.complete = true;
        self.reader.next(&mut self.spool)
    }

    fn row(&self) -> &[Datum] {
        self.reader.row(&self.spool)
    }

    fn rewind(&mut self, again: Again) {
        if !self.complete || !again.keeps(self.framed) {
            self.spool = Spool::new(self.width);
            self.complete = false;
            self.input.rewind(again);
        }
        self.reader = self.spool.reader();
    }
}
