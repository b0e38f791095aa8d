//! What must hold of every tree, and the test that says so.
//!
//! | property | test |
//! |---|---|
//! | heads never decrease; head = projection(key); a mask changes neither | `projection`: `heads_never_decrease_whatever_the_prefix`, `.._whatever_the_mask`; `Slots::verify` |
//! | P is a prefix of every key in range; a prefix that ends in 0xFF | `projection`: `the_fence_prefix_begins_every_key_in_range`, `the_prefix_of_a_closed_interval_is_extended` |
//! | predictions never decrease and are slots; 2^63 + i, 2^53, u64::MAX | `leaf/model`: `predictions_never_decrease_and_are_slots`, `a_sequence_far_from_zero_is_predicted_exactly` |
//! | gaps obey the copy rule, count, keys increase, both kinds are one list | `leaf/tests`: `slots_of_both_kinds_are_a_sorted_list` |
//! | fences tile, child fences = separators, each key is found from the root, one height | `Tree::verify`, after every operation of `model` |
//! | height <= 1 + log128(leaves) + 1 | `trees_are_as_low_as_their_fanout_makes_them` |
//! | get, lower bound, previous, ranges both ways, from present, absent, lowest and highest keys | `every_question_about_extreme_keys_is_answered` |
//! | a cursor that seeks again under any change gives its snapshot, once, in order | `a_cursor_gives_its_snapshot_whatever_happens_between_its_steps` |
//! | state after random evictions and loads = state without | `what_was_evicted_and_loaded_is_what_was_never_evicted`, and all of `model` |
//! | two inserts of one key make one slot | `a_key_inserted_again_has_one_slot` |
//! | memory returns to zero | `model`: `memory_returns_to_zero` and the end of every case; `stress` |
//! | models change no answer | `outline`: `without_their_models_leaves_answer_the_same` |
//! | few leaves in memory, loads and evictions all the time | `model` (40 KB), `stress` (100 KB), here `BUDGETS` |

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use reckon_index::{Cache, Direction};
use support::{Engine, Random, settle};

/// Everything in memory, a few leaves, hardly one.
const BUDGETS: [usize; 3] = [1 << 30, 48 << 10, 6 << 10];

/// Numbers at which an encoding or a model could go wrong.
fn edges() -> Vec<u64> {
    let mut edges = Vec::new();
    for middle in [0, 1 << 53, 1 << 63, (1 << 63) - (1 << 53), u64::MAX] {
        edges.extend((0..40u64).flat_map(|i| [middle.wrapping_add(i), middle.wrapping_sub(i)]));
    }
    // The order of signed numbers is that of their bits with the first one turned.
    let signed = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    edges.extend(signed.map(|number| number.cast_unsigned() ^ (1 << 63)));
    edges
}

/// Keys of one kind each, in no order: as columns are encoded, and as nobody would.
fn kinds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let numbers = edges().into_iter().map(|number| number.to_be_bytes().to_vec());
    let numbers: Vec<Vec<u8>> = numbers.collect();
    let behind = |marker: u8, key: &[u8]| [&[marker], key].concat();
    let nulls_first = numbers.iter().map(|key| behind(1, key)).chain([vec![0]]).collect();
    let nulls_last = numbers.iter().map(|key| behind(0, key)).chain([vec![1]]).collect();
    let descending = numbers.iter().map(|key| key.iter().map(|byte| !byte).collect()).collect();
    let mut short: Vec<Vec<u8>> =
        ["", "\0", "\0\0", "a", "a\0", "a\0\0", "a\0\0\0\0\0\0\0\0\0", "a\0b", "aa", "b"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec();
    short.extend((0..40).map(|length| vec![0xFF; length]));
    short.extend((0..40).map(|length| vec![0; length]));
    // Each a prefix of the next.
    short.extend((0..300).map(|length| b"prefix".iter().copied().cycle().take(length).collect()));
    let composite = (0..1500u32).map(|at| {
        let columns = [at / 150, at / 15 % 10, at % 15].map(u64::from);
        columns.iter().flat_map(|column| behind(1, &column.to_be_bytes())).collect()
    });
    let decimal = (0..1500u32).map(|at| (at * 977).to_string().into_bytes());
    let close = (0..1500u32).map(|at| [&[0xFF; 12][..], &at.to_be_bytes(), &[0xFF; 3]].concat());
    vec![
        ("numbers", numbers),
        ("nulls first", nulls_first),
        ("nulls last", nulls_last),
        ("descending", descending),
        ("short", short),
        ("composite", composite.collect()),
        ("decimal", decimal.collect()),
        ("close", close.collect()),
    ]
}

