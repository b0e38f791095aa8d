//! Text and binary forms by type: where the wire, COPY and casts come in.

use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};

use super::datetime::calendar;
use super::{
    Array, Datum, Family, Formats, Interval, Numeric, Oid, Type, VALUE_BYTES_MAX, Varlena, array,
    boolean, bytea, catalog, coerce_length, datetime, float, integer, record, registered, text,
    uuid,
};
use crate::error::{DataError, Result};

/// Reads the text form of a value of `ty`, coerced to its modifier as an assignment.
pub fn input(text: &str, ty: Type, formats: &Formats) -> Result<Datum> {
    let value = match ty.family() {
        Family::Bool => Datum::Bool(boolean::input(text)?),
        Family::Int2 => Datum::Int2(integer::input(text)?),
        Family::Int4 => Datum::Int4(integer::input(text)?),
        Family::Int8 => Datum::Int8(integer::input(text)?),
        Family::Oid => Datum::Oid(registered::input(text, ty, formats)?),
        Family::Float4 => Datum::Float4(float::input(text)?),
        Family::Float8 => Datum::Float8(float::input(text)?),
        Family::Numeric => Datum::numeric(Numeric::input(text)?),
        Family::Text => match ty.oid {
            oid if oid == Type::CHAR.oid => text::input_char(text),
            oid if oid == Type::NAME.oid => text::input_name(text)?,
            _ => text::input(text)?,
        },
        Family::Bytea => Datum::Bytea(bytea::input(text)?),
        Family::Date => Datum::Date(datetime::date(text, formats)?),
        Family::Time => Datum::Time(datetime::time(text, formats)?),
        Family::Timestamp => Datum::Timestamp(datetime::timestamp(text, formats)?),
        Family::Timestamptz => Datum::Timestamptz(datetime::timestamptz(text, formats)?),
        Family::Interval => Datum::interval(datetime::interval(text, ty.modifier, formats)?),
        Family::Uuid => Datum::Uuid(Arc::new(uuid::input(text)?)),
        Family::Array if is_vector(ty) => input_vector(text, ty)?,
        Family::Array => {
            let element = ty.element().unwrap_or(Type::TEXT);
            return array::input(text, element, formats).map(Datum::array);
        }
        Family::Void => Datum::Void,
        Family::Record => return Err(DataError::AnonymousRecord.into()),
        _ => return Err(no_form("input function", ty)),
    };
    coerce_length(value, ty, false)
}

/// Appends the text form of a value; nothing for NULL.
pub fn output(value: &Datum, ty: Type, formats: &Formats, out: &mut BytesMut) {
    match value {
        Datum::Null | Datum::Void => {}
        Datum::Bool(value) => out.put_slice(boolean::output(*value)),
        Datum::Int2(value) => integer::output(i64::from(*value), out),
        Datum::Int4(value) => integer::output(i64::from(*value), out),
        Datum::Int8(value) => integer::output(*value, out),
        Datum::Oid(value) => registered::output(*value, ty, formats, out),
        Datum::Float4(value) => float::output(*value, formats.extra_float_digits, out),
        Datum::Float8(value) => float::output(*value, formats.extra_float_digits, out),
        Datum::Numeric(value) => value.output(out),
        Datum::Text(value) if ty.oid == Type::CHAR.oid => text::output_char(value, out),
        Datum::Text(value) => out.put_slice(value.as_bytes()),
        Datum::Bytea(value) => bytea::output(value.as_bytes(), formats.bytea_output, out),
        Datum::Date(value) => datetime::output_date(*value, formats, out),
        Datum::Time(value) => datetime::output_time(*value, out),
        Datum::Timestamp(value) => datetime::output_timestamp(*value, formats, out),
        Datum::Timestamptz(value) => datetime::output_timestamptz(*value, formats, out),
        Datum::Interval(value) => datetime::output_interval(value, formats.interval_style, out),
        Datum::Uuid(value) => uuid::output(value, out),
        Datum::Array(value) if is_vector(ty) => output_vector(value, out),
        Datum::Array(value) => array::output(value, formats, out),
        Datum::Record(fields) => record::output(fields, formats, out),
    }
}

/// The text form as a string.
pub fn to_text(value: &Datum, ty: Type, formats: &Formats) -> String {
    let mut out = BytesMut::new();
    output(value, ty, formats, &mut out);
    // Every text form is UTF-8; a value that were not would show as such.
    String::from_utf8_lossy(&out).into_owned()
}

/// [`to_text`] of what may be as long as a value and longer in its text form.
pub(crate) fn checked_text(value: &Datum, ty: Type, formats: &Formats) -> Result<String> {
    if let Datum::Bytea(bytes) = value {
        check_length(bytes.as_bytes().len())?;
    }
    let text = to_text(value, ty, formats);
    check_length(text.len())?;
    Ok(text)
}

/// Refuses a value of that many bytes if it is too long.
pub(crate) fn check_length(bytes: usize) -> Result<()> {
    if bytes > VALUE_BYTES_MAX { Err(DataError::TooManyBytes { bytes }.into()) } else { Ok(()) }
}

