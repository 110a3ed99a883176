//! Prepares a model out of sight and makes it visible in one step.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::ModelsDir;
use crate::error::io_error;
use crate::manifest::MANIFEST_FILE;
use crate::{CatalogError, Manifest};

/// Directory below the models directory that holds unfinished work.
pub(super) const STAGING: &str = ".staging";
/// Space left free on the disk beyond the model itself.
const SPACE_MARGIN_BYTES: u64 = 64 << 20;

/// The right to install or remove one model, and the place where that is prepared.
pub(crate) struct Staging {
    id: String,
    models: PathBuf,
    dir: PathBuf,
    /// An advisory lock of the operating system, because pulls run in different processes; it ends
    /// with the file handle, also when the process is killed.
    _lock: File,
}

impl Staging {
    /// Takes the lock of `id`; what an earlier run left stays for this one.
    pub(crate) fn open(models: &ModelsDir, id: &str) -> Result<Self, CatalogError> {
        models.model_dir(id)?;
        let staging = models.path().join(STAGING);
        let dir = staging.join(id);
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        let lock_path = staging.join(format!("{id}.lock"));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io_error("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CatalogError::Busy { id: id.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io_error("lock", &lock_path)(error)),
        }
        let models = models.path().to_owned();
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        Ok(Self { id: id.to_owned(), models, dir, _lock: lock })
    }

    /// Fails when the model is installed already, or something else has its place.
    pub(crate) fn refuse_existing(&self) -> Result<(), CatalogError> {
        let dir = self.models.join(&self.id);
        if fs::symlink_metadata(&dir).is_ok() {
            return Err(CatalogError::AlreadyInstalled { id: self.id.clone(), dir });
        }
        Ok(())
    }

    /// Directory for partial downloads; kept until the model is complete.
    pub(crate) fn parts(&self) -> Result<PathBuf, CatalogError> {
        let parts = self.dir.join("parts");
        fs::create_dir_all(&parts).map_err(io_error("create", &parts))?;
        Ok(parts)
    }

    /// An empty directory that becomes the model.
    pub(crate) fn ready(&self) -> Result<PathBuf, CatalogError> {
        let ready = self.dir.join("ready");
        remove_all(&ready)?;
        fs::create_dir_all(&ready).map_err(io_error("create", &ready))?;
        Ok(ready)
    }

    /// Fails when the disk cannot hold `bytes` more.
    pub(crate) fn require_space(&self, bytes: u64) -> Result<(), CatalogError> {
        let stat = rustix::fs::statvfs(&self.dir)
            .map_err(|error| io_error("measure", &self.models)(error.into()))?;
        check_space(&self.models, bytes, stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Writes the manifest into `ready` and makes it the model, all or nothing, also across a
    /// power cut: every file and directory is on disk before the rename.
    pub(crate) fn publish(&self, ready: &Path, manifest: &Manifest) -> Result<(), CatalogError> {
        self.refuse_existing()?;
        let path = ready.join(MANIFEST_FILE);
        let text = serde_json::to_vec_pretty(manifest).expect("bug: a manifest is plain data");
        let mut file = File::create(&path).map_err(io_error("create", &path))?;
        file.write_all(&text).map_err(io_error("write", &path))?;
        file.sync_all().map_err(io_error("sync", &path))?;
        for file in &manifest.files {
            let mut parents = Path::new(&file.path).ancestors().skip(1);
            parents.try_for_each(|parent| sync_dir(&ready.join(parent)))?;
        }
        let target = self.models.join(&self.id);
        fs::rename(ready, &target).map_err(io_error("create", &target))?;
        sync_dir(&self.models)?;
        self.discard()
    }

    /// Moves an installed model here, so that it disappears in one step.
    pub(super) fn take_away(&self, dir: &Path) -> Result<(), CatalogError> {
        let linked = fs::symlink_metadata(dir).is_ok_and(|meta| !meta.is_dir());
        if linked {
            return fs::remove_file(dir).map_err(io_error("remove", dir));
        }
        let removed = self.dir.join("removed");
        remove_all(&removed)?;
        fs::rename(dir, &removed).map_err(io_error("remove", dir))?;
        sync_dir(&self.models)
    }

    /// Removes all unfinished work of the model. The lock file stays: removing it would let two
    /// processes lock two files of the same name.
    pub(crate) fn discard(&self) -> Result<(), CatalogError> {
        remove_all(&self.dir)
    }
}

/// Compares `needed` bytes and a margin with what is `available` in `dir`.
pub(crate) fn check_space(dir: &Path, needed: u64, available: u64) -> Result<(), CatalogError> {
    let needed_bytes = needed.saturating_add(SPACE_MARGIN_BYTES);
    if needed > 0 && needed_bytes > available {
        let (dir, available_bytes) = (dir.to_owned(), available);
        return Err(CatalogError::DiskFull { dir, needed_bytes, available_bytes });
    }
    Ok(())
}

/// Puts the entries of a directory on disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), CatalogError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir))
}

fn remove_all(dir: &Path) -> Result<(), CatalogError> {
    match fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("remove", dir)(error)),
    }
}
