//! Installs a model from a file or directory of this machine.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use intramuros_types::{EncoderProfile, ModelId};

use super::{ModelsDir, Staging};
use crate::digest::Hasher;
use crate::error::io_error;
use crate::{
    Activity, CatalogError, CatalogModel, Manifest, ManifestFile, Progress, Source, Task, magic,
};

/// Bytes copied at a time.
const BLOCK_BYTES: usize = 1 << 20;
/// The most entries of a directory that is looked at; real models have a few dozen.
const MAX_ENTRIES: usize = 10_000;
/// Files of a model directory beside its weights that the loaders read.
const SIDE_FILES: [&str; 13] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "model.safetensors.index.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];

/// What an import should be recorded as.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The id under which it is installed.
    pub id: ModelId,
    /// Its licence; the operator answers for it.
    pub licence: String,
    /// What it is for, where known.
    pub task: Option<Task>,
    /// How an encoder is fed and read, where known.
    pub profile: Option<EncoderProfile>,
}

impl ImportOptions {
    /// The model `id` with unknown licence, task and profile.
    pub fn new(id: impl Into<String>) -> Self {
        let licence = "unknown".to_owned();
        Self { id: ModelId::new(id), licence, task: None, profile: None }
    }

    /// As the catalogue describes `model`: the offline way to install what `pull` would fetch.
    pub fn for_model(model: &CatalogModel) -> Self {
        Self {
            id: model.id.clone(),
            licence: model.licence.clone(),
            task: Some(model.task),
            profile: model.profile.clone(),
        }
    }
}

/// The outcome of an import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What was installed.
    pub manifest: Manifest,
    /// Names in the directory that no loader reads; they were not copied.
    pub left_aside: Vec<String>,
}

impl ModelsDir {
    /// Copies a `.gguf` file, or a directory with one `.gguf` or with `config.json`,
    /// `tokenizer.json` and safetensors, into the models directory. The source stays; an
    /// installed model is never overwritten.
    ///
    /// # Errors
    /// [`CatalogError::InvalidId`], [`CatalogError::AlreadyInstalled`], [`CatalogError::Busy`],
    /// [`CatalogError::NotImportable`] when files are missing or are not what their names say,
    /// [`CatalogError::DiskFull`], [`CatalogError::Io`].
    pub fn import(
        &self,
        from: &Path,
        options: ImportOptions,
        progress: &mut dyn Progress,
    ) -> Result<Imported, CatalogError> {
        let id = options.id.as_str();
        let target = self.model_dir(id)?;
        if fs::symlink_metadata(&target).is_ok() {
            return Err(CatalogError::AlreadyInstalled { id: id.to_owned(), dir: target });
        }
        let found = find(from)?;
        let staging = Staging::open(self, id)?;
        staging.require_space(found.files.iter().map(|file| file.bytes).sum())?;
        let ready = staging.ready()?;
        let copied = found.files.iter().map(|file| copy(file, &ready, progress));
        let files = copied.collect::<Result<Vec<_>, _>>();
        // Half a copy helps nobody: unlike a download it cannot be resumed.
        let files = files.or_else(|error| staging.discard().and(Err(error)))?;
        let name = from.file_name().unwrap_or(from.as_os_str()).to_string_lossy().into_owned();
        let mut manifest = Manifest::new(options.id, Source::Import { from: name }, files);
        manifest.licence = options.licence;
        manifest.task = options.task;
        manifest.profile = options.profile;
        staging.publish(&ready, &manifest)?;
        Ok(Imported { manifest, left_aside: found.left_aside })
    }
}

/// A file to copy.
struct Found {
    from: PathBuf,
    to: String,
    bytes: u64,
}

struct FoundModel {
    files: Vec<Found>,
    left_aside: Vec<String>,
}

