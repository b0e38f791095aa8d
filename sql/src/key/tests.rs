//! Keys sort as their values do, and come back as they went in.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::types::{Numeric, TypeOrder, arbitrary, equal};

fn orders() -> impl Strategy<Value = IndexOrder> {
    (any::<bool>(), any::<bool>())
        .prop_map(|(descending, nulls_first)| IndexOrder { descending, nulls_first })
}

/// A type, an order and two values of the type.
fn pairs() -> impl Strategy<Value = (Type, IndexOrder, Datum, Datum)> {
    let ty = (0..arbitrary::STORED.len()).prop_map(|at| arbitrary::STORED[at]);
    (ty, orders()).prop_flat_map(|(ty, order)| {
        (Just(ty), Just(order), arbitrary::datum(ty), arbitrary::datum(ty))
    })
}

fn encoded(value: &Datum, ty: Type, order: IndexOrder) -> Vec<u8> {
    let mut key = Vec::new();
    append(value, ty, order, &mut key).expect("a type with an order");
    key
}

/// The order that the column asks for.
fn expected(ty: Type, order: IndexOrder, a: &Datum, b: &Datum) -> Ordering {
    let nulls = |first: Ordering| if order.nulls_first { first } else { first.reverse() };
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => nulls(Ordering::Less),
        (false, true) => nulls(Ordering::Greater),
        (false, false) => {
            let ascending = (TypeOrder::of(ty).compare)(a, b);
            if order.descending { ascending.reverse() } else { ascending }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn keys_sort_as_values((ty, order, a, b) in pairs()) {
        let (left, right) = (encoded(&a, ty, order), encoded(&b, ty, order));
        prop_assert_eq!(left.cmp(&right), expected(ty, order, &a, &b), "{:?} {:?}", a, b);
        if left != right {
            prop_assert!(!left.starts_with(&right) && !right.starts_with(&left));
        }
    }

    #[test]
    fn keys_decode_to_equal_values((ty, order, a, b) in pairs()) {
        let mut key = encoded(&a, ty, order);
        let first = key.len();
        append(&b, ty, order, &mut key).unwrap();
        prop_assert_eq!(skip(ty, order, &key).unwrap(), first);
        let mut rest = &key[..];
        for value in [&a, &b] {
            let read = decode(ty, order, &mut rest).unwrap();
            prop_assert!((TypeOrder::of(ty).equal)(&read, value), "{read:?} {value:?}");
            if is_exact(ty) {
                prop_assert!(equal(&read, value));
                prop_assert_eq!(format!("{read:?}"), format!("{value:?}"));
            }
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn damaged_keys_never_panic((ty, order, a, _) in pairs(), bytes: Vec<u8>, at: u8, cut: u8) {
        let mut key = encoded(&a, ty, order);
        let at = usize::from(at) % key.len();
        key.splice(at.., bytes);
        key.truncate(usize::from(cut).max(1));
        let _ = skip(ty, order, &key);
        let _ = decode(ty, order, &mut &key[..]);
    }
}

#[test]
fn blanks_at_the_end_of_a_char_come_back_by_its_length() {
    let ty = Type::BPCHAR.with_modifier(4 + 5);
    let key = encoded(&Datum::text("ab   "), ty, IndexOrder::default());
    assert_eq!(key, encoded(&Datum::text("ab"), ty, IndexOrder::default()));
    let read = decode(ty, IndexOrder::default(), &mut &key[..]).unwrap();
    assert!(equal(&read, &Datum::text("ab   ")));
}

#[test]
fn numerics_of_the_most_places_come_back() {
    let order = IndexOrder { descending: false, nulls_first: false };
    for text in ["1e-16383", "-1e-16383", "12e-16383", "0.5", "10", "123", "1200.50"] {
        let value = Datum::numeric(Numeric::input(text).unwrap());
        let key = encoded(&value, Type::NUMERIC, order);
        let read = decode(Type::NUMERIC, order, &mut &key[..]).unwrap();
        assert!(equal(&read, &value), "{text}");
    }
}
