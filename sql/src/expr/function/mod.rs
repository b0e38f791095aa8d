//! Functions, operators, casts and aggregates as tables of data with PostgreSQL's OIDs, so that
//! the resolver and the catalog read one source.
//!
//! A family of functions has a file: its table at the top, what runs below. `declare` has the
//! words of the tables, `value` the way from datums to Rust values and back.

mod array;
mod casts;
mod compare;
mod datetime;
mod declare;
mod definition;
mod float;
mod format;
mod integer;
mod lock;
mod lookup;
mod memory;
mod numeric;
mod operators;
mod series;
mod system;
mod text;
mod value;

pub use definition::{
    Accumulator, Advisory, AdvisoryScope, AggregateFunction, Body, Call, Cast, CastContext,
    CastMethod, Environment, Function, Operator, Rows, Scalar, Volatility,
};
pub(crate) use lookup::equality;
pub use lookup::{
    Comparison, aggregate, aggregates, all_aggregates, all_functions, all_operators, cast, casts,
    comparison, function, is_unsupported, named, operator, operators,
};

/// Every table of functions.
fn tables() -> impl Iterator<Item = &'static Function> {
    [
        array::FUNCTIONS,
        integer::FUNCTIONS,
        lock::FUNCTIONS,
        memory::FUNCTIONS,
        float::FUNCTIONS,
        numeric::FUNCTIONS,
        series::FUNCTIONS,
        system::FUNCTIONS,
    ]
    .into_iter()
    .chain(datetime::TABLES.iter().copied())
    .chain(format::TABLES.iter().copied())
    .chain(text::TABLES.iter().copied())
    .flatten()
    .chain(compare::functions())
    .chain(datetime::comparisons())
}
