//! Finds the files that paths of the command line lead to.

use std::path::{Path, PathBuf};

use crate::language::tr;

/// Extensions that folders are searched for.
pub(super) const EXTENSIONS: &[&str] = &[
    "txt", "text", "md", "markdown", "html", "htm", "xhtml", "pdf", "docx", "odt", "xlsx", "ods",
    "csv", "tsv", "pptx", "odp", "eml", "mbox", "zip", "png", "jpg", "jpeg", "tif", "tiff", "webp",
    "bmp", "gif",
];

/// What the command line's paths lead to.
#[derive(Default)]
pub(super) struct Files {
    pub(super) readable: Vec<PathBuf>,
    /// With the reason.
    pub(super) unreadable: Vec<(PathBuf, String)>,
    /// Files in folders that have another extension, are hidden, or are links.
    pub(super) skipped: usize,
}

impl Files {
    /// Files named on the command line are taken as they are; folders are walked in order of
    /// name, without hidden entries and without following links.
    pub(super) fn find(paths: &[PathBuf]) -> Self {
        let mut files = Self::default();
        for path in paths {
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => files.walk(path),
                Ok(metadata) if metadata.is_file() => files.take(path.clone()),
                Ok(_) => {
                    let reason =
                        tr("ce n'est ni un fichier ni un dossier", "no file and no folder");
                    files.unreadable.push((path.clone(), reason.to_string()));
                }
                Err(error) => files.unreadable.push((path.clone(), unreadable(&error))),
            }
        }
        files
    }

    fn walk(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder)
                .and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.unreadable.push((folder, unreadable(&error)));
                    continue;
                }
            };
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && !is_hidden => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() && !is_hidden && is_document(&entry.path()) => {
                        self.take(entry.path());
                    }
                    _ => self.skipped += 1,
                }
            }
        }
    }

    fn take(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.chars().any(char::is_control) {
            let reason = tr(
                "son nom contient des caractères de contrôle",
                "its name has control characters",
            );
            return self.unreadable.push((path, reason.to_string()));
        }
        match std::fs::File::open(&path) {
            Ok(_) => self.readable.push(path),
            Err(error) => self.unreadable.push((path, unreadable(&error))),
        }
    }
}

fn unreadable(error: &std::io::Error) -> String {
    tr(format!("illisible : {error}"), format!("cannot be read: {error}"))
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}
