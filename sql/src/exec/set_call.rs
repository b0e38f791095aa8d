//! A call of a set-returning function, row by row. A scalar function is a set of one.

use super::result::evaluate;
use super::{Builder, Context};
use crate::error::Result;
use crate::expr::function::{Body, Call, Function};
use crate::expr::{Compiled, Expr};
use crate::types::{Datum, Type};

pub(super) struct SetCall {
    function: &'static Function,
    args: Vec<Compiled>,
    arg_types: Vec<Type>,
    result: Type,
    values: Vec<Datum>,
    rows: Box<dyn Iterator<Item = Result<Datum>> + Send>,
}

impl SetCall {
    pub(super) fn new(
        function: &'static Function,
        args: &[Expr],
        result: Type,
        builder: &mut Builder,
    ) -> Result<SetCall> {
        Ok(SetCall {
            function,
            arg_types: args.iter().map(|arg| arg.ty).collect(),
            args: Compiled::all(args, builder)?,
            result,
            values: Vec::new(),
            rows: Box::new(std::iter::empty()),
        })
    }

    /// Starts the set of a row. A strict function of a NULL has none.
    pub(super) fn open(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<()> {
        evaluate(&mut self.args, row, &mut self.values, cx)?;
        let null = self.function.strict && self.values.iter().any(Datum::is_null);
        let mut call = Call {
            args: &self.values,
            arg_types: &self.arg_types,
            result: self.result,
            environment: cx.environment,
        };
        self.rows = match self.function.body {
            Body::Set(_) if null => Box::new(std::iter::empty()),
            Body::Scalar(_) if null => Box::new(std::iter::once(Ok(Datum::Null))),
            Body::Set(body) => body(&mut call)?,
            Body::Scalar(body) => Box::new(std::iter::once(Ok(body(&mut call)?))),
        };
        Ok(())
    }

    /// The next row of the set.
    pub(super) fn next(&mut self) -> Result<Option<Datum>> {
        self.rows.next().transpose()
    }

    /// Ends the set.
    pub(super) fn close(&mut self) {
        self.rows = Box::new(std::iter::empty());
    }
}
