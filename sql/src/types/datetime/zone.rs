//! Time zones: what clocks show, and when.
//!
//! The calendar repeats every 400 years, and so do the rules of a zone in the far future; years
//! beyond what jiff covers are looked up in a year that looks the same.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::abbreviation::{Meaning, meaning};
use super::calendar::{self, Civil, DAY, SECOND, UNIX_EPOCH_DAYS};

/// Microseconds of 400 years.
const CYCLE: i64 = 146_097 * DAY;
/// The years jiff covers, with a margin for offsets.
const KNOWN_YEARS: std::ops::RangeInclusive<i32> = -9990..=9990;

/// What a zone's clocks are set to at some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    /// Seconds east of UTC.
    pub(crate) offset: i32,
    /// `CET`
    pub(crate) abbreviation: String,
    /// Whether it is daylight saving time.
    pub(crate) daylight: bool,
}

/// Moves a time by whole cycles into the years that are known.
fn familiar(microseconds: i64) -> i64 {
    let year = calendar::split(microseconds).0.year;
    if KNOWN_YEARS.contains(&year) {
        return microseconds;
    }
    let near = if year < 0 { -8000 } else { 8000 };
    let cycles = (i64::from(year) - near) / 400;
    microseconds - cycles * CYCLE
}

fn instant(utc: i64) -> Timestamp {
    let unix = familiar(utc) + UNIX_EPOCH_DAYS * DAY;
    Timestamp::from_microsecond(unix).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Seconds east of UTC at a time of UTC.
pub(crate) fn offset_at(zone: &TimeZone, utc: i64) -> i32 {
    if *zone == TimeZone::UTC {
        return 0;
    }
    zone.to_offset(instant(utc)).seconds()
}

/// Everything about a zone's clocks at a time of UTC.
pub(crate) fn setting_at(zone: &TimeZone, utc: i64) -> Setting {
    let info = zone.to_offset_info(instant(utc));
    Setting {
        offset: info.offset().seconds(),
        abbreviation: info.abbreviation().to_owned(),
        daylight: info.dst().is_dst(),
    }
}

/// Seconds east of UTC when the clocks show a local time. In a gap what held before it, in a
/// repeated hour what holds after it.
pub(crate) fn offset_of_local(zone: &TimeZone, local: i64) -> i32 {
    if *zone == TimeZone::UTC {
        return 0;
    }
    let Some(datetime) = datetime(familiar(local)) else { return 0 };
    let offset = match zone.to_ambiguous_timestamp(datetime).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } => before,
        AmbiguousOffset::Fold { after, .. } => after,
    };
    Offset::seconds(offset)
}

fn datetime(local: i64) -> Option<DateTime> {
    let (Civil { year, month, day }, clock) = calendar::split(local);
    DateTime::new(
        i16::try_from(year).ok()?,
        month as i8,
        day as i8,
        clock.hour as i8,
        clock.minute as i8,
        clock.second as i8,
        clock.microsecond * 1000,
    )
    .ok()
}

/// The local time that clocks show at a time of UTC.
pub(crate) fn to_local(zone: &TimeZone, utc: i64) -> i64 {
    utc + i64::from(offset_at(zone, utc)) * SECOND
}

/// The time of UTC when clocks show a local time, if a timestamp can hold it.
pub(crate) fn to_utc(zone: &TimeZone, local: i64) -> Option<i64> {
    let utc = local.checked_sub(i64::from(offset_of_local(zone, local)) * SECOND)?;
    calendar::is_timestamp(utc).then_some(utc)
}

/// Whether clocks have never been and will never be changed.
pub(crate) fn is_fixed(zone: &TimeZone) -> bool {
    zone.following(Timestamp::MIN).next().is_none()
}

/// A zone by its name, or by a POSIX description.
pub(crate) fn named(name: &str) -> Option<TimeZone> {
    match TimeZone::get(name) {
        Ok(zone) => Some(zone),
        Err(_) if name.contains(|c: char| c.is_ascii_digit()) => {
            // The name in front of the offset may be left out.
            let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '<');
            let description = name.to_ascii_uppercase();
            TimeZone::posix(&if named { description } else { format!("XXX{description}") }).ok()
        }
        Err(_) => None,
    }
}

/// A zone by an abbreviation in lower case: seconds east of UTC at a local time, and whether that
/// is daylight saving time.
pub(crate) fn abbreviated(name: &str, local: i64) -> Option<(i32, bool)> {
    match meaning(name)? {
        Meaning::Fixed { seconds, daylight } => Some((seconds, daylight)),
        Meaning::Zone(zone) => {
            let zone = TimeZone::get(zone).ok()?;
            let utc = to_utc(&zone, local).unwrap_or(local);
            let now = setting_at(&zone, utc);
            if now.abbreviation.eq_ignore_ascii_case(name) {
                return Some((now.offset, now.daylight));
            }
            // Not in use then: the last time before, else the first one after.
            let at = instant(utc);
            let mut before = zone
                .preceding(at)
                .map(|t| (t.offset(), t.abbreviation() == name.to_ascii_uppercase(), t.dst()));
            let found = before.find(|(_, same, _)| *same).or_else(|| {
                let mut after = zone
                    .following(at)
                    .map(|t| (t.offset(), t.abbreviation() == name.to_ascii_uppercase(), t.dst()))
                    .take(1000);
                after.find(|(_, same, _)| *same)
            });
            Some(found.map_or((now.offset, now.daylight), |(offset, _, dst)| {
                (offset.seconds(), dst.is_dst())
            }))
        }
    }
}

/// Whether a word in lower case abbreviates a zone.
pub(crate) fn is_abbreviation(name: &str) -> bool {
    meaning(name).is_some()
}

/// What `AT TIME ZONE` names: a zone, an abbreviation, or an offset; as (zone, or fixed offset).
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A zone with rules.
    Zone(TimeZone),
    /// An abbreviation, whose meaning may depend on the time.
    Abbreviation(String),
}

impl Place {
    /// Looks a name up as PostgreSQL does: abbreviations first.
    pub(crate) fn named(name: &str) -> Option<Place> {
        let lower = name.to_ascii_lowercase();
        if is_abbreviation(&lower) {
            return Some(Place::Abbreviation(lower));
        }
        named(name).map(Place::Zone)
    }

    /// Seconds east of UTC at a time of UTC.
    pub(crate) fn offset_at(&self, utc: i64) -> i32 {
        match self {
            Place::Zone(zone) => offset_at(zone, utc),
            Place::Abbreviation(name) => abbreviated(name, utc).map_or(0, |(offset, _)| offset),
        }
    }

    /// Seconds east of UTC when its clocks show a local time.
    pub(crate) fn offset_of_local(&self, local: i64) -> i32 {
        match self {
            Place::Zone(zone) => offset_of_local(zone, local),
            Place::Abbreviation(name) => abbreviated(name, local).map_or(0, |(offset, _)| offset),
        }
    }
}
