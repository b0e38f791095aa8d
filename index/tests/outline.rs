//! A tree as text says what each leaf knows.

mod support;

use reckon_index::{Cache, Direction};
use support::Engine;

fn key(number: u64) -> Vec<u8> {
    format!("key{number:05}").into_bytes()
}

/// An engine whose store has so many rows, none of them in memory.
fn cold(rows: u64) -> Engine {
    let cache = Cache::new(1 << 30);
    let engine = Engine::new(&cache);
    engine.commit((0..rows).map(|number| (key(number), Some(vec![1]))).collect(), 0);
    engine
}

#[test]
fn a_tree_about_which_nothing_is_known_is_one_absent_leaf() {
    assert_eq!(cold(10).tree.outline(), "leaf ..: absent\n");
}

#[test]
fn a_load_leaves_stubs_on_both_sides() {
    let engine = cold(10_000);
    engine.read(&key(5_000), engine.store.visible());
    let outline = engine.tree.outline();
    let lines: Vec<&str> = outline.lines().collect();
    let [node, below, leaf, above] = lines[..] else { panic!("{outline}") };
    assert_eq!(node, "node of 3");
    assert_eq!(below, "  leaf ..key05000: absent");
    assert!(leaf.starts_with("  leaf key05000..key05"), "{outline}");
    assert!(leaf.contains(": resident, "), "{outline}");
    assert!(above.ends_with("..: absent"), "{outline}");
}

#[test]
fn a_small_table_is_one_leaf_and_its_deletions_are_told() {
    let engine = cold(20);
    engine.scan(&[], None, Direction::Forward, engine.store.visible(), 100, true);
    engine.commit(vec![(key(3), None), (key(4), None)], 0);
    assert_eq!(engine.tree.outline(), "leaf ..: resident, dense, 20 of 32 slots, 2 deleted\n");
    let statistics = engine.tree.statistics();
    assert_eq!((statistics.records, statistics.resident_records, statistics.slots), (20, 20, 32));
    assert_eq!((statistics.height, statistics.resident_leaves, statistics.loads), (0, 1, 1));
    assert!((statistics.fill() - 0.625).abs() < 1e-9);
}

#[test]
fn sequences_are_told_to_be_learned() {
    let cache = Cache::new(1 << 30);
    let engine = Engine::new(&cache);
    let row = |number: u64| (number.to_be_bytes().to_vec(), Some(vec![1]));
    engine.commit((0..5_000).map(row).collect(), 0);
    engine.scan(&[], None, Direction::Forward, engine.store.visible(), 100, true);
    let outline = engine.tree.outline();
    let leaves = outline.lines().filter(|line| line.contains("resident")).count() as u64;
    let statistics = engine.tree.statistics();
    assert_eq!(statistics.resident_leaves, leaves);
    assert!(statistics.learned_leaves * 100 >= leaves * 95, "{outline}");
    assert!(outline.contains("learned") && outline.contains("error "), "{outline}");
}

#[test]
fn without_their_models_leaves_answer_the_same() {
    let cache = Cache::new(1 << 30);
    let engine = Engine::new(&cache);
    let row =
        |number: u64| ((number * 7).to_be_bytes().to_vec(), Some(number.to_le_bytes().to_vec()));
    engine.commit((0..5_000).map(row).collect(), 0);
    let snapshot = engine.store.visible();
    engine.scan(&[], None, Direction::Forward, snapshot, 100, true);
    let before = engine.tree.statistics();
    assert_eq!(before.learned_leaves + before.dense_leaves, before.resident_leaves);
    assert!(before.learned_part() > 0.9, "{before:?}");
    for on in [false, true] {
        cache.use_models(on);
        for number in 0..36_000u64 {
            let key = number.to_be_bytes();
            assert_eq!(engine.read(&key, snapshot), engine.store.read(&key, snapshot));
        }
        let seen = engine.scan(&[0; 7], Some(&[0, 1]), Direction::Reverse, snapshot, 9, true);
        assert_eq!(seen, engine.store.scan(&[0; 7], Some(&[0, 1]), Direction::Reverse, snapshot));
    }
    let after = engine.tree.statistics();
    assert_eq!(after.learned_leaves, before.learned_leaves);
}
