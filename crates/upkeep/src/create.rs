//! Makes a backup while the server serves.
//!
//! 1. The moment: the gate is shut, the ledger is copied and the other files are linked within the
//!    data directory. Milliseconds to a second; searches and uploads go on.
//! 2. The copy: from the links to `<destination>/<name>.partial`, without the gate.
//! 3. The verification: everything is read back, and the ledger compared with what is beside it.
//! 4. The name: the folder is renamed, and then the oldest backups go.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use intramuros_ledger::Ledger;
use intramuros_store::{Frozen, WriteGate};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::copy::{self, Copied, Earlier, Found};
use crate::list::{list, partial, remove_oldest, remove_partial};
use crate::manifest::{FORMAT, Manifest};
use crate::names::{
    DESTINATION_LOCK, FILES, LEDGER, MANIFEST, PREFIX, TABLES, interrupted_restore,
};
use crate::{Problem, Problems, UpkeepError, space, verify};

/// How long a backup waits for writers to leave the gate; a change is seconds at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to back up, and where to.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The folder of backups, created if missing; best on another machine.
    pub destination: PathBuf,
    /// How many complete backups stay there; all when left out.
    pub keep: Option<usize>,
    /// When it is now.
    pub now: OffsetDateTime,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// The backup.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What is wrong with the data themselves; the backup holds what there is.
    pub flaws: Problems,
    /// How long changes waited.
    pub gate_held: Duration,
    /// How long it took in all.
    pub elapsed: Duration,
    /// Files that are shared with the backup before.
    pub shared_files: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
}

/// Makes a backup. One that is interrupted leaves nothing that could be taken for a backup.
///
/// # Errors
/// `NoData`, `OtherOwner`, `Interrupted` for a data directory that cannot be backed up; `Inside`,
/// `NoSpace`, `DestinationBusy`, `NotKept` for the destination; a busy gate or another backup;
/// failures of the ledger or the disk.
pub async fn create(request: BackupRequest) -> Result<BackupReport, UpkeepError> {
    let started = Instant::now();
    let data_dir = check_data_dir(&request.data_dir)?;
    let destination = check_destination(&request.destination, &data_dir)?;
    let _lock = lock(&destination)?;
    remove_partial(&destination)?;
    let ledger = Ledger::open_as_is(&data_dir.join(LEDGER)).await?;
    let moment = freeze(&ledger, &data_dir).await;
    ledger.close().await;
    let Moment { frozen, gate_held, ledger_schema } = moment?;

    let written = tokio::task::spawn_blocking({
        let destination = destination.clone();
        move || write(&frozen, &destination, request.now).map(|written| (frozen, written))
    });
    let (frozen, Written { target, copied, created }) = written.await??;
    let contents = verify::contents(&target.partial, &copied.files).await?;
    drop(frozen);
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        ledger_schema,
        created,
        knowledge_bases: contents.bases,
        flaws: contents.flaws.listed.iter().map(Problem::to_string).collect(),
        files: copied.files,
    };
    finish(&target, &manifest, &destination)?;
    // What the data have lost an older backup may still have.
    let removed = match request.keep.filter(|_| contents.flaws.is_empty()) {
        Some(keep) => remove_oldest(&destination, keep, &target.complete)?,
        None => Vec::new(),
    };
    let is_written = |path: &str| !copied.shared.contains(path);
    let written_bytes =
        manifest.files.iter().filter(|file| is_written(&file.path)).map(|file| file.bytes).sum();
    Ok(BackupReport {
        path: target.complete.clone(),
        manifest,
        flaws: contents.flaws,
        gate_held,
        elapsed: started.elapsed(),
        shared_files: copied.shared.len() as u64,
        written_bytes,
        removed,
    })
}

/// A data directory that can be backed up, with its full path.
fn check_data_dir(data_dir: &Path) -> Result<PathBuf, UpkeepError> {
    let no_data = || UpkeepError::NoData { path: data_dir.to_owned() };
    if interrupted_restore(data_dir) {
        return Err(UpkeepError::Interrupted { path: data_dir.to_owned() });
    }
    if !data_dir.join(LEDGER).is_file() {
        return Err(no_data());
    }
    let full = data_dir.canonicalize().map_err(UpkeepError::io("find", data_dir))?;
    check_owner(&full)?;
    Ok(full)
}

/// Whether what this process writes in `folder` belongs to the folder's owner.
pub(crate) fn check_owner(folder: &Path) -> Result<(), UpkeepError> {
    let owner = fs::metadata(folder).map_err(UpkeepError::io("look at", folder))?.uid();
    // A process belongs to its effective user. Source: proc_pid(5).
    let own = Path::new("/proc/self");
    if owner == fs::metadata(own).map_err(UpkeepError::io("look at", own))?.uid() {
        return Ok(());
    }
    Err(UpkeepError::OtherOwner { path: folder.to_owned() })
}

