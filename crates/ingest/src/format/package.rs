//! Opens the archive of an office document and decompresses its parts within limits.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::builder::Builder;
use crate::format::encoding::decode;
use crate::format::xml::{Step, Xml, attribute};
use crate::{ExtractLimits, IngestError};

/// Decompressed sizes below this are fine at any ratio, in bytes.
const RATIO_EXEMPT_BYTES: u64 = 1 << 20;

/// Where a part refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Last segment of its type: `slide`, `notesSlide`, `worksheet`.
    pub(crate) kind: String,
    /// Name of the other part.
    pub(crate) target: String,
}

/// The archive of a document.
pub(crate) struct Package<'a> {
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
    pub(crate) fn open(bytes: &'a [u8], builder: &Builder<'a>) -> Result<Self, IngestError> {
        let limits = builder.limits;
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(IngestError::damaged)?;
        if archive.len() > limits.max_zip_entries as usize {
            let limit = u64::from(limits.max_zip_entries);
            return Err(IngestError::LimitExceeded { what: "files in the archive".into(), limit });
        }
        Ok(Self { archive, limits, budget: limits.max_unzipped_bytes })
    }

    /// The text of the part called `name`; `None` when there is none.
    ///
    /// # Errors
    /// [`IngestError::Encrypted`], [`IngestError::Damaged`], or [`IngestError::LimitExceeded`]
    /// when it decompresses to too much. What the archive says about sizes is not believed.
    pub(crate) fn part(&mut self, name: &str) -> Result<Option<String>, IngestError> {
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

    /// The relations of the part called `name`, by id; of the package for an empty name. Those to
    /// something outside the archive are left out.
    /// Source: ECMA-376 part 2, 9.3.
    ///
    /// # Errors
    /// Those of [`Package::part`] and [`Xml::next`].
    pub(crate) fn relations(
        &mut self,
        name: &str,
        builder: &Builder<'_>,
    ) -> Result<HashMap<String, Relation>, IngestError> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let slash = if folder.is_empty() { "" } else { "/" };
        let mut relations = HashMap::new();
        let Some(source) = self.part(&format!("{folder}{slash}_rels/{file}.rels"))? else {
            return Ok(relations);
        };
        let mut xml = Xml::new(&source, builder);
        while let Some(step) = xml.next()? {
            let Step::Open(tag) = step else { continue };
            let is_outside = attribute(&tag, "TargetMode").as_deref() == Some("External");
            if tag.local_name().as_ref() != "Relationship" || is_outside {
                continue;
            }
            let Some(id) = attribute(&tag, "Id") else { continue };
            let kind = attribute(&tag, "Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            let target = resolved(folder, &attribute(&tag, "Target").unwrap_or_default());
            relations.insert(id, Relation { kind, target });
        }
        Ok(relations)
    }

    /// The name of the part that the document begins with; `usual` where the archive does not say.
    ///
    /// # Errors
    /// Those of [`Package::relations`].
    pub(crate) fn main_part(
        &mut self,
        usual: &str,
        builder: &Builder<'_>,
    ) -> Result<String, IngestError> {
        let relations = self.relations("", builder)?;
        let main = relations.into_values().find(|relation| relation.kind == "officeDocument");
        Ok(main.map_or_else(|| usual.to_owned(), |relation| relation.target))
    }
}

/// `target` as a name in the archive, when a part in `folder` refers to it.
fn resolved(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(path.pop()),
            _ => path.push(segment),
        }
    }
    path.join("/")
}

#[cfg(test)]
mod tests;
