//! Describes a document after its bytes were read: text with structure and positions.

use serde::{Deserialize, Serialize};

use crate::{PlacedWord, Span};

/// A file format that can be read. The names are what the API shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentFormat {
    /// Plain text.
    Text,
    /// Markdown (CommonMark with tables).
    Markdown,
    /// HTML.
    Html,
    /// PDF, with a text layer or as page images.
    Pdf,
    /// Office Open XML word processing.
    Docx,
    /// OpenDocument text.
    Odt,
    /// Office Open XML workbook.
    Xlsx,
    /// OpenDocument spreadsheet.
    Ods,
    /// Values separated by commas, semicolons or tabs.
    Csv,
    /// Office Open XML presentation.
    Pptx,
    /// OpenDocument presentation.
    Odp,
    /// An e-mail as in RFC 5322.
    Eml,
    /// A picture of text, such as a photographed page.
    Image,
    /// An archive of other documents, without text of its own.
    Zip,
}

/// What a block is, as far as the format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading of level 1 (outermost) to 6.
    Heading(u8),
    /// Running text.
    Paragraph,
    /// One item of a list.
    ListItem,
    /// One row of a table, cells joined as `header: value` where headers are known.
    TableRow,
    /// Preformatted text.
    Code,
}

/// One unit of a document's structure, in reading order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Where its text is within [`ExtractedDocument::text`].
    pub span: Span,
    /// Page of its first character, from 1; `None` where the format has no pages.
    pub page: Option<u32>,
    /// Titles of the headings above it, outermost first; a heading's own title excluded.
    pub section_path: Vec<String>,
}

/// A document's text with its structure. Blocks are in order and do not overlap; what lies
/// between two blocks is white space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtractedDocument {
    /// The format that was recognised.
    pub format: DocumentFormat,
    /// Title from the metadata, the first heading or the file name, in this order.
    pub title: String,
    /// ISO 639-1 code of the main language where it could be told.
    pub language: Option<String>,
    /// Who wrote it, as its metadata or headers say.
    pub author: Option<String>,
    /// When it was made, as its metadata or headers say: `YYYY-MM-DD` or RFC 3339.
    pub created: Option<String>,
    /// When it was last changed, as its metadata says: `YYYY-MM-DD` or RFC 3339.
    pub modified: Option<String>,
    /// The whole text, lines separated by `\n`.
    pub text: String,
    /// The structure of `text`.
    pub blocks: Vec<Block>,
    /// Number of pages, where the format has them.
    pub pages: Option<u32>,
    /// Where the words of `text` stand on their pages, in order of their spans, where the format
    /// has places. Words that cannot be placed are left out.
    pub words: Vec<PlacedWord>,
    /// What could not be read well; empty when everything could.
    pub warnings: Vec<ReadWarning>,
}

/// A part of a document that was not read, or not well, while the rest was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWarning {
    /// A stable name that programs can match on, such as `page_without_text`.
    pub code: String,
    /// What people read. Does not quote the document.
    pub text: String,
    /// The page it is about, from 1.
    pub page: Option<u32>,
}
