//! The certifier: whatever commits has an order in which it could have run one after the other.
//!
//! Small transactions read and write a few keys, some of which do not exist, by key and by range. What each
//! saw and wrote is kept; afterwards some order of those that committed must explain all of it.

use reckon_mvcc::{Direction, Error, KeyRange};
use shuttle::rand::Rng;
use std::ops::ControlFlow;

use super::*;

const KEYS: usize = 3;
const SERIALIZABLE: Isolation = Isolation::Serializable;

/// The value of each key, 0 where there is none.
type State = [u8; KEYS];

/// What a committed transaction did, in its order.
#[derive(Clone, Debug)]
enum Did {
    Saw(usize, u8),
    Wrote(usize, u8),
}

type Histories = Mutex<Vec<Vec<Did>>>;

fn certified() -> Options {
    impatient()
}

fn not_certified() -> Options {
    let broken = reckon_mvcc::Broken { certification: true, ..Default::default() };
    Options { broken, ..impatient() }
}

/// What was committed in the whole test can be read again.
fn remembering(options: Options) -> Options {
    Options { history_retention: Duration::from_secs(300), ..options }
}

fn fill(world: &World) {
    let mut session = world.engine.session();
    let needed = set(&mut session, &[0], &[1], true).max(set(&mut session, &[1], &[2], true));
    world.engine.on_durable(needed).wait();
}

fn look(transaction: &mut Transaction, key: usize, did: &mut Vec<Did>) -> Result<(), Error> {
    let snapshot = transaction.snapshot();
    let mut counters = Counters::default();
    let key_bytes = [key as u8];
    let seen = transaction.read(&snapshot, TABLE, &key_bytes, &mut counters, |value| value[0])?;
    did.push(Did::Saw(key, seen.unwrap_or(0)));
    Ok(())
}

/// Looks at every key by reading the range.
fn scan(transaction: &mut Transaction, did: &mut Vec<Did>) -> Result<(), Error> {
    let snapshot = transaction.snapshot();
    let mut seen = [0; KEYS];
    let mut cursor = transaction.cursor(TABLE, KeyRange::ALL, Direction::Forward);
    let mut row = |key: &[u8], value: &[u8]| {
        seen[usize::from(key[0])] = value[0];
        ControlFlow::Continue(())
    };
    while cursor.visit(transaction, &snapshot, 2, &mut Counters::default(), &mut row)? {}
    did.extend(seen.into_iter().enumerate().map(|(key, value)| Did::Saw(key, value)));
    Ok(())
}

fn write(
    transaction: &mut Transaction,
    key: usize,
    value: u8,
    did: &mut Vec<Did>,
) -> Result<(), Error> {
    let snapshot = transaction.snapshot();
    let key_bytes = [key as u8];
    lock_row(transaction, &snapshot, &key_bytes, RowLock::ForUpdate, Wait::Block)?;
    match value {
        0 => transaction.delete(TABLE, &key_bytes)?,
        _ => transaction.put(TABLE, &key_bytes, &[value])?,
    }
    transaction.next_command();
    did.push(Did::Wrote(key, value));
    Ok(())
}

/// Keeps what a transaction did if it commits.
fn end(transaction: Transaction, done: Result<Vec<Did>, Error>, histories: &Histories) -> bool {
    let failed = match done.and_then(|did| transaction.commit().map(|_| did)) {
        Ok(did) => {
            histories.lock().unwrap().push(did);
            return true;
        }
        Err(error) => error,
    };
    let expected = matches!(
        failed,
        Error::NotSerializable { .. } | Error::WriteConflict { .. } | Error::Deadlock(_)
    );
    assert!(expected, "{failed}");
    false
}

fn applies(did: &[Did], state: &mut State) -> bool {
    did.iter().all(|step| match *step {
        Did::Saw(key, value) => state[key] == value,
        Did::Wrote(key, value) => {
            state[key] = value;
            true
        }
    })
}

/// Whether some order of `left` explains what each of them saw.
fn has_order(state: State, left: &[Vec<Did>]) -> bool {
    left.is_empty()
        || (0..left.len()).any(|first| {
            let mut rest = left.to_vec();
            let mut state = state;
            applies(&rest.remove(first), &mut state) && has_order(state, &rest)
        })
}

type Program = fn(&World, &Histories);

fn check(threads: &'static [Program]) {
    explore(move || one(certified, threads));
}

/// Whether it is found out that nothing was certified.
fn is_caught_uncertified(threads: &'static [Program]) -> bool {
    is_caught(move || one(not_certified, threads))
}

