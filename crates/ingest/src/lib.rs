//! Turns the bytes of a document into text with structure and positions, and that into passages.
//!
//! Two steps, both synchronous:
//!
//! 1. [`extract`] recognises the format ([`detect`]), reads it and returns an [`Extraction`]: an
//!    [`ExtractedDocument`](intramuros_types::ExtractedDocument) (one text, and blocks such as
//!    headings, paragraphs, list items, table rows whose spans point into that text), and the files
//!    that it holds.
//! 2. [`chunk`] packs the blocks into passages that fit an encoder. A passage is a contiguous
//!    range of the document's text, so a citation can always be shown where it stands.
//!
//! [`context_line`] and [`embedding_text`] say what is embedded for a passage; [`find_quote`]
//! locates a quotation in a passage, which is how citations are verified.
//!
//! What holds for every format:
//! - text is normalised before positions are counted, so that `text[span]` is the block;
//! - a document that cannot be read is an [`IngestError`] that says why, never an empty document;
//! - hostile input ends in an error: sizes, nesting, pages, decompressed bytes and time are
//!   bounded by [`ExtractLimits`], and a panic of a parser becomes [`IngestError::Damaged`].
//!
//! Page images, in scanned PDFs or as files, are read by the `tesseract` program where
//! [`ExtractConfig::ocr`] names it. `ocr` is the only module that starts a process; everything else
//! is a pure function of the bytes.
//!
//! [`worker`] runs [`extract`] in a process of its own, which is how a server should call it.
//!
//! The crate knows no model, no store and no network. Tokens are counted by a function that the
//! caller passes in. Each format is one file under `format/` with one function `extract`; a new
//! format is a new file, a line in [`detect`] and a line in [`extract`].

mod builder;
mod chunk;
mod config;
mod context;
mod detect;
mod error;
mod extract;
mod extraction;
mod format;
mod language;
mod limits;
mod normalise;
mod ocr;
mod placed;
mod quote;
pub mod worker;

pub use chunk::{CHUNKING_VERSION, ChunkConfig, chunk};
pub use config::{ExtractConfig, OcrConfig};
pub use context::{context_line, embedding_text};
pub use detect::detect;
pub use error::IngestError;
pub use extract::extract;
pub use extraction::{EmbeddedFile, Extraction};
pub use format::table::CELL_SEPARATOR;
pub use limits::ExtractLimits;
pub use quote::find_quote;
