//! Type names: from sqlparser's tree to a type and its modifier.

use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, ObjectName, ObjectNamePart,
    TimezoneInfo,
};

use crate::error::{Cause, Error, NameError, Result, SyntaxError, TypeError};
use crate::parser::{Source, fold};
use crate::types::{self, Type, catalog};

/// The longest `varchar(n)` and `char(n)`.
const LENGTH_MAX: u64 = 10_485_760;
/// A header's bytes, which PostgreSQL counts in these modifiers.
const HEADER: i32 = 4;

/// PostgreSQL's types that are not here, where they have an entry in no table.
const UNSUPPORTED: &[&str] = &[
    "aclitem",
    "bit",
    "box",
    "cid",
    "cidr",
    "circle",
    "datemultirange",
    "daterange",
    "inet",
    "int2vector",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "nummultirange",
    "numrange",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_node_tree",
    "pg_snapshot",
    "point",
    "polygon",
    "refcursor",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "tid",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "varbit",
    "xid",
    "xid8",
    "xml",
];

/// The type that a type name means.
///
/// # Errors
///
/// 42704 when there is no such type, 22023 for a modifier out of range.
pub fn type_name(name: &DataType, source: &Source) -> Result<Type> {
    let ty = match name {
        DataType::Bool | DataType::Boolean => Type::BOOL,
        DataType::SmallInt(None) | DataType::Int2(None) => Type::INT2,
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => Type::INT4,
        DataType::BigInt(None) | DataType::Int8(None) => Type::INT8,
        DataType::Real | DataType::Float4 => Type::FLOAT4,
        DataType::Float8 | DataType::DoublePrecision => Type::FLOAT8,
        DataType::Float(info) => float(info)?,
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
        DataType::Text => Type::TEXT,
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => varchar(length.as_ref())?,
        DataType::Character(length) | DataType::Char(length) => bpchar(length.as_ref())?,
        DataType::Bytea => Type::BYTEA,
        DataType::Uuid => Type::UUID,
        DataType::Date => Type::DATE,
        DataType::Time(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            precise(Type::TIME, *precision)
        }
        DataType::Timestamp(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            precise(Type::TIMESTAMP, *precision)
        }
        DataType::Timestamp(precision, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            precise(Type::TIMESTAMPTZ, *precision)
        }
        DataType::Interval { fields: None, precision: None } => Type::INTERVAL,
        DataType::Interval { fields, precision } => {
            let words = fields.as_ref().map(ToString::to_string);
            let precision = precision.map(|digits| i32::try_from(digits.min(6)).unwrap_or(6));
            let modifier = types::interval_modifier_of(words.as_deref(), precision);
            let modifier = modifier.ok_or_else(|| SyntaxError::unsupported("interval fields"))?;
            Type::INTERVAL.with_modifier(modifier)
        }
        DataType::Regclass => Type::REGCLASS,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::Qualified(element, _),
        ) => {
            let mut element = element.as_ref();
            // Arrays of arrays are arrays.
            while let DataType::Array(
                ArrayElemTypeDef::SquareBracket(inner, _) | ArrayElemTypeDef::Qualified(inner, _),
            ) = element
            {
                element = inner;
            }
            array_of(type_name(element, source)?)?
        }
        DataType::Custom(name, modifiers) => named(name, modifiers, source)?,
        DataType::SmallInt(Some(_))
        | DataType::Int2(Some(_))
        | DataType::Int(Some(_))
        | DataType::Integer(Some(_))
        | DataType::Int4(Some(_))
        | DataType::BigInt(Some(_))
        | DataType::Int8(Some(_)) => {
            return Err(SyntaxError::Syntax { near: Some("(".to_owned()) }.into());
        }
        _ => {
            let name = name.to_string().to_ascii_lowercase();
            return Err(SyntaxError::unsupported(format!("type {name}")).into());
        }
    };
    Ok(ty)
}

/// Puts an error of a type at the type's position: a modifier where none may stand at itself.
pub fn place_type_error(error: Error, source: &Source, position: Option<u32>) -> Error {
    let is_modifier = matches!(error.cause(), Cause::Syntax(SyntaxError::Syntax { near: Some(near) }) if near == "(");
    error.at(if is_modifier { source.position_after("(", position) } else { position })
}

