//! Keeps the directory of installed models: one directory a model, named by its id, with its
//! files and their manifest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use intramuros_types::{EncoderProfile, ModelId};

use crate::error::io_error;
use crate::names::check_id;
use crate::{Catalog, CatalogError, Manifest, Task};

mod import;
mod staging;
mod verify;

#[cfg(test)]
mod tests;

pub use import::{ImportOptions, Imported};
pub(crate) use staging::{Staging, sync_dir};
pub use verify::{FileCheck, FileState, Verification};

/// Where models are installed. Opening it touches nothing; writing creates it when missing.
///
/// ```text
/// <path>/<id>/manifest.json, model.gguf, …
/// <path>/.staging/<id>/…       what is being fetched; not visible as a model
/// <path>/.staging/<id>.lock    held while something is being installed or removed
/// ```
#[derive(Debug, Clone)]
pub struct ModelsDir {
    path: PathBuf,
}

/// A model that is complete in the models directory.
#[derive(Debug, Clone)]
pub struct InstalledModel {
    /// Its id.
    pub id: ModelId,
    /// Its directory.
    pub dir: PathBuf,
    /// What is known about it.
    pub manifest: Manifest,
}

impl InstalledModel {
    /// What it is for: as its manifest says, otherwise as the catalogue does.
    pub fn task(&self, catalog: &Catalog) -> Option<Task> {
        let from_catalog = || catalog.get(self.id.as_str()).ok().map(|model| model.task);
        self.manifest.task.or_else(from_catalog)
    }

    /// How it is fed and read: as its manifest says, otherwise as the catalogue does.
    pub fn profile(&self, catalog: &Catalog) -> Option<EncoderProfile> {
        let from_catalog = || catalog.get(self.id.as_str()).ok().and_then(|m| m.profile.clone());
        self.manifest.profile.clone().or_else(from_catalog)
    }
}

impl ModelsDir {
    /// The models directory at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The models whose manifest is sound and whose files have the recorded sizes, by id. What is
    /// wrong with the others, [`problems`](Self::problems) tells.
    ///
    /// # Errors
    /// [`CatalogError::Io`] when the directory exists and cannot be listed.
    pub fn installed(&self) -> Result<Vec<InstalledModel>, CatalogError> {
        Ok(self.ids()?.iter().filter_map(|id| self.get(id).ok()).collect())
    }

    /// The directories that should be models and are not usable, with the reason.
    ///
    /// # Errors
    /// [`CatalogError::Io`] when the directory exists and cannot be listed.
    pub fn problems(&self) -> Result<Vec<(String, CatalogError)>, CatalogError> {
        let problem = |id: String| self.get(&id).err().map(|error| (id, error));
        Ok(self.ids()?.into_iter().filter_map(problem).collect())
    }

    /// The installed model `id`. Sizes are checked, digests are not: that is
    /// [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`CatalogError::InvalidId`], [`CatalogError::NotInstalled`],
    /// [`CatalogError::InvalidManifest`], [`CatalogError::SizeMismatch`], or
    /// [`CatalogError::Io`] when a file is missing.
    pub fn get(&self, id: &str) -> Result<InstalledModel, CatalogError> {
        let dir = self.model_dir(id)?;
        if !dir.is_dir() {
            return Err(CatalogError::NotInstalled { id: id.to_owned(), dir: self.path.clone() });
        }
        let manifest = Manifest::read(&dir)?;
        for file in &manifest.files {
            let path = dir.join(&file.path);
            let actual = fs::metadata(&path).map_err(io_error("read", &path))?.len();
            if actual != file.bytes {
                let (file, expected) = (path.display().to_string(), file.bytes);
                return Err(CatalogError::SizeMismatch { file, expected, actual });
            }
        }
        Ok(InstalledModel { id: manifest.id.clone(), dir, manifest })
    }

    /// Removes the model `id`, complete or not, and what an interrupted download left of it. A
    /// link to a directory elsewhere is removed, the directory stays.
    ///
    /// # Errors
    /// [`CatalogError::InvalidId`], [`CatalogError::NotInstalled`], [`CatalogError::Busy`],
    /// [`CatalogError::Io`].
    pub fn remove(&self, id: &str) -> Result<(), CatalogError> {
        let dir = self.model_dir(id)?;
        let missing = || CatalogError::NotInstalled { id: id.to_owned(), dir: self.path.clone() };
        let present = fs::symlink_metadata(&dir).is_ok();
        if !present && !self.path.join(staging::STAGING).join(id).exists() {
            return Err(missing());
        }
        let staging = Staging::open(self, id)?;
        if present {
            staging.take_away(&dir)?;
        }
        staging.discard()
    }

    /// Directory of the model `id`, whether it exists or not.
    ///
    /// # Errors
    /// [`CatalogError::InvalidId`].
    pub fn model_dir(&self, id: &str) -> Result<PathBuf, CatalogError> {
        check_id(id)?;
        Ok(self.path.join(id))
    }

    /// Names of the directories that are or should be models, sorted.
    fn ids(&self) -> Result<Vec<String>, CatalogError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("list", &self.path)(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error("list", &self.path))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if check_id(&name).is_ok() && entry.path().is_dir() {
                ids.push(name);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }
}
