//! Finds out what has changed in a folder since the last look, and acts on it.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use intramuros_ledger::{DocumentDetails, DocumentRecord, DocumentState, LedgerError, Page};
use intramuros_types::{Access, DocumentId};
use sha2::{Digest as _, Sha256};

use super::walk::{Stamp, Walk, open, walk};
use super::{Digests, Folder, FolderReport};
use crate::{Knowledge, KnowledgeError, Upload};

/// Bytes read at once.
const PIECE: usize = 64 << 10;

/// What earlier looks at a folder left.
#[derive(Default)]
pub(super) struct Seen {
    /// Device and inode of the folder when it had files: one that is empty since is the same one,
    /// not the place where a share is to be mounted.
    filled: Option<(u64, u64)>,
    /// How each file was found last.
    stamps: HashMap<String, Stamp>,
    digests: Digests,
    /// What was refused, until it changes.
    refused: HashMap<String, (Stamp, String)>,
    /// Documents that failed and were tried once more since the start.
    tried_again: HashSet<String>,
    /// Documents whose file is gone, and whether an earlier look found that too.
    gone: HashMap<DocumentId, (DocumentRecord, bool)>,
}

/// A file as this look finds it.
struct Found {
    path: PathBuf,
    /// Its place in the folder, parts joined by `/`.
    place: String,
    stamp: Stamp,
}

impl Knowledge {
    /// One look; whether there are files that want a second one soon.
    ///
    /// # Errors
    /// The folder cannot be read or seems not to be there; a failure of the ledger or the disk.
    pub(super) async fn keep_in_step(
        &self,
        others: &[PathBuf],
        seen: &mut Seen,
        report: &mut FolderReport,
    ) -> Result<bool, KnowledgeError> {
        let folder = report.folder.clone();
        let (root, others) = (folder.path.clone(), others.to_vec());
        let (found, walked) = tokio::task::spawn_blocking(move || {
            let walked = walk(&root, &others);
            (stamped(&root, &walked.files), walked)
        })
        .await?;
        report.files = found.len();
        report.skipped = walked.skipped;
        check_root(&folder, &walked)?;
        for (path, error) in &walked.unreadable {
            report.fail(place(&folder.path, path), format!("cannot be read: {error}"));
        }
        self.ensure_base(&folder.knowledge_base).await?;
        let mut known = self.brought(&folder).await?;
        let identity = identity(&folder.path);
        if !found.is_empty() {
            seen.filled = identity;
        } else if !known.is_empty() && (identity.is_none() || seen.filled != identity) {
            let reason = "is empty, as a share that is not mounted looks; its documents are kept \
                          (delete them one by one, or the knowledge base)";
            return Err(KnowledgeError::invalid("knowledge.folders", reason));
        }
        let mut unsettled = false;
        let mut stamps = HashMap::new();
        for file in found {
            let before = known.remove(&external_id(&folder, &file.place));
            let settled = seen.stamps.get(&file.place) == Some(&file.stamp);
            stamps.insert(file.place.clone(), file.stamp);
            if settled {
                self.take(&folder, &file, before, seen, report).await?;
            } else {
                unsettled = true;
            }
        }
        seen.stamps = stamps;
        seen.digests.retain(|place, _| seen.stamps.contains_key(place));
        seen.refused.retain(|place, _| seen.stamps.contains_key(place));
        // What is in a part that cannot be read now is not gone.
        let gone = if walked.unreadable.is_empty() { known } else { HashMap::new() };
        let before = std::mem::take(&mut seen.gone);
        let twice = |record: DocumentRecord| {
            (record.id.clone(), (record.clone(), before.contains_key(&record.id)))
        };
        seen.gone = gone.into_values().map(twice).collect();
        Ok(unsettled || !seen.gone.is_empty())
    }

