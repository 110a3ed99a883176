//! Makes uploaded documents searchable.
//!
//! Two lanes work at the same time: one takes documents as they came, the other only small ones,
//! so that a manual of a thousand pages does not make everybody's letters wait.
//!
//! The ledger is the queue: a document is claimed, read, cut, embedded, stored, finished. A crash
//! at any point leaves it claimed, and the next start claims it again; storing replaces whatever
//! an earlier attempt left, in one transaction.

mod failure;
mod media_type;
mod parts;
mod place;
mod read;
mod reuse;

use std::sync::Arc;
use std::time::Duration;

use intramuros_engine::{EmbedEngine, Embedding, InputKind, Priority};
use intramuros_ingest::embedding_text;
use intramuros_ledger::{DocumentFacts, DocumentRecord, LedgerError};
use intramuros_store::{PassageRow, StoreError};
use intramuros_types::{Chunk, ExtractedDocument, Fault, KnowledgeBaseId};
use tokio::sync::watch;

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

/// Wait after a failure of the machine (disk, full queue) before the next attempt.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Passages that no index knows yet, after which the indexes are extended: searches look at each of
/// them one by one.
const UNINDEXED: u32 = 500;

/// What a lane has changed since it last extended the indexes.
#[derive(Default)]
struct Touched {
    bases: Vec<KnowledgeBaseId>,
    passages: u32,
}

impl Touched {
    /// Notes new passages of `base`; whether it is time to extend the indexes.
    fn add(&mut self, base: &KnowledgeBaseId, passages: u32) -> bool {
        if !self.bases.contains(base) {
            self.bases.push(base.clone());
        }
        self.passages = self.passages.saturating_add(passages);
        let is_time = self.passages >= UNINDEXED;
        if is_time {
            self.passages = 0;
        }
        is_time
    }
}

/// Which documents a worker takes.
#[derive(Debug, Clone, Copy)]
enum Lane {
    All,
    Small,
}

impl Knowledge {
    /// Indexes uploads until `stop` turns true. Run it once.
    ///
    /// # Errors
    /// A failure of the ledger at the start; later ones are logged and tried again.
    pub async fn run_indexer(&self, stop: watch::Receiver<bool>) -> Result<(), KnowledgeError> {
        self.recover().await?;
        tokio::join!(
            self.run_lane(Lane::All, stop.clone()),
            self.run_lane(Lane::Small, stop.clone()),
            self.run_rebuilds(stop),
        );
        Ok(())
    }

    async fn run_lane(&self, lane: Lane, mut stop: watch::Receiver<bool>) {
        let mut touched = Touched::default();
        // A sender that is gone without a word is a stop too: waiting for it would never wait.
        while !*stop.borrow() && stop.has_changed().is_ok() {
            let work = self.shared.work.notified();
            tokio::pin!(work);
            work.as_mut().enable();
            let claimed = match lane {
                Lane::All => self.shared.ledger.claim_next_document().await,
                Lane::Small => self.shared.ledger.claim_small_document(SMALL_BYTES).await,
            };
            match claimed {
                Ok(Some(record)) => {
                    let passages = tokio::select! {
                        passages = self.index(&record) => passages,
                        // The claim is taken back by the next start.
                        _ = stop.changed() => break,
                    };
                    if touched.add(&record.knowledge_base, passages) {
                        self.extend_indexes(&record.knowledge_base).await;
                    }
                }
                Ok(None) if !touched.bases.is_empty() => {
                    self.maintain(std::mem::take(&mut touched)).await;
                }
                Ok(None) => tokio::select! {
                    () = work => {}
                    _ = stop.changed() => {}
                },
                Err(error) => {
                    tracing::error!(%error, "the next document could not be claimed");
                    pause(RETRY_AFTER, &mut stop).await;
                }
            }
        }
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
        self.resume_calibrations().await
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

    async fn maintain(&self, touched: Touched) {
        for id in touched.bases {
            let done =
                async { Ok::<_, KnowledgeError>(self.active(&id).await?.table.maintain().await?) };
            if let Err(error) = done.await {
                tracing::warn!(knowledge_base = id.as_str(), %error, "the index was not optimised");
            }
        }
    }

    /// Indexes one document and records how it went; returns the number of its passages.
    async fn index(&self, record: &DocumentRecord) -> u32 {
        let started = std::time::Instant::now();
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
                return passages;
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
        }
        self.shared.progress.notify_waiters();
        passages
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
        for batch in missing.chunks(EMBED_BATCH) {
            self.check_still_wanted(record).await?;
            let wanted = batch.iter().map(|at| texts[*at].clone()).collect();
            for (at, embedding) in batch.iter().zip(embed_patiently(&target.encoder, wanted).await?)
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
) -> Result<Vec<Embedding>, KnowledgeError> {
    loop {
        let (texts, kind) = (texts.clone(), InputKind::Passage);
        match encoder.embed_words(texts, kind, Priority::Background).await {
            Ok(embeddings) => return Ok(embeddings),
            Err(intramuros_engine::EngineError::Overloaded { retry_after, .. }) => {
                tokio::time::sleep(retry_after).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the document is still what `record` says: claimed, or searchable.
fn is_same(now: &DocumentRecord, record: &DocumentRecord) -> bool {
    now.state == record.state && now.revision == record.revision
}

async fn pause(time: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = stop.changed() => {}
    }
}
