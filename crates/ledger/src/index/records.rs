//! Begins, follows, swaps and removes indexes.

use intramuros_types::{DocumentId, KnowledgeBaseId, ModelId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::document::{from_json, record, to_json};
use crate::job::{Cancelled, cancel_jobs, enqueue, queue_waiting, reindex_job};
use crate::moment::from_millis;
use crate::{
    Chunking, DocumentRecord, IndexProgress, IndexRecord, IndexRole, Ledger, LedgerError, Verdict,
};

const WHAT: &str = "index";
const MAX_FAILURE_CHARS: usize = 1000;

impl Ledger {
    /// The indexes of a knowledge base: the active one, and the one beside it if there is one.
    ///
    /// # Errors
    /// `Database`.
    pub async fn indexes(&self, id: &KnowledgeBaseId) -> Result<Vec<IndexRecord>, LedgerError> {
        sqlx::query("SELECT * FROM indexes WHERE knowledge_base = $1 ORDER BY role <> 'active'")
            .bind(id.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the indexes"))?
            .iter()
            .map(index)
            .collect()
    }

    /// The index that searches look in.
    ///
    /// # Errors
    /// `NotFound` for the knowledge base; `Database`.
    pub async fn active_index(&self, id: &KnowledgeBaseId) -> Result<IndexRecord, LedgerError> {
        let row =
            sqlx::query("SELECT * FROM indexes WHERE knowledge_base = $1 AND role = 'active'")
                .bind(id.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(LedgerError::database("read an index"))?;
        let missing = || LedgerError::NotFound { what: "knowledge base", id: id.to_string() };
        row.as_ref().map_or_else(|| Err(missing()), index)
    }

    /// Begins an index beside the active one, and the job that makes it.
    ///
    /// # Errors
    /// `NotFound` for the knowledge base; `Conflict` when there is one beside it already;
    /// `Database`.
    pub async fn begin_index(
        &self,
        id: &KnowledgeBaseId,
        model: &ModelId,
        dimension: u32,
        chunking: Chunking,
    ) -> Result<IndexRecord, LedgerError> {
        const OPERATION: &str = "begin an index";
        self.get_knowledge_base(id).await?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let row = sqlx::query(
            "INSERT INTO indexes (knowledge_base, generation, role, embedding_model, chunking, \
             started, dimension) SELECT $1, MAX(generation) + 1, 'building', $2, $3, $4, $5 \
             FROM indexes WHERE knowledge_base = $1 ON CONFLICT DO NOTHING RETURNING *",
        )
        .bind(id.as_str())
        .bind(model.as_str())
        .bind(to_json(&chunking))
        .bind(now)
        .bind(dimension)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let beside = "has one beside it already; discard that first";
        let index = row.as_ref().map_or_else(|| Err(conflict(id, beside)), index)?;
        let job = reindex_job(id, i64::from(index.generation));
        enqueue(&mut transaction, now, &job, &[]).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(index)
    }

    /// The next document that an index lacks as it is now, after `after`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn next_for_index(
        &self,
        of: &IndexRecord,
        after: Option<&DocumentId>,
    ) -> Result<Option<DocumentRecord>, LedgerError> {
        sqlx::query(
            "SELECT d.* FROM documents d LEFT JOIN placements p \
             ON p.document = d.id AND p.generation = $2 \
             WHERE d.knowledge_base = $1 AND d.id > $3 AND d.state = 'ready' \
             AND (p.revision IS NULL OR p.revision <> d.revision) ORDER BY d.id LIMIT 1",
        )
        .bind(of.knowledge_base.as_str())
        .bind(of.generation)
        .bind(after.map_or("", DocumentId::as_str))
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("look for what an index lacks"))?
        .as_ref()
        .map(record)
        .transpose()
    }

    /// Notes that an index has a document as `record` says, or why it cannot.
    ///
    /// # Errors
    /// `Database`.
    pub async fn note_in_index(
        &self,
        of: &IndexRecord,
        record: &DocumentRecord,
        failure: Option<&str>,
    ) -> Result<(), LedgerError> {
        let failure: Option<String> =
            failure.map(|text| text.chars().take(MAX_FAILURE_CHARS).collect());
        sqlx::query(
            "INSERT INTO placements (document, generation, revision, failure) \
             SELECT id, $2, $3, $4 FROM documents WHERE id = $1 \
             ON CONFLICT (document, generation) DO UPDATE SET revision = $3, failure = $4",
        )
        .bind(record.id.as_str())
        .bind(of.generation)
        .bind(record.revision)
        .bind(failure)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("note a document in an index"))?;
        Ok(())
    }

    /// How far an index beside the active one is.
    ///
    /// # Errors
    /// `Database`.
    pub async fn index_progress(&self, of: &IndexRecord) -> Result<IndexProgress, LedgerError> {
        const OPERATION: &str = "read how far an index is";
        let row = sqlx::query(
            "SELECT COUNT(*) AS documents, \
             COUNT(CASE WHEN p.revision = d.revision THEN 1 END) AS done, \
             COUNT(CASE WHEN p.revision = d.revision AND p.failure IS NOT NULL THEN 1 END) \
             AS failed FROM documents d LEFT JOIN placements p \
             ON p.document = d.id AND p.generation = $2 \
             WHERE d.knowledge_base = $1 AND d.state = 'ready'",
        )
        .bind(of.knowledge_base.as_str())
        .bind(of.generation)
        .fetch_one(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
        let read = || {
            Ok(IndexProgress {
                documents: count("documents")?,
                done: count("done")?,
                failed: count("failed")?,
            })
        };
        read().map_err(LedgerError::database(OPERATION))
    }

    /// Notes what the test questions said about a finished index; `role` is what it becomes until
    /// somebody decides.
    ///
    /// # Errors
    /// `NotFound`; `Database`.
    pub async fn judge_index(
        &self,
        of: &IndexRecord,
        role: IndexRole,
        verdict: Option<Verdict>,
    ) -> Result<(), LedgerError> {
        let done = sqlx::query(
            "UPDATE indexes SET role = $3, verdict = $4, finished = $5 \
             WHERE knowledge_base = $1 AND generation = $2 AND role <> 'active'",
        )
        .bind(of.knowledge_base.as_str())
        .bind(of.generation)
        .bind(role.as_str())
        .bind(verdict.map(|verdict| to_json(&verdict)))
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("judge an index"))?;
        if done.rows_affected() == 0 { Err(not_found(of)) } else { Ok(()) }
    }

    /// Documents of which an index has passages, but not as they are now.
    ///
    /// # Errors
    /// `Database`.
    pub async fn stale_in_index(&self, of: &IndexRecord) -> Result<Vec<DocumentId>, LedgerError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT d.id FROM documents d JOIN placements p ON p.document = d.id \
             WHERE d.knowledge_base = $1 AND p.generation = $2 \
             AND (d.state <> 'ready' OR p.revision <> d.revision) ORDER BY d.id",
        )
        .bind(of.knowledge_base.as_str())
        .bind(of.generation)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("look for what is stale in an index"))?;
        Ok(ids.into_iter().map(DocumentId::new).collect())
    }

    /// Makes the index beside the active one the active one, which becomes the previous. Documents
    /// that it lacks as they are now go back in the queue; the caller has erased what it had of
    /// them, and keeps every placement out meanwhile.
    ///
    /// # Errors
    /// `NotFound`; `Database`.
    pub async fn swap_indexes(&self, to: &IndexRecord) -> Result<(), LedgerError> {
        const OPERATION: &str = "swap the indexes";
        let mut transaction = self.begin_write(OPERATION).await?;
        let from: Option<u32> = sqlx::query_scalar(
            "SELECT generation FROM indexes WHERE knowledge_base = $1 AND role = 'active' \
             AND EXISTS (SELECT 1 FROM indexes WHERE knowledge_base = $1 AND generation = $2 \
             AND role <> 'active')",
        )
        .bind(to.knowledge_base.as_str())
        .bind(to.generation)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(from) = from else { return Err(not_found(to)) };
        for statement in [
            // What the old one has.
            "INSERT INTO placements (document, generation, revision) SELECT id, $3, placed \
             FROM documents WHERE knowledge_base = $1 AND state = 'ready' \
             ON CONFLICT (document, generation) DO UPDATE SET revision = excluded.revision, \
             failure = NULL",
            // What the new one lacks.
            "UPDATE documents SET state = 'pending', updated = $4 WHERE knowledge_base = $1 \
             AND state = 'ready' AND NOT EXISTS (SELECT 1 FROM placements p \
             WHERE p.document = documents.id AND p.generation = $2 \
             AND p.revision = documents.revision AND p.failure IS NULL)",
            "UPDATE documents SET placed = revision WHERE knowledge_base = $1 AND state = 'ready'",
            "DELETE FROM placements WHERE generation = $2 AND document IN \
             (SELECT id FROM documents WHERE knowledge_base = $1)",
            // One after the other: each knowledge base has one of both kinds at most.
            "DELETE FROM indexes WHERE knowledge_base = $1 AND role <> 'active' \
             AND generation <> $2",
            "UPDATE knowledge_bases SET embedding_model = (SELECT embedding_model FROM indexes \
             WHERE knowledge_base = $1 AND generation = $2) WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(to.knowledge_base.as_str())
                .bind(to.generation)
                .bind(from)
                .bind(self.clock.now())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        let row = sqlx::query(
            "DELETE FROM indexes WHERE knowledge_base = $1 AND generation = $2 RETURNING *",
        )
        .bind(to.knowledge_base.as_str())
        .bind(to.generation)
        .fetch_one(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let to = index(&row)?;
        sqlx::query(
            "UPDATE indexes SET role = 'previous', verdict = NULL \
             WHERE knowledge_base = $1 AND role = 'active'",
        )
        .bind(to.knowledge_base.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        sqlx::query(
            "INSERT INTO indexes (knowledge_base, generation, role, embedding_model, chunking, \
             started, finished, verdict, dimension) VALUES ($1, $2, 'active', $3, $4, $5, $6, $7, $8)",
        )
        .bind(to.knowledge_base.as_str())
        .bind(to.generation)
        .bind(to.embedding_model.as_str())
        .bind(to_json(&to.chunking))
        .bind(row.try_get::<i64, _>("started").map_err(LedgerError::database(OPERATION))?)
        .bind(self.clock.now())
        .bind(to.verdict.map(|verdict| to_json(&verdict)))
        .bind(to.dimension)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        queue_waiting(&mut transaction, self.clock.now(), &to.knowledge_base).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(())
    }

    /// Notes that an index that is not the active one has no document; its passages may be erased
    /// from now on.
    ///
    /// # Errors
    /// `Database`.
    pub async fn clear_index(&self, of: &IndexRecord) -> Result<(), LedgerError> {
        sqlx::query(
            "DELETE FROM placements WHERE generation = $2 AND document IN \
             (SELECT id FROM documents WHERE knowledge_base = $1)",
        )
        .bind(of.knowledge_base.as_str())
        .bind(of.generation)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("clear an index"))?;
        Ok(())
    }

    /// Forgets an index that is not the active one; the caller has erased its passages. The job
    /// that makes it is cancelled.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_index(&self, of: &IndexRecord) -> Result<(), LedgerError> {
        const OPERATION: &str = "forget an index";
        let mut transaction = self.begin_write(OPERATION).await?;
        for statement in [
            "DELETE FROM placements WHERE generation = $2 AND document IN \
             (SELECT id FROM documents WHERE knowledge_base = $1)",
            "DELETE FROM indexes WHERE knowledge_base = $1 AND generation = $2 \
             AND role <> 'active'",
        ] {
            sqlx::query(statement)
                .bind(of.knowledge_base.as_str())
                .bind(of.generation)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        let job = reindex_job(&of.knowledge_base, i64::from(of.generation));
        cancel_jobs(&mut transaction, self.clock.now(), Cancelled::One(&job)).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(())
    }
}

fn not_found(of: &IndexRecord) -> LedgerError {
    let id = format!("{}/{}", of.knowledge_base, of.generation);
    LedgerError::NotFound { what: WHAT, id }
}

fn conflict(id: &KnowledgeBaseId, reason: &str) -> LedgerError {
    LedgerError::Conflict { what: "knowledge base", id: id.to_string(), reason: reason.to_owned() }
}

fn index(row: &SqliteRow) -> Result<IndexRecord, LedgerError> {
    read(row).map_err(LedgerError::database("read an index"))
}

fn read(row: &SqliteRow) -> Result<IndexRecord, sqlx::Error> {
    let verdict: Option<&str> = row.try_get("verdict")?;
    let finished: Option<i64> = row.try_get("finished")?;
    Ok(IndexRecord {
        knowledge_base: KnowledgeBaseId::new(row.try_get::<String, _>("knowledge_base")?),
        generation: row.try_get("generation")?,
        role: from_json(&to_json(&row.try_get::<&str, _>("role")?))?,
        embedding_model: ModelId::new(row.try_get::<String, _>("embedding_model")?),
        dimension: row.try_get("dimension")?,
        chunking: from_json(row.try_get("chunking")?)?,
        started: from_millis(row.try_get("started")?),
        finished: finished.map(from_millis),
        verdict: verdict.map(from_json).transpose()?,
    })
}
