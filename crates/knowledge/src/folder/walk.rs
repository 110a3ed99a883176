//! Finds the documents in a folder.

use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::MediaType;

/// What a folder holds, in order of name.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files whose name says that they can be read as documents.
    pub files: Vec<PathBuf>,
    /// What could not be looked at; what is in there is unknown.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Entries that have another extension, are hidden, or are links or devices.
    pub skipped: usize,
}

/// What tells whether a file has changed, short of reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970; of the content and of the record of the file.
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

/// Finds the documents in `folder` and the folders within it, leaving out those of `except`.
/// Neither links are followed nor hidden entries looked at.
pub fn walk(folder: &Path, except: &[PathBuf]) -> Walk {
    let mut found = Walk::default();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .and_then(|entries| entries.collect::<Result<Vec<DirEntry>, _>>());
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                found.unreadable.push((folder, error));
                continue;
            }
        };
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_hidden => {
                    if !except.contains(&path) {
                        folders.push(path);
                    }
                }
                Ok(kind) if kind.is_file() && !is_hidden && is_document(&path) => {
                    found.files.push(path);
                }
                _ => found.skipped += 1,
            }
        }
    }
    found.files.sort();
    found
}

/// Whether a file of this name can be read as a document.
fn is_document(path: &Path) -> bool {
    path.file_name().is_some_and(|name| MediaType::of(&name.to_string_lossy()).is_known())
}

/// Opens a file that was found in `root`, with its stamp.
///
/// # Errors
/// What keeps it from being read; also when it is not a file within `root` any more: whoever may
/// write there could put a link in its place, to a file that only the server can read.
pub(super) fn open(root: &Path, path: &Path) -> io::Result<(File, Stamp)> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)?;
    let metadata = file.metadata()?;
    let place = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    if !metadata.is_file() || !place.starts_with(std::fs::canonicalize(root)?) {
        return Err(io::Error::other("is no file within the folder"));
    }
    Ok((file, Stamp::of(&metadata)))
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// Of the file at `path`, not of what a link there points to.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::symlink_metadata(path)?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{open, walk};

    #[test]
    fn documents_are_found_without_links_and_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("docs");
        fs::create_dir_all(root.join("rh/paie")).unwrap();
        fs::create_dir_all(root.join(".corbeille")).unwrap();
        for file in ["b.PDF", "a.txt", ".caché.txt", "c.exe", "rh/d.docx", "rh/paie/e.csv"] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::write(root.join(".corbeille/f.txt"), "x").unwrap();
        fs::write(folder.path().join("secret.txt"), "x").unwrap();
        symlink(folder.path().join("secret.txt"), root.join("lien.txt")).unwrap();
        symlink("/etc", root.join("etc")).unwrap();

        let found = walk(&root, &[]);
        let names = |files: &[std::path::PathBuf]| -> Vec<String> {
            let place = |file: &std::path::PathBuf| file.strip_prefix(&root).unwrap().to_owned();
            files.iter().map(|file| place(file).display().to_string()).collect()
        };
        assert_eq!(names(&found.files), ["a.txt", "b.PDF", "rh/d.docx", "rh/paie/e.csv"]);
        assert_eq!((found.unreadable.len(), found.skipped), (0, 5));
        let found = walk(&root, &[root.join("rh")]);
        assert_eq!(names(&found.files), ["a.txt", "b.PDF"]);
        assert_eq!(walk(&root.join("none"), &[]).unreadable.len(), 1);

        assert!(open(&root, &root.join("a.txt")).is_ok());
        assert!(open(&root, &root.join("lien.txt")).is_err());
        symlink(folder.path(), root.join("rh/dehors")).unwrap();
        assert!(open(&root, &root.join("rh/dehors/secret.txt")).is_err());
    }
}
