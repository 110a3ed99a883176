//! Writes the figures that each job has of its own.

use super::Language;
use super::blocks::{Block, Document, Matrix, Table};
use super::engineer::names;
use super::words::{count, field, figure, number, percent, share};
use crate::pilot::classification::Classification;
use crate::pilot::figures::{
    ChatFigures, ExtractionFigures, FieldFigures, JobFigures, SearchFigures, TriageFigures,
};

/// Labels of a confusion that is drawn whole; of more, only the most frequent confusions are told.
const MAX_LABELS: usize = 16;
/// Confusions that are told.
const MAX_CONFUSIONS: usize = 20;

pub(super) fn write(document: &mut Document, figures: &JobFigures) {
    match figures {
        JobFigures::Search(figures) => search(document, figures),
        JobFigures::Chat(figures) => chat(document, figures),
        JobFigures::Triage(figures) => triage(document, figures),
        JobFigures::Extraction(figures) => extraction(document, figures),
    }
}

/// A table of figures and values.
fn figures(document: &mut Document, rows: Vec<(String, String)>) {
    let language = document.language;
    document.add(Block::Table(Table {
        caption: language.pick("Chiffres de la tâche", "Figures of the job").to_owned(),
        head: names(language.pick(["Mesure", "Valeur"], ["Figure", "Value"])),
        rows: rows.into_iter().map(|(name, value)| vec![name, value]).collect(),
        is_wordy: false,
    }));
}

fn search(document: &mut Document, of: &SearchFigures) {
    let language = document.language;
    let mut rows = vec![
        (
            language.pick("Recherches avec réponse", "Answerable searches").to_owned(),
            count(language, of.answerable),
        ),
        (
            language.pick("Recherches sans réponse", "Unanswerable searches").to_owned(),
            count(language, of.unanswerable),
        ),
    ];
    for (first, (hit, recall)) in [1, 5, 10].iter().zip(of.found_at.iter().zip(&of.recall_at)) {
        rows.push((
            match first {
                1 => language
                    .pick("Le premier document est bon", "The first document is right")
                    .to_owned(),
                _ => language.pick(
                    format!("Un bon document parmi les {first} premiers"),
                    format!("A right document among the first {first}"),
                ),
            },
            share(language, hit.as_ref()),
        ));
        rows.push((
            language.pick(format!("Rappel@{first}"), format!("Recall@{first}")),
            recall.map_or_else(|| "–".to_owned(), |recall| percent(language, recall)),
        ));
    }
    rows.push(("MRR".to_owned(), figure(language, of.mrr)));
    rows.push(("nDCG@10".to_owned(), figure(language, of.ndcg)));
    rows.push((
        language
            .pick(
                "Aire sous la courbe ROC, avec réponse contre sans",
                "Area under the ROC curve, answerable against not",
            )
            .to_owned(),
        figure(language, of.auroc),
    ));
    rows.push((
        language
            .pick(
                "Sans réponse refusées, en gardant 90 % des autres",
                "Unanswerable refused, keeping 90% of the others",
            )
            .to_owned(),
        of.refused_at_90.map_or_else(|| "–".to_owned(), |refused| percent(language, refused)),
    ));
    figures(document, rows);
}

fn chat(document: &mut Document, of: &ChatFigures) {
    let language = document.language;
    let row = |french: &str, english: &str, value: String| {
        (language.pick(french, english).to_owned(), value)
    };
    let shares = |interval: &Option<_>| share(language, interval.as_ref());
    let rows = vec![
        row("Questions avec réponse", "Answerable questions", count(language, of.answerable)),
        row("Questions sans réponse", "Unanswerable questions", count(language, of.unanswerable)),
        row("Avec réponse : répondues", "Answerable: answered", shares(&of.answered)),
        row("Répondues : justes", "Answered: right", shares(&of.right_of_answered)),
        row(
            "Répondues : justes en partie",
            "Answered: right in part",
            shares(&of.partly_of_answered),
        ),
        row("Faits présents dans les réponses", "Facts found in answers", shares(&of.facts)),
        row("Sans réponse : confiées", "Unanswerable: handed over", shares(&of.handed_over)),
        row(
            "Réponses avec un interdit",
            "Answers with something forbidden",
            count(language, of.forbidden),
        ),
    ];
    figures(document, rows);
}

fn triage(document: &mut Document, of: &TriageFigures) {
    let language = document.language;
    let row = |french: &str, english: &str, value: String| {
        (language.pick(french, english).to_owned(), value)
    };
    let mut rows = vec![
        row(
            "Tout juste, hors messages ambigus",
            "All labels right, without ambiguous messages",
            share(language, of.clear_right.as_ref()),
        ),
        row("Messages ambigus", "Ambiguous messages", count(language, of.ambiguous)),
        row(
            "Ambigus confiés à une personne",
            "Ambiguous ones handed over",
            share(language, of.ambiguous_handed_over.as_ref()),
        ),
    ];
    if of.alerts > 0 {
        let (missed, all) = (count(language, of.alerts_missed), count(language, of.alerts));
        rows.push(row(
            "Alertes manquées",
            "Alerts missed",
            language.pick(format!("{missed} sur {all}"), format!("{missed} of {all}")),
        ));
    }
    figures(document, rows);
    for (name_of, classification) in &of.fields {
        let name = field(document.language, name_of);
        labels(document, name, classification, !of.without_confidence.contains(name_of));
    }
}

