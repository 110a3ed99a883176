//! Names what is wrong with a backup or a data directory.

use std::fmt;

use intramuros_types::{DocumentId, KnowledgeBaseId};

/// The most problems that are listed; the others are counted.
const MAX_LISTED: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A file of the manifest that is not there.
    Missing {
        /// Relative to the backup.
        path: String,
    },
    /// A file whose content is not what was written.
    Changed {
        /// Relative to the backup.
        path: String,
    },
    /// A file that the manifest does not know.
    Unknown {
        /// Relative to the backup.
        path: String,
    },
    /// Something that cannot be read.
    Unreadable {
        /// What.
        what: String,
        /// What the system or the database says.
        reason: String,
    },
    /// A knowledge base whose table is not there, although documents have passages in it.
    TableMissing {
        /// The knowledge base.
        base: KnowledgeBaseId,
    },
    /// A document that has other passages than the ledger says.
    Passages {
        /// The document.
        document: DocumentId,
        /// What the ledger says.
        expected: u32,
        /// What the table has.
        found: u64,
    },
    /// Passages of a document that the ledger does not know.
    Stray {
        /// The document.
        document: DocumentId,
        /// How many.
        passages: u64,
    },
    /// The file of a document is not there.
    FileMissing {
        /// Its digest.
        digest: String,
    },
    /// The file of a document is not what its digest says.
    FileDamaged {
        /// Its digest.
        digest: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{path} is missing"),
            Self::Changed { path } => write!(f, "{path} is not what was written"),
            Self::Unknown { path } => write!(f, "{path} is not in the manifest"),
            Self::Unreadable { what, reason } => write!(f, "{what} cannot be read ({reason})"),
            Self::TableMissing { base } => {
                write!(f, "the passages of the knowledge base '{base}' are missing")
            }
            Self::Passages { document, expected, found } => {
                write!(f, "document {document} has {found} passages instead of {expected}")
            }
            Self::Stray { document, passages } => {
                write!(f, "{passages} passages are of document {document}, which does not exist")
            }
            Self::FileMissing { digest } => write!(f, "the stored file {digest} is missing"),
            Self::FileDamaged { digest } => write!(f, "the stored file {digest} is damaged"),
        }
    }
}

/// What is wrong: the first hundred problems, and how many more there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// The first ones.
    pub listed: Vec<Problem>,
    /// How many more.
    pub more: u64,
}

impl Problems {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.more
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(problem);
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Problems {
    /// The first three, for a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (at, problem) in self.listed.iter().take(SHOWN).enumerate() {
            write!(f, "{}{problem}", if at == 0 { "" } else { "; " })?;
        }
        match self.count().saturating_sub(SHOWN as u64) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
