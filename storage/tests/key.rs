//! Byte order of keys is the order of their values, in every direction.
#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::cmp::Ordering;

use proptest::prelude::*;
use reckon_storage::key::{self, Order};

const ORDERS: [Order; 4] = [
    Order { ascending: true, nulls_first: true },
    Order { ascending: true, nulls_first: false },
    Order { ascending: false, nulls_first: true },
    Order { ascending: false, nulls_first: false },
];

/// One column of each kind.
#[derive(Clone, Debug)]
enum Column {
    Bool(bool),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U32(u32),
    F32(f32),
    F64(f64),
    Bytes(Vec<u8>),
}

fn encode(column: Option<&Column>, order: Order) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(column) = column else {
        key::append_null(&mut out, order);
        return out;
    };
    key::append_present(&mut out);
    match column {
        Column::Bool(value) => key::append_bool(&mut out, *value, order),
        Column::I16(value) => key::append_i16(&mut out, *value, order),
        Column::I32(value) => key::append_i32(&mut out, *value, order),
        Column::I64(value) => key::append_i64(&mut out, *value, order),
        Column::I128(value) => key::append_i128(&mut out, *value, order),
        Column::U32(value) => key::append_u32(&mut out, *value, order),
        Column::F32(value) => key::append_f32(&mut out, *value, order),
        Column::F64(value) => key::append_f64(&mut out, *value, order),
        Column::Bytes(value) => key::append_bytes(&mut out, value, order),
    }
    out
}

fn decode(like: &Column, input: &mut &[u8], order: Order) -> Column {
    assert!(key::take_present(input, order).unwrap());
    match like {
        Column::Bool(_) => Column::Bool(key::take_bool(input, order).unwrap()),
        Column::I16(_) => Column::I16(key::take_i16(input, order).unwrap()),
        Column::I32(_) => Column::I32(key::take_i32(input, order).unwrap()),
        Column::I64(_) => Column::I64(key::take_i64(input, order).unwrap()),
        Column::I128(_) => Column::I128(key::take_i128(input, order).unwrap()),
        Column::U32(_) => Column::U32(key::take_u32(input, order).unwrap()),
        Column::F32(_) => Column::F32(key::take_f32(input, order).unwrap()),
        Column::F64(_) => Column::F64(key::take_f64(input, order).unwrap()),
        Column::Bytes(_) => Column::Bytes(key::take_bytes(input, order).unwrap().into_owned()),
    }
}

/// PostgreSQL's order: zeros are equal, NaN is equal to itself and above everything.
fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn compare(a: &Column, b: &Column) -> Ordering {
    match (a, b) {
        (Column::Bool(a), Column::Bool(b)) => a.cmp(b),
        (Column::I16(a), Column::I16(b)) => a.cmp(b),
        (Column::I32(a), Column::I32(b)) => a.cmp(b),
        (Column::I64(a), Column::I64(b)) => a.cmp(b),
        (Column::I128(a), Column::I128(b)) => a.cmp(b),
        (Column::U32(a), Column::U32(b)) => a.cmp(b),
        (Column::F32(a), Column::F32(b)) => compare_floats(f64::from(*a), f64::from(*b)),
        (Column::F64(a), Column::F64(b)) => compare_floats(*a, *b),
        (Column::Bytes(a), Column::Bytes(b)) => a.cmp(b),
        _ => unreachable!("columns of one kind are compared"),
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0), Just(1), Just(254), Just(255), any::<u8>()], 0..6)
}

fn pair() -> impl Strategy<Value = (Column, Column)> {
    macro_rules! both {
        ($kind:path, $strategy:expr) => {
            ($strategy, $strategy).prop_map(|(a, b)| ($kind(a), $kind(b))).boxed()
        };
    }
    prop_oneof![
        both!(Column::Bool, any::<bool>()),
        both!(Column::I16, any::<i16>()),
        both!(Column::I32, prop_oneof![any::<i32>(), -3..3]),
        both!(Column::I64, prop_oneof![any::<i64>(), -3i64..3]),
        both!(Column::I128, any::<i128>()),
        both!(Column::U32, any::<u32>()),
        both!(Column::F32, prop_oneof![prop::num::f32::ANY, Just(0.0), Just(-0.0)]),
        both!(Column::F64, prop_oneof![prop::num::f64::ANY, Just(0.0), Just(-0.0)]),
        both!(Column::Bytes, bytes()),
    ]
}

proptest! {
    #[test]
    fn keys_sort_as_their_values((a, b) in pair()) {
        for order in ORDERS {
            let expected = compare(&a, &b);
            let expected = if order.ascending { expected } else { expected.reverse() };
            prop_assert_eq!(encode(Some(&a), order).cmp(&encode(Some(&b), order)), expected);
        }
    }

    #[test]
    fn nulls_sort_where_the_order_says((a, _) in pair()) {
        for order in ORDERS {
            let null_is_first = encode(None, order) < encode(Some(&a), order);
            prop_assert_eq!(null_is_first, order.nulls_first);
            prop_assert!(!key::take_present(&mut &encode(None, order)[..], order).unwrap());
        }
    }

    #[test]
    fn columns_read_back_and_leave_the_next_one((a, b) in pair()) {
        for order in ORDERS {
            let both = [encode(Some(&a), order), encode(Some(&b), order)].concat();
            let mut input = &both[..];
            prop_assert_eq!(compare(&decode(&a, &mut input, order), &a), Ordering::Equal);
            prop_assert_eq!(compare(&decode(&b, &mut input, order), &b), Ordering::Equal);
            prop_assert!(input.is_empty());
        }
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        for order in ORDERS {
            let _ = key::take_present(&mut &bytes[..], order);
            let _ = key::take_bool(&mut &bytes[..], order);
            let _ = key::take_i128(&mut &bytes[..], order);
            let _ = key::take_f64(&mut &bytes[..], order);
            let _ = key::take_bytes(&mut &bytes[..], order);
            let _ = key::take_fixed::<16>(&mut &bytes[..], order);
        }
    }

    #[test]
    fn a_prefix_encloses_its_strings_and_no_other(prefix in bytes(), text in bytes()) {
        for order in ORDERS {
            let (mut lower, mut whole) = (Vec::new(), Vec::new());
            key::append_bytes_prefix(&mut lower, &prefix, order);
            key::append_bytes(&mut whole, &text, order);
            let below_end = key::prefix_end(&lower).is_none_or(|end| whole < end);
            let inside = whole >= lower && below_end;
            prop_assert_eq!(inside, text.starts_with(&prefix));
        }
    }
}

#[test]
fn a_prefix_of_largest_bytes_has_no_end() {
    assert_eq!(key::prefix_end(&[255, 255]), None);
    assert_eq!(key::prefix_end(&[1, 255]), Some(vec![2]));
    assert_eq!(key::prefix_end(&[]), None);
}
