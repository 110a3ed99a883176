//! Describes a passage on its way into the store and out of it.

use std::collections::BTreeMap;

use intramuros_types::{Chunk, ChunkId, DocumentId};

/// A passage to store.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageRow {
    /// The document it belongs to.
    pub document: DocumentId,
    /// The document's title; searched together with the text.
    pub title: String,
    /// Text, positions and headings. Ordinals are unique within a document.
    pub chunk: Chunk,
    /// ISO 639-1 code of its language, where known.
    pub language: Option<String>,
    /// What its document says about itself and its owner about it.
    pub details: PassageDetails,
    /// The token vectors that late interaction compares, as the encoder's crate packs them; empty
    /// where it has none. Not read here.
    pub tokens: Vec<u8>,
    /// The embedding, as long as the table's dimension; finite and not all zero. Its length does
    /// not matter, similarity is cosine.
    pub vector: Vec<f32>,
}

/// What a passage has of its document, to filter by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassageDetails {
    /// Who may read it; a passage without labels is open to everyone. See [`crate::Filter`].
    pub labels: Vec<String>,
    /// Names and values; a name has no `=`.
    pub metadata: BTreeMap<String, String>,
    /// The day on which the document was written, in days since 1970-01-01.
    pub written: Option<i32>,
}

/// A passage as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPassage {
    /// `<document id>:<ordinal>`.
    pub id: ChunkId,
    /// The document it belongs to.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
    /// Text, positions and headings.
    pub chunk: Chunk,
    /// ISO 639-1 code of its language, where known.
    pub language: Option<String>,
    /// What its document says about itself and its owner about it.
    pub details: PassageDetails,
}

/// What a passage says, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageText {
    /// The document it belongs to.
    pub document: DocumentId,
    /// Its place among the document's passages, from 0.
    pub ordinal: u32,
    /// The first page it touches, from 1, where the format has pages.
    pub page: Option<u32>,
    /// Headings above it, outermost first.
    pub headings: Vec<String>,
    /// The text.
    pub text: String,
}
