//! ProjectSet: a select list with set-returning functions. Their rows stand side by side; one
//! that ends early gives NULLs until the longest has ended.

use super::set_call::SetCall;
use super::{Again, Builder, Context, Operator};
use crate::error::Result;
use crate::expr::function::Body;
use crate::expr::{Compiled, Expr, ExprKind};
use crate::plan::Node;
use crate::types::Datum;

pub(super) struct ProjectSet {
    input: Box<dyn Operator>,
    columns: Vec<Column>,
    row: Vec<Datum>,
    /// Whether the sets of the current input row are open.
    open: bool,
}

enum Column {
    One(Compiled),
    Set(SetCall),
}

impl ProjectSet {
    pub(super) fn new(input: &Node, exprs: &[Expr], builder: &mut Builder) -> Result<ProjectSet> {
        let input = builder.operator(input)?;
        let columns = exprs.iter().map(|expr| match &expr.kind {
            ExprKind::Call { function, args } if matches!(function.body, Body::Set(_)) => {
                Ok(Column::Set(SetCall::new(function, args, expr.ty, builder)?))
            }
            _ => Ok(Column::One(Compiled::within(expr, builder)?)),
        });
        let columns = columns.collect::<Result<_>>()?;
        Ok(ProjectSet { input, columns, row: Vec::new(), open: false })
    }

    /// The next row of the open sets; false when all have ended.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let mut found = false;
        for (place, column) in self.columns.iter_mut().enumerate() {
            if let Column::Set(set) = column {
                let value = set.next()?;
                found |= value.is_some();
                self.row[place] = value.unwrap_or(Datum::Null);
            }
        }
        if found {
            for (place, column) in self.columns.iter_mut().enumerate() {
                if let Column::One(expr) = column {
                    self.row[place] = expr.eval(self.input.row(), cx)?;
                }
            }
        }
        Ok(found)
    }
}

impl Operator for ProjectSet {
    fn next(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            cx.check()?;
            if self.open && self.advance(cx)? {
                return Ok(true);
            }
            self.open = self.input.next(cx)?;
            if !self.open {
                return Ok(false);
            }
            for column in &mut self.columns {
                if let Column::Set(set) = column {
                    set.open(self.input.row(), cx)?;
                }
            }
            self.row.resize(self.columns.len(), Datum::Null);
        }
    }

    fn row(&self) -> &[Datum] {
        &self.row
    }

    fn rewind(&mut self, again: Again) {
        self.input.rewind(again);
        self.open = false;
    }
}
