//! ARRAY[...] and subscripts.

use std::sync::Arc;

use super::comparator;
use super::step::Step;
use crate::error::{ExecutionError, Result};
use crate::exec::Context;
use crate::types::{self, Array, Datum, Oid};

/// ARRAY[...].
pub(super) struct Construct {
    /// Type of the elements.
    pub(super) element: Oid,
    /// Whether the items are arrays themselves, and the result has one more dimension.
    pub(super) nested: bool,
    pub(super) items: Vec<Step>,
}

/// `array[i]...`.
pub(super) struct Subscript {
    pub(super) array: Step,
    pub(super) indices: Vec<Step>,
}

impl Construct {
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let items = self.items.iter_mut().map(|item| item.eval(row, cx));
        let items = items.collect::<Result<Vec<_>>>()?;
        let array = if self.nested {
            stack(self.element, &items)?
        } else {
            Array::flat(self.element, items)
        };
        Ok(Datum::Array(Arc::new(array.checked()?)))
    }
}

/// Arrays of one shape on top of each other.
fn stack(element: Oid, items: &[Datum]) -> Result<Array> {
    let mut shape: Option<&[(i32, i32)]> = None;
    let mut elements = Vec::new();
    let mut layers = 0;
    for item in items {
        let Datum::Array(array) = item else { continue };
        if shape.is_some_and(|shape| shape != array.dimensions) {
            return Err(ExecutionError::ArrayShape.into());
        }
        shape = Some(&array.dimensions);
        elements.extend(array.elements.iter().cloned());
        layers += 1;
    }
    if layers > 0 && layers as usize != items.len() && !elements.is_empty() {
        return Err(ExecutionError::ArrayShape.into());
    }
    if elements.is_empty() {
        return Ok(Array { element, dimensions: Vec::new(), elements });
    }
    let mut dimensions = vec![(layers, 1)];
    dimensions.extend(shape.unwrap_or_default());
    if dimensions.len() > types::MOST_DIMENSIONS {
        return Err(types::too_many_dimensions(dimensions.len()));
    }
    Ok(Array { element, dimensions, elements })
}

impl Subscript {
    /// The element, or NULL outside of the array.
    pub(super) fn eval(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Datum> {
        let array = self.array.eval(row, cx)?;
        let mut offset = Some(0_usize);
        for (dimension, index) in self.indices.iter_mut().enumerate() {
            let Some(index) = comparator::integer(&index.eval(row, cx)?)? else {
                return Ok(Datum::Null);
            };
            let Datum::Array(array) = &array else { continue };
            offset = offset.and_then(|offset| {
                let &(length, lower) = array.dimensions.get(dimension)?;
                let place = index.checked_sub(i64::from(lower))?;
                let place = (0..i64::from(length)).contains(&place).then_some(place as usize)?;
                Some(offset * length as usize + place)
            });
        }
        let Datum::Array(array) = array else { return Ok(Datum::Null) };
        if self.indices.len() != array.dimensions.len() {
            return Ok(Datum::Null);
        }
        Ok(offset.and_then(|offset| array.elements.get(offset)).cloned().unwrap_or(Datum::Null))
    }
}
