//! Rows as stored: one column is read without the others.
//!
//! ```text
//! (1::int4, NULL::int8, 'ab', 'c')
//! 04 00 | 02 | 01 00 00 00  00 00 00 00 00 00 00 00 | 02 00 03 00 | 61 62 63
//! count  nulls  fixed part                             ends          data
//! ```
//!
//! # Format
//!
//! All integers little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 2 | columns n; bit 15: ends are wide |
//! | ceil(n/8) | bit i set: column i is NULL |
//! | sum of widths | fixed-width columns in order, zeros for a NULL |
//! | 2 or 4 each | end of every other column in the data, 4 when wide |
//! | rest | the data of those columns |
//!
//! # Invariants
//!
//! 1. Where a column stands depends on n and on the types before it only, so columns can be
//!    added at the end: a row with fewer columns than its layout reads the others as missing.
//! 2. Decoding takes any bytes and answers a value or [`DataError::Corrupted`].

mod projection;
mod value;

use crate::catalog::Column;
use crate::error::{DataError, Result};
use crate::types::{Datum, Type};

pub(crate) use projection::Projection;
use value::{Shape, decode_fixed, decode_variable, encode_fixed, encode_variable};

/// Bit of the column count that says ends take four bytes.
const WIDE: u16 = 1 << 15;
/// Bytes of the column count.
const COUNT_BYTES: usize = 2;

/// Where the columns of a table's rows stand.
#[derive(Clone, Debug)]
pub struct Layout {
    columns: Vec<Place>,
    /// The header of a row that has all columns and narrow ends, as nearly all rows do.
    usual: Header,
}

#[derive(Clone, Debug)]
struct Place {
    shape: Shape,
    /// Bytes of the fixed-width columns before this one.
    fixed_before: usize,
    /// Number of the other columns before this one.
    variable_before: usize,
    /// What a row reads here that was written before the column was added.
    missing: Datum,
}

impl Layout {
    /// The layout of a table's columns, dropped ones included.
    pub fn new(columns: &[Column]) -> Layout {
        Layout::of_types(columns.iter().map(|column| column.ty))
    }

    /// The layout of columns of these types.
    pub fn of_types(types: impl IntoIterator<Item = Type>) -> Layout {
        let (mut fixed_before, mut variable_before) = (0, 0);
        let place = |ty: Type| {
            let shape = Shape::of(ty);
            let place = Place { shape, fixed_before, variable_before, missing: Datum::Null };
            match shape.width() {
                Some(width) => fixed_before += width,
                None => variable_before += 1,
            }
            place
        };
        let columns = types.into_iter().map(place).collect::<Vec<_>>();
        let usual =
            Header { count: columns.len(), sizes: Sizes::of(&columns, columns.len(), false) };
        Layout { columns, usual }
    }

