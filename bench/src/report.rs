//! Results: medians, ratios with their spread, as a table and as JSON.
//!
//! A ratio above 1 means that ours is better, whatever the unit. It is the ratio of the medians; the
//! spread is the least and the largest ratio of one round's pair.

use std::io::Write;

use serde::Serialize;

/// Values of one figure, one a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

/// Which of two values is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// One figure of ours beside a peer's.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) work: String,
    pub(crate) unit: String,
    /// Median.
    pub(crate) ours: f64,
    /// Median.
    pub(crate) peer: f64,
    pub(crate) peer_name: String,
    /// Above 1: ours is better.
    pub(crate) ratio: f64,
    /// Least and largest ratio of a round.
    pub(crate) spread: [f64; 2],
    pub(crate) rounds: usize,
}

impl Series {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }
}

impl Better {
    fn ratio(self, ours: f64, peer: f64) -> f64 {
        match self {
            Self::More => ours / peer,
            Self::Less => peer / ours,
        }
    }
}

impl Comparison {
    pub(crate) fn new(
        work: &str,
        unit: &str,
        better: Better,
        ours: &Series,
        peer: &Series,
        peer_name: &str,
    ) -> Self {
        let pairs = ours.0.iter().zip(&peer.0).map(|(&ours, &peer)| better.ratio(ours, peer));
        let spread = pairs.fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], ratio| {
            [least.min(ratio), most.max(ratio)]
        });
        Self {
            work: work.to_owned(),
            unit: unit.to_owned(),
            ours: ours.median(),
            peer: peer.median(),
            peer_name: peer_name.to_owned(),
            ratio: better.ratio(ours.median(), peer.median()),
            spread,
            rounds: ours.0.len(),
        }
    }
}

/// Prints a table.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn print(results: &[Comparison], out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{:38} {:20} {:>12} {:>12}  {:14} {:>6} {:>6}  spread",
        "work", "unit", "reckon", "peer", "peer's name", "ratio", "rounds"
    )?;
    for one in results {
        let [least, most] = one.spread;
        writeln!(
            out,
            "{:38} {:20} {:>12} {:>12}  {:14} {:>6.2} {:>6}  {least:.2}-{most:.2}",
            one.work,
            one.unit,
            figure(one.ours),
            figure(one.peer),
            one.peer_name,
            one.ratio,
            one.rounds
        )?;
    }
    writeln!(out, "A ratio above 1 means that Reckon is better; figures are medians of the rounds.")
}

/// Three digits that matter.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// As JSON: a list of [`Comparison`].
pub(crate) fn json(results: &[Comparison]) -> String {
    serde_json::to_string_pretty(results).expect("plain fields become JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series(values.to_vec())
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(series(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
    }

    #[test]
    fn a_ratio_above_one_means_ours_is_better() {
        let (small, large) = (series(&[10.0, 10.0]), series(&[20.0, 40.0]));
        let speed = Comparison::new("w", "per s", Better::More, &large, &small, "p");
        assert_eq!((speed.ratio, speed.spread), (3.0, [2.0, 4.0]));
        let cost = Comparison::new("w", "us", Better::Less, &small, &large, "p");
        assert_eq!((cost.ratio, cost.spread), (3.0, [2.0, 4.0]));
    }
}
