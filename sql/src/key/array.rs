//! Arrays in a key: the elements, then what tells two arrays of the same elements apart.

use reckon_mvcc::key::{self, Order};

use super::{append_value, corrupted, decode_value, malformed};
use crate::error::Result;
use crate::types::{Array, Datum, Type};

const END: u8 = 0;
const PRESENT: u8 = 1;
const NULL: u8 = 2;

pub(super) fn append(array: &Array, order: Order, key: &mut Vec<u8>) -> Result<()> {
    let ty = array.element_type();
    for element in &array.elements {
        if element.is_null() {
            key::append_u8(key, NULL, order);
        } else {
            key::append_u8(key, PRESENT, order);
            append_value(element, ty, order, key)?;
        }
    }
    key::append_u8(key, END, order);
    key::append_u8(key, array.dimensions.len() as u8, order);
    for (length, lower) in &array.dimensions {
        key::append_i32(key, *length, order);
        key::append_i32(key, *lower, order);
    }
    Ok(())
}

pub(super) fn decode(element: Type, order: Order, key: &mut &[u8]) -> Result<Array> {
    let mut elements = Vec::new();
    loop {
        match key::take_u8(key, order).map_err(malformed)? {
            END => break,
            NULL => elements.push(Datum::Null),
            PRESENT => elements.push(decode_value(element, order, key)?),
            _ => return Err(corrupted()),
        }
    }
    let count = key::take_u8(key, order).map_err(malformed)?;
    let mut dimensions = Vec::new();
    let mut total = usize::from(count > 0);
    for _ in 0..count {
        let length = key::take_i32(key, order).map_err(malformed)?;
        dimensions.push((length, key::take_i32(key, order).map_err(malformed)?));
        let length = usize::try_from(length).map_err(|_| corrupted())?;
        total = total.checked_mul(length).ok_or_else(corrupted)?;
    }
    if total != elements.len() {
        return Err(corrupted());
    }
    Ok(Array { element: element.oid, dimensions, elements })
}
