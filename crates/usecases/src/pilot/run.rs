//! Describes a run of a labelled set: what it was run with, and what came of each item.
//!
//! What the server gave for an item is [`Given`]; [`judge`](super::judge) compares it with the labels
//! and makes an [`ItemResult`] of it, which is stored as it is done. All of it is JSON in the ledger,
//! so fields may be added with defaults and never change meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::Job;

/// Which set a run is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetName {
    /// What people call it.
    pub name: String,
    /// [`LabelledSet::sha256`](super::LabelledSet::sha256).
    pub sha256: String,
    /// How many items it has.
    pub items: usize,
}

/// What a run was run with: what must be the same for the same results.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The server's version.
    pub server: String,
    /// The generator and its revision or checksum, where one was used.
    #[serde(default)]
    pub generator: Option<String>,
    /// The encoder likewise.
    #[serde(default)]
    pub encoder: Option<String>,
    /// The reranker likewise.
    #[serde(default)]
    pub reranker: Option<String>,
    /// The knowledge base and the revision of its index.
    #[serde(default)]
    pub index: Option<String>,
    /// A hash of the wording of the prompts.
    #[serde(default)]
    pub prompt: Option<String>,
}

/// What is known of a run beside its items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunMeta {
    /// The job.
    pub job: Job,
    /// The set.
    pub set: SetName,
    /// What it was run with.
    pub versions: Versions,
    /// The thresholds that were in force, by what they are for.
    #[serde(default)]
    pub thresholds: BTreeMap<String, f64>,
    /// Settings that change results.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// When the last item was done.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub finished: Option<OffsetDateTime>,
    /// The machine, in words.
    #[serde(default)]
    pub machine: String,
}

/// A run with its items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What is known of it.
    pub meta: RunMeta,
    /// The items that are done, in the order of the set.
    pub items: Vec<ItemResult>,
}

/// How it went with an item. Wire names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What was given is right, or it was handed over where that is right.
    Right,
    /// It was given to a person, though the server could have done it.
    HandedOver,
    /// What was given is not right.
    Wrong,
    /// Nothing came, because of an error.
    Failed,
}

impl Outcome {
    /// Every outcome, in the order of reports.
    pub const ALL: [Outcome; 4] =
        [Outcome::Right, Outcome::HandedOver, Outcome::Wrong, Outcome::Failed];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Right => "right",
            Outcome::HandedOver => "handed_over",
            Outcome::Wrong => "wrong",
            Outcome::Failed => "failed",
        }
    }
}

/// What the search gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchGiven {
    /// External ids or titles of the documents, best first.
    pub found: Vec<String>,
    /// Whether it said that nothing answers.
    pub refused: bool,
    /// How sure it was that the best one answers.
    pub confidence: Option<f64>,
}

/// What the chatbot gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatGiven {
    /// The answer; of what was handed over, the one that was withheld, where there is one.
    pub answer: String,
    /// Whether it was handed over.
    pub handed_over: bool,
    /// External ids or titles of the documents that it cites.
    pub sources: Vec<String>,
    /// How sure it was.
    pub confidence: Option<f64>,
}

/// A label that was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// The label; `None` where there was none.
    pub label: Option<String>,
    /// How sure it was.
    pub confidence: Option<f64>,
}

/// What triage gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TriageGiven {
    /// By field: `category`, `urgency`, `team`, and `alert` with `true` or `false`.
    pub labels: BTreeMap<String, Guess>,
    /// Whether it was given to the dispatcher.
    pub handed_over: bool,
    /// How sure it was of the whole; where it is missing, the least of the labels'.
    pub confidence: Option<f64>,
}

/// A value that was read from a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GivenField {
    /// The value; null where the document was said not to have it.
    pub value: Value,
    /// How sure it was.
    pub confidence: Option<f64>,
    /// Whether a person is asked to look at it.
    pub flagged: bool,
}

