//! Maps a weights file into memory; the only unsafe line of the crate.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::ModelError;

/// Maps a whole file for reading.
///
/// # Errors
/// [`ModelError::Io`] when it cannot be opened or mapped; [`ModelError::Malformed`] when it has
/// fewer than `min_bytes` bytes.
pub(crate) fn map_file(path: &Path, min_bytes: u64) -> Result<Mmap, ModelError> {
    let file = File::open(path).map_err(|e| ModelError::io("open", path, e))?;
    let length = file.metadata().map_err(|e| ModelError::io("open", path, e))?.len();
    if length < min_bytes {
        let problem = format!("it has {length} bytes, a model has at least {min_bytes}");
        return Err(ModelError::malformed(path, problem));
    }
    #[allow(unsafe_code, reason = "mapping a file is unsafe by signature")]
    // SAFETY: the map is read-only. Bytes change under it only if somebody rewrites the file in
    // place; `catalog` never does (it renames complete files into place). An operator who truncates
    // a model while it is being loaded gets SIGBUS, as with every engine that maps its weights.
    let map = unsafe { Mmap::map(&file) };
    map.map_err(|e| ModelError::io("map", path, e))
}
