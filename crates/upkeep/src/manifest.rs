//! Describes a backup: what wrote it, when, and every file with its digest.

use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::UpkeepError;
use crate::names::MANIFEST;

/// The format that this program writes.
pub(crate) const FORMAT: u32 = 1;
/// Longest manifest that is read: some million files.
const MAX_BYTES: u64 = 1 << 30;

/// What a backup says of itself, in `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the backup's layout; newer ones are refused.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Schema version of the ledger.
    pub ledger_schema: i64,
    /// When the data were as they are here, RFC 3339, UTC.
    pub created: String,
    /// The knowledge bases.
    pub knowledge_bases: Vec<BaseSummary>,
    /// What was wrong with the data themselves when they were backed up; empty is good.
    pub flaws: Vec<String>,
    /// Every other file, by path.
    pub files: Vec<FileEntry>,
}

/// A knowledge base in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseSummary {
    /// Its id.
    pub id: String,
    /// Documents that are ready.
    pub documents: u64,
    /// Passages in the index that searches look in.
    pub passages: u64,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative to the backup, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Bytes of all files.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The manifest of the backup in `folder`.
    ///
    /// # Errors
    /// `NotABackup`; `Newer`.
    pub(crate) fn read(folder: &Path) -> Result<Self, UpkeepError> {
        let not = |reason: String| UpkeepError::NotABackup { path: folder.to_owned(), reason };
        let path = folder.join(MANIFEST);
        let bytes = match fs::metadata(&path) {
            Ok(found) if found.len() > MAX_BYTES => {
                return Err(not(format!("{MANIFEST} has {} bytes", found.len())));
            }
            Ok(_) => fs::read(&path).map_err(|error| not(format!("{MANIFEST}: {error}")))?,
            Err(error) => return Err(not(format!("{MANIFEST}: {error}"))),
        };
        // The format first: what else a newer manifest has is not ours to judge.
        let head: Head = serde_json::from_slice(&bytes)
            .map_err(|error| not(format!("{MANIFEST} is damaged ({error})")))?;
        if head.format > FORMAT {
            let (found, program) = (head.format, head.program);
            return Err(UpkeepError::Newer { found, program, supported: FORMAT });
        }
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| not(format!("{MANIFEST} is damaged ({error})")))?;
        match manifest.files.iter().find(|file| !is_below(&file.path)) {
            Some(file) => Err(not(format!("{MANIFEST} names '{}', outside of it", file.path))),
            None => Ok(manifest),
        }
    }
}

#[derive(Deserialize)]
struct Head {
    format: u32,
    #[serde(default)]
    program: String,
}

/// Whether a path leads to a place below where it is joined. A manifest may come from anywhere.
fn is_below(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::{Manifest, is_below};
    use crate::UpkeepError;

    #[test]
    fn paths_stay_within_the_backup() {
        for good in ["ledger.sqlite", "lance/a.b/c", "blobs/aa/bb"] {
            assert!(is_below(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "./x/.."] {
            assert!(!is_below(bad), "{bad}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.json"), text).unwrap();
        let error = Manifest::read(folder.path()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn a_manifest_that_cannot_be_trusted_is_refused_with_the_reason() {
        check("", "is damaged");
        check("{}", "is damaged");
        check(r#"{"format": 2, "program": "9.0.0", "new": true}"#, "format 2 (program 9.0.0)");
        let outside = r#"{"format": 1, "program": "0.1.0", "ledger_schema": 5, "created": "",
            "knowledge_bases": [], "flaws": [],
            "files": [{"path": "../x", "bytes": 1, "sha256": ""}]}"#;
        check(outside, "outside of it");
        let folder = tempfile::tempdir().unwrap();
        let error = Manifest::read(folder.path()).unwrap_err();
        assert!(matches!(error, UpkeepError::NotABackup { .. }), "{error:?}");
    }
}
