//! Finds the files that paths of the command line lead to.

use std::path::{Path, PathBuf};

use intramuros_knowledge::{Walk, walk};

use crate::language::tr;

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
        let Walk { files, unreadable: failed, skipped } = walk(folder, &[]);
        files.into_iter().for_each(|file| self.take(file));
        let failed = failed.into_iter().map(|(path, error)| (path, unreadable(&error)));
        self.unreadable.extend(failed);
        self.skipped += skipped;
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
