//! What the fields of a text, read by a picture, come to.
//!
//! As in PostgreSQL a field that is 0 counts as one that was not there: `2024-00-15` is the 15th of
//! January. Days of weeks and of years settle the month and the day only where these were not
//! given, and a date that lacks one of its parts may have a day its month does not have.

use super::read::refuse;
use crate::error::{DataError, Result};
use crate::types::datetime::calendar::{self, Civil, Clock, EPOCH_JULIAN, SECOND};

/// How days are counted: by months, or by the weeks of ISO 8601.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Convention {
    Gregorian,
    IsoWeek,
}

/// What has been read; 0 is nothing.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) convention: Option<Convention>,
    pub(super) year: i64,
    /// Digits of the year's pattern.
    pub(super) year_digits: usize,
    pub(super) century: i64,
    /// 1 before Christ.
    pub(super) era: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) day_of_year: i64,
    /// From Sunday = 1.
    pub(super) weekday: i64,
    pub(super) week: i64,
    pub(super) week_of_month: i64,
    pub(super) julian: i64,
    pub(super) hour: i64,
    pub(super) twelve_hours: bool,
    /// 1 after noon.
    pub(super) meridiem: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) millisecond: i64,
    pub(super) microsecond: i64,
    /// The digits that FF1 to FF6 ask for.
    pub(super) fraction: Option<i32>,
    pub(super) seconds_of_day: i64,
    /// 1 east of Greenwich, -1 west of it.
    pub(super) zone_sign: i64,
    pub(super) zone_hours: i64,
    pub(super) zone_minutes: i64,
}

/// A date as it comes together: its parts, and which of them were given.
struct Draft {
    year: i32,
    month: i64,
    day: i64,
    has_year: bool,
    has_month: bool,
    has_day: bool,
}

impl Draft {
    fn settle(&mut self, date: Civil) {
        (self.year, self.month, self.day) = (date.year, date.month.into(), date.day.into());
        (self.has_year, self.has_month, self.has_day) = (true, true, true);
    }

    /// Settles the month and the day that were left at the first by the day of the year. One
    /// behind the year's end leaves a month that does not exist.
    fn settle_day_of_year(&mut self, day_of_year: i64) {
        let (mut month, mut before) = (1, 0);
        while month <= 12 {
            let days = i64::from(calendar::days_of(self.year, month));
            if day_of_year <= before + days {
                break;
            }
            before += days;
            month += 1;
        }
        if self.month <= 1 {
            self.month = i64::from(month);
        }
        if self.day <= 1 {
            self.day = day_of_year - before;
        }
        (self.has_month, self.has_day) = (true, true);
    }

    /// The date, when what was given of it exists.
    fn finish(&self) -> Option<Civil> {
        let month = i32::try_from(self.month).ok().filter(|month| (1..=12).contains(month))?;
        let all = self.has_year && self.has_month && self.has_day;
        let most = if all { calendar::days_of(self.year, month) } else { 31 };
        let day = i32::try_from(self.day).ok().filter(|day| (1..=most).contains(day))?;
        Some(Civil { year: self.year, month, day })
    }
}

/// What the fields come to.
pub(super) struct Moment {
    /// Its day may be behind the month's end.
    pub(super) date: Civil,
    /// Microseconds of the day.
    pub(super) time: i64,
    /// Seconds east of Greenwich, if they were given.
    pub(super) offset: Option<i64>,
}

fn given(field: i64, otherwise: i64) -> i64 {
    if field == 0 { otherwise } else { field }
}

fn beyond(text: &str) -> crate::Error {
    DataError::DatetimeFieldOverflow { text: text.to_owned(), style: false }.into()
}