    /// Says what rows read in `column` that were written before it was added; NULL else.
    pub fn set_missing(&mut self, column: usize, value: Datum) {
        self.columns[column].missing = value;
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Appends a row. `values` are of the columns' types, one for each column.
    pub fn encode(&self, values: &[Datum], out: &mut Vec<u8>) -> Result<()> {
        debug_assert_eq!(values.len(), self.columns.len());
        let start = out.len();
        if !self.encode_with(values, false, out)? {
            out.truncate(start);
            self.encode_with(values, true, out)?;
        }
        Ok(())
    }

    /// False when the data does not fit narrow ends.
    fn encode_with(&self, values: &[Datum], wide: bool, out: &mut Vec<u8>) -> Result<bool> {
        let start = out.len();
        let count = values.len() as u16 | if wide { WIDE } else { 0 };
        let shape = Sizes::of(&self.columns, values.len(), wide);
        out.extend_from_slice(&count.to_le_bytes());
        out.resize(start + shape.data, 0);
        for (column, (place, value)) in self.columns.iter().zip(values).enumerate() {
            if value.is_null() {
                out[start + COUNT_BYTES + column / 8] |= 1 << (column % 8);
            }
            if let Some(width) = place.shape.width() {
                if !value.is_null() {
                    let at = start + shape.fixed + place.fixed_before;
                    encode_fixed(value, place.shape, &mut out[at..at + width])?;
                }
                continue;
            }
            if !value.is_null() {
                encode_variable(value, out)?;
            }
            let end = out.len() - start - shape.data;
            let at = start + shape.ends + place.variable_before * shape.end_width;
            if wide {
                let end = u32::try_from(end).map_err(|_| too_large())?;
                out[at..at + 4].copy_from_slice(&end.to_le_bytes());
            } else {
                let Ok(end) = u16::try_from(end) else { return Ok(false) };
                out[at..at + 2].copy_from_slice(&end.to_le_bytes());
            }
        }
        Ok(true)
    }

    /// Reads one column.
    pub fn column(&self, row: &[u8], column: usize) -> Result<Datum> {
        let header = Header::read(self, row)?;
        self.read(row, &header, column)
    }

    /// Reads some columns in the given order and appends them.
    pub fn decode(&self, row: &[u8], columns: &[usize], out: &mut Vec<Datum>) -> Result<()> {
        let header = Header::read(self, row)?;
        out.reserve(columns.len());
        for &column in columns {
            out.push(self.read(row, &header, column)?);
        }
        Ok(())
    }

    /// Reads all columns and appends them.
    pub fn decode_all(&self, row: &[u8], out: &mut Vec<Datum>) -> Result<()> {
        let header = Header::read(self, row)?;
        out.reserve(self.columns.len());
        for column in 0..self.columns.len() {
            out.push(self.read(row, &header, column)?);
        }
        Ok(())
    }

    #[inline]
    fn read(&self, row: &[u8], header: &Header, column: usize) -> Result<Datum> {
        self.value(row, header, column).ok_or_else(corrupted)
    }

    /// None: the bytes are not a row.
    #[inline]
    fn value(&self, row: &[u8], header: &Header, column: usize) -> Option<Datum> {
        let place = self.columns.get(column)?;
        if column >= header.count {
            return Some(place.missing.clone());
        }
        let nulls = row.get(COUNT_BYTES + column / 8)?;
        if nulls >> (column % 8) & 1 == 1 {
            return Some(Datum::Null);
        }
        match place.shape.width() {
            Some(width) => {
                let at = header.sizes.fixed + place.fixed_before;
                decode_fixed(row.get(at..at + width)?, place.shape)
            }
            None => variable(row, header, place),
        }
    }
}

/// A column whose size varies.
fn variable(row: &[u8], header: &Header, place: &Place) -> Option<Datum> {
    let ordinal = place.variable_before;
    let from = if ordinal == 0 { 0 } else { header.sizes.end(row, ordinal - 1)? };
    let to = header.sizes.end(row, ordinal)?;
    let bytes = row.get(header.sizes.data..)?.get(from..to)?;
    decode_variable(bytes, place.shape)
}

/// What the first bytes of a row say.
#[derive(Clone, Copy, Debug)]
struct Header {
    count: usize,
    sizes: Sizes,
}

impl Header {
    #[inline]
    fn read(layout: &Layout, row: &[u8]) -> Result<Header> {
        let first = row.first_chunk::<COUNT_BYTES>().ok_or_else(corrupted)?;
        let first = u16::from_le_bytes(*first);
        if usize::from(first) == layout.usual.count {
            return Ok(layout.usual);
        }
        Header::unusual(layout, first)
    }

    /// Of a row with wide ends, or with fewer columns.
    #[cold]
    fn unusual(layout: &Layout, first: u16) -> Result<Header> {
        let count = usize::from(first & !WIDE);
        if count > layout.columns.len() {
            return Err(corrupted());
        }
        Ok(Header { count, sizes: Sizes::of(&layout.columns, count, first & WIDE != 0) })
    }
}

/// Where the parts of a row begin, from its start.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    fixed: usize,
    ends: usize,
    data: usize,
    end_width: usize,
}

impl Sizes {
    /// Of a row that has the first `count` columns.
    fn of(columns: &[Place], count: usize, wide: bool) -> Sizes {
        let (fixed_bytes, variables) = match count.checked_sub(1).map(|last| &columns[last]) {
            None => (0, 0),
            Some(last) => match last.shape.width() {
                Some(width) => (last.fixed_before + width, last.variable_before),
                None => (last.fixed_before, last.variable_before + 1),
            },
        };
        let end_width = if wide { 4 } else { 2 };
        let fixed = COUNT_BYTES + count.div_ceil(8);
        let ends = fixed + fixed_bytes;
        Sizes { fixed, ends, data: ends + variables * end_width, end_width }
    }

    /// End of a variable-length column in the data.
    fn end(&self, row: &[u8], ordinal: usize) -> Option<usize> {
        let bytes = row.get(self.ends + ordinal * self.end_width..)?;
        Some(match self.end_width {
            2 => usize::from(u16::from_le_bytes(*bytes.first_chunk()?)),
            _ => u32::from_le_bytes(*bytes.first_chunk()?) as usize,
        })
    }
}

#[cold]
fn corrupted() -> crate::Error {
    DataError::Corrupted { what: "a row" }.into()
}

fn too_large() -> crate::Error {
    DataError::TooLarge { message: "row is too big".to_owned() }.into()
}

#[cfg(test)]
mod tests;
