//! Says what can go wrong with stored passages and files.

use std::io::ErrorKind;
use std::path::PathBuf;

use intramuros_types::Fault;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A value cannot be stored or searched for.
    #[error("{name} {reason}")]
    Invalid {
        /// The field.
        name: &'static str,
        /// Continues the sentence, with the limit.
        reason: String,
    },
    /// The table on disk is not what was asked for.
    #[error("table `{table}` was made for {found}, {expected} was expected; index it anew")]
    Mismatch {
        /// Name of the table.
        table: String,
        /// What its metadata say.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The table was dropped with its knowledge base while the handle was held.
    #[error("table `{table}` was deleted with its knowledge base")]
    Dropped {
        /// Name of the table.
        table: String,
    },
    /// There is no such file.
    #[error("stored file `{digest}` is missing; restore a backup, or upload the same file again")]
    BlobMissing {
        /// Its digest.
        digest: String,
    },
    /// The file's content is not what its name says.
    #[error(
        "stored file `{digest}` is damaged: its content has digest `{found}`; restore a backup, or \
         upload the same file again"
    )]
    BlobDamaged {
        /// Its digest.
        digest: String,
        /// Digest of the content.
        found: String,
    },
    /// Writers did not leave the gate in time.
    #[error("data was being written all the time for {} s; try again", patience.as_secs())]
    GateBusy {
        /// How long was waited.
        patience: std::time::Duration,
    },
    /// One backup at a time.
    #[error("another backup of this data directory is running; wait for it")]
    BackupRuns,
    /// An upload exceeds its limit.
    #[error("file is larger than the limit of {max_bytes} bytes")]
    BlobTooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The file system failed at `operation`.
    #[error("could not {operation} {}", path.display())]
    Io {
        /// What was attempted, an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// LanceDB failed at `operation`.
    #[error("the passage store could not {operation}")]
    Database {
        /// What was attempted, an infinitive.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Box<lancedb::Error>,
    },
    /// A table holds something that this version does not write.
    #[error("table `{table}` holds an unreadable row: {detail}")]
    Unreadable {
        /// Name of the table.
        table: String,
        /// What is wrong; never the text of a row.
        detail: String,
    },
}

impl StoreError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Invalid { .. } | Self::Dropped { .. } | Self::BlobTooLarge { .. } => Fault::User,
            Self::GateBusy { .. } | Self::BackupRuns => Fault::Capacity,
            Self::BlobMissing { .. }
            | Self::Mismatch { .. }
            | Self::BlobDamaged { .. }
            | Self::Io { .. }
            | Self::Database { .. }
            | Self::Unreadable { .. } => Fault::Runtime,
        }
    }

    /// Whether a disk has no room left, or a quota is used up.
    pub fn is_storage_full(&self) -> bool {
        self.is_caused_by(&[ErrorKind::StorageFull, ErrorKind::QuotaExceeded])
    }

    /// Whether a disk was mounted read-only, as Linux does after errors of the disk.
    pub fn is_read_only(&self) -> bool {
        self.is_caused_by(&[ErrorKind::ReadOnlyFilesystem])
    }

    /// Whether a stored file is missing or damaged.
    pub fn is_lost_file(&self) -> bool {
        matches!(self, Self::BlobMissing { .. } | Self::BlobDamaged { .. })
    }

    fn is_caused_by(&self, kinds: &[ErrorKind]) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let io = error.downcast_ref::<std::io::Error>();
            if io.is_some_and(|io| kinds.contains(&io.kind())) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    pub(crate) fn invalid(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { name, reason: reason.into() }
    }

    /// Wraps a failure of `operation` (an infinitive) on `path`.
    pub(crate) fn io(
        operation: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    /// Wraps a failure of `operation` (an infinitive: `search`).
    pub(crate) fn database(operation: &'static str) -> impl FnOnce(lancedb::Error) -> Self {
        move |source| Self::Database { operation, source: Box::new(source) }
    }
}