fn one(options: fn() -> Options, threads: &'static [Program]) {
    let world = World::new(options());
    fill(&world);
    let histories: Arc<Histories> = Arc::default();
    let start = |program: &'static Program| {
        let (world, histories) = (world.clone(), Arc::clone(&histories));
        thread::spawn(move || program(&world, &histories))
    };
    let running: Vec<_> = threads.iter().map(start).collect();
    for thread in running {
        thread.join().expect("no panic");
    }
    let mut histories = histories.lock().unwrap().clone();
    let at = world.engine.visible();
    let last = |key: usize| world.stored(&[key as u8], at).map_or(0, |value| value[0]);
    histories.push((0..KEYS).map(|key| Did::Saw(key, last(key))).collect());
    // The last look is at the end in any order: it sees what all of them wrote.
    assert!(has_order([1, 2, 0], &histories), "no serial order: {histories:?}");
}

/// Reads both rows and writes one of them: write skew, if two do so.
fn skew<const OWN: usize>(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, false);
    let work = |transaction: &mut Transaction| {
        let mut did = Vec::new();
        look(transaction, 0, &mut did)?;
        look(transaction, 1, &mut did)?;
        write(transaction, OWN, 10 + OWN as u8, &mut did)?;
        Ok(did)
    };
    let done = work(&mut transaction);
    end(transaction, done, histories);
}

#[test]
fn two_that_skew_never_both_commit() {
    check(&[skew::<0>, skew::<1>]);
}

#[test]
fn without_certification_write_skew_is_caught() {
    assert!(is_caught_uncertified(&[skew::<0>, skew::<1>]));
}

/// Looks for rows, by range, and inserts one that the other would have found.
fn phantom<const OWN: usize>(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, false);
    let work = |transaction: &mut Transaction| {
        let mut did = Vec::new();
        scan(transaction, &mut did)?;
        write(transaction, OWN, 20 + OWN as u8, &mut did)?;
        Ok(did)
    };
    let done = work(&mut transaction);
    end(transaction, done, histories);
}

#[test]
fn a_range_that_was_read_meets_who_inserts_into_it() {
    check(&[phantom::<2>, phantom::<1>, skew::<0>]);
}

/// Reads everything, and says whether that can be explained.
fn reads(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, true);
    let work = |transaction: &mut Transaction| {
        let mut did = Vec::new();
        look(transaction, 0, &mut did)?;
        scan(transaction, &mut did)?;
        Ok(did)
    };
    let done = work(&mut transaction);
    end(transaction, done, histories);
}

/// Waits for a safe snapshot; from then on nothing can fail.
fn reads_safely(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(SERIALIZABLE, true);
        transaction.await_safe_snapshot().unwrap();
        let mut did = Vec::new();
        scan(&mut transaction, &mut did).expect("a safe snapshot is not tracked");
        assert!(end(transaction, Ok(did), histories), "a safe snapshot commits");
    }
}

/// Reads the other's row and writes the own one.
fn reads_other<const OWN: usize, const OTHER: usize>(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, false);
    let work = |transaction: &mut Transaction| {
        let mut did = Vec::new();
        look(transaction, OTHER, &mut did)?;
        look(transaction, OWN, &mut did)?;
        write(transaction, OWN, 30 + OWN as u8, &mut did)?;
        Ok(did)
    };
    let done = work(&mut transaction);
    end(transaction, done, histories);
}

/// Writes without having read anything else: what the batch of the read-only anomaly does.
fn deposits(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    for value in [40, 41] {
        let mut transaction = session.begin(SERIALIZABLE, false);
        let mut did = Vec::new();
        let done = look(&mut transaction, 1, &mut did)
            .and_then(|()| write(&mut transaction, 1, value, &mut did))
            .map(|()| did);
        end(transaction, done, histories);
    }
}

#[test]
fn a_reader_is_part_of_the_order_too() {
    check(&[skew::<0>, deposits, reads]);
}

#[test]
fn without_certification_the_anomaly_of_a_reader_is_caught() {
    assert!(is_caught_uncertified(&[skew::<0>, deposits, reads]));
}

#[test]
fn safe_snapshots_are_safe_and_whoever_waits_for_one_gets_it() {
    check(&[skew::<0>, deposits, reads_safely]);
}

/// Reads everything as it was some time before, unless that is known to be a state of no order.
fn reads_the_past(world: &World, histories: &Histories) {
    let at = world.engine.visible();
    (0..shuttle::rand::thread_rng().gen_range(0..200)).for_each(|_| thread::yield_now());
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut transaction = session.begin(SERIALIZABLE, true);
        let work = |transaction: &mut Transaction| {
            let mut did = Vec::new();
            transaction.read_as_of(at)?;
            scan(transaction, &mut did)?;
            Ok(did)
        };
        let done = work(&mut transaction);
        end(transaction, done, histories);
    }
}

