//! Describes what tickets are sorted into, in the customer's own words.
//!
//! A policy is what a customer types: names with descriptions, and rules that stand above the model.
//! Names are the customer's and come back as they were given.

use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The most labels of a field.
const MAX_CHOICES: usize = 200;
/// The most rules.
const MAX_RULES: usize = 50;
const MAX_NAME_CHARS: usize = 80;
const MAX_DESCRIPTION_CHARS: usize = 2_000;

/// What is decided about a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What it is about.
    Category,
    /// How soon somebody must look.
    Urgency,
    /// Who takes it.
    Team,
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 3] = [Field::Category, Field::Urgency, Field::Team];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Category => "category",
            Field::Urgency => "urgency",
            Field::Team => "team",
        }
    }
}

/// A label that can be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What it is called, up to 80 characters.
    pub name: String,
    /// What belongs to it, up to 2,000 characters.
    pub description: String,
}

/// What a rule decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Then {
    /// The category, where the rule decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The urgency, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// The team, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Whether somebody is told at once.
    #[serde(default)]
    pub alert: bool,
}

impl Then {
    /// What it decides of `field`.
    pub fn of(&self, field: Field) -> Option<&str> {
        match field {
            Field::Category => self.category.as_deref(),
            Field::Urgency => self.urgency.as_deref(),
            Field::Team => self.team.as_deref(),
        }
    }
}

/// What must be so for a rule to decide, above the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it is called in decisions, up to 80 characters.
    pub id: String,
    /// The condition in words, up to 2,000 characters.
    #[serde(rename = "if")]
    pub condition: String,
    /// What follows.
    pub then: Then,
}

/// What tickets are sorted into. Fields without labels are not decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Categories, in any order: a list, or an object of names and descriptions.
    #[serde(default, deserialize_with = "choices")]
    pub categories: Vec<Choice>,
    /// Urgencies, the most urgent first.
    #[serde(default, deserialize_with = "choices")]
    pub urgencies: Vec<Choice>,
    /// Teams, in any order.
    #[serde(default, deserialize_with = "choices")]
    pub teams: Vec<Choice>,
    /// Rules above the model; the first that holds decides.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Remarks for people and for the model.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' {reason}")]
pub struct PolicyError {
    /// The part of the policy.
    pub name: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl Policy {
    /// The labels of `field`.
    pub fn choices(&self, field: Field) -> &[Choice] {
        match field {
            Field::Category => &self.categories,
            Field::Urgency => &self.urgencies,
            Field::Team => &self.teams,
        }
    }

    /// The place of the label `name` of `field`.
    pub fn position(&self, field: Field, name: &str) -> Option<usize> {
        self.choices(field).iter().position(|choice| choice.name == name)
    }

    /// Refuses what cannot be decided by: one label, names that are there twice, rules that lead to
    /// none.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn check(&self) -> Result<(), PolicyError> {
        if Field::ALL.iter().all(|field| self.choices(*field).is_empty()) {
            return wrong("categories", "are missing, and so are urgencies and teams");
        }
        for (field, part) in
            [(Field::Category, "categories"), (Field::Urgency, "urgencies"), (Field::Team, "teams")]
        {
            check_choices(part, self.choices(field))?;
        }
        if self.rules.len() > MAX_RULES {
            let count = self.rules.len();
            return wrong("rules", format!("are {count}, the limit is {MAX_RULES}"));
        }
        let mut ids = HashSet::new();
        for rule in &self.rules {
            let part = format!("rules.{}", rule.id);
            check_text(&part, "id", &rule.id, MAX_NAME_CHARS)?;
            check_text(&part, "if", &rule.condition, MAX_DESCRIPTION_CHARS)?;
            if !ids.insert(&rule.id) {
                return wrong(part, "is there twice");
            }
            for field in Field::ALL {
                if let Some(name) = rule.then.of(field)
                    && self.position(field, name).is_none()
                {
                    let field = field.as_str();
                    return wrong(part, format!("gives the {field} '{name}', which is not listed"));
                }
            }
            if rule.then == Then::default() {
                return wrong(part, "decides nothing");
            }
        }
        self.notes.iter().try_for_each(|note| check_text("notes", "", note, MAX_DESCRIPTION_CHARS))
    }
}

