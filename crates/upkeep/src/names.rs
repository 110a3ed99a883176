//! Names the parts of a data directory and of a backup.

use std::path::Path;

/// The ledger, in both.
pub(crate) const LEDGER: &str = "ledger.sqlite";
/// The tables of passages, in both.
pub(crate) const TABLES: &str = "lance";
/// The uploaded files, in both.
pub(crate) const FILES: &str = "blobs";
/// What a backup says of itself.
pub(crate) const MANIFEST: &str = "manifest.json";

/// What the names of backups begin with.
pub(crate) const PREFIX: &str = "intramuros-";
/// What the names of unfinished backups end with.
pub(crate) const PARTIAL: &str = ".partial";
/// Held by the backup that writes to a destination.
pub(crate) const DESTINATION_LOCK: &str = ".intramuros.lock";

/// Where a restore is made, within the data directory.
pub(crate) const RESTORING: &str = "restoring";
/// What an empty data directory may hold: models, which are not in backups, locks, and what a disk of
/// its own has.
pub(crate) const NOT_DATA: [&str; 6] =
    ["models", "lock", "gate", "gate-turn", "backup.lock", "lost+found"];

/// Whether a restore into `data_dir` was not finished, so that nothing may use what is there.
pub fn interrupted_restore(data_dir: &Path) -> bool {
    data_dir.join(RESTORING).exists()
}
