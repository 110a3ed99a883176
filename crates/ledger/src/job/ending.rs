//! Ends attempts: what becomes of the job, of its items in work and of its documents in work.
//!
//! Every ending asks for the lease in the statement that changes the job, in one transaction with
//! the rest, so that an attempt whose lease was lost ends nothing.

use sqlx::sqlite::SqliteConnection;
use time::OffsetDateTime;

use super::Lease;
use super::lease::held;
use crate::document::single_line;
use crate::moment::to_millis;
use crate::{FailureReason, Ledger, LedgerError};

/// Attempts that may end with their process, without the job or the item having got on, before it
/// has failed: something in it ends the process each time.
pub(super) const MAX_LOSSES: i64 = 50;

const MAX_CODE_CHARS: usize = 64;
const MAX_TEXT_CHARS: usize = 1000;

/// What a job becomes when an attempt ends and it is not finished: what people want of it.
const BY_WISH: &str = "state = CASE wanted WHEN 'pause' THEN 'paused' WHEN 'cancel' THEN \
    'cancelled' ELSE 'queued' END, finished = CASE wanted WHEN 'cancel' THEN $3 ELSE NULL END, \
    lease_owner = NULL, lease_until = NULL, pace_since = NULL";

/// The end of each statement: only while the lease holds.
const WHILE_HELD: &str = "WHERE id = $1 AND lease_owner = $2 AND state = 'running'";

impl Ledger {
    /// Ends an attempt that has done all.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn finish_job(&self, lease: &Lease) -> Result<(), LedgerError> {
        const OPERATION: &str = "finish a job";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        finish(&mut transaction, lease, now).await?;
        self.emit_job(&mut transaction, &lease.job).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(())
    }

    /// Ends an attempt after which none can succeed.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn fail_job(&self, lease: &Lease, reason: &FailureReason) -> Result<(), LedgerError> {
        let statement = format!(
            "UPDATE jobs SET state = 'failed', finished = $3, lease_owner = NULL, \
             lease_until = NULL, pace_since = NULL, error_code = $4, error_text = $5 {WHILE_HELD}"
        );
        self.end(lease, statement, Some(reason), 0).await
    }

    /// Ends an attempt after which another may succeed, from `not_before` on; the job has failed
    /// when it had all that it may have.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn retry_job(
        &self,
        lease: &Lease,
        reason: &FailureReason,
        not_before: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let over = "max_attempts IS NOT NULL AND attempts >= max_attempts";
        let statement = format!(
            "UPDATE jobs SET state = CASE WHEN wanted = 'cancel' THEN 'cancelled' \
             WHEN {over} THEN 'failed' WHEN wanted = 'pause' THEN 'paused' ELSE 'queued' END, \
             finished = CASE WHEN wanted = 'cancel' OR ({over}) THEN $3 ELSE NULL END, \
             lease_owner = NULL, lease_until = NULL, pace_since = NULL, not_before = $6, \
             error_code = $4, error_text = $5 {WHILE_HELD}"
        );
        self.end(lease, statement, Some(reason), to_millis(not_before)).await
    }

    /// Ends an attempt that was told to stop: the job waits, is paused or is cancelled, as people
    /// want. It was nobody's fault, so it does not count.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn release_job(&self, lease: &Lease) -> Result<(), LedgerError> {
        let statement = format!(
            "UPDATE jobs SET attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END, \
             {BY_WISH} {WHILE_HELD}"
        );
        self.end(lease, statement, None, 0).await
    }

    async fn end(
        &self,
        lease: &Lease,
        statement: String,
        reason: Option<&FailureReason>,
        not_before: i64,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "end an attempt at a job";
        let mut transaction = self.begin_write(OPERATION).await?;
        let ended = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(lease.job.as_str())
            .bind(&lease.owner)
            .bind(self.clock.now())
            .bind(reason.map(|reason| single_line(&reason.code, MAX_CODE_CHARS)))
            .bind(reason.map(|reason| single_line(&reason.text, MAX_TEXT_CHARS)))
            .bind(not_before)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        held(lease, ended.rows_affected())?;
        release_items(&mut transaction, lease).await?;
        release_documents(&mut transaction, lease, self.clock.now()).await?;
        self.emit_job(&mut transaction, &lease.job).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        self.announce();
        Ok(())
    }
}

/// Ends an attempt that has done all, in a transaction with what it stores at its end.
pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    lease: &Lease,
    now: i64,
) -> Result<(), LedgerError> {
    let statement = format!(
        "UPDATE jobs SET state = 'done', finished = $3, lease_owner = NULL, lease_until = NULL, \
         pace_since = NULL, error_code = NULL, error_text = NULL {WHILE_HELD}"
    );
    let finished = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(now)
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database("finish a job"))?;
    held(lease, finished.rows_affected())?;
    release_items(connection, lease).await?;
    release_documents(connection, lease, now).await
}

/// Ends an attempt that ended with its process; whether there was one.
pub(super) async fn take_back(
    connection: &mut SqliteConnection,
    lease: &Lease,
    now: i64,
) -> Result<bool, LedgerError> {
    const OPERATION: &str = "take back a job";
    let statement = format!(
        "UPDATE jobs SET losses = losses + 1, \
         attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END, {BY_WISH} {WHILE_HELD}"
    );
    let taken = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(now)
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    for statement in [
        // An item that is given up is a way to get on.
        "UPDATE jobs SET losses = 0, failed = failed + (SELECT COUNT(*) FROM job_items \
         WHERE job = $1 AND state = 'running' AND losses + 1 >= $2) WHERE id = $1 AND EXISTS \
         (SELECT 1 FROM job_items WHERE job = $1 AND state = 'running' AND losses + 1 >= $2)",
        "UPDATE jobs SET state = 'failed', finished = $3, error_code = 'interrupted', \
         error_text = 'the process ended each time it was tried' \
         WHERE id = $1 AND state = 'queued' AND losses >= $2 AND max_attempts IS NOT NULL",
        "UPDATE job_items SET losses = losses + 1, attempts = attempts - 1, \
         state = CASE WHEN losses + 1 >= $2 THEN 'failed' ELSE 'pending' END, \
         error_code = CASE WHEN losses + 1 >= $2 THEN 'interrupted' ELSE error_code END, \
         error_text = CASE WHEN losses + 1 >= $2 THEN 'the process ended each time it was tried' \
         ELSE error_text END WHERE job = $1 AND state = 'running'",
    ] {
        sqlx::query(statement)
            .bind(lease.job.as_str())
            .bind(MAX_LOSSES)
            .bind(now)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    }
    release_documents(connection, lease, now).await?;
    Ok(true)
}

/// Puts back the items in work: an attempt of theirs that was not finished does not count.
async fn release_items(
    connection: &mut SqliteConnection,
    lease: &Lease,
) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE job_items SET state = 'pending', attempts = attempts - 1 \
         WHERE job = $1 AND state = 'running'",
    )
    .bind(lease.job.as_str())
    .execute(connection)
    .await
    .map_err(LedgerError::database("put back the items of a job"))?;
    Ok(())
}

/// Puts back the documents that the attempt has in work.
pub(super) async fn release_documents(
    connection: &mut SqliteConnection,
    lease: &Lease,
    now: i64,
) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE documents SET state = 'pending', claimed_by = NULL, updated = $2 \
         WHERE state = 'indexing' AND claimed_by = $1",
    )
    .bind(&lease.owner)
    .bind(now)
    .execute(connection)
    .await
    .map_err(LedgerError::database("put back the documents of a job"))?;
    Ok(())
}
