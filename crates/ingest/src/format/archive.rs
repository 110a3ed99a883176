//! Reads ZIP archives: a container without text of its own, whose entries are documents.
//!
//! Source: PKWARE's APPNOTE 6.3. Entries are decompressed and handed on, not read: an archive
//! within an archive is one more file, and how deep that goes is the caller's to bound. What the
//! archive says about sizes is not believed.

use std::io::{Cursor, Read};

use intramuros_types::ReadWarning;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::builder::Builder;
use crate::format::name::{Names, clean_path};
use crate::{EmbeddedFile, IngestError};

mod encoding;

use encoding::decode_name;

/// Decompressed sizes below this are fine at any ratio, in bytes.
const RATIO_EXEMPT_BYTES: u64 = 1 << 20;
/// What file managers leave in archives, in lower case.
const DEBRIS: [&str; 3] = [".ds_store", "thumbs.db", "desktop.ini"];
/// The bits of a Unix mode that say what a file is, and a regular file's.
const FILE_TYPE: u32 = 0o170_000;
const REGULAR_FILE: u32 = 0o100_000;

/// Reads the entries of `bytes` into the files of `builder`.
///
/// # Errors
/// [`IngestError::Damaged`] when nothing can be read, [`IngestError::Encrypted`] when everything
/// needs a password, [`IngestError::Unsupported`] when everything is compressed in an unusual way,
/// [`IngestError::LimitExceeded`] for the number of entries, what all of them decompress to and
/// the time.
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(IngestError::damaged)?;
    let limit = u64::from(builder.limits.max_zip_entries);
    if archive.len() as u64 > limit {
        return Err(IngestError::LimitExceeded { what: "files in the archive".into(), limit });
    }
    let mut budget = builder.limits.max_unzipped_bytes;
    let mut names = Names::default();
    let mut skipped = Skipped::default();
    for index in 0..archive.len() {
        builder.deadline.check()?;
        match read_entry(&mut archive, index, budget, builder)? {
            Entry::File(name, bytes) => {
                budget -= bytes.len() as u64;
                let name = names.distinct(name);
                builder.files.push(EmbeddedFile { name, bytes });
            }
            Entry::Nothing => {}
            Entry::Link => skipped.links += 1,
            Entry::Encrypted => skipped.encrypted += 1,
            Entry::Unusual => skipped.unusual += 1,
            Entry::Damaged => skipped.damaged += 1,
            Entry::TooLarge => skipped.too_large += 1,
        }
    }
    skipped.report(builder)
}

/// What became of one entry.
enum Entry {
    File(String, Vec<u8>),
    /// A folder, or what a file manager left.
    Nothing,
    Link,
    Encrypted,
    Unusual,
    Damaged,
    TooLarge,
}

/// Decompresses one entry, of at most `budget` bytes.
fn read_entry(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    budget: u64,
    builder: &Builder<'_>,
) -> Result<Entry, IngestError> {
    // Twice, because an entry that cannot be decompressed still has a name and flags.
    let Ok(raw) = archive.by_index_raw(index) else { return Ok(Entry::Damaged) };
    let name = decode_name(raw.name_raw());
    if raw.is_dir() || name.ends_with(['/', '\\']) || is_debris(&name) {
        return Ok(Entry::Nothing);
    }
    let kind = raw.unix_mode().unwrap_or(REGULAR_FILE) & FILE_TYPE;
    if raw.is_symlink() || !matches!(kind, 0 | REGULAR_FILE) {
        return Ok(Entry::Link);
    }
    if raw.encrypted() {
        return Ok(Entry::Encrypted);
    }
    drop(raw);
    let file = match archive.by_index(index) {
        Ok(file) => file,
        Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
            return Ok(Entry::Encrypted);
        }
        Err(ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_)) => {
            return Ok(Entry::Unusual);
        }
        Err(_) => return Ok(Entry::Damaged),
    };
    let ratio = u64::from(builder.limits.max_zip_ratio);
    let by_ratio = file.compressed_size().saturating_mul(ratio).max(RATIO_EXEMPT_BYTES);
    let own = by_ratio.min(builder.limits.max_bytes);
    let most = own.min(budget);
    let mut bytes = Vec::new();
    if file.take(most.saturating_add(1)).read_to_end(&mut bytes).is_err() {
        return Ok(Entry::Damaged);
    }
    if bytes.len() as u64 <= most {
        let name = clean_path(&name).unwrap_or_else(|| "sans nom".to_owned());
        return Ok(Entry::File(name, bytes));
    }
    if own <= budget {
        return Ok(Entry::TooLarge);
    }
    let limit = builder.limits.max_unzipped_bytes;
    Err(IngestError::LimitExceeded { what: "decompressed bytes".into(), limit })
}

/// Whether an entry is what a file manager keeps beside the user's files.
fn is_debris(name: &str) -> bool {
    let mut parts = name.split(['/', '\\']);
    let last = parts.next_back().unwrap_or_default().to_lowercase();
    // macOS keeps a second file `._x` for each `x`, in this folder.
    DEBRIS.contains(&last.as_str()) || parts.any(|part| part == "__MACOSX")
}

/// Entries that were left out, by reason.
#[derive(Default)]
struct Skipped {
    links: u32,
    encrypted: u32,
    unusual: u32,
    damaged: u32,
    too_large: u32,
}

impl Skipped {
    /// Warns of what was left out of an archive, or refuses the archive when that is everything.
    fn report(&self, builder: &mut Builder<'_>) -> Result<(), IngestError> {
        if builder.files.is_empty() {
            if self.encrypted > 0 {
                return Err(IngestError::Encrypted);
            }
            if self.unusual > 0 {
                let found = "a ZIP archive with an unusual compression".to_owned();
                return Err(IngestError::Unsupported { found });
            }
            if self.damaged > 0 {
                return Err(IngestError::damaged("no file of the archive can be decompressed"));
            }
            if self.too_large > 0 {
                let (what, limit) = ("bytes in a file of the archive", builder.limits.max_bytes);
                return Err(IngestError::LimitExceeded { what: what.into(), limit });
            }
        }
        for (count, code, what) in [
            (self.links, "archive_links", "links or devices, which are not followed"),
            (self.encrypted, "archive_encrypted", "protected with a password"),
            (self.unusual, "archive_compression", "compressed in an unusual way"),
            (self.damaged, "archive_damaged", "damaged"),
            (self.too_large, "archive_too_large", "too large, or compressed beyond belief"),
        ] {
            if count > 0 {
                let text = format!("files of the archive left out: {count}, {what}");
                builder.warnings.push(ReadWarning { code: code.to_owned(), text, page: None });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
