//! Slots of both kinds against a sorted list.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Fences, Room, Run, Search, Slots};
use crate::projection::successor;
use crate::record::RecordPtr;

/// Keys with records that are freed with it.
#[derive(Default)]
struct Sorted(BTreeMap<Vec<u8>, RecordPtr>);

impl Sorted {
    fn add(&mut self, key: &[u8]) -> RecordPtr {
        *self.0.entry(key.to_vec()).or_insert_with(|| RecordPtr::new(key, 1, Some(b"value"), false))
    }

    fn records(&self) -> Vec<RecordPtr> {
        self.0.values().copied().collect()
    }
}

impl Drop for Sorted {
    fn drop(&mut self) {
        for record in self.0.values() {
            // SAFETY: the tests drop their slots first, and there are no other threads.
            unsafe { record.free() };
        }
    }
}

const SHAPES: u8 = 6;

fn key_of(shape: u8, number: u32) -> Vec<u8> {
    let wide = u64::from(number);
    match shape {
        0 => ((1 << 63) + wide).to_be_bytes().to_vec(),
        1 => wide.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().to_vec(),
        // Many keys to a head, at both ends of what heads can be.
        2 => [[[0, 0xFF, 7][number as usize % 3]; 9], [0; 9]]
            .concat()
            .into_iter()
            .chain(number.to_be_bytes())
            .collect(),
        3 => 2f64.powf(f64::from(number % 50_000) / 800.0).to_bits().to_be_bytes().to_vec(),
        4 => vec![0xFF; number as usize % 300],
        _ => number.to_string().into_bytes(),
    }
}

fn place(slots: &Slots, key: &[u8]) -> usize {
    match slots.find(key, Search::Guess) {
        Ok(at) | Err(at) => at,
    }
}

fn check(slots: &Slots, sorted: &Sorted, probes: &[Vec<u8>]) {
    slots.verify();
    assert_eq!(slots.collect(), sorted.records());
    for pair in probes.windows(2) {
        for search in [Search::Guess, Search::Halve] {
            let place = slots.find(&pair[0], search);
            let found = place.ok().and_then(|at| slots.record(at));
            let found = found.map(|record| record.key().to_vec());
            assert_eq!(found, sorted.0.get(&pair[0]).map(|_| pair[0].clone()));
            if place.is_err() {
                assert_eq!(place, slots.find(&pair[0], Search::Guess));
            }
        }
        let (low, high) = ((&pair[0]).min(&pair[1]).clone(), (&pair[0]).max(&pair[1]).clone());
        let mut expected: Vec<RecordPtr> =
            sorted.0.range(low.clone()..high.clone()).map(|(_, record)| *record).collect();
        let (from, end) = (place(slots, &low), place(slots, &high));
        let (mut forward, mut next) = (Vec::new(), Some(from));
        while let Some(at) = next {
            next = slots.copy_forward(at, end, 7, &mut forward);
        }
        assert_eq!(forward, expected);
        let (mut backward, mut next) = (Vec::new(), Some(end));
        while let Some(at) = next {
            next = slots.copy_backward(at, from, 7, &mut backward);
        }
        expected.reverse();
        assert_eq!(backward, expected);
    }
}

/// Miri looks at every access, and is slow.
const CASES: u32 = if cfg!(miri) { 4 } else { 48 };
const BUILT_MAX: usize = if cfg!(miri) { 150 } else { 900 };
const INSERTED_MAX: usize = if cfg!(miri) { 60 } else { 300 };
const BORN_EMPTY: u32 = if cfg!(miri) { 80 } else { 500 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn slots_of_both_kinds_are_a_sorted_list(
        shape in 0..SHAPES,
        built in proptest::collection::btree_set(0..100_000u32, 0..BUILT_MAX),
        inserted in proptest::collection::vec(0..100_000u32, 1..INSERTED_MAX),
        cluster in proptest::option::of(0..100_000u32),
        room in prop_oneof![Just(Room::Between), Just(Room::Behind), Just(Room::Before), Just(Room::Little)],
        models in any::<bool>(),
    ) {
        let mut sorted = Sorted::default();
        for number in built {
            sorted.add(&key_of(shape, number));
        }
        let records = sorted.records();
        let Some(mut slots) = Slots::fitted(&Fences::all(), Run::new(&records), room, models) else {
            return Ok(());
        };
        let mut probes = vec![Vec::new(), vec![0xFF; 400]];
        check(&slots, &sorted, &probes);
        for number in inserted {
            let number = cluster.map_or(number, |from| from + number % 1000);
            let key = key_of(shape, number);
            probes.extend([key.clone(), successor(&key)]);
            if let Err(at) = slots.find(&key, Search::Guess) {
                if slots.is_full() {
                    break;
                }
                slots.insert(at, &key, sorted.add(&key));
                slots.verify();
            }
        }
        check(&slots, &sorted, &probes);
        let contents = slots.contents();
        if let Some(again) = Slots::fitted(&Fences::all(), contents.run(), Room::Between, models) {
            check(&again, &sorted, &probes);
        }
    }
}

