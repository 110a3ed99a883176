//! Describes what was decided about a ticket, and why, for people and for programs.

use intramuros_ledger::TicketLabels;
use serde::{Deserialize, Serialize};

use super::{Extracted, Field};

/// How a label came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A rule of the policy that stands above the models.
    Rule,
    /// Examples and descriptions, as the models read them.
    Learnt,
}

/// A label that was considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Considered {
    /// The label.
    pub label: String,
    /// Its probability, 0 to 1; calibrated once there are thirty examples.
    pub probability: f32,
}

/// What was decided of one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldDecision {
    /// Which.
    pub field: Field,
    /// The label.
    pub label: String,
    /// Its probability, 0 to 1; 1 by a rule.
    pub probability: f32,
    /// How it came about.
    pub basis: Basis,
    /// The likeliest labels, likeliest first, as the models see them.
    pub choices: Vec<Considered>,
    /// Words of the ticket that speak for the label.
    pub words: Vec<String>,
}

/// A rule that holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleHit {
    /// Which.
    pub rule: String,
    /// The phrase of the rule that the ticket has; `None` where a model says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<String>,
    /// How probable it is that the rule holds, 0 to 1.
    pub probability: f32,
}

/// An example that is like the ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarTicket {
    /// The example.
    pub example: String,
    /// The ticket that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Its labels.
    pub labels: TicketLabels,
    /// How like it is, 0 to 1.
    pub likeness: f32,
}

/// Why a dispatcher is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The category is less probable than the threshold.
    Unsure,
    /// There are too few examples to know how often the decision is right.
    TooFewExamples,
    /// No threshold keeps the promise of the policy: too many examples are decided wrongly.
    NoThreshold,
    /// The policy gives this category to dispatchers.
    ByPolicy,
    /// The policy has no categories.
    NoCategory,
}

impl Doubt {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Doubt::Unsure => "unsure",
            Doubt::TooFewExamples => "too_few_examples",
            Doubt::NoThreshold => "no_threshold",
            Doubt::ByPolicy => "by_policy",
            Doubt::NoCategory => "no_category",
        }
    }
}

/// What was decided about a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The fields of the policy, in the order category, urgency, team.
    pub fields: Vec<FieldDecision>,
    /// The rules that hold, likeliest first.
    pub rules: Vec<RuleHit>,
    /// How probable it is that somebody must be told at once, 0 to 1.
    pub alert: f32,
    /// Why a dispatcher is asked; `None` where nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// Probability of the category from which on a ticket is sent on by itself, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Examples that are like it, most like first.
    pub similar: Vec<SimilarTicket>,
    /// What the policy wants to have of a ticket and this one says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extracted: Vec<Extracted>,
    /// Names of what it requires and this one does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// In a sentence, in the language of the policy.
    pub reason: String,
    /// The models that read the ticket.
    pub models: Vec<String>,
    /// Whether the generator read it.
    pub read_by_generator: bool,
    /// How many examples were learnt from.
    pub examples: usize,
}

impl Decision {
    /// What was decided of `field`.
    pub fn field(&self, field: Field) -> Option<&FieldDecision> {
        self.fields.iter().find(|one| one.field == field)
    }
}
