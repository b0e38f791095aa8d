//! Names of types as messages and `format_type` print them.

use super::{Type, catalog};

/// The name of a type with its modifier, as `format_type` prints it.
pub fn name(ty: Type) -> String {
    let Some(entry) = catalog::by_oid(ty.oid) else { return "???".to_owned() };
    if ty.modifier < 0 {
        return entry.display.to_owned();
    }
    if let Some(element) = ty.element() {
        return format!("{}[]", name(element));
    }
    match ty.oid {
        oid if oid == Type::VARCHAR.oid => format!("character varying({})", ty.modifier - 4),
        oid if oid == Type::BPCHAR.oid => format!("character({})", ty.modifier - 4),
        oid if oid == Type::NUMERIC.oid => {
            let (precision, scale) = numeric_modifier(ty.modifier);
            format!("numeric({precision},{scale})")
        }
        oid if oid == Type::TIME.oid => format!("time({}) without time zone", ty.modifier),
        oid if oid == Type::TIMESTAMP.oid => {
            format!("timestamp({}) without time zone", ty.modifier)
        }
        oid if oid == Type::TIMESTAMPTZ.oid => format!("timestamp({}) with time zone", ty.modifier),
        oid if oid == Type::INTERVAL.oid => interval_name(ty.modifier),
        _ => entry.display.to_owned(),
    }
}

/// Precision and scale of a numeric's modifier.
pub(crate) fn numeric_modifier(modifier: i32) -> (i32, i32) {
    let packed = modifier - 4;
    let scale = packed & 0x7FF;
    // Eleven bits, signed.
    (packed >> 16 & 0xFFFF, (scale ^ 1024) - 1024)
}

/// The modifier of `numeric(precision, scale)`.
pub fn numeric_modifier_of(precision: i32, scale: i32) -> i32 {
    (precision << 16 | scale & 0x7FF) + 4
}

pub(crate) const INTERVAL_MONTH: i32 = 1 << 1;
pub(crate) const INTERVAL_YEAR: i32 = 1 << 2;
pub(crate) const INTERVAL_DAY: i32 = 1 << 3;
pub(crate) const INTERVAL_HOUR: i32 = 1 << 10;
pub(crate) const INTERVAL_MINUTE: i32 = 1 << 11;
pub(crate) const INTERVAL_SECOND: i32 = 1 << 12;

/// Bits of the fields an interval is restricted to, and what they are called.
const INTERVAL_FIELDS: [(i32, &str); 13] = [
    (INTERVAL_YEAR, "year"),
    (INTERVAL_MONTH, "month"),
    (INTERVAL_DAY, "day"),
    (INTERVAL_HOUR, "hour"),
    (INTERVAL_MINUTE, "minute"),
    (INTERVAL_SECOND, "second"),
    (INTERVAL_YEAR | INTERVAL_MONTH, "year to month"),
    (INTERVAL_DAY | INTERVAL_HOUR, "day to hour"),
    (INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE, "day to minute"),
    (INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND, "day to second"),
    (INTERVAL_HOUR | INTERVAL_MINUTE, "hour to minute"),
    (INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND, "hour to second"),
    (INTERVAL_MINUTE | INTERVAL_SECOND, "minute to second"),
];

/// Every field.
const FULL_RANGE: i32 = 0x7FFF;
/// No precision was given.
const FULL_PRECISION: i32 = 0xFFFF;

/// The fields (None: all) and the precision of an interval's modifier.
pub(crate) fn interval_modifier(modifier: i32) -> (Option<i32>, Option<i32>) {
    let fields = modifier >> 16 & 0x7FFF;
    let precision = modifier & 0xFFFF;
    ((fields != FULL_RANGE).then_some(fields), (precision != FULL_PRECISION).then_some(precision))
}

/// The modifier of an interval restricted to `fields` (`day to second`) and a precision.
pub fn interval_modifier_of(fields: Option<&str>, precision: Option<i32>) -> Option<i32> {
    let fields = match fields {
        None => FULL_RANGE,
        Some(fields) => {
            INTERVAL_FIELDS.iter().find(|(_, name)| name.eq_ignore_ascii_case(fields))?.0
        }
    };
    Some(fields << 16 | precision.unwrap_or(FULL_PRECISION))
}

fn interval_name(modifier: i32) -> String {
    let (fields, precision) = interval_modifier(modifier);
    let fields = fields
        .and_then(|bits| INTERVAL_FIELDS.iter().find(|(known, _)| *known == bits))
        .map_or(String::new(), |(_, name)| format!(" {name}"));
    let precision = precision.map_or(String::new(), |digits| format!("({digits})"));
    format!("interval{fields}{precision}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_format_type() {
        assert_eq!(name(Type::INT4), "integer");
        assert_eq!(name(Type::INT4_ARRAY), "integer[]");
        assert_eq!(name(Type::CHAR), "\"char\"");
        assert_eq!(name(Type::VARCHAR.with_modifier(7)), "character varying(3)");
        assert_eq!(name(Type::BPCHAR.with_modifier(5)), "character(1)");
        assert_eq!(name(Type::NUMERIC.with_modifier(numeric_modifier_of(10, 2))), "numeric(10,2)");
        assert_eq!(name(Type::NUMERIC.with_modifier(numeric_modifier_of(3, -2))), "numeric(3,-2)");
        assert_eq!(name(Type::TIMESTAMPTZ.with_modifier(3)), "timestamp(3) with time zone");
        let interval = interval_modifier_of(Some("DAY TO SECOND"), Some(2)).unwrap();
        assert_eq!(name(Type::INTERVAL.with_modifier(interval)), "interval day to second(2)");
    }
}