/// The key, what lies just behind and before it, and what ends inside it.
fn around(key: &[u8]) -> Vec<Vec<u8>> {
    let mut around = vec![key.to_vec(), [key, &[0]].concat(), [key, &[0xFF; 9]].concat()];
    if let Some((last, rest)) = key.split_last() {
        around.push(rest.to_vec());
        around.extend(last.checked_sub(1).map(|less| [rest, &[less], &[0xFF; 9]].concat()));
        around.extend(last.checked_add(1).map(|more| [rest, &[more]].concat()));
    }
    around
}

/// Asks for the row of a key, the next ones and the ones before, and everything on each side, and compares with the store.
fn ask(engine: &Engine, key: &[u8], loads: bool) {
    let snapshot = engine.store.visible();
    assert_eq!(engine.read(key, snapshot), engine.store.read(key, snapshot), "{key:?}");
    engine.check_newest(key);
    let all = engine.store.scan(key, None, Direction::Forward, snapshot);
    let seen = engine.scan(key, None, Direction::Forward, snapshot, 64, loads);
    assert_eq!(seen, all, "from {key:?}");
    let all = engine.store.scan(&[], Some(key), Direction::Reverse, snapshot);
    let seen = engine.scan(&[], Some(key), Direction::Reverse, snapshot, 1 + key.len(), loads);
    assert_eq!(seen, all, "before {key:?}");
}

#[test]
fn every_question_about_extreme_keys_is_answered() {
    for ((kind, mut keys), budget) in kinds().into_iter().zip(BUDGETS.into_iter().cycle()) {
        let cache = Cache::new(budget);
        let engine = Engine::new(&cache);
        let mut random = Random(budget as u64);
        // Any order of inserts, half of them before the tree knows anything.
        for at in (1..keys.len()).rev() {
            keys.swap(at, random.below(at as u64 + 1) as usize);
        }
        for (turn, keys) in keys.chunks(keys.len() / 2 + 1).enumerate() {
            for key in keys {
                engine.commit(vec![(key.clone(), Some(key.iter().rev().copied().collect()))], 0);
                if turn > 0 && random.below(20) == 0 {
                    ask(&engine, key, true);
                }
            }
        }
        assert_eq!(engine.tree.verify(), cache.statistics().bytes, "{kind}");
        let step = keys.len() / 30 + 1;
        let probes: BTreeSet<Vec<u8>> =
            keys.iter().step_by(step).flat_map(|key| around(key)).collect();
        for key in &probes {
            ask(&engine, key, random.below(2) == 0);
        }
        assert_eq!(engine.tree.verify(), cache.statistics().bytes, "{kind}");
        drop(engine);
        settle(&cache);
        assert_eq!((cache.statistics().bytes, cache.statistics().retired_bytes), (0, 0), "{kind}");
    }
}

#[test]
fn trees_are_as_low_as_their_fanout_makes_them() {
    let orders: [fn(u64) -> u64; 4] = [
        |at| (1 << 63) + at,
        |at| u64::MAX - at,
        |at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        |at| if at % 2 == 0 { (1 << 63) + at } else { (1 << 63) - at },
    ];
    for order in orders {
        let cache = Cache::new(1 << 30);
        cache.set_models(false);
        let engine = Engine::empty(&cache);
        for at in 0..90_000 {
            engine.tree.install(&order(at).to_be_bytes(), at + 1, Some(b"row"), at);
        }
        engine.tree.verify();
        let statistics = engine.tree.statistics();
        let bound = 2.0 + (statistics.resident_leaves as f64).log(128.0);
        assert!(statistics.resident_leaves > 128 && f64::from(statistics.height) <= bound);
    }
}

#[test]
fn a_key_inserted_again_has_one_slot() {
    for models in [true, false] {
        let cache = Cache::new(1 << 30);
        cache.set_models(models);
        let engine = Engine::empty(&cache);
        let mut random = Random(3);
        for turn in 1..20_000u64 {
            let key = random.below(3_000).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            let value = (random.below(4) > 0).then_some(&b"value"[..]);
            engine.tree.install(&key, turn, value, 0);
        }
        let mut seen = Random(3);
        let mut keys = BTreeSet::new();
        for _ in 1..20_000 {
            keys.insert(seen.below(3_000));
            seen.below(4);
        }
        assert_eq!(engine.tree.statistics().records, keys.len() as u64);
        assert_eq!(engine.tree.verify(), cache.statistics().bytes);
    }
}

