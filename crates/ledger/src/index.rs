//! Describes how the passages of a knowledge base were made.

use intramuros_types::{KnowledgeBaseId, ModelId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

mod calibrations;
mod questions;
mod records;

/// How documents are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunking {
    /// Of the rules.
    pub version: u32,
    /// Tokens that passages are filled up to.
    pub target_tokens: u32,
    /// Tokens that none exceeds.
    pub max_tokens: u32,
}

/// What an index is to its knowledge base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexRole {
    /// Searches look in it.
    Active,
    /// Is made beside the active one.
    Building,
    /// Was made and answers the test questions worse.
    Rejected,
    /// Was active before the one that is.
    Previous,
}

impl IndexRole {
    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            IndexRole::Active => "active",
            IndexRole::Building => "building",
            IndexRole::Rejected => "rejected",
            IndexRole::Previous => "previous",
        }
    }
}

/// An index: one way in which the passages of a knowledge base were made.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexRecord {
    /// The knowledge base.
    pub knowledge_base: KnowledgeBaseId,
    /// Counts the indexes of a knowledge base, from 0.
    pub generation: u32,
    /// What it is to the knowledge base.
    pub role: IndexRole,
    /// The encoder.
    pub embedding_model: ModelId,
    /// Length of its vectors; `None` for an index of an earlier version.
    pub dimension: Option<u32>,
    /// How documents are cut.
    pub chunking: Chunking,
    /// When it was begun.
    pub started: OffsetDateTime,
    /// When all documents were in it.
    pub finished: Option<OffsetDateTime>,
    /// What the test questions said.
    pub verdict: Option<Verdict>,
}

/// How an index answers the test questions beside the active one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How many questions.
    pub questions: u32,
    /// Share with a relevant document among the first five, by the index that was active.
    pub recall_at_5_before: f32,
    /// The same by this one.
    pub recall_at_5: f32,
}

/// How far an index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexProgress {
    /// Documents that can be searched.
    pub documents: u64,
    /// How many of them are in it as they are now.
    pub done: u64,
    /// How many of these have no passages in it, because they could not be read again.
    pub failed: u64,
}

/// A question whose documents are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestQuestion {
    /// The owner's name for it, up to 100 characters.
    pub id: String,
    /// What is asked, up to 1,000 characters.
    pub query: String,
    /// File names or external ids of the documents that answer it, up to 100; none where the
    /// documents do not answer.
    pub relevant: Vec<String>,
}

/// From where on a judgement counts as "the passages answer".
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Who judged, on what; a calibration says nothing about another judge.
    pub judge: String,
    /// The least score, 0 to 1.
    pub threshold: f32,
    /// Share of the answerable that the threshold was to keep.
    pub kept: f32,
    /// Test questions whose document was among the passages.
    pub answerable: u32,
    /// Those of them that reach the threshold.
    pub answerable_kept: u32,
    /// Test questions whose document was not among the passages; the threshold does not heed them.
    pub not_found: u32,
    /// Test questions that the documents do not answer.
    pub unanswerable: u32,
    /// Those of them that reach the threshold all the same.
    pub unanswerable_kept: u32,
    /// When it was measured.
    pub measured: OffsetDateTime,
}

#[cfg(test)]
mod tests;
