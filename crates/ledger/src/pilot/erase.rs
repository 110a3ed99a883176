//! Erases what sets and runs say, and who made them; removes what was kept long enough.
//!
//! Contents go: items, results, what a run was run with. That there was an item, and how it went,
//! stays, so that figures that somebody decided by can still be explained.

use intramuros_types::{DocumentId, KnowledgeBaseId, UserId};
use sqlx::sqlite::SqliteConnection;
use time::OffsetDateTime;

use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

/// Results that go at once.
const BATCH: i64 = 2_000;

impl Ledger {
    /// Removes some of the oldest run that ended before `before` and vouches for no threshold that is
    /// in force: results, and at last the run itself; how many rows. The caller goes on until there
    /// is none. What is half removed is not taken for a finished run.
    ///
    /// # Errors
    /// `Database`.
    pub async fn prune_pilot_runs(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        const OPERATION: &str = "remove old runs";
        let mut transaction = self.begin_write(OPERATION).await?;
        let id: Option<String> = sqlx::query_scalar(
            "UPDATE pilot_runs SET state = 'failed', error_code = 'pruned' WHERE id = (SELECT id \
             FROM pilot_runs WHERE ended < $1 AND state <> 'running' AND NOT EXISTS (SELECT 1 FROM \
             pilot_thresholds WHERE run = pilot_runs.id AND active = 1) ORDER BY ended, id LIMIT 1) \
             RETURNING id",
        )
        .bind(to_millis(before))
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(id) = id else { return Ok(0) };
        let mut removed = sqlx::query(
            "DELETE FROM pilot_run_items WHERE run = $1 AND ordinal IN (SELECT ordinal FROM \
             pilot_run_items WHERE run = $1 ORDER BY ordinal LIMIT $2)",
        )
        .bind(&id)
        .bind(BATCH)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?
        .rows_affected();
        if removed < BATCH.unsigned_abs() {
            let done = sqlx::query("DELETE FROM pilot_runs WHERE id = $1")
                .bind(&id)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
            removed += done.rows_affected();
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(removed)
    }

    /// Removes the oldest set that was filed before `before` and has no runs, whole: a set that lacks
    /// items must not be run. How many sets; the caller goes on until there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn prune_pilot_sets(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        // What hangs on it goes with it.
        let removed = sqlx::query(
            "DELETE FROM pilot_sets WHERE id = (SELECT id FROM pilot_sets WHERE created < $1 \
             AND NOT EXISTS (SELECT 1 FROM pilot_runs WHERE pilot_set = pilot_sets.id) \
             ORDER BY created, id LIMIT 1)",
        )
        .bind(to_millis(before))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("remove old sets"))?
        .rows_affected();
        if removed > 0 {
            self.forget_erased().await;
        }
        Ok(removed)
    }
}

/// Erases the results that quote a document, in the transaction that forgets it.
pub(crate) async fn erase_of_document(
    connection: &mut SqliteConnection,
    id: &DocumentId,
) -> Result<u64, LedgerError> {
    let erased = sqlx::query(
        "UPDATE pilot_run_items SET result = 'null' WHERE (run, ordinal) IN \
         (SELECT run, ordinal FROM pilot_run_documents WHERE document = $1)",
    )
    .bind(id.as_str())
    .execute(connection)
    .await
    .map_err(LedgerError::database("erase results that quote a document"))?;
    Ok(erased.rows_affected())
}

/// Erases the results of a knowledge base, in the transaction that forgets it.
pub(crate) async fn erase_of_base(
    connection: &mut SqliteConnection,
    id: &KnowledgeBaseId,
) -> Result<u64, LedgerError> {
    let erased = sqlx::query(
        "UPDATE pilot_run_items SET result = 'null' WHERE run IN \
         (SELECT id FROM pilot_runs WHERE knowledge_base = $1)",
    )
    .bind(id.as_str())
    .execute(connection)
    .await
    .map_err(LedgerError::database("erase results of a knowledge base"))?;
    Ok(erased.rows_affected())
}

/// Puts `pseudonym` in the place of a user, in the transaction that erases the user; how many times
/// they were named.
pub(crate) async fn forget_person(
    connection: &mut SqliteConnection,
    user: &UserId,
    pseudonym: &str,
) -> Result<u64, LedgerError> {
    let mut named = 0;
    for statement in [
        "UPDATE pilot_sets SET created_by = $2 WHERE created_by = $1",
        "UPDATE pilot_runs SET created_by = $2 WHERE created_by = $1",
        "UPDATE pilot_thresholds SET accepted_by = $2 WHERE accepted_by = $1",
        "UPDATE pilot_thresholds SET ended_by = $2 WHERE ended_by = $1",
        "UPDATE model_switches SET switched_by = $2 WHERE switched_by = $1",
        "UPDATE model_switches SET rolled_back_by = $2 WHERE rolled_back_by = $1",
    ] {
        let done = sqlx::query(statement)
            .bind(user.as_str())
            .bind(pseudonym)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database("forget who made pilots"))?;
        named += done.rows_affected();
    }
    Ok(named)
}
