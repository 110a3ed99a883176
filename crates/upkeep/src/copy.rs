//! Copies files with their digests and reads them back.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sha2::{Digest, Sha256};

use crate::manifest::FileEntry;
use crate::{Problem, Problems, UpkeepError};

const BUFFER_BYTES: usize = 256 << 10;
/// Folders below a data directory; bounds the walk.
const MAX_DEPTH: usize = 12;

/// Files that an earlier backup has already, to be shared with it.
pub(crate) struct Earlier<'e> {
    folder: &'e Path,
    files: HashMap<&'e str, &'e FileEntry>,
}

impl<'e> Earlier<'e> {
    pub(crate) fn new(folder: &'e Path, files: &'e [FileEntry]) -> Self {
        let files = files.iter().map(|file| (file.path.as_str(), file)).collect();
        Self { folder, files }
    }

    /// Whether it seems to have this file; its content is compared later.
    pub(crate) fn has(&self, file: &Found) -> bool {
        self.files.get(file.path.as_str()).is_some_and(|known| known.bytes == file.bytes)
    }
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// Relative to the folder, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// What was copied.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) files: Vec<FileEntry>,
    /// Paths of those that are shared with the earlier backup.
    pub(crate) shared: HashSet<String>,
}

/// The files below `folder`, by path.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<Found>, UpkeepError> {
    let mut found = Vec::new();
    collect(folder, "", MAX_DEPTH, &mut found).map_err(UpkeepError::io("list", folder))?;
    found.sort_unstable();
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<Found>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::new(ErrorKind::InvalidData, format!("the name {name:?} is not UTF-8"))
        })?;
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        // Links are not followed; they count as what they are, files that nobody knows.
        let metadata = entry.metadata()?;
        if !metadata.is_dir() {
            found.push(Found { path, bytes: metadata.len() });
        } else if depth > 0 {
            collect(&entry.path(), &path, depth - 1, found)?;
        } else {
            return Err(io::Error::other(format!("{path} is nested too deep")));
        }
    }
    Ok(())
}

/// Copies `files` of `from` to `to`, or links what the earlier backup has with the same content.
pub(crate) fn copy_all(
    from: &Path,
    to: &Path,
    files: &[Found],
    earlier: Option<&Earlier<'_>>,
) -> Result<Copied, UpkeepError> {
    let mut copied = Copied::default();
    for file in files {
        let (source, target) = (from.join(&file.path), to.join(&file.path));
        create_parents(to, &file.path)?;
        if let Some(earlier) = earlier.filter(|earlier| earlier.has(file)) {
            let digest = digest(&source).map_err(UpkeepError::io("read", &source))?;
            let known = earlier.files.get(file.path.as_str());
            let same = known.is_some_and(|known| known.sha256 == digest);
            if same && fs::hard_link(earlier.folder.join(&file.path), &target).is_ok() {
                copied.shared.insert(file.path.clone());
                let (path, bytes) = (file.path.clone(), file.bytes);
                copied.files.push(FileEntry { path, bytes, sha256: digest });
                continue;
            }
        }
        let (bytes, sha256) = copy(&source, &target)?;
        copied.files.push(FileEntry { path: file.path.clone(), bytes, sha256 });
    }
    Ok(copied)
}

/// Copies a file to a new one that only its owner can read; its size and digest.
pub(crate) fn copy(source: &Path, target: &Path) -> Result<(u64, String), UpkeepError> {
    let reading = UpkeepError::io("read", source);
    let mut input = match File::open(source) {
        Ok(input) => input,
        Err(error) => return Err(reading(error)),
    };
    let mut output = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(UpkeepError::io("create", target))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = match input.read(&mut buffer) {
            Ok(read) => read,
            Err(error) => return Err(reading(error)),
        };
        if read == 0 {
            return Ok((bytes, hex::encode(hash.finalize())));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
        output.write_all(&buffer[..read]).map_err(UpkeepError::io("write", target))?;
    }
}

/// Compares the files below `folder` with `files`: each is read, from the disk where the system
/// allows that, and there are no others but those named in `besides`.
pub(crate) fn compare(
    folder: &Path,
    files: &[FileEntry],
    besides: &[&str],
) -> Result<Problems, UpkeepError> {
    let mut problems = Problems::default();
    for file in files {
        let path = file.path.clone();
        match digest_on_disk(&folder.join(&path)) {
            Ok(found) if found == file.sha256 => {}
            Ok(_) => problems.push(Problem::Changed { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                problems.push(Problem::Missing { path });
            }
            Err(error) => {
                problems.push(Problem::Unreadable { what: path, reason: error.to_string() });
            }
        }
    }
    let known: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for found in files_below(folder)? {
        let path = found.path.as_str();
        if !known.contains(path) && !besides.contains(&path) {
            problems.push(Problem::Unknown { path: found.path });
        }
    }
    Ok(problems)
}

/// Waits until everything written below `folder` is on its disk.
pub(crate) fn sync_all(folder: &Path) -> Result<(), UpkeepError> {
    let failed = UpkeepError::io("synchronise", folder);
    let opened = match File::open(folder) {
        Ok(opened) => opened,
        Err(error) => return Err(failed(error)),
    };
    nix::unistd::syncfs(&opened).map_err(|error| failed(error.into()))
}

/// Makes the names directly in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), UpkeepError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(UpkeepError::io("synchronise", folder))
}

/// Creates `folder`, which nobody else may look into; its parents must exist.
pub(crate) fn create_folder(folder: &Path) -> Result<(), UpkeepError> {
    DirBuilder::new().mode(0o700).create(folder).map_err(UpkeepError::io("create", folder))
}

/// Creates the folders between `root` and a file below it.
fn create_parents(root: &Path, file: &str) -> Result<(), UpkeepError> {
    let parent: PathBuf = root.join(Path::new(file).parent().unwrap_or(Path::new("")));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&parent)
        .map_err(UpkeepError::io("create", &parent))
}

fn digest(path: &Path) -> io::Result<String> {
    digest_of(File::open(path)?)
}

/// The digest of what the disk has, not of what the memory still has of it.
fn digest_on_disk(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // Where it is not supported, memory must do.
    let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    digest_of(file)
}

fn digest_of(mut file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}
