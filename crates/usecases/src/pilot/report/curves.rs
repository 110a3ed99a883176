//! Draws what confidence is worth and how long items took, each plot with its table.

use super::Language;
use super::blocks::{Figure, Table};
use super::engineer::names;
use super::plot::{Bar, Plot};
use super::words::{count, milliseconds, number, percent, range};
use crate::pilot::figures::{Sureness, Times};
use crate::pilot::promise::PromiseRow;
use crate::pilot::run::{ItemResult, Outcome};

/// Lines of the table beside a curve.
const MAX_LINES: usize = 20;
/// Bars of the distribution of times.
const BARS: usize = 10;

/// Confidence against the share that is right.
pub(super) fn reliability(language: Language, sureness: &Sureness) -> Figure {
    let bars = sureness.bands.iter().map(|band| Bar {
        at: band.confidence,
        height: band.right.share,
        low: band.right.low,
        high: band.right.high,
    });
    let rows = sureness.bands.iter().map(|band| {
        vec![
            percent(language, band.confidence),
            percent(language, band.right.share),
            range(language, &band.right),
            count(language, band.right.of),
        ]
    });
    Figure {
        title: language.pick("Diagramme de fiabilité.", "Reliability diagram.").to_owned(),
        description: language
            .pick(
                "Chaque barre dit la part de propositions justes là où le serveur annonce cette \
                 confiance ; sur la diagonale, il serait juste aussi souvent qu’il le dit.",
                "Each bar is the share of right proposals where the server says that confidence; on \
                 the diagonal it would be right as often as it says.",
            )
            .to_owned(),
        plot: Plot::Reliability {
            bars: bars.collect(),
            axes: language.pick(
                ("Confiance (%)".to_owned(), "Juste (%)".to_owned()),
                ("Confidence (%)".to_owned(), "Right (%)".to_owned()),
            ),
        },
        table: Table {
            caption: language.pick("Par dixième de confiance", "By tenths of confidence").to_owned(),
            head: names(language.pick(
                ["Confiance moyenne", "Juste", "Intervalle", "Éléments"],
                ["Mean confidence", "Right", "Interval", "Items"],
            )),
            rows: rows.collect(),
            is_wordy: false,
        },
    }
}

/// What thresholds accept, with those of the promises that are kept.
pub(super) fn curve(language: Language, sureness: &Sureness, promises: &[PromiseRow]) -> Figure {
    let mut marks: Vec<(f64, f64, String)> = Vec::new();
    for row in promises.iter().filter(|row| (row.promise.certainty - 0.95).abs() < 1e-9) {
        let Some(threshold) = row.threshold else { continue };
        let precision = sureness
            .curve
            .iter()
            .rev()
            .find(|point| point.threshold >= threshold.confidence)
            .map_or(1.0, |point| point.precision);
        let text = format!(
            "≤ {} : {}",
            percent(language, row.promise.max_error),
            number(language, threshold.confidence, 3)
        );
        let at = (threshold.coverage.share, precision);
        match marks.iter_mut().find(|mark| (mark.0 - at.0).abs() < 1e-9) {
            Some(mark) => mark.2 = text,
            None => marks.push((at.0, at.1, text)),
        }
    }
    // The next tenth below the lowest: a curve near the top would be a line.
    let lowest = sureness.curve.iter().map(|point| point.precision).fold(1.0, f64::min);
    let floor = ((lowest * 10.0 - 0.5).floor() / 10.0).clamp(0.0, 0.9);
    let step = sureness.curve.len().div_ceil(MAX_LINES).max(1);
    let last = sureness.curve.len().saturating_sub(1);
    let rows = sureness.curve.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == last);
    let rows = rows.map(|(_, point)| {
        vec![
            number(language, point.threshold, 4),
            percent(language, point.coverage),
            percent(language, point.precision),
        ]
    });
    Figure {
        title: language.pick("Part acceptée et part juste.", "Coverage and precision.").to_owned(),
        description: language
            .pick(
                "Plus le seuil baisse, plus on accepte, et plus on se trompe. Les points marquent les \
                 seuils des promesses tenues 95 fois sur 100.",
                "The lower the threshold, the more is accepted and the more is wrong. Dots mark the \
                 thresholds of promises that are kept 95 times of 100.",
            )
            .to_owned(),
        plot: Plot::Curve {
            points: sureness.curve.iter().map(|point| (point.coverage, point.precision)).collect(),
            marks,
            floor,
            axes: language.pick(
                ("Accepté (% des éléments)".to_owned(), "Juste parmi l’accepté (%)".to_owned()),
                ("Accepted (% of items)".to_owned(), "Right among accepted (%)".to_owned()),
            ),
        },
        table: Table {
            caption: language.pick("Par seuil", "By threshold").to_owned(),
            head: names(language.pick(
                ["Seuil", "Accepté", "Juste parmi l’accepté"],
                ["Threshold", "Accepted", "Right among accepted"],
            )),
            rows: rows.collect(),
            is_wordy: false,
        },
    }
}

/// The distribution of times, in equal steps up to the 95th percentile and one bar beyond.
pub(super) fn latency(language: Language, items: &[ItemResult], times: &Times) -> Figure {
    let step = round_step(times.p95_ms.div_ceil(BARS as u64 - 1));
    let mut counts = [0_usize; BARS];
    for item in items.iter().filter(|item| item.outcome != Outcome::Failed) {
        let at = usize::try_from(item.latency_ms / step).unwrap_or(BARS);
        if let Some(count) = counts.get_mut(at.min(BARS - 1)) {
            *count += 1;
        }
    }
    let bounds = |at: usize| (at as u64 * step, (at as u64 + 1) * step);
    let short = |ms: u64| {
        if times.p95_ms < 2_000 { ms.to_string() } else { number(language, ms as f64 / 1e3, 1) }
    };
    let name = |at: usize| {
        if at + 1 == BARS { format!("≥ {}", short(bounds(at).0)) } else { short(bounds(at).0) }
    };
    let bars: Vec<(String, usize)> =
        counts.iter().enumerate().map(|(at, count)| (name(at), *count)).collect();
    let rows = counts.iter().enumerate().map(|(at, items)| {
        let (from, to) = bounds(at);
        let text = if at + 1 == BARS {
            format!("≥ {}", milliseconds(language, from))
        } else {
            format!("{} – {}", milliseconds(language, from), milliseconds(language, to))
        };
        vec![text, count(language, *items)]
    });
    let (median, p95, most) = (
        milliseconds(language, times.median_ms),
        milliseconds(language, times.p95_ms),
        milliseconds(language, times.max_ms),
    );
    Figure {
        title: language.pick("Répartition des temps.", "Distribution of times.").to_owned(),
        description: language.pick(
            format!("Médiane {median}, 95ᵉ centile {p95}, maximum {most}, hors pannes."),
            format!("Median {median}, 95th percentile {p95}, maximum {most}, without failures."),
        ),
        plot: Plot::Counts {
            bars,
            axis: if times.p95_ms < 2_000 {
                language.pick("À partir de … ms", "From … ms on").to_owned()
            } else {
                language.pick("À partir de … s", "From … s on").to_owned()
            },
        },
        table: Table {
            caption: language.pick("Éléments par temps", "Items by time").to_owned(),
            head: names(language.pick(["Temps", "Éléments"], ["Time", "Items"])),
            rows: rows.collect(),
            is_wordy: false,
        },
    }
}

/// The least of 1, 2, 5, 10, 20 and so on that is not below.
fn round_step(least: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [1, 2, 5].map(|digit| power.saturating_mul(digit)) {
            if step >= least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}
