//! Keeps what changes files in place and a backup apart, also across processes.
//!
//! A backup needs the ledger, the tables and the files of one moment, and the three have no
//! transaction in common. What it copies is nevertheless as good as what `kill -9` leaves, which
//! the server repairs at its next start, as long as nothing of the tables and the files changes
//! between the copy of the ledger and the last link. So whoever changes what a table holds, or
//! removes a file, is inside the gate for that moment, and a backup shuts it for a moment. What
//! only adds files, or arranges a table's files anew, need not pass: searches, uploads and long
//! maintenance go on.
//!
//! Locks of the file system (`flock`), which end with the process that holds them. A stream of
//! writers would keep a backup out for ever, so there are two: everybody passes `turn` on the way to
//! `gate`, and a backup keeps it while it waits.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{StoreError, frozen};

const GATE: &str = "gate";
const TURN: &str = "gate-turn";
/// Between two looks at a lock that is held.
const PAUSE: Duration = Duration::from_millis(2);

/// The gate of a data directory. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct WriteGate {
    /// `None`: there is no backup to be kept apart from.
    data_dir: Option<PathBuf>,
}

/// Held while something is changed; files stay what they were before it began and after it ended.
#[derive(Debug)]
pub(crate) struct Pass {
    _gate: Option<File>,
}

/// The gate, shut: until this is dropped nothing is changed. For a moment only.
#[derive(Debug)]
pub struct ShutGate {
    _gate: File,
    _turn: File,
    since: Instant,
}

impl ShutGate {
    /// How long it is shut.
    pub fn held(&self) -> Duration {
        self.since.elapsed()
    }
}

impl WriteGate {
    /// The gate of `data_dir`, whose files are created if missing.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        for name in [GATE, TURN] {
            open(&data_dir.join(name))?;
        }
        Ok(Self { data_dir: Some(data_dir.to_owned()) })
    }

    /// Waits until no backup is in its moment, and keeps the next one waiting.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) async fn pass(&self) -> Result<Pass, StoreError> {
        if self.data_dir.is_none() {
            return Ok(Pass { _gate: None });
        }
        let gate = self.clone();
        tokio::task::spawn_blocking(move || gate.pass_blocking())
            .await
            .map_err(io::Error::other)
            .map_err(StoreError::io("wait for", Path::new(GATE)))?
    }

    /// The same for code that may block.
    pub(crate) fn pass_blocking(&self) -> Result<Pass, StoreError> {
        let Some(data_dir) = &self.data_dir else { return Ok(Pass { _gate: None }) };
        let turn = locked_shared(&data_dir.join(TURN))?;
        let gate = locked_shared(&data_dir.join(GATE))?;
        drop(turn);
        Ok(Pass { _gate: Some(gate) })
    }

    /// Shuts the gate, after those inside have left. Blocks up to `patience`.
    ///
    /// # Errors
    /// `GateBusy`; `Io`.
    pub fn shut(&self, patience: Duration) -> Result<ShutGate, StoreError> {
        let Some(data_dir) = &self.data_dir else {
            return Err(StoreError::invalid("gate", "is not that of a data directory"));
        };
        let given_up = Instant::now() + patience;
        let turn = locked(&data_dir.join(TURN), given_up, patience)?;
        let gate = locked(&data_dir.join(GATE), given_up, patience)?;
        Ok(ShutGate { _gate: gate, _turn: turn, since: Instant::now() })
    }

    /// Removes what a backup that was killed left: it holds what is erased elsewhere.
    pub fn remove_leftovers(&self) {
        let Some(data_dir) = &self.data_dir else { return };
        if let Err(error) = frozen::remove_leftovers(data_dir) {
            tracing::warn!(%error, "what an interrupted backup left was not removed");
        }
    }
}

/// Opens a file for its lock; other users cannot.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("open", path))
}

fn locked_shared(path: &Path) -> Result<File, StoreError> {
    let file = open(path)?;
    file.lock_shared().map_err(StoreError::io("lock", path))?;
    Ok(file)
}

fn locked(path: &Path, given_up: Instant, patience: Duration) -> Result<File, StoreError> {
    let file = open(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < given_up => {
                std::thread::sleep(PAUSE);
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::GateBusy { patience }),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests;
