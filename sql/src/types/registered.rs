//! `oid`, and the types that are an OID with a name: `regclass`, `regtype` and the others.

use bytes::{BufMut, BytesMut};

use super::{Formats, Oid, Type, catalog, integer, is_blank, name, trim};
use crate::error::{NameError, Result};

/// Reads a number, or the name that the type gives a meaning.
pub(crate) fn input(text: &str, ty: Type, formats: &Formats) -> Result<Oid> {
    if ty.oid == Type::XID.oid || ty.oid == Type::CID.oid {
        return Ok(Oid(integer::input_transaction(text)));
    }
    if text == "-" && ty != Type::OID {
        return Ok(Oid(0));
    }
    let is_number = trim(text).bytes().all(|byte| byte.is_ascii_digit());
    if ty.oid == Type::REGCLASS.oid && !is_number {
        let found = match &formats.names {
            Some(names) => names.relation_oid(text)?,
            None => None,
        };
        return found.ok_or_else(|| NameError::UndefinedTable { name: text.to_owned() }.into());
    }
    if ty.oid == Type::REGTYPE.oid && !is_number {
        return type_named(text)
            .map(|ty| ty.oid)
            .ok_or_else(|| NameError::UndefinedType { name: text.to_owned() }.into());
    }
    integer::input_oid(text).map(Oid)
}

/// Writes the name where there is one, else the number; `-` for no object.
pub(crate) fn output(value: Oid, ty: Type, formats: &Formats, out: &mut BytesMut) {
    let registered = ty.oid == Type::REGCLASS.oid || ty.oid == Type::REGTYPE.oid;
    if registered && value.0 == 0 {
        return out.put_u8(b'-');
    }
    let found = match ty.oid {
        oid if oid == Type::REGCLASS.oid => {
            formats.names.as_ref().and_then(|names| names.relation_name(value))
        }
        oid if oid == Type::REGTYPE.oid => {
            catalog::by_oid(value).map(|entry| entry.display.to_owned())
        }
        _ => None,
    };
    match found {
        Some(found) => out.put_slice(found.as_bytes()),
        None => integer::output_unsigned(u64::from(value.0), out),
    }
}

/// The type a name means: as SQL writes it or as `pg_type` has it, also of arrays. A modifier
/// is read and dropped.
pub fn type_named(text: &str) -> Option<Type> {
    let text = trim(text);
    let (base, dimensions) = match text.find('[') {
        Some(at) => (text[..at].trim_end_matches(is_blank), &text[at..]),
        None => (text, ""),
    };
    let ty = base_named(base)?;
    if dimensions.is_empty() {
        return Some(ty);
    }
    let brackets = dimensions.bytes().all(|b| matches!(b, b'[' | b']' | b' ' | b'0'..=b'9'));
    brackets.then(|| ty.array()).flatten()
}

fn base_named(text: &str) -> Option<Type> {
    let text = text.strip_prefix("pg_catalog.").unwrap_or(text);
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return catalog::by_name(quoted).map(catalog::TypeEntry::ty);
    }
    let mut words = text.to_ascii_lowercase();
    if let (Some(open), Some(close)) = (words.find('('), words.find(')'))
        && open < close
    {
        words.replace_range(open..=close, " ");
    }
    let words = words.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let alias = match words.as_str() {
        "int" | "integer" => Some(Type::INT4),
        "decimal" | "dec" => Some(Type::NUMERIC),
        "float" => Some(Type::FLOAT8),
        "char" | "character" => Some(Type::BPCHAR),
        "time" => Some(Type::TIME),
        "timestamp" => Some(Type::TIMESTAMP),
        _ => None,
    };
    alias
        .or_else(|| catalog::all().iter().find(|entry| entry.display == words).map(|e| e.ty()))
        .or_else(|| catalog::by_name(&words).map(catalog::TypeEntry::ty))
}

/// What `format_type(oid, modifier)` prints.
pub(crate) fn format_type(oid: Oid, modifier: Option<i32>) -> String {
    let is_bpchar = oid == Type::BPCHAR.oid;
    match modifier {
        // Without a modifier `character` would mean `character(1)`.
        Some(..0) if is_bpchar => "bpchar".to_owned(),
        Some(modifier @ 0..) => name(Type { oid, modifier }),
        _ => name(Type { oid, modifier: -1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_every_name() {
        for (text, expected) in [
            ("int", Type::INT4),
            ("INTEGER", Type::INT4),
            ("int4", Type::INT4),
            ("character varying(3)", Type::VARCHAR),
            ("double precision", Type::FLOAT8),
            ("timestamp(3) with time zone", Type::TIMESTAMPTZ),
            ("text[]", Type::TEXT_ARRAY),
            ("\"char\"", Type::CHAR),
            ("pg_catalog.int8", Type::INT8),
        ] {
            assert_eq!(type_named(text), Some(expected), "{text}");
        }
        assert_eq!(type_named("foo"), None);
    }
}
