//! What a hash join works on: all rows of both sides, or a pair of tapes.

use crate::error::Result;
use crate::exec::tape::{Tape, TapeReader};
use crate::exec::{Builder, Context, Operator};
use crate::expr::Compiled;
use crate::plan::Node;
use crate::types::Datum;

/// One input of the join and its keys.
pub(super) struct Side {
    pub(super) operator: Box<dyn Operator>,
    pub(super) keys: Vec<Compiled>,
    /// The key computed last.
    pub(super) key: Vec<Datum>,
    pub(super) width: usize,
}

/// Rows to join.
pub(super) struct Task {
    pub(super) left: Source,
    pub(super) right: Source,
    pub(super) level: u32,
    /// Set when the right side is joined part by part.
    pub(super) parts: Option<Parts>,
}

/// A right side that cannot be spread any further and does not fit: its rows are joined part by
/// part, each with all left rows.
#[derive(Default)]
pub(super) struct Parts {
    /// Whether right rows are left for another part.
    pub(super) more: bool,
    /// Which left rows have matched, by their number.
    pub(super) matched: Vec<bool>,
    /// The number of the next left row.
    pub(super) next: usize,
}

/// Where rows of one side come from.
pub(super) enum Source {
    Operator,
    Tape(Option<Tape>, Option<TapeReader>),
}

impl Side {
    pub(super) fn new(node: &Node, builder: &mut Builder) -> Result<Side> {
        let operator = builder.operator(node)?;
        Ok(Side { operator, keys: Vec::new(), key: Vec::new(), width: node.output.len() })
    }

    /// Computes the key of a row; whether there is a NULL in it.
    pub(super) fn compute(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<bool> {
        self.key.clear();
        let mut null = false;
        for key in &mut self.keys {
            let value = key.eval(&row[..self.width], cx)?;
            null |= value.is_null();
            self.key.push(value);
        }
        Ok(null)
    }
}

impl Task {
    /// Everything.
    pub(super) fn whole() -> Task {
        Task { left: Source::Operator, right: Source::Operator, level: 0, parts: None }
    }

    /// A pair of tapes.
    pub(super) fn tapes(left: Option<Tape>, right: Option<Tape>, level: u32) -> Task {
        let (left, right) = (Source::Tape(left, None), Source::Tape(right, None));
        Task { left, right, level, parts: None }
    }
}

impl Parts {
    /// Moves on to the next left row: its number.
    pub(super) fn advance(&mut self) -> usize {
        let number = self.next;
        self.next += 1;
        if number == self.matched.len() {
            self.matched.push(false);
        }
        number
    }

    /// Whether the current left row has matched.
    pub(super) fn has_matched(&self) -> bool {
        self.next.checked_sub(1).is_some_and(|number| self.matched[number])
    }

    /// Notes that the current left row has matched.
    pub(super) fn mark(&mut self) {
        if let Some(number) = self.next.checked_sub(1) {
            self.matched[number] = true;
        }
    }
}

impl Source {
    /// Replaces `row` by the next one; false at the end.
    pub(super) fn next(
        &mut self,
        side: &mut Side,
        row: &mut Vec<Datum>,
        cx: &mut Context<'_>,
    ) -> Result<bool> {
        match self {
            Source::Operator => {
                if !side.operator.next(cx)? {
                    return Ok(false);
                }
                row.clear();
                row.extend_from_slice(side.operator.row());
                Ok(true)
            }
            Source::Tape(None, _) => Ok(false),
            Source::Tape(Some(tape), reader) => {
                let reader = match reader {
                    Some(reader) => reader,
                    empty => empty.insert(tape.read_all()?),
                };
                reader.next(row)
            }
        }
    }

    /// Starts a tape again from its first row.
    pub(super) fn restart(&mut self) {
        if let Source::Tape(_, reader) = self {
            *reader = None;
        }
    }

    /// Whether there are no rows on the tape.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Source::Tape(None, _))
    }
}
