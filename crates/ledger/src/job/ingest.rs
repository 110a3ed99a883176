//! Ties documents to the job that makes them searchable.
//!
//! A document's state is the only truth about it; the job of its knowledge base says when and
//! whether somebody works on what is pending there. So the job comes to be in the transaction that
//! makes a document pending, and ends in one that finds none.

use intramuros_types::KnowledgeBaseId;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::ending::finish;
use super::lease::held;
use super::records::enqueue;
use super::{INGEST, Lease, NewJob, REINDEX};
use crate::document::record;
use crate::{DocumentRecord, Ledger, LedgerError};

/// Sees to it that a job works on the pending documents of `base`, unless it is being deleted.
pub(crate) async fn queue_ingest(
    connection: &mut SqliteConnection,
    now: i64,
    base: &KnowledgeBaseId,
) -> Result<(), LedgerError> {
    let new = NewJob {
        knowledge_base: Some(base.clone()),
        unique_key: Some(base.to_string()),
        // A document that cannot be read fails; what else goes wrong is mended some day.
        max_attempts: None,
        ..NewJob::new(INGEST, base.as_str(), json!({}))
    };
    enqueue(connection, now, &new, &[]).await.map(|_| ())
}

/// The same when a document of `base` is pending.
pub(crate) async fn queue_waiting(
    connection: &mut SqliteConnection,
    now: i64,
    base: &KnowledgeBaseId,
) -> Result<(), LedgerError> {
    let waits: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM documents WHERE knowledge_base = $1 AND state = 'pending')",
    )
    .bind(base.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database("look for pending documents"))?;
    if waits { queue_ingest(connection, now, base).await } else { Ok(()) }
}

impl Ledger {
    /// Takes the oldest pending document of `base` of at most `max_bytes` into work: from now on it
    /// is `indexing` and no other caller gets it. `None` when none waits, or the job's lease is
    /// lost.
    ///
    /// # Errors
    /// `Database`.
    pub async fn claim_document(
        &self,
        lease: &Lease,
        base: &KnowledgeBaseId,
        max_bytes: Option<u32>,
    ) -> Result<Option<DocumentRecord>, LedgerError> {
        sqlx::query(
            "UPDATE documents SET state = 'indexing', claimed_by = $2, updated = $3 WHERE id = \
             (SELECT id FROM documents WHERE knowledge_base = $4 AND state = 'pending' \
             AND bytes <= $5 ORDER BY id LIMIT 1) AND state = 'pending' \
             AND EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND lease_owner = $2 \
             AND state = 'running' AND wanted = 'run') RETURNING *",
        )
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(self.clock.now())
        .bind(base.as_str())
        .bind(max_bytes.map_or(i64::MAX, i64::from))
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("claim a document"))?
        .as_ref()
        .map(record)
        .transpose()
    }

    /// Counts what waits, for the total of the job.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn count_waiting(
        &self,
        lease: &Lease,
        base: &KnowledgeBaseId,
    ) -> Result<(), LedgerError> {
        let counted = sqlx::query(
            "UPDATE jobs SET total = done + failed + (SELECT COUNT(*) FROM documents \
             WHERE knowledge_base = $3 AND state IN ('pending', 'indexing')) \
             WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
        )
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(base.as_str())
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("count the documents of a job"))?;
        held(lease, counted.rows_affected())
    }

    /// Ends the job of `base` when no document waits or is in work; whether it did.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn finish_ingest(
        &self,
        lease: &Lease,
        base: &KnowledgeBaseId,
    ) -> Result<bool, LedgerError> {
        const OPERATION: &str = "finish the job of a knowledge base";
        let mut transaction = self.begin_write(OPERATION).await?;
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE knowledge_base = $1 \
             AND state IN ('pending', 'indexing'))",
        )
        .bind(base.as_str())
        .fetch_one(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if waits {
            return Ok(false);
        }
        let counted = sqlx::query(
            "UPDATE jobs SET total = done + failed WHERE id = $1 AND lease_owner = $2 \
             AND state = 'running'",
        )
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        held(lease, counted.rows_affected())?;
        finish(&mut transaction, lease, self.clock.now()).await?;
        self.emit_job(&mut transaction, &lease.job).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(true)
    }

    /// Makes jobs of what waits without one: documents that became pending under an earlier
    /// version, or in a start's recovery, and indexes that it began. What waits because its job was
    /// cancelled goes on waiting.
    ///
    /// # Errors
    /// `Database`.
    pub async fn resume_knowledge_jobs(&self) -> Result<(), LedgerError> {
        const OPERATION: &str = "take up the work on knowledge bases";
        let mut transaction = self.begin_write(OPERATION).await?;
        let now = self.clock.now();
        let bases: Vec<String> = sqlx::query_scalar(
            "SELECT k.id FROM knowledge_bases k WHERE k.state = 'active' AND EXISTS \
             (SELECT 1 FROM documents d WHERE d.knowledge_base = k.id AND d.state = 'pending') \
             AND COALESCE((SELECT j.state FROM jobs j WHERE j.kind = $1 AND j.unique_key = k.id \
             ORDER BY j.id DESC LIMIT 1), '') <> 'cancelled' ORDER BY k.id",
        )
        .bind(INGEST)
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        for base in bases {
            queue_ingest(&mut transaction, now, &KnowledgeBaseId::new(base)).await?;
        }
        let indexes: Vec<(String, i64)> = sqlx::query_as(
            "SELECT i.knowledge_base, i.generation FROM indexes i JOIN knowledge_bases k \
             ON k.id = i.knowledge_base WHERE i.role = 'building' AND k.state = 'active' \
             AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = $1 \
             AND j.unique_key = i.knowledge_base || '/' || i.generation) ORDER BY i.started",
        )
        .bind(REINDEX)
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        for (base, generation) in indexes {
            let new = reindex_job(&KnowledgeBaseId::new(base), generation);
            enqueue(&mut transaction, now, &new, &[]).await?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(())
    }
}

/// The job that makes an index of `base`.
pub(crate) fn reindex_job(base: &KnowledgeBaseId, generation: i64) -> NewJob {
    NewJob {
        knowledge_base: Some(base.clone()),
        unique_key: Some(format!("{base}/{generation}")),
        max_attempts: None,
        ..NewJob::new(REINDEX, base.as_str(), json!({"generation": generation}))
    }
}
