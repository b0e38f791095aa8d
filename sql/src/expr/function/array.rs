//! Functions of arrays.

use std::iter::empty;
use std::sync::Arc;

use super::declare::*;
use super::text::{Building, STEPS_PER_CHECK};
use super::value::{Answer as _, map, map2};
use super::{Call, Function, Rows};
use crate::error::{DataError, Result};
use crate::types::{self, Array, Datum, Oid, Type, TypeOrder};

fn refuse(message: &'static str) -> crate::Error {
    DataError::ArraySubscript { message }.into()
}

fn unsupported(feature: &str) -> crate::Error {
    crate::error::SyntaxError::Unsupported { feature: feature.to_owned() }.into()
}

/// The element type of the array that a call makes.
fn element_of_result(call: &Call<'_>) -> Oid {
    call.result.element().map_or(Type::TEXT.oid, |ty| ty.oid)
}

/// An argument that is an array, or NULL.
fn array_or_null<'a>(call: &Call<'a>, at: usize) -> Result<Option<&'a Array>> {
    if call.args.get(at).is_none_or(Datum::is_null) { Ok(None) } else { call.arg(at).map(Some) }
}

/// Adds one element at an end. NULL counts as an empty array.
fn extended(call: &Call<'_>, array: usize, element: usize, in_front: bool) -> Result<Datum> {
    let value = call.arg::<&Datum>(element)?.clone();
    let Some(old) = array_or_null(call, array)?.filter(|old| !old.elements.is_empty()) else {
        return Ok(Datum::array(Array::flat(element_of_result(call), vec![value])));
    };
    let [(length, lower)] = old.dimensions[..] else {
        return Err(DataError::NotOneDimension.into());
    };
    let out_of_range = DataError::OutOfRange { type_name: "integer" };
    let length = length.checked_add(1).ok_or(out_of_range.clone())?;
    if in_front {
        lower.checked_sub(1).ok_or(out_of_range)?;
    } else {
        types::check_bound(length, lower)?;
    }
    let mut elements = Vec::with_capacity(old.elements.len() + 1);
    if in_front {
        elements.push(value);
        elements.extend_from_slice(&old.elements);
    } else {
        elements.extend_from_slice(&old.elements);
        elements.push(value);
    }
    Array { element: old.element, dimensions: vec![(length, lower)], elements }.datum()
}

/// Two arrays one after the other, or one as a further part of the other.
fn concatenated(call: &mut Call<'_>) -> Result<Datum> {
    let (left, right) = match (array_or_null(call, 0)?, array_or_null(call, 1)?) {
        (Some(left), Some(right)) => (left, right),
        (one, other) => {
            return Ok(one.or(other).map_or(Datum::Null, |array| Datum::array(array.clone())));
        }
    };
    if left.elements.is_empty() {
        return Ok(Datum::array(right.clone()));
    }
    if right.elements.is_empty() {
        return Ok(Datum::array(left.clone()));
    }
    let dimensions =
        joined(&left.dimensions, &right.dimensions).ok_or(DataError::IncompatibleArrays {
            left: left.dimensions.len(),
            right: right.dimensions.len(),
        })?;
    if left.elements.len() + right.elements.len() > types::MOST_ELEMENTS {
        return Err(types::array_too_large());
    }
    let elements = left.elements.iter().chain(&right.elements).cloned().collect();
    dimensions.iter().try_for_each(|(length, lower)| types::check_bound(*length, *lower))?;
    Array { element: left.element, dimensions, elements }.datum()
}

type Dimensions = [(i32, i32)];

fn joined(left: &Dimensions, right: &Dimensions) -> Option<Vec<(i32, i32)>> {
    let grown = |longer: &Dimensions, by: i32| {
        let mut dimensions = longer.to_vec();
        dimensions[0].0 = dimensions[0].0.checked_add(by)?;
        Some(dimensions)
    };
    match (left.len(), right.len()) {
        (a, b) if a == b && left[1..] == right[1..] => grown(left, right[0].0),
        (a, b) if a == b + 1 && left[1..] == *right => grown(left, 1),
        (a, b) if b == a + 1 && *left == right[1..] => grown(right, 1),
        _ => None,
    }
}

/// (length, lower bound) of a dimension counted from 1.
fn dimension(array: &Array, number: i32) -> Option<(i32, i32)> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    array.dimensions.get(at).copied()
}

