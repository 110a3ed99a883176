//! Keeps uploaded files under the SHA-256 of their content.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::{StoreError, WriteGate};

/// Where files are while they are received.
pub(crate) const INCOMING: &str = "incoming";
const BUFFER_BYTES: usize = 64 << 10;

/// A folder of files named by their content, `<aa>/<sha256>`, where `aa` is how the digest begins.
/// Digests are SHA-256 in lower-case hexadecimal. A name appears only when its file is whole and
/// on disk.
///
/// The functions block on the disk; async code calls them in `spawn_blocking`. One process at a
/// time may have a folder open.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: PathBuf,
    gate: WriteGate,
}

impl Blobs {
    /// Opens the folder `root`, created if missing, and removes what interrupted uploads left.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let incoming = root.join(INCOMING);
        create_folder(root)?;
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("clear", &incoming)(error));
            }
            Ok(()) | Err(_) => {}
        }
        create_folder(&incoming)?;
        Ok(Self { root: root.to_owned(), gate: WriteGate::default() })
    }

    /// The files below `root` as they are, to read them beside a server that has them open.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), gate: WriteGate::default() }
    }

    /// The same files, of which none is removed while `gate` is shut.
    #[must_use]
    pub fn with_gate(self, gate: WriteGate) -> Self {
        Self { gate, ..self }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Stores `bytes`; returns their digest.
    ///
    /// # Errors
    /// `Io`.
    pub fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let mut writer = self.writer(u64::MAX)?;
        writer.write(bytes)?;
        writer.finish()
    }

    /// Starts a file of at most `max_bytes`.
    ///
    /// # Errors
    /// `Io`.
    pub fn writer(&self, max_bytes: u64) -> Result<BlobWriter, StoreError> {
        // In the same file system as its final name, which a rename needs.
        let incoming = self.root.join(INCOMING);
        let file = NamedTempFile::new_in(&incoming)
            .map_err(StoreError::io("create a file in", &incoming))?;
        let blobs = self.clone();
        Ok(BlobWriter { blobs, file, hash: Sha256::new(), bytes: 0, max_bytes })
    }

    /// The content of a file.
    ///
    /// # Errors
    /// `Invalid` for a malformed digest; `BlobMissing`; `Io`.
    pub fn read(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest)?;
        fs::read(&path).map_err(|error| missing_or_io("read", digest, &path, error))
    }

    /// A file, read once and compared with its name, open for reading from its start; erasing it
    /// meanwhile does not disturb its reader.
    ///
    /// # Errors
    /// `Invalid` for a malformed digest; `BlobMissing`; `BlobDamaged`; `Io`.
    pub fn open_file(&self, digest: &str) -> Result<fs::File, StoreError> {
        let path = self.path(digest)?;
        let mut file =
            File::open(&path).map_err(|error| missing_or_io("open", digest, &path, error))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = file.read(&mut buffer).map_err(StoreError::io("read", &path))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        let found = hex::encode(hash.finalize());
        if found != digest {
            return Err(StoreError::BlobDamaged { digest: digest.to_owned(), found });
        }
        file.rewind().map_err(StoreError::io("read", &path))?;
        Ok(file)
    }

    /// Where a file is or would be.
    ///
    /// # Errors
    /// `Invalid` for a malformed digest.
    pub fn path(&self, digest: &str) -> Result<PathBuf, StoreError> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digest.len() != 64 || !digest.bytes().all(hexadecimal) {
            let reason = "must be a SHA-256 digest, 64 lower-case hexadecimal digits";
            return Err(StoreError::invalid("digest", reason));
        }
        Ok(self.root.join(&digest[..2]).join(digest))
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// `Invalid` for a malformed digest; `Io`.
    pub fn contains(&self, digest: &str) -> Result<bool, StoreError> {
        let path = self.path(digest)?;
        path.try_exists().map_err(StoreError::io("look for", &path))
    }

    /// The digests of all files, in no order.
    ///
    /// # Errors
    /// `Io`.
    pub fn digests(&self) -> Result<Vec<String>, StoreError> {
        let mut digests = Vec::new();
        for folder in fs::read_dir(&self.root).map_err(StoreError::io("list", &self.root))? {
            let folder = folder.map_err(StoreError::io("list", &self.root))?.path();
            if folder.ends_with(INCOMING) || !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(&folder).map_err(StoreError::io("list", &folder))? {
                let name = file.map_err(StoreError::io("list", &folder))?.file_name();
                digests.extend(name.into_string().ok().filter(|name| self.path(name).is_ok()));
            }
        }
        Ok(digests)
    }

    /// Removes a file for good; an absent one is fine.
    ///
    /// # Errors
    /// `Invalid` for a malformed digest; `Io`.
    pub fn remove(&self, digest: &str) -> Result<(), StoreError> {
        let path = self.path(digest)?;
        let _pass = self.gate.pass_blocking()?;
        match fs::remove_file(&path) {
            Ok(()) => sync_parent(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("remove", &path)(error)),
        }
    }

    /// Reads a file and compares it with its name.
    ///
    /// # Errors
    /// `Invalid` for a malformed digest; `BlobMissing`; `BlobDamaged`; `Io`.
    pub fn verify(&self, digest: &str) -> Result<(), StoreError> {
        self.open_file(digest).map(|_| ())
    }
}

/// A file being received. Dropping it before [`BlobWriter::finish`] leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: NamedTempFile,
    hash: Sha256,
    bytes: u64,
    max_bytes: u64,
}

impl BlobWriter {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// `BlobTooLarge` when the file would exceed its limit; `Io`. Drop the writer then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let total = self.bytes.saturating_add(bytes.len() as u64);
        if total > self.max_bytes {
            return Err(StoreError::BlobTooLarge { max_bytes: self.max_bytes });
        }
        self.file.write_all(bytes).map_err(StoreError::io("write", self.file.path()))?;
        self.hash.update(bytes);
        self.bytes = total;
        Ok(())
    }

    /// Bytes received so far.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing was received yet.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Puts the file under its digest, which is returned, and on disk. A file that is already
    /// there is replaced by the same content, which also repairs a damaged one.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<String, StoreError> {
        let digest = hex::encode(self.hash.finalize());
        let path = self.blobs.path(&digest)?;
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        self.file.as_file().sync_all().map_err(StoreError::io("synchronise", &path))?;
        self.file.persist(&path).map_err(|error| StoreError::io("store", &path)(error.error))?;
        sync_parent(&path)?;
        Ok(digest)
    }
}

/// Creates `folder` if missing and makes its name durable.
fn create_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
    sync_parent(folder)
}

/// Makes a change of the folder that holds `path` durable.
fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("synchronise", parent))
}

fn missing_or_io(
    operation: &'static str,
    digest: &str,
    path: &Path,
    error: io::Error,
) -> StoreError {
    if error.kind() == io::ErrorKind::NotFound {
        return StoreError::BlobMissing { digest: digest.to_owned() };
    }
    StoreError::io(operation, path)(error)
}

#[cfg(test)]
mod tests;
