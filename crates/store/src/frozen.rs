//! Holds the files of a data directory as they were at one moment, by further names for them.
//!
//! LanceDB and [`crate::Blobs`] write a file once, under a name of its own, and then only remove it;
//! a hard link therefore keeps what it was, in no time and no space. (Lance's one exception, a hint
//! at the newest version that local readers do not use, is left out.) A table's list of versions is
//! linked before its files: of a version that is in the list every file is on disk, so maintenance
//! may add further ones meanwhile.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::blobs::INCOMING;
use crate::gate::{ShutGate, open};

/// The folder, within the data directory: hard links do not leave a file system.
const FOLDER: &str = "snapshot";
/// Held by the one backup that may run.
const LOCK: &str = "backup.lock";
/// Linked first.
const VERSIONS: &str = "_versions";
/// Source: lance-table 14, `io/commit.rs`, `VERSION_HINT_FILE`.
const VERSION_HINT: &str = "latest_version_hint.json";
/// Folders below a folder of tables; LanceDB needs four levels.
const MAX_DEPTH: usize = 8;

/// A place for the files of one moment. Dropping it removes them.
#[derive(Debug)]
pub struct Frozen {
    folder: PathBuf,
    _lock: File,
}

/// What was linked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Linked {
    /// Files.
    pub files: u64,
    /// Those of them that were copied, because the file system refused a link.
    pub copied: u64,
}

impl Frozen {
    /// An empty place in `data_dir`; one at a time. What a backup that was killed left is removed.
    ///
    /// # Errors
    /// `BackupRuns`; `Io`.
    pub fn begin(data_dir: &Path) -> Result<Self, StoreError> {
        let Some(lock) = lock(data_dir)? else { return Err(StoreError::BackupRuns) };
        let folder = data_dir.join(FOLDER);
        remove(&folder)?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(StoreError::io("create", &folder))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Links what is below `from`, a folder of tables or of uploaded files, below `name`. Nothing
    /// may be changed meanwhile: that is what `_shut` is for. A missing folder is an empty one.
    ///
    /// # Errors
    /// `Io`.
    pub fn link(&self, from: &Path, name: &str, _shut: &ShutGate) -> Result<Linked, StoreError> {
        let mut linked = Linked::default();
        link_below(from, &self.folder.join(name), MAX_DEPTH, &mut linked)
            .map_err(StoreError::io("link the files of", from))?;
        Ok(linked)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, "the files of a backup's moment were not removed");
        }
    }
}

/// Removes what a backup that was killed left in `data_dir`; that of one that runs stays.
///
/// # Errors
/// `Io`.
pub(crate) fn remove_leftovers(data_dir: &Path) -> Result<(), StoreError> {
    let folder = data_dir.join(FOLDER);
    if !folder.exists() {
        return Ok(());
    }
    match lock(data_dir)? {
        Some(_lock) => remove(&folder),
        None => Ok(()),
    }
}

/// `None` while another backup runs.
fn lock(data_dir: &Path) -> Result<Option<File>, StoreError> {
    let path = data_dir.join(LOCK);
    let file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
    }
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::io("remove", folder)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn link_below(from: &Path, to: &Path, depth: usize, linked: &mut Linked) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| entry.file_name() != VERSIONS);
    for entry in entries {
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 && name != INCOMING {
            link_below(&entry.path(), &to.join(name), depth - 1, linked)?;
        } else if kind.is_file() && name != VERSION_HINT {
            link_file(&entry.path(), &to.join(name), linked)?;
        }
    }
    Ok(())
}

fn link_file(from: &Path, to: &Path, linked: &mut Linked) -> io::Result<()> {
    let is_final =
        |error: &io::Error| [ErrorKind::NotFound, ErrorKind::StorageFull].contains(&error.kind());
    let done = match fs::hard_link(from, to) {
        // Another file system, one without links, too many links.
        Err(refused) if !is_final(&refused) => fs::copy(from, to).map(|_| linked.copied += 1),
        done => done,
    };
    match done {
        Ok(()) => linked.files += 1,
        // An unfinished file of a writer that only adds; no version knows it.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
