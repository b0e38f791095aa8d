//! Function Scan: the rows of a function in FROM.

use super::set_call::SetCall;
use super::{Again, Builder, Context, Operator};
use crate::error::{ExecutionError, Result};
use crate::expr::Compiled;
use crate::plan::{Node, NodeKind};
use crate::types::{Datum, Type};

pub(super) struct FunctionScan {
    call: SetCall,
    filter: Option<Compiled>,
    ordinality: bool,
    /// Columns of the function: a record is taken apart unless it is one column.
    width: usize,
    number: i64,
    row: Vec<Datum>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Open,
    Ended,
}

impl FunctionScan {
    pub(super) fn new(node: &Node, builder: &mut Builder) -> Result<FunctionScan> {
        let NodeKind::FunctionScan { function, args, ordinality, filter, .. } = &node.kind else {
            return Err(ExecutionError::Internal { what: "no function scan" }.into());
        };
        let width = node.output.len() - usize::from(*ordinality);
        let result = match node.output.as_slice() {
            [column, ..] if width == 1 => column.ty,
            _ => Type::RECORD,
        };
        Ok(FunctionScan {
            call: SetCall::new(function, args, result, builder)?,
            filter: builder.optional(filter.as_ref())?,
            ordinality: *ordinality,
            width,
            number: 0,
            row: Vec::with_capacity(node.output.len()),
            state: State::Fresh,
        })
    }

    /// Moves to the next row of the function.
    fn advance(&mut self) -> Result<bool> {
        let Some(value) = self.call.next()? else { return Ok(false) };
        self.number += 1;
        self.row.clear();
        match value {
            Datum::Record(fields) if self.width != 1 => self.row.extend_from_slice(&fields),
            value => self.row.push(value),
        }
        self.row.resize(self.width, Datum::Null);
        if self.ordinality {
            self.row.push(Datum::Int8(self.number));
        }
        Ok(true)
    }
}

impl Operator for FunctionScan {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.state == State::Fresh {
            self.call.open(&[], cx)?;
            self.number = 0;
            self.state = State::Open;
        }
        while self.state == State::Open && self.advance()? {
            cx.check()?;
            let passes = match &mut self.filter {
                Some(filter) => filter.test(&self.row, cx)?,
                None => true,
            };
            if passes {
                return Ok(true);
            }
        }
        self.state = State::Ended;
        Ok(false)
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, _again: Again) {
        self.call.close();
        self.state = State::Fresh;
    }
}
