//! Writes the report of two runs of one set.

use super::blocks::{Big, Block, Document, Table, Tone};
use super::engineer::{names, versions};
use super::words::{count, items, number, outcome, percent, points, shown};
use super::{Language, ReportOptions};
use crate::pilot::comparison::{Change, Comparison, Measure, Turned, Verdict};
use crate::pilot::run::Run;

/// Items that are listed, of those that became right and of those that are not any more.
const MAX_LISTED: usize = 100;

pub(super) fn write(
    document: &mut Document,
    before: &Run,
    after: &Run,
    comparison: &Comparison,
    options: &ReportOptions<'_>,
) {
    let language = options.language;
    document.add(Block::Verdict(verdict(language, before, comparison)));
    let shown = [Measure::Right, Measure::HandedOver, Measure::Wrong];
    let bigs = shown.iter().filter_map(|measure| comparison.change(*measure));
    document.add(Block::Bigs(bigs.map(|change| big(language, change)).collect()));
    if comparison.left_out > 0 {
        let (out, both) = (count(language, comparison.left_out), count(language, comparison.items));
        document.note(language.pick(
            format!(
                "Comparés : les {both} éléments des deux essais ; {out} ne sont que dans l’un."
            ),
            format!("Compared: the {both} items of both runs; {out} are in one only."),
        ));
    }
    document.heading(2, "Mesure par mesure", "Figure by figure");
    document.add(Block::Table(changes(language, comparison)));
    document.note(language.pick(
        "Différences par élément, rééchantillonnées ensemble (bootstrap apparié) ; l’intervalle contient \
         la vraie différence 95 fois sur 100. p dit combien de fois le hasard seul en donnerait autant. \
         Hors du hasard : p au-dessous de 0,017, soit 0,05 divisé par les trois parts (juste, faux, en \
         panne) dont le verdict dépend.",
        "Differences by item, drawn anew together (paired bootstrap); the interval has the true \
         difference 95 times of 100. p says how often chance alone gives as much. Beyond chance: \
         p below 0.017, which is 0.05 divided by the three shares (right, wrong, failed) that the verdict \
         looks at.",
    ));
    for (turned, french, english) in [
        (
            &comparison.no_longer_right,
            "Justes avant, plus maintenant",
            "Right before, not any more",
        ),
        (&comparison.became_right, "Devenus justes", "Became right"),
    ] {
        document.heading(2, french, english);
        write_turned(document, turned, options);
    }
    document.heading(2, "Versions", "Versions");
    document.add(Block::Table(versions(language, &[before, after])));
}

fn verdict(language: Language, run: &Run, comparison: &Comparison) -> String {
    let all = count(language, comparison.items);
    let kind = items(language, run.meta.job);
    let (gained, lost) = (
        count(language, comparison.became_right.len()),
        count(language, comparison.no_longer_right.len()),
    );
    let said = match comparison.verdict {
        Verdict::Better => language.pick(
            "Le deuxième essai est meilleur, et le hasard ne l’explique guère",
            "The second run is better, and chance hardly explains it",
        ),
        Verdict::Worse => language.pick(
            "Le deuxième essai est moins bon, et le hasard ne l’explique guère",
            "The second run is worse, and chance hardly explains it",
        ),
        Verdict::Traded => language.pick(
            "Le deuxième essai gagne d’un côté et perd de l’autre : à vous de peser",
            "The second run gains on one side and loses on the other: it is for you to weigh",
        ),
        Verdict::Same => language.pick(
            "Les deux essais donnent le même résultat pour chaque élément",
            "Both runs have the same outcome for every item",
        ),
        Verdict::Untold => language.pick(
            "On ne peut pas dire lequel est meilleur : ce qui les sépare peut être dû au hasard",
            "Which is better cannot be told: what differs may be chance",
        ),
    };
    language.pick(
        format!("{said} ({all} {kind} : {gained} devenus justes, {lost} qui ne le sont plus)."),
        format!("{said} ({all} {kind}: {gained} became right, {lost} are not any more)."),
    )
}

fn is_share(measure: Measure) -> bool {
    match measure {
        Measure::Right | Measure::HandedOver | Measure::Wrong | Measure::Failed => true,
        Measure::Quality | Measure::Seconds => false,
    }
}

