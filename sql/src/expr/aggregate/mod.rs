//! Aggregates: rows of `pg_aggregate`, and what they accumulate.
//!
//! Every accumulator sees all rows of its group and knows what to do with NULLs: most pass over
//! them, `count(*)` and `array_agg` do not.

mod collect;
mod count;
mod extreme;
mod sum;
mod variance;

pub(super) use collect::ArrayStack;

use super::function::{Accumulator, AggregateFunction};
use crate::types::{Oid, Type};

/// Every table of aggregates.
pub(super) static AGGREGATES: &[&[AggregateFunction]] = &[
    count::AGGREGATES,
    extreme::AGGREGATES,
    sum::AGGREGATES,
    variance::AGGREGATES,
    collect::AGGREGATES,
];

type Start = fn(&[Type]) -> Box<dyn Accumulator>;

const fn aggregate(
    oid: u32,
    name: &'static str,
    args: &'static [Type],
    result: Type,
    start: Start,
) -> AggregateFunction {
    AggregateFunction { oid: Oid(oid), name, args, result, start }
}
