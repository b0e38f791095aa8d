//! Rows come back as they went in.

use proptest::prelude::*;

use super::*;
use crate::types::{arbitrary, equal};

/// A few columns of any types and a row of them.
fn rows() -> impl Strategy<Value = (Vec<Type>, Vec<Datum>)> {
    prop::collection::vec(0..arbitrary::STORED.len(), 1..12).prop_flat_map(|choice| {
        let types: Vec<Type> = choice.iter().map(|at| arbitrary::STORED[*at]).collect();
        let values: Vec<_> = types.iter().map(|ty| arbitrary::datum(*ty)).collect();
        (Just(types), values)
    })
}

/// Equal, and the same for what equality does not see.
fn same(a: &Datum, b: &Datum) -> bool {
    equal(a, b) && format!("{a:?}") == format!("{b:?}")
}

fn encoded(layout: &Layout, values: &[Datum]) -> Vec<u8> {
    let mut bytes = Vec::new();
    layout.encode(values, &mut bytes).expect("values of the columns' types");
    bytes
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written((types, values) in rows()) {
        let layout = Layout::of_types(types.iter().copied());
        let row = encoded(&layout, &values);
        for (column, value) in values.iter().enumerate() {
            let read = layout.column(&row, column).unwrap();
            prop_assert!(same(&read, value), "{read:?} {value:?}");
        }
        let mut all = Vec::new();
        layout.decode_all(&row, &mut all).unwrap();
        prop_assert!(all.iter().zip(&values).all(|(a, b)| same(a, b)));
    }

    #[test]
    fn a_projection_reads_what_its_columns_read((types, values) in rows(), from in 0usize..12) {
        let layout = Layout::of_types(types.iter().copied());
        let columns: Vec<usize> = (0..types.len()).rev().filter(|at| *at >= from).collect();
        let projection = Projection::new(layout.clone(), &columns);
        for values in [values, vec![Datum::Null; types.len()]] {
            let row = encoded(&layout, &values);
            let mut read = Vec::new();
            projection.decode(&row, &mut read).unwrap();
            let opened = projection.open(&row).unwrap();
            for (position, column) in columns.iter().enumerate() {
                let expected = layout.column(&row, *column).unwrap();
                prop_assert!(same(&read[position], &expected));
                prop_assert!(same(&opened.column(position).unwrap(), &expected));
            }
        }
    }

    #[test]
    fn a_projection_of_any_bytes_is_a_row_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        plain in any::<bool>(),
    ) {
        let types = [Type::INT4, Type::TEXT, Type::BOOL, Type::INT8, Type::BYTEA];
        let projection = Projection::new(Layout::of_types(types), &[0, 1, 2, 3, 4]);
        let mut row = bytes;
        if plain {
            row.splice(0..0, [types.len() as u8, 0, 0]);
        }
        let _read = projection.decode(&row, &mut Vec::new());
    }

    #[test]
    fn a_column_added_later_reads_as_missing((types, values) in rows(), cut in 0usize..12) {
        let cut = cut.min(values.len());
        let old = Layout::of_types(types[..cut].iter().copied());
        let row = encoded(&old, &values[..cut]);
        let mut new = Layout::of_types(types.iter().copied());
        if cut < types.len() {
            new.set_missing(cut, Datum::text("default"));
        }
        for (column, value) in values.iter().enumerate() {
            let read = new.column(&row, column).unwrap();
            match column.cmp(&cut) {
                std::cmp::Ordering::Less => prop_assert!(same(&read, value)),
                std::cmp::Ordering::Equal => prop_assert!(same(&read, &Datum::text("default"))),
                std::cmp::Ordering::Greater => prop_assert!(read.is_null()),
            }
        }
    }

    #[test]
    fn damaged_rows_never_panic(
        (types, values) in rows(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let layout = Layout::of_types(types.iter().copied());
        let mut row = encoded(&layout, &values);
        for (at, byte) in damage {
            let at = at.index(row.len());
            row[at] = byte;
        }
        row.truncate(cut.index(row.len() + 1));
        let mut all = Vec::new();
        let _ = layout.decode_all(&row, &mut all);
    }
}

#[test]
fn long_data_makes_the_ends_wide() {
    let layout = Layout::of_types([Type::TEXT, Type::INT4, Type::TEXT]);
    let long = "x".repeat(70_000);
    let values = [Datum::text(&long), Datum::Int4(7), Datum::text("y")];
    let row = encoded(&layout, &values);
    assert_eq!(row[..2], [3, 0x80]);
    for (column, value) in values.iter().enumerate() {
        assert!(same(&layout.column(&row, column).unwrap(), value));
    }
}

#[test]
fn the_example_of_the_header_is_true() {
    let layout = Layout::of_types([Type::INT4, Type::INT8, Type::TEXT, Type::TEXT]);
    let values = [Datum::Int4(1), Datum::Null, Datum::text("ab"), Datum::text("c")];
    let expected = [4, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, b'a', b'b', b'c'];
    assert_eq!(encoded(&layout, &values), expected);
}
