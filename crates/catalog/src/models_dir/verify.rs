//! Reads installed files again and compares them with the manifest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::ModelsDir;
use crate::digest::Hasher;
use crate::{Activity, CatalogError, Manifest, ManifestFile, Progress};

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// How a file compares with the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// Size and digest agree.
    Intact,
    /// It is not there or cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
    /// It has another size; its digest was not computed.
    Size {
        /// Bytes it has.
        actual: u64,
    },
    /// It has the right size and other contents.
    Digest {
        /// SHA-256 of what is there, hexadecimal.
        actual: String,
    },
}

/// One verified file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCheck {
    /// What the manifest says.
    pub file: ManifestFile,
    /// What was found.
    pub state: FileState,
}

/// The outcome of a verification.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The manifest compared with.
    pub manifest: Manifest,
    /// One entry a file, in the manifest's order.
    pub files: Vec<FileCheck>,
}

impl Verification {
    /// Whether every file is as the manifest says.
    pub fn is_intact(&self) -> bool {
        self.files.iter().all(|check| check.state == FileState::Intact)
    }
}

impl ModelsDir {
    /// Compares sizes and SHA-256 of every file of `id` with its manifest. Damage is in the
    /// result, not an error.
    ///
    /// # Errors
    /// [`CatalogError::InvalidId`], [`CatalogError::NotInstalled`],
    /// [`CatalogError::InvalidManifest`], [`CatalogError::Io`] when there is no manifest.
    pub fn verify(
        &self,
        id: &str,
        progress: &mut dyn Progress,
    ) -> Result<Verification, CatalogError> {
        let dir = self.model_dir(id)?;
        if !dir.is_dir() {
            return Err(CatalogError::NotInstalled {
                id: id.to_owned(),
                dir: self.path().to_owned(),
            });
        }
        let manifest = Manifest::read(&dir)?;
        let check = |file: &ManifestFile| FileCheck {
            file: file.clone(),
            state: state_of(&dir.join(&file.path), file, progress),
        };
        let files = manifest.files.iter().map(check).collect();
        Ok(Verification { manifest, files })
    }
}

fn state_of(path: &Path, expected: &ManifestFile, progress: &mut dyn Progress) -> FileState {
    let unreadable = |error: io::Error| FileState::Unreadable { reason: error.to_string() };
    let actual = match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => meta.len(),
        Ok(_) => return FileState::Unreadable { reason: "it is not a file".to_owned() },
        Err(error) => return unreadable(error),
    };
    if actual != expected.bytes {
        return FileState::Size { actual };
    }
    progress.start(Activity::Verify, &expected.path, expected.bytes, 0);
    let digest = File::open(path).and_then(|file| sha256(file, |bytes| progress.advance(bytes)));
    progress.finish();
    match digest {
        Ok(digest) if digest == expected.sha256 => FileState::Intact,
        Ok(actual) => FileState::Digest { actual },
        Err(error) => unreadable(error),
    }
}

fn sha256(mut file: File, mut advance: impl FnMut(u64)) -> io::Result<String> {
    let mut hasher = Hasher::new();
    let mut block = vec![0_u8; BLOCK_BYTES];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(hasher.sha256());
        }
        hasher.update(&block[..read]);
        advance(read as u64);
    }
}
