//! Makes an index anew beside the one that is searched, and lets it take the other's place.
//!
//! A new encoder or another way to cut documents needs every passage made again. Searches go on in
//! the active index meanwhile; documents that come, change or go concern both. When nothing is
//! missing, the test questions of the knowledge base are asked of both; the new index takes over
//! in one step, unless it answers them worse or lacks a document, in which case somebody decides.
//! The old one is kept until it is discarded: going back is the same step.
//!
//! A job does it, whose items are the documents that the index lacks. Cancelling it leaves the index
//! as far as it is: trying the job again goes on, discarding the index gives it up.

mod verdict;

use std::time::{Duration, Instant};

use intramuros_ingest::IngestError;
use intramuros_jobs::{JobContext, JobError};
use intramuros_ledger::{
    DocumentRecord, DocumentState, IndexProgress, IndexRecord, IndexRole, JobProgress, LedgerError,
    REINDEX, TestQuestion,
};
use intramuros_store::StoreError;
use intramuros_types::{DocumentId, Fault, KnowledgeBaseId};

use crate::index::Reading;
use crate::jobs::base_of;
use crate::target::Target;
use crate::{Knowledge, KnowledgeError};

/// How much of the recall of the test questions a new index may lose.
const TOLERANCE: f32 = 0.02;

/// How often progress is counted: it takes a look at every document.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// An index of a knowledge base, and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexState {
    /// The index.
    pub index: IndexRecord,
    /// How far it is; `None` for the active one.
    pub progress: Option<IndexProgress>,
    /// When it will be done at the pace since the start; `None` while that is unknown.
    pub remaining: Option<Duration>,
}

impl Knowledge {
    /// Begins to make the index of `base` anew, as the settings say now, with the encoder `model`
    /// or, without one, that of the active index. A previous index that was kept is discarded.
    ///
    /// # Errors
    /// Not found, an encoder that is not served, a conflict when one is being made or waits for a
    /// decision, or a failure of the store.
    pub async fn begin_rebuild(
        &self,
        base: &KnowledgeBaseId,
        model: Option<&str>,
    ) -> Result<IndexState, KnowledgeError> {
        self.get(base).await?;
        let ledger = &self.shared.ledger;
        let encoder = match model {
            Some(model) => self.served_encoder(model)?,
            None => self.encoder(ledger.active_index(base).await?.embedding_model.as_str())?,
        };
        let info = encoder.info();
        let beside = ledger.indexes(base).await?.into_iter().find(is_beside);
        if let Some(previous) = beside.filter(|index| index.role == IndexRole::Previous) {
            self.discard(&previous).await?;
        }
        let dimension = u32::try_from(info.dimension).unwrap_or(u32::MAX);
        let index = ledger.begin_index(base, &info.id, dimension, self.chunking()).await?;
        tracing::info!(
            knowledge_base = base.as_str(),
            generation = index.generation,
            embedding_model = info.id.as_str(),
            "an index is made anew"
        );
        self.index_state(index).await
    }

    /// The indexes of `base`: the active one, and the one beside it if there is one.
    ///
    /// # Errors
    /// Not found, or a failure of the ledger.
    pub async fn index_states(
        &self,
        base: &KnowledgeBaseId,
    ) -> Result<Vec<IndexState>, KnowledgeError> {
        self.get(base).await?;
        let mut states = Vec::new();
        for index in self.shared.ledger.indexes(base).await? {
            states.push(self.index_state(index).await?);
        }
        Ok(states)
    }

    async fn index_state(&self, index: IndexRecord) -> Result<IndexState, KnowledgeError> {
        if index.role == IndexRole::Active {
            return Ok(IndexState { index, progress: None, remaining: None });
        }
        let progress = self.shared.ledger.index_progress(&index).await?;
        let remaining = match index.role {
            IndexRole::Building => {
                let key = format!("{}/{}", index.knowledge_base, index.generation);
                let job = self.shared.ledger.newest_job(REINDEX, &key).await?;
                job.and_then(|job| job.remaining)
            }
            IndexRole::Active | IndexRole::Rejected | IndexRole::Previous => None,
        };
        Ok(IndexState { index, progress: Some(progress), remaining })
    }

