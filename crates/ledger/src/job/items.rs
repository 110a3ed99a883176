//! Hands the items of a job to its attempt and notes what became of them.

use intramuros_types::JobId;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use time::OffsetDateTime;

use super::lease::held;
use super::records::{
    MAX_KEY_CHARS, check_limit, conflict, failure, json_text, not_found, unknown,
};
use super::{ItemState, JobItem, Lease, NewItem};
use crate::document::{from_json, single_line};
use crate::moment::{from_millis, to_millis};
use crate::{FailureReason, Ledger, LedgerError, validate};

/// The most items of one job.
const MAX_ITEMS: i64 = 1_000_000;
const MAX_CODE_CHARS: usize = 64;
const MAX_TEXT_CHARS: usize = 1000;

/// The condition that the attempt still has the job; `$1` is the job, `$2` the owner.
macro_rules! while_leased {
    ($start:literal, $end:literal) => {
        concat!(
            $start,
            " AND EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND lease_owner = $2 \
             AND state = 'running')",
            $end
        )
    };
}

impl Ledger {
    /// Adds items to a job, after those that it has.
    ///
    /// # Errors
    /// `LeaseLost`; `Invalid` for an item beyond its limits; `Conflict` for a key that the job has
    /// already; `Database`.
    pub async fn add_items(&self, lease: &Lease, items: &[NewItem]) -> Result<(), LedgerError> {
        const OPERATION: &str = "add items to a job";
        let mut transaction = self.begin_write(OPERATION).await?;
        let before: Option<i64> = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM job_items WHERE job = $1) FROM jobs \
             WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
        )
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        held(lease, u64::from(before.is_some()))?;
        insert(&mut transaction, &lease.job, before.unwrap_or(0), items).await?;
        sqlx::query(
            "UPDATE jobs SET total = (SELECT COUNT(*) FROM job_items WHERE job = $1) WHERE id = $1",
        )
        .bind(lease.job.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Takes up to `limit` items into work that are due, in their order. None for an attempt that
    /// lost its lease, which it learns from its next call.
    ///
    /// # Errors
    /// `Database`.
    pub async fn claim_items(
        &self,
        lease: &Lease,
        limit: u32,
    ) -> Result<Vec<JobItem>, LedgerError> {
        const OPERATION: &str = "claim items of a job";
        let now = self.clock.now();
        let rows = sqlx::query(while_leased!(
            "UPDATE job_items SET state = 'running', attempts = attempts + 1 WHERE job = $1 \
             AND state = 'pending' AND ordinal IN (SELECT ordinal FROM job_items WHERE job = $1 \
             AND state = 'pending' AND not_before <= $3 ORDER BY ordinal LIMIT $4)",
            " RETURNING *"
        ))
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(now)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut items = rows.iter().map(|row| item(row, now)).collect::<Result<Vec<_>, _>>()?;
        items.sort_unstable_by_key(|item| item.ordinal);
        Ok(items)
    }

    /// When the next item that waits may be begun, which may be past; `None` when none waits.
    ///
    /// # Errors
    /// `Database`.
    pub async fn next_item_due(&self, job: &JobId) -> Result<Option<OffsetDateTime>, LedgerError> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM job_items WHERE job = $1 \
             AND state = 'pending' AND not_before = 0) THEN 0 ELSE (SELECT not_before \
             FROM job_items WHERE job = $1 AND state = 'pending' AND not_before > 0 \
             ORDER BY not_before LIMIT 1) END",
        )
        .bind(job.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(LedgerError::database("look for the next item of a job"))?;
        Ok(due.map(from_millis))
    }

    /// Notes the result of an item in work and counts it, in one transaction.
    ///
    /// # Errors
    /// `LeaseLost`, so that nothing is applied twice; `Conflict` when it is not in work; `Invalid`
    /// for a result beyond 256 KiB; `Database`.
    pub async fn complete_item(
        &self,
        lease: &Lease,
        ordinal: u64,
        result: &Value,
    ) -> Result<(), LedgerError> {
        let result = json_text("result", result)?;
        let statement = while_leased!(
            "UPDATE job_items SET state = 'done', result = $4, error_code = NULL, \
             error_text = NULL WHERE job = $1 AND ordinal = $3 AND state = 'running'",
            ""
        );
        let query = sqlx::query(statement)
            .bind(lease.job.as_str())
            .bind(&lease.owner)
            .bind(number(ordinal))
            .bind(result);
        self.settle_item(lease, query, "UPDATE jobs SET done = done + 1, ").await
    }

    /// Notes that an item in work failed for good, and counts it.
    ///
    /// # Errors
    /// `LeaseLost`; `Conflict` when it is not in work; `Database`.
    pub async fn fail_item(
        &self,
        lease: &Lease,
        ordinal: u64,
        reason: &FailureReason,
    ) -> Result<(), LedgerError> {
        let statement = while_leased!(
            "UPDATE job_items SET state = 'failed', error_code = $4, error_text = $5 \
             WHERE job = $1 AND ordinal = $3 AND state = 'running'",
            ""
        );
        let query = sqlx::query(statement)
            .bind(lease.job.as_str())
            .bind(&lease.owner)
            .bind(number(ordinal))
            .bind(single_line(&reason.code, MAX_CODE_CHARS))
            .bind(single_line(&reason.text, MAX_TEXT_CHARS));
        self.settle_item(lease, query, "UPDATE jobs SET failed = failed + 1, ").await
    }

    /// Puts an item in work back for another attempt from `not_before` on; without a reason this
    /// attempt does not count.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn retry_item(
        &self,
        lease: &Lease,
        ordinal: u64,
        reason: Option<&FailureReason>,
        not_before: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let done = sqlx::query(while_leased!(
            "UPDATE job_items SET state = 'pending', not_before = $4, \
             attempts = CASE WHEN $5 IS NULL THEN attempts - 1 ELSE attempts END, \
             error_code = COALESCE($5, error_code), error_text = COALESCE($6, error_text) \
             WHERE job = $1 AND ordinal = $3 AND state = 'running'",
            ""
        ))
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(number(ordinal))
        .bind(to_millis(not_before))
        .bind(reason.map(|reason| single_line(&reason.code, MAX_CODE_CHARS)))
        .bind(reason.map(|reason| single_line(&reason.text, MAX_TEXT_CHARS)))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("put an item of a job back"))?;
        held(lease, done.rows_affected())
    }

    /// Takes items that are done up again: what came of them does not hold any more.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn redo_items(&self, lease: &Lease, ordinals: &[u64]) -> Result<(), LedgerError> {
        const OPERATION: &str = "take up items of a job anew";
        let mut transaction = self.begin_write(OPERATION).await?;
        for ordinal in ordinals {
            let redone = sqlx::query(while_leased!(
                "UPDATE job_items SET state = 'pending', result = NULL, attempts = 0, losses = 0, \
                 not_before = 0 WHERE job = $1 AND ordinal = $3 AND state = 'done'",
                ""
            ))
            .bind(lease.job.as_str())
            .bind(&lease.owner)
            .bind(number(*ordinal))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            held(lease, redone.rows_affected())?;
        }
        sqlx::query("UPDATE jobs SET done = done - $2, pace_from = done - $2 WHERE id = $1")
            .bind(lease.job.as_str())
            .bind(ordinals.len() as i64)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// A page of the items of a job, in their order, from `from` on.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a limit of 0 or beyond [`JobPage::MAX_LIMIT`](super::JobPage);
    /// `Database`.
    pub async fn list_items(
        &self,
        job: &JobId,
        state: Option<ItemState>,
        from: u64,
        limit: u32,
    ) -> Result<Vec<JobItem>, LedgerError> {
        const OPERATION: &str = "list the items of a job";
        check_limit(limit)?;
        let exists: Option<i64> = sqlx::query_scalar("SELECT 1 FROM jobs WHERE id = $1")
            .bind(job.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        exists.ok_or_else(|| not_found(job))?;
        let statement = match state {
            Some(_) => {
                "SELECT * FROM job_items WHERE job = $1 AND state = $4 AND ordinal >= $2 \
                 ORDER BY ordinal LIMIT $3"
            }
            None => {
                "SELECT * FROM job_items WHERE job = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3"
            }
        };
        let now = self.clock.now();
        sqlx::query(statement)
            .bind(job.as_str())
            .bind(number(from))
            .bind(limit)
            .bind(state.map(ItemState::as_str))
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?
            .iter()
            .map(|row| item(row, now))
            .collect()
    }

    /// Runs an update of an item that asks for the lease, and counts it. A job that got on has all
    /// its attempts again.
    async fn settle_item(
        &self,
        lease: &Lease,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
        count: &'static str,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "note what became of an item of a job";
        let mut transaction = self.begin_write(OPERATION).await?;
        let settled = query
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?
            .rows_affected();
        let statement = format!(
            "{count} attempts = 0, losses = 0 WHERE id = $1 AND lease_owner = $2 \
             AND state = 'running'"
        );
        let counted = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(lease.job.as_str())
            .bind(&lease.owner)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        held(lease, counted.rows_affected())?;
        if settled == 0 {
            return Err(conflict(&lease.job, "does not have this item in work"));
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }
}

/// Stores items of a job that has `before` of them.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    job: &JobId,
    before: i64,
    items: &[NewItem],
) -> Result<(), LedgerError> {
    if before + items.len() as i64 > MAX_ITEMS {
        let reason = format!("are more than {MAX_ITEMS} of one job");
        return Err(LedgerError::Invalid { name: "items", reason });
    }
    for (at, item) in items.iter().enumerate() {
        validate::text("key", &item.key, MAX_KEY_CHARS)?;
        let inserted = sqlx::query(
            "INSERT INTO job_items (job, ordinal, key, payload, state, attempts, losses, \
             not_before) VALUES ($1, $2, $3, $4, 'pending', 0, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(job.as_str())
        .bind(before + at as i64)
        .bind(&item.key)
        .bind(json_text("payload", &item.payload)?)
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database("add items to a job"))?;
        if inserted.rows_affected() == 0 {
            return Err(conflict(job, &format!("has two items '{}'", item.key)));
        }
    }
    Ok(())
}

fn number(ordinal: u64) -> i64 {
    i64::try_from(ordinal).unwrap_or(i64::MAX)
}

fn item(row: &SqliteRow, now: i64) -> Result<JobItem, LedgerError> {
    read(row, now).map_err(LedgerError::database("read an item of a job"))
}

fn read(row: &SqliteRow, now: i64) -> Result<JobItem, sqlx::Error> {
    let state: &str = row.try_get("state")?;
    let result: Option<&str> = row.try_get("result")?;
    Ok(JobItem {
        ordinal: row.try_get::<i64, _>("ordinal")?.unsigned_abs(),
        key: row.try_get("key")?,
        payload: from_json(row.try_get("payload")?)?,
        state: ItemState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| unknown("item state", state))?,
        attempts: row.try_get("attempts")?,
        not_before: Some(row.try_get("not_before")?).filter(|at| *at > now).map(from_millis),
        result: result.map(from_json).transpose()?,
        failure: failure(row)?,
    })
}