/// The array type of an element type.
pub(super) fn array_of(element: Type) -> Result<Type> {
    let array = if element.element().is_some() { Some(element) } else { element.array() };
    array
        .map(|array| array.with_modifier(element.modifier))
        .ok_or_else(|| TypeError::NoArrayType { type_name: types::name(element) }.into())
}

fn float(info: &ExactNumberInfo) -> Result<Type> {
    match info {
        ExactNumberInfo::None => Ok(Type::FLOAT8),
        ExactNumberInfo::Precision(0) => Err(TypeError::FloatPrecision { small: true }.into()),
        ExactNumberInfo::Precision(1..=24) => Ok(Type::FLOAT4),
        ExactNumberInfo::Precision(25..=53) => Ok(Type::FLOAT8),
        _ => Err(TypeError::FloatPrecision { small: false }.into()),
    }
}

fn numeric(info: &ExactNumberInfo) -> Result<Type> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(Type::NUMERIC),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    let precision = i64::try_from(precision).unwrap_or(i64::MAX);
    if !(1..=1000).contains(&precision) {
        return Err(TypeError::NumericPrecision { precision }.into());
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(TypeError::NumericScale { scale }.into());
    }
    let (precision, scale) = (i32::try_from(precision), i32::try_from(scale));
    Ok(Type::NUMERIC.with_modifier(types::numeric_modifier_of(
        precision.unwrap_or_default(),
        scale.unwrap_or_default(),
    )))
}

fn length_of(length: &CharacterLength, type_name: &'static str) -> Result<i32> {
    let CharacterLength::IntegerLength { length, unit: None } = length else {
        return Err(SyntaxError::unsupported("a length unit").into());
    };
    match i32::try_from(*length) {
        Ok(0) => Err(TypeError::LengthTooSmall { type_name }.into()),
        Ok(length) if u64::from(length.unsigned_abs()) <= LENGTH_MAX => Ok(length + HEADER),
        _ => Err(TypeError::LengthTooLarge { type_name }.into()),
    }
}

fn varchar(length: Option<&CharacterLength>) -> Result<Type> {
    match length {
        None => Ok(Type::VARCHAR),
        Some(length) => Ok(Type::VARCHAR.with_modifier(length_of(length, "varchar")?)),
    }
}

fn bpchar(length: Option<&CharacterLength>) -> Result<Type> {
    match length {
        None => Ok(Type::BPCHAR.with_modifier(HEADER + 1)),
        Some(length) => Ok(Type::BPCHAR.with_modifier(length_of(length, "char")?)),
    }
}

fn precise(ty: Type, precision: Option<u64>) -> Type {
    // PostgreSQL warns and takes 6 for more.
    precision.map_or(ty, |digits| ty.with_modifier(i32::try_from(digits.min(6)).unwrap_or(6)))
}

/// A type by its name in `pg_type`.
fn named(name: &ObjectName, modifiers: &[String], source: &Source) -> Result<Type> {
    let mut parts = Vec::with_capacity(name.0.len());
    for part in &name.0 {
        let ObjectNamePart::Identifier(ident) = part else {
            return Err(SyntaxError::unsupported("a function as a type name").into());
        };
        parts.push(ident);
    }
    let position = parts.first().and_then(|ident| source.position(ident.span));
    let written = parts.iter().map(|ident| fold(ident)).collect::<Vec<_>>().join(".");
    let undefined = |name: String| Error::from(NameError::UndefinedType { name }).at(position);
    let own = match parts.as_slice() {
        [name] => fold(name),
        [schema, name] if fold(schema) == "pg_catalog" => fold(name),
        _ => return Err(undefined(written)),
    };
    let Some(entry) = catalog::by_name(&own) else {
        if UNSUPPORTED.contains(&own.as_str()) {
            return Err(SyntaxError::unsupported(format!("type {own}")).into());
        }
        return Err(undefined(written));
    };
    if modifiers.is_empty() {
        return Ok(entry.ty());
    }
    let length = modifiers.first().and_then(|text| text.parse().ok());
    let info = length.map(|length| CharacterLength::IntegerLength { length, unit: None });
    match (entry.name, modifiers.len()) {
        ("varchar", 1) => varchar(info.as_ref()),
        ("bpchar", 1) => bpchar(info.as_ref()),
        ("timestamp" | "timestamptz" | "time", 1) => Ok(precise(entry.ty(), length)),
        _ => {
            let error = TypeError::NoModifier { type_name: own };
            Err(Error::from(error).at(position))
        }
    }
}
