//! The distributions: keys in the order in which they are inserted, the same every time.

/// What is inserted and asked for.
pub(crate) type Key = Box<[u8]>;

/// A generator that gives the same numbers every time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// In (0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

pub(crate) const NAMES: [&str; 18] = [
    "uniform",
    "sequential",
    "lognormal",
    "reverse",
    "zigzag",
    "bursts",
    "exponential",
    "one-gap",
    "easy-then-hard",
    "customers",
    "composite",
    "order-lines",
    "urls",
    "uuid4",
    "uuid7",
    "equal-heads",
    "dense-ints",
    "long-prefix",
];

fn number(number: u64) -> Key {
    number.to_be_bytes().into()
}

/// The keys of a distribution in the order in which they are inserted; not all need be different.
pub(crate) fn keys(name: &str, count: u64) -> impl Iterator<Item = Key> {
    let mut random = Random(1);
    let count = if name == "long-prefix" { count.min(1000) } else { count };
    let key = move |at| {
        text(name, at, count, &mut random)
            .unwrap_or_else(|| number(integer(name, at, count, &mut random)))
    };
    (0..count).map(key)
}

/// The key at a position of a distribution of integers.
fn integer(name: &str, at: u64, count: u64, random: &mut Random) -> u64 {
    let top = 1u64 << 63;
    match name {
        "sequential" => top + at,
        "lognormal" => ((random.normal() * 2.0).exp() * 1e9) as u64,
        "reverse" => top + count - at,
        "zigzag" if at.is_multiple_of(2) => top + at,
        "zigzag" => top - at,
        "bursts" => (at % 100) * (u64::MAX / 100) + random.below(65_536) * (1 + count / 4_000_000),
        "exponential" if at == 0 => u64::MAX,
        "exponential" => 2f64.powf(random.unit() * 60.0) as u64,
        "one-gap" if at < 1000 => at << 54,
        "one-gap" => (500 << 54) + random.below(count * 16),
        "easy-then-hard" if at < count / 2 => at << 40,
        "easy-then-hard" => ((count / 4) << 40) + 2f64.powf(random.unit() * 40.0) as u64,
        "customers" => (random.below(1000) << 44) + at,
        "dense-ints" => at.wrapping_mul(7_368_787) % count,
        _ => random.next(),
    }
}

/// The key at a position of a distribution of other keys, if it is one.
fn text(name: &str, at: u64, count: u64, random: &mut Random) -> Option<Key> {
    let key = match name {
        "composite" => {
            let (order, rest) = (at / 100, at % 100);
            let columns = [(rest / 10) as u32, (rest % 10) as u32, order as u32];
            columns.iter().flat_map(|column| [&[1], &column.to_be_bytes()[..]].concat()).collect()
        }
        "order-lines" => {
            let (order, line) = (random.below(count / 1000 + 1), at % 10);
            let columns = [random.below(10), random.below(10), order, line];
            columns.iter().flat_map(|column| [&[1], &column.to_be_bytes()[..]].concat()).collect()
        }
        "urls" => {
            let (host, path) = (random.below(1000) * 7919 % 1000, random.next());
            format!("https://www.{host}.example/{:x}/{path:x}", path % 17).into_bytes()
        }
        "uuid4" => {
            let (high, low) = (random.next(), random.next());
            let (first, second) = (high >> 32, high & 0xFFFF);
            format!("{first:08x}-{second:04x}-4{:03x}-{low:016x}", high >> 16 & 0xFFF).into_bytes()
        }
        "uuid7" => {
            let milliseconds = 0x0190_0000_0000 + at / 10;
            let (first, second) = (milliseconds >> 16, milliseconds & 0xFFFF);
            let (third, low) = (random.below(4096), random.next());
            format!("{first:08x}-{second:04x}-7{third:03x}-{low:016x}").into_bytes()
        }
        "equal-heads" => {
            let (cluster, low) = ((at / 10_000).to_be_bytes(), random.next().to_be_bytes());
            [&[7; 16][..], &cluster, &[9; 8], &low].concat()
        }
        "long-prefix" => [&vec![b'x'; 1 << 20][..], &random.next().to_be_bytes()].concat(),
        _ => return None,
    };
    Some(key.into())
}
