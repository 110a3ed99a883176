//! Makes uploaded documents searchable.
//!
//! Two lanes work at the same time: one takes documents as they came, the other only small ones,
//! so that a manual of a thousand pages does not make everybody's letters wait.
//!
//! The ledger is the queue: a document is claimed, read, cut, embedded, stored, finished. A crash
//! at any point leaves it claimed, and the next start claims it again; storing replaces whatever
//! an earlier attempt left, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use intramuros_engine::{InputKind, Priority};
use intramuros_ingest::{IngestError, chunk, embedding_text, extract};
use intramuros_ledger::{DocumentFacts, DocumentRecord, DocumentState, FailureReason, LedgerError};
use intramuros_store::PassageRow;
use intramuros_types::{Chunk, ExtractedDocument, Fault};
use tokio::sync::watch;

use crate::{Knowledge, KnowledgeError};

/// Passages embedded in one request; small enough that the rows of a huge manual never wait in
/// memory as tokens and vectors at once.
const EMBED_BATCH: usize = 64;

/// What the lane for small documents takes: minutes of indexing at most.
const SMALL_BYTES: u32 = 256 << 10;

/// Wait after a failure of the machine (disk, full queue) before the next attempt.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Which documents a worker takes.
#[derive(Debug, Clone, Copy)]
enum Lane {
    All,
    Small,
}

/// A media type told from a file's name. Reading the file decides by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType(&'static str);

impl MediaType {
    /// The media type that files with this name usually have.
    pub fn of(file_name: &str) -> Self {
        let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Self(match extension.to_ascii_lowercase().as_str() {
            "txt" | "text" => "text/plain",
            "md" | "markdown" => "text/markdown",
            "html" | "htm" | "xhtml" => "text/html",
            "pdf" => "application/pdf",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            _ => "application/octet-stream",
        })
    }

    /// As in a `Content-Type` header.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Knowledge {
    /// Indexes uploads until `stop` turns true. Run it once.
    ///
    /// # Errors
    /// A failure of the ledger at the start; later ones are logged and tried again.
    pub async fn run_indexer(&self, stop: watch::Receiver<bool>) -> Result<(), KnowledgeError> {
        self.recover().await?;
        tokio::join!(self.run_lane(Lane::All, stop.clone()), self.run_lane(Lane::Small, stop));
        Ok(())
    }

