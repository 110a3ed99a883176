//! Hashes files and compares them with what their source announced.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::names::is_hex;

#[cfg(test)]
mod tests;

/// What a hub announced about the contents of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// SHA-256 of the contents (large files).
    Sha256(String),
    /// Git's name of the contents: SHA-1 of `blob <bytes>\0` and the contents (small files).
    GitBlob(String),
    /// Something else: nothing to compare with, only the size counts.
    Unknown,
}

impl Expected {
    /// Reads an entity tag: 64 hexadecimal digits are a SHA-256, 40 a git blob id; quotes and the
    /// mark of a weak tag are dropped.
    ///
    /// Source: huggingface_hub, `file_download.py` (`_normalize_etag`) and the hub's LFS headers.
    pub(crate) fn from_etag(etag: &str) -> Self {
        let tag = etag.trim().trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        if is_hex(&tag, 64) {
            Self::Sha256(tag)
        } else if is_hex(&tag, 40) {
            Self::GitBlob(tag)
        } else {
            Self::Unknown
        }
    }
}

/// Hashes a file while it passes by.
#[derive(Clone)]
pub(crate) struct Hasher {
    sha256: Sha256,
    git: Option<Sha1>,
}

impl Hasher {
    /// Computes the SHA-256 only.
    pub(crate) fn new() -> Self {
        Self { sha256: Sha256::new(), git: None }
    }

    /// Computes what `expected` needs too, for a file of `bytes` bytes.
    pub(crate) fn for_expected(expected: &Expected, bytes: u64) -> Self {
        let git = matches!(expected, Expected::GitBlob(_)).then(|| {
            let mut sha1 = Sha1::default();
            sha1::Digest::update(&mut sha1, format!("blob {bytes}\0").as_bytes());
            sha1
        });
        Self { sha256: Sha256::new(), git }
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(git) = &mut self.git {
            sha1::Digest::update(git, bytes);
        }
    }

    /// The SHA-256, hexadecimal.
    pub(crate) fn sha256(self) -> String {
        hex::encode(self.sha256.finalize())
    }

    /// The SHA-256 when the contents are as expected, otherwise the two digests that differ
    /// (expected, actual).
    pub(crate) fn compare(self, expected: &Expected) -> Result<String, (String, String)> {
        let git = self.git.map(|git| hex::encode(sha1::Digest::finalize(git)));
        let sha256 = hex::encode(self.sha256.finalize());
        match (expected, git) {
            (Expected::Sha256(wanted), _) if *wanted != sha256 => Err((wanted.clone(), sha256)),
            (Expected::GitBlob(wanted), Some(git)) if *wanted != git => Err((wanted.clone(), git)),
            _ => Ok(sha256),
        }
    }
}
