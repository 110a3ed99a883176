//! Makes uploaded documents searchable.
//!
//! Each knowledge base that has something to index has a job (`ledger::job::ingest`), whose items are
//! the documents: one is claimed, read, cut, embedded, stored, finished. A crash at any point leaves
//! it claimed, and the next attempt claims it again; storing replaces whatever an earlier attempt
//! left, in one transaction.
//!
//! The jobs of all knowledge bases share two lanes, in which one document each is in work: one lane
//! takes documents as they came, the other only small ones, so that a manual of a thousand pages
//! does not make everybody's letters wait. Jobs take turns, those of higher priority first.

mod failure;
mod media_type;
mod parts;
mod place;
mod read;
mod reuse;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use intramuros_engine::{Caller, EmbedEngine, Embedding, EngineError, InputKind};
use intramuros_ingest::embedding_text;
use intramuros_jobs::{JobContext, JobError};
use intramuros_ledger::{DocumentFacts, DocumentRecord, LedgerError};
use intramuros_store::{PassageRow, StoreError};
use intramuros_types::{Chunk, ExtractedDocument, Fault, KnowledgeBaseId};
use tokio::sync::Mutex;

use crate::jobs::base_of;
use crate::target::Target;
use crate::{Knowledge, KnowledgeError};
use failure::reason;
pub use media_type::MediaType;
pub(crate) use place::day;
pub(crate) use read::Reading;
use reuse::Embedded;

/// Passages embedded in one request; small enough that the rows of a huge manual never wait in
/// memory as tokens and vectors at once.
const EMBED_BATCH: usize = 64;

/// What the lane for small documents takes: minutes of indexing at most.
const SMALL_BYTES: u32 = 256 << 10;

/// Wait before the next attempt while the disk takes no writes.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The longest such wait: each attempt reads and embeds again.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Passages that no index knows yet, after which the indexes are extended: searches look at each of
/// them one by one.
const UNINDEXED: u32 = 500;

/// How often what waits is counted for the job's total.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How long a lane waits at most before it looks again by itself.
const LOOK: Duration = Duration::from_secs(5);

/// Which documents a worker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    All,
    Small,
}

/// An attempt at the job of a knowledge base; its two lanes share it.
struct Pass<'a> {
    job: &'a JobContext,
    base: KnowledgeBaseId,
    /// New passages since the indexes were extended.
    unindexed: AtomicU32,
    /// Whether the table wants maintenance.
    is_touched: AtomicBool,
    /// When what waits was counted last.
    counted: Mutex<Option<Instant>>,
}

/// How the work on a document ended.
enum Indexed {
    /// With an outcome that is recorded, and so many new passages.
    Recorded(u32),
    /// The server stops: the document is pending again when the attempt has ended.
    Stopped,
    /// Not at all: the disk takes no writes.
    Waits,
}

impl Knowledge {
    /// Indexes the pending documents of a knowledge base until there are none.
    pub(crate) async fn run_ingest(&self, job: &JobContext) -> Result<(), JobError> {
        let pass = Pass {
            job,
            base: base_of(job)?,
            unindexed: AtomicU32::new(0),
            is_touched: AtomicBool::new(false),
            counted: Mutex::new(None),
        };
        self.shared.ledger.count_waiting(job.lease(), &pass.base).await?;
        // The one that takes all ends the job, when the other has nothing in work either.
        tokio::select! {
            ended = self.run_lane(&pass, Lane::All) => ended,
            ended = self.run_lane(&pass, Lane::Small) => ended,
        }
    }

