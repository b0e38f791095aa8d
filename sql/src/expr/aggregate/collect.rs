//! Aggregates that keep every value: string_agg and array_agg.

use super::{Accumulator, AggregateFunction, Type, aggregate};
use crate::error::{DataError, Result};
use crate::types::{
    Array, Datum, MOST_DIMENSIONS, MOST_ELEMENTS, Oid, VALUE_BYTES_MAX, Varlena, array_too_large,
    too_many_dimensions,
};

/// string_agg: the delimiter of a row stands before its value, so the first one is not used.
#[derive(Default)]
struct Concatenation(Option<Vec<u8>>);

impl Concatenation {
    fn push(&mut self, value: &[u8], delimiter: &[u8]) -> Result<()> {
        let Some(bytes) = &mut self.0 else {
            self.0 = Some(value.to_vec());
            return Ok(());
        };
        let (holds, more) = (bytes.len(), delimiter.len() + value.len());
        if more > VALUE_BYTES_MAX - holds {
            return Err(DataError::CannotGrow { holds, more }.into());
        }
        bytes.extend_from_slice(delimiter);
        bytes.extend_from_slice(value);
        Ok(())
    }
}

/// string_agg of text.
#[derive(Default)]
struct Texts(Concatenation);

impl Accumulator for Texts {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        if let [Datum::Text(value), delimiter] = args {
            let delimiter = match delimiter {
                Datum::Text(delimiter) => delimiter.as_bytes(),
                _ => b"",
            };
            self.0.push(value.as_bytes(), delimiter)?;
        }
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        // Whole strings one after another are UTF-8.
        let text = |bytes: &Vec<u8>| Datum::text(&String::from_utf8_lossy(bytes));
        Ok(self.0.0.as_ref().map_or(Datum::Null, text))
    }
}

/// string_agg of bytea.
#[derive(Default)]
struct Bytes(Concatenation);

impl Accumulator for Bytes {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        if let [Datum::Bytea(value), delimiter] = args {
            let delimiter = match delimiter {
                Datum::Bytea(delimiter) => delimiter.as_bytes(),
                _ => b"",
            };
            self.0.push(value.as_bytes(), delimiter)?;
        }
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        let bytes = |bytes: &Vec<u8>| Datum::Bytea(Varlena::new(bytes));
        Ok(self.0.0.as_ref().map_or(Datum::Null, bytes))
    }
}

/// array_agg of plain values, NULLs included.
struct Elements {
    element: Oid,
    values: Vec<Datum>,
}

impl Accumulator for Elements {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        if self.values.len() == MOST_ELEMENTS {
            return Err(array_too_large());
        }
        self.values.extend_from_slice(args);
        Ok(())
    }

    fn finish(&self) -> Result<Datum> {
        if self.values.is_empty() {
            return Ok(Datum::Null);
        }
        Array::flat(self.element, self.values.clone()).checked().map(Datum::array)
    }
}

/// Arrays of the same shape as one array with one dimension more.
#[derive(Default)]
pub(crate) struct ArrayStack {
    shape: Option<(Oid, Vec<(i32, i32)>)>,
    count: i32,
    values: Vec<Datum>,
}

impl ArrayStack {
    /// Puts an array on the stack; NULL, an empty one and one of another shape are refused.
    pub(crate) fn push(&mut self, value: &Datum) -> Result<()> {
        let refuse = |message| DataError::ArraySubscript { message };
        let Datum::Array(array) = value else {
            return Err(DataError::NullArgument { message: "cannot accumulate null arrays" }.into());
        };
        match &self.shape {
            None if array.elements.is_empty() => {
                return Err(refuse("cannot accumulate empty arrays").into());
            }
            None if array.dimensions.len() >= MOST_DIMENSIONS => {
                return Err(too_many_dimensions(array.dimensions.len() + 1));
            }
            None => self.shape = Some((array.element, array.dimensions.clone())),
            Some((_, dimensions)) if *dimensions == array.dimensions => {}
            Some(_) => {
                let message = "cannot accumulate arrays of different dimensionality";
                return Err(refuse(message).into());
            }
        }
        if self.values.len() + array.elements.len() > MOST_ELEMENTS {
            return Err(array_too_large());
        }
        self.count += 1;
        self.values.extend_from_slice(&array.elements);
        Ok(())
    }

    /// The stack as an array; NULL when nothing is on it.
    pub(crate) fn array(&self) -> Result<Datum> {
        let Some((element, inner)) = &self.shape else { return Ok(Datum::Null) };
        let mut dimensions = vec![(self.count, 1)];
        dimensions.extend_from_slice(inner);
        let array = Array { element: *element, dimensions, elements: self.values.clone() };
        array.checked().map(Datum::array)
    }
}

/// array_agg of arrays.
impl Accumulator for ArrayStack {
    fn add(&mut self, args: &[Datum]) -> Result<()> {
        self.push(args.first().unwrap_or(&Datum::Null))
    }

    fn finish(&self) -> Result<Datum> {
        self.array()
    }
}

fn start_elements(types: &[Type]) -> Box<dyn Accumulator> {
    let element = types.first().map_or(Type::TEXT.oid, |ty| ty.oid);
    Box::new(Elements { element, values: Vec::new() })
}

pub(super) static AGGREGATES: &[AggregateFunction] = &[
    aggregate(3538, "string_agg", &[Type::TEXT, Type::TEXT], Type::TEXT, |_| {
        Box::new(Texts::default())
    }),
    aggregate(3545, "string_agg", &[Type::BYTEA, Type::BYTEA], Type::BYTEA, |_| {
        Box::new(Bytes::default())
    }),
    aggregate(2335, "array_agg", &[Type::ANYNONARRAY], Type::ANYARRAY, start_elements),
    aggregate(4053, "array_agg", &[Type::ANYARRAY], Type::ANYARRAY, |_| {
        Box::new(ArrayStack::default())
    }),
];