/// What may happen between two steps of a cursor.
#[derive(Clone, Debug)]
enum Event {
    Write { from: u16, count: u8, deletes: bool },
    Resize { kilobytes: u8 },
    Forget,
    Read { key: u16 },
}

fn event() -> impl Strategy<Value = Event> {
    use Event::*;
    prop_oneof![
        4 => (0..2000u16, 1..120u8, any::<bool>()).prop_map(|(from, count, deletes)| Write { from, count, deletes }),
        2 => (1..90u8).prop_map(|kilobytes| Resize { kilobytes }),
        1 => Just(Forget),
        3 => (0..2000u16).prop_map(|key| Read { key }),
    ]
}

/// Keys in order whose heads tie in places.
fn ordered(number: u16) -> Vec<u8> {
    [&[1, 0, 0][..], &(number / 40).to_be_bytes(), &[1; 9], &number.to_be_bytes()].concat()
}

fn happen(engine: &Engine, cache: &Cache, event: &Event) {
    match *event {
        Event::Write { from, count, deletes } => {
            let write = |at: u16| {
                let value = (!deletes).then(|| at.to_be_bytes().repeat(5));
                (ordered(from + at), value)
            };
            engine.commit((0..u16::from(count)).map(write).collect(), 1);
        }
        Event::Resize { kilobytes } => cache.set_size(usize::from(kilobytes) << 10),
        Event::Forget => engine.tree.clear(),
        Event::Read { key } => {
            let (key, snapshot) = (ordered(key), engine.store.visible());
            assert_eq!(engine.read(&key, snapshot), engine.store.read(&key, snapshot));
        }
    }
}

/// Miri looks at every access, and is slow.
const CASES: u32 = if cfg!(miri) { 2 } else { 48 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn a_cursor_gives_its_snapshot_whatever_happens_between_its_steps(
        before in proptest::collection::vec(event(), 1..30),
        between in proptest::collection::vec(event(), 1..40),
        (from, to) in (0..1500u16, 0..2200u16),
        reverse in any::<bool>(),
        loads in any::<bool>(),
        step in 1..90usize,
    ) {
        let cache = Cache::new(60 << 10);
        let engine = Engine::empty(&cache);
        before.iter().for_each(|event| happen(&engine, &cache, event));
        let direction = if reverse { Direction::Reverse } else { Direction::Forward };
        let (lower, upper, snapshot) = (ordered(from), ordered(to), engine.store.visible());
        let mut events = between.iter().cycle();
        let seen = engine.scan_amid(&lower, Some(&upper), direction, snapshot, step, loads, || {
            happen(&engine, &cache, events.next().expect("endless"));
        });
        let expected = engine.store.scan(&lower, Some(&upper), direction, snapshot);
        assert_eq!(seen, expected);
        assert_eq!(engine.tree.verify(), cache.statistics().bytes);
    }

    #[test]
    fn what_was_evicted_and_loaded_is_what_was_never_evicted(
        events in proptest::collection::vec(event(), 1..80),
    ) {
        let (small, large) = (Cache::new(30 << 10), Cache::new(1 << 30));
        let (churned, whole) = (Engine::new(&small), Engine::empty(&large));
        for event in &events {
            happen(&churned, &small, event);
            if let Event::Write { .. } = event {
                happen(&whole, &large, event);
            }
        }
        let last = whole.store.visible();
        for snapshot in last.saturating_sub(3)..=last {
            for direction in [Direction::Forward, Direction::Reverse] {
                let of = |engine: &Engine| engine.scan(&[], None, direction, snapshot, 50, true);
                assert_eq!(of(&churned), of(&whole));
            }
            for number in (0..2200).step_by(7) {
                let key = ordered(number);
                assert_eq!(churned.read(&key, snapshot), whole.read(&key, snapshot));
            }
        }
        drop(churned);
        settle(&small);
        assert_eq!((small.statistics().bytes, small.statistics().retired_bytes), (0, 0));
    }
}

#[test]
fn the_same_key_from_two_threads_has_one_slot() {
    let cache = Cache::new(1 << 30);
    let engine = Arc::new(Engine::empty(&cache));
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let engine = &engine;
            scope.spawn(move || {
                for number in 0..5_000u64 {
                    let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
                    engine.commit(vec![(key.to_vec(), Some(vec![thread as u8]))], 1);
                }
            });
        }
    });
    assert_eq!(engine.tree.statistics().records, 5_000);
    assert_eq!(engine.tree.verify(), cache.statistics().bytes);
}
