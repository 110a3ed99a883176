//! Describes an installed model: where it came from, under which licence, and what its files are.

use std::fs;
use std::io::Read;
use std::path::Path;

use intramuros_types::{EncoderProfile, ModelId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::io_error;
use crate::names::{check_id, check_path, is_hex};
use crate::{CatalogError, Task};

#[cfg(test)]
mod tests;

/// Name of the manifest in a model's directory.
pub(crate) const MANIFEST_FILE: &str = "manifest.json";
/// The only schema there is.
const SCHEMA: u32 = 1;
/// The largest manifest that is read; a real one has a few hundred bytes a file.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// A hub repository at one commit.
    Hub {
        /// The hub, when it was not the default one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// `owner/name`.
        repository: String,
        /// The commit, hexadecimal.
        revision: String,
    },
    /// Registry packages, as `name==version`.
    Package {
        /// The packages in order.
        packages: Vec<String>,
    },
    /// A file or directory of this machine.
    Import {
        /// Its name, without the directories above.
        from: String,
    },
}

/// One file of an installed model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Path below the model's directory.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// What is known about an installed model; `manifest.json` in its directory.
///
/// Unknown fields are ignored, so that a later version can add some under the same schema number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format: 1.
    pub schema: u32,
    /// The model's id, the same as its directory's name.
    pub id: ModelId,
    /// Where it came from.
    pub source: Source,
    /// Its licence.
    pub licence: String,
    /// What it is for, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// How an encoder is fed and read, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<EncoderProfile>,
    /// Its files.
    pub files: Vec<ManifestFile>,
    /// When it was installed, RFC 3339, UTC.
    pub created: String,
}

impl Manifest {
    /// A manifest of this moment.
    pub(crate) fn new(id: ModelId, source: Source, files: Vec<ManifestFile>) -> Self {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let created = now.format(&Rfc3339).unwrap_or_else(|_| now.to_string());
        let licence = String::new();
        Self { schema: SCHEMA, id, source, licence, task: None, profile: None, files, created }
    }

    /// Size of all files.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Reads and checks the manifest of the model directory `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Manifest, CatalogError> {
        let path = dir.join(MANIFEST_FILE);
        let file = fs::File::open(&path).map_err(io_error("read", &path))?;
        let mut text = Vec::new();
        file.take(MAX_MANIFEST_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(io_error("read", &path))?;
        let invalid = |reason: String| CatalogError::InvalidManifest { path: path.clone(), reason };
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(invalid(format!("it has more than {MAX_MANIFEST_BYTES} bytes")));
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
        manifest.check(dir).map_err(invalid)?;
        Ok(manifest)
    }

    fn check(&self, dir: &Path) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("its schema is {}, this version reads {SCHEMA}", self.schema));
        }
        check_id(self.id.as_str()).map_err(|error| error.to_string())?;
        if dir.file_name().and_then(|name| name.to_str()) != Some(self.id.as_str()) {
            return Err(format!("it names model {}, which is not its directory", self.id));
        }
        if self.files.is_empty() {
            return Err("it lists no file".to_owned());
        }
        for file in &self.files {
            check_path(&file.path).map_err(|error| error.to_string())?;
            if !is_hex(&file.sha256, 64) {
                return Err(format!("the sha256 of {} is not 64 hexadecimal digits", file.path));
            }
        }
        Ok(())
    }
}