fn dimensions_text(array: &Array) -> Option<String> {
    let part = |(length, lower): &(i32, i32)| {
        format!("[{lower}:{}]", i64::from(*lower) + i64::from(*length) - 1)
    };
    (!array.dimensions.is_empty()).then(|| array.dimensions.iter().map(part).collect())
}

/// The elements' text forms with a delimiter between; NULLs are left out or written as `null`.
fn to_string(call: &mut Call<'_>) -> Result<Datum> {
    let [Datum::Array(array), Datum::Text(delimiter), rest @ ..] = call.args else {
        return Ok(Datum::Null);
    };
    let null = match rest.first() {
        Some(Datum::Text(null)) => Some(null.as_str()),
        _ => None,
    };
    let formats = call.environment.formats();
    let mut out = Building::default();
    let mut is_first = true;
    for element in &array.elements {
        let text = match (element, null) {
            (Datum::Null, None) => continue,
            (Datum::Null, Some(null)) => null.to_owned(),
            (value, _) => types::checked_text(value, array.element_type(), formats)?,
        };
        if !std::mem::replace(&mut is_first, false) {
            out.push(delimiter.as_str())?;
        }
        out.push(&text)?;
    }
    Ok(Datum::text(out.text()))
}

fn unnest(call: &mut Call<'_>) -> Result<Rows> {
    let Datum::Array(array) = call.arg::<&Datum>(0)? else { return Ok(Box::new(empty())) };
    let array = Arc::clone(array);
    Ok(Box::new((0..array.elements.len()).map(move |at| Ok(array.elements[at].clone()))))
}

/// Equality of elements for searching: NULL finds NULL.
fn finder(array: &Array) -> impl Fn(&Datum, &Datum) -> bool {
    let equal = TypeOrder::of(array.element_type()).equal;
    move |a, b| match (a.is_null(), b.is_null()) {
        (false, false) => equal(a, b),
        (a, b) => a && b,
    }
}

/// The subscripts where an element stands.
fn positions<'a>(array: &'a Array, wanted: &'a Datum) -> impl Iterator<Item = i32> + 'a {
    let lower = array.dimensions.first().map_or(1, |(_, lower)| *lower);
    let same = finder(array);
    let found = array.elements.iter().enumerate().filter(move |(_, element)| same(element, wanted));
    found.map(move |(at, _)| lower.wrapping_add(at as i32))
}

fn position(call: &mut Call<'_>) -> Result<Datum> {
    let Some(array) = array_or_null(call, 0)? else { return Ok(Datum::Null) };
    if array.dimensions.len() > 1 {
        return Err(unsupported("searching for elements in multidimensional arrays"));
    }
    let from = match call.args.get(2) {
        None => i32::MIN,
        Some(Datum::Null) => {
            return Err(
                DataError::NullArgument { message: "initial position must not be null" }.into()
            );
        }
        Some(_) => call.arg(2)?,
    };
    let mut found = positions(array, call.arg(1)?);
    Ok(found.find(|at| *at >= from).map_or(Datum::Null, Datum::Int4))
}

fn all_positions(call: &mut Call<'_>) -> Result<Datum> {
    let Some(array) = array_or_null(call, 0)? else { return Ok(Datum::Null) };
    if array.dimensions.len() > 1 {
        return Err(unsupported("searching for elements in multidimensional arrays"));
    }
    let found = positions(array, call.arg(1)?).map(Datum::Int4).collect();
    Ok(Datum::array(Array::flat(Type::INT4.oid, found)))
}

fn removed(call: &mut Call<'_>) -> Result<Datum> {
    let Some(array) = array_or_null(call, 0)? else { return Ok(Datum::Null) };
    if array.dimensions.len() > 1 {
        return Err(unsupported("removing elements from multidimensional arrays"));
    }
    let wanted: &Datum = call.arg(1)?;
    let same = finder(array);
    let kept: Vec<Datum> =
        array.elements.iter().filter(|element| !same(element, wanted)).cloned().collect();
    let lower = array.dimensions.first().map_or(1, |(_, lower)| *lower);
    let mut result = Array::flat(array.element, kept);
    if let Some(dimension) = result.dimensions.first_mut() {
        dimension.1 = lower;
    }
    Ok(Datum::array(result))
}

