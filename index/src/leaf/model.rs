//! The model of a gapped leaf: a line from heads to slots, in fixed point.
//!
//! ```text
//! x       = min(head - base, MAX >> shift) << shift   the leaf's span fills the 64 bits
//! slot    = (high 64 bits of x * slope + intercept) >> FRACTION, clamped to the leaf
//! ```
//!
//! `base` is near the leaf's least head, so heads that differ only in their low bits, like 2^63 + i, keep all their digits; a
//! model on the heads themselves as floating-point numbers would see one value.
//!
//! # Invariants
//!
//! 1. The prediction never decreases as heads grow, and is a slot of the leaf whatever the head.

/// Bits behind the binary point of a slot.
const FRACTION: u32 = 16;

/// The most points a line is fitted to: more would cost more than they tell.
const POINTS_MAX: usize = 256;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    base: u64,
    slope: u64,
    intercept: i64,
    shift: u32,
    last: u32,
}

impl Model {
    /// The line that fits best (least squares) the points (`heads[i]`, `first` + i / `density`), for a leaf of `slots` slots.
    /// Of many points every few are looked at. Heads never decrease; `base` is at most the first. `None` when they are all one or no line can be written down.
    pub(crate) fn fit(
        heads: &[u64],
        base: u64,
        first: f64,
        density: f64,
        slots: usize,
    ) -> Option<Self> {
        let (lowest, highest) = (*heads.first()?, *heads.last()?);
        let origin = lowest;
        let step = heads.len().div_ceil(POINTS_MAX);
        let points = || heads.iter().enumerate().step_by(step);
        let count = points().len() as f64;
        let mean_x = points().map(|(_, &head)| (head - origin) as f64).sum::<f64>() / count;
        let mean_y = (count - 1.0) / 2.0 * step as f64;
        let (mut covariance, mut variance) = (0.0, 0.0);
        for (at, &head) in points() {
            let x = (head - origin) as f64 - mean_x;
            covariance += x * (at as f64 - mean_y);
            variance += x * x;
        }
        if variance <= 0.0 {
            return None;
        }
        let per_unit = covariance / variance / density;
        // A line through the means, moved to `base`.
        let at_origin = first + mean_y / density - mean_x * per_unit;
        let at_base = at_origin - (origin - base) as f64 * per_unit;
        // Room above the highest head to extrapolate into, as far as the leaf goes.
        let beyond = (slots as f64 / per_unit).min(u64::MAX as f64) as u64;
        let shift = (highest - base).saturating_add(beyond).max(1).leading_zeros();
        let scale = 2f64.powi(64 - shift as i32 + FRACTION as i32);
        let (slope, intercept) = (per_unit * scale, at_base * f64::from(1u32 << FRACTION));
        let fits = slope.is_finite() && (1.0..2f64.powi(62)).contains(&slope);
        if !fits || intercept.abs() >= 2f64.powi(61) {
            return None;
        }
        let (slope, intercept) = (slope as u64, intercept as i64);
        let last = u32::try_from(slots - 1).ok()?;
        Some(Self { base, slope, intercept, shift, last })
    }

    /// The slot where the record with this head should be.
    #[inline]
    pub(crate) fn predict(&self, head: u64) -> usize {
        let x = head.saturating_sub(self.base).min(u64::MAX >> self.shift) << self.shift;
        let product = (u128::from(x) * u128::from(self.slope)) >> 64;
        let slot = (product as i64).wrapping_add(self.intercept) >> FRACTION;
        slot.clamp(0, i64::from(self.last)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn predictions_never_decrease_and_are_slots(
            mut heads in proptest::collection::vec(any::<u64>(), 2..100),
            mut probes in proptest::collection::vec(any::<u64>(), 2..100),
            below in any::<u64>(),
            narrow in 0..60u32,
        ) {
            heads.iter_mut().for_each(|head| *head = (1 << 63) + (*head >> narrow >> 1));
            heads.sort_unstable();
            probes.extend(heads.iter().copied());
            probes.sort_unstable();
            let base = heads[0].saturating_sub(below >> narrow);
            if let Some(model) = Model::fit(&heads, base, 0.0, 0.7, 200) {
                let slots: Vec<usize> = probes.iter().map(|&head| model.predict(head)).collect();
                prop_assert!(slots.is_sorted(), "{slots:?}");
                prop_assert!(slots.iter().all(|&slot| slot < 200));
            }
        }
    }

    #[test]
    fn a_sequence_far_from_zero_is_predicted_exactly() {
        for start in [0, (1 << 53) - 500, 1 << 63, u64::MAX - 2000] {
            let heads: Vec<u64> = (0..1000).map(|at| start + at).collect();
            let model = Model::fit(&heads, start, 0.0, 0.5, 4000).expect("a line");
            for (at, &head) in heads.iter().enumerate() {
                assert!(model.predict(head).abs_diff(at * 2) <= 1, "{start} + {at}");
            }
            // It extrapolates.
            assert!(model.predict(start + 1500).abs_diff(3000) <= 1);
        }
    }

    #[test]
    fn equal_heads_have_no_line() {
        assert_eq!(Model::fit(&[7, 7, 7], 7, 0.0, 0.7, 64), None);
    }
}