impl Fields {
    /// The year, 0 for 1 BC, by the century where the year has two digits. The 21st century begins
    /// in 2001, and the 6th before Christ in 600 BC.
    fn full_year(&self) -> i64 {
        let before_christ = self.era == 1;
        let century = if before_christ { -self.century } else { self.century };
        if self.year == 0 {
            return match century {
                0 => 0,
                1.. => (century - 1) * 100 + 1,
                _ => century * 100 + 1,
            };
        }
        if century != 0 && self.year_digits <= 2 {
            return match self.year % 100 {
                0 => century * 100 + i64::from(century < 0),
                year if century > 0 => (century - 1) * 100 + year,
                year => (century + 1) * 100 - year + 1,
            };
        }
        let year = if before_christ { -self.year } else { self.year };
        if year < 0 { year + 1 } else { year }
    }

    /// The date; its day may be behind the month's end.
    fn date(&self, text: &str) -> Result<Civil> {
        let mut draft = Draft {
            year: i32::try_from(self.full_year()).map_err(|_| beyond(text))?,
            month: 1,
            day: 1,
            has_year: self.year != 0 || self.century != 0,
            has_month: false,
            has_day: false,
        };
        let mut day_of_year = self.day_of_year;
        if self.julian != 0 {
            draft.settle(Civil::of_day(self.julian - EPOCH_JULIAN));
        }
        if self.week != 0 && self.convention == Some(Convention::IsoWeek) {
            let day = if self.weekday == 0 { 0 } else { (self.weekday + 5) % 7 };
            let monday = calendar::first_monday(draft.year) + (self.week - 1) * 7;
            draft.settle(Civil::of_day(monday + day));
        } else if self.week != 0 {
            day_of_year = (self.week - 1) * 7 + 1;
        }
        let day = if self.week_of_month != 0 { (self.week_of_month - 1) * 7 + 1 } else { self.day };
        if day != 0 {
            (draft.day, draft.has_day) = (day, true);
        }
        if self.month != 0 {
            (draft.month, draft.has_month) = (self.month, true);
        }
        if day_of_year != 0 && (draft.month <= 1 || draft.day <= 1) {
            if draft.year == 0 && self.era == 0 {
                return Err(refuse(
                    "cannot calculate day of year without year information".to_owned(),
                    String::new(),
                ));
            }
            if self.convention == Some(Convention::IsoWeek) {
                let first = calendar::first_monday(draft.year);
                draft.settle(Civil::of_day(first + day_of_year - 1));
            } else {
                draft.settle_day_of_year(day_of_year);
            }
        }
        draft.finish().ok_or_else(|| beyond(text))
    }

    /// All of it, or the first thing wrong.
    pub(super) fn moment(&self, text: &str) -> Result<Moment> {
        let hour = self.full_hour()?;
        let date = self.date(text)?;
        let time = self.time(hour, text)?;
        Ok(Moment { date, time, offset: self.zone(text)? })
    }

    /// The hour of 24.
    fn full_hour(&self) -> Result<i64> {
        let hour = given(self.hour, self.seconds_of_day / 3600);
        if !self.twelve_hours {
            return Ok(hour);
        }
        if !(1..=12).contains(&hour) {
            return Err(DataError::TwelveHours { hour }.into());
        }
        Ok(hour % 12 + if self.meridiem == 1 { 12 } else { 0 })
    }

    /// The time of day in microseconds.
    fn time(&self, hour: i64, text: &str) -> Result<i64> {
        let minute = given(self.minute, self.seconds_of_day / 60 % 60);
        let second = given(self.second, self.seconds_of_day % 60);
        let microsecond = self.millisecond * 1000 + self.microsecond;
        let exists = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..SECOND).contains(&microsecond);
        if !exists {
            return Err(beyond(text));
        }
        let clock = Clock {
            hour: hour as i32,
            minute: minute as i32,
            second: second as i32,
            microsecond: microsecond as i32,
        };
        Ok(clock.microseconds())
    }

    /// The offset in seconds, if one was given.
    fn zone(&self, text: &str) -> Result<Option<i64>> {
        if self.zone_sign == 0 {
            return Ok(None);
        }
        if !(0..=15).contains(&self.zone_hours) || !(0..60).contains(&self.zone_minutes) {
            return Err(DataError::ZoneDisplacement { text: text.to_owned() }.into());
        }
        Ok(Some(self.zone_sign * (self.zone_hours * 3600 + self.zone_minutes * 60)))
    }
}
