//! Values of every type, for property tests.

use std::sync::Arc;

use bigdecimal::num_bigint::BigInt;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::{Array, Datum, Interval, Numeric, Oid, Type, Varlena};

/// Every type that can be stored in a row and in a key.
pub(crate) const STORED: [Type; 23] = [
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::OID,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::VARCHAR,
    Type::BPCHAR,
    Type::NAME,
    Type::BYTEA,
    Type::DATE,
    Type::TIME,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::INTERVAL,
    Type::UUID,
    Type::INT4_ARRAY,
    Type::TEXT_ARRAY,
    Type::NUMERIC_ARRAY,
    Type::REGCLASS,
];

/// Values of a type, NULL among them. Small ones are frequent, so that some are equal.
pub(crate) fn datum(ty: Type) -> BoxedStrategy<Datum> {
    prop_oneof![1 => Just(Datum::Null), 9 => value(ty)].boxed()
}

/// Values of a type, without NULL.
pub(crate) fn value(ty: Type) -> BoxedStrategy<Datum> {
    match ty {
        Type::BOOL => any::<bool>().prop_map(Datum::Bool).boxed(),
        Type::INT2 => any::<i16>().prop_map(Datum::Int2).boxed(),
        Type::INT4 => integer().prop_map(|n| Datum::Int4(n as i32)).boxed(),
        Type::INT8 => integer().prop_map(Datum::Int8).boxed(),
        Type::OID | Type::REGCLASS => integer().prop_map(|n| Datum::Oid(Oid(n as u32))).boxed(),
        Type::FLOAT4 => float().prop_map(|n| Datum::Float4(n as f32)).boxed(),
        Type::FLOAT8 => float().prop_map(Datum::Float8).boxed(),
        Type::NUMERIC => numeric().prop_map(Datum::numeric).boxed(),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => {
            text().prop_map(|text| Datum::text(&text)).boxed()
        }
        Type::BYTEA => prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..9)
            .prop_map(|bytes| Datum::Bytea(Varlena::new(&bytes)))
            .boxed(),
        Type::DATE => integer().prop_map(|n| Datum::Date(n as i32)).boxed(),
        Type::TIME => (0..=86_400_000_000i64).prop_map(Datum::Time).boxed(),
        Type::TIMESTAMP => integer().prop_map(Datum::Timestamp).boxed(),
        Type::TIMESTAMPTZ => integer().prop_map(Datum::Timestamptz).boxed(),
        Type::INTERVAL => interval().prop_map(Datum::interval).boxed(),
        Type::UUID => any::<[u8; 16]>().prop_map(|uuid| Datum::Uuid(Arc::new(uuid))).boxed(),
        _ => array(ty.element().expect("an array type")).boxed(),
    }
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![-3..3i64, any::<i64>(), Just(i64::MAX), Just(i64::MIN), -100_000..100_000i64]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(0.0), Just(-0.0), -2.0..2.0f64]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab ]{0,4}", "[a-zäß\u{1}-\u{1f}]{0,6}"]
}

/// Numbers of any size and scale.
pub(crate) fn numeric() -> impl Strategy<Value = Numeric> {
    let small = (-2000i64..2000, 0..4i64);
    let large = (any::<i128>(), 0..60i64);
    prop_oneof![
        4 => small.prop_map(|(digits, scale)| number(digits, scale)),
        4 => large.prop_map(|(digits, scale)| number(digits, scale)),
        2 => (any::<i128>(), any::<i128>(), 0..90i64)
            .prop_map(|(a, b, scale)| number(BigInt::from(a) * b * 1_000_000, scale)),
        1 => Union::new([Numeric::NaN, Numeric::Infinity, Numeric::NegativeInfinity].map(Just)),
    ]
}

fn number(digits: impl Into<BigInt>, scale: i64) -> Numeric {
    Numeric::new(digits.into(), scale).expect("a number that fits")
}

/// Intervals with parts that may cancel out.
pub(crate) fn interval() -> impl Strategy<Value = Interval> {
    let part = prop_oneof![-3..3i32, any::<i32>()];
    let microseconds = prop_oneof![-3..3i64, any::<i64>(), Just(86_400_000_000)];
    (part.clone(), part, microseconds).prop_map(|(months, days, microseconds)| Interval {
        months,
        days,
        microseconds,
    })
}

fn array(element: Type) -> impl Strategy<Value = Datum> {
    prop::collection::vec(datum(element), 0..5)
        .prop_map(move |elements| Datum::array(Array::flat(element.oid, elements)))
}
