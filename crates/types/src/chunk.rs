//! Describes a passage: the unit that is embedded, searched and cited.

use serde::{Deserialize, Serialize};

use crate::{PlacedWord, Span};

/// A passage of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Position among the document's chunks, from 0; neighbours are `ordinal ± 1`.
    pub ordinal: u32,
    /// The passage, equal to the document's text at `span`.
    pub text: String,
    /// Where the passage is in the document's extracted text.
    pub span: Span,
    /// First and last page it touches, from 1, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Headings above the passage, outermost first.
    pub section_path: Vec<String>,
    /// Where its words stand on their pages, in order, where the format has places. Spans are
    /// those of the document's text.
    pub words: Vec<PlacedWord>,
}
