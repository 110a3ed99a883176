//! Writes passages and citations as clients see them.

use intramuros_knowledge::{Citation, Highlight, Hit, Passage};
use intramuros_types::{PageBox, Span};
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

/// A rectangle on a page as it is displayed, in fractions of its width and height from the upper
/// left corner.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct BoxDto {
    /// The page, from 1.
    page: u32,
    /// Left edge, 0 to 1.
    left: f32,
    /// Upper edge, 0 to 1.
    top: f32,
    /// Right edge, 0 to 1.
    right: f32,
    /// Lower edge, 0 to 1.
    bottom: f32,
}

impl From<PageBox> for BoxDto {
    fn from(place: PageBox) -> Self {
        let PageBox { page, left, top, right, bottom } = place;
        Self { page, left, top, right, bottom }
    }
}

/// A passage of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PassageDto {
    /// Stable id of the passage.
    id: String,
    /// Id of its document.
    document: String,
    /// Title of its document.
    title: String,
    /// Its position among the passages of its document, from 0.
    ordinal: u32,
    /// Headings above it, outermost first.
    section_path: Vec<String>,
    /// Where the format has pages.
    pages: Option<PagesDto>,
    /// Where it is in the document's text.
    span: SpanDto,
    /// Its text.
    text: String,
    /// Where its lines stand on their pages, where the format has places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boxes: Vec<BoxDto>,
}

impl From<Passage> for PassageDto {
    fn from(passage: Passage) -> Self {
        Self {
            id: passage.id.to_string(),
            document: passage.document.to_string(),
            title: passage.title,
            ordinal: passage.ordinal,
            section_path: passage.section_path,
            pages: passage.pages.map(PagesDto::from),
            span: passage.span.into(),
            text: passage.text,
            boxes: passage.boxes.into_iter().map(BoxDto::from).collect(),
        }
    }
}

/// A passage that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HitDto {
    /// The passage.
    #[serde(flatten)]
    passage: PassageDto,
    /// Fused rank score, 0 to 1; comparable within one answer only.
    score: f32,
    /// The sentences that answer, as far as words can tell, in the order of the text.
    highlights: Vec<HighlightDto>,
    /// Why it was found.
    reason: ReasonDto,
}

/// A sentence of a passage.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HighlightDto {
    /// The sentence.
    text: String,
    /// Where it is in the document's text.
    span: SpanDto,
    /// Where its lines stand on their pages, where the format has places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boxes: Vec<BoxDto>,
}

impl From<Highlight> for HighlightDto {
    fn from(highlight: Highlight) -> Self {
        Self {
            text: highlight.text,
            span: highlight.span.into(),
            boxes: highlight.boxes.into_iter().map(BoxDto::from).collect(),
        }
    }
}

/// Why a passage was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReasonDto {
    /// Cosine similarity to the query, when found by meaning.
    similarity: Option<f32>,
    /// BM25 score, when found by words; for who may not read everything, its share of the best
    /// hit's.
    lexical: Option<f32>,
    /// Similarity word by word, -1 to 1; what mainly orders the hits.
    late_interaction: Option<f32>,
    /// What the cross-encoder says, 0 to 1, where one is served and read the passage; then it
    /// orders the hits.
    cross_encoder: Option<f32>,
    /// How likely the generator finds the question after the passage, nats a token, where that
    /// was asked (`ranking`: `likelihood`).
    #[serde(skip_serializing_if = "Option::is_none")]
    likelihood: Option<f32>,
    /// Words of the query that the passage, its title or its headings have in some form.
    matched_words: Vec<String>,
}

impl From<Hit> for HitDto {
    fn from(hit: Hit) -> Self {
        Self {
            passage: hit.passage.into(),
            score: hit.score,
            highlights: hit.highlights.into_iter().map(HighlightDto::from).collect(),
            reason: ReasonDto {
                similarity: hit.similarity,
                lexical: hit.lexical,
                late_interaction: hit.late_interaction,
                cross_encoder: hit.cross_encoder,
                likelihood: hit.likelihood,
                matched_words: hit.matched_words,
            },
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
    /// Where their lines stand on their pages, where the format has places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boxes: Vec<BoxDto>,
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
            boxes: citation.boxes.into_iter().map(BoxDto::from).collect(),
        }
    }
}
