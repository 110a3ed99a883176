//! Finds the frames of a TIFF file.
//!
//! The decoder reads the first frame of a file only. A frame is a directory, each points to the
//! next, and the file's header points to the first; so a copy of the file whose header points to
//! another directory is a file that begins with that frame.
//! Source: TIFF 6.0, section 2; for the files above 4 GB, whose numbers are longer, the BigTIFF
//! design.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::IngestError;

/// The frames of a picture.
pub(super) struct Frames<'b> {
    bytes: Cow<'b, [u8]>,
    /// Where the directories are; none when the file has but one picture.
    directories: Vec<u64>,
    layout: Layout,
}

/// How the numbers of a file are written.
#[derive(Debug, Clone, Copy)]
struct Layout {
    little_endian: bool,
    big: bool,
}

impl<'b> Frames<'b> {
    /// A picture of another format.
    pub(super) fn single(bytes: &'b [u8]) -> Self {
        let layout = Layout { little_endian: true, big: false };
        Self { bytes: Cow::Borrowed(bytes), directories: Vec::new(), layout }
    }

    /// The frames of a TIFF file. What cannot be followed ends the list.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`] for more than `max` frames.
    pub(super) fn of(bytes: &'b [u8], max: u32) -> Result<Self, IngestError> {
        let layout = Layout {
            little_endian: bytes.starts_with(b"I"),
            big: bytes.get(2..4).is_some_and(|version| version.contains(&b'+')),
        };
        let mut directories = Vec::new();
        let mut seen = HashSet::new();
        let mut next = layout.number(bytes, layout.first(), layout.long());
        while let Some(at) = next.filter(|at| *at != 0 && seen.insert(*at)) {
            if directories.len() as u32 >= max {
                return Err(IngestError::LimitExceeded {
                    what: "pages".into(),
                    limit: u64::from(max),
                });
            }
            directories.push(at);
            next = layout.after(bytes, at);
        }
        Ok(Self { bytes: Cow::Borrowed(bytes), directories, layout })
    }

    /// How many there are, at least one.
    pub(super) fn len(&self) -> usize {
        self.directories.len().max(1)
    }

    /// A file that begins with frame `index`, from 0.
    pub(super) fn select(&mut self, index: usize) -> &[u8] {
        if index > 0
            && let Some(at) = self.directories.get(index)
        {
            let (first, long) = (self.layout.first(), self.layout.long());
            let number = if self.layout.little_endian {
                at.to_le_bytes()[..long].to_vec()
            } else {
                at.to_be_bytes()[8 - long..].to_vec()
            };
            if let Some(header) = self.bytes.to_mut().get_mut(first..first + long) {
                header.copy_from_slice(&number);
            }
        }
        &self.bytes
    }
}

impl Layout {
    /// Where the header points to the first directory.
    fn first(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Length of an offset, in bytes.
    fn long(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// The number of `length` bytes at `at`.
    fn number(self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let fold = |sum: u64, digit: &u8| (sum << 8) | u64::from(*digit);
        Some(if self.little_endian {
            digits.iter().rev().fold(0, fold)
        } else {
            digits.iter().fold(0, fold)
        })
    }

    /// Where the directory at `at` says that the next one is.
    fn after(self, bytes: &[u8], at: u64) -> Option<u64> {
        let (count_length, entry_length) = if self.big { (8, 20) } else { (2, 12) };
        let at = usize::try_from(at).ok()?;
        let entries = usize::try_from(self.number(bytes, at, count_length)?).ok()?;
        let end = entries.checked_mul(entry_length)?.checked_add(at)?.checked_add(count_length)?;
        self.number(bytes, end, self.long())
    }
}
