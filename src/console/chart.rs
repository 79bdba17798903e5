//! Charts as inline SVG, made on the server: bars in steps of time, a line, a bar of shares. No script and no library.
//!
//! A drawing stretches to the width it is given and holds no text of its own: scales stand beside it as text, and a
//! sentence says what it shows to who does not see it. Colours come from the style sheet by class alone.

use std::fmt::Write as _;

/// One step of bars: what it is called, and its values from the bottom up.
pub struct Step {
    pub label: String,
    pub values: Vec<i64>,
}

/// How wide a step is drawn, and the gap in it.
const WIDE: i64 = 12;
const GAP: i64 = 3;
/// How high a drawing is.
const HIGH: i64 = 100;

/// The next round number a scale can end with: 1, 2 or 5 and zeros, and never under 4.
pub fn ceiling(most: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        for of in [1, 2, 4, 5, 6, 8] {
            if unit.saturating_mul(of) >= most.max(4) {
                return unit.saturating_mul(of);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// Stacked bars, a step each, against a scale that ends at `top`. `classes` colour the values of a step, and `said` is the
/// sentence for who does not see it.
pub fn bars(steps: &[Step], classes: &[&str], top: i64, said: &str) -> String {
    let wide = WIDE * i64::try_from(steps.len().max(1)).unwrap_or(1);
    let mut svg = open("chart bars", wide, said);
    for line in 1..=4 {
        let y = HIGH - HIGH * line / 4;
        let _ = write!(svg, "<path class=\"grid\" d=\"M0 {y}h{wide}\"/>");
    }
    for (at, step) in (0_i64..).zip(steps) {
        let x = at * WIDE;
        let _ = write!(
            svg,
            "<g><title>{}</title><rect class=\"hover\" x=\"{x}\" y=\"0\" width=\"{WIDE}\" height=\"{HIGH}\"/>",
            escaped(&step.label)
        );
        let mut foot = 0;
        for (value, class) in step.values.iter().zip(classes) {
            let height = part(*value, top, HIGH * 100);
            if *value > 0 {
                // What is there is seen, however little it is.
                let height = height.max(100);
                let y = HIGH * 100 - foot - height;
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                    x + GAP / 2,
                    hundredths(y.max(0)),
                    WIDE - GAP,
                    hundredths(height),
                );
                foot += height;
            }
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

/// A line through the values, with the space below it filled; decoration beside a number that says the same.
pub fn sparkline(values: &[i64]) -> String {
    let mut svg = String::from(
        "<svg class=\"chart spark\" viewBox=\"0 0 100 30\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">",
    );
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let last = i64::try_from(values.len()).unwrap_or(1).saturating_sub(1).max(1);
    let points: Vec<String> = (0_i64..)
        .zip(values)
        .map(|(at, value)| {
            let x = at * 10_000 / last;
            let y = 2_800 - part(*value, most, 2_600);
            format!("{} {}", hundredths(x), hundredths(y))
        })
        .collect();
    if points.len() > 1 {
        let line = points.join("L");
        let _ = write!(svg, "<path class=\"under\" d=\"M0 30L{line}L100 30z\"/><path class=\"over\" d=\"M{line}\"/>");
    }
    svg.push_str("</svg>");
    svg
}

/// One bar divided among its parts, each with its class; empty where all are zero. The numbers stand beside it as text.
pub fn shares(parts: &[(i64, &str)]) -> String {
    let total: i64 = parts.iter().map(|(value, _)| value.max(&0)).sum();
    let mut svg = String::from(
        "<svg class=\"chart shares\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\"><rect class=\"bed\" width=\"1000\" height=\"10\"/>",
    );
    let some: Vec<&(i64, &str)> = parts.iter().filter(|(value, _)| *value > 0).collect();
    // One failure among many successes is seen: what it takes, the largest part gives.
    let mut widths: Vec<i64> = some.iter().map(|(value, _)| part(*value, total, 1_000).max(8)).collect();
    let over = widths.iter().sum::<i64>() - 1_000;
    if let Some(largest) = widths.iter_mut().max() {
        *largest -= over;
    }
    let mut x = 0;
    for ((_, class), width) in some.into_iter().zip(widths) {
        let _ = write!(svg, "<rect class=\"{class}\" x=\"{x}\" width=\"{width}\" height=\"10\"/>");
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

fn open(classes: &str, wide: i64, said: &str) -> String {
    format!(
        "<svg class=\"{classes}\" viewBox=\"0 0 {wide} {HIGH}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\" focusable=\"false\">",
        escaped(said)
    )
}

/// `value` of `whole` as a part of `scale`, none below nothing and none above all.
fn part(value: i64, whole: i64, scale: i64) -> i64 {
    let scaled = i128::from(value.max(0)) * i128::from(scale) / i128::from(whole.max(1));
    i64::try_from(scaled).unwrap_or(scale).min(scale)
}

/// Hundredths as a decimal number.
fn hundredths(value: i64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
