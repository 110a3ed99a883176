//! Puts a backup into an empty data directory.
//!
//! Everything is written to a folder within the data directory and read back there, and only then
//! moved to its place. While that folder is there nothing starts on the directory. (Not beside it:
//! the service's user may not write to the directory's parent.)

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::copy::{self, Found};
use crate::create::check_owner;
use crate::manifest::Manifest;
use crate::names::{FILES, LEDGER, NOT_DATA, RESTORING, TABLES, interrupted_restore};
use crate::{Problems, UpkeepError, space, verify};

/// The most names that an error lists.
const MAX_SHOWN: usize = 5;

/// What was restored.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// What was wrong with the data already when they were backed up.
    pub flaws: Problems,
}

/// Puts the backup in `backup` into `data_dir`, which is missing or empty but for models. The backup
/// is verified before, and what was written after. The caller keeps servers out of `data_dir`.
///
/// # Errors
/// `NotEmpty`, `Interrupted`, `OtherOwner`, `NoSpace` for the data directory; `NotABackup`, `Newer`,
/// `Damaged` for the backup; `NotKept`; failures of the disk.
pub async fn restore(backup: &Path, data_dir: &Path) -> Result<RestoreReport, UpkeepError> {
    check_empty(data_dir)?;
    let verified = verify(backup).await?;
    if !verified.damage.is_empty() {
        let (path, problems) = (backup.to_owned(), verified.damage);
        return Err(UpkeepError::Damaged { path, problems });
    }
    let manifest = verified.manifest;
    let restoring = data_dir.join(RESTORING);
    let copied = tokio::task::spawn_blocking({
        let (backup, restoring) = (backup.to_owned(), restoring.clone());
        let (manifest, data_dir) = (manifest.clone(), data_dir.to_owned());
        move || {
            space::check(&data_dir, manifest.total_bytes())?;
            copy::create_folder(&restoring)?;
            copy::sync_folder(&data_dir)?;
            write(&backup, &restoring, &manifest)
        }
    });
    let mut outcome = copied.await?;
    if outcome.is_ok() {
        outcome = verify::contents(&restoring, &manifest.files).await.map(|_| ());
    }
    if let Err(error) = outcome {
        // Nothing was moved yet: the directory is empty again.
        if let Err(error) = fs::remove_dir_all(&restoring) {
            tracing::warn!(%error, "what was restored so far was not removed");
        }
        return Err(error);
    }
    take_place(&restoring, data_dir)?;
    Ok(RestoreReport { manifest, flaws: verified.flaws })
}

/// Makes sure that there is nothing that a restore would mix with.
fn check_empty(data_dir: &Path) -> Result<(), UpkeepError> {
    if interrupted_restore(data_dir) {
        return Err(UpkeepError::Interrupted { path: data_dir.to_owned() });
    }
    let failed = |error| UpkeepError::io("list", data_dir)(error);
    let entries = match fs::read_dir(data_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return copy::create_folder(data_dir);
        }
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !NOT_DATA.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if !names.is_empty() {
        names.sort_unstable();
        names.truncate(MAX_SHOWN);
        return Err(UpkeepError::NotEmpty { path: data_dir.to_owned(), entries: names });
    }
    check_owner(data_dir)
}

fn write(backup: &Path, restoring: &Path, manifest: &Manifest) -> Result<(), UpkeepError> {
    for name in [TABLES, FILES] {
        copy::create_folder(&restoring.join(name))?;
    }
    let files = manifest.files.iter();
    let files: Vec<Found> =
        files.map(|file| Found { path: file.path.clone(), bytes: file.bytes }).collect();
    copy::copy_all(backup, restoring, &files, None)?;
    copy::sync_all(restoring)?;
    let problems = copy::compare(restoring, &manifest.files, &[])?;
    if problems.is_empty() {
        return Ok(());
    }
    Err(UpkeepError::NotKept { path: restoring.to_owned(), problems })
}

/// Moves what was restored to its place; nothing starts before the last step.
fn take_place(restoring: &Path, data_dir: &Path) -> Result<(), UpkeepError> {
    for name in [TABLES, FILES, LEDGER] {
        let from: PathBuf = restoring.join(name);
        fs::rename(&from, data_dir.join(name)).map_err(UpkeepError::io("move", &from))?;
    }
    copy::sync_folder(data_dir)?;
    fs::remove_dir(restoring).map_err(UpkeepError::io("remove", restoring))?;
    copy::sync_folder(data_dir)
}

#[cfg(test)]
mod tests;
