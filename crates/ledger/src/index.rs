//! Describes how the passages of a knowledge base were made.

use intramuros_types::{KnowledgeBaseId, ModelId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

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
    /// File names or external ids of the documents that answer it, 1 to 100.
    pub relevant: Vec<String>,
}

#[cfg(test)]
mod tests;
