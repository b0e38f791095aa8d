//! Coercion to a declared length, precision or scale.

use std::sync::Arc;

use super::datetime::{coerce_interval, round_to};
use super::{Array, Datum, Type, text};
use crate::error::Result;

/// Coerces a value of `ty` to `ty.modifier`. An explicit cast cuts text that is too long, an
/// assignment refuses it unless only blanks are lost (22001).
pub fn coerce_length(value: Datum, ty: Type, explicit: bool) -> Result<Datum> {
    if ty.modifier < 0 {
        return Ok(value);
    }
    let coerced = match &value {
        Datum::Text(text) if ty.oid == Type::VARCHAR.oid => {
            text::coerce_varchar(text, ty.modifier, explicit)?
        }
        Datum::Text(text) if ty.oid == Type::BPCHAR.oid => {
            text::coerce_bpchar(text, ty.modifier, explicit)?
        }
        Datum::Numeric(number) => number.coerce(ty.modifier)?.map(Datum::numeric),
        Datum::Time(time) => Some(Datum::Time(round_to(*time, ty.modifier))),
        Datum::Timestamp(time) => Some(Datum::Timestamp(round_to(*time, ty.modifier))),
        Datum::Timestamptz(time) => Some(Datum::Timestamptz(round_to(*time, ty.modifier))),
        Datum::Interval(interval) => Some(Datum::interval(coerce_interval(interval, ty.modifier))),
        Datum::Array(array) => {
            return coerce_array(array, ty, explicit);
        }
        _ => None,
    };
    Ok(coerced.unwrap_or(value))
}

fn coerce_array(array: &Arc<Array>, ty: Type, explicit: bool) -> Result<Datum> {
    // The array's own element type may be what it was before a relabelling.
    let element = ty.element().unwrap_or(array.element_type()).with_modifier(ty.modifier);
    let elements: Result<Vec<Datum>> =
        array.elements.iter().map(|e| coerce_length(e.clone(), element, explicit)).collect();
    Ok(Datum::array(Array {
        element: element.oid,
        dimensions: array.dimensions.clone(),
        elements: elements?,
    }))
}