/// Reads the binary form of a value of `ty`, coerced to its modifier as an assignment.
pub fn receive(bytes: &[u8], ty: Type) -> Result<Datum> {
    let mut reader = Reader { rest: bytes };
    let value = match ty.family() {
        Family::Bool => Datum::Bool(reader.array::<1>()? != [0]),
        Family::Int2 => Datum::Int2(i16::from_be_bytes(reader.array()?)),
        Family::Int4 => Datum::Int4(i32::from_be_bytes(reader.array()?)),
        Family::Int8 => Datum::Int8(i64::from_be_bytes(reader.array()?)),
        Family::Oid => Datum::Oid(Oid(u32::from_be_bytes(reader.array()?))),
        Family::Float4 => Datum::Float4(f32::from_be_bytes(reader.array()?)),
        Family::Float8 => Datum::Float8(f64::from_be_bytes(reader.array()?)),
        Family::Numeric => Datum::numeric(Numeric::receive(reader.all())?),
        Family::Text => match ty.oid {
            oid if oid == Type::CHAR.oid => text::char_datum(reader.array::<1>()?[0]),
            _ => Datum::text(text::utf8(reader.all())?),
        },
        Family::Bytea => Datum::Bytea(Varlena::new(reader.all())),
        Family::Date => Datum::Date(receive_date(&mut reader)?),
        Family::Time => Datum::Time(receive_time(&mut reader)?),
        Family::Timestamp => Datum::Timestamp(receive_timestamp(&mut reader)?),
        Family::Timestamptz => Datum::Timestamptz(receive_timestamp(&mut reader)?),
        Family::Interval => Datum::interval(Interval {
            microseconds: i64::from_be_bytes(reader.array()?),
            days: reader.i32()?,
            months: reader.i32()?,
        }),
        Family::Uuid => Datum::Uuid(Arc::new(reader.array()?)),
        Family::Array => receive_array(&mut reader, ty)?,
        Family::Void => Datum::Void,
        _ => return Err(no_form("binary input function", ty)),
    };
    if !reader.rest.is_empty() {
        return Err(invalid_binary("incorrect binary data format"));
    }
    coerce_length(value, ty, false)
}

/// As [`receive`] for an `int4` or `int8` of the right length, and None for everything else. Inline, a
/// value so read goes straight to where it is kept.
#[inline]
pub fn receive_integer(bytes: &[u8], ty: Type) -> Option<Datum> {
    match ty.oid {
        oid if oid == Type::INT8.oid => {
            Some(Datum::Int8(i64::from_be_bytes(bytes.try_into().ok()?)))
        }
        oid if oid == Type::INT4.oid => {
            Some(Datum::Int4(i32::from_be_bytes(bytes.try_into().ok()?)))
        }
        _ => None,
    }
}

/// Appends the binary form of a value; nothing for NULL.
pub fn send(value: &Datum, ty: Type, out: &mut BytesMut) {
    match value {
        Datum::Null | Datum::Void => {}
        Datum::Bool(value) => out.put_u8(u8::from(*value)),
        Datum::Int2(value) => out.put_i16(*value),
        Datum::Int4(value) | Datum::Date(value) => out.put_i32(*value),
        Datum::Int8(value)
        | Datum::Time(value)
        | Datum::Timestamp(value)
        | Datum::Timestamptz(value) => out.put_i64(*value),
        Datum::Oid(value) => out.put_u32(value.0),
        Datum::Float4(value) => out.put_f32(*value),
        Datum::Float8(value) => out.put_f64(*value),
        Datum::Numeric(value) => value.send(out),
        Datum::Text(value) if ty.oid == Type::CHAR.oid => out.put_u8(text::char_byte(value)),
        Datum::Text(value) => out.put_slice(value.as_bytes()),
        Datum::Bytea(value) => out.put_slice(value.as_bytes()),
        Datum::Interval(value) => {
            out.put_i64(value.microseconds);
            out.put_i32(value.days);
            out.put_i32(value.months);
        }
        Datum::Uuid(value) => out.put_slice(&value[..]),
        Datum::Array(value) => send_array(value, out),
        Datum::Record(fields) => {
            out.put_i32(fields.len() as i32);
            for field in fields.iter() {
                let ty = field.natural_type();
                out.put_u32(ty.oid.0);
                send_field(field, ty, out);
            }
        }
    }
}

