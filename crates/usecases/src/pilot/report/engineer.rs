//! Writes the engineers' part: figures, plots, what went wrong, versions.

use super::blocks::{Block, Document, Figure, Table};
use super::plot::{Bar, Plot};
use super::words::{count, figure, milliseconds, moment, number, percent, range};
use super::{Language, ReportOptions, errors, job};
use crate::pilot::figures::{EngineerFigures, Sureness, Times};
use crate::pilot::promise::PromiseRow;
use crate::pilot::run::{ItemResult, Outcome, Run};

/// Items that are listed.
const MAX_LISTED: usize = 200;
/// Lines of the table beside a curve.
const MAX_LINES: usize = 20;
/// Bars of the distribution of times.
const BARS: usize = 10;

pub(super) fn write(
    document: &mut Document,
    run: &Run,
    figures: &EngineerFigures,
    options: &ReportOptions<'_>,
) {
    let language = options.language;
    document.add(Block::Page);
    document.heading(2, "Pour les ingénieurs", "For engineers");
    job::write(document, &figures.job);
    document.heading(3, "Seuils et promesses", "Thresholds and promises");
    document.add(Block::Table(promises(language, &figures.promises)));
    document.note(language.pick(
        "Essai binomial exact sur une suite fixée d’avance (Learn then Test). La promesse vaut pour des \
         éléments semblables à ceux du jeu, qui n’ont servi à régler ni le modèle ni la confiance.",
        "Exact binomial test over a sequence fixed beforehand (Learn then Test). The promise is for \
         items like those of the set, which nothing was tuned on.",
    ));
    if let Some(sureness) = &figures.sureness {
        document.heading(3, "Ce que vaut la confiance", "What confidence is worth");
        write_sureness(document, sureness, &figures.promises);
    }
    if let Some(times) = Times::of(&run.items) {
        document.heading(3, "Temps par élément", "Time per item");
        document.add(Block::Figure(Box::new(latency(language, &run.items, &times))));
    }
    write_errors(document, run, options);
    write_versions(document, run);
}

fn promises(language: Language, rows: &[PromiseRow]) -> Table {
    let cells = rows.iter().map(|row| {
        let (threshold, coverage, errors) = match (row.threshold, row.needed) {
            (Some(found), _) => (
                number(language, found.confidence, 4),
                format!(
                    "{} ({})",
                    percent(language, found.coverage.share),
                    range(language, &found.coverage)
                ),
                count(language, found.errors),
            ),
            (None, Some(needed)) => {
                let needed = count(language, needed);
                let text = language.pick(
                    format!("refusé : il faudrait au moins {needed} éléments"),
                    format!("refused: it would take at least {needed} items"),
                );
                ("–".to_owned(), text, "–".to_owned())
            }
            (None, None) => {
                let text = language.pick(
                    "refusé : trop d’erreurs parmi les plus sûrs",
                    "refused: too many errors among the surest",
                );
                ("–".to_owned(), text.to_owned(), "–".to_owned())
            }
        };
        vec![
            format!("≤ {}", percent(language, row.promise.max_error)),
            percent(language, row.promise.certainty),
            threshold,
            coverage,
            errors,
        ]
    });
    Table {
        caption: language
            .pick(
                "Erreurs promises parmi ce qui est accepté",
                "Errors promised among what is accepted",
            )
            .to_owned(),
        head: names(language.pick(
            ["Erreurs", "Tenu", "Seuil", "Part acceptée", "Erreurs comptées"],
            ["Errors", "Kept", "Threshold", "Share accepted", "Errors counted"],
        )),
        rows: cells.collect(),
        is_wordy: false,
    }
}

pub(super) fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