fn replaced(call: &mut Call<'_>) -> Result<Datum> {
    let Some(array) = array_or_null(call, 0)? else { return Ok(Datum::Null) };
    let (from, to): (&Datum, &Datum) = (call.arg(1)?, call.arg(2)?);
    let same = finder(array);
    let turned = |element: &Datum| if same(element, from) { to.clone() } else { element.clone() };
    Array {
        element: array.element,
        dimensions: array.dimensions.clone(),
        elements: array.elements.iter().map(turned).collect(),
    }
    .datum()
}

/// Whether an element that is not NULL is in the array.
fn has(array: &Array, wanted: &Datum) -> bool {
    let equal = TypeOrder::of(array.element_type()).equal;
    !wanted.is_null()
        && array.elements.iter().any(|element| !element.is_null() && equal(element, wanted))
}

/// Whether an array has all of the elements of another one, or any.
fn shared(call: &Call<'_>, array: &Array, parts: &Array, all: bool) -> Result<Datum> {
    let mut steps = 0;
    for part in &parts.elements {
        if has(array, part) != all {
            return Ok(Datum::Bool(!all));
        }
        steps += array.elements.len();
        if steps > STEPS_PER_CHECK {
            call.check()?;
            steps = 0;
        }
    }
    Ok(Datum::Bool(all))
}

/// An array of one value: its lengths, and its lower bounds when they are given.
fn filled(call: &mut Call<'_>) -> Result<Datum> {
    let null =
        || DataError::NullArgument { message: "dimension array or low bound array cannot be null" };
    let lengths = array_or_null(call, 1)?.ok_or_else(null)?;
    let numbers = |array: &Array| -> Result<Vec<i32>> {
        let number = |element: &Datum| match element {
            Datum::Int4(number) => Ok(*number),
            _ => Err(DataError::NullArgument { message: "dimension values cannot be null" }.into()),
        };
        array.elements.iter().map(number).collect()
    };
    let lengths = numbers(lengths)?;
    let lowers = match call.args.get(2) {
        None => vec![1; lengths.len()],
        Some(_) => numbers(array_or_null(call, 2)?.ok_or_else(null)?)?,
    };
    if lowers.len() != lengths.len() {
        return Err(refuse("wrong number of array subscripts"));
    }
    let mut total = 1usize;
    for length in &lengths {
        let length = usize::try_from(*length).map_err(|_| types::array_too_large())?;
        total = total
            .checked_mul(length)
            .filter(|n| *n <= types::MOST_ELEMENTS)
            .ok_or_else(types::array_too_large)?;
    }
    if total == 0 || lengths.is_empty() {
        return Ok(Datum::array(Array::flat(element_of_result(call), Vec::new())));
    }
    let dimensions: Vec<(i32, i32)> = lengths.into_iter().zip(lowers).collect();
    dimensions.iter().try_for_each(|(length, lower)| types::check_bound(*length, *lower))?;
    let elements = vec![call.arg::<&Datum>(0)?.clone(); total];
    Array { element: element_of_result(call), dimensions, elements }.datum()
}

/// Without its last elements.
fn trimmed(array: &Array, count: i32) -> Result<Array> {
    let length = array.dimensions.first().map_or(0, |(length, _)| *length);
    let Some(kept) = length.checked_sub(count).filter(|_| (0..=length).contains(&count)) else {
        return Err(DataError::TrimOutOfRange { most: length }.into());
    };
    if kept == 0 {
        return Ok(Array::flat(array.element, Vec::new()));
    }
    let each = array.elements.len() / length as usize;
    let mut dimensions = array.dimensions.clone();
    for dimension in &mut dimensions {
        dimension.1 = 1;
    }
    dimensions[0].0 = kept;
    let elements = array.elements[..each * kept as usize].to_vec();
    Ok(Array { element: array.element, dimensions, elements })
}

fn subscripts(call: &mut Call<'_>) -> Result<Rows> {
    let (array, number): (&Array, i32) = (call.arg(0)?, call.arg(1)?);
    let backwards = call.optional(2)?.unwrap_or(false);
    let (length, lower) = dimension(array, number).unwrap_or((0, 1));
    let numbers = (0..length).map(move |at| {
        let at = if backwards { length - 1 - at } else { at };
        Ok(Datum::Int4(lower.wrapping_add(at)))
    });
    Ok(Box::new(numbers))
}

