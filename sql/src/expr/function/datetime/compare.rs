//! Comparisons of a date with a timestamp, and of timestamps with and without a zone.
//!
//! What has no zone is taken as the session's clocks show it. A date beyond the timestamps compares as an
//! infinity.

use std::cmp::Ordering;

use super::super::declare::*;
use super::super::value::{Date, Timestamp, Timestamptz};
use super::convert::{timestamp_of_date, to_utc};
use super::{Function, is_infinite_date};
use crate::error::Result;
use crate::expr::function::{Call, Scalar};
use crate::types::datetime::{INFINITY, NEGATIVE_INFINITY};
use crate::types::{Datum, Type};

/// A side of a comparison.
trait Side {
    /// Whether it is UTC.
    const ZONED: bool;
    fn time(call: &Call<'_>, at: usize) -> Result<i64>;
}

struct Dates;
struct Timestamps;
struct Timestamptzs;

impl Side for Dates {
    const ZONED: bool = false;

    fn time(call: &Call<'_>, at: usize) -> Result<i64> {
        let Date(day) = call.arg(at)?;
        let beyond = if day > 0 { INFINITY } else { NEGATIVE_INFINITY };
        Ok(if is_infinite_date(day) { beyond } else { timestamp_of_date(day).unwrap_or(beyond) })
    }
}

impl Side for Timestamps {
    const ZONED: bool = false;

    fn time(call: &Call<'_>, at: usize) -> Result<i64> {
        let Timestamp(time) = call.arg(at)?;
        Ok(time)
    }
}

impl Side for Timestamptzs {
    const ZONED: bool = true;

    fn time(call: &Call<'_>, at: usize) -> Result<i64> {
        let Timestamptz(time) = call.arg(at)?;
        Ok(time)
    }
}

fn order<L: Side, R: Side>(call: &Call<'_>) -> Result<Ordering> {
    let (mut left, mut right) = (L::time(call, 0)?, R::time(call, 1)?);
    let utc = |local: i64| {
        // Out of range by its zone: beyond all others.
        let beyond = if local > 0 { INFINITY } else { NEGATIVE_INFINITY };
        to_utc(call, local).unwrap_or(beyond)
    };
    if L::ZONED && !R::ZONED {
        right = utc(right);
    }
    if R::ZONED && !L::ZONED {
        left = utc(left);
    }
    Ok(left.cmp(&right))
}

fn test<L: Side, R: Side>(call: &Call<'_>, is: fn(Ordering) -> bool) -> Result<Datum> {
    order::<L, R>(call).map(|order| Datum::Bool(is(order)))
}

type Named = (u32, &'static str);

/// Whether the session's zone matters.
#[derive(Clone, Copy)]
enum Kind {
    Immutable,
    Stable,
}

const fn one(
    kind: Kind,
    (oid, name): Named,
    args: &'static [Type; 2],
    result: Type,
    body: Scalar,
) -> Function {
    match kind {
        Kind::Immutable => immutable(oid, name, args, result, body),
        Kind::Stable => stable(oid, name, args, result, body),
    }
}

/// `=`, `<>`, `<`, `<=`, `>`, `>=` and the sort function, in this order.
const fn pair<L: Side, R: Side>(
    kind: Kind,
    args: &'static [Type; 2],
    names: [Named; 7],
) -> [Function; 7] {
    let [eq, ne, lt, le, gt, ge, cmp] = names;
    [
        one(kind, eq, args, BOOL, |call| test::<L, R>(call, Ordering::is_eq)),
        one(kind, ne, args, BOOL, |call| test::<L, R>(call, Ordering::is_ne)),
        one(kind, lt, args, BOOL, |call| test::<L, R>(call, Ordering::is_lt)),
        one(kind, le, args, BOOL, |call| test::<L, R>(call, Ordering::is_le)),
        one(kind, gt, args, BOOL, |call| test::<L, R>(call, Ordering::is_gt)),
        one(kind, ge, args, BOOL, |call| test::<L, R>(call, Ordering::is_ge)),
        one(kind, cmp, args, INT4, |call| Ok(Datum::Int4(order::<L, R>(call)? as i32))),
    ]
}

/// `pg_proc` of these comparisons.
pub(super) fn functions() -> impl Iterator<Item = &'static Function> {
    PAIRS.iter().flatten()
}

static PAIRS: &[[Function; 7]] = &[
    pair::<Dates, Timestamps>(
        Kind::Immutable,
        &[DATE, TIMESTAMP],
        [
            (2340, "date_eq_timestamp"),
            (2343, "date_ne_timestamp"),
            (2338, "date_lt_timestamp"),
            (2339, "date_le_timestamp"),
            (2341, "date_gt_timestamp"),
            (2342, "date_ge_timestamp"),
            (2344, "date_cmp_timestamp"),
        ],
    ),
    pair::<Dates, Timestamptzs>(
        Kind::Stable,
        &[DATE, TIMESTAMPTZ],
        [
            (2353, "date_eq_timestamptz"),
            (2356, "date_ne_timestamptz"),
            (2351, "date_lt_timestamptz"),
            (2352, "date_le_timestamptz"),
            (2354, "date_gt_timestamptz"),
            (2355, "date_ge_timestamptz"),
            (2357, "date_cmp_timestamptz"),
        ],
    ),
    pair::<Timestamps, Dates>(
        Kind::Immutable,
        &[TIMESTAMP, DATE],
        [
            (2366, "timestamp_eq_date"),
            (2369, "timestamp_ne_date"),
            (2364, "timestamp_lt_date"),
            (2365, "timestamp_le_date"),
            (2367, "timestamp_gt_date"),
            (2368, "timestamp_ge_date"),
            (2370, "timestamp_cmp_date"),
        ],
    ),
    pair::<Timestamps, Timestamptzs>(
        Kind::Stable,
        &[TIMESTAMP, TIMESTAMPTZ],
        [
            (2522, "timestamp_eq_timestamptz"),
            (2525, "timestamp_ne_timestamptz"),
            (2520, "timestamp_lt_timestamptz"),
            (2521, "timestamp_le_timestamptz"),
            (2523, "timestamp_gt_timestamptz"),
            (2524, "timestamp_ge_timestamptz"),
            (2526, "timestamp_cmp_timestamptz"),
        ],
    ),
    pair::<Timestamptzs, Dates>(
        Kind::Stable,
        &[TIMESTAMPTZ, DATE],
        [
            (2379, "timestamptz_eq_date"),
            (2382, "timestamptz_ne_date"),
            (2377, "timestamptz_lt_date"),
            (2378, "timestamptz_le_date"),
            (2380, "timestamptz_gt_date"),
            (2381, "timestamptz_ge_date"),
            (2383, "timestamptz_cmp_date"),
        ],
    ),
    pair::<Timestamptzs, Timestamps>(
        Kind::Stable,
        &[TIMESTAMPTZ, TIMESTAMP],
        [
            (2529, "timestamptz_eq_timestamp"),
            (2532, "timestamptz_ne_timestamp"),
            (2527, "timestamptz_lt_timestamp"),
            (2528, "timestamptz_le_timestamp"),
            (2530, "timestamptz_gt_timestamp"),
            (2531, "timestamptz_ge_timestamp"),
            (2533, "timestamptz_cmp_timestamp"),
        ],
    ),
];
