//! Describes knowledge bases.

use intramuros_types::{KnowledgeBaseId, ModelId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Chunking;

mod records;

/// What is needed to create a knowledge base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKnowledgeBase {
    /// A slug, `[a-z0-9][a-z0-9-]{0,62}`, that names it for good.
    pub id: KnowledgeBaseId,
    /// What people call it, up to 200 characters.
    pub title: String,
    /// The encoder of its vectors.
    pub embedding_model: ModelId,
    /// Main language, ISO 639-1.
    pub language: String,
    /// Length of the encoder's vectors.
    pub dimension: u32,
    /// How its documents are cut.
    pub chunking: Chunking,
}

/// Where a knowledge base is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnowledgeBaseState {
    /// In use.
    Active,
    /// Being erased; takes no documents and answers no search.
    Deleting,
}

/// A knowledge base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeBase {
    /// The slug.
    pub id: KnowledgeBaseId,
    /// What people call it.
    pub title: String,
    /// The encoder of its vectors.
    pub embedding_model: ModelId,
    /// Main language, ISO 639-1.
    pub language: String,
    /// Where it is in its life.
    pub state: KnowledgeBaseState,
    /// When it was created.
    pub created: OffsetDateTime,
}

#[cfg(test)]
mod tests;