fn name(language: Language, measure: Measure) -> &'static str {
    match measure {
        Measure::Right => language.pick("Juste", "Right"),
        Measure::HandedOver => language.pick("Confié à une personne", "Handed over"),
        Measure::Wrong => language.pick("Faux", "Wrong"),
        Measure::Failed => language.pick("En panne", "Failed"),
        Measure::Quality => {
            language.pick("Part juste de chaque élément", "Right part of each item")
        }
        Measure::Seconds => language.pick("Secondes par élément", "Seconds an item"),
    }
}

/// A value of a measure in its unit.
fn value(language: Language, measure: Measure, value: f64) -> String {
    if is_share(measure) { percent(language, value) } else { number(language, value, 3) }
}

/// A difference of a measure in its unit, with its sign.
fn difference(language: Language, measure: Measure, value: f64) -> String {
    if is_share(measure) {
        return points(language, value);
    }
    let text = number(language, value, 3);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}

fn big(language: Language, change: &Change) -> Big {
    let (low, high) =
        (points(language, change.difference.low), points(language, change.difference.high));
    let is_good = match change.measure {
        Measure::Right | Measure::Quality => change.difference.mean > 0.0,
        Measure::HandedOver | Measure::Wrong | Measure::Failed | Measure::Seconds => {
            change.difference.mean < 0.0
        }
    };
    Big {
        label: format!(
            "{} : {} → {}",
            name(language, change.measure),
            percent(language, change.before),
            percent(language, change.after)
        ),
        value: format!("{} pts", points(language, change.difference.mean)),
        range: language.pick(format!("entre {low} et {high}"), format!("between {low} and {high}")),
        tone: match (change.is_told(), is_good) {
            (false, _) => Tone::Neutral,
            (true, true) => Tone::Good,
            (true, false) => Tone::Bad,
        },
    }
}

fn changes(language: Language, comparison: &Comparison) -> Table {
    let rows = comparison.changes.iter().map(|change| {
        let measure = change.measure;
        let told =
            if change.is_told() { language.pick("oui", "yes") } else { language.pick("non", "no") };
        vec![
            name(language, measure).to_owned(),
            value(language, measure, change.before),
            value(language, measure, change.after),
            difference(language, measure, change.difference.mean),
            format!(
                "{} … {}",
                difference(language, measure, change.difference.low),
                difference(language, measure, change.difference.high)
            ),
            chance(language, change.p),
            told.to_owned(),
        ]
    });
    Table {
        caption: language
            .pick(
                "Deuxième essai moins premier, sur les mêmes éléments",
                "Second run less first, over the same items",
            )
            .to_owned(),
        head: names(language.pick(
            ["Mesure", "Avant", "Après", "Différence", "Intervalle", "p", "Hors du hasard"],
            ["Figure", "Before", "After", "Difference", "Interval", "p", "Beyond chance"],
        )),
        rows: rows.collect(),
        is_wordy: false,
    }
}

/// How often chance gives it; never said to be never.
fn chance(language: Language, p: f64) -> String {
    if p < 0.001 { format!("< {}", number(language, 0.001, 3)) } else { number(language, p, 3) }
}

fn write_turned(document: &mut Document, turned: &[Turned], options: &ReportOptions<'_>) {
    let language = options.language;
    if turned.is_empty() {
        document.text(language.pick("Aucun.", "None."));
        return;
    }
    let text = |id: &str| {
        let items = options.texts.into_iter().flat_map(|set| &set.items);
        let item = items.into_iter().find(|item| item.id == id);
        item.map(|item| shown(&item.content.text())).unwrap_or_default()
    };
    let rows = turned.iter().take(MAX_LISTED).map(|one| {
        let mut row = vec![
            one.id.clone(),
            outcome(language, one.before).to_owned(),
            outcome(language, one.after).to_owned(),
        ];
        if options.texts.is_some() {
            row.push(text(&one.id));
        }
        row
    });
    let mut head = names(language.pick(["Élément", "Avant", "Après"], ["Item", "Before", "After"]));
    if options.texts.is_some() {
        head.push(language.pick("Texte", "Text").to_owned());
    }
    let (listed, all) = (turned.len().min(MAX_LISTED), turned.len());
    let (listed, all) = (count(language, listed), count(language, all));
    document.add(Block::Table(Table {
        caption: language.pick(format!("{listed} sur {all}"), format!("{listed} of {all}")),
        head,
        rows: rows.collect(),
        is_wordy: true,
    }));
}
