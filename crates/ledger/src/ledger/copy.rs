//! Copies the ledger before a migration changes it, for whoever goes back to the older program.
//!
//! One copy is kept, beside the ledger, until something is erased: it still has the name of what
//! was.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::SqlitePool;

use crate::LedgerError;

/// Writes what the ledger at `path`, of schema `version`, has to a file beside it and takes the
/// place of an older copy. The copy is whole or not there.
///
/// # Errors
/// `Database`, when the disk is full for example; `Io`.
pub(super) async fn make(pool: &SqlitePool, path: &Path, version: i64) -> Result<(), LedgerError> {
    let copy = path.with_extension(format!("sqlite.v{version}"));
    let partial = path.with_extension("sqlite.partial");
    remove_file(&partial)?;
    write(pool, &partial, "be copied before its schema is changed").await?;
    remove(path)?;
    let failed = |source| LedgerError::Io { path: partial.clone(), source };
    std::fs::rename(&partial, &copy).map_err(failed)?;
    if let Some(folder) = path.parent() {
        // Or a power cut could keep the migration and lose the copy.
        let failed = |source| LedgerError::Io { path: folder.to_owned(), source };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    tracing::info!(version, copy = %copy.display(), "copied the ledger before its schema changes");
    Ok(())
}

/// Writes a copy to the new file `to`; on disk when this returns.
///
/// # Errors
/// `Database`; `Io`.
pub(super) async fn write(
    pool: &SqlitePool,
    to: &Path,
    operation: &'static str,
) -> Result<(), LedgerError> {
    sqlx::query("VACUUM INTO ?1")
        .bind(to.to_string_lossy())
        .execute(pool)
        .await
        .map_err(LedgerError::database(operation))?;
    let failed = |source| LedgerError::Io { path: to.to_owned(), source };
    File::open(to).and_then(|file| file.sync_all()).map_err(failed)
}

/// Removes the copies beside the ledger at `path`.
///
/// # Errors
/// `Io`.
pub(super) fn remove(path: &Path) -> Result<(), LedgerError> {
    for copy in copies(path)? {
        remove_file(&copy)?;
    }
    Ok(())
}

/// The copies beside the ledger at `path`.
fn copies(path: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem()) else {
        return Ok(Vec::new());
    };
    let prefix = format!("{}.sqlite.v", stem.to_string_lossy());
    let failed = |source| LedgerError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if version.is_some_and(|version| version.parse::<i64>().is_ok()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn remove_file(path: &Path) -> Result<(), LedgerError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(LedgerError::Io { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
