//! Days and dates: the proleptic Gregorian calendar.
//!
//! A day is counted from 2000-01-01. Year 0 is 1 BC, year -1 is 2 BC.

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;
/// Microseconds of an hour.
pub(crate) const HOUR: i64 = 3_600_000_000;
/// Microseconds of a minute.
pub(crate) const MINUTE: i64 = 60_000_000;
/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

/// Julian day number of 2000-01-01.
pub(crate) const EPOCH_JULIAN: i64 = 2_451_545;
/// Days from 2000-01-01 back to 1970-01-01.
pub(crate) const UNIX_EPOCH_DAYS: i64 = 10_957;

/// 4713-11-24 BC, Julian day 0: the first date.
pub(crate) const FIRST_DAY: i64 = -EPOCH_JULIAN;
/// Past 5874897-12-31.
const END_DAY: i64 = 2_147_483_494 - EPOCH_JULIAN;

/// 4714-11-24 BC 00:00: the first timestamp.
pub(crate) const FIRST_TIMESTAMP: i64 = -211_813_488_000_000_000;
/// 294277-01-01 00:00: past the last timestamp.
pub(crate) const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;

/// A date of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Civil {
    pub(crate) year: i32,
    pub(crate) month: i32,
    pub(crate) day: i32,
}

/// A time of day; 24:00:00 is the end of the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
    pub(crate) microsecond: i32,
}

impl Civil {
    /// The date of a day.
    pub(crate) fn of_day(day: i64) -> Civil {
        // Eras of 400 years from 0000-03-01, so that the leap day is a year's last.
        let shifted = day + 730_425;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil { year: year as i32, month: month as i32, day: day as i32 }
    }

    /// The day of a date whose month is within 1..=12.
    pub(crate) fn day_number(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = i64::from((self.month + 9) % 12);
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 730_425
    }

    /// 1 for the first of January.
    pub(crate) fn day_of_year(self) -> i64 {
        self.day_number() - Civil { month: 1, day: 1, ..self }.day_number() + 1
    }

    /// Whether the month has this day.
    pub(crate) fn exists(self) -> bool {
        (1..=12).contains(&self.month) && (1..=days_of(self.year, self.month)).contains(&self.day)
    }

    /// The date `months` later; the last day of the month when there is no such day.
    pub(crate) fn plus_months(self, months: i32) -> Option<Civil> {
        let total = i64::from(self.year) * 12 + i64::from(self.month) - 1 + i64::from(months);
        let year = i32::try_from(total.div_euclid(12)).ok()?;
        let month = total.rem_euclid(12) as i32 + 1;
        Some(Civil { year, month, day: self.day.min(days_of(year, month)) })
    }

    /// ISO 8601 week and the year it belongs to.
    pub(crate) fn iso_week(self) -> (i32, i32) {
        let day = self.day_number();
        let year = if day < first_monday(self.year) {
            self.year - 1
        } else if day >= first_monday(self.year + 1) {
            self.year + 1
        } else {
            self.year
        };
        (year, ((day - first_monday(year)) / 7) as i32 + 1)
    }
}

impl Clock {
    /// The time of a number of microseconds within a day.
    pub(crate) fn of_microseconds(time: i64) -> Clock {
        Clock {
            hour: (time / HOUR) as i32,
            minute: (time / MINUTE % 60) as i32,
            second: (time / SECOND % 60) as i32,
            microsecond: (time % SECOND) as i32,
        }
    }

    /// Microseconds since midnight.
    pub(crate) fn microseconds(self) -> i64 {
        i64::from(self.hour) * HOUR
            + i64::from(self.minute) * MINUTE
            + i64::from(self.second) * SECOND
            + i64::from(self.microsecond)
    }
}

/// Days of a month.
pub(crate) fn days_of(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The day on which the first ISO 8601 week of a year begins: it has the 4th of January.
pub(crate) fn first_monday(year: i32) -> i64 {
    let fourth = Civil { year, month: 1, day: 4 }.day_number();
    fourth - i64::from((weekday(fourth) + 6) % 7)
}

/// 0 for Sunday. 2000-01-01 was a Saturday.
pub(crate) fn weekday(day: i64) -> i32 {
    (day + 6).rem_euclid(7) as i32
}

/// Whether a `date` can hold the day.
pub(crate) fn is_date(day: i64) -> bool {
    (FIRST_DAY..END_DAY).contains(&day)
}

/// Whether a `timestamp` can hold the microseconds.
pub(crate) fn is_timestamp(microseconds: i64) -> bool {
    (FIRST_TIMESTAMP..END_TIMESTAMP).contains(&microseconds)
}

/// Splits a timestamp into its date and its time of day.
pub(crate) fn split(microseconds: i64) -> (Civil, Clock) {
    let (day, time) = (microseconds.div_euclid(DAY), microseconds.rem_euclid(DAY));
    (Civil::of_day(day), Clock::of_microseconds(time))
}

/// The timestamp of a date and a time of day, if it can be held.
pub(crate) fn join(date: Civil, time: i64) -> Option<i64> {
    date.day_number().checked_mul(DAY)?.checked_add(time).filter(|t| is_timestamp(*t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for (year, month, day, number) in [
            (2000, 1, 1, 0),
            (1970, 1, 1, -UNIX_EPOCH_DAYS),
            (2000, 2, 29, 59),
            (1999, 12, 31, -1),
            (-4713, 11, 24, FIRST_DAY),
            (5_874_897, 12, 31, END_DAY - 1),
        ] {
            let civil = Civil { year, month, day };
            assert_eq!(civil.day_number(), number);
            assert_eq!(Civil::of_day(number), civil);
        }
        for day in (-3_000_000..3_000_000).step_by(97) {
            assert_eq!(Civil::of_day(day).day_number(), day);
        }
        assert_eq!(Civil { year: -4713, month: 11, day: 24 }.day_number() * DAY, FIRST_TIMESTAMP);
        assert_eq!(Civil { year: 294_277, month: 1, day: 1 }.day_number() * DAY, END_TIMESTAMP);
    }

    #[test]
    fn weeks_are_those_of_iso_8601() {
        let week = |year, month, day| Civil { year, month, day }.iso_week();
        assert_eq!(week(2021, 1, 3), (2020, 53));
        assert_eq!(week(2021, 1, 4), (2021, 1));
        assert_eq!(week(2018, 12, 31), (2019, 1));
    }
}
