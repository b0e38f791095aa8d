//! Arrays: their text form.
//!
//! ```text
//! {1,2,NULL}    {{1,2},{3,4}}    [0:1]={a,"b c"}
//! ```

use bytes::{BufMut, BytesMut};

use super::{Array, Datum, Formats, Oid, Type, VALUE_BYTES_MAX, codec, trim};
use crate::error::{DataError, Result};

/// Dimensions an array may have.
pub(crate) const MOST_DIMENSIONS: usize = 6;

/// Elements an array may have.
pub(crate) const MOST_ELEMENTS: usize = 134_217_727;

impl Array {
    /// One dimension, counted from 1; none when there are no elements.
    pub fn flat(element: Oid, elements: Vec<Datum>) -> Array {
        let dimensions = match i32::try_from(elements.len()) {
            Ok(length) if length > 0 => vec![(length, 1)],
            _ => Vec::new(),
        };
        Array { element, dimensions, elements }
    }

    /// The same array, unless it is larger than a value may be.
    ///
    /// # Errors
    ///
    /// 54000 for more than a gigabyte, each element counted where it stands.
    pub(crate) fn checked(self) -> Result<Array> {
        let mut bytes = 0_usize;
        for element in &self.elements {
            bytes += size_of::<Datum>() / 4 + heap_size(element);
            if bytes > VALUE_BYTES_MAX {
                return Err(bytes_too_large());
            }
        }
        Ok(self)
    }

    /// The type of the elements.
    pub fn element_type(&self) -> Type {
        Type { oid: self.element, modifier: -1 }
    }
}

/// A value as one of a type of the same bits: an array says what its elements are.
pub(crate) fn relabelled(value: Datum, ty: Type) -> Datum {
    match (value, ty.element()) {
        (Datum::Array(array), Some(element)) if array.element != element.oid => {
            Datum::array(Array { element: element.oid, ..(*array).clone() })
        }
        (value, _) => value,
    }
}

/// Reads an array of `element`s.
pub(crate) fn input(text: &str, element: Type, formats: &Formats) -> Result<Array> {
    let mut reader = Reader { text, rest: text, element, formats, elements: Vec::new() };
    let declared = reader.bounds()?;
    if !reader.rest.starts_with('{') {
        let reason = match declared {
            Some(_) => "Array contents must start with \"{\".",
            None => "Array value must start with \"{\" or dimension information.",
        };
        return Err(reader.malformed(reason));
    }
    let mut lengths = Vec::new();
    reader.level(0, &mut lengths)?;
    if !trim(reader.rest).is_empty() {
        return Err(reader.malformed("Junk after closing right brace."));
    }
    if reader.elements.is_empty() {
        return Ok(Array::flat(element.oid, Vec::new()));
    }
    let lengths: Vec<i32> = lengths.iter().map(|length| length.unwrap_or(0) as i32).collect();
    let dimensions = match declared {
        None => lengths.into_iter().map(|length| (length, 1)).collect(),
        Some(bounds) if bounds.iter().map(|bound| bound.0).eq(lengths.iter().copied()) => bounds,
        Some(_) => {
            return Err(reader.malformed("Specified array dimensions do not match array contents."));
        }
    };
    Ok(Array { element: element.oid, dimensions, elements: reader.elements })
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    element: Type,
    formats: &'a Formats,
    elements: Vec<Datum>,
}

