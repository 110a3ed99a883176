//! Takes descriptions of labels apart into phrases, which are examples of a kind.
//!
//! "Imprimantes, copieurs, traceurs: panne, bourrage" says five things that a ticket may be about; the
//! whole says what they have in common.

use super::{Choice, Field, Policy};

/// Letters below which a part says nothing.
const MIN_CHARS: usize = 3;
/// Parts of one description that count.
const MAX_PARTS: usize = 40;

/// What is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The label of a field; its place in the policy.
    Field(Field),
    /// Whether somebody must be told at once; 0 for no, 1 for yes.
    Alert,
}

/// A phrase with the label that it describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) target: Target,
    pub(super) label: usize,
    pub(super) text: String,
}

/// The phrases of a policy.
pub(super) fn phrases(policy: &Policy) -> Vec<Phrase> {
    let mut all = Vec::new();
    for field in Field::ALL {
        for (label, choice) in policy.choices(field).iter().enumerate() {
            let target = Target::Field(field);
            all.extend(parts(choice).into_iter().map(|text| Phrase { target, label, text }));
        }
    }
    let alert = |label, text: &String| Phrase { target: Target::Alert, label, text: text.clone() };
    let rules = policy.rules.iter().filter(|rule| rule.then.alert);
    all.extend(rules.map(|rule| alert(1, &rule.condition)));
    if all.iter().any(|phrase| phrase.target == Target::Alert) {
        // What is not the most urgent is nothing to ring for.
        let calm = policy.urgencies.iter().skip(1).chain(&policy.categories);
        all.extend(calm.map(|choice| alert(0, &choice.description)));
    }
    all
}

/// The whole description and its parts; the name where there is none.
fn parts(choice: &Choice) -> Vec<String> {
    let description = choice.description.trim();
    let name = in_words(&choice.name);
    if description.is_empty() {
        return vec![name];
    }
    let parts = description
        .split([':', ';', ',', '.', '(', ')', '\n'])
        .map(str::trim)
        .filter(|part| part.chars().count() >= MIN_CHARS)
        .take(MAX_PARTS);
    std::iter::once(description).chain(parts).map(str::to_owned).chain([name]).collect()
}

/// `reseau_connexion` as people write it.
pub(super) fn in_words(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

#[cfg(test)]
mod tests {
    use super::{Choice, parts};

    #[test]
    fn a_description_is_itself_and_its_parts() {
        let choice = |name: &str, description: &str| Choice {
            name: name.to_owned(),
            description: description.to_owned(),
        };
        assert_eq!(
            parts(&choice("impression_papier", "Imprimantes, copieurs : panne.")),
            [
                "Imprimantes, copieurs : panne.",
                "Imprimantes",
                "copieurs",
                "panne",
                "impression papier"
            ]
        );
        assert_eq!(parts(&choice("autre", " ")), ["autre"]);
    }
}