    /// Lets the index beside the active one take its place, whatever the test questions said:
    /// forward to one that was rejected, or back to the previous one. Documents that it lacks as
    /// they are now are indexed again.
    ///
    /// # Errors
    /// Not found; a conflict for one that is still being made; a failure of the store.
    pub async fn activate_index(
        &self,
        base: &KnowledgeBaseId,
        generation: u32,
    ) -> Result<IndexState, KnowledgeError> {
        let index = self.beside(base, generation).await?;
        if index.role == IndexRole::Building {
            let reason = "is still being made; wait for it, or discard it".to_owned();
            return Err(conflict(&index, reason));
        }
        let target = self.target(index).await?;
        self.take_over(&target).await?;
        self.index_state(self.shared.ledger.active_index(base).await?).await
    }

    /// Erases the index beside the active one; one that is being made is given up.
    ///
    /// # Errors
    /// Not found, or a failure of the store.
    pub async fn discard_index(
        &self,
        base: &KnowledgeBaseId,
        generation: u32,
    ) -> Result<(), KnowledgeError> {
        let index = self.beside(base, generation).await?;
        self.discard(&index).await
    }

    /// The questions that a new index of `base` must answer.
    ///
    /// # Errors
    /// Not found, or a failure of the ledger.
    pub async fn test_questions(
        &self,
        base: &KnowledgeBaseId,
    ) -> Result<Vec<TestQuestion>, KnowledgeError> {
        self.get(base).await?;
        Ok(self.shared.ledger.test_questions(base).await?)
    }

    /// Puts `questions` in the place of those that `base` had.
    ///
    /// # Errors
    /// Not found, an invalid question, or a failure of the ledger.
    pub async fn set_test_questions(
        &self,
        base: &KnowledgeBaseId,
        questions: &[TestQuestion],
    ) -> Result<(), KnowledgeError> {
        self.get(base).await?;
        Ok(self.shared.ledger.set_test_questions(base, questions).await?)
    }

    async fn beside(
        &self,
        base: &KnowledgeBaseId,
        generation: u32,
    ) -> Result<IndexRecord, KnowledgeError> {
        self.get(base).await?;
        let indexes = self.shared.ledger.indexes(base).await?;
        let found = indexes.into_iter().find(|index| index.generation == generation);
        match found {
            Some(index) if index.role == IndexRole::Active => {
                Err(conflict(&index, "is the one that is searched".to_owned()))
            }
            Some(index) => Ok(index),
            None => {
                let id = format!("{base}/{generation}");
                Err(LedgerError::NotFound { what: "index", id }.into())
            }
        }
    }

    async fn discard(&self, index: &IndexRecord) -> Result<(), KnowledgeError> {
        // What a crash leaves says of no document that it is in a table that is gone, and can be
        // discarded again.
        let _placing = self.shared.placing.lock().await;
        self.shared.ledger.clear_index(index).await?;
        self.shared.store.drop_table(&self.spec(index)?).await?;
        Ok(self.shared.ledger.forget_index(index).await?)
    }

    /// Makes the index that a job is about until it is complete and decided about.
    pub(crate) async fn run_reindex(&self, job: &JobContext) -> Result<(), JobError> {
        #[derive(serde::Deserialize)]
        struct Params {
            generation: u32,
        }
        let (base, Params { generation }) = (base_of(job)?, job.params()?);
        let is_it = |index: &IndexRecord| {
            index.generation == generation && index.role == IndexRole::Building
        };
        let indexes = self.shared.ledger.indexes(&base).await?;
        // None: it was decided about by an attempt that ended before it could say so.
        let Some(index) = indexes.into_iter().find(is_it) else { return Ok(()) };
        let outcome = tokio::select! {
            outcome = self.rebuild(index, job) => outcome,
            // It goes on where it was.
            _ = job.stopped() => return Err(JobError::Stopped),
        };
        match outcome {
            // Discarded meanwhile, with its table or with its knowledge base, and so cancelled.
            Err(KnowledgeError::Store(StoreError::Dropped { .. }))
            | Err(KnowledgeError::Ledger(LedgerError::NotFound { .. })) => Err(JobError::Stopped),
            outcome => Ok(outcome?),
        }
    }