impl Reader<'_> {
    fn malformed(&self, reason: impl Into<String>) -> crate::Error {
        DataError::MalformedArray { text: self.text.to_owned(), reason: reason.into() }.into()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(super::is_blank);
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// `[l:u]...=`, as (length, lower bound).
    fn bounds(&mut self) -> Result<Option<Vec<(i32, i32)>>> {
        let mut bounds = Vec::new();
        self.skip_blanks();
        while self.peek() == Some('[') {
            self.advance();
            if bounds.len() == MOST_DIMENSIONS {
                return Err(too_many_dimensions(bounds.len() + 1));
            }
            let first = self.bound()?;
            let (lower, upper) = if self.peek() == Some(':') {
                self.advance();
                (first, self.bound()?)
            } else {
                (1, first)
            };
            if self.advance() != Some(']') {
                return Err(self.malformed("Missing \"]\" after array dimensions."));
            }
            if upper < lower {
                return Err(DataError::ArraySubscript {
                    message: "upper bound cannot be less than lower bound",
                }
                .into());
            }
            let length = i64::from(upper) - i64::from(lower) + 1;
            let too_large = || DataError::TooLarge { message: size_message() };
            let length = i32::try_from(length).map_err(|_| too_large())?;
            check_bound(length, lower)?;
            bounds.push((length, lower));
            self.skip_blanks();
        }
        if bounds.is_empty() {
            return Ok(None);
        }
        if self.advance() != Some('=') {
            return Err(self.malformed("Missing \"=\" after array dimensions."));
        }
        self.skip_blanks();
        Ok(Some(bounds))
    }

    fn bound(&mut self) -> Result<i32> {
        let end = self.rest.find([':', ']']).unwrap_or(self.rest.len());
        let number = self.rest[..end].parse();
        self.rest = &self.rest[end..];
        number.map_err(|_| {
            self.malformed("\"[\" must introduce explicitly-specified array dimensions.")
        })
    }

    /// One pair of braces. `lengths[depth]` is what the first one at this depth had.
    fn level(&mut self, depth: usize, lengths: &mut Vec<Option<usize>>) -> Result<()> {
        self.advance();
        if depth == MOST_DIMENSIONS {
            return Err(too_many_dimensions(depth + 1));
        }
        if lengths.len() == depth {
            lengths.push(None);
        }
        let mut count = 0;
        self.skip_blanks();
        if self.peek() == Some('}') && depth == 0 {
            self.advance();
            return Ok(());
        }
        loop {
            self.skip_blanks();
            self.item(depth, lengths)?;
            count += 1;
            self.skip_blanks();
            match self.advance() {
                Some(',') => {}
                Some('}') => break,
                Some(other) => return Err(self.unexpected(other)),
                None => return Err(self.malformed("Unexpected end of input.")),
            }
        }
        match lengths[depth] {
            Some(length) if length != count => Err(self.ragged()),
            _ => {
                lengths[depth] = Some(count);
                Ok(())
            }
        }
    }

    fn item(&mut self, depth: usize, lengths: &mut Vec<Option<usize>>) -> Result<()> {
        let is_deepest = lengths.len() == depth + 1;
        match self.peek() {
            None => Err(self.malformed("Unexpected end of input.")),
            Some('{') if is_deepest && !self.elements.is_empty() => Err(self.ragged()),
            Some('{') => self.level(depth + 1, lengths),
            Some(_) if !is_deepest => Err(self.ragged()),
            Some(other @ ('}' | ',')) => Err(self.unexpected(other)),
            Some(_) => {
                if self.elements.len() == MOST_ELEMENTS {
                    return Err(DataError::TooLarge { message: size_message() }.into());
                }
                let element = self.element()?;
                self.elements.push(element);
                Ok(())
            }
        }
    }

    fn unexpected(&self, character: char) -> crate::Error {
        self.malformed(format!("Unexpected \"{character}\" character."))
    }

    fn ragged(&self) -> crate::Error {
        self.malformed("Multidimensional arrays must have sub-arrays with matching dimensions.")
    }

    fn element(&mut self) -> Result<Datum> {
        let quoted = self.peek() == Some('"');
        let value = if quoted { self.quoted()? } else { self.bare()? };
        if !quoted && value.eq_ignore_ascii_case("null") {
            return Ok(Datum::Null);
        }
        codec::input(&value, self.element, self.formats)
    }

    fn quoted(&mut self) -> Result<String> {
        self.advance();
        let mut value = String::new();
        loop {
            match self.advance() {
                Some('"') => return Ok(value),
                Some('\\') => value.extend(self.advance()),
                Some(other) => value.push(other),
                None => return Err(self.malformed("Unexpected end of input.")),
            }
        }
    }

    /// Up to the next delimiter, without the blanks at the end that are not escaped.
    fn bare(&mut self) -> Result<String> {
        let mut value = String::new();
        let mut kept = 0;
        loop {
            match self.peek() {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some(',' | '}') => break,
                Some('"') => return Err(self.malformed("Unexpected array element.")),
                Some('{') => return Err(self.unexpected('{')),
                Some('\\') => {
                    self.advance();
                    value.extend(self.advance());
                    kept = value.len();
                }
                Some(other) => {
                    self.advance();
                    value.push(other);
                    if !super::is_blank(other) {
                        kept = value.len();
                    }
                }
            }
        }
        value.truncate(kept);
        Ok(value)
    }
}

pub(crate) fn too_many_dimensions(count: usize) -> crate::Error {
    let message = format!(
        "number of array dimensions ({count}) exceeds the maximum allowed ({MOST_DIMENSIONS})"
    );
    DataError::TooLarge { message }.into()
}

/// Bytes of an element beside its datum.
fn heap_size(element: &Datum) -> usize {
    match element {
        Datum::Text(text) => text.as_bytes().len(),
        Datum::Bytea(bytes) => bytes.as_bytes().len(),
        _ => 0,
    }
}

/// The error of an array of more than a gigabyte.
fn bytes_too_large() -> crate::Error {
    let message = format!("array size exceeds the maximum allowed ({VALUE_BYTES_MAX})");
    DataError::TooLarge { message }.into()
}

