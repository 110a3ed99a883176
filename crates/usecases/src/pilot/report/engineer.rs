//! Writes the engineers' part: figures, plots, what went wrong, versions.

use super::blocks::{Block, Document, Table};
use super::curves::{curve, latency, reliability};
use super::words::{count, figure, moment, number, percent, range};
use super::{Language, ReportOptions, errors, job};
use crate::pilot::figures::{EngineerFigures, Sureness, Times};
use crate::pilot::promise::PromiseRow;
use crate::pilot::run::{Outcome, Run};

/// Items that are listed.
const MAX_LISTED: usize = 200;

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