fn extraction(document: &mut Document, of: &ExtractionFigures) {
    let language = document.language;
    let rows = vec![
        (
            language.pick("Documents entièrement justes", "Documents right throughout").to_owned(),
            share(language, of.documents_right.as_ref()),
        ),
        (
            language.pick("F1 moyen des champs (macro)", "Mean F1 of fields (macro)").to_owned(),
            number(language, of.macro_f1, 3),
        ),
    ];
    figures(document, rows);
    let line = |name: &str, field: &FieldFigures| {
        vec![
            name.to_owned(),
            count(language, field.support),
            count(language, field.given),
            count(language, field.right),
            count(language, field.invented),
            format!("{}/{}", field.wrong_flagged, field.wrong),
            percent(language, field.precision),
            percent(language, field.recall),
            number(language, field.f1, 3),
        ]
    };
    let all = language.pick("(tous les champs)", "(all fields)");
    document.add(Block::Table(Table {
        caption: language.pick("Par champ", "By field").to_owned(),
        head: names(language.pick(
            [
                "Champ",
                "Présents",
                "Donnés",
                "Justes",
                "Inventés",
                "Faux signalés",
                "Précision",
                "Rappel",
                "F1",
            ],
            [
                "Field",
                "There",
                "Given",
                "Right",
                "Invented",
                "Wrong flagged",
                "Precision",
                "Recall",
                "F1",
            ],
        )),
        rows: [line(all, &of.micro)]
            .into_iter()
            .chain(of.fields.iter().map(|(name, field)| line(name, field)))
            .collect(),
        is_wordy: false,
    }));
    if let Some(types) = &of.types {
        labels(document, language.pick("type de document", "kind of document"), types, false);
    }
}

/// One field of labels: its figures, each label, and what was taken for what.
fn labels(document: &mut Document, name: &str, of: &Classification, has_confidence: bool) {
    let language = document.language;
    document.add(Block::Heading(
        3,
        language.pick(format!("Champ « {name} »"), format!("Field “{name}”")),
    ));
    let accuracy = share(language, of.accuracy.as_ref());
    let f1 = number(language, of.macro_f1, 3);
    let mut text = language.pick(
        format!("Exactitude {accuracy} ; macro-F1 {f1}"),
        format!("Accuracy {accuracy}; macro-F1 {f1}"),
    );
    if has_confidence {
        let off = number(language, of.calibration_error, 3);
        text.push_str(
            &language.pick(
                format!(" ; erreur de calibration {off}"),
                format!("; calibration error {off}"),
            ),
        );
    }
    document.text(format!("{text}."));
    let rows = of.classes.iter().map(|(label, class)| {
        vec![
            label.clone(),
            count(language, class.support),
            count(language, class.given),
            percent(language, class.precision),
            percent(language, class.recall),
            number(language, class.f1, 3),
        ]
    });
    document.add(Block::Table(Table {
        caption: language.pick("Par étiquette", "By label").to_owned(),
        head: names(language.pick(
            ["Étiquette", "Attendus", "Donnés", "Précision", "Rappel", "F1"],
            ["Label", "Expected", "Given", "Precision", "Recall", "F1"],
        )),
        rows: rows.collect(),
        is_wordy: false,
    }));
    if of.classes.len() <= MAX_LABELS {
        document.add(Block::Matrix(matrix(language, of)));
    } else if let Some(table) = confusions(language, of) {
        document.add(Block::Table(table));
    }
}

fn matrix(language: Language, of: &Classification) -> Matrix {
    let labels: Vec<String> = of.classes.keys().cloned().collect();
    let count = |expected: &String, given: &String| {
        of.confusion.get(expected).and_then(|row| row.get(given)).copied().unwrap_or(0)
    };
    let counts = labels
        .iter()
        .map(|expected| labels.iter().map(|given| count(expected, given)).collect())
        .collect();
    Matrix {
        caption: language
            .pick(
                "Confusion : attendu en ligne, donné en colonne",
                "Confusion: expected by row, given by column",
            )
            .to_owned(),
        labels,
        counts,
    }
}

fn confusions(language: Language, of: &Classification) -> Option<Table> {
    let mut pairs: Vec<(usize, &String, &String)> = of
        .confusion
        .iter()
        .flat_map(|(expected, row)| row.iter().map(move |(given, count)| (*count, expected, given)))
        .filter(|(_, expected, given)| expected != given)
        .collect();
    // The most frequent first, then by name.
    pairs.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    pairs.truncate(MAX_CONFUSIONS);
    let rows: Vec<Vec<String>> = pairs
        .iter()
        .map(|(items, expected, given)| {
            vec![(*expected).clone(), (*given).clone(), count(language, *items)]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        caption: language
            .pick("Confusions les plus fréquentes", "Most frequent confusions")
            .to_owned(),
        head: names(
            language.pick(["Attendu", "Donné", "Éléments"], ["Expected", "Given", "Items"]),
        ),
        rows,
        is_wordy: false,
    })
}
