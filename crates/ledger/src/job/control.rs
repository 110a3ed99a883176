//! Does what people want of jobs: pause, resume, cancel, another priority, another try; forgets
//! those that ended long ago.

use std::time::Duration;

use intramuros_types::{JobId, KnowledgeBaseId};
use sqlx::sqlite::SqliteConnection;

use super::lease::millis;
use super::records::{conflict, job, not_found};
use super::{INGEST, JobPriority, JobRecord, JobState, NewJob, REINDEX};
use crate::{Ledger, LedgerError};

/// Jobs that are forgotten in one go.
const PURGE: i64 = 200;

impl Ledger {
    /// Pauses a job: one that waits at once, one that runs when its attempt has stopped.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is finished or being cancelled; `Database`.
    pub async fn pause_job(&self, id: &JobId) -> Result<JobRecord, LedgerError> {
        let statement = "UPDATE jobs SET wanted = 'pause', \
             state = CASE state WHEN 'queued' THEN 'paused' ELSE state END \
             WHERE id = $1 AND state IN ('queued', 'running', 'paused') AND wanted <> 'cancel' \
             RETURNING *";
        self.steer(id, statement, "paused").await
    }

    /// Lets a paused job go on.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is finished or being cancelled; `Database`.
    pub async fn resume_job(&self, id: &JobId) -> Result<JobRecord, LedgerError> {
        let statement = "UPDATE jobs SET wanted = 'run', not_before = 0, \
             state = CASE state WHEN 'paused' THEN 'queued' ELSE state END \
             WHERE id = $1 AND state IN ('queued', 'running', 'paused') AND wanted <> 'cancel' \
             RETURNING *";
        self.steer(id, statement, "resumed").await
    }

    /// Stops a job for good: one that waits at once, one that runs when its attempt has stopped.
    /// What it has done stays.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is finished; `Database`.
    pub async fn cancel_job(&self, id: &JobId) -> Result<JobRecord, LedgerError> {
        let statement = "UPDATE jobs SET wanted = 'cancel', \
             state = CASE state WHEN 'running' THEN state ELSE 'cancelled' END, \
             finished = CASE state WHEN 'running' THEN NULL ELSE $2 END \
             WHERE id = $1 AND state IN ('queued', 'running', 'paused') RETURNING *";
        self.steer(id, statement, "cancelled").await
    }

    /// Gives a job that is not finished another priority.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is finished; `Database`.
    pub async fn prioritise_job(
        &self,
        id: &JobId,
        priority: JobPriority,
    ) -> Result<JobRecord, LedgerError> {
        let statement = match priority {
            JobPriority::High => {
                "UPDATE jobs SET priority = 0 WHERE id = $1 \
                 AND state IN ('queued', 'running', 'paused') RETURNING *"
            }
            JobPriority::Normal => {
                "UPDATE jobs SET priority = 1 WHERE id = $1 \
                 AND state IN ('queued', 'running', 'paused') RETURNING *"
            }
            JobPriority::Low => {
                "UPDATE jobs SET priority = 2 WHERE id = $1 \
                 AND state IN ('queued', 'running', 'paused') RETURNING *"
            }
        };
        self.steer(id, statement, "given another priority").await
    }

    async fn steer(
        &self,
        id: &JobId,
        statement: &'static str,
        what: &str,
    ) -> Result<JobRecord, LedgerError> {
        const OPERATION: &str = "change a job";
        let now = self.clock.now();
        let row = sqlx::query(statement)
            .bind(id.as_str())
            .bind(now)
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if let Some(row) = row {
            self.jobs_changed.notify_one();
            return job(&row, now);
        }
        let found = self.get_job(id).await?;
        let state = match found.state {
            JobState::Running | JobState::Queued | JobState::Paused => "being cancelled",
            state @ (JobState::Done | JobState::Failed | JobState::Cancelled) => state.as_str(),
        };
        Err(conflict(id, &format!("is {state} and cannot be {what}")))
    }

