//! Ties a sentence of an answer to the words of a passage.

use intramuros_types::{ChunkId, DocumentId, PageBox, Span};

use crate::search::Hit;

/// A quotation that supports a sentence. It stands verbatim in a passage that was retrieved.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// The passage.
    pub passage: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
    /// Headings above the passage, outermost first.
    pub section_path: Vec<String>,
    /// First and last page of the passage, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// The quoted words.
    pub quote: String,
    /// Where they are in the document's extracted text, in characters.
    pub span: Span,
    /// Where their lines stand on their pages, where the format has places.
    pub boxes: Vec<PageBox>,
}

impl Citation {
    /// Cites `quote`, which must stand in the hit's text; `None` when it does not, so that a citation
    /// that does not stand in its passage cannot be made.
    pub(crate) fn new(hit: &Hit, quote: &str) -> Option<Self> {
        let within = exactly(&hit.passage.text, quote)
            .or_else(|| intramuros_ingest::find_quote(&hit.passage.text, quote))?;
        let span =
            Span::new(hit.passage.span.start + within.start, hit.passage.span.start + within.end);
        Some(Self {
            passage: hit.passage.id.clone(),
            document: hit.passage.document.clone(),
            title: hit.passage.title.clone(),
            section_path: hit.passage.section_path.clone(),
            pages: hit.passage.pages,
            quote: within.slice(&hit.passage.text).to_string(),
            span,
            boxes: hit.passage.boxes_of(span),
        })
    }
}

/// Where `quote` stands in `text` letter by letter.
fn exactly(text: &str, quote: &str) -> Option<Span> {
    let start = text[..text.find(quote)?].chars().count();
    let end = start + quote.chars().count();
    Some(Span::new(u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}
