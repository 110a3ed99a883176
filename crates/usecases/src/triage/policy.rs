//! Describes what tickets are sorted into, in the customer's own words.
//!
//! A policy is what a customer types: names with descriptions, and rules that stand above the model.
//! Names are the customer's and come back as they were given.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use sha2::{Digest as _, Sha256};

use super::inbound::Hook;
use super::{Outbreaks, TriageLanguage, Wanted};

/// The most labels of a field.
const MAX_CHOICES: usize = 200;
/// The most rules.
const MAX_RULES: usize = 50;
const MAX_NAME_CHARS: usize = 80;
const MAX_DESCRIPTION_CHARS: usize = 2_000;
/// The most phrases of a rule, and characters of each as of a name.
const MAX_PHRASES: usize = 50;
const MAX_EMAILS: usize = 10;
const MAX_ADDRESS_CHARS: usize = 320;

/// What is decided about a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Words of which one in a ticket makes the rule hold, whatever a model says; case and accents do
    /// not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<String>,
}

/// What becomes of a ticket whose decision is sure enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is sent on by itself; in doubt a dispatcher gets it.
    #[default]
    Auto,
    /// A dispatcher gets it, with what is proposed.
    Suggest,
    /// A dispatcher gets it and does not see what is proposed, so that the two can be compared.
    Shadow,
}

/// When a ticket is sent on by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// Of every category that `categories` does not name.
    pub mode: Mode,
    /// Of these.
    pub categories: BTreeMap<String, Mode>,
    /// Of tickets that are sent on by themselves, the share whose category may be wrong.
    pub errors: f64,
    /// How sure that must be, from the examples.
    pub assurance: f64,
    /// Probability of the category from which on a ticket is sent on, instead of the one that the
    /// examples give.
    pub threshold: Option<f64>,
}

impl Default for Routing {
    fn default() -> Self {
        let (mode, categories) = (Mode::Auto, BTreeMap::new());
        Self { mode, categories, errors: 0.05, assurance: 0.9, threshold: None }
    }
}

/// Who is told of a ticket that cannot wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Addresses, up to 10. Webhooks that take `ticket.alert` are told as well.
    pub emails: Vec<String>,
    /// Minutes after which it is sent again while nobody acknowledges it.
    pub repeat_minutes: u32,
    /// How often at most.
    pub repeats: u32,
    /// Probability that a rule with an alert holds from which on it is raised; lower finds more and
    /// rings more often for nothing. Left out, the examples say, or 0.5.
    pub threshold: Option<f64>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { emails: Vec::new(), repeat_minutes: 10, repeats: 3, threshold: None }
    }
}

