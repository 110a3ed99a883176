//! Holds the knobs of reading a document.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ExtractLimits;

/// How documents are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractConfig {
    /// What one document may cost.
    pub limits: ExtractLimits,
    /// How page images are read; `None` where no character recognition is installed.
    pub ocr: Option<OcrConfig>,
}

/// How page images are read: with the `tesseract` program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OcrConfig {
    /// The program, absolute.
    pub program: PathBuf,
    /// Languages as tesseract names them, joined by `+`: `fra+eng`.
    pub languages: String,
}
