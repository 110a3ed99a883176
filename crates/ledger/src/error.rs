//! Says what can go wrong with the ledger.

use std::path::PathBuf;

use intramuros_types::Fault;

/// An error of the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// No record of this kind has this id.
    #[error("{what} `{id}` does not exist")]
    NotFound {
        /// `key`, `knowledge base`, `document` or `job`.
        what: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// The record is in a state that does not allow the operation.
    #[error("{what} `{id}` {reason}")]
    Conflict {
        /// `knowledge base` or `document`.
        what: &'static str,
        /// Its id.
        id: String,
        /// Continues the sentence: `already exists`, `is being deleted`.
        reason: String,
    },
    /// A value cannot be stored.
    #[error("{name} {reason}")]
    Invalid {
        /// The field.
        name: &'static str,
        /// Continues the sentence, with the limit.
        reason: String,
    },
    /// As much was done as a day allows.
    #[error("{what} are at their limit of {limit} a day; it begins anew at midnight, UTC")]
    DailyLimit {
        /// `messages of a visitor`, `messages` or `conversations`.
        what: &'static str,
        /// How many there may be.
        limit: u32,
    },
    /// The file was written by a newer version of the program.
    #[error(
        "the ledger has schema version {found}, this program supports up to {supported}; \
         install the newer version or restore a backup made before the upgrade"
    )]
    Newer {
        /// Version found in the file.
        found: i64,
        /// Newest version that this program knows.
        supported: i64,
    },
    /// The file was written by an older version of the program, and may not be changed here.
    #[error(
        "the ledger has schema version {found}, this program needs {supported}; start the server \
         ('intramuros serve'), which copies it and brings it up to date"
    )]
    Older {
        /// Version found in the file.
        found: i64,
        /// The version that this program needs.
        supported: i64,
    },
    /// The file is not a ledger, or is damaged.
    #[error("the ledger {} is damaged ({detail}); restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The database failed at `operation`.
    #[error("the ledger could not {operation}")]
    Database {
        /// What was attempted.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// A file beside the ledger could not be read or written.
    #[error("{} could not be read or written", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A migration failed; the file is as it was before it.
    #[error("the ledger's schema could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Work was given up because the program stops, or it panicked.
    #[error("the work was interrupted")]
    Interrupted,
    /// The attempt that wanted to write has lost the job: it was given up for dead, or the job is
    /// finished or gone.
    #[error("the lease on the job `{job}` is lost")]
    LeaseLost {
        /// The job.
        job: String,
    },
    /// The operating system gave no random bytes for a new key.
    #[error("the system's random number generator failed: {detail}")]
    Entropy {
        /// What the system says.
        detail: String,
    },
}

impl LedgerError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotFound { .. } | Self::Conflict { .. } | Self::Invalid { .. } => Fault::User,
            Self::DailyLimit { .. } => Fault::Capacity,
            Self::Database { source, .. } if is_busy(source) => Fault::Capacity,
            Self::Newer { .. }
            | Self::Older { .. }
            | Self::Damaged { .. }
            | Self::Database { .. }
            | Self::Migration(_)
            | Self::Io { .. }
            | Self::Interrupted
            | Self::LeaseLost { .. }
            | Self::Entropy { .. } => Fault::Runtime,
        }
    }

    /// Whether the disk that holds the ledger has no room left.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, Self::Database { source, .. } if sqlite_code(source) == Some(SQLITE_FULL))
    }

    /// Whether the disk that holds the ledger cannot be written.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Database { source, .. } if sqlite_code(source) == Some(SQLITE_READONLY))
    }

    /// Whether a page of the ledger is damaged.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Database { source, .. } => is_damage(source),
            Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::DailyLimit { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Migration(_)
            | Self::Io { .. }
            | Self::Interrupted
            | Self::LeaseLost { .. }
            | Self::Entropy { .. } => false,
        }
    }

    /// Wraps a failure of `operation` (an infinitive: `list the documents`).
    pub(crate) fn database(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { operation, source }
    }
}

/// SQLite's primary result codes, which are the low byte of the extended ones.
/// Source: SQLite, "Result and Error Codes".
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;

fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn is_busy(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut)
        || matches!(sqlite_code(error), Some(SQLITE_BUSY | SQLITE_LOCKED))
}

/// Whether SQLite says that the file is not a sound database.
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(sqlite_code(error), Some(SQLITE_CORRUPT | SQLITE_NOTADB))
}