/// The destination, created if missing, with its full path.
fn check_destination(destination: &Path, data_dir: &Path) -> Result<PathBuf, UpkeepError> {
    match copy::create_folder(destination) {
        Err(UpkeepError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {}
        created => created?,
    }
    let full = destination.canonicalize().map_err(UpkeepError::io("find", destination))?;
    if full.starts_with(data_dir) {
        return Err(UpkeepError::Inside { path: full });
    }
    Ok(full)
}

/// Keeps other backups out of the destination; `None` where its file system has no locks.
fn lock(destination: &Path) -> Result<Option<File>, UpkeepError> {
    let path = destination.join(DESTINATION_LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(UpkeepError::io("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(UpkeepError::DestinationBusy { path: destination.to_owned() })
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The data of one moment.
struct Moment {
    frozen: Frozen,
    gate_held: Duration,
    ledger_schema: i64,
}

async fn freeze(ledger: &Ledger, data_dir: &Path) -> Result<Moment, UpkeepError> {
    let ledger_schema = ledger.schema_version().await?.unwrap_or(0);
    let frozen = Frozen::begin(data_dir)?;
    let bytes = fs::metadata(data_dir.join(LEDGER)).map_or(0, |found| found.len());
    space::check(data_dir, bytes)?;
    let gate = WriteGate::open(data_dir)?;
    let shut = tokio::task::spawn_blocking(move || gate.shut(PATIENCE)).await??;
    ledger.copy_to(&frozen.folder().join(LEDGER)).await?;
    for name in [TABLES, FILES] {
        let linked = frozen.link(&data_dir.join(name), name, &shut)?;
        tracing::debug!(name, linked.files, linked.copied, "linked");
    }
    let gate_held = shut.held();
    drop(shut);
    Ok(Moment { frozen, gate_held, ledger_schema })
}

/// Where a backup is written, and what it becomes. Dropped before that, it is removed: a full
/// destination must not stay full.
struct Target {
    partial: PathBuf,
    complete: PathBuf,
}

impl Drop for Target {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, "an unfinished backup was not removed");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

struct Written {
    target: Target,
    copied: Copied,
    created: String,
}

/// Copies what is frozen to the destination and reads it back.
fn write(frozen: &Frozen, destination: &Path, now: OffsetDateTime) -> Result<Written, UpkeepError> {
    let now = now.to_offset(time::UtcOffset::UTC);
    let created = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    let complete = free_name(destination, now);
    let target = Target { partial: partial(&complete), complete };
    let files = copy::files_below(frozen.folder())?;
    let before = list(destination)?.into_iter().rev().find_map(|backup| {
        let manifest = backup.manifest.ok()?;
        Some((backup.path, manifest))
    });
    let earlier = before.as_ref().map(|(path, manifest)| Earlier::new(path, &manifest.files));
    let is_new = |file: &&Found| !earlier.as_ref().is_some_and(|earlier| earlier.has(file));
    space::check(destination, files.iter().filter(is_new).map(|file| file.bytes).sum())?;

    copy::create_folder(&target.partial)?;
    for name in [TABLES, FILES] {
        copy::create_folder(&target.partial.join(name))?;
    }
    let mut copied = copy::copy_all(frozen.folder(), &target.partial, &files, earlier.as_ref())?;
    copy::sync_all(&target.partial)?;
    let mut problems = copy::compare(&target.partial, &copied.files, &[])?;
    if repair(frozen.folder(), &target.partial, &problems, &mut copied)? {
        copy::sync_all(&target.partial)?;
        problems = copy::compare(&target.partial, &copied.files, &[])?;
    }
    if problems.is_empty() {
        return Ok(Written { target, copied, created });
    }
    Err(UpkeepError::NotKept { path: destination.to_owned(), problems })
}

/// Copies anew what is shared with the backup before and is not any more what it was there; whether
/// there was any.
fn repair(
    from: &Path,
    to: &Path,
    problems: &Problems,
    copied: &mut Copied,
) -> Result<bool, UpkeepError> {
    let mut repaired = false;
    for problem in &problems.listed {
        let (Problem::Changed { path } | Problem::Unreadable { what: path, .. }) = problem else {
            continue;
        };
        if !copied.shared.remove(path) {
            continue;
        }
        tracing::warn!(file = path, "the backup before this one is damaged there");
        let target = to.join(path);
        fs::remove_file(&target).map_err(UpkeepError::io("remove", &target))?;
        copy::copy(&from.join(path), &target)?;
        repaired = true;
    }
    Ok(repaired)
}

/// `intramuros-20261127T034000Z`, with a number when there is one of this second.
fn free_name(destination: &Path, now: OffsetDateTime) -> PathBuf {
    let (date, (hour, minute, second)) = (now.date(), now.to_hms());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let stamp = format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z");
    let first = destination.join(format!("{PREFIX}{stamp}"));
    let further = (2..).map(|number| destination.join(format!("{PREFIX}{stamp}-{number}")));
    std::iter::once(first).chain(further).find(|path| !path.exists()).unwrap_or_default()
}

/// Writes the manifest and gives the backup its name.
fn finish(target: &Target, manifest: &Manifest, destination: &Path) -> Result<(), UpkeepError> {
    let path = target.partial.join(MANIFEST);
    let failed = |error: std::io::Error| UpkeepError::io("write", &path)(error);
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| failed(error.into()))?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    std::io::Write::write_all(&mut file, &text).and_then(|()| file.sync_all()).map_err(failed)?;
    copy::sync_folder(&target.partial)?;
    fs::rename(&target.partial, &target.complete)
        .map_err(UpkeepError::io("rename", &target.partial))?;
    copy::sync_folder(destination)
}

#[cfg(test)]
mod tests;