fn check_choices(part: &str, choices: &[Choice]) -> Result<(), PolicyError> {
    if choices.len() == 1 || choices.len() > MAX_CHOICES {
        let count = choices.len();
        return wrong(part, format!("are {count}; it takes 2 to {MAX_CHOICES}, or none"));
    }
    let mut names = HashSet::new();
    for choice in choices {
        let place = format!("{part}.{}", choice.name);
        check_text(&place, "name", &choice.name, MAX_NAME_CHARS)?;
        if choice.description.chars().count() > MAX_DESCRIPTION_CHARS {
            return wrong(place, format!("has more than {MAX_DESCRIPTION_CHARS} characters"));
        }
        if !names.insert(&choice.name) {
            return wrong(place, "is there twice");
        }
    }
    Ok(())
}

fn check_text(place: &str, what: &str, text: &str, max_chars: usize) -> Result<(), PolicyError> {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        return wrong(place, format!("has an empty {what}"));
    }
    if chars > max_chars {
        return wrong(place, format!("has {chars} characters, the limit is {max_chars}"));
    }
    Ok(())
}

fn wrong<T>(name: impl Into<String>, reason: impl Into<String>) -> Result<T, PolicyError> {
    Err(PolicyError { name: name.into(), reason: reason.into() })
}

/// Reads a list of choices, or an object of names and descriptions in the order of the text.
fn choices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Choice>, D::Error> {
    struct Choices;

    impl<'de> Visitor<'de> for Choices {
        type Value = Vec<Choice>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of names with descriptions, or an object of them")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Choice>, A::Error> {
            let mut choices = Vec::new();
            while let Some(choice) = list.next_element()? {
                choices.push(choice);
            }
            Ok(choices)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Choice>, A::Error> {
            let mut choices = Vec::new();
            while let Some((name, description)) = map.next_entry()? {
                choices.push(Choice { name, description });
            }
            Ok(choices)
        }
    }

    deserializer.deserialize_any(Choices)
}

#[cfg(test)]
mod tests {
    use super::{Field, Policy};

    const POLICY: &str = r#"{
        "categories": {"reseau": "Internet, Wi-Fi", "compte": "Mots de passe"},
        "urgencies": [{"name": "critique", "description": "arrêt"}, {"name": "basse", "description": ""}],
        "rules": [{"id": "R1", "if": "le site est coupé", "then": {"urgency": "critique", "alert": true}}]
    }"#;

    fn changed(from: &str, to: &str) -> String {
        assert!(POLICY.contains(from));
        let policy: Policy = serde_json::from_str(&POLICY.replace(from, to)).unwrap();
        policy.check().unwrap_err().to_string()
    }

    #[test]
    fn objects_keep_their_order() {
        let policy: Policy = serde_json::from_str(POLICY).unwrap();
        policy.check().unwrap();
        assert_eq!(policy.position(Field::Category, "compte"), Some(1));
        assert_eq!(policy.position(Field::Urgency, "basse"), Some(1));
        assert_eq!(policy.position(Field::Team, "x"), None);
        let again: Policy = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
        assert_eq!(again, policy);
    }

    #[test]
    fn what_cannot_be_decided_by_is_named() {
        assert_eq!(changed("\"compte\"", "\"reseau\""), "'categories.reseau' is there twice");
        let unknown = changed("\"urgency\": \"critique\"", "\"urgency\": \"haute\"");
        assert_eq!(unknown, "'rules.R1' gives the urgency 'haute', which is not listed");
        let nothing = changed("\"urgency\": \"critique\", \"alert\": true", "");
        assert_eq!(nothing, "'rules.R1' decides nothing");
        assert!(changed("le site est coupé", " ").contains("empty if"));
        let one = changed(", {\"name\": \"basse\", \"description\": \"\"}", "");
        assert_eq!(one, "'urgencies' are 1; it takes 2 to 200, or none");
        assert!(Policy::default().check().is_err());
    }
}
