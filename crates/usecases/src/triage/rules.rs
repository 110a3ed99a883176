//! Finds the rules whose phrases a ticket has.

use super::Rule;
use super::decision::RuleHit;
use super::words::fold;

/// The rules of which one phrase stands in `text`, in the order of the policy. Phrases are whole words,
/// whatever their case and accents, and whatever stands between them.
pub(super) fn spelt(rules: &[Rule], text: &str) -> Vec<RuleHit> {
    let text = spaced(text);
    let hit = |rule: &Rule| {
        let phrase = rule.phrases.iter().find(|phrase| {
            let phrase = spaced(phrase);
            phrase.len() > 2 && text.contains(&phrase)
        })?;
        Some(RuleHit { rule: rule.id.clone(), phrase: Some(phrase.clone()), probability: 1.0 })
    };
    rules.iter().filter_map(hit).collect()
}

/// Words between single spaces, with one at each end.
fn spaced(text: &str) -> String {
    let folded = fold(text);
    let words = folded.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{Rule, spelt};
    use crate::triage::Then;

    #[test]
    fn phrases_are_whole_words_however_they_are_written() {
        let rule = |id: &str, phrases: &[&str]| Rule {
            id: id.to_owned(),
            condition: "x".to_owned(),
            then: Then::default(),
            phrases: phrases.iter().map(|phrase| (*phrase).to_owned()).collect(),
        };
        let rules = [rule("R1", &["serveur de prod", "hors service"]), rule("R2", &["!", ""])];
        let hits = |text: &str| {
            spelt(&rules, text).into_iter().map(|hit| (hit.rule, hit.phrase)).collect::<Vec<_>>()
        };
        let found = vec![("R1".to_owned(), Some("hors service".to_owned()))];
        assert_eq!(hits("Tout est HORS-SERVICE !"), found);
        assert_eq!(hits("le serveur de production"), []);
        assert_eq!(hits(""), []);
    }
}
