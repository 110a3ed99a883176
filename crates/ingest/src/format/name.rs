//! Cleans the names of files within files: they are shown, and never used as paths.

use std::collections::HashMap;

use crate::normalise::{Layout, clean};

/// The longest part of a name between two slashes, in characters.
const MAX_PART_CHARS: usize = 150;
/// The most folders that a name keeps; of deeper ones the innermost.
const MAX_FOLDERS: usize = 20;

/// A name with its folders, `factures/2026/F-12.pdf`: relative, without `.` and `..`, drive
/// letters, and characters that cannot be seen. `None` when nothing is left of it.
pub(crate) fn clean_path(raw: &str) -> Option<String> {
    let unified = raw.replace('\\', "/");
    let parts: Vec<String> = unified
        .split('/')
        .enumerate()
        .filter(|(at, part)| !(*at == 0 && is_drive(part)))
        .map(|(_, part)| shortened(&clean(part, Layout::Line)))
        .filter(|part| !matches!(part.as_str(), "" | "." | ".."))
        .collect();
    let from = parts.len().saturating_sub(MAX_FOLDERS + 1);
    let name = parts[from..].join("/");
    (!name.is_empty()).then_some(name)
}

/// A name without folders.
pub(crate) fn clean_name(raw: &str) -> Option<String> {
    clean_path(raw).map(|path| path.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Keeps the names of one container apart.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// How often each name was given.
    given: HashMap<String, u32>,
}

impl Names {
    /// `name`, or `name (2)` before its extension when it was given before, and so on.
    pub(crate) fn distinct(&mut self, name: String) -> String {
        let mut wanted = name.clone();
        // A counter for each name, so that ten thousand equal ones need no search; a file that is
        // itself called `a (2)` makes it go on by one.
        loop {
            let count = self.given.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                let (stem, extension) = split_extension(&name);
                wanted = format!("{stem} ({count}){extension}");
            }
            if wanted == name || !self.given.contains_key(&wanted) {
                break;
            }
        }
        if wanted != name {
            self.given.insert(wanted.clone(), 1);
        }
        wanted
    }
}

/// The extension with its dot, empty when there is none that looks like one.
fn split_extension(name: &str) -> (&str, &str) {
    const MAX_EXTENSION_BYTES: usize = 8;
    match name.rfind('.') {
        Some(at)
            if at > 0 && name.len() - at <= MAX_EXTENSION_BYTES && !name[at..].contains('/') =>
        {
            name.split_at(at)
        }
        _ => (name, ""),
    }
}

/// Cuts what stands before the extension.
fn shortened(part: &str) -> String {
    let count = part.chars().count();
    if count <= MAX_PART_CHARS {
        return part.to_owned();
    }
    let (stem, extension) = split_extension(part);
    let keep = MAX_PART_CHARS - extension.chars().count() - 1;
    format!("{}…{extension}", stem.chars().take(keep).collect::<String>().trim_end())
}

/// `C:` of an absolute name of Windows.
fn is_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