    /// Erases the documents whose files two looks in a row did not find. One whose content waits
    /// under another name has moved: it stays until that is searchable, which then costs nothing.
    ///
    /// # Errors
    /// A failure of the ledger or the store.
    pub(super) async fn erase_gone(
        &self,
        seen: &mut Seen,
        report: &mut FolderReport,
    ) -> Result<(), KnowledgeError> {
        let mut marked = Vec::new();
        for (record, twice) in seen.gone.values() {
            if !twice || self.shared.ledger.same_content_waits(record).await? {
                continue;
            }
            match self.shared.ledger.mark_deleting(&record.id).await {
                Ok(documents) => {
                    marked.extend(documents);
                    report.removed += 1;
                }
                // Somebody else erased it.
                Err(LedgerError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // All at once: what each erasure costs is mostly the index that it leaves.
        self.erase(marked).await
    }

    /// The documents of a folder, by external id.
    async fn brought(
        &self,
        folder: &Folder,
    ) -> Result<HashMap<String, DocumentRecord>, KnowledgeError> {
        let mut known = HashMap::new();
        let mut after = None;
        loop {
            let source = Some(folder.source.clone());
            let page = Page { after, source, ..Page::of(Page::MAX_LIMIT) };
            let found = self.documents(&folder.knowledge_base, page, &Access::EVERYTHING).await?;
            for record in found.documents {
                // The files within a document have no external id and go with it.
                if let Some(external_id) = record.details.external_id.clone() {
                    known.insert(external_id, record);
                }
            }
            after = found.next;
            if after.is_none() {
                return Ok(known);
            }
        }
    }

    /// Brings a settled file in step.
    async fn take(
        &self,
        folder: &Folder,
        file: &Found,
        before: Option<DocumentRecord>,
        seen: &mut Seen,
        report: &mut FolderReport,
    ) -> Result<(), KnowledgeError> {
        if let Some((stamp, reason)) = seen.refused.get(&file.place)
            && *stamp == file.stamp
        {
            report.fail(file.place.clone(), reason.clone());
            return Ok(());
        }
        let details = details(folder, &file.place, before.as_ref());
        let outcome = match &before {
            Some(record) if !self.has_changed(folder, file, record, seen).await? => {
                if record.details == details {
                    return Ok(());
                }
                let base = &folder.knowledge_base;
                let updated =
                    self.update_document(base, &record.id, details, &Access::EVERYTHING).await;
                updated.map(|_| ())
            }
            _ => self.bring(folder, file, details).await,
        };
        match outcome {
            Ok(()) if before.is_some() => report.changed += 1,
            Ok(()) => report.added += 1,
            Err(error) if error.fault() == intramuros_types::Fault::User => {
                let reason = error.to_string();
                report.fail(file.place.clone(), reason.clone());
                seen.refused.insert(file.place.clone(), (file.stamp, reason));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether the content of a file is another than that of its document. A document that failed
    /// counts as changed once after each start: what it failed for may be mended.
    async fn has_changed(
        &self,
        folder: &Folder,
        file: &Found,
        record: &DocumentRecord,
        seen: &mut Seen,
    ) -> Result<bool, KnowledgeError> {
        if record.state == DocumentState::Failed && seen.tried_again.insert(file.place.clone()) {
            return Ok(true);
        }
        if let Some((stamp, digest)) = seen.digests.get(&file.place)
            && *stamp == file.stamp
        {
            return Ok(*digest != record.sha256);
        }
        let (root, path) = (folder.path.clone(), file.path.clone());
        match tokio::task::spawn_blocking(move || digest(&root, &path)).await? {
            Ok((stamp, digest)) => {
                let changed = digest != record.sha256;
                seen.digests.insert(file.place.clone(), (stamp, digest));
                Ok(changed)
            }
            // It says why when it is brought.
            Err(_) => Ok(true),
        }
    }

    async fn bring(
        &self,
        folder: &Folder,
        file: &Found,
        details: DocumentDetails,
    ) -> Result<(), KnowledgeError> {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let max_bytes = self.shared.config.extract.limits.max_bytes;
        let upload = self.receive(name, max_bytes).await?;
        let (root, path) = (folder.path.clone(), file.path.clone());
        let upload = tokio::task::spawn_blocking(move || copy(&root, &path, upload)).await??;
        self.add(&folder.knowledge_base, upload, details, &Access::EVERYTHING).await?;
        Ok(())
    }
}

/// # Errors
/// The folder itself cannot be read.
fn check_root(folder: &Folder, walked: &Walk) -> Result<(), KnowledgeError> {
    match walked.unreadable.iter().find(|(path, _)| *path == folder.path) {
        Some((path, error)) => {
            let reason = format!("names {}, which cannot be read: {error}", path.display());
            Err(KnowledgeError::invalid("knowledge.folders", reason))
        }
        None => Ok(()),
    }
}

fn stamped(root: &Path, files: &[PathBuf]) -> Vec<Found> {
    let found = |path: &PathBuf| {
        // One that is gone since it was listed is gone.
        let stamp = Stamp::read(path).ok()?;
        Some(Found { path: path.clone(), place: place(root, path), stamp })
    };
    files.iter().filter_map(found).collect()
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(folder).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn place(root: &Path, path: &Path) -> String {
    let within = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = within.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// As `intramuros kb sync` names documents, so that either can go on where the other ended.
fn external_id(folder: &Folder, place: &str) -> String {
    format!("{}:{place}", folder.source)
}

/// Readers and metadata as the folder's settings say; where they say nothing, what the document has
/// already, or somebody who narrowed its readers since would find it open again.
fn details(folder: &Folder, place: &str, before: Option<&DocumentRecord>) -> DocumentDetails {
    // As the ledger keeps them, so that they compare.
    let mut labels = folder.labels.clone();
    labels.sort_unstable();
    labels.dedup();
    let mut metadata = folder.metadata.clone();
    if let Some(DocumentRecord { details: before, .. }) = before {
        if labels.is_empty() {
            labels.clone_from(&before.labels);
        }
        if metadata.is_empty() {
            metadata.clone_from(&before.metadata);
        }
    }
    DocumentDetails {
        labels,
        external_id: Some(external_id(folder, place)),
        source: Some(folder.source.clone()),
        metadata,
    }
}

fn digest(root: &Path, path: &Path) -> std::io::Result<(Stamp, String)> {
    let (mut file, stamp) = open(root, path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((stamp, hex::encode(hash.finalize()))),
            read => hash.update(&piece[..read]),
        }
    }
}

fn copy(root: &Path, path: &Path, mut upload: Upload) -> Result<Upload, KnowledgeError> {
    let unreadable =
        |error: std::io::Error| KnowledgeError::invalid("file", format!("cannot be read: {error}"));
    let (mut file, _) = open(root, path).map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(upload),
            read => upload.write(&piece[..read])?,
        }
    }
}