/// Lists what belongs to the model at `from` and checks the weights' first bytes.
fn find(from: &Path) -> Result<FoundModel, CatalogError> {
    let meta = fs::metadata(from).map_err(io_error("read", from))?;
    let model = if meta.is_dir() {
        find_in_directory(from)?
    } else {
        if !has_suffix(from, ".gguf") {
            return Err(refused(from, "it is neither a .gguf file nor a directory"));
        }
        FoundModel { files: vec![found(from, "model.gguf")?], left_aside: Vec::new() }
    };
    for file in &model.files {
        magic::check(&file.to, &file.from).map_err(|reason| refused(&file.from, reason))?;
    }
    Ok(model)
}

fn find_in_directory(dir: &Path) -> Result<FoundModel, CatalogError> {
    let names = names_in(dir)?;
    let ggufs: Vec<&String> = names.iter().filter(|name| name.ends_with(".gguf")).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let mut files = Vec::new();
    match ggufs.as_slice() {
        [] if has("config.json") && has("tokenizer.json") => {
            for name in names.iter().filter(|name| name.ends_with(".safetensors")) {
                files.push(found(&dir.join(name), name)?);
            }
        }
        [] => {
            let reason = "it holds neither a .gguf file nor config.json and tokenizer.json";
            return Err(refused(dir, reason));
        }
        [one] => files.push(found(&dir.join(one), "model.gguf")?),
        several => {
            let reason = format!("it holds {} .gguf files; name the one to import", several.len());
            return Err(refused(dir, reason));
        }
    }
    if files.is_empty() {
        return Err(refused(dir, "it holds no .safetensors file (other weights are not read)"));
    }
    for name in SIDE_FILES {
        let path = dir.join(name);
        if path.exists() {
            files.push(found(&path, name)?);
        }
    }
    let taken = |name: &String| {
        files
            .iter()
            .any(|file| file.from == dir.join(name) || file.from.starts_with(dir.join(name)))
    };
    let left_aside = names.iter().filter(|name| !taken(name)).cloned().collect();
    Ok(FoundModel { files, left_aside })
}

fn names_in(dir: &Path) -> Result<Vec<String>, CatalogError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        let entry = entry.map_err(io_error("list", dir))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
        if names.len() > MAX_ENTRIES {
            return Err(refused(dir, format!("it has more than {MAX_ENTRIES} entries")));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Describes a source file; links are followed, because hub caches consist of them.
fn found(path: &Path, to: &str) -> Result<Found, CatalogError> {
    let meta = fs::metadata(path).map_err(io_error("read", path))?;
    // Opening a pipe would wait for ever.
    if !meta.is_file() {
        return Err(refused(path, "it is not a regular file"));
    }
    crate::names::check_path(to)?;
    Ok(Found { from: path.to_owned(), to: to.to_owned(), bytes: meta.len() })
}

/// Copies one file into `ready`, hashing on the way.
fn copy(
    file: &Found,
    ready: &Path,
    progress: &mut dyn Progress,
) -> Result<ManifestFile, CatalogError> {
    let target = ready.join(&file.to);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    let mut source = File::open(&file.from).map_err(io_error("read", &file.from))?;
    let mut sink = File::create(&target).map_err(io_error("create", &target))?;
    let mut hasher = Hasher::new();
    let mut block = vec![0_u8; BLOCK_BYTES];
    let mut copied = 0;
    progress.start(Activity::Copy, &file.to, file.bytes, 0);
    loop {
        let read = source.read(&mut block).map_err(io_error("read", &file.from))?;
        if read == 0 {
            break;
        }
        copied += read as u64;
        if copied > file.bytes {
            return Err(refused(&file.from, "it grows while it is copied"));
        }
        hasher.update(&block[..read]);
        sink.write_all(&block[..read]).map_err(io_error("write", &target))?;
        progress.advance(read as u64);
    }
    sink.sync_all().map_err(io_error("sync", &target))?;
    progress.finish();
    if copied != file.bytes {
        return Err(refused(&file.from, "it shrank while it was copied"));
    }
    Ok(ManifestFile { path: file.to.clone(), bytes: copied, sha256: hasher.sha256() })
}

fn has_suffix(path: &Path, suffix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(suffix))
}

fn refused(path: &Path, reason: impl Into<String>) -> CatalogError {
    CatalogError::NotImportable { path: path.to_owned(), reason: reason.into() }
}