/// A length and the binary form; -1 for NULL.
fn send_field(value: &Datum, ty: Type, out: &mut BytesMut) {
    if value.is_null() {
        return out.put_i32(-1);
    }
    // Whoever wants so much fails.
    if out.len() > VALUE_BYTES_MAX {
        return;
    }
    let start = out.len();
    out.put_i32(0);
    send(value, ty, out);
    let length = i32::try_from(out.len() - start - 4).unwrap_or(-2);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn send_array(array: &Array, out: &mut BytesMut) {
    out.put_i32(array.dimensions.len() as i32);
    out.put_i32(i32::from(array.elements.iter().any(Datum::is_null)));
    out.put_u32(array.element.0);
    for &(length, lower) in &array.dimensions {
        out.put_i32(length);
        out.put_i32(lower);
    }
    let element = array.element_type();
    array.elements.iter().for_each(|value| send_field(value, element, out));
}

fn receive_date(reader: &mut Reader<'_>) -> Result<i32> {
    let day = reader.i32()?;
    if day == i32::MAX || day == i32::MIN || calendar::is_date(i64::from(day)) {
        return Ok(day);
    }
    Err(DataError::DatetimeOutOfRange { type_name: "date" }.into())
}

fn receive_time(reader: &mut Reader<'_>) -> Result<i64> {
    let time = i64::from_be_bytes(reader.array()?);
    if (0..=calendar::DAY).contains(&time) {
        return Ok(time);
    }
    Err(DataError::DatetimeOutOfRange { type_name: "time" }.into())
}

fn receive_timestamp(reader: &mut Reader<'_>) -> Result<i64> {
    let time = i64::from_be_bytes(reader.array()?);
    if time == i64::MAX || time == i64::MIN || calendar::is_timestamp(time) {
        return Ok(time);
    }
    Err(DataError::DatetimeOutOfRange { type_name: "timestamp" }.into())
}

fn receive_array(reader: &mut Reader<'_>, ty: Type) -> Result<Datum> {
    let count = usize::try_from(reader.i32()?)
        .map_err(|_| invalid_binary("invalid number of dimensions: -1"))?;
    if count > array::MOST_DIMENSIONS {
        return Err(array::too_many_dimensions(count));
    }
    if !matches!(reader.i32()?, 0 | 1) {
        return Err(invalid_binary("invalid array flags"));
    }
    let declared = ty.element().unwrap_or(Type::TEXT);
    let element = Oid(u32::from_be_bytes(reader.array()?));
    if element != declared.oid {
        let message = format!(
            "binary data has array element type {element} instead of expected {}",
            declared.oid
        );
        return Err(DataError::WrongElementType { message }.into());
    }
    let mut dimensions = Vec::with_capacity(count);
    let mut total = usize::from(count > 0);
    for _ in 0..count {
        let (length, lower) = (reader.i32()?, reader.i32()?);
        array::check_bound(length, lower)?;
        dimensions.push((length, lower));
        total = usize::try_from(length)
            .ok()
            .and_then(|n| total.checked_mul(n))
            .ok_or_else(|| DataError::TooLarge { message: array::size_message() })?;
    }
    // Every element has at least its length: no allocation beyond what was sent.
    if total > reader.rest.len() / 4 {
        return Err(DataError::BinaryTooShort.into());
    }
    let element = declared.with_modifier(ty.modifier);
    let elements: Result<Vec<Datum>> = (0..total).map(|_| reader.field(element)).collect();
    if total == 0 {
        dimensions.clear();
    }
    Ok(Datum::array(Array { element: declared.oid, dimensions, elements: elements? }))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(DataError::BinaryTooShort)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(DataError::BinaryTooShort)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(self.array::<4>()?.as_slice().get_i32())
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn field(&mut self, ty: Type) -> Result<Datum> {
        match self.i32()? {
            -1 => Ok(Datum::Null),
            length => {
                let length = usize::try_from(length).map_err(|_| DataError::BinaryTooShort)?;
                receive(self.bytes(length)?, ty)
            }
        }
    }
}

/// `int2vector` and `oidvector`: arrays from 0 whose text form has neither braces nor commas.
fn is_vector(ty: Type) -> bool {
    ty.oid == Type::INT2VECTOR.oid || ty.oid == Type::OIDVECTOR.oid
}

fn input_vector(text: &str, ty: Type) -> Result<Datum> {
    let element = ty.element().unwrap_or(Type::OID);
    let words = text.split(super::is_blank).filter(|word| !word.is_empty());
    let elements: Result<Vec<Datum>> =
        words.map(|word| input(word, element, &Formats::default())).collect();
    let elements = elements?;
    let dimensions = vec![(elements.len() as i32, 0)];
    Ok(Datum::array(Array { element: element.oid, dimensions, elements }))
}

fn output_vector(array: &Array, out: &mut BytesMut) {
    for (at, element) in array.elements.iter().enumerate() {
        if at > 0 {
            out.put_u8(b' ');
        }
        match element {
            Datum::Int2(value) => integer::output(i64::from(*value), out),
            Datum::Oid(value) => integer::output_unsigned(u64::from(value.0), out),
            _ => {}
        }
    }
}

fn invalid_binary(message: &str) -> crate::Error {
    DataError::InvalidBinary { message: message.to_owned() }.into()
}

fn no_form(what: &'static str, ty: Type) -> crate::Error {
    let type_name = catalog::by_oid(ty.oid).map_or("???", |entry| entry.display).to_owned();
    DataError::NoForm { what, type_name }.into()
}
