//! Searches the bytes of the data directory for what was erased.
//!
//! A text is looked for as it was given, folded, in lower case and in capitals, in UTF-8 (composed
//! and not), UTF-16 of both orders and Latin-1, whatever the case of its ASCII letters. What is
//! compressed is not found: packed documents (PDF, office files) and long columns of an index.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

/// Shorter texts stand anywhere.
const MIN_CHARS: usize = 4;
/// Files that are told; the others are counted.
const MAX_TOLD: usize = 100;
const BUFFER_BYTES: usize = 1 << 20;
/// The folder of models has no data of people.
const MODELS: &str = "models";
/// The files that SQLite has open.
const OF_SQLITE: [&str; 3] = ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"];

/// Those that were read, by device and inode. They stay open as long as the process lives: closing
/// any descriptor of a file gives up every lock that the process has on it (fcntl(2), "Advisory
/// record locking"), and without SQLite's own locks the next program that opens the ledger takes
/// itself for the only one and removes the log that this one writes to.
static KEPT_OPEN: LazyLock<Mutex<Vec<KeptOpen>>> = LazyLock::new(Mutex::default);

type KeptOpen = ((u64, u64), Arc<File>);

/// A text that is looked for, and what it is called in a report, which must not have the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needle {
    pub(crate) label: String,
    pub(crate) text: String,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Searched {
    /// Texts that were looked for.
    pub(crate) texts: usize,
    /// Texts too short to be looked for.
    pub(crate) too_short: usize,
    /// Files that were read.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Files that could not be read, or went meanwhile.
    pub(crate) unread: u64,
    /// Files that have one of the texts.
    pub(crate) found: Vec<Hit>,
    /// Further ones.
    pub(crate) more: u64,
}

/// A file that has one of the texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Hit {
    /// Within the data directory.
    pub(crate) file: String,
    /// What the texts are called.
    pub(crate) texts: Vec<String>,
}

/// Searches all files below `data_dir` but models; `None` when `stop` turns true.
pub(crate) fn search(data_dir: &Path, needles: &[Needle], stop: &AtomicBool) -> Option<Searched> {
    let mut searched = Searched::default();
    let (mut patterns, mut owners) = (Vec::new(), Vec::new());
    for (number, needle) in needles.iter().enumerate() {
        if needle.text.chars().count() < MIN_CHARS {
            searched.too_short += 1;
            continue;
        }
        searched.texts += 1;
        for pattern in encodings(&needle.text) {
            patterns.push(pattern);
            owners.push(number);
        }
    }
    if patterns.is_empty() {
        return Some(searched);
    }
    let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
    let automaton = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(&patterns);
    let Ok(automaton) = automaton else { return Some(searched) };
    let mut folders = vec![data_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            searched.unread += 1;
            continue;
        };
        for entry in entries.flatten() {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let path = entry.path();
            // Links are not followed: nothing of ours is one.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if path != data_dir.join(MODELS) {
                    folders.push(path);
                }
            } else if kind.is_file() {
                let found = search_file(&path, &automaton, longest, stop, &mut searched.bytes);
                note(&mut searched, data_dir, &path, found, (&owners, needles));
            }
        }
    }
    searched.found.sort();
    (!stop.load(Ordering::Relaxed)).then_some(searched)
}

fn note(
    searched: &mut Searched,
    data_dir: &Path,
    path: &Path,
    found: std::io::Result<BTreeSet<usize>>,
    (owners, needles): (&[usize], &[Needle]),
) {
    let Ok(patterns) = found else {
        searched.unread += 1;
        return;
    };
    searched.files += 1;
    if patterns.is_empty() {
        return;
    }
    if searched.found.len() == MAX_TOLD {
        searched.more += 1;
        return;
    }
    let within: PathBuf = path.strip_prefix(data_dir).unwrap_or(path).to_owned();
    let numbers: BTreeSet<usize> =
        patterns.iter().filter_map(|at| owners.get(*at)).copied().collect();
    let texts = numbers.iter().map(|number| needles[*number].label.clone()).collect();
    searched.found.push(Hit { file: within.to_string_lossy().into_owned(), texts });
}

/// The patterns that stand in a file.
fn search_file(
    path: &Path,
    automaton: &AhoCorasick,
    longest: usize,
    stop: &AtomicBool,
    bytes: &mut u64,
) -> std::io::Result<BTreeSet<usize>> {
    let file = open(path)?;
    let mut at = 0;
    let mut found = BTreeSet::new();
    let mut buffer = vec![0_u8; BUFFER_BYTES + longest];
    // What may be the beginning of a text that ends in the next piece.
    let mut kept = 0;
    while !stop.load(Ordering::Relaxed) {
        let read = file.read_at(&mut buffer[kept..], at)?;
        if read == 0 {
            break;
        }
        at += read as u64;
        *bytes += read as u64;
        let end = kept + read;
        let hits = automaton.find_overlapping_iter(&buffer[..end]);
        found.extend(hits.map(|hit| hit.pattern().as_usize()));
        kept = end.min(longest.saturating_sub(1));
        buffer.copy_within(end - kept..end, 0);
    }
    Ok(found)
}

/// Opens a file to read it, and one of the ledger's once for all.
fn open(path: &Path) -> std::io::Result<Arc<File>> {
    let name = path.file_name().and_then(|name| name.to_str());
    if !name.is_some_and(|name| OF_SQLITE.contains(&name)) {
        return File::open(path).map(Arc::new);
    }
    // Held over the opening, so that no second descriptor is made that would have to be closed.
    let mut kept = KEPT_OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let metadata = std::fs::metadata(path)?;
    let id = (metadata.dev(), metadata.ino());
    if let Some((_, file)) = kept.iter().find(|(kept, _)| *kept == id) {
        return Ok(file.clone());
    }
    let file = Arc::new(File::open(path)?);
    let opened = file.metadata()?;
    // Another file may have taken the name meanwhile; whichever was opened is kept.
    kept.push(((opened.dev(), opened.ino()), file.clone()));
    Ok(file)
}

/// The ways in which `text` may stand in a file.
fn encodings(text: &str) -> BTreeSet<Vec<u8>> {
    let composed: String = text.nfc().collect();
    let folded: String = text
        .nfkd()
        .filter(|letter| !unicode_normalization::char::is_combining_mark(*letter))
        .collect();
    let mut forms = BTreeSet::new();
    for form in [composed, folded] {
        forms.insert(form.to_lowercase());
        forms.insert(form.to_uppercase());
        forms.insert(form);
    }
    let mut patterns = BTreeSet::new();
    for form in &forms {
        patterns.insert(form.as_bytes().to_vec());
        patterns.insert(form.nfd().collect::<String>().into_bytes());
        patterns.insert(form.encode_utf16().flat_map(u16::to_le_bytes).collect());
        patterns.insert(form.encode_utf16().flat_map(u16::to_be_bytes).collect());
        let latin: Option<Vec<u8>> =
            form.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
        patterns.extend(latin);
    }
    patterns
}

#[cfg(test)]
mod tests;