    async fn run_lane(&self, lane: Lane, mut stop: watch::Receiver<bool>) {
        let mut touched = Vec::new();
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
                    tokio::select! {
                        () = self.index(&record) => {}
                        // The claim is taken back by the next start.
                        _ = stop.changed() => break,
                    }
                    if !touched.contains(&record.knowledge_base) {
                        touched.push(record.knowledge_base);
                    }
                }
                Ok(None) if !touched.is_empty() => {
                    self.maintain(std::mem::take(&mut touched)).await
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
        for record in &recovery.deleting {
            self.finish_deleting_document(record).await?;
        }
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

    async fn maintain(&self, bases: Vec<intramuros_types::KnowledgeBaseId>) {
        for id in bases {
            let done = async {
                let base = self.get(&id).await?;
                Ok::<_, KnowledgeError>(self.table(&base).await?.maintain().await?)
            };
            if let Err(error) = done.await {
                tracing::warn!(knowledge_base = id.as_str(), %error, "the index was not optimised");
            }
        }
    }

    /// Indexes one document and records how it went.
    async fn index(&self, record: &DocumentRecord) {
        let started = std::time::Instant::now();
        let outcome = match self.try_index(record).await {
            Ok(facts) => {
                let chunks = facts.chunks;
                let recorded = self.shared.ledger.finish_document(&record.id, facts).await;
                tracing::info!(
                    document = record.id.as_str(),
                    chunks,
                    elapsed_ms = started.elapsed().as_millis(),
                    "document indexed"
                );
                recorded
            }
            Err(KnowledgeError::Abandoned) => {
                tracing::info!(document = record.id.as_str(), "deleted while it was indexed");
                return;
            }
            Err(error) => {
                tracing::warn!(
                    document = record.id.as_str(), fault = ?error.fault(), %error,
                    "document could not be indexed"
                );
                self.shared.ledger.fail_document(&record.id, reason(&error)).await
            }
        };
        if let Err(error) = outcome {
            self.settle_deleted(record, &error).await;
        }
        self.shared.progress.notify_waiters();
    }

    /// A document may have been deleted while it was indexed: its rows then go as well.
    async fn settle_deleted(&self, record: &DocumentRecord, error: &LedgerError) {
        let gone = match self.shared.ledger.get_document(&record.id).await {
            Ok(now) => now.state == DocumentState::Deleting,
            Err(_) => true,
        };
        if !gone {
            tracing::error!(document = record.id.as_str(), %error, "the outcome was not recorded");
            return;
        }
        let erased = async {
            let base = self.get(&record.knowledge_base).await?;
            let table = self.table(&base).await?;
            table.delete_document(&record.id).await?;
            table.maintain().await?;
            Ok::<_, KnowledgeError>(())
        };
        if let Err(error) = erased.await {
            tracing::warn!(document = record.id.as_str(), %error, "late rows were not erased");
        }
    }

    async fn try_index(&self, record: &DocumentRecord) -> Result<DocumentFacts, KnowledgeError> {
        let base = self.get(&record.knowledge_base).await?;
        let table = self.table(&base).await?;
        let (document, chunks) = self.read(record).await?;
        let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        tracing::info!(document = record.id.as_str(), chunks = count, "document read");
        let facts = DocumentFacts {
            title: document.title.clone(),
            language: document.language.clone(),
            pages: document.pages,
            chunks: count,
        };
        let rows = self.embed(record, &document, chunks).await?;
        table.replace_document(&record.id, rows).await?;
        Ok(facts)
    }

    /// Reads and cuts the file away from the async threads.
    async fn read(
        &self,
        record: &DocumentRecord,
    ) -> Result<(ExtractedDocument, Vec<Chunk>), KnowledgeError> {
        let shared = Arc::clone(&self.shared);
        let digest = record.sha256.clone();
        let file_name = record.file_name.clone();
        tokio::task::spawn_blocking(move || {
            let bytes = shared.blobs.read(&digest)?;
            let extraction = extract(&bytes, &file_name, &shared.config.extract)?;
            let document = extraction.document.ok_or(IngestError::Empty)?;
            let codec = shared.embed.codec();
            // A text that the tokenizer refuses counts as too large, so that it is split further.
            let count = |text: &str| codec.count_tokens(text).unwrap_or(usize::MAX / 2);
            let chunks = chunk(&document, &shared.config.chunks, &count);
            if chunks.is_empty() {
                return Err(IngestError::Empty.into());
            }
            Ok((document, chunks))
        })
        .await?
    }

    async fn embed(
        &self,
        record: &DocumentRecord,
        document: &ExtractedDocument,
        chunks: Vec<Chunk>,
    ) -> Result<Vec<PassageRow>, KnowledgeError> {
        let mut rows = Vec::with_capacity(chunks.len());
        for batch in chunks.chunks(EMBED_BATCH) {
            self.check_still_wanted(record).await?;
            let texts: Vec<String> =
                batch.iter().map(|chunk| embedding_text(&document.title, chunk)).collect();
            let vectors = self.embed_patiently(texts).await?;
            rows.extend(batch.iter().zip(vectors).map(|(chunk, vector)| PassageRow {
                document: record.id.clone(),
                title: document.title.clone(),
                chunk: chunk.clone(),
                language: document.language.clone(),
                labels: Vec::new(),
                vector,
            }));
        }
        Ok(rows)
    }

    /// A document that is deleted meanwhile should not go on costing time.
    async fn check_still_wanted(&self, record: &DocumentRecord) -> Result<(), KnowledgeError> {
        match self.shared.ledger.get_document(&record.id).await {
            Ok(now) if now.state == DocumentState::Indexing => Ok(()),
            Ok(_) | Err(LedgerError::NotFound { .. }) => Err(KnowledgeError::Abandoned),
            Err(error) => Err(error.into()),
        }
    }

    /// Embeds passages, waiting while the queue is full: indexing has time.
    async fn embed_patiently(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, KnowledgeError> {
        loop {
            let attempt =
                self.shared.embed.embed(texts.clone(), InputKind::Passage, Priority::Background);
            match attempt.await {
                Ok(embeddings) => return Ok(embeddings.vectors),
                Err(intramuros_engine::EngineError::Overloaded { retry_after, .. }) => {
                    tokio::time::sleep(retry_after).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn pause(time: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = stop.changed() => {}
    }
}

/// What the owner of the document reads. Only errors that are about the document say more than
/// that the server failed.
#[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
fn reason(error: &KnowledgeError) -> FailureReason {
    if error.is_storage_full() {
        let text = "the server's disk is full; make room, then upload the document again";
        return FailureReason { code: "storage_full".into(), text: text.into() };
    }
    let code = match error {
        KnowledgeError::Ingest(IngestError::Empty) => "empty",
        KnowledgeError::Ingest(IngestError::TooLarge { .. }) => "too_large",
        KnowledgeError::Ingest(IngestError::Unsupported { .. }) => "unsupported_format",
        KnowledgeError::Ingest(IngestError::Encrypted) => "encrypted",
        KnowledgeError::Ingest(IngestError::NoText { .. }) => "no_text",
        KnowledgeError::Ingest(IngestError::LimitExceeded { .. }) => "limit_exceeded",
        KnowledgeError::Ingest(_) => "damaged",
        _ => "server_failure",
    };
    let text = match error.fault() {
        Fault::User => error.to_string(),
        Fault::Capacity | Fault::Runtime | Fault::Bug => {
            "the server could not index the document; its log says why, delete the document and \
             send it again"
                .to_string()
        }
    };
    FailureReason { code: code.to_string(), text }
}