/// What extraction gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExtractionGiven {
    /// What kind of document it was taken for.
    pub document_type: Option<String>,
    /// By name, like the labels.
    pub fields: BTreeMap<String, GivenField>,
    /// Whether it was given to a person.
    pub handed_over: bool,
    /// How sure it was of the whole; where it is missing, the least of the fields'.
    pub confidence: Option<f64>,
}

/// What the server gave for an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Given {
    /// From the search.
    Search(SearchGiven),
    /// From the chatbot.
    Chat(ChatGiven),
    /// From triage.
    Triage(TriageGiven),
    /// From extraction.
    Extraction(ExtractionGiven),
    /// An error.
    Failed {
        /// Its code.
        code: String,
    },
}

/// What was found and what should have been.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchDetails {
    /// What answers, best first.
    pub relevant: Vec<String>,
    /// What was found, best first.
    pub found: Vec<String>,
}

/// A fact that a right answer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The fact, with its spellings.
    pub expected: String,
    /// Whether the answer has it.
    pub found: bool,
}

/// An answer and what was looked for in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatDetails {
    /// Whether the documents answer.
    pub answerable: bool,
    /// What was answered, or withheld.
    pub answer: String,
    /// The facts.
    pub parts: Vec<Part>,
    /// What should not be in it and is.
    pub forbidden: Vec<String>,
    /// Documents that it should cite, one of them at least; empty where that is not asked.
    pub relevant: Vec<String>,
    /// Documents that it cites.
    pub sources: Vec<String>,
    /// Whether it has some of the facts and not all, and nothing that it should not have.
    pub partly: bool,
}

/// A label that was given and the one that is right.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelResult {
    /// The right one.
    pub expected: String,
    /// The one that was given.
    pub given: Option<String>,
    /// How sure it was.
    pub confidence: Option<f64>,
}

/// The labels of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TriageDetails {
    /// By field; only those whose right label is known.
    pub labels: BTreeMap<String, LabelResult>,
    /// Whether a person would want to look first.
    pub ambiguous: bool,
}

/// How a value compares with the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldMatch {
    /// The same.
    Right,
    /// Rightly none.
    RightlyEmpty,
    /// Another one.
    Different,
    /// None, where the document has one.
    Missing,
    /// One, where the document has none.
    Invented,
}

impl FieldMatch {
    /// Whether it counts as right.
    pub fn is_right(self) -> bool {
        matches!(self, FieldMatch::Right | FieldMatch::RightlyEmpty)
    }
}

/// A value that was read and the right one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldResult {
    /// Its name; of values in lists of objects `lines[0].total`.
    pub name: String,
    /// What is right.
    pub expected: Value,
    /// What was given.
    pub given: Value,
    /// How they compare.
    pub outcome: FieldMatch,
    /// Whether a person is asked to look at it.
    pub flagged: bool,
}

/// The fields of a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExtractionDetails {
    /// The kind of document, where it is labelled.
    pub document_type: Option<LabelResult>,
    /// Each value.
    pub fields: Vec<FieldResult>,
}

/// What outcomes were decided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Details {
    /// Of the search.
    Search(SearchDetails),
    /// Of the chatbot.
    Chat(ChatDetails),
    /// Of triage.
    Triage(TriageDetails),
    /// Of extraction.
    Extraction(ExtractionDetails),
    /// Of an error.
    Failed {
        /// Its code.
        code: String,
    },
}

/// What came of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemResult {
    /// Which item.
    pub id: String,
    /// How it went.
    pub outcome: Outcome,
    /// Whether a person has to do it, rightly or not.
    pub handed_over: bool,
    /// Whether what was proposed is right, also where it was withheld; `None` where there was no
    /// proposal. Thresholds are found with it.
    pub proposal_right: Option<bool>,
    /// How sure it was, 0 to 1 where the job says so.
    pub confidence: Option<f64>,
    /// How long it took.
    pub latency_ms: u64,
    /// What the outcome was decided by: labels, and what was given.
    pub details: Details,
}