#[test]
fn sequences_are_learned_and_leave_room_where_they_go() {
    for (room, next) in [(Room::Behind, 3000..3800u64), (Room::Before, 1200..2000)] {
        let mut sorted = Sorted::default();
        for number in 2000..3000u64 {
            sorted.add(&number.to_be_bytes());
        }
        let records = sorted.records();
        let mut slots =
            Slots::fitted(&Fences::all(), Run::new(&records), room, true).expect("slots");
        assert!(slots.is_learned());
        let mut numbers: Vec<u64> = next.collect();
        if room == Room::Before {
            numbers.reverse();
        }
        for number in numbers {
            if slots.is_full() {
                break;
            }
            let key = number.to_be_bytes();
            let Err(at) = slots.find(&key, Search::Guess) else {
                panic!("{number} is there already")
            };
            slots.insert(at, &key, sorted.add(&key));
        }
        slots.verify();
        assert!(slots.len() > 1300, "{} with {room:?}", slots.len());
        assert_eq!(slots.collect(), sorted.records());
    }
}

#[test]
fn what_no_line_fits_is_dense() {
    let mut sorted = Sorted::default();
    for number in 0..300u32 {
        sorted.add(&[&[5; 20][..], &number.to_be_bytes(), &[5; 20]].concat());
        sorted.add(&[&[250; 20][..], &number.to_be_bytes(), &[5; 20]].concat());
    }
    let records = sorted.records();
    assert!(Slots::fitted(&Fences::all(), Run::new(&records), Room::Between, true).is_none());
    let half = Run::new(&records).split_at(300).0;
    let fences = Fences::new(&[5; 20], Some(&[6]));
    // The half has a prefix that leaves the heads to what varies: a sequence.
    assert!(
        Slots::fitted(&fences, half, Room::Between, true).is_some_and(|slots| slots.is_learned())
    );
}

/// With a projection that nothing chose they are all equal.
#[test]
fn heads_tell_keys_apart_soon_after_a_leaf_was_empty() {
    let columns = |number: u32| {
        let columns = [number / 100, number % 100];
        columns.iter().flat_map(|column| [&[1], &column.to_be_bytes()[..]].concat()).collect()
    };
    let text = |number: u32| format!("order-number-{number:06}").into_bytes();
    // In order, and as if at random.
    for step in [1, 211] {
        for key in [&columns as &dyn Fn(u32) -> Vec<u8>, &text] {
            let (mut sorted, mut slots) = (Sorted::default(), Slots::default());
            for number in (0..BORN_EMPTY).map(|at| at * step % BORN_EMPTY) {
                let key = key(number);
                let at = place(&slots, &key);
                slots.insert(at, &key, sorted.add(&key));
                slots.freshen(&Fences::all());
                let heads = slots.contents().heads;
                let ties = heads.windows(2).filter(|pair| pair[0] == pair[1]).count();
                assert!(ties <= heads.len() / 4 + 32, "{ties} among {}", heads.len());
            }
            slots.verify();
        }
    }
}

#[test]
fn a_loading_leaf_grows_by_a_part_of_what_it_has() {
    let (mut sorted, mut slots) = (Sorted::default(), Slots::default());
    let mut capacities = BTreeSet::new();
    for number in 0..20_000u64 {
        let key = number.to_be_bytes();
        slots.insert(slots.len(), &key, sorted.add(&key));
        capacities.insert(slots.capacity());
    }
    assert!(capacities.len() <= 30, "{capacities:?}");
}
