//! Says whether the disk of a data directory takes writes.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::space::room;

/// Less than this counts as full: the ledger's log and an index need some of it.
const LOW_BYTES: u64 = 16 << 20;
/// Written and removed again.
const PROBE: &str = ".probe";
const PROBE_BYTES: usize = 4 << 10;

/// Why a disk does not take writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageFault {
    /// No room, or hardly any.
    #[error(
        "storage_full: the disk of data_dir has {free_bytes} bytes free; uploads are refused and \
         indexing waits until there is room"
    )]
    Full {
        /// What is left.
        free_bytes: u64,
    },
    /// Mounted read-only, as Linux does after errors of the disk, or not writable for this user.
    #[error(
        "storage_read_only: data_dir cannot be written ({reason}); what is stored is served, \
         nothing is taken; look at the system's log for errors of the disk"
    )]
    ReadOnly {
        /// What the system says.
        reason: String,
    },
    /// Writing fails in another way.
    #[error(
        "storage_failing: writing to data_dir fails ({reason}); look at the system's log for \
         errors of the disk"
    )]
    Failing {
        /// What the system says.
        reason: String,
    },
}

/// Writes a little to `data_dir` and removes it again; blocks until the disk has it.
///
/// # Errors
/// What is wrong with the disk.
pub fn probe(data_dir: &Path) -> Result<(), StorageFault> {
    let room =
        room(data_dir).map_err(|error| StorageFault::Failing { reason: error.to_string() })?;
    if room.read_only {
        return Err(StorageFault::ReadOnly { reason: "mounted read-only".to_owned() });
    }
    if room.free_bytes < LOW_BYTES {
        return Err(StorageFault::Full { free_bytes: room.free_bytes });
    }
    let path = data_dir.join(PROBE);
    let written = write(&path);
    let removed = fs::remove_file(&path);
    written.and(removed).map_err(|error| fault(&error))
}

fn fault(error: &io::Error) -> StorageFault {
    let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
    // A quota, which the file system's figures do not show.
    if is(&[ErrorKind::StorageFull, ErrorKind::QuotaExceeded]) {
        return StorageFault::Full { free_bytes: 0 };
    }
    let reason = error.to_string();
    if is(&[ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied]) {
        return StorageFault::ReadOnly { reason };
    }
    StorageFault::Failing { reason }
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&[0; PROBE_BYTES])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{StorageFault, probe};

    #[test]
    fn a_good_disk_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        probe(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_fails_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        assert!(matches!(probe(&absent), Err(StorageFault::Failing { .. })));
        // A folder in the way of the file that is written.
        std::fs::create_dir(folder.path().join(super::PROBE)).unwrap();
        let fault = probe(folder.path()).unwrap_err();
        assert!(fault.to_string().starts_with("storage_failing: "), "{fault}");
    }
}
