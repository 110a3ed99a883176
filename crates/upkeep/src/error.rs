//! Says what can go wrong with backups and restores.

use std::io;
use std::path::{Path, PathBuf};

use intramuros_ledger::LedgerError;
use intramuros_store::StoreError;
use intramuros_types::Fault;

use crate::Problems;

/// An error of upkeep.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed, or another backup runs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system failed at `operation`.
    #[error("could not {operation} {}", path.display())]
    Io {
        /// What was attempted, an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// There is no ledger to back up.
    #[error("there is no ledger in {}; is it the data directory?", path.display())]
    NoData {
        /// The data directory.
        path: PathBuf,
    },
    /// Files of a data directory belong to one user, and what another writes there stops the server.
    #[error("{} belongs to another user; run this as the service's user, such as 'sudo -u intramuros'", path.display())]
    OtherOwner {
        /// The data directory.
        path: PathBuf,
    },
    /// A backup within what it copies.
    #[error("{} is within the data directory; choose a place on another disk", path.display())]
    Inside {
        /// The destination.
        path: PathBuf,
    },
    /// It would not fit.
    #[error(
        "{} has {free_bytes} bytes free and {needed_bytes} are needed; make room or choose another \
         disk",
        path.display()
    )]
    NoSpace {
        /// Where.
        path: PathBuf,
        /// What is there.
        free_bytes: u64,
        /// What is needed.
        needed_bytes: u64,
    },
    /// Another backup writes to the destination.
    #[error("another backup is writing to {}; wait for it", path.display())]
    DestinationBusy {
        /// The destination.
        path: PathBuf,
    },
    /// A folder without a readable manifest.
    #[error("{} is not a complete backup: {reason}", path.display())]
    NotABackup {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A backup that a newer version of the program wrote.
    #[error(
        "the backup has format {found} (program {program}), this program reads up to {supported}; \
         install the newer version"
    )]
    Newer {
        /// Format of the backup.
        found: u32,
        /// The program that wrote it.
        program: String,
        /// Newest format that this program knows.
        supported: u32,
    },
    /// A backup that is not what was written.
    #[error("the backup {} is damaged: {problems}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong.
        problems: Problems,
    },
    /// The destination did not keep what was written to it.
    #[error("{} does not give back what was written to it: {problems}", path.display())]
    NotKept {
        /// Where.
        path: PathBuf,
        /// What differs.
        problems: Problems,
    },
    /// A data directory that is in use.
    #[error(
        "{} is not empty (it holds {}); restore into an empty or new data directory",
        path.display(), entries.join(", ")
    )]
    NotEmpty {
        /// The data directory.
        path: PathBuf,
        /// The first names that are in the way.
        entries: Vec<String>,
    },
    /// A data directory in which a restore was not finished.
    #[error(
        "a restore into {} was interrupted; empty that folder, then run the restore again",
        path.display()
    )]
    Interrupted {
        /// The data directory.
        path: PathBuf,
    },
    /// A worker thread was lost.
    #[error("a background task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl UpkeepError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ledger(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::NoData { .. }
            | Self::OtherOwner { .. }
            | Self::Inside { .. }
            | Self::NotABackup { .. }
            | Self::Newer { .. }
            | Self::NotEmpty { .. } => Fault::User,
            Self::NoSpace { .. } | Self::DestinationBusy { .. } => Fault::Capacity,
            Self::Io { .. }
            | Self::Damaged { .. }
            | Self::NotKept { .. }
            | Self::Interrupted { .. } => Fault::Runtime,
            Self::Task(_) => Fault::Bug,
        }
    }

    /// Wraps a failure of `operation` (an infinitive) on `path`.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}
