//! Lists the complete backups of a destination, and removes the oldest.

use std::fs;
use std::path::{Path, PathBuf};

use crate::UpkeepError;
use crate::manifest::Manifest;
use crate::names::{MANIFEST, PARTIAL, PREFIX};

/// A complete backup.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Its folder.
    pub path: PathBuf,
    /// What it says of itself, or why that cannot be read.
    pub manifest: Result<Manifest, String>,
}

impl Backup {
    /// The name of its folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// The complete backups below `destination`, oldest first; none when there is no such folder.
///
/// # Errors
/// `Io`.
pub fn list(destination: &Path) -> Result<Vec<Backup>, UpkeepError> {
    let mut paths = complete(destination)?;
    paths.sort_unstable();
    let backups = paths.into_iter().map(|path| {
        let manifest = Manifest::read(&path).map_err(|error| error.to_string());
        Backup { path, manifest }
    });
    Ok(backups.collect())
}

/// Removes the oldest complete backups below `destination` until `keep` are left; `newest` is always
/// among those, also when the clock was set back. Those that were removed.
pub(crate) fn remove_oldest(
    destination: &Path,
    keep: usize,
    newest: &Path,
) -> Result<Vec<PathBuf>, UpkeepError> {
    let mut others = complete(destination)?;
    others.retain(|path| path != newest);
    others.sort_unstable();
    let surplus = others.len().saturating_sub(keep.saturating_sub(1));
    others.truncate(surplus);
    for path in &others {
        // Interrupted half way, it is not taken for a backup.
        let doomed = partial(path);
        fs::rename(path, &doomed).map_err(UpkeepError::io("rename", path))?;
        fs::remove_dir_all(&doomed).map_err(UpkeepError::io("remove", &doomed))?;
    }
    Ok(others)
}

/// Removes what interrupted backups left below `destination`; the caller holds its lock.
pub(crate) fn remove_partial(destination: &Path) -> Result<(), UpkeepError> {
    for path in named(destination)? {
        if path.to_string_lossy().ends_with(PARTIAL) {
            fs::remove_dir_all(&path).map_err(UpkeepError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// The name of a backup while it is not complete.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    PathBuf::from(name)
}

fn complete(destination: &Path) -> Result<Vec<PathBuf>, UpkeepError> {
    let mut paths = named(destination)?;
    paths
        .retain(|path| !path.to_string_lossy().ends_with(PARTIAL) && path.join(MANIFEST).is_file());
    Ok(paths)
}

/// The folders below `destination` that are named like a backup.
fn named(destination: &Path) -> Result<Vec<PathBuf>, UpkeepError> {
    let failed = |error| UpkeepError::io("list", destination)(error);
    let entries = fs::read_dir(destination).map_err(failed)?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_named && entry.file_type().map_err(failed)?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
