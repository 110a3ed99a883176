//! Shows items that went wrong, with their texts only where those are asked for.

use std::collections::HashMap;

use serde_json::Value;

use super::blocks::Card;
use super::words::{field, number, outcome, shown};
use super::{Language, ReportOptions};
use crate::pilot::figures::NONE;
use crate::pilot::run::{
    ChatDetails, Details, ExtractionDetails, FieldMatch, FieldResult, ItemResult, LabelResult,
    Outcome, Run, SearchDetails, TriageDetails,
};
use crate::pilot::set::Item;

/// Values of one document that are shown.
const MAX_FIELDS: usize = 12;
/// Documents of one search that are shown.
const MAX_FOUND: usize = 5;

/// The wrong items, the most confident first, up to `most`.
pub(super) fn worst(run: &Run, most: usize) -> Vec<&ItemResult> {
    let mut wrong: Vec<&ItemResult> =
        run.items.iter().filter(|item| item.outcome == Outcome::Wrong).collect();
    let sure = |item: &ItemResult| item.confidence.unwrap_or(f64::NEG_INFINITY);
    wrong.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
    wrong.truncate(most);
    wrong
}

/// What is said of each item.
pub(super) fn cards(items: &[&ItemResult], options: &ReportOptions<'_>) -> Vec<Card> {
    let known: HashMap<&str, &Item> = options
        .texts
        .into_iter()
        .flat_map(|set| &set.items)
        .map(|item| (item.id.as_str(), item))
        .collect();
    items.iter().map(|item| card(item, known.get(item.id.as_str()).copied(), options)).collect()
}

fn card(item: &ItemResult, labelled: Option<&Item>, options: &ReportOptions<'_>) -> Card {
    let language = options.language;
    let mut lines = Vec::new();
    if let Some(labelled) = labelled {
        let name = language.pick("Texte", "Text").to_owned();
        lines.push((name, shown(&labelled.content.text())));
    }
    if let Some(confidence) = item.confidence {
        let name = language.pick("Confiance", "Confidence").to_owned();
        lines.push((name, number(language, confidence, 3)));
    }
    let with_texts = options.texts.is_some();
    match &item.details {
        Details::Search(details) => search(&mut lines, details, with_texts, language),
        Details::Chat(details) => chat(&mut lines, details, with_texts, language),
        Details::Triage(details) => triage(&mut lines, details, language),
        Details::Extraction(details) => extraction(&mut lines, details, with_texts, language),
        Details::Failed { code } => {
            lines.push((language.pick("Erreur", "Error").to_owned(), code.clone()));
        }
    }
    Card { title: format!("{} ({})", item.id, outcome(language, item.outcome)), lines }
}

type Said = Vec<(String, String)>;

fn search(lines: &mut Said, details: &SearchDetails, with_texts: bool, language: Language) {
    let place = details.found.iter().position(|found| details.relevant.contains(found));
    let text = match (details.relevant.is_empty(), place) {
        (true, _) => language
            .pick(
                "rien ne répond, des documents ont été proposés",
                "nothing answers, documents were shown",
            )
            .to_owned(),
        (false, Some(at)) => language.pick(
            format!("le premier bon document est au rang {}", at + 1),
            format!("the first right document is at place {}", at + 1),
        ),
        (false, None) => language
            .pick("aucun bon document n’est trouvé", "no right document was found")
            .to_owned(),
    };
    lines.push((language.pick("Constat", "Finding").to_owned(), text));
    if with_texts {
        let list = |names: &[String]| {
            let first: Vec<&str> = names.iter().take(MAX_FOUND).map(String::as_str).collect();
            shown(&first.join(" · "))
        };
        lines.push((language.pick("Attendu", "Expected").to_owned(), list(&details.relevant)));
        lines.push((language.pick("Trouvé", "Found").to_owned(), list(&details.found)));
    }
}

fn chat(lines: &mut Said, details: &ChatDetails, with_texts: bool, language: Language) {
    let found = details.parts.iter().filter(|part| part.found).count();
    let all = details.parts.len();
    let mut findings = Vec::new();
    if !details.answerable {
        findings.push(
            language
                .pick("une réponse, alors que rien ne répond", "an answer, though nothing answers")
                .to_owned(),
        );
    }
    if all > 0 {
        findings.push(language.pick(
            format!("faits présents : {found} sur {all}"),
            format!("facts that are there: {found} of {all}"),
        ));
    }
    if !details.forbidden.is_empty() {
        let count = details.forbidden.len();
        findings.push(language.pick(
            format!("éléments interdits : {count}"),
            format!("things that should not be there: {count}"),
        ));
    }
    if !details.relevant.is_empty() {
        findings.push(
            language
                .pick("aucun des bons documents n’est cité", "none of the right documents is cited")
                .to_owned(),
        );
    }
    lines.push((language.pick("Constat", "Finding").to_owned(), findings.join(" ; ")));
    if with_texts {
        let missing: Vec<&str> = details
            .parts
            .iter()
            .filter(|part| !part.found)
            .map(|part| part.expected.as_str())
            .collect();
        if !missing.is_empty() {
            let name = language.pick("Manque", "Missing").to_owned();
            lines.push((name, shown(&missing.join(" · "))));
        }
        if !details.forbidden.is_empty() {
            let name = language.pick("Interdit", "Forbidden").to_owned();
            lines.push((name, shown(&details.forbidden.join(" · "))));
        }
        let name = language.pick("Réponse donnée", "Answer given").to_owned();
        lines.push((name, shown(&details.answer)));
    }
}

fn triage(lines: &mut Said, details: &TriageDetails, language: Language) {
    for (name, label) in &details.labels {
        if label.given.as_ref() != Some(&label.expected) {
            lines.push((field(language, name).to_owned(), turned(label, language)));
        }
    }
}

fn turned(label: &LabelResult, language: Language) -> String {
    let given = label.given.as_deref().unwrap_or(NONE);
    language.pick(
        format!("{given} au lieu de {}", label.expected),
        format!("{given} instead of {}", label.expected),
    )
}

fn extraction(lines: &mut Said, details: &ExtractionDetails, with_texts: bool, language: Language) {
    if let Some(label) = &details.document_type
        && label.given.as_ref() != Some(&label.expected)
    {
        let name = language.pick("Type de document", "Kind of document").to_owned();
        lines.push((name, turned(label, language)));
    }
    let wrong: Vec<&FieldResult> =
        details.fields.iter().filter(|field| !field.outcome.is_right()).collect();
    for field in wrong.iter().take(MAX_FIELDS) {
        let finding = match field.outcome {
            FieldMatch::Right | FieldMatch::RightlyEmpty => continue,
            FieldMatch::Different => language.pick("autre valeur", "another value"),
            FieldMatch::Missing => language.pick("manque", "missing"),
            FieldMatch::Invented => {
                language.pick("absent du document, et donné", "not in the document, and given")
            }
        };
        let mut text = finding.to_owned();
        if with_texts {
            let (given, expected) = (plain(&field.given), plain(&field.expected));
            text.push_str(&language.pick(
                format!(" : « {given} » au lieu de « {expected} »"),
                format!(": “{given}” instead of “{expected}”"),
            ));
        }
        if field.flagged {
            text.push_str(language.pick(" (signalé à relire)", " (flagged for review)"));
        }
        lines.push((field.name.clone(), text));
    }
    if wrong.len() > MAX_FIELDS {
        let more = wrong.len() - MAX_FIELDS;
        lines.push((
            "…".to_owned(),
            language.pick(format!("et {more} autres"), format!("and {more} more")),
        ));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::String(text) => shown(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            shown(&value.to_string())
        }
    }
}
