//! Says in a sentence why a ticket was decided so.
//!
//! It says what the decision stands on and nothing else: rules, words, examples, probabilities. A model
//! that is asked for its reasons makes some up.

use super::decision::{Basis, Decision, Doubt, FieldDecision, RuleHit};
use super::{Field, TriageLanguage, phrases::in_words};

/// Words that a sentence names.
const NAMED: usize = 3;

/// The sentence.
pub(super) fn sentence(decision: &Decision, language: TriageLanguage) -> String {
    let mut parts: Vec<String> = decision.rules.iter().map(|hit| applied(hit, language)).collect();
    if let Some(category) = decision.field(Field::Category).or(decision.fields.first()) {
        parts.push(label(category, decision, language));
    }
    if let Some(doubt) = decision.doubt {
        parts.push(doubted(doubt, decision, language).to_owned());
    }
    parts.join(" ")
}

fn applied(hit: &RuleHit, language: TriageLanguage) -> String {
    let RuleHit { rule, phrase, probability, .. } = hit;
    match phrase {
        Some(phrase) => language.pick(
            format!("La règle {rule} s'applique : « {phrase} »."),
            format!("Rule {rule} applies: \"{phrase}\"."),
        ),
        None => {
            let percent = percent(*probability, language);
            language.pick(
                format!("La règle {rule} s'applique sans doute ({percent})."),
                format!("Rule {rule} probably applies ({percent})."),
            )
        }
    }
}

fn label(field: &FieldDecision, decision: &Decision, language: TriageLanguage) -> String {
    let name = quoted(&field.label, language);
    if field.basis == Basis::Rule {
        return language.pick(format!("{name} par cette règle."), format!("{name} by this rule."));
    }
    let mut sentence = format!("{name} ({})", percent(field.probability, language));
    if !field.words.is_empty() {
        let words: Vec<&str> = field.words.iter().take(NAMED).map(String::as_str).collect();
        sentence.push_str(language.pick(" d'après les mots ", " by the words "));
        sentence.push_str(&words.join(", "));
    }
    let alike = decision.similar.iter().filter(|one| {
        one.labels.category.as_deref() == Some(field.label.as_str())
            && field.field == Field::Category
    });
    match alike.count() {
        0 => {}
        1 => sentence.push_str(language.pick(
            " ; une demande semblable a été classée ainsi",
            "; a similar ticket was sorted so",
        )),
        many => sentence.push_str(&language.pick(
            format!(" ; {many} demandes semblables ont été classées ainsi"),
            format!("; {many} similar tickets were sorted so"),
        )),
    }
    if let [_, second, ..] = field.choices.as_slice()
        && decision.doubt == Some(Doubt::Unsure)
    {
        let other = if second.label == field.label { &field.choices[0] } else { second };
        let share = percent(other.probability, language);
        let other = quoted(&other.label, language);
        let otherwise = language.pick(" ; sinon ", "; otherwise ");
        sentence.push_str(&format!("{otherwise}{other} ({share})"));
    }
    sentence.push('.');
    sentence
}

fn doubted(doubt: Doubt, decision: &Decision, language: TriageLanguage) -> &'static str {
    let (french, english) = match doubt {
        Doubt::Unsure => (
            "Trop incertain pour partir sans vérification.",
            "Too unsure to be sent on without a look.",
        ),
        Doubt::TooFewExamples if decision.examples == 0 => (
            "Sans exemple vérifié, une personne confirme.",
            "Without verified examples, a person confirms.",
        ),
        Doubt::TooFewExamples => (
            "Trop peu d'exemples pour promettre la fiabilité demandée.",
            "Too few examples to promise what is asked for.",
        ),
        Doubt::NoThreshold => (
            "Trop d'exemples sont mal classés pour la fiabilité demandée.",
            "Too many examples are sorted wrongly to promise what is asked for.",
        ),
        Doubt::ByPolicy => {
            ("Cette catégorie est confiée à une personne.", "This category is given to a person.")
        }
        Doubt::NoCategory => {
            ("La politique n'a pas de catégorie.", "The policy has no categories.")
        }
    };
    language.pick(french, english)
}

fn quoted(label: &str, language: TriageLanguage) -> String {
    let name = in_words(label);
    language.pick(format!("« {name} »"), format!("\"{name}\""))
}

fn percent(share: f32, language: TriageLanguage) -> String {
    format!("{:.0}{}", 100.0 * share, language.pick(" %", "%"))
}

#[cfg(test)]
mod tests {
    use intramuros_ledger::TicketLabels;

    use super::super::{Considered, SimilarTicket};
    use super::*;

    #[test]
    fn a_sentence_says_what_the_decision_stands_on() {
        let labels =
            || TicketLabels { category: Some("mot_de_passe".into()), ..Default::default() };
        let similar = SimilarTicket {
            example: "exa_1".into(),
            ticket: None,
            labels: labels(),
            likeness: 0.9,
        };
        let considered = |label: &str, probability| Considered { label: label.into(), probability };
        let decision = Decision {
            fields: vec![FieldDecision {
                field: Field::Category,
                label: "mot_de_passe".into(),
                probability: 0.62,
                basis: Basis::Learnt,
                choices: vec![considered("mot_de_passe", 0.62), considered("reseau", 0.3)],
                words: ["passe", "oublié", "mot", "hier"].map(str::to_owned).into(),
            }],
            rules: Vec::new(),
            alert: 0.0,
            doubt: Some(Doubt::Unsure),
            threshold: Some(0.8),
            similar: vec![similar],
            extracted: Vec::new(),
            missing: Vec::new(),
            reason: String::new(),
            models: Vec::new(),
            read_by_generator: false,
            examples: 40,
        };
        assert_eq!(
            sentence(&decision, TriageLanguage::Fr),
            "« mot de passe » (62 %) d'après les mots passe, oublié, mot ; une demande semblable a \
             été classée ainsi ; sinon « reseau » (30 %). Trop incertain pour partir sans \
             vérification."
        );
        assert_eq!(
            sentence(&decision, TriageLanguage::En),
            "\"mot de passe\" (62%) by the words passe, oublié, mot; a similar ticket was sorted so; \
             otherwise \"reseau\" (30%). Too unsure to be sent on without a look."
        );
    }
}
