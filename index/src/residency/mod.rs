//! Which ranges are in memory: the budget, how a range comes in, how it goes.

pub(crate) mod budget;
mod evict;
mod load;
mod row;

pub(crate) use evict::Clock;
