//! Some columns of a layout, as a scan reads them from row after row.
//!
//! Nearly all rows have every column, narrow ends and no NULL. In such a *plain* row each column
//! stands where it stands in all of them, so that nothing of the layout is looked at again: one
//! comparison of the row's first bytes says that it is plain. Any other row is read column by
//! column as [`Layout`] does.
//!
//! # Invariants
//!
//! 1. A plain row and its columns read the same through [`Layout::column`].

use super::value::{Shape, decode_fixed, decode_variable};
use super::{COUNT_BYTES, Header, Layout, corrupted};
use crate::error::Result;
use crate::types::{Datum, Family};

/// Columns to read, in order.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    layout: Layout,
    /// Of each column, its position in the layout.
    columns: Vec<usize>,
    /// Of each column, its place in a plain row.
    places: Vec<Place>,
    head: Head,
}

/// How a plain row begins.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Its first bytes, little-endian, as far as `mask` has bits.
    word: u64,
    mask: u64,
    /// End of the null bitmap.
    end: usize,
}

/// Where a column stands in a plain row.
#[derive(Clone, Copy, Debug)]
enum Place {
    Int4(usize),
    Int8(usize),
    Fixed {
        at: usize,
        width: usize,
        shape: Shape,
    },
    /// The end of its data stands at `end`, its beginning two bytes before that or, for the
    /// first of its kind, at the beginning of the data.
    Variable {
        end: usize,
        first: bool,
        shape: Shape,
    },
}

/// A row, and whether it is plain.
pub(crate) struct Opened<'r> {
    projection: &'r Projection,
    bytes: &'r [u8],
    /// None: the row is plain.
    header: Option<Header>,
}

impl Projection {
    /// `columns` are positions in the layout.
    pub(crate) fn new(layout: Layout, columns: &[usize]) -> Projection {
        let sizes = layout.usual.sizes;
        let place = |column: &usize| {
            let place = &layout.columns[*column];
            let at = sizes.fixed + place.fixed_before;
            match (place.shape.family(), place.shape.width()) {
                (Family::Int4, _) => Place::Int4(at),
                (Family::Int8, _) => Place::Int8(at),
                (_, Some(width)) => Place::Fixed { at, width, shape: place.shape },
                (_, None) => Place::Variable {
                    end: sizes.ends + place.variable_before * sizes.end_width,
                    first: place.variable_before == 0,
                    shape: place.shape,
                },
            }
        };
        let places = columns.iter().map(place).collect();
        let bits = sizes.fixed.min(8) * 8;
        let head = Head {
            word: layout.usual.count as u64,
            mask: u64::MAX >> (64 - bits),
            end: sizes.fixed,
        };
        Projection { columns: columns.to_vec(), places, head, layout }
    }

    /// Looks at a row's first bytes.
    #[inline]
    pub(crate) fn open<'r>(&'r self, bytes: &'r [u8]) -> Result<Opened<'r>> {
        let header =
            if self.is_plain(bytes) { None } else { Some(Header::read(&self.layout, bytes)?) };
        Ok(Opened { projection: self, bytes, header })
    }

    /// Appends the columns of a row.
    #[inline]
    pub(crate) fn decode(&self, bytes: &[u8], row: &mut Vec<Datum>) -> Result<()> {
        if !self.is_plain(bytes) {
            return self.layout.decode(bytes, &self.columns, row);
        }
        row.reserve(self.places.len());
        for place in &self.places {
            match *place {
                Place::Int4(at) => {
                    let Some(bytes) = chunk(bytes, at) else { return Err(corrupted()) };
                    row.push(Datum::Int4(i32::from_le_bytes(*bytes)));
                }
                Place::Int8(at) => {
                    let Some(bytes) = chunk(bytes, at) else { return Err(corrupted()) };
                    row.push(Datum::Int8(i64::from_le_bytes(*bytes)));
                }
                _ => self.push_plain(bytes, place, row)?,
            }
        }
        Ok(())
    }

    /// Apart from [`decode`](Self::decode), whose integers need no copy on the way.
    #[inline(never)]
    fn push_plain(&self, bytes: &[u8], place: &Place, row: &mut Vec<Datum>) -> Result<()> {
        row.push(self.plain(bytes, place).ok_or_else(corrupted)?);
        Ok(())
    }

    #[inline]
    fn is_plain(&self, bytes: &[u8]) -> bool {
        let Some(first) = bytes.first_chunk::<8>() else { return false };
        u64::from_le_bytes(*first) & self.head.mask == self.head.word
            && (self.head.end <= 8
                || bytes.get(8..self.head.end).is_some_and(|rest| rest.iter().all(|b| *b == 0)))
    }

    /// A column of a plain row. None: the bytes are not a row.
    fn plain(&self, bytes: &[u8], place: &Place) -> Option<Datum> {
        match *place {
            Place::Int4(at) => Some(Datum::Int4(i32::from_le_bytes(*chunk(bytes, at)?))),
            Place::Int8(at) => Some(Datum::Int8(i64::from_le_bytes(*chunk(bytes, at)?))),
            Place::Fixed { at, width, shape } => decode_fixed(bytes.get(at..at + width)?, shape),
            Place::Variable { end, first, shape } => {
                let read = |at| Some(usize::from(u16::from_le_bytes(*chunk(bytes, at)?)));
                let from = if first { 0 } else { read(end - COUNT_BYTES)? };
                let data = bytes.get(self.layout.usual.sizes.data..)?;
                decode_variable(data.get(from..read(end)?)?, shape)
            }
        }
    }
}

impl Opened<'_> {
    /// Reads the column at a position of the projection.
    #[inline]
    pub(crate) fn column(&self, position: usize) -> Result<Datum> {
        let Projection { layout, columns, places, .. } = self.projection;
        match &self.header {
            None => self.projection.plain(self.bytes, &places[position]).ok_or_else(corrupted),
            Some(header) => layout.read(self.bytes, header, columns[position]),
        }
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}
