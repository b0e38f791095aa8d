//! Checking values and bringing them into canonical form.

use jiff::tz::TimeZone;

use super::level::Level;
use super::table::{Setting, Unit};
use crate::error::{Result, SettingError, SyntaxError};
use crate::types::datetime::zone;

pub(super) fn text(_setting: &Setting, value: &str) -> Result<String> {
    Ok(value.to_owned())
}

/// Facts are set by the server alone, which needs no check.
pub(super) fn read_only_text(_setting: &Setting, value: &str) -> Result<String> {
    Ok(value.to_owned())
}

fn invalid(setting: &Setting, value: &str) -> SettingError {
    SettingError::Invalid { name: setting.name, value: value.to_owned(), words: setting.words }
}

/// PostgreSQL takes any unambiguous beginning of true, false, yes, no, on, off, and 1, 0.
pub(super) fn parse_bool(value: &str) -> Option<bool> {
    let lower = value.trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| lower.len() >= least && word.starts_with(&*lower);
    match () {
        () if begins("true", 1) || begins("yes", 1) || lower == "on" || lower == "1" => Some(true),
        () if begins("false", 1) || begins("no", 1) || begins("off", 2) || lower == "0" => {
            Some(false)
        }
        () => None,
    }
}

pub(super) fn bool_value(setting: &Setting, value: &str) -> Result<String> {
    match parse_bool(value) {
        Some(true) => Ok("on".to_owned()),
        Some(false) => Ok("off".to_owned()),
        None => Err(SettingError::NotBoolean { name: setting.name }.into()),
    }
}

/// One of the setting's words; where they are on and off, any spelling of a Boolean.
pub(super) fn enumeration(setting: &Setting, value: &str) -> Result<String> {
    let wanted = match parse_bool(value) {
        Some(true) if setting.words.contains(&"on") => "on",
        Some(false) if setting.words.contains(&"off") => "off",
        _ => value,
    };
    let found = setting.words.iter().find(|word| word.eq_ignore_ascii_case(wanted));
    found.map(|word| (*word).to_owned()).ok_or_else(|| invalid(setting, value).into())
}

pub(super) fn interval_style(setting: &Setting, value: &str) -> Result<String> {
    enumeration(setting, value)
}

pub(super) fn client_encoding(setting: &Setting, value: &str) -> Result<String> {
    let plain: String =
        value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "utf8" | "unicode" => Ok("UTF8".to_owned()),
        "sqlascii" | "latin1" | "iso88591" | "win1252" | "eucjp" | "sjis" | "big5" | "gbk" => {
            Err(SettingError::UnsupportedEncoding { encoding: value.to_owned() }.into())
        }
        _ => Err(invalid(setting, value).into()),
    }
}

pub(super) fn date_style(_setting: &Setting, value: &str) -> Result<String> {
    let (mut style, mut order) = ("ISO", "MDY");
    for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "iso" => style = "ISO",
            "sql" => style = "SQL",
            "german" => (style, order) = ("German", "DMY"),
            word if word.starts_with("postgres") => style = "Postgres",
            "ymd" => order = "YMD",
            word if word.starts_with("euro") || word == "dmy" => order = "DMY",
            word if word.starts_with("us") || word.starts_with("noneuro") || word == "mdy" => {
                order = "MDY";
            }
            "default" => (style, order) = ("ISO", "MDY"),
            _ => {
                let (value, word) = (value.to_owned(), word.to_owned());
                return Err(SettingError::DateStyleWord { value, word }.into());
            }
        }
    }
    Ok(format!("{style}, {order}"))
}

/// Seconds east of Greenwich of a number of hours, also as SHOW prints it: `<+02>-02`.
fn offset_seconds(value: &str) -> Option<i32> {
    let shown = value.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let Some((east, _)) = shown else {
        let hours = value.parse().ok().filter(|hours: &f64| hours.is_finite())?;
        return Some((hours * 3600.0).round() as i32);
    };
    let (sign, digits) = match east.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, east.strip_prefix('+')?),
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i32>().ok()? * unit;
    }
    Some(sign * seconds)
}

/// How SHOW prints an offset: its name, then the same the other way round, as POSIX counts.
fn shown_offset(seconds: i32) -> String {
    let (hours, minutes, rest) =
        (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    let mut digits = format!("{hours:02}");
    if minutes > 0 || rest > 0 {
        digits.push_str(&format!(":{minutes:02}"));
    }
    if rest > 0 {
        digits.push_str(&format!(":{rest:02}"));
    }
    let (east, west) = if seconds < 0 { ('-', '+') } else { ('+', '-') };
    format!("<{east}{digits}>{west}{digits}")
}

/// The zone of a name, of an offset in hours, or of a POSIX description.
pub(super) fn zone_of(value: &str) -> Option<TimeZone> {
    if let Some(seconds) = offset_seconds(value) {
        return Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?));
    }
    zone::named(value)
}