    async fn run_lane(&self, pass: &Pass<'_>, lane: Lane) -> Result<(), JobError> {
        let Pass { job, base, .. } = pass;
        let (turns, max_bytes) = match lane {
            Lane::All => (&self.shared.lane, None),
            Lane::Small => (&self.shared.small_lane, Some(SMALL_BYTES)),
        };
        loop {
            job.check()?;
            // Registered before the queue is looked at, so that nothing can slip between.
            let (work, progress) = (self.shared.work.notified(), self.shared.progress.notified());
            tokio::pin!(work, progress);
            work.as_mut().enable();
            progress.as_mut().enable();
            let turn = tokio::select! {
                turn = turns.take(job.priority()) => turn,
                _ = job.stopped() => return Err(JobError::Stopped),
            };
            let claimed = self.shared.ledger.claim_document(job.lease(), base, max_bytes).await;
            let claimed = match claimed {
                Ok(claimed) => claimed,
                Err(error) => {
                    wait_for_disk(job, error).await?;
                    continue;
                }
            };
            if let Some(record) = claimed {
                let indexed = tokio::select! {
                    indexed = self.index_patiently(&record) => indexed,
                    // The end of the attempt puts the document back.
                    _ = job.stopped() => Indexed::Stopped,
                };
                let Indexed::Recorded(passages) = indexed else { return Err(JobError::Stopped) };
                // The other lane may wait for this one's end.
                self.shared.progress.notify_waiters();
                self.count(pass, passages).await?;
                continue;
            }
            if lane == Lane::All {
                if pass.is_touched.swap(false, Ordering::Relaxed) {
                    self.maintain(base).await;
                    continue;
                }
                match self.shared.ledger.finish_ingest(job.lease(), base).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(error) => wait_for_disk(job, error).await?,
                }
            }
            drop(turn);
            tokio::select! {
                () = work => {}
                () = progress => {}
                _ = job.stopped() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Notes new passages, and extends the indexes when there are many.
    async fn count(&self, pass: &Pass<'_>, passages: u32) -> Result<(), JobError> {
        pass.is_touched.store(true, Ordering::Relaxed);
        let before = pass.unindexed.fetch_add(passages, Ordering::Relaxed);
        if before.saturating_add(passages) >= UNINDEXED {
            pass.unindexed.store(0, Ordering::Relaxed);
            self.extend_indexes(&pass.base).await;
        }
        let mut counted = pass.counted.lock().await;
        if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
            let done = self.shared.ledger.count_waiting(pass.job.lease(), &pass.base).await;
            if let Err(error) = done {
                wait_for_disk(pass.job, error).await?;
            }
            *counted = Some(Instant::now());
        }
        Ok(())
    }

    /// Finishes what a crash interrupted, once for each start; the jobs wait for it.
    ///
    /// # Errors
    /// A failure of the ledger or the store; the next call tries again.
    pub async fn recovered(&self) -> Result<(), KnowledgeError> {
        self.shared.recovered.get_or_try_init(|| self.recover()).await.map(|_| ())
    }

    /// Finishes what a crash interrupted.
    async fn recover(&self) -> Result<(), KnowledgeError> {
        let recovery = self.shared.ledger.recover().await?;
        if recovery.requeued > 0 {
            tracing::info!(documents = recovery.requeued, "indexing resumes after an interruption");
        }
        self.erase(recovery.deleting).await?;
        self.rebuild_outdated().await?;
        self.place_anew().await?;
        for base in &recovery.deleting_knowledge_bases {
            self.finish_deleting_base(base).await?;
        }
        // A crash between storing a file and its record leaves the file.
        let _gate = self.shared.blob_gate.lock().await;
        let blobs = Arc::clone(&self.shared.blobs);
        let stored = tokio::task::spawn_blocking(move || blobs.digests()).await??;
        self.remove_unneeded(stored).await;
        Ok(())
    }

    /// Indexes anew what an earlier version of the program indexed in another form: the original
    /// files are here.
    async fn rebuild_outdated(&self) -> Result<(), KnowledgeError> {
        for base in self.list().await? {
            match self.active(&base.id).await {
                Err(KnowledgeError::Store(StoreError::Mismatch { .. })) => {}
                // Another encoder runs; its own error says so at each use.
                Ok(_) | Err(KnowledgeError::OtherEncoder { .. }) => continue,
                Err(error) => return Err(error),
            }
            // The ledger first: a crash in between leaves the old table, and this is done again.
            let documents = self.shared.ledger.requeue_knowledge_base(&base.id).await?;
            for index in self.shared.ledger.indexes(&base.id).await? {
                self.shared.ledger.forget_index(&index).await?;
            }
            self.shared.store.drop_knowledge_base(&base.id).await?;
            tracing::warn!(
                knowledge_base = base.id.as_str(),
                documents,
                "its index was made by another version of the program and is made anew"
            );
        }
        Ok(())
    }

    async fn extend_indexes(&self, id: &KnowledgeBaseId) {
        let done =
            async { Ok::<_, KnowledgeError>(self.active(id).await?.table.extend_indexes().await?) };
        if let Err(error) = done.await {
            tracing::warn!(knowledge_base = id.as_str(), %error, "the index was not extended");
        }
    }

    async fn maintain(&self, id: &KnowledgeBaseId) {
        let done =
            async { Ok::<_, KnowledgeError>(self.active(id).await?.table.maintain().await?) };
        if let Err(error) = done.await {
            tracing::warn!(knowledge_base = id.as_str(), %error, "the index was not optimised");
        }
    }

    /// Indexes one document. While the disk takes no writes the document stays in work, and is tried
    /// again: there is nothing wrong with it, and a failure could not even be recorded.
    async fn index_patiently(&self, record: &DocumentRecord) -> Indexed {
        let mut wait = RETRY_AFTER;
        loop {
            match self.index(record).await {
                Indexed::Waits => tokio::time::sleep(wait).await,
                indexed @ (Indexed::Recorded(_) | Indexed::Stopped) => return indexed,
            }
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }

    /// Indexes one document and records how it went.
    async fn index(&self, record: &DocumentRecord) -> Indexed {
        let started = Instant::now();
        let mut passages = 0;
        let outcome = match self.try_index(record).await {
            Ok(chunks) => {
                passages = chunks;
                self.shared.figures.indexed(chunks, started.elapsed());
                tracing::info!(
                    document = record.id.as_str(),
                    chunks,
                    elapsed_ms = started.elapsed().as_millis(),
                    "document indexed"
                );
                Ok(())
            }
            Err(KnowledgeError::Abandoned) => {
                tracing::info!(
                    document = record.id.as_str(),
                    "deleted or changed while it was indexed"
                );
                return Indexed::Recorded(passages);
            }
            Err(KnowledgeError::Engine(EngineError::Stopped)) => return Indexed::Stopped,
            Err(error) if takes_no_writes(&error) => {
                let document = record.id.as_str();
                tracing::error!(document, %error, "the disk takes no writes; indexing waits");
                return Indexed::Waits;
            }
            Err(error) => {
                self.shared.figures.failed();
                let (document, code) = (record.id.as_str(), reason(&error).code);
                match error.fault() {
                    // A parser's words may hold bytes of the file; its owner reads them.
                    Fault::User => tracing::warn!(document, code, "document could not be indexed"),
                    fault @ (Fault::Capacity | Fault::Runtime | Fault::Bug) => tracing::warn!(
                        document, code, ?fault, %error, "document could not be indexed"
                    ),
                }
                match self.fail(record, &error).await {
                    Ok(()) => self.erase_other_parts(record, &[]).await,
                    failed => failed,
                }
            }
        };
        if let Err(error) = outcome {
            tracing::error!(document = record.id.as_str(), %error, "the outcome was not recorded");
            if takes_no_writes(&error) {
                return Indexed::Waits;
            }
        }
        Indexed::Recorded(passages)
    }

    /// Reads, cuts, embeds and stores a document; returns the number of its passages.
    async fn try_index(&self, record: &DocumentRecord) -> Result<u32, KnowledgeError> {
        let target = self.active(&record.knowledge_base).await?;
        let Reading { document, chunks, files, mut warnings } = self.read(record, &target).await?;
        let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        tracing::info!(
            document = record.id.as_str(),
            chunks = count,
            files = files.len(),
            "document read"
        );
        // Before the document itself is ready, so that a crash cannot leave it without them.
        warnings.extend(self.add_parts(record, files).await?);
        let mut facts = DocumentFacts {
            title: record.file_name.clone(),
            chunks: count,
            warnings,
            ..DocumentFacts::default()
        };
        let mut rows = Vec::new();
        if let Some(document) = document {
            rows = self.embed(record, &target, &document, chunks).await?;
            facts = DocumentFacts {
                title: document.title,
                language: document.language,
                pages: document.pages,
                format: Some(document.format),
                author: document.author,
                written: document.created,
                modified: document.modified,
                ..facts
            };
        }
        self.place(record, &target, rows, facts).await?;
        Ok(count)
    }

    pub(crate) async fn embed(
        &self,
        record: &DocumentRecord,
        target: &Target,
        document: &ExtractedDocument,
        chunks: Vec<Chunk>,
    ) -> Result<Vec<PassageRow>, KnowledgeError> {
        let known = self.known_embeddings(record, target).await?;
        let texts: Vec<String> =
            chunks.iter().map(|chunk| embedding_text(&document.title, chunk)).collect();
        let mut embedded: Vec<Option<Embedded>> =
            texts.iter().map(|text| known.get(text).cloned()).collect();
        drop(known);
        let missing: Vec<usize> = (0..texts.len()).filter(|at| embedded[*at].is_none()).collect();
        let caller = self.server("indexing");
        for batch in missing.chunks(EMBED_BATCH) {
            self.check_still_wanted(record).await?;
            let wanted = batch.iter().map(|at| texts[*at].clone()).collect();
            for (at, embedding) in
                batch.iter().zip(embed_patiently(&target.encoder, wanted, &caller).await?)
            {
                embedded[*at] = Some(Embedded::new(embedding));
            }
        }
        let rows = chunks.into_iter().zip(embedded).filter_map(|(chunk, embedded)| {
            let Embedded { vector, tokens } = embedded?;
            Some(PassageRow {
                document: record.id.clone(),
                title: document.title.clone(),
                chunk,
                language: document.language.clone(),
                details: place::details(record, document.created.as_deref()),
                tokens,
                vector,
            })
        });
        Ok(rows.collect())
    }

    /// A document that is deleted or changed meanwhile should not go on costing time.
    async fn check_still_wanted(&self, record: &DocumentRecord) -> Result<(), KnowledgeError> {
        match self.shared.ledger.get_document(&record.id).await {
            Ok(now) if is_same(&now, record) => Ok(()),
            Ok(_) | Err(LedgerError::NotFound { .. }) => Err(KnowledgeError::Abandoned),
            Err(error) => Err(error.into()),
        }
    }
}

/// Embeds passages, waiting while the queue is full: indexing has time.
async fn embed_patiently(
    encoder: &EmbedEngine,
    texts: Vec<String>,
    caller: &Caller,
) -> Result<Vec<Embedding>, KnowledgeError> {
    loop {
        let (texts, kind) = (texts.clone(), InputKind::Passage);
        match encoder.embed_words(texts, kind, caller).await {
            Ok(embeddings) => return Ok(embeddings),
            Err(EngineError::Overloaded { retry_after, .. }) => {
                tokio::time::sleep(retry_after).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits a moment where `error` says that the disk takes no writes: that passes, and the attempt would
/// end without a record of it.
async fn wait_for_disk(job: &JobContext, error: LedgerError) -> Result<(), JobError> {
    if !error.is_storage_full() && !error.is_read_only() {
        return Err(error.into());
    }
    tracing::error!(%error, "the disk takes no writes; indexing waits");
    tokio::select! {
        () = tokio::time::sleep(RETRY_AFTER) => Ok(()),
        _ = job.stopped() => Err(JobError::Stopped),
    }
}

fn takes_no_writes(error: &KnowledgeError) -> bool {
    error.is_storage_full() || error.is_read_only()
}

/// Whether the document is still what `record` says: claimed, or searchable.
fn is_same(now: &DocumentRecord, record: &DocumentRecord) -> bool {
    now.state == record.state
        && now.revision == record.revision
        && now.claimed_by == record.claimed_by
}
