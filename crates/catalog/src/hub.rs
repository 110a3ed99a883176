//! Fetches models of the catalogue from a hub; the only code of the project that connects to one.
//!
//! `hf-hub` builds the requests: addresses, headers, TLS, proxies. The transfer itself is ours,
//! because that of hf-hub 0.5 sends the access token to the host that it is redirected to, has no
//! time limit, restarts a resumed file at the wrong place after a failed retry, takes a short body
//! for a whole one, panics on a redirect without a location, and compares no digest (all read from
//! its `src/api/sync.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, Repo, RepoType};

use crate::error::io_error;
use crate::models_dir::{Staging, sync_dir};
use crate::{
    Bytes, CatalogError, CatalogModel, HubSource, Manifest, ManifestFile, ModelsDir, Progress,
    Source, magic,
};

mod address;
mod client;
mod options;
mod part;
mod transfer;

#[cfg(test)]
mod tests;

use client::{Client, RemoteFile};
pub use options::{HubOptions, Retry};

/// Downloads every file of `model` at one commit of its repository and installs it.
///
/// The revision is resolved to a commit first; sizes and digests are the hub's own at that commit.
/// Whatever arrived before a failure is kept and resumed by the next call. The call blocks, for
/// hours on a slow line.
///
/// # Errors
/// [`CatalogError::AlreadyInstalled`], [`CatalogError::Busy`], [`CatalogError::NoHubSource`],
/// [`CatalogError::InvalidHubOption`] before any connection; then [`CatalogError::Unreachable`],
/// [`CatalogError::Gated`], [`CatalogError::NotOnHub`], [`CatalogError::HubStatus`],
/// [`CatalogError::HubProtocol`], [`CatalogError::DiskFull`] before any body;
/// [`CatalogError::Truncated`], [`CatalogError::SizeMismatch`], [`CatalogError::DigestMismatch`],
/// [`CatalogError::Io`] during the transfer.
pub fn pull(
    model: &CatalogModel,
    options: &HubOptions,
    models: &ModelsDir,
    progress: &mut dyn Progress,
) -> Result<Manifest, CatalogError> {
    let id = model.id.as_str();
    let dir = models.model_dir(id)?;
    if fs::symlink_metadata(&dir).is_ok() {
        return Err(CatalogError::AlreadyInstalled { id: id.to_owned(), dir });
    }
    let no_hub = || CatalogError::NoHubSource { id: id.to_owned() };
    let hub = model.hub.as_ref().filter(|_| model.is_on_hub()).ok_or_else(no_hub)?;
    options.check()?;
    let staging = Staging::open(models, id)?;
    staging.refuse_existing()?;
    let client = Client::connect(options, hub, &model.licence)?;
    let jobs = plan(model, options, hub, &client, &staging.parts()?)?;
    staging.require_space(jobs.iter().map(Job::missing_bytes).sum())?;
    announce(model, hub, &client, &jobs, progress);

    let ready = staging.ready()?;
    let mut files = Vec::with_capacity(jobs.len());
    for job in &jobs {
        let sha256 = transfer::download(&client, job, options.retry, progress)?;
        let bytes = job.remote.bytes;
        files.push(ManifestFile { path: job.path.clone(), bytes, sha256 });
    }
    assemble(&jobs, &ready)?;
    let source = Source::Hub {
        endpoint: options.endpoint.clone(),
        repository: hub.repository.clone(),
        revision: client.commit().to_owned(),
    };
    let mut manifest = Manifest::new(model.id.clone(), source, files);
    manifest.licence = model.licence.clone();
    manifest.task = Some(model.task);
    manifest.profile = model.profile.clone();
    staging.publish(&ready, &manifest)?;
    tracing::info!(model = id, revision = client.commit(), "model installed");
    Ok(manifest)
}

/// One file to fetch.
struct Job {
    /// Its path in the installed model.
    path: String,
    /// What the hub says about it.
    remote: RemoteFile,
    /// Where its bytes gather until they are complete.
    part: PathBuf,
    /// A copy in another tool's hub cache, if there is one of the right size.
    cached: Option<PathBuf>,
}

impl Job {
    /// Bytes that are not on this disk's staging area yet.
    fn missing_bytes(&self) -> u64 {
        let there = fs::metadata(&self.part).map_or(0, |meta| meta.len());
        self.remote.bytes.saturating_sub(there)
    }
}

/// Asks the hub about every file.
fn plan(
    model: &CatalogModel,
    options: &HubOptions,
    hub: &HubSource,
    client: &Client,
    parts: &Path,
) -> Result<Vec<Job>, CatalogError> {
    let mut jobs = Vec::with_capacity(model.files.len());
    for (file, place) in model.files.iter().filter_map(|f| f.hub.as_ref().map(|hub| (f, hub))) {
        let remote = client.describe(&place.file)?;
        let cached = options
            .cache
            .as_deref()
            .map(|cache| cached_path(cache, hub, client.commit(), &place.file))
            .filter(|path| fs::metadata(path).is_ok_and(|meta| meta.len() == remote.bytes));
        let part = parts.join(remote.part_name());
        jobs.push(Job { path: file.path.clone(), remote, part, cached });
    }
    Ok(jobs)
}

/// Where the hub's own tools keep `file` at `commit`.
fn cached_path(cache: &Path, hub: &HubSource, commit: &str, file: &str) -> PathBuf {
    let repo = Repo::new(hub.repository.clone(), RepoType::Model);
    Cache::new(cache.to_owned()).repo(repo).pointer_path(commit).join(file)
}

fn announce(
    model: &CatalogModel,
    hub: &HubSource,
    client: &Client,
    jobs: &[Job],
    progress: &mut dyn Progress,
) {
    let total = jobs.iter().map(|job| job.remote.bytes).sum();
    progress.note(&format!("{} at {}: {}", hub.repository, client.commit(), Bytes(total)));
    let terms = if model.gated { " (terms of its own; read them before use)" } else { "" };
    progress.note(&format!("licence: {}{terms}", model.licence));
}

/// Moves the complete parts to the places where the model has them.
fn assemble(jobs: &[Job], ready: &Path) -> Result<(), CatalogError> {
    for job in jobs {
        if let Err(reason) = magic::check(&job.path, &job.part) {
            // Kept, it would be taken for complete by every later run.
            fs::remove_file(&job.part).map_err(io_error("remove", &job.part))?;
            return Err(CatalogError::HubProtocol { what: job.remote.path.clone(), reason });
        }
    }
    for job in jobs {
        let target = ready.join(&job.path);
        let parent = target.parent().unwrap_or(ready);
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
        fs::rename(&job.part, &target).map_err(io_error("create", &target))?;
        sync_dir(parent)?;
    }
    Ok(())
}