    /// Tries a job again that failed, was cancelled, or is done but for some items. Items that are
    /// done stay done, those that failed get all their attempts; the documents that failed are the
    /// items of a job that makes them searchable.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when there is nothing to try again, or another job does the same;
    /// `Database`.
    pub async fn retry_failed(&self, id: &JobId) -> Result<JobRecord, LedgerError> {
        const OPERATION: &str = "try a job again";
        let mut transaction = self.begin_write(OPERATION).await?;
        let row = sqlx::query("SELECT * FROM jobs WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let now = self.clock.now();
        let before = row.as_ref().map_or_else(|| Err(not_found(id)), |row| job(row, now))?;
        match before.state {
            JobState::Queued | JobState::Running | JobState::Paused => {
                let state = before.state.as_str();
                return Err(conflict(id, &format!("is {state}; it is not finished")));
            }
            JobState::Done if before.progress.failed == 0 => {
                return Err(conflict(id, "is done; nothing of it failed"));
            }
            JobState::Done | JobState::Failed | JobState::Cancelled => {}
        }
        retry_parts(&mut transaction, &before, now).await?;
        let retried = sqlx::query(
            "UPDATE jobs SET state = 'queued', wanted = 'run', finished = NULL, not_before = 0, \
             attempts = 0, losses = 0, failed = (SELECT COUNT(*) FROM job_items WHERE job = $1 \
             AND state = 'failed') WHERE id = $1 RETURNING *",
        )
        .bind(id.as_str())
        .fetch_one(&mut *transaction)
        .await;
        let row = match retried {
            Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => {
                return Err(conflict(id, "is not needed: another job does the same"));
            }
            retried => retried.map_err(LedgerError::database(OPERATION))?,
        };
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        job(&row, now)
    }

    /// Forgets jobs that ended longer ago than `kept`, a few at a time; returns how many. Those
    /// whose cancellation still keeps documents or an index waiting stay.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_finished_jobs(&self, kept: Duration) -> Result<u64, LedgerError> {
        let gone = sqlx::query(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished < $1 \
             AND NOT (state = 'cancelled' AND kind IN ($3, $4)) ORDER BY finished LIMIT $2)",
        )
        .bind(self.clock.now().saturating_sub(millis(kept)))
        .bind(PURGE)
        .bind(INGEST)
        .bind(REINDEX)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("forget jobs that ended"))?;
        Ok(gone.rows_affected())
    }
}

/// Which jobs are cancelled because what they are about goes.
pub(crate) enum Cancelled<'a> {
    /// The one of this kind and key.
    One(&'a NewJob),
    /// All of a knowledge base.
    Of(&'a KnowledgeBaseId),
}

/// Cancels jobs that are not finished; those that run when their attempts have stopped.
pub(crate) async fn cancel_jobs(
    connection: &mut SqliteConnection,
    now: i64,
    which: Cancelled<'_>,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "cancel jobs";
    let query = match &which {
        Cancelled::One(job) => sqlx::query(
            "UPDATE jobs SET wanted = 'cancel', \
             state = CASE state WHEN 'running' THEN state ELSE 'cancelled' END, \
             finished = CASE state WHEN 'running' THEN NULL ELSE $1 END \
             WHERE kind = $2 AND unique_key = $3 AND state IN ('queued', 'running', 'paused')",
        )
        .bind(now)
        .bind(&job.kind)
        .bind(&job.unique_key),
        Cancelled::Of(base) => sqlx::query(
            "UPDATE jobs SET wanted = 'cancel', \
             state = CASE state WHEN 'running' THEN state ELSE 'cancelled' END, \
             finished = CASE state WHEN 'running' THEN NULL ELSE $1 END \
             WHERE knowledge_base = $2 AND state IN ('queued', 'running', 'paused')",
        )
        .bind(now)
        .bind(base.as_str()),
    };
    query.execute(connection).await.map_err(LedgerError::database(OPERATION))?;
    Ok(())
}

/// Puts what failed of a job back.
async fn retry_parts(
    connection: &mut SqliteConnection,
    before: &JobRecord,
    now: i64,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "try the items of a job again";
    sqlx::query(
        "UPDATE job_items SET state = 'pending', attempts = 0, losses = 0, not_before = 0 \
         WHERE job = $1 AND state = 'failed'",
    )
    .bind(before.id.as_str())
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    if let (INGEST, Some(base)) = (before.kind.as_str(), &before.knowledge_base) {
        sqlx::query(
            "UPDATE documents SET state = 'pending', reason_code = NULL, reason_text = NULL, \
             updated = $2 WHERE knowledge_base = $1 AND state = 'failed'",
        )
        .bind(base.as_str())
        .bind(now)
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(())
}