/// How many arguments are NULL, or are not.
fn count(call: &Call<'_>, nulls: bool) -> Result<Datum> {
    let count = call.args.iter().filter(|value| value.is_null() == nulls).count();
    Ok(Datum::Int4(count as i32))
}

pub(super) static FUNCTIONS: &[Function] = &[
    immutable(
        378,
        "array_append",
        &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE],
        ANYCOMPATIBLEARRAY,
        |call| extended(call, 0, 1, false),
    )
    .takes_nulls(),
    immutable(
        379,
        "array_prepend",
        &[ANYCOMPATIBLE, ANYCOMPATIBLEARRAY],
        ANYCOMPATIBLEARRAY,
        |call| extended(call, 1, 0, true),
    )
    .takes_nulls(),
    immutable(
        383,
        "array_cat",
        &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLEARRAY],
        ANYCOMPATIBLEARRAY,
        concatenated,
    )
    .takes_nulls(),
    immutable(2176, "array_length", &[ANYARRAY, INT4], INT4, |call| {
        map2(call, |a: &Array, n: i32| dimension(a, n).map(|d| d.0))
    }),
    immutable(2091, "array_lower", &[ANYARRAY, INT4], INT4, |call| {
        map2(call, |a: &Array, n: i32| dimension(a, n).map(|d| d.1))
    }),
    immutable(2092, "array_upper", &[ANYARRAY, INT4], INT4, |call| {
        map2(call, |a: &Array, n: i32| {
            dimension(a, n).map(|(length, lower)| lower.wrapping_add(length - 1))
        })
    }),
    immutable(748, "array_ndims", &[ANYARRAY], INT4, |call| {
        map(call, |a: &Array| (!a.dimensions.is_empty()).then_some(a.dimensions.len()))
    }),
    immutable(747, "array_dims", &[ANYARRAY], TEXT, |call| map(call, dimensions_text)),
    immutable(3179, "cardinality", &[ANYARRAY], INT4, |call| {
        map(call, |a: &Array| a.elements.len())
    }),
    stable(395, "array_to_string", &[ANYARRAY, TEXT], TEXT, to_string),
    stable(384, "array_to_string", &[ANYARRAY, TEXT, TEXT], TEXT, to_string).takes_nulls(),
    set(2331, "unnest", &[ANYARRAY], ANYELEMENT, unnest),
    immutable(3277, "array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], INT4, position)
        .takes_nulls(),
    immutable(3278, "array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, INT4], INT4, position)
        .takes_nulls(),
    immutable(
        3279,
        "array_positions",
        &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE],
        INT4_ARRAY,
        all_positions,
    )
    .takes_nulls(),
    immutable(
        3167,
        "array_remove",
        &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE],
        ANYCOMPATIBLEARRAY,
        removed,
    )
    .takes_nulls(),
    immutable(
        3168,
        "array_replace",
        &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, ANYCOMPATIBLE],
        ANYCOMPATIBLEARRAY,
        replaced,
    )
    .takes_nulls(),
    immutable(2748, "arraycontains", &[ANYARRAY, ANYARRAY], BOOL, |call| {
        shared(call, call.arg(0)?, call.arg(1)?, true)
    }),
    immutable(2749, "arraycontained", &[ANYARRAY, ANYARRAY], BOOL, |call| {
        shared(call, call.arg(1)?, call.arg(0)?, true)
    }),
    immutable(2747, "arrayoverlap", &[ANYARRAY, ANYARRAY], BOOL, |call| {
        shared(call, call.arg(0)?, call.arg(1)?, false)
    }),
    immutable(1193, "array_fill", &[ANYELEMENT, INT4_ARRAY], ANYARRAY, filled).takes_nulls(),
    immutable(1286, "array_fill", &[ANYELEMENT, INT4_ARRAY, INT4_ARRAY], ANYARRAY, filled)
        .takes_nulls(),
    immutable(6172, "trim_array", &[ANYARRAY, INT4], ANYARRAY, |call| map2(call, trimmed)),
    set(1192, "generate_subscripts", &[ANYARRAY, INT4], INT4, subscripts),
    set(1191, "generate_subscripts", &[ANYARRAY, INT4, BOOL], INT4, subscripts),
    immutable(438, "num_nulls", &[ANY], INT4, |call| count(call, true)).takes_nulls().variadic(),
    immutable(440, "num_nonnulls", &[ANY], INT4, |call| count(call, false))
        .takes_nulls()
        .variadic(),
];
