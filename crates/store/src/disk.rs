//! Tells how full the disk is.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;

use crate::{Blobs, StoreError};

/// The file system that the stored files are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Bytes there are altogether.
    pub total_bytes: u64,
}

impl Blobs {
    /// How full the disk is. Blocks on the file system, which takes microseconds on a local one.
    ///
    /// # Errors
    /// `Io`.
    pub fn disk_space(&self) -> Result<DiskSpace, StoreError> {
        of(self.root()).map_err(StoreError::io("ask for the free space of", self.root()))
    }
}

fn of(path: &Path) -> io::Result<DiskSpace> {
    let found = statvfs(path)?;
    let block = found.fragment_size();
    let bytes = |blocks: u64| blocks.saturating_mul(block);
    // Not `blocks_free`: a part of those is the administrator's.
    Ok(DiskSpace {
        free_bytes: bytes(found.blocks_available()),
        total_bytes: bytes(found.blocks()),
    })
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_disk_has_room_within_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let space = of(folder.path()).unwrap();
        assert!(space.free_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
        assert!(of(&folder.path().join("absent")).is_err());
    }
}
