//! Describes what to look for, and checks it.

use std::collections::BTreeMap;

use intramuros_engine::Caller;
use intramuros_store::{DateRange, Filter};
use intramuros_types::{Access, DocumentId};

use crate::KnowledgeError;
use crate::index::day;

/// Longest query in characters; the encoder's own limit is checked by the encoder.
const MAX_QUERY_CHARS: usize = 4_000;

/// The most hits of one search.
const MAX_HITS: usize = 100;

/// What to look for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Words or a question.
    pub query: String,
    /// The most hits, 1 to 100.
    pub limit: usize,
    /// The most hits of one document; `None` for no bound.
    pub per_document: Option<usize>,
    /// Where to look.
    pub scope: Scope,
    /// How to order what is found.
    pub ranking: Ranking,
    /// Who asks.
    pub caller: Caller,
}

/// How passages are found and ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ranking {
    /// By meaning and by words, compared word by word.
    #[default]
    Hybrid,
    /// The same, the best then by how likely the generator finds the question after each.
    Likelihood,
    /// By the cosine of the whole alone.
    Vectors,
    /// By BM25 alone.
    Words,
}

/// The part of a knowledge base that a request is about.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Only these documents; `None` for all.
    pub documents: Option<Vec<DocumentId>>,
    /// For each name of metadata one of these values.
    pub metadata: BTreeMap<String, Vec<String>>,
    /// Only documents written on this day (`YYYY-MM-DD`) or later.
    pub written_from: Option<String>,
    /// Only documents written on this day or earlier.
    pub written_to: Option<String>,
    /// What the caller may read.
    pub access: Access,
}

impl Scope {
    /// All that `access` allows to read.
    pub fn readable_by(access: Access) -> Self {
        Self {
            documents: None,
            metadata: BTreeMap::new(),
            written_from: None,
            written_to: None,
            access,
        }
    }

    /// The same as the store understands it.
    pub(crate) fn to_filter(&self) -> Result<Filter, KnowledgeError> {
        let from = parse_day("written_from", self.written_from.as_deref())?;
        let to = parse_day("written_to", self.written_to.as_deref())?;
        let written = (from.is_some() || to.is_some()).then_some(DateRange { from, to });
        Ok(Filter {
            documents: self.documents.clone(),
            metadata: self.metadata.clone(),
            written,
            access: self.access.clone(),
        })
    }
}

fn parse_day(name: &'static str, date: Option<&str>) -> Result<Option<i32>, KnowledgeError> {
    let Some(date) = date else { return Ok(None) };
    match day(date) {
        Some(day) if date.len() == 10 => Ok(Some(day)),
        _ => Err(KnowledgeError::invalid(name, "must be a day such as 2026-03-31")),
    }
}

/// Checks what a search asks for.
pub(crate) fn validate(request: &SearchRequest) -> Result<(), KnowledgeError> {
    check_text("query", &request.query)?;
    if !(1..=MAX_HITS).contains(&request.limit) {
        let reason = format!("is {}, it must be 1 to {MAX_HITS}", request.limit);
        return Err(KnowledgeError::invalid("limit", reason));
    }
    if request.per_document.is_some_and(|most| !(1..=MAX_HITS).contains(&most)) {
        let reason = format!("must be 1 to {MAX_HITS}");
        return Err(KnowledgeError::invalid("per_document", reason));
    }
    Ok(())
}

/// Checks what a user typed into the field `name`.
pub(crate) fn check_text(name: &'static str, text: &str) -> Result<(), KnowledgeError> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err(KnowledgeError::invalid(name, "is empty"));
    }
    if length > MAX_QUERY_CHARS {
        let reason = format!("has {length} characters, the limit is {MAX_QUERY_CHARS}");
        return Err(KnowledgeError::invalid(name, reason));
    }
    Ok(())
}
