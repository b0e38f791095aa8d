//! The aggregate calls of a node, and their running states.
//!
//! Most calls add each row as it comes. A call with DISTINCT or ORDER BY keeps its rows until the
//! group is complete: sorted by the ORDER BY and then by the arguments, as PostgreSQL does.

use std::cmp::Ordering;

use crate::error::Result;
use crate::exec::overflow;
use crate::exec::row_set::{Likeness, RowSet, heap_size};
use crate::exec::sort::{Order, compare};
use crate::exec::{Builder, Context};
use crate::expr::function::{Accumulator, AggregateFunction};
use crate::expr::{Aggregate, Compiled};
use crate::types::{Datum, Type};

/// Estimated bytes of a running state.
const STATE_BYTES: usize = 96;

/// All calls of a node.
pub(super) struct Calls {
    calls: Vec<Call>,
    values: Vec<Datum>,
}

struct Call {
    function: &'static AggregateFunction,
    types: Vec<Type>,
    /// The arguments, then the keys of ORDER BY.
    inputs: Vec<Compiled>,
    /// The one column that is its only input: read where it stands.
    column: Option<usize>,
    args: usize,
    filter: Option<Compiled>,
    distinct: bool,
    /// How the arguments of DISTINCT are compared.
    likeness: Likeness,
    /// Whether its state grows with every row: it keeps the values.
    grows: bool,
    /// How kept rows are sorted; empty: they are not kept.
    orders: Vec<Order>,
}

/// The state of one call over one group.
pub(super) enum Running {
    Added(Box<dyn Accumulator>),
    Kept(Vec<Vec<Datum>>),
    /// DISTINCT: kept once.
    Once(RowSet),
}

impl Calls {
    pub(super) fn new(aggregates: &[Aggregate], builder: &mut Builder) -> Result<Calls> {
        builder.hold_values();
        let calls = aggregates.iter().map(|aggregate| Call::new(aggregate, builder));
        Ok(Calls { calls: calls.collect::<Result<_>>()?, values: Vec::new() })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Appends the states of a new group.
    pub(super) fn start(&self, states: &mut Vec<Running>) {
        states.extend(self.calls.iter().map(Call::start));
    }

    /// Adds a row to the states of its group; bytes by which they have grown.
    pub(super) fn add(
        &mut self,
        states: &mut [Running],
        row: &[Datum],
        cx: &mut Context<'_>,
    ) -> Result<usize> {
        let mut grown = 0;
        for (call, state) in self.calls.iter_mut().zip(states) {
            if let Some(filter) = &mut call.filter
                && !filter.test(row, cx)?
            {
                continue;
            }
            if let (Some(column), Running::Added(accumulator)) = (call.column, &mut *state) {
                let value = &row[column..=column];
                accumulator.add(value)?;
                if call.grows {
                    grown += memory(value);
                }
                continue;
            }
            self.values.clear();
            for input in &mut call.inputs {
                self.values.push(input.eval(row, cx)?);
            }
            match state {
                Running::Added(accumulator) => {
                    accumulator.add(&self.values)?;
                    if call.grows {
                        grown += memory(&self.values);
                    }
                }
                Running::Kept(rows) => {
                    grown += memory(&self.values);
                    rows.push(self.values.clone());
                }
                Running::Once(rows) => {
                    let before = rows.memory();
                    rows.insert(&self.values);
                    grown += rows.memory() - before;
                }
            }
        }
        Ok(grown)
    }

    /// Appends the results of a group.
    pub(super) fn finish(&self, states: &[Running], row: &mut Vec<Datum>) -> Result<()> {
        for (call, state) in self.calls.iter().zip(states) {
            row.push(call.finish(state)?);
        }
        Ok(())
    }

    /// Estimated bytes of a group's states.
    pub(super) fn memory(&self) -> usize {
        self.calls.len() * STATE_BYTES
    }
}

/// Bytes of the values of a row that is kept.
fn memory(values: &[Datum]) -> usize {
    values.iter().map(|value| size_of::<Datum>() + heap_size(value)).sum()
}

/// Values that are kept inside of groups (DISTINCT, ORDER BY, array_agg) do not spill.
pub(super) fn bounded(kept: usize, cx: &Context<'_>) -> Result<()> {
    if kept > cx.limits.table_memory() {
        return Err(overflow::refused("an aggregate that keeps its values"));
    }
    Ok(())
}

impl Call {
    fn new(aggregate: &Aggregate, builder: &mut Builder) -> Result<Call> {
        let mut inputs = Compiled::all(&aggregate.args, builder)?;
        let args = inputs.len();
        let mut orders = Vec::new();
        for key in &aggregate.order {
            orders.push(Order::new(inputs.len(), key));
            inputs.push(Compiled::within(&key.expr, builder)?);
        }
        if aggregate.distinct {
            let args = aggregate.args.iter().enumerate();
            orders.extend(args.map(|(place, arg)| Order::ascending(place, arg.ty)));
        }
        let column = match &inputs[..] {
            [only] => only.column(),
            _ => None,
        };
        Ok(Call {
            function: aggregate.function,
            types: aggregate.args.iter().map(|arg| arg.ty).collect(),
            inputs,
            column,
            args,
            filter: builder.optional(aggregate.filter.as_ref())?,
            distinct: aggregate.distinct,
            likeness: Likeness::of(aggregate.args.iter().map(|arg| arg.ty)),
            grows: matches!(aggregate.function.name, "array_agg" | "string_agg"),
            orders,
        })
    }

    fn start(&self) -> Running {
        if self.distinct {
            Running::Once(RowSet::alike(self.inputs.len(), self.likeness.clone()))
        } else if self.orders.is_empty() {
            Running::Added((self.function.start)(&self.types))
        } else {
            Running::Kept(Vec::new())
        }
    }

    fn finish(&self, state: &Running) -> Result<Datum> {
        let mut rows = match state {
            Running::Added(accumulator) => return accumulator.finish(),
            Running::Kept(rows) => rows.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            Running::Once(rows) => (0..rows.len()).map(|number| rows.row(number)).collect(),
        };
        rows.sort_by(|left, right| self.compare(left, right));
        let mut accumulator = (self.function.start)(&self.types);
        let mut last: Option<&[Datum]> = None;
        for row in rows {
            let args = &row[..self.args];
            if self.distinct && last.is_some_and(|last| self.likeness.same(last, args)) {
                continue;
            }
            accumulator.add(args)?;
            last = Some(args);
        }
        accumulator.finish()
    }

    fn compare(&self, left: &[Datum], right: &[Datum]) -> Ordering {
        compare(&self.orders, left, right)
    }
}
