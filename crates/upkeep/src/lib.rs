//! Keeps a data directory safe: backups while the server serves, restores, and what is wrong with
//! its disk.
//!
//! - [`create`] copies a data directory as it is at one moment to a folder of its own below a
//!   destination, verifies the copy, and only then gives it its name. It works beside a running
//!   server, from another process, and without one.
//! - [`verify`] compares a backup with its [`Manifest`] and its ledger with what is beside it;
//!   [`flaws`] does the latter for a live data directory.
//! - [`restore`] puts a backup into an empty data directory, or refuses.
//! - [`list`] lists the complete backups of a destination.
//! - [`probe`] says whether the disk takes writes, [`ClockWatch`] whether the clock jumps.
//!
//! What holds:
//!
//! - **One moment.** Ledger, tables and files are those of one moment, held still by
//!   [`intramuros_store::WriteGate`] for as long as the ledger's copy and the links take.
//! - **Whole or not there.** An interrupted backup or restore is never taken for one.
//! - **Only for its owner**: folders 0700, files 0600.
//!
//! Models and the settings file are not in a backup: the former are fetched again, the latter belongs
//! to the machine.

mod clock;
mod contents;
mod copy;
mod create;
mod error;
mod list;
mod manifest;
mod names;
mod problem;
mod restore;
mod space;
mod storage;
mod verify;

#[cfg(test)]
mod fixture;

pub use clock::{ClockWatch, Jump};
pub use contents::{Contents, flaws};
pub use create::{BackupReport, BackupRequest, create};
pub use error::UpkeepError;
pub use list::{Backup, list};
pub use manifest::{BaseSummary, FileEntry, Manifest};
pub use names::interrupted_restore;
pub use problem::{Problem, Problems};
pub use restore::{RestoreReport, restore};
pub use storage::{StorageFault, probe};
pub use verify::{Verification, verify};
