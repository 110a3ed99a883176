//! Moves documents through the states of indexing and erasure.

use intramuros_types::{DocumentFormat, DocumentId, KnowledgeBaseId};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};

use super::details::to_json;
use super::records::{conflict, not_found, record};
use crate::job::queue_ingest;
use crate::{
    DocumentFacts, DocumentRecord, FailureReason, Ledger, LedgerError, Recovery, validate,
};

const MAX_TITLE_CHARS: usize = 500;
const MAX_REASON_CODE_CHARS: usize = 64;
const MAX_REASON_TEXT_CHARS: usize = 1000;
const MAX_DATE_CHARS: usize = 40;
/// The first hundred tell what is wrong with a file.
const MAX_WARNINGS: usize = 100;

impl Ledger {
    /// Takes the oldest pending document into work without the job of its knowledge base: for tests of
    /// what comes after.
    #[cfg(test)]
    pub(crate) async fn claim_next_document(&self) -> Result<Option<DocumentRecord>, LedgerError> {
        sqlx::query(
            "UPDATE documents SET state = 'indexing', claimed_by = NULL, updated = $1 WHERE id = \
             (SELECT id FROM documents WHERE state = 'pending' ORDER BY id LIMIT 1) RETURNING *",
        )
        .bind(self.clock.now())
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("claim a document"))?
        .as_ref()
        .map(record)
        .transpose()
    }

    /// Notes that a document in work can now be searched. A title beyond 500 characters is cut
    /// and its control characters become spaces, since it comes from the file.
    ///
    /// # Errors
    /// `Conflict` when it is not `indexing`, or not what was `claimed` (it was deleted or changed
    /// meanwhile: the caller erases the passages it has just stored); `NotFound`; `Invalid` for a
    /// bad language; `Database`.
    pub async fn finish_document(
        &self,
        claimed: &DocumentRecord,
        facts: DocumentFacts,
    ) -> Result<(), LedgerError> {
        let id = &claimed.id;
        if let Some(language) = &facts.language {
            validate::language("language", language)?;
        }
        let query = sqlx::query(
            "UPDATE documents SET state = 'ready', title = $2, language = $3, pages = $4, \
             chunks = $5, updated = $6, format = $7, author = $8, written = $9, modified = $10, \
             warnings = $11, placed = revision, claimed_by = NULL WHERE id = $1 \
             AND state = 'indexing' AND revision = $12 AND claimed_by IS NOT DISTINCT FROM $13",
        )
        .bind(id.as_str())
        .bind(single_line(&facts.title, MAX_TITLE_CHARS))
        .bind(facts.language)
        .bind(facts.pages)
        .bind(facts.chunks)
        .bind(self.clock.now())
        .bind(facts.format.and_then(format_name))
        .bind(facts.author.map(|author| single_line(&author, MAX_TITLE_CHARS)))
        .bind(facts.written.map(|date| single_line(&date, MAX_DATE_CHARS)))
        .bind(facts.modified.map(|date| single_line(&date, MAX_DATE_CHARS)))
        .bind(to_json(&facts.warnings.iter().take(MAX_WARNINGS).collect::<Vec<_>>()))
        .bind(claimed.revision)
        .bind(&claimed.claimed_by);
        self.settle_document(claimed, query, None).await
    }

    /// Notes that a document in work could not be indexed. What exceeds 64 characters of the code
    /// and 1,000 of the text is cut.
    ///
    /// # Errors
    /// `Conflict` when it is not `indexing`, or not what was `claimed`; `NotFound`; `Database`.
    pub async fn fail_document(
        &self,
        claimed: &DocumentRecord,
        reason: FailureReason,
    ) -> Result<(), LedgerError> {
        let id = &claimed.id;
        let code = single_line(&reason.code, MAX_REASON_CODE_CHARS);
        let query = sqlx::query(
            "UPDATE documents SET state = 'failed', reason_code = $2, reason_text = $3, \
             updated = $4, claimed_by = NULL WHERE id = $1 AND state = 'indexing' AND revision = $5 \
             AND claimed_by IS NOT DISTINCT FROM $6",
        )
        .bind(id.as_str())
        .bind(&code)
        .bind(single_line(&reason.text, MAX_REASON_TEXT_CHARS))
        .bind(self.clock.now())
        .bind(claimed.revision)
        .bind(&claimed.claimed_by);
        self.settle_document(claimed, query, Some(&code)).await
    }

    /// Marks a document and the files within it as being deleted, from whatever state; marking
    /// twice is fine. The caller erases their passages, then calls [`Ledger::forget_document`] for
    /// each of the returned. A worker that has one in work learns of it when it finishes.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn mark_deleting(&self, id: &DocumentId) -> Result<Vec<DocumentRecord>, LedgerError> {
        let rows = sqlx::query(
            "WITH RECURSIVE parts (id) AS (SELECT id FROM documents WHERE id = $1 UNION \
             SELECT d.id FROM documents d JOIN parts p ON d.parent = p.id) \
             UPDATE documents SET state = 'deleting', reason_code = NULL, reason_text = NULL, \
             updated = $2 WHERE id IN (SELECT id FROM parts) RETURNING *",
        )
        .bind(id.as_str())
        .bind(self.clock.now())
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("mark a document as being deleted"))?;
        if rows.is_empty() {
            return Err(not_found(id));
        }
        rows.iter().map(record).collect()
    }

    /// Takes up a document in work anew: what it was read for changed meanwhile.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is not `indexing`, or not what was `claimed`; `Database`.
    pub async fn requeue_document(&self, claimed: &DocumentRecord) -> Result<(), LedgerError> {
        // The job that has it in work is not finished before it is.
        let query = sqlx::query(
            "UPDATE documents SET state = 'pending', claimed_by = NULL, updated = $2 \
             WHERE id = $1 AND state = 'indexing' AND claimed_by IS NOT DISTINCT FROM $3",
        )
        .bind(claimed.id.as_str())
        .bind(self.clock.now())
        .bind(&claimed.claimed_by);
        self.step(&claimed.id, query, "put a document back in the queue").await
    }

    /// Notes that the passages of a document have the details of `revision`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is not ready; `Database`.
    pub async fn note_placed(&self, id: &DocumentId, revision: u32) -> Result<(), LedgerError> {
        let query =
            sqlx::query("UPDATE documents SET placed = $2 WHERE id = $1 AND state = 'ready'")
                .bind(id.as_str())
                .bind(revision);
        self.step(id, query, "note a document's details").await
    }

    /// Ready documents whose passages have the details of an earlier revision: a crash came between
    /// the change and the store.
    ///
    /// # Errors
    /// `Database`.
    pub async fn misplaced_documents(&self) -> Result<Vec<DocumentRecord>, LedgerError> {
        sqlx::query("SELECT * FROM documents WHERE state = 'ready' AND placed <> revision")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list documents with other details"))?
            .iter()
            .map(record)
            .collect()
    }

    /// A searchable document of the same knowledge base with the same content.
    ///
    /// # Errors
    /// `Database`.
    pub async fn same_content(
        &self,
        record: &DocumentRecord,
    ) -> Result<Option<DocumentId>, LedgerError> {
        let id: Option<String> = sqlx::query_scalar(
            "SELECT id FROM documents WHERE knowledge_base = $1 AND sha256 = $2 \
             AND state = 'ready' AND id <> $3 ORDER BY id LIMIT 1",
        )
        .bind(record.knowledge_base.as_str())
        .bind(&record.sha256)
        .bind(record.id.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("look for the same content"))?;
        Ok(id.map(DocumentId::new))
    }

    /// Whether a document of the same knowledge base with the same content is yet to be searchable.
    ///
    /// # Errors
    /// `Database`.
    pub async fn same_content_waits(&self, record: &DocumentRecord) -> Result<bool, LedgerError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE knowledge_base = $1 AND sha256 = $2 \
             AND state IN ('pending', 'indexing') AND id <> $3)",
        )
        .bind(record.knowledge_base.as_str())
        .bind(&record.sha256)
        .bind(record.id.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(LedgerError::database("look for the same content"))
    }

    /// Takes up every document of a knowledge base anew, those that failed included: its passages
    /// are gone, or made by another version.
    ///
    /// # Errors
    /// `Database`.
    pub async fn requeue_knowledge_base(&self, id: &KnowledgeBaseId) -> Result<u64, LedgerError> {
        const OPERATION: &str = "put the documents of a knowledge base in the queue";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let done = sqlx::query(
            "UPDATE documents SET state = 'pending', reason_code = NULL, reason_text = NULL, \
             claimed_by = NULL, updated = $2 WHERE knowledge_base = $1 AND state <> 'deleting'",
        )
        .bind(id.as_str())
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() > 0 {
            queue_ingest(&mut transaction, now, id).await?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(done.rows_affected())
    }

    /// Documents being deleted whose erasure is not finished, oldest first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn deleting_documents(&self) -> Result<Vec<DocumentRecord>, LedgerError> {
        sqlx::query("SELECT * FROM documents WHERE state = 'deleting' ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the documents being deleted"))?
            .iter()
            .map(record)
            .collect()
    }

    /// Takes up what a crash or a stop left: documents in work are pending again, erasures to
    /// finish are returned. For the start only, before any worker runs; the server is the only
    /// process with workers.
    ///
    /// # Errors
    /// `Database`.
    pub async fn recover(&self) -> Result<Recovery, LedgerError> {
        let requeued = sqlx::query(
            "UPDATE documents SET state = 'pending', claimed_by = NULL, updated = $1 \
             WHERE state = 'indexing'",
        )
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("put documents back in the queue"))?
        .rows_affected();
        self.resume_knowledge_jobs().await?;
        let bases: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM knowledge_bases WHERE state = 'deleting' ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the knowledge bases being deleted"))?;
        Ok(Recovery {
            requeued,
            deleting: self.deleting_documents().await?,
            deleting_knowledge_bases: bases.into_iter().map(KnowledgeBaseId::new).collect(),
        })
    }

    /// Runs an update that ends the work on a document, counts it for the job that has it in work and
    /// tells of it, in one transaction. A job that got on has all its attempts again.
    async fn settle_document(
        &self,
        claimed: &DocumentRecord,
        query: Query<'_, Sqlite, SqliteArguments>,
        failure: Option<&str>,
    ) -> Result<(), LedgerError> {
        let (operation, counter) = match failure {
            None => ("finish a document", "done"),
            Some(_) => ("note a document's failure", "failed"),
        };
        let mut transaction = self.begin_write(operation).await?;
        let changed = query
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(operation))?
            .rows_affected();
        if changed == 0 {
            drop(transaction);
            return Err(self.why_not(&claimed.id, operation).await);
        }
        if let Some(owner) = &claimed.claimed_by {
            let statement = format!(
                "UPDATE jobs SET {counter} = {counter} + 1, attempts = 0, losses = 0 \
                 WHERE lease_owner = $1 AND state = 'running'"
            );
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(owner)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(operation))?;
        }
        self.emit_document(&mut transaction, claimed, failure).await?;
        transaction.commit().await.map_err(LedgerError::database(operation))?;
        self.announce();
        Ok(())
    }

    /// Runs an update that is conditional on the document's state; says why it changed nothing.
    async fn step(
        &self,
        id: &DocumentId,
        query: Query<'_, Sqlite, SqliteArguments>,
        operation: &'static str,
    ) -> Result<(), LedgerError> {
        let changed = query.execute(&self.pool).await.map_err(LedgerError::database(operation))?;
        if changed.rows_affected() > 0 {
            return Ok(());
        }
        Err(self.why_not(id, operation).await)
    }

    async fn why_not(&self, id: &DocumentId, operation: &'static str) -> LedgerError {
        let state = sqlx::query_scalar("SELECT state FROM documents WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await;
        match state {
            Err(error) => LedgerError::database(operation)(error),
            Ok(None) => not_found(id),
            Ok(Some(state)) => {
                let state: String = state;
                conflict(id, format!("is {state}"))
            }
        }
    }
}

/// The name of a format in the API.
fn format_name(format: DocumentFormat) -> Option<String> {
    Some(to_json(&format).trim_matches('"').to_owned())
}

/// `text` without control characters, cut to `max_chars`.
pub(crate) fn single_line(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