/// What tickets are sorted into. Fields without labels are not decided.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// The language of reasons and of e-mails about alerts.
    #[serde(default)]
    pub language: TriageLanguage,
    /// Rules above the model; the first that holds decides.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Remarks for people and for the model.
    #[serde(default)]
    pub notes: Vec<String>,
    /// When a ticket is sent on by itself.
    #[serde(default)]
    pub routing: Routing,
    /// Who is told of a ticket that cannot wait.
    #[serde(default)]
    pub alerts: Alerts,
    /// When tickets are an outbreak.
    #[serde(default)]
    pub outbreaks: Outbreaks,
    /// Where the parts of a ticket are in what another system posts.
    #[serde(default)]
    pub hook: Hook,
    /// What people need to have of a ticket, up to 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<Wanted>,
    /// Group of the people who decide what is not sent on; left out, every reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatchers: Option<String>,
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

    /// What a threshold of the category is measured on: the categories and how they are described. A
    /// change of them is another classifier.
    pub fn fingerprint(&self) -> String {
        let said = serde_json::to_vec(&self.categories).unwrap_or_default();
        let hash = Sha256::digest(&said);
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
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
            if rule.phrases.is_empty() && !rule.then.alert {
                return wrong(
                    part,
                    "has neither phrases nor an alert, so that nothing applies it; add phrases",
                );
            }
            if rule.phrases.len() > MAX_PHRASES {
                let count = rule.phrases.len();
                return wrong(part, format!("has {count} phrases, the limit is {MAX_PHRASES}"));
            }
            for phrase in &rule.phrases {
                check_text(&part, "phrase", phrase, MAX_NAME_CHARS)?;
            }
        }
        for note in &self.notes {
            check_text("notes", "text", note, MAX_DESCRIPTION_CHARS)?;
        }
        let categories: Vec<&str> =
            self.categories.iter().map(|choice| choice.name.as_str()).collect();
        super::extract::check(&self.extract, &categories)?;
        self.hook.check()?;
        self.check_routing()?;
        self.check_alerts()
    }

    /// What becomes of a ticket of this category whose decision is sure enough.
    pub fn mode(&self, category: Option<&str>) -> Mode {
        let own = category.and_then(|name| self.routing.categories.get(name));
        own.copied().unwrap_or(self.routing.mode)
    }

    fn check_routing(&self) -> Result<(), PolicyError> {
        let Routing { categories, errors, assurance, threshold, .. } = &self.routing;
        for name in categories.keys() {
            if self.position(Field::Category, name).is_none() {
                return wrong("routing.categories", format!("names '{name}', which is not listed"));
            }
        }
        check_share("routing.errors", *errors, 0.001, 0.5)?;
        check_share("routing.assurance", *assurance, 0.5, 0.999)?;
        threshold.map_or(Ok(()), |value| check_share("routing.threshold", value, 0.0, 1.0))
    }

    fn check_alerts(&self) -> Result<(), PolicyError> {
        let Alerts { emails, repeat_minutes, repeats, threshold } = &self.alerts;
        if emails.len() > MAX_EMAILS {
            let count = emails.len();
            return wrong("alerts.emails", format!("are {count}, the limit is {MAX_EMAILS}"));
        }
        for email in emails {
            check_text("alerts.emails", "address", email, MAX_ADDRESS_CHARS)?;
        }
        if !(1..=1_440).contains(repeat_minutes) {
            return wrong(
                "alerts.repeat_minutes",
                format!("is {repeat_minutes}; it takes 1 to 1440"),
            );
        }
        if *repeats > 100 {
            return wrong("alerts.repeats", format!("is {repeats}, the limit is 100"));
        }
        threshold.map_or(Ok(()), |value| check_share("alerts.threshold", value, 0.0, 1.0))?;
        let Outbreaks { tickets, minutes } = self.outbreaks;
        if tickets > 1_000 || tickets == 1 {
            return wrong("outbreaks.tickets", format!("is {tickets}; it takes 2 to 1000, or 0"));
        }
        if !(1..=10_080).contains(&minutes) {
            return wrong("outbreaks.minutes", format!("is {minutes}; it takes 1 to 10080"));
        }
        Ok(())
    }
}

fn check_share(name: &str, value: f64, least: f64, most: f64) -> Result<(), PolicyError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    wrong(name, format!("is {value}; it takes {least} to {most}"))
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
    if what == "name" && text.contains(char::is_control) {
        return wrong(place, "has a name with a line break or another control character");
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
    fn what_is_measured_is_told_by_its_categories() {
        let policy = |text: &str| serde_json::from_str::<Policy>(text).unwrap().fingerprint();
        let first = policy(r#"{"categories": {"a": "un", "b": "deux"}}"#);
        let other_team =
            policy(r#"{"categories": {"a": "un", "b": "deux"}, "teams": {"x": "", "y": ""}}"#);
        assert_eq!(first, other_team);
        assert_ne!(first, policy(r#"{"categories": {"a": "un", "b": "trois"}}"#));
        assert_ne!(first, policy(r#"{"categories": {"a": "un", "c": "deux"}}"#));
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
        let unapplied = changed(", \"alert\": true", "");
        assert!(
            unapplied.starts_with("'rules.R1' has neither phrases nor an alert"),
            "{unapplied}"
        );
        assert!(changed("le site est coupé", " ").contains("empty if"));
        let one = changed(", {\"name\": \"basse\", \"description\": \"\"}", "");
        assert_eq!(one, "'urgencies' are 1; it takes 2 to 200, or none");
        assert!(Policy::default().check().is_err());
        let with = |part: &str| changed("\"rules\"", &format!("{part}, \"rules\""));
        let unknown = with(r#""routing": {"categories": {"x": "shadow"}}"#);
        assert_eq!(unknown, "'routing.categories' names 'x', which is not listed");
        let errors = with(r#""routing": {"errors": 0}"#);
        assert_eq!(errors, "'routing.errors' is 0; it takes 0.001 to 0.5");
        let often = with(r#""alerts": {"repeat_minutes": 0}"#);
        assert_eq!(often, "'alerts.repeat_minutes' is 0; it takes 1 to 1440");
        let one = with(r#""outbreaks": {"tickets": 1}"#);
        assert_eq!(one, "'outbreaks.tickets' is 1; it takes 2 to 1000, or 0");
    }
}
