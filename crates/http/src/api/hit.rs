//! Writes passages and citations as clients see them.

use intramuros_knowledge::{Citation, Hit};
use intramuros_types::Span;
use serde::Serialize;
use utoipa::ToSchema;

/// Characters of the document's extracted text, counted in Unicode scalar values.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct SpanDto {
    /// The first character.
    start: u32,
    /// After the last character.
    end: u32,
}

impl From<Span> for SpanDto {
    fn from(span: Span) -> Self {
        Self { start: span.start, end: span.end }
    }
}

/// Pages, from 1.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct PagesDto {
    /// The first page.
    first: u32,
    /// The last page.
    last: u32,
}

impl From<(u32, u32)> for PagesDto {
    fn from((first, last): (u32, u32)) -> Self {
        Self { first, last }
    }
}

/// A passage that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HitDto {
    /// Stable id of the passage.
    id: String,
    /// Id of its document.
    document: String,
    /// Title of its document.
    title: String,
    /// Headings above it, outermost first.
    section_path: Vec<String>,
    /// Where the format has pages.
    pages: Option<PagesDto>,
    /// Where it is in the document's text.
    span: SpanDto,
    /// Its text.
    text: String,
    /// Fused rank score, 0 to 1; comparable within one answer only.
    score: f32,
    /// Why it was found.
    reason: ReasonDto,
}

/// Why a passage was found.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct ReasonDto {
    /// Cosine similarity to the query, when found by meaning.
    similarity: Option<f32>,
    /// BM25 score, when found by words.
    lexical: Option<f32>,
}

impl From<Hit> for HitDto {
    fn from(hit: Hit) -> Self {
        Self {
            id: hit.id.to_string(),
            document: hit.document.to_string(),
            title: hit.title,
            section_path: hit.section_path,
            pages: hit.pages.map(PagesDto::from),
            span: hit.span.into(),
            text: hit.text,
            score: hit.score,
            reason: ReasonDto { similarity: hit.similarity, lexical: hit.lexical },
        }
    }
}

/// A quotation that supports the answer; it stands verbatim in the document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CitationDto {
    /// Id of the passage.
    passage: String,
    /// Id of its document.
    document: String,
    /// Title of its document.
    title: String,
    /// Headings above it, outermost first.
    section_path: Vec<String>,
    /// Where the format has pages.
    pages: Option<PagesDto>,
    /// The quoted words.
    quote: String,
    /// Where they are in the document's text.
    span: SpanDto,
}

impl From<Citation> for CitationDto {
    fn from(citation: Citation) -> Self {
        Self {
            passage: citation.passage.to_string(),
            document: citation.document.to_string(),
            title: citation.title,
            section_path: citation.section_path,
            pages: citation.pages.map(PagesDto::from),
            quote: citation.quote,
            span: citation.span.into(),
        }
    }
}
