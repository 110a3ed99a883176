//! Makes what LanceDB wrote survive a power cut.
//!
//! LanceDB leaves its files to the page cache: a process that dies loses nothing, a machine that
//! does may lose what was acknowledged. The files never change once they are written, so it is
//! enough to synchronise each of them, and the folders, once before a write is acknowledged.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Folders below a table; LanceDB needs three levels. Bounds the walk.
const MAX_DEPTH: usize = 8;

/// Which files of a table are known to be on disk.
#[derive(Debug, Default)]
pub(crate) struct Durability {
    synced: HashSet<PathBuf>,
}

impl Durability {
    /// Synchronises the files of the table in `folder` that are new since the last call.
    pub(crate) async fn sync(&mut self, folder: &Path) -> Result<(), StoreError> {
        let known = std::mem::take(&mut self.synced);
        let root = folder.to_owned();
        let walked = tokio::task::spawn_blocking(move || {
            let mut files = HashSet::new();
            sync_below(&root, MAX_DEPTH, &known, &mut files).map(|_| files)
        });
        // A failure forgets what is known, so that the next call synchronises everything.
        self.synced = walked
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(StoreError::io("synchronise", folder))?;
        Ok(())
    }
}

/// Synchronises what is new below `folder` and lists all files in `files`; says whether anything
/// was new. Files before the folder that names them.
fn sync_below(
    folder: &Path,
    depth: usize,
    known: &HashSet<PathBuf>,
    files: &mut HashSet<PathBuf>,
) -> io::Result<bool> {
    let mut changed = false;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                changed |= sync_below(&path, depth - 1, known, files)?;
            }
            continue;
        }
        if !known.contains(&path) {
            File::open(&path)?.sync_all()?;
            changed = true;
        }
        files.insert(path);
    }
    if changed {
        File::open(folder)?.sync_all()?;
    }
    Ok(changed)
}
