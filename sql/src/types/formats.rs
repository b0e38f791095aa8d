//! The settings that decide how values are written and read as text.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Oid;
use crate::error::Result;

/// Everything a text form depends on.
#[derive(Clone, Debug)]
pub struct Formats {
    /// First half of DateStyle.
    pub date_style: DateStyle,
    /// Second half of DateStyle.
    pub date_order: DateOrder,
    /// IntervalStyle.
    pub interval_style: IntervalStyle,
    /// bytea_output.
    pub bytea_output: ByteaOutput,
    /// extra_float_digits: above 0 the shortest exact form, else 15 (6) digits plus this many.
    pub extra_float_digits: i32,
    /// TimeZone.
    pub time_zone: TimeZone,
    /// Microseconds since 2000-01-01 UTC at the start of the transaction: what the words `now`
    /// and `today` mean.
    pub now: i64,
    /// What OIDs are called; without it they are numbers.
    pub names: Option<Arc<dyn Names>>,
}

/// The names behind `regclass` values, as the statement's catalog and search path say.
pub trait Names: fmt::Debug + Send + Sync {
    /// The relation's name, quoted, and with its schema where the search path does not find it.
    fn relation_name(&self, oid: Oid) -> Option<String>;
    /// The relation that a name means, None when there is none.
    fn relation_oid(&self, name: &str) -> Result<Option<Oid>>;
}

/// How dates are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateStyle {
    /// 1997-12-17 07:37:16-08
    Iso,
    /// 12/17/1997 07:37:16.00 PST
    Sql,
    /// Wed Dec 17 07:37:16 1997 PST
    Postgres,
    /// 17.12.1997 07:37:16.00 PST
    German,
}

/// How ambiguous dates are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateOrder {
    /// Month first.
    Mdy,
    /// Day first.
    Dmy,
    /// Year first.
    Ymd,
}

/// How intervals are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntervalStyle {
    /// 1 year 2 mons 3 days 04:05:06
    Postgres,
    /// @ 1 year 2 mons 3 days 4 hours 5 mins 6 secs
    PostgresVerbose,
    /// +1-2 +3 +4:05:06
    SqlStandard,
    /// P1Y2M3DT4H5M6S
    Iso8601,
}

/// How bytea is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByteaOutput {
    /// \x0102
    Hex,
    /// \001\002
    Escape,
}

impl Default for Formats {
    fn default() -> Formats {
        Formats {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            bytea_output: ByteaOutput::Hex,
            extra_float_digits: 1,
            time_zone: TimeZone::UTC,
            now: 0,
            names: None,
        }
    }
}