/// The error of an array with too many elements.
pub(crate) fn array_too_large() -> crate::Error {
    DataError::TooLarge { message: size_message() }.into()
}

/// Refuses a dimension of which the last subscript, or the one behind it, is no integer.
pub(crate) fn check_bound(length: i32, lower: i32) -> Result<()> {
    if lower.checked_add(length).is_none() {
        let message = format!("array lower bound is too large: {lower}");
        return Err(DataError::TooLarge { message }.into());
    }
    Ok(())
}

pub(crate) fn size_message() -> String {
    format!("array size exceeds the maximum allowed ({MOST_ELEMENTS})")
}

/// Writes an array. Beyond the length of any value it stops: whoever wants more than that fails.
pub(crate) fn output(array: &Array, formats: &Formats, out: &mut BytesMut) {
    if array.elements.is_empty() {
        return out.put_slice(b"{}");
    }
    if array.dimensions.iter().any(|&(_, lower)| lower != 1) {
        for &(length, lower) in &array.dimensions {
            let upper = i64::from(lower) + i64::from(length) - 1;
            out.put_u8(b'[');
            super::integer::output(i64::from(lower), out);
            out.put_u8(b':');
            super::integer::output(upper, out);
            out.put_u8(b']');
        }
        out.put_u8(b'=');
    }
    let mut elements = array.elements.iter();
    output_level(&array.dimensions, &mut elements, array.element_type(), formats, out);
}

fn output_level(
    dimensions: &[(i32, i32)],
    elements: &mut std::slice::Iter<'_, Datum>,
    ty: Type,
    formats: &Formats,
    out: &mut BytesMut,
) {
    let Some((&(length, _), inner)) = dimensions.split_first() else { return };
    out.put_u8(b'{');
    for at in 0..length {
        if out.len() > VALUE_BYTES_MAX {
            return;
        }
        if at > 0 {
            out.put_u8(b',');
        }
        if !inner.is_empty() {
            output_level(inner, elements, ty, formats, out);
        } else if let Some(element) = elements.next() {
            output_element(element, ty, formats, out);
        }
    }
    out.put_u8(b'}');
}

fn output_element(element: &Datum, ty: Type, formats: &Formats, out: &mut BytesMut) {
    if element.is_null() {
        return out.put_slice(b"NULL");
    }
    let start = out.len();
    codec::output(element, ty, formats, out);
    let written = &out[start..];
    let special = |byte: &u8| {
        matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || super::is_blank(char::from(*byte))
    };
    if out.len() > VALUE_BYTES_MAX {
        return;
    }
    if written.is_empty() || written.eq_ignore_ascii_case(b"null") || written.iter().any(special) {
        let written = out.split_off(start);
        out.put_u8(b'"');
        for &byte in written.iter() {
            if matches!(byte, b'"' | b'\\') {
                out.put_u8(b'\\');
            }
            out.put_u8(byte);
        }
        out.put_u8(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str, element: Type) -> String {
        let formats = Formats::default();
        match input(text, element, &formats) {
            Ok(array) => {
                let mut out = BytesMut::new();
                output(&array, &formats, &mut out);
                String::from_utf8(out.to_vec()).unwrap()
            }
            Err(error) => format!("{error} {}", error.fields().detail.unwrap_or_default()),
        }
    }

    #[test]
    fn arrays_read_and_write_as_in_postgresql() {
        for (text, expected) in [
            ("{1, 2,NULL , 3}", "{1,2,NULL,3}"),
            ("{{1,2},{3,4}}", "{{1,2},{3,4}}"),
            ("[0:1]={5,6}", "[0:1]={5,6}"),
            ("[1:2]={5,6}", "{5,6}"),
            (" { } ", "{}"),
            (
                "{1,{2}}",
                "malformed array literal: \"{1,{2}}\" Multidimensional arrays must have sub-arrays with matching dimensions.",
            ),
            ("{1", "malformed array literal: \"{1\" Unexpected end of input."),
            (
                "1",
                "malformed array literal: \"1\" Array value must start with \"{\" or dimension information.",
            ),
            ("{1}x", "malformed array literal: \"{1}x\" Junk after closing right brace."),
            ("{1,}", "malformed array literal: \"{1,}\" Unexpected \"}\" character."),
        ] {
            assert_eq!(round_trip(text, Type::INT4), expected);
        }
        for (text, expected) in [
            (r#"{a,"b c","",null,"null"}"#, r#"{a,"b c","",NULL,"null"}"#),
            (r#"{ a b ,"x\"y\\" , c\,d}"#, r#"{"a b","x\"y\\","c,d"}"#),
        ] {
            assert_eq!(round_trip(text, Type::TEXT), expected);
        }
    }
}
