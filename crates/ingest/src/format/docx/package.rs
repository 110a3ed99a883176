//! Opens the archive of a DOCX and decompresses its parts within limits.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::builder::Builder;
use crate::format::encoding::decode;
use crate::{ExtractLimits, IngestError};

/// Decompressed sizes below this are fine at any ratio, in bytes.
const RATIO_EXEMPT_BYTES: u64 = 1 << 20;

/// The archive of a document.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    limits: &'a ExtractLimits,
    /// Decompressed bytes that may still be read.
    budget: u64,
}

impl<'a> Package<'a> {
    /// Opens `bytes`.
    ///
    /// # Errors
    /// [`IngestError::Damaged`], or [`IngestError::LimitExceeded`] for the number of files.
    pub(super) fn open(bytes: &'a [u8], builder: &Builder<'a>) -> Result<Self, IngestError> {
        let limits = builder.limits;
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(IngestError::damaged)?;
        if archive.len() > limits.max_zip_entries as usize {
            let limit = u64::from(limits.max_zip_entries);
            return Err(IngestError::LimitExceeded { what: "files in the archive".into(), limit });
        }
        Ok(Self { archive, limits, budget: limits.max_unzipped_bytes })
    }

    /// Names of the parts that begin with `prefix`, in order.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .archive
            .file_names()
            .filter_map(Result::ok)
            .filter(|name| name.starts_with(prefix) && name.ends_with(".xml"))
            .map(std::borrow::Cow::into_owned)
            .collect();
        names.sort();
        names
    }

    /// The text of the part called `name`; `None` when there is none.
    ///
    /// # Errors
    /// [`IngestError::Encrypted`], [`IngestError::Damaged`], or [`IngestError::LimitExceeded`]
    /// when it decompresses to too much. What the archive says about sizes is not believed.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>, IngestError> {
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(IngestError::Encrypted);
            }
            Err(error) => return Err(IngestError::damaged(error)),
        };
        let ratio = u64::from(self.limits.max_zip_ratio);
        let by_ratio = file.compressed_size().saturating_mul(ratio).max(RATIO_EXEMPT_BYTES);
        let most = by_ratio.min(self.budget);
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(IngestError::damaged)?;
        if bytes.len() as u64 > most {
            let what = "decompressed bytes".into();
            return Err(IngestError::LimitExceeded { what, limit: most });
        }
        self.budget -= bytes.len() as u64;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => decode(error.as_bytes(), None)
                .map_err(|_| IngestError::damaged(format!("{name} is not text")))?,
        };
        Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
    }
}
