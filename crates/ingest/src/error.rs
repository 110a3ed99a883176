//! Names the ways in which a document cannot be read, in words for the person who uploaded it.

use std::borrow::Cow;

use intramuros_types::Fault;
use serde::{Deserialize, Serialize};

/// Why a document could not be read. Nothing of its content is in the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The file has no bytes, or nothing but white space.
    #[error("the document is empty")]
    Empty,
    /// The file is larger than what is accepted.
    #[error("the document has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Size of the file.
        bytes: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// The format is none of the supported ones.
    #[error("{found} cannot be read; supported formats: {}", crate::detect::SUPPORTED)]
    Unsupported {
        /// What the file seems to be.
        found: String,
    },
    /// The file is protected with a password.
    #[error("the document is encrypted; remove its password and send it again")]
    Encrypted,
    /// The file is readable but holds no text, as a scan does.
    #[error(
        "the document has no text layer ({pages} pages), so it needs character recognition (OCR), which is not available"
    )]
    NoText {
        /// Number of pages that were looked at.
        pages: u32,
    },
    /// Its images cannot be read because character recognition does not work.
    #[error("character recognition (OCR) failed: {reason}")]
    Recognition {
        /// What went wrong, in the system's or the program's words.
        reason: String,
    },
    /// The file is broken.
    #[error("the document is damaged: {reason}")]
    Damaged {
        /// What is broken, in the parser's words.
        reason: String,
    },
    /// The file exceeds one of the limits on what reading it may cost.
    #[error("the document exceeds the limit of {limit} {what}")]
    LimitExceeded {
        /// What is counted, in the plural.
        what: Cow<'static, str>,
        /// The most that is accepted.
        limit: u64,
    },
    /// The process that read the file broke down over it.
    #[error("the reader stopped on it: the document is probably damaged or hostile")]
    Crashed,
    /// Whoever asked for the document no longer wants it.
    #[error("reading was cancelled")]
    Cancelled,
    /// The process that reads could not be started or talked to; the document is not the cause.
    #[error("the reader is not available: {reason}")]
    Unavailable {
        /// What failed. Holds nothing of the document.
        reason: String,
    },
}

impl IngestError {
    /// Whose fault the error is: the document's, unless reading or recognition does not work.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Recognition { .. } => Fault::Runtime,
            Self::Empty
            | Self::TooLarge { .. }
            | Self::Unsupported { .. }
            | Self::Encrypted
            | Self::NoText { .. }
            | Self::Damaged { .. }
            | Self::LimitExceeded { .. }
            | Self::Crashed
            | Self::Cancelled => Fault::User,
            Self::Unavailable { .. } => Fault::Runtime,
        }
    }

    /// A damaged document, with the parser's error as the reason.
    pub(crate) fn damaged(reason: impl std::fmt::Display) -> Self {
        Self::Damaged { reason: reason.to_string() }
    }
}
