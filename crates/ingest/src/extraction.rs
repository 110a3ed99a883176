//! Describes what reading a file gives: its own text, and the files within it.

use intramuros_types::{ExtractedDocument, ReadWarning};
use serde::{Deserialize, Serialize};

/// What a file holds. Never nothing: a file without text and without files is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// Its text; `None` for a container without any of its own, such as a ZIP archive.
    pub document: Option<ExtractedDocument>,
    /// The files within it, in order: attachments of an e-mail, entries of an archive. They are
    /// not read; each is a document of its own.
    pub files: Vec<EmbeddedFile>,
    /// What could not be read of a file without text of its own. Where there is a document, its
    /// own warnings say it and these are empty.
    pub warnings: Vec<ReadWarning>,
}

/// A file within another.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddedFile {
    /// Its name, with the folders of an archive (`factures/2026/F-12.pdf`); shown, never a path.
    pub name: String,
    /// Its bytes, decompressed.
    pub bytes: Vec<u8>,
}

/// Leaves the content out, so that it cannot reach a log.
impl std::fmt::Debug for EmbeddedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedFile")
            .field("name", &self.name)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}