pub(super) fn time_zone(setting: &Setting, value: &str) -> Result<String> {
    let value = if value.eq_ignore_ascii_case("default") || value.eq_ignore_ascii_case("local") {
        setting.default
    } else {
        value
    };
    let found = zone_of(value).ok_or_else(|| invalid(setting, value))?;
    if let Some(seconds) = offset_seconds(value) {
        return Ok(shown_offset(seconds));
    }
    Ok(found.iana_name().map_or_else(|| value.to_ascii_uppercase(), str::to_owned))
}

/// On, and nothing else: off would change what a string literal means.
pub(super) fn always_on(setting: &Setting, value: &str) -> Result<String> {
    match bool_value(setting, value)?.as_str() {
        "on" => Ok("on".to_owned()),
        _ => Err(SyntaxError::unsupported(format!("{} = off", setting.name)).into()),
    }
}

pub(super) fn isolation(setting: &Setting, value: &str) -> Result<String> {
    match Level::named(value) {
        Some(level) => Ok(level.name().to_owned()),
        None => Err(invalid(setting, value).into()),
    }
}

/// The names in a search path, unquoted.
pub(super) fn path_names(value: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let name = if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            rest = quoted[end + 1..].trim_start();
            quoted[..end].to_owned()
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let name = rest[..end].trim().to_ascii_lowercase();
            rest = &rest[end..];
            name
        };
        names.push(name);
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(names)
}

pub(super) fn search_path(setting: &Setting, value: &str) -> Result<String> {
    match path_names(value) {
        Some(_) => Ok(value.to_owned()),
        None => Err(invalid(setting, value).into()),
    }
}

pub(super) fn integer(setting: &Setting, value: &str) -> Result<String> {
    number(setting, value, &[]).map(|number| number.to_string())
}

/// Units of time with their milliseconds, largest first.
const TIMES: &[(&str, i64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
/// Units of memory with their kilobytes, largest first.
const SIZES: &[(&str, i64)] = &[("TB", 1 << 30), ("GB", 1 << 20), ("MB", 1 << 10), ("kB", 1)];

pub(super) fn milliseconds(setting: &Setting, value: &str) -> Result<String> {
    number(setting, value, TIMES).map(|number| canonical(number, TIMES))
}

pub(super) fn byte_size(setting: &Setting, value: &str) -> Result<String> {
    number(setting, value, SIZES).map(|number| canonical(number, SIZES))
}

/// Milliseconds of a canonical value.
pub(super) fn parse_milliseconds(canonical: &str) -> u64 {
    parse_units(canonical, TIMES).map_or(0, |number| number.max(0) as u64)
}

/// Kilobytes of a canonical value.
pub(super) fn parse_kilobytes(canonical: &str) -> usize {
    parse_units(canonical, SIZES).map_or(0, |number| number.max(0) as usize)
}

fn parse_units(value: &str, units: &[(&str, i64)]) -> Option<i64> {
    let value = value.trim();
    let digits = value.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.'));
    let (digits, unit) = value.split_at(digits.unwrap_or(value.len()));
    let factor = match unit.trim() {
        "" => 1,
        unit => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    let number: f64 = digits.parse().ok()?;
    let scaled = (number * factor as f64).round();
    (scaled.abs() < i64::MAX as f64).then_some(scaled as i64)
}

fn number(setting: &Setting, value: &str, units: &[(&str, i64)]) -> Result<i64> {
    let Some(number) = parse_units(value, units) else {
        return Err(invalid(setting, value).into());
    };
    let (least, most) = setting.range;
    if number < least || number > most {
        let unit = match setting.unit {
            Unit::None => "",
            Unit::Milliseconds => " ms",
            Unit::Kilobytes => " kB",
        };
        let name = setting.name;
        return Err(SettingError::OutOfRange { name, number, unit, least, most }.into());
    }
    Ok(number)
}

/// In the largest unit that divides it.
fn canonical(number: i64, units: &[(&str, i64)]) -> String {
    let fits = |(_, factor): &&(&str, i64)| number != 0 && number % factor == 0;
    match units.iter().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", number / factor),
        None => number.to_string(),
    }
}