#[test]
fn a_reader_of_the_past_is_part_of_the_order_too() {
    let program: &[Program] = &[skew::<0>, deposits, reads_the_past];
    explore(move || one(|| remembering(certified()), program));
}

#[test]
fn without_certification_the_anomaly_of_a_reader_of_the_past_is_caught() {
    let program: &[Program] = &[skew::<0>, deposits, reads_the_past];
    assert!(is_caught(move || one(|| remembering(not_certified()), program)));
}

/// Could write, and does not.
fn only_looks(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, false);
    let mut did = Vec::new();
    let done = look(&mut transaction, 0, &mut did).map(|()| did);
    end(transaction, done, histories);
}

#[test]
fn whoever_waits_for_a_safe_snapshot_gets_it_though_writers_write_nothing() {
    check(&[only_looks, reads_safely, only_looks, deposits]);
}

/// Exports its snapshot, and skews.
fn exports(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, false);
    let snapshot = transaction.snapshot();
    session.exporter().export(&transaction.exportable(&snapshot, 0));
    let work = |transaction: &mut Transaction| {
        let mut did = Vec::new();
        look(transaction, 0, &mut did)?;
        look(transaction, 1, &mut did)?;
        write(transaction, 0, 10, &mut did)?;
        Ok(did)
    };
    let done = work(&mut transaction);
    end(transaction, done, histories);
}

/// Skews with the snapshot of whoever exported one, if there is one when it looks.
fn imports(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    let mut transaction = session.begin(SERIALIZABLE, false);
    let mut found = |number: u32| {
        // The first snapshot that a session exported.
        let name = format!("{number:08X}-00000001-1");
        transaction.import(&name).unwrap().is_some()
    };
    let _imported = (0..4).any(|_| (2..5).any(&mut found));
    let work = |transaction: &mut Transaction| {
        let mut did = Vec::new();
        look(transaction, 0, &mut did)?;
        look(transaction, 1, &mut did)?;
        write(transaction, 1, 11, &mut did)?;
        Ok(did)
    };
    let done = work(&mut transaction);
    end(transaction, done, histories);
}

#[test]
fn who_imports_a_snapshot_is_certified_even_as_its_exporter_ends() {
    check(&[exports, imports]);
    check(&[exports, imports, deposits, reads]);
}

#[test]
fn without_certification_the_skew_of_an_importer_is_caught() {
    assert!(is_caught_uncertified(&[exports, imports]));
}

#[test]
fn three_in_a_ring_never_all_commit() {
    check(&[reads_other::<0, 1>, reads_other::<1, 2>, reads_other::<2, 0>]);
}

/// Anything, twice.
fn anything(world: &World, histories: &Histories) {
    let mut session = world.engine.session();
    for _ in 0..2 {
        let mut random = shuttle::rand::thread_rng();
        let number = session.id().0 as u8;
        let mut transaction = session.begin(SERIALIZABLE, false);
        let mut work = |transaction: &mut Transaction| {
            let mut did = Vec::new();
            for _ in 0..random.gen_range(1..4) {
                let key = random.gen_range(0..KEYS);
                match random.gen_range(0..8) {
                    0 => scan(transaction, &mut did)?,
                    1 => write(transaction, key, 0, &mut did)?,
                    2..5 => write(
                        transaction,
                        key,
                        50 + number * 10 + random.gen_range(0..9),
                        &mut did,
                    )?,
                    _ => look(transaction, key, &mut did)?,
                }
            }
            Ok(did)
        };
        let done = work(&mut transaction);
        end(transaction, done, histories);
    }
}

#[test]
fn whatever_commits_has_a_serial_order() {
    check(&[anything, anything, anything, reads]);
}

#[test]
fn without_certification_some_order_is_missing() {
    assert!(is_caught_uncertified(&[anything, anything, anything, reads]));
}

#[test]
fn the_check_of_orders_knows_one_when_it_sees_it() {
    let saw = |key, value| Did::Saw(key, value);
    let wrote = |key, value| Did::Wrote(key, value);
    let skewed =
        vec![vec![saw(0, 1), saw(1, 2), wrote(0, 3)], vec![saw(0, 1), saw(1, 2), wrote(1, 4)]];
    assert!(!has_order([1, 2, 0], &skewed));
    let serial = vec![vec![saw(0, 3), wrote(1, 4)], vec![saw(1, 2), wrote(0, 3)]];
    assert!(has_order([1, 2, 0], &serial));
}
