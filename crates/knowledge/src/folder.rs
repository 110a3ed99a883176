//! Keeps knowledge bases in step with folders.
//!
//! A folder is looked at again and again rather than watched through the kernel: that sees the
//! shares of a network too, and needs no limit to be raised. What a look costs is the listing; a
//! file is read when its size or its time have changed.
//!
//! A file is taken when two looks found it the same, so that none is read half written. Nothing is
//! erased on doubt: not while a part of the folder cannot be read, and not when another folder
//! without files is in its place, which is what a share that is not mounted looks like.

mod changes;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use intramuros_types::KnowledgeBaseId;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{Knowledge, KnowledgeError};
use changes::Seen;
pub use walk::{Walk, walk};

/// Wait before the second look at files that are new.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// The most failures that a report lists.
const MAX_FAILURES: usize = 100;

/// A folder that a knowledge base is kept in step with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is. Files in a folder of another entry below it belong to that entry.
    pub path: PathBuf,
    /// What it is called in the knowledge base: the `source` of its documents.
    pub source: String,
    /// Created when it does not exist.
    pub knowledge_base: KnowledgeBaseId,
    /// Who may read its documents; empty for everyone.
    pub labels: Vec<String>,
    /// What its documents are found by.
    pub metadata: BTreeMap<String, String>,
}

/// How the last look at a folder went.
#[derive(Debug, Clone)]
pub struct FolderReport {
    /// The folder.
    pub folder: Folder,
    /// When the last look ended; `None` before the first.
    pub looked: Option<OffsetDateTime>,
    /// Files that are documents or become some.
    pub files: usize,
    /// Files that are left aside: other formats, hidden, links.
    pub skipped: usize,
    /// Documents brought since the start.
    pub added: u64,
    /// Documents whose content or details were changed since the start.
    pub changed: u64,
    /// Documents erased since the start.
    pub removed: u64,
    /// What could not be read or taken at the last look, up to 100.
    pub failures: Vec<FolderFailure>,
    /// Why nothing was done, if so.
    pub problem: Option<String>,
}

/// What could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFailure {
    /// Its place in the folder.
    pub file: String,
    /// Why, and what to do.
    pub reason: String,
}

/// The reports of the folders that are watched, in the order of the configuration.
#[derive(Default)]
pub(crate) struct Reports {
    known: Mutex<Vec<FolderReport>>,
}

impl FolderReport {
    fn new(folder: Folder) -> Self {
        Self {
            folder,
            looked: None,
            files: 0,
            skipped: 0,
            added: 0,
            changed: 0,
            removed: 0,
            failures: Vec::new(),
            problem: None,
        }
    }

    fn fail(&mut self, file: String, reason: String) {
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(FolderFailure { file, reason });
        }
    }
}

impl Reports {
    fn get(&self) -> Vec<FolderReport> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, reports: &[FolderReport]) {
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = reports.to_vec();
    }
}

impl Knowledge {
    /// Keeps the knowledge bases in step with `folders`, looking every `interval`, until `stop`
    /// turns true. Run it once, beside the jobs.
    pub async fn run_folders(
        &self,
        folders: Vec<Folder>,
        interval: Duration,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut reports: Vec<FolderReport> =
            folders.iter().cloned().map(FolderReport::new).collect();
        let mut seen: Vec<Seen> = folders.iter().map(|_| Seen::default()).collect();
        self.shared.folders.set(&reports);
        while !folders.is_empty() && !*stop.borrow() && stop.has_changed().is_ok() {
            let mut unsettled = false;
            for at in 0..folders.len() {
                let others = inner_folders(&folders, at);
                tokio::select! {
                    looked = self.look(&others, &mut seen[at], &mut reports[at]) => {
                        unsettled |= looked;
                    }
                    _ = stop.changed() => return,
                }
            }
            // When all were looked at: what has moved from one to another was taken first.
            for at in 0..folders.len() {
                tokio::select! {
                    () = self.clear(&mut seen[at], &mut reports[at]) => {}
                    _ = stop.changed() => return,
                }
            }
            self.shared.folders.set(&reports);
            let wait = if unsettled { SECOND_LOOK.min(interval) } else { interval };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// The folders that are watched, and how it goes.
    pub fn folders(&self) -> Vec<FolderReport> {
        self.shared.folders.get()
    }

    /// One look at a folder; whether there are files that want a second one soon.
    async fn look(&self, others: &[PathBuf], seen: &mut Seen, report: &mut FolderReport) -> bool {
        let before = (report.problem.clone(), report.failures.clone());
        report.failures.clear();
        let outcome = self.keep_in_step(others, seen, report).await;
        let unsettled = match outcome {
            Ok(unsettled) => {
                report.problem = None;
                unsettled
            }
            Err(error) => {
                report.problem = Some(error.to_string());
                false
            }
        };
        report.looked = Some(OffsetDateTime::now_utc());
        if before != (report.problem.clone(), report.failures.clone()) {
            let source = report.folder.source.as_str();
            if let Some(problem) = &report.problem {
                tracing::warn!(folder = source, problem, "a watched folder was not taken in");
            }
            let failures = report.failures.len();
            if failures > 0 {
                tracing::warn!(
                    folder = source,
                    failures,
                    "files of a watched folder were not taken"
                );
            }
        }
        unsettled
    }

    async fn clear(&self, seen: &mut Seen, report: &mut FolderReport) {
        if report.problem.is_some() {
            return;
        }
        if let Err(error) = self.erase_gone(seen, report).await {
            tracing::warn!(folder = report.folder.source.as_str(), %error, "files that are gone stay");
            report.problem = Some(error.to_string());
        }
    }

    async fn ensure_base(&self, id: &KnowledgeBaseId) -> Result<(), KnowledgeError> {
        if self.list().await?.iter().any(|base| base.id == *id) {
            return Ok(());
        }
        let created = self.create(id.clone(), id.to_string(), "fr".to_owned(), None).await;
        created.map(|_| ())
    }
}

/// The folders of other entries within that of entry `at`.
fn inner_folders(folders: &[Folder], at: usize) -> Vec<PathBuf> {
    let outer = &folders[at].path;
    let is_inner = |other: &&Folder| other.path != *outer && other.path.starts_with(outer);
    folders.iter().filter(is_inner).map(|other| other.path.clone()).collect()
}

/// Digests by place, so that a file is read once as long as it does not change.
type Digests = HashMap<String, (walk::Stamp, String)>;
