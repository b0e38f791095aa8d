//! What time it is.

use super::super::declare::*;
use super::Function;
use crate::error::Result;
use crate::expr::function::Call;
use crate::types::datetime::{calendar, words, zone};
use crate::types::{self, Datum};

/// `Fri Mar 15 12:34:56.789000 2024 UTC`
fn timeofday(call: &mut Call<'_>) -> Result<Datum> {
    let utc = call.environment.clock_time();
    let setting = zone::setting_at(&call.environment.formats().time_zone, utc);
    let local = utc + i64::from(setting.offset) * calendar::SECOND;
    let (date, time) = calendar::split(local);
    Ok(Datum::text(&format!(
        "{} {} {:02} {:02}:{:02}:{:02}.{:06} {:04} {}",
        &words::WEEKDAYS[calendar::weekday(date.day_number()) as usize][..3],
        &words::MONTHS[(date.month - 1) as usize][..3],
        date.day,
        time.hour,
        time.minute,
        time.second,
        time.microsecond,
        date.year,
        types::clip_name(&setting.abbreviation)
    )))
}

pub(super) static FUNCTIONS: &[Function] = &[
    stable(1299, "now", &[], TIMESTAMPTZ, |call| {
        Ok(Datum::Timestamptz(call.environment.transaction_time()))
    }),
    stable(2647, "transaction_timestamp", &[], TIMESTAMPTZ, |call| {
        Ok(Datum::Timestamptz(call.environment.transaction_time()))
    }),
    stable(2648, "statement_timestamp", &[], TIMESTAMPTZ, |call| {
        Ok(Datum::Timestamptz(call.environment.statement_time()))
    }),
    volatile(2649, "clock_timestamp", &[], TIMESTAMPTZ, |call| {
        Ok(Datum::Timestamptz(call.environment.clock_time()))
    }),
    volatile(274, "timeofday", &[], TEXT, timeofday),
];