fn write_sureness(document: &mut Document, sureness: &Sureness, promises: &[PromiseRow]) {
    let language = document.language;
    let mut rows = vec![
        vec![
            language
                .pick("Propositions avec une confiance", "Proposals with a confidence")
                .to_owned(),
            count(language, sureness.items),
        ],
        vec![
            language.pick("Erreur de calibration (ECE)", "Calibration error (ECE)").to_owned(),
            number(language, sureness.calibration_error, 3),
        ],
        vec![
            language.pick("Aire sous la courbe ROC", "Area under the ROC curve").to_owned(),
            figure(language, sureness.auroc),
        ],
    ];
    for (precision, coverage) in &sureness.coverage {
        let (least, share) = (percent(language, *precision), percent(language, *coverage));
        rows.push(vec![
            language.pick(
                format!("Part acceptée à {least} de justes"),
                format!("Share accepted at {least} right"),
            ),
            share,
        ]);
    }
    document.add(Block::Table(Table {
        caption: language
            .pick(
                "Lu sur ce jeu même : sert à comparer, ne promet rien",
                "Read from this very set: to compare by, no promise",
            )
            .to_owned(),
        head: names(language.pick(["Mesure", "Valeur"], ["Figure", "Value"])),
        rows,
        is_wordy: false,
    }));
    document.add(Block::Figure(Box::new(reliability(language, sureness))));
    document.add(Block::Figure(Box::new(curve(language, sureness, promises))));
}

fn reliability(language: Language, sureness: &Sureness) -> Figure {
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

fn curve(language: Language, sureness: &Sureness, promises: &[PromiseRow]) -> Figure {
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
fn latency(language: Language, items: &[ItemResult], times: &Times) -> Figure {
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

fn write_errors(document: &mut Document, run: &Run, options: &ReportOptions<'_>) {
    let language = options.language;
    let mut listed = errors::worst(run, usize::MAX);
    listed.extend(run.items.iter().filter(|item| item.outcome == Outcome::Failed));
    document.heading(3, "Éléments faux ou en panne", "Items that are wrong or failed");
    if listed.is_empty() {
        document.text(language.pick("Aucun.", "None."));
        return;
    }
    if listed.len() > MAX_LISTED {
        let (shown, all) = (count(language, MAX_LISTED), count(language, listed.len()));
        document.note(language.pick(
            format!("Les {shown} premiers de {all}, les plus sûrs d’abord."),
            format!("The first {shown} of {all}, the surest first."),
        ));
        listed.truncate(MAX_LISTED);
    }
    document.add(Block::Cards(errors::cards(&listed, options)));
}

fn write_versions(document: &mut Document, run: &Run) {
    let language = document.language;
    document.heading(3, "Versions", "Versions");
    document.add(Block::Table(versions(language, &[run])));
}

/// What runs were run with, one column each.
pub(super) fn versions(language: Language, runs: &[&Run]) -> Table {
    let none = || "–".to_owned();
    let line = |name: &str, value: &dyn Fn(&Run) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend(runs.iter().map(|run| value(run)));
        row
    };
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(none);
    let listed = |all: Vec<String>| if all.is_empty() { none() } else { all.join(" ; ") };
    let rows = vec![
        line(language.pick("Jeu", "Set"), &|run| run.meta.set.name.clone()),
        line("SHA-256", &|run| run.meta.set.sha256.clone()),
        line(language.pick("Serveur", "Server"), &|run| run.meta.versions.server.clone()),
        line(language.pick("Générateur", "Generator"), &|run| {
            or_none(&run.meta.versions.generator)
        }),
        line(language.pick("Encodeur", "Encoder"), &|run| or_none(&run.meta.versions.encoder)),
        line("Reranker", &|run| or_none(&run.meta.versions.reranker)),
        line("Index", &|run| or_none(&run.meta.versions.index)),
        line(language.pick("Consignes", "Prompts"), &|run| or_none(&run.meta.versions.prompt)),
        line(language.pick("Seuils", "Thresholds"), &|run| {
            let all = run.meta.thresholds.iter();
            listed(all.map(|(name, at)| format!("{name} = {}", number(language, *at, 4))).collect())
        }),
        line(language.pick("Réglages", "Settings"), &|run| {
            listed(
                run.meta.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect(),
            )
        }),
        line(language.pick("Début", "Began"), &|run| moment(language, run.meta.started)),
        line(language.pick("Fin", "Ended"), &|run| {
            run.meta.finished.map_or_else(none, |at| moment(language, at))
        }),
        line("Machine", &|run| run.meta.machine.clone()),
    ];
    let mut head = vec![language.pick("Quoi", "What").to_owned()];
    head.extend((1..=runs.len()).map(|at| match runs.len() {
        1 => language.pick("Version", "Version").to_owned(),
        _ => language.pick(format!("Essai {at}"), format!("Run {at}")),
    }));
    Table {
        caption: language
            .pick("Ce avec quoi l’essai a été fait", "What it was run with")
            .to_owned(),
        head,
        rows,
        is_wordy: true,
    }
}
