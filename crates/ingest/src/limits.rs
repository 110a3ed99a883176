//! Bounds what reading one document may cost.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::IngestError;

/// The most that one document may cost. The defaults fit office documents and manuals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractLimits {
    /// Size of the file, in bytes.
    pub max_bytes: u64,
    /// Length of the extracted text, in characters.
    pub max_text_chars: u64,
    /// Number of pages, or slides.
    pub max_pages: u32,
    /// Depth of nested elements (HTML, office documents).
    pub max_nesting: u32,
    /// Number of elements of a tree that has to be held in memory (HTML).
    pub max_nodes: u32,
    /// Number of blocks of the extracted document.
    pub max_blocks: u32,
    /// Number of filled cells of a workbook or a file of values.
    pub max_cells: u64,
    /// Number of files in an archive (office documents, ZIP), of parts of an e-mail, of messages in
    /// a mailbox.
    pub max_zip_entries: u32,
    /// Decompressed size of one file of an archive, as a multiple of its compressed size.
    /// Files below 1 MiB decompressed are exempt: short ones compress without bound.
    pub max_zip_ratio: u32,
    /// Decompressed size of all the files read from an archive, in bytes.
    pub max_unzipped_bytes: u64,
    /// Time of reading. It is looked at between elements or pages, so it can be overrun by one.
    /// Character recognition has limits of its own.
    pub max_duration: Duration,
    /// Number of pages of a document whose images are recognised.
    pub max_ocr_pages: u32,
    /// Time of recognising one page; the recognition is ended then.
    pub max_ocr_page_duration: Duration,
    /// Pixels of an image, before it is decompressed.
    pub max_image_pixels: u64,
}

impl Default for ExtractLimits {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            max_text_chars: 20_000_000,
            max_pages: 5_000,
            max_nesting: 1_000,
            max_nodes: 1_000_000,
            max_blocks: 500_000,
            max_cells: 2_000_000,
            max_zip_entries: 10_000,
            max_zip_ratio: 200,
            max_unzipped_bytes: 256 << 20,
            max_duration: Duration::from_secs(120),
            max_ocr_pages: 500,
            max_ocr_page_duration: Duration::from_secs(60),
            max_image_pixels: 100_000_000,
        }
    }
}

/// The moment at which reading one document has taken too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    /// Starts counting now.
    pub(crate) fn start(limits: &ExtractLimits) -> Self {
        // A duration too long for the clock is no limit.
        Self { at: Instant::now().checked_add(limits.max_duration), limit: limits.max_duration }
    }

    /// Lets reading take longer by what had a limit of its own.
    pub(crate) fn extend(&mut self, by: Duration) {
        self.at = self.at.and_then(|at| at.checked_add(by));
    }

    /// # Errors
    /// [`IngestError::LimitExceeded`] once the time is over.
    pub(crate) fn check(&self) -> Result<(), IngestError> {
        match self.at {
            Some(at) if Instant::now() > at => Err(IngestError::LimitExceeded {
                what: "seconds of reading".into(),
                limit: self.limit.as_secs(),
            }),
            _ => Ok(()),
        }
    }
}
