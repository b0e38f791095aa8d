//! Results as an SVG: a bar for each ratio, on a logarithmic scale around 1.

use std::fmt::Write;

use crate::report::Comparison;

const WIDTH: f64 = 900.0;
const ROW: f64 = 22.0;
const TOP: f64 = 40.0;
/// Where bars begin: names stand left of it.
const LEFT: f64 = 420.0;
/// Ratios drawn: 1/8 to 8.
const OCTAVES: f64 = 3.0;

/// The picture.
pub(crate) fn svg(results: &[Comparison]) -> String {
    let height = TOP + ROW * results.len() as f64 + 20.0;
    let mut out = String::new();
    let _never = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\">Reckon's advantage: right of 1 it is better</text>"
    );
    for octave in [-3, -2, -1, 0, 1, 2, 3] {
        let (x, ratio) = (position(2_f64.powi(octave)), 2_f64.powi(octave));
        let _never = writeln!(
            out,
            "<line x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{height}\" stroke=\"#ccc\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666\">{ratio}</text>",
            TOP - 4.0
        );
    }
    for (i, one) in results.iter().enumerate() {
        bar(&mut out, TOP + ROW * i as f64, one);
    }
    out.push_str("</svg>\n");
    out
}

fn bar(out: &mut String, y: f64, one: &Comparison) {
    let (from, to) = (position(1.0), position(one.ratio));
    let (x, width) = (from.min(to), (to - from).abs().max(1.0));
    let color = if one.ratio >= 1.0 { "#2a7" } else { "#c54" };
    let (least, most) = (position(one.spread[0]), position(one.spread[1]));
    let middle = y + ROW / 2.0;
    let _never = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} {} against {}</text>\n\
         <rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{color}\"/>\n\
         <line x1=\"{least:.1}\" y1=\"{middle}\" x2=\"{most:.1}\" y2=\"{middle}\" stroke=\"black\"/>\n\
         <text x=\"{:.1}\" y=\"{}\">{:.2}</text>",
        LEFT - 8.0,
        y + 15.0,
        one.work,
        one.unit,
        one.peer_name,
        y + 4.0,
        ROW - 8.0,
        most.max(to) + 4.0,
        y + 15.0,
        one.ratio
    );
}

/// Horizontal position of a ratio; what is out of the picture stands at its edge.
fn position(ratio: f64) -> f64 {
    let octave = ratio.log2().clamp(-OCTAVES, OCTAVES);
    let half = (WIDTH - 60.0 - LEFT) / 2.0;
    LEFT + half + octave / OCTAVES * half
}
