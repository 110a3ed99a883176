//! Measures how far a page image is turned from straight.
//!
//! Source: Postl, "Detection of linear oblique structures and skew scan in digitized documents"
//! (1986): summed along the lines of a text, its pixels gather in few places; along any other
//! direction they spread. Only the lower ends of strokes are summed: they stand on the lines, and
//! dark areas of photographs have few.

use super::gray::Gray;

/// The largest turn that is looked for, in degrees. More is not an accident.
const MAX_ANGLE: f32 = 8.0;
/// Steps of the coarse and of the fine search, in degrees.
const COARSE: f32 = 0.5;
const FINE: f32 = 0.05;
/// Turns below this do no harm.
const MIN_ANGLE: f32 = 0.15;
/// How much better than straight the best direction must be.
const MIN_GAIN: f64 = 1.1;
/// Side of the reduced image that is measured, in pixels.
const MEASURED_SIDE: usize = 1_200;
/// Ends of strokes that are summed.
const MAX_POINTS: usize = 100_000;
/// Fewer ends than this are no text.
const MIN_POINTS: usize = 50;

/// What the image must be turned by ([`Gray::turned`]) to be straight, in degrees; 0 when it is
/// straight, or has no text.
pub(super) fn angle(image: &Gray) -> f32 {
    let reduced = image.reduced(image.width.max(image.height).div_ceil(MEASURED_SIDE));
    let threshold = threshold(&reduced);
    // Lines run across, or down on a page that lies on its side.
    let across = best(&points(&reduced, threshold, false));
    let down = best(&points(&reduced, threshold, true));
    let (angle, gain) = match (across, down) {
        (Some(a), Some(d)) if d.1 > a.1 => (-d.0, d.1),
        (Some(a), _) => a,
        (None, Some(d)) => (-d.0, d.1),
        (None, None) => return 0.0,
    };
    if angle.abs() < MIN_ANGLE || gain < MIN_GAIN { 0.0 } else { angle }
}

/// The shade that parts ink from paper best. Source: Otsu, "A threshold selection method from
/// gray-level histograms" (1979).
pub(super) fn threshold(image: &Gray) -> u8 {
    let mut counts = [0_u64; 256];
    for pixel in &image.pixels {
        counts[usize::from(*pixel)] += 1;
    }
    let total: u64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(shade, n)| shade as f64 * *n as f64).sum();
    let (mut best, mut best_between) = (127, 0.0);
    let (mut dark, mut dark_sum) = (0_u64, 0.0);
    for (shade, count) in counts.iter().enumerate() {
        dark += count;
        dark_sum += shade as f64 * *count as f64;
        let light = total - dark;
        if dark == 0 || light == 0 {
            continue;
        }
        let apart = dark_sum / dark as f64 - (sum - dark_sum) / light as f64;
        let between = dark as f64 * light as f64 * apart * apart;
        if between > best_between {
            (best, best_between) = (shade, between);
        }
    }
    best as u8
}

/// Ends of strokes: dark pixels above (or left of, `down`) a light one, as (along the line, across
/// it).
fn points(image: &Gray, threshold: u8, down: bool) -> Vec<(f32, f32)> {
    let (along, across) =
        if down { (image.height, image.width) } else { (image.width, image.height) };
    let is_dark = |along: usize, across: usize| {
        let at = if down { along * image.width + across } else { across * image.width + along };
        image.pixels[at] <= threshold
    };
    let mut points = Vec::new();
    for line in 0..across.saturating_sub(1) {
        for at in 0..along {
            if is_dark(at, line) && !is_dark(at, line + 1) {
                points.push((at as f32, line as f32));
            }
        }
    }
    let every = points.len().div_ceil(MAX_POINTS).max(1);
    points.into_iter().step_by(every).collect()
}

/// The angle at which the points gather best, and how much better than at 0.
fn best(points: &[(f32, f32)]) -> Option<(f32, f64)> {
    if points.len() < MIN_POINTS {
        return None;
    }
    let search = |from: f32, to: f32, step: f32| {
        let steps = ((to - from) / step).round() as i32;
        let angles = (0..=steps).map(|at| from + at as f32 * step);
        let rated = angles.map(|angle| (angle, gathered(points, angle)));
        rated.fold((0.0, 0.0), |best, next| if next.1 > best.1 { next } else { best })
    };
    let (coarse, _) = search(-MAX_ANGLE, MAX_ANGLE, COARSE);
    let (fine, most) = search(coarse - COARSE, coarse + COARSE, FINE);
    Some((fine, most / gathered(points, 0.0).max(1.0)))
}

/// The sum of squares of how many points lie on each line of this direction.
fn gathered(points: &[(f32, f32)], degrees: f32) -> f64 {
    let slope = degrees.to_radians().tan();
    let lines = |(along, across): &(f32, f32)| (across - along * slope).round() as i32;
    let lowest = points.iter().map(lines).min().unwrap_or(0);
    let highest = points.iter().map(lines).max().unwrap_or(0);
    let mut counts = vec![0_u32; (highest - lowest) as usize + 1];
    for point in points {
        counts[(lines(point) - lowest) as usize] += 1;
    }
    counts.iter().map(|count| f64::from(*count) * f64::from(*count)).sum()
}
