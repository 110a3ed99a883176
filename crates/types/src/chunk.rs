//! Describes a passage: the unit that is embedded, searched and cited.

use serde::{Deserialize, Serialize};

use crate::Span;

/// A passage of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}
