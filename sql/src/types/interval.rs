//! `interval`: its arithmetic and its order.

use super::Interval;
use crate::error::{DataError, Result};

const MICROSECONDS_PER_SECOND: f64 = 1e6;
const SECONDS_PER_DAY: f64 = 86_400.0;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
const DAYS_PER_MONTH: f64 = 30.0;

fn out_of_range() -> crate::Error {
    DataError::DatetimeOutOfRange { type_name: "interval" }.into()
}

impl Interval {
    /// The length by which intervals compare: a month is thirty days, a day 24 hours.
    pub fn span(&self) -> i128 {
        let days = i128::from(self.months) * 30 + i128::from(self.days);
        days * i128::from(MICROSECONDS_PER_DAY) + i128::from(self.microseconds)
    }

    /// An interval of this span, in months only if its days are too many.
    pub fn from_span(span: i128) -> Option<Interval> {
        let day = i128::from(MICROSECONDS_PER_DAY);
        let whole_days = span / day;
        let clamp = |value: i128| value.clamp(i128::from(i32::MIN), i128::from(i32::MAX));
        let months = match i32::try_from(whole_days) {
            Ok(_) => 0,
            Err(_) => clamp(whole_days / 30),
        };
        let days = clamp(whole_days - months * 30);
        let rest = span - (months * 30 + days) * day;
        let (months, days) = (i32::try_from(months).ok()?, i32::try_from(days).ok()?);
        Some(Interval { months, days, microseconds: i64::try_from(rest).ok()? })
    }

    /// a + b, part by part.
    pub fn add(&self, other: &Interval) -> Result<Interval> {
        let parts = || {
            Some(Interval {
                months: self.months.checked_add(other.months)?,
                days: self.days.checked_add(other.days)?,
                microseconds: self.microseconds.checked_add(other.microseconds)?,
            })
        };
        parts().ok_or_else(out_of_range)
    }

    /// -a
    pub fn negate(&self) -> Result<Interval> {
        let parts = || {
            Some(Interval {
                months: self.months.checked_neg()?,
                days: self.days.checked_neg()?,
                microseconds: self.microseconds.checked_neg()?,
            })
        };
        parts().ok_or_else(out_of_range)
    }

    /// a - b, part by part.
    pub fn subtract(&self, other: &Interval) -> Result<Interval> {
        let parts = || {
            Some(Interval {
                months: self.months.checked_sub(other.months)?,
                days: self.days.checked_sub(other.days)?,
                microseconds: self.microseconds.checked_sub(other.microseconds)?,
            })
        };
        parts().ok_or_else(out_of_range)
    }

    /// a * factor; fractions of months become days, and those of days time.
    pub fn multiply(&self, factor: f64) -> Result<Interval> {
        self.scale(|part| part * factor)
    }

    /// a / divisor
    pub fn divide(&self, divisor: f64) -> Result<Interval> {
        if divisor == 0.0 {
            return Err(DataError::DivisionByZero.into());
        }
        self.scale(|part| part / divisor)
    }

    fn scale(&self, by: impl Fn(f64) -> f64) -> Result<Interval> {
        let (months, days) = (by(f64::from(self.months)), by(f64::from(self.days)));
        let whole_months = narrow(months)?;
        let mut whole_days = narrow(days)?;
        // Sums of fractions: rounded to microseconds, so that they stay whole where they should.
        let rounded = |value: f64| {
            (value * MICROSECONDS_PER_SECOND).round_ties_even() / MICROSECONDS_PER_SECOND
        };
        let month_days = rounded((months - f64::from(whole_months)) * DAYS_PER_MONTH);
        let day_fraction = days - f64::from(whole_days) + month_days - month_days.trunc();
        let mut seconds = rounded(day_fraction * SECONDS_PER_DAY);
        if seconds.abs() >= SECONDS_PER_DAY {
            let carried = (seconds / SECONDS_PER_DAY).trunc();
            whole_days = whole_days.checked_add(carried as i32).ok_or_else(out_of_range)?;
            seconds -= carried * SECONDS_PER_DAY;
        }
        whole_days = whole_days.checked_add(month_days as i32).ok_or_else(out_of_range)?;
        let microseconds =
            (by(self.microseconds as f64) + seconds * MICROSECONDS_PER_SECOND).round_ties_even();
        if !(-9.223_372_036_854_775e18..9.223_372_036_854_775e18).contains(&microseconds) {
            return Err(out_of_range());
        }
        Ok(Interval { months: whole_months, days: whole_days, microseconds: microseconds as i64 })
    }

    /// Full days of time become days.
    pub fn justify_hours(&self) -> Result<Interval> {
        let carried = self.microseconds / MICROSECONDS_PER_DAY;
        let days = i32::try_from(i64::from(self.days) + carried).map_err(|_| out_of_range())?;
        let microseconds = self.microseconds % MICROSECONDS_PER_DAY;
        Ok(balance_days(Interval { months: self.months, days, microseconds }))
    }

    /// Thirty days become a month.
    pub fn justify_days(&self) -> Result<Interval> {
        let months = self.months.checked_add(self.days / 30).ok_or_else(out_of_range)?;
        let days = self.days % 30;
        Ok(balance_months(Interval { months, days, ..*self }))
    }

    /// Both, and one sign for all parts.
    pub fn justify(&self) -> Result<Interval> {
        let days = i64::from(self.days) + self.microseconds / MICROSECONDS_PER_DAY;
        let months = i64::from(self.months) + days / 30;
        let result = Interval {
            months: i32::try_from(months).map_err(|_| out_of_range())?,
            days: (days % 30) as i32,
            microseconds: self.microseconds % MICROSECONDS_PER_DAY,
        };
        let negative_rest = result.days < 0 || result.days == 0 && result.microseconds < 0;
        let positive_rest = result.days > 0 || result.days == 0 && result.microseconds > 0;
        let mut result = result;
        if result.months > 0 && negative_rest {
            result.days += 30;
            result.months -= 1;
        } else if result.months < 0 && positive_rest {
            result.days -= 30;
            result.months += 1;
        }
        Ok(balance_days(result))
    }
}

/// Days and time of one sign.
fn balance_days(mut interval: Interval) -> Interval {
    if interval.days > 0 && interval.microseconds < 0 {
        interval.microseconds += MICROSECONDS_PER_DAY;
        interval.days -= 1;
    } else if interval.days < 0 && interval.microseconds > 0 {
        interval.microseconds -= MICROSECONDS_PER_DAY;
        interval.days += 1;
    }
    interval
}

/// Months and days of one sign.
fn balance_months(mut interval: Interval) -> Interval {
    if interval.months > 0 && interval.days < 0 {
        interval.days += 30;
        interval.months -= 1;
    } else if interval.months < 0 && interval.days > 0 {
        interval.days -= 30;
        interval.months += 1;
    }
    interval
}

/// Cut to an `int4`.
fn narrow(value: f64) -> Result<i32> {
    if (-2_147_483_648.0..2_147_483_648.0).contains(&value) {
        Ok(value as i32)
    } else {
        Err(out_of_range())
    }
}
