//! Draws plots as SVG, by hand: a few lines and boxes in the page's own colours.

use std::fmt::Write as _;

/// Width of the drawing.
const WIDTH: f64 = 480.0;
/// Height of the drawing.
const HEIGHT: f64 = 300.0;
/// Where the axes are.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;

/// What is drawn. Texts are for readers and not yet escaped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plot {
    /// Bars with what they may be by chance, over an axis from 0 to 1; the diagonal is what would be
    /// right.
    Reliability { bars: Vec<Bar>, axes: (String, String) },
    /// A line, across from 0 to 1 and up from `floor` to 1, with places that are marked.
    Curve {
        points: Vec<(f64, f64)>,
        marks: Vec<(f64, f64, String)>,
        floor: f64,
        axes: (String, String),
    },
    /// Counts with their names.
    Counts { bars: Vec<(String, usize)>, axis: String },
}

/// A bar over a place of the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bar {
    pub(super) at: f64,
    pub(super) height: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The drawing, with its name and description, which are escaped already.
pub(super) fn svg(plot: &Plot, id: &str, title: &str, description: &str) -> String {
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>"
    );
    match plot {
        Plot::Reliability { bars, axes } => reliability(&mut out, bars, axes),
        Plot::Curve { points, marks, floor, axes } => {
            // From the floor to the top is from 0 to 1 of the drawing.
            let up = |value: f64| (value - floor) / (1.0 - floor).max(1e-9);
            let points: Vec<(f64, f64)> = points.iter().map(|(x, y)| (*x, up(*y))).collect();
            let marks: Vec<(f64, f64, &str)> =
                marks.iter().map(|(x, y, text)| (*x, up(*y), text.as_str())).collect();
            frame(&mut out, *floor, axes);
            curve(&mut out, &points, &marks);
        }
        Plot::Counts { bars, axis } => counts(&mut out, bars, axis),
    }
    out.push_str("</svg>");
    out
}

/// From 0 to 1 to a place of the drawing.
fn x(value: f64) -> f64 {
    LEFT + unit(value) * (WIDTH - LEFT - RIGHT)
}

fn y(value: f64) -> f64 {
    TOP + (1.0 - unit(value)) * (HEIGHT - TOP - BOTTOM)
}

/// A number that can be drawn, whatever came in.
fn unit(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

// Writing to a text cannot fail, so results are dropped below.

fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = write!(
        out,
        "<line class=\"{class}\" stroke=\"currentColor\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn label(out: &mut String, at: (f64, f64), anchor: &str, text: &str) {
    let text = super::html::escape(text);
    let _ = write!(
        out,
        "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
        at.0, at.1
    );
}

/// Both axes up to 100, with a grid: across from 0, up from `floor`.
fn frame(out: &mut String, floor: f64, axes: &(String, String)) {
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let text = format!("{}", step * 25);
        label(out, (x(share), HEIGHT - BOTTOM + 16.0), "middle", &text);
    }
    // Fifths, because floors are tenths: all of them are whole numbers.
    for step in 0..=5 {
        let share = f64::from(step) / 5.0;
        let height = format!("{:.0}", 100.0 * (floor + share * (1.0 - floor)));
        line(out, "grid", (x(0.0), y(share)), (x(1.0), y(share)));
        label(out, (LEFT - 8.0, y(share) + 4.0), "end", &height);
    }
    line(out, "axis", (x(0.0), y(0.0)), (x(1.0), y(0.0)));
    line(out, "axis", (x(0.0), y(0.0)), (x(0.0), y(1.0)));
    label(out, (x(0.5), HEIGHT - 8.0), "middle", &axes.0);
    upright(out, &axes.1);
}

/// The name of the axis on the left.
fn upright(out: &mut String, text: &str) {
    let (middle, text) = (y(0.5), super::html::escape(text));
    let _ = write!(
        out,
        "<text class=\"label\" x=\"14\" y=\"{middle:.1}\" text-anchor=\"middle\" \
         transform=\"rotate(-90 14 {middle:.1})\">{text}</text>"
    );
}

fn reliability(out: &mut String, bars: &[Bar], axes: &(String, String)) {
    frame(out, 0.0, axes);
    for bar in bars {
        let (middle, top) = (x(bar.at), y(bar.height));
        let _ = write!(
            out,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{top:.1}\" width=\"20\" height=\"{:.1}\" \
             opacity=\"0.7\"/>",
            middle - 10.0,
            y(0.0) - top
        );
        line(out, "whisker", (middle, y(bar.low)), (middle, y(bar.high)));
        for end in [bar.low, bar.high] {
            line(out, "whisker", (middle - 4.0, y(end)), (middle + 4.0, y(end)));
        }
    }
    line(out, "guide", (x(0.0), y(0.0)), (x(1.0), y(1.0)));
}

fn curve(out: &mut String, points: &[(f64, f64)], marks: &[(f64, f64, &str)]) {
    out.push_str("<polyline class=\"curve\" fill=\"none\" stroke=\"currentColor\" points=\"");
    for (across, up) in points {
        let _ = write!(out, "{:.1},{:.1} ", x(*across), y(*up));
    }
    out.push_str("\"/>");
    if let [(across, up)] = points {
        // A line of one point is not seen.
        let _ = write!(
            out,
            "<circle class=\"bar\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>",
            x(*across),
            y(*up)
        );
    }
    for (at, (across, up, text)) in marks.iter().enumerate() {
        let (across, up) = (x(*across), y(*up));
        line(out, "guide", (across, y(0.0)), (across, up));
        let _ = write!(out, "<circle class=\"mark\" cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"5\"/>");
        let is_right = across > WIDTH / 2.0;
        let (shift, anchor) = if is_right { (-9.0, "end") } else { (9.0, "start") };
        // Above the axis, one over the other, so that none is over the line or another.
        label(out, (across + shift, y(0.0) - 8.0 - 16.0 * at as f64), anchor, text);
    }
}

fn counts(out: &mut String, bars: &[(String, usize)], axis: &str) {
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let step = (WIDTH - LEFT - RIGHT) / bars.len().max(1) as f64;
    for (at, (name, count)) in bars.iter().enumerate() {
        let left = LEFT + step * at as f64;
        // Room for the count above the highest.
        let top = y(*count as f64 / most as f64 * 0.93);
        let _ = write!(
            out,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            left + 2.0,
            (step - 4.0).max(1.0),
            y(0.0) - top
        );
        label(out, (left + step / 2.0, HEIGHT - BOTTOM + 16.0), "middle", name);
        if *count > 0 {
            label(out, (left + step / 2.0, top - 4.0), "middle", &count.to_string());
        }
    }
    line(out, "axis", (x(0.0), y(0.0)), (x(1.0), y(0.0)));
    label(out, (x(0.5), HEIGHT - 8.0), "middle", axis);
}
