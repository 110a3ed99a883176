//! Reads labelled sets: questions, tickets or documents whose right result is known.
//!
//! A set is a file that a customer writes, as JSONL or as the CSV that a spreadsheet saves, so it is
//! read strictly: a field that is misspelt would otherwise be a label that nobody has. What is wrong
//! is told with the line, the field, what is there and what to do; texts are not repeated, because
//! they are customers'.
//!
//! The fields of each job are listed in `items`.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

mod decode;
mod error;
mod fields;
mod items;
mod lines;
mod table;

pub use error::SetError;

/// The largest file, in bytes.
pub const MAX_SET_BYTES: usize = 64 << 20;
/// The most items of a set.
pub const MAX_SET_ITEMS: usize = 100_000;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Finding the documents that answer.
    Search,
    /// Answering in words.
    Chat,
    /// Sorting messages.
    Triage,
    /// Reading fields from documents.
    Extraction,
}

impl Job {
    /// Every job.
    pub const ALL: [Job; 4] = [Job::Search, Job::Chat, Job::Triage, Job::Extraction];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Job::Search => "search",
            Job::Chat => "chat",
            Job::Triage => "triage",
            Job::Extraction => "extraction",
        }
    }

    /// The job of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.as_str() == name)
    }
}

/// How a file of items is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// A line of names, then one item a row; separated by commas, semicolons or tabs.
    Csv,
}

impl Format {
    /// By the ending of a file's name, else by whether the first character is `{`.
    pub fn guess(file_name: &str, bytes: &[u8]) -> Self {
        let ending = file_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("jsonl" | "ndjson" | "json") => Self::Jsonl,
            Some("csv" | "tsv" | "txt") => Self::Csv,
            Some(_) | None => {
                let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
                match text.trim_ascii_start().first() {
                    Some(b'{') => Self::Jsonl,
                    Some(_) | None => Self::Csv,
                }
            }
        }
    }
}

/// A question to the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchItem {
    /// What is typed.
    pub query: String,
    /// External ids or titles of the documents that answer, best first; empty where none does.
    pub relevant: Vec<String>,
}

/// One turn of a conversation before the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who said it.
    pub role: Speaker,
    /// What.
    pub content: String,
}

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The customer.
    User,
    /// The server.
    Assistant,
}

/// A question to the chatbot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatItem {
    /// What is asked.
    pub question: String,
    /// Whether the documents answer it.
    pub answerable: bool,
    /// Facts that a right answer has, several spellings of one with `|` between them.
    pub answer_parts: Vec<String>,
    /// What a right answer does not have, with `|` likewise.
    pub must_not: Vec<String>,
    /// External ids or titles of the documents that answer.
    pub relevant: Vec<String>,
    /// What was said before.
    pub history: Vec<Turn>,
}

/// A message to be sorted. At least one of its labels is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriageItem {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
    /// Who wrote it.
    pub from: String,
    /// How it came.
    pub channel: String,
    /// What it is about.
    pub category: Option<String>,
    /// How soon somebody must look.
    pub urgency: Option<String>,
    /// Who takes it.
    pub team: Option<String>,
    /// Whether somebody is told at once.
    pub alert: Option<bool>,
    /// Whether a person would want to look first.
    pub ambiguous: Option<bool>,
}

/// A document whose fields are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtractionItem {
    /// Its name or external id.
    pub document: String,
    /// What kind of document it is.
    pub document_type: Option<String>,
    /// What it says; null where it does not.
    pub fields: BTreeMap<String, Value>,
}

/// What is asked and what is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Content {
    /// Of the search.
    Search(SearchItem),
    /// Of the chatbot.
    Chat(ChatItem),
    /// Of triage.
    Triage(TriageItem),
    /// Of extraction.
    Extraction(ExtractionItem),
}

impl Content {
    /// Which job it is of.
    pub fn job(&self) -> Job {
        match self {
            Content::Search(_) => Job::Search,
            Content::Chat(_) => Job::Chat,
            Content::Triage(_) => Job::Triage,
            Content::Extraction(_) => Job::Extraction,
        }
    }

    /// What a person reads of it in a list: the question, the subject and text, the document's name.
    pub fn text(&self) -> String {
        match self {
            Content::Search(item) => item.query.clone(),
            Content::Chat(item) => item.question.clone(),
            Content::Triage(item) if item.subject.is_empty() => item.body.clone(),
            Content::Triage(item) => format!("{} | {}", item.subject, item.body),
            Content::Extraction(item) => item.document.clone(),
        }
    }
}

/// One item of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, once in a set: the one that it has in the file, else `L` and its line.
    pub id: String,
    /// What is asked and what is right.
    #[serde(flatten)]
    pub content: Content,
    /// Remarks of who made the set, which nothing is judged by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remarks: BTreeMap<String, String>,
}

/// Items of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelledSet {
    /// The job.
    pub job: Job,
    /// The items, in the order of the file.
    pub items: Vec<Item>,
}

impl LabelledSet {
    /// Reads a file. UTF-8, UTF-16 with a byte order mark and Windows-1252 are understood.
    ///
    /// # Errors
    /// [`SetError`], of the first thing that is wrong.
    pub fn read(job: Job, format: Format, bytes: &[u8]) -> Result<Self, SetError> {
        if bytes.len() > MAX_SET_BYTES {
            return Err(SetError::TooLarge { bytes: bytes.len(), limit: MAX_SET_BYTES });
        }
        let text = decode::decode(bytes)?;
        let mut items: Vec<Item> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut add = |row: fields::Row| {
            if items.len() == MAX_SET_ITEMS {
                return Err(SetError::TooMany { limit: MAX_SET_ITEMS });
            }
            let line = row.line;
            let item = items::read(job, row)?;
            if let Some(first) = lines.insert(item.id.clone(), line) {
                return Err(SetError::Field {
                    line,
                    field: "id".to_owned(),
                    found: format!("is the one of line {first}"),
                    remedy: "give each item an id of its own, or none at all".to_owned(),
                });
            }
            items.push(item);
            Ok(())
        };
        match format {
            Format::Jsonl => lines::each(&text, &mut add)?,
            Format::Csv => table::each(&text, &mut add)?,
        }
        if items.is_empty() {
            return Err(SetError::Empty);
        }
        Ok(Self { job, items })
    }

    /// What makes this set the same as another: SHA-256 of its items, in hexadecimal. The encoding
    /// of the file, its format and the order of names within objects do not count.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.job.as_str());
        for item in &self.items {
            let value = serde_json::to_value(item).unwrap_or_default();
            let mut text = String::from("\n");
            canonical(&value, &mut text);
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }
}

/// Writes JSON with the names of objects in order.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            text.push('{');
            for (name, value) in sorted {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests;