    async fn rebuild(&self, index: IndexRecord, job: &JobContext) -> Result<(), KnowledgeError> {
        let ledger = &self.shared.ledger;
        let active = ledger.active_index(&index.knowledge_base).await?;
        let mut target = self.target(index).await?;
        if active.embedding_model == target.index.embedding_model {
            target.reuse = Some(self.target(active).await?.table);
        }
        let mut counted: Option<Instant> = None;
        let mut after: Option<DocumentId> = None;
        loop {
            if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
                self.count_made(&target.index, job).await?;
                counted = Some(Instant::now());
            }
            match ledger.next_for_index(&target.index, after.as_ref()).await? {
                Some(record) => {
                    self.rebuild_document(&target, &record).await?;
                    after = Some(record.id);
                }
                // What came or changed meanwhile stands further up.
                None if after.is_some() => after = None,
                None => {
                    target.table.maintain().await?;
                    self.count_made(&target.index, job).await?;
                    if self.conclude(&target).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Tells the job how far its index is.
    async fn count_made(
        &self,
        index: &IndexRecord,
        job: &JobContext,
    ) -> Result<(), KnowledgeError> {
        let IndexProgress { documents, done, failed } =
            self.shared.ledger.index_progress(index).await?;
        let total = Some(documents);
        let progress = JobProgress { total, done: done.saturating_sub(failed), failed };
        Ok(self.shared.ledger.note_progress(job.lease(), progress).await?)
    }

    /// Reads a document again and places its passages in an index beside the active one.
    async fn rebuild_document(
        &self,
        target: &Target,
        record: &DocumentRecord,
    ) -> Result<(), KnowledgeError> {
        let made = async {
            // The files within it are documents of their own.
            let Reading { document, chunks, .. } = self.read(record, target).await?;
            match document {
                Some(document) => self.embed(record, target, &document, chunks).await,
                None => Ok(Vec::new()),
            }
        };
        let (rows, failure) = match made.await {
            Ok(rows) => (rows, None),
            // Deleted or changed meanwhile; it comes again if it is still there.
            Err(KnowledgeError::Abandoned) => return Ok(()),
            Err(error) if is_about_the_document(&error) => (Vec::new(), Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let _placing = self.shared.placing.lock().await;
        match self.shared.ledger.get_document(&record.id).await {
            Ok(now) if now.state == DocumentState::Ready && now.revision == record.revision => {}
            Ok(_) | Err(LedgerError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        target.table.replace_document(&record.id, rows).await?;
        let noted = self.shared.ledger.note_in_index(&target.index, record, failure.as_deref());
        Ok(noted.await?)
    }

    /// Decides about an index that seems complete; `false` when something came in between.
    async fn conclude(&self, target: &Target) -> Result<bool, KnowledgeError> {
        let ledger = &self.shared.ledger;
        let index = &target.index;
        let verdict = self.verdict(target).await?;
        let failed = ledger.index_progress(index).await?.failed;
        let worse = verdict
            .is_some_and(|verdict| verdict.recall_at_5 + TOLERANCE < verdict.recall_at_5_before);
        if ledger.next_for_index(index, None).await?.is_some() {
            return Ok(false);
        }
        let knowledge_base = index.knowledge_base.as_str();
        let generation = index.generation;
        if worse || failed > 0 {
            ledger.judge_index(index, IndexRole::Rejected, verdict).await?;
            tracing::warn!(knowledge_base, generation, failed, worse, "a new index was rejected");
            return Ok(true);
        }
        ledger.judge_index(index, IndexRole::Building, verdict).await?;
        self.take_over(target).await?;
        tracing::info!(knowledge_base, generation, "a new index took the old one's place");
        Ok(true)
    }

    /// Swaps the index in. What it has of documents that are others by now goes first; they are
    /// indexed again.
    async fn take_over(&self, target: &Target) -> Result<(), KnowledgeError> {
        let _placing = self.shared.placing.lock().await;
        for document in self.shared.ledger.stale_in_index(&target.index).await? {
            target.table.delete_document(&document).await?;
        }
        self.shared.ledger.swap_indexes(&target.index).await?;
        self.shared.work.notify_waiters();
        Ok(())
    }
}

fn is_beside(index: &IndexRecord) -> bool {
    index.role != IndexRole::Active
}

/// Whether a document could not be read, in contrast to a machine that fails.
fn is_about_the_document(error: &KnowledgeError) -> bool {
    let ingest = matches!(error, KnowledgeError::Ingest(_))
        && !matches!(error, KnowledgeError::Ingest(IngestError::Unavailable { .. }));
    ingest || error.fault() == Fault::User || error.is_lost_file()
}

fn conflict(index: &IndexRecord, reason: String) -> KnowledgeError {
    let id = format!("{}/{}", index.knowledge_base, index.generation);
    LedgerError::Conflict { what: "index", id, reason }.into()
}
