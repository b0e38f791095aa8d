//! Functions of dates, times and intervals.

mod age;
mod arithmetic;
mod clock;
mod compare;
mod convert;
mod extract;
mod make;
mod series;
mod truncate;
mod zone;

use super::Function;
use crate::error::{DataError, Error};
use crate::types::datetime::{INFINITY, NEGATIVE_INFINITY};

/// Every table of functions of dates and times.
pub(super) static TABLES: &[&[Function]] = &[
    age::FUNCTIONS,
    arithmetic::FUNCTIONS,
    clock::FUNCTIONS,
    convert::FUNCTIONS,
    extract::FUNCTIONS,
    make::FUNCTIONS,
    series::FUNCTIONS,
    truncate::FUNCTIONS,
    zone::FUNCTIONS,
];

/// The comparisons of two types.
pub(super) fn comparisons() -> impl Iterator<Item = &'static Function> {
    compare::functions()
}

fn out_of_range(type_name: &'static str) -> Error {
    DataError::DatetimeOutOfRange { type_name }.into()
}

/// Whether a timestamp is one of the infinities.
fn is_infinite(time: i64) -> bool {
    time == INFINITY || time == NEGATIVE_INFINITY
}

/// Whether a date is one of the infinities.
fn is_infinite_date(day: i32) -> bool {
    day == i32::MAX || day == i32::MIN
}
