//! Looks at the room that a file system has.

use std::path::Path;

use nix::sys::statvfs::{FsFlags, statvfs};

use crate::UpkeepError;

/// What files need beyond their content, and what others may write meanwhile.
const MARGIN_BYTES: u64 = 16 << 20;

/// A file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// What this user may still write.
    pub(crate) free_bytes: u64,
    /// Whether it is mounted read-only.
    pub(crate) read_only: bool,
}

/// The room where `path` is.
pub(crate) fn room(path: &Path) -> Result<Room, UpkeepError> {
    let found = statvfs(path)
        .map_err(|error| UpkeepError::io("look at the free space of", path)(error.into()))?;
    Ok(Room {
        free_bytes: found.blocks_available().saturating_mul(found.fragment_size()),
        read_only: found.flags().contains(FsFlags::ST_RDONLY),
    })
}

/// Whether `bytes` fit where `path` is.
///
/// # Errors
/// `NoSpace` with both figures; `Io`.
pub(crate) fn check(path: &Path, bytes: u64) -> Result<(), UpkeepError> {
    let free_bytes = room(path)?.free_bytes;
    let needed_bytes = bytes.saturating_add(MARGIN_BYTES);
    if free_bytes >= needed_bytes {
        return Ok(());
    }
    Err(UpkeepError::NoSpace { path: path.to_owned(), free_bytes, needed_bytes })
}
