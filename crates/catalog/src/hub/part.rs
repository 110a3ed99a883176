//! Gathers the bytes of one download on disk and hashes them on the way.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::client::RemoteFile;
use crate::digest::Hasher;
use crate::error::io_error;
use crate::{Activity, CatalogError, Progress};

/// Bytes read at a time.
pub(super) const BLOCK_BYTES: usize = 128 << 10;

/// A file that is not complete yet.
pub(super) struct Part<'a> {
    remote: &'a RemoteFile,
    path: PathBuf,
    file: File,
    bytes: u64,
    hasher: Hasher,
}

impl<'a> Part<'a> {
    /// Opens what an earlier run left at `path`, or begins. Bytes beyond the announced size are
    /// no part of this file: then it begins again.
    pub(super) fn open(
        path: &Path,
        remote: &'a RemoteFile,
        progress: &mut dyn Progress,
    ) -> Result<Self, CatalogError> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(io_error("open", path))?;
        let there = file.metadata().map_err(io_error("read", path))?.len();
        let hasher = Hasher::for_expected(&remote.expected, remote.bytes);
        let mut part = Self { remote, path: path.to_owned(), file, bytes: 0, hasher };
        if there > remote.bytes {
            part.reset()?;
        } else if there > 0 {
            part.rehash(there, progress)?;
        }
        Ok(part)
    }

    /// What it is a part of.
    pub(super) fn remote(&self) -> &'a RemoteFile {
        self.remote
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that are missing.
    pub(super) fn missing(&self) -> u64 {
        self.remote.bytes - self.bytes
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CatalogError> {
        self.file.write_all(bytes).map_err(io_error("write", &self.path))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Drops everything.
    pub(super) fn reset(&mut self) -> Result<(), CatalogError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(io_error("write", &self.path))?;
        self.bytes = 0;
        self.hasher = Hasher::for_expected(&self.remote.expected, self.remote.bytes);
        Ok(())
    }

    /// Puts the bytes on disk and compares them with what was announced: the SHA-256, or the two
    /// digests that differ (expected, actual).
    pub(super) fn finish(&self) -> Result<Result<String, (String, String)>, CatalogError> {
        self.file.sync_all().map_err(io_error("sync", &self.path))?;
        Ok(self.hasher.clone().compare(&self.remote.expected))
    }

    /// Removes the file.
    pub(super) fn remove(self) -> Result<(), CatalogError> {
        fs::remove_file(&self.path).map_err(io_error("remove", &self.path))
    }

    fn rehash(&mut self, there: u64, progress: &mut dyn Progress) -> Result<(), CatalogError> {
        progress.start(Activity::Verify, &self.remote.path, there, 0);
        let mut block = vec![0_u8; BLOCK_BYTES];
        while self.bytes < there {
            let read = self.file.read(&mut block).map_err(io_error("read", &self.path))?;
            if read == 0 {
                break;
            }
            self.hasher.update(&block[..read]);
            self.bytes += read as u64;
            progress.advance(read as u64);
        }
        progress.finish();
        Ok(())
    }
}
