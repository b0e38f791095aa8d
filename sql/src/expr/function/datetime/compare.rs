//! Comparisons of a date with a timestamp, and of timestamps with and without a zone.
//!
//! What has no zone is taken as the session's clocks show it. What lies beyond the timestamps, a
//! date or a local time moved by its zone, is beyond all of them but not infinite.

use std::cmp::Ordering;

use super::super::declare::*;
use super::super::value::{Date, Timestamp, Timestamptz};
use super::{Function, is_infinite_date};
use crate::error::Result;
use crate::expr::function::{Call, Scalar};
use crate::types::datetime::calendar::{self, DAY, SECOND};
use crate::types::datetime::{INFINITY, NEGATIVE_INFINITY, zone};
use crate::types::{Datum, Type};

/// A side of a comparison.
trait Side {
    /// Whether it is UTC.
    const ZONED: bool;
    /// Microseconds since 2000; the infinities are the ends of the numbers.
    fn time(call: &Call<'_>, at: usize) -> Result<i128>;
}

fn microseconds(time: i64) -> i128 {
    match time {
        INFINITY => i128::MAX,
        NEGATIVE_INFINITY => i128::MIN,
        time => i128::from(time),
    }
}

struct Dates;
struct Timestamps;
struct Timestamptzs;

impl Side for Dates {
    const ZONED: bool = false;

    fn time(call: &Call<'_>, at: usize) -> Result<i128> {
        let Date(day) = call.arg(at)?;
        if is_infinite_date(day) {
            return Ok(if day > 0 { i128::MAX } else { i128::MIN });
        }
        let time = i128::from(day) * i128::from(DAY);
        // No zone moves a date that is beyond the timestamps back among them.
        let is_beyond = time >= i128::from(calendar::END_TIMESTAMP);
        Ok(if is_beyond { i128::MAX - 1 } else { time })
    }
}

impl Side for Timestamps {
    const ZONED: bool = false;

    fn time(call: &Call<'_>, at: usize) -> Result<i128> {
        let Timestamp(time) = call.arg(at)?;
        Ok(microseconds(time))
    }
}

impl Side for Timestamptzs {
    const ZONED: bool = true;

    fn time(call: &Call<'_>, at: usize) -> Result<i128> {
        let Timestamptz(time) = call.arg(at)?;
        Ok(microseconds(time))
    }
}

fn order<L: Side, R: Side>(call: &Call<'_>) -> Result<Ordering> {
    let (mut left, mut right) = (L::time(call, 0)?, R::time(call, 1)?);
    let utc = |local: i128| {
        let Ok(known) = i64::try_from(local) else { return local };
        let offset = zone::offset_of_local(&call.environment.formats().time_zone, known);
        local - i128::from(offset) * i128::from(SECOND)
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
