//! Says in a sentence why a ticket was decided so, in French.
//!
//! It says what the decision stands on and nothing else: rules, words, examples, probabilities. A model
//! that is asked for its reasons makes some up.

use super::decision::{Basis, Decision, Doubt, FieldDecision};
use super::{Field, phrases::in_words};

/// Words that a sentence names.
const NAMED: usize = 3;

/// The sentence.
pub(super) fn sentence(decision: &Decision) -> String {
    let mut parts = Vec::new();
    for hit in &decision.rules {
        parts.push(match &hit.phrase {
            Some(phrase) => format!("La règle {} s'applique : « {phrase} ».", hit.rule),
            None => format!(
                "La règle {} s'applique sans doute ({}).",
                hit.rule,
                percent(hit.probability)
            ),
        });
    }
    if let Some(category) = decision.field(Field::Category).or(decision.fields.first()) {
        parts.push(label(category, decision));
    }
    if let Some(doubt) = decision.doubt {
        parts.push(doubted(doubt, decision).to_owned());
    }
    parts.join(" ")
}

fn label(field: &FieldDecision, decision: &Decision) -> String {
    let name = in_words(&field.label);
    if field.basis == Basis::Rule {
        return format!("« {name} » par cette règle.");
    }
    let mut sentence = format!("« {name} » ({})", percent(field.probability));
    if !field.words.is_empty() {
        let words: Vec<&str> = field.words.iter().take(NAMED).map(String::as_str).collect();
        sentence.push_str(&format!(" d'après les mots {}", words.join(", ")));
    }
    let alike = decision.similar.iter().filter(|one| {
        one.labels.category.as_deref() == Some(field.label.as_str())
            && field.field == Field::Category
    });
    match alike.count() {
        0 => {}
        1 => sentence.push_str(" ; une demande semblable a été classée ainsi"),
        many => sentence.push_str(&format!(" ; {many} demandes semblables ont été classées ainsi")),
    }
    if let [_, second, ..] = field.choices.as_slice()
        && decision.doubt == Some(Doubt::Unsure)
    {
        let other = if second.label == field.label { &field.choices[0] } else { second };
        let share = percent(other.probability);
        sentence.push_str(&format!(" ; sinon « {} » ({share})", in_words(&other.label)));
    }
    sentence.push('.');
    sentence
}

fn doubted(doubt: Doubt, decision: &Decision) -> &'static str {
    match doubt {
        Doubt::Unsure => "Trop incertain pour partir sans vérification.",
        Doubt::TooFewExamples if decision.examples == 0 => {
            "Sans exemple vérifié, une personne confirme."
        }
        Doubt::TooFewExamples => "Trop peu d'exemples pour promettre la fiabilité demandée.",
        Doubt::NoThreshold => "Trop d'exemples sont mal classés pour la fiabilité demandée.",
        Doubt::ByPolicy => "Cette catégorie est confiée à une personne.",
        Doubt::NoCategory => "La politique n'a pas de catégorie.",
    }
}

fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}
