//! Creates, reads and lists jobs.

use std::time::Duration;

use intramuros_types::{JobId, KnowledgeBaseId};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;

use super::{
    Enqueued, JobPage, JobPriority, JobProgress, JobRecord, JobState, JobWish, NewItem, NewJob,
};
use crate::document::{from_json, to_json};
use crate::moment::{from_millis, to_millis};
use crate::{FailureReason, Ledger, LedgerError, validate};

/// `review.` and the kind of a review.
const MAX_KIND_CHARS: usize = 80;
const MAX_TITLE_CHARS: usize = 200;
const MAX_BY_CHARS: usize = 100;
pub(super) const MAX_KEY_CHARS: usize = 300;
/// Of parameters, of an item's payload and of its result.
pub(super) const MAX_JSON_BYTES: usize = 256 << 10;

impl Ledger {
    /// Puts a job in the queue, with its items where they are known already.
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits; `Conflict` for two items of one key; `Database`.
    pub async fn create_job(
        &self,
        new: NewJob,
        items: &[NewItem],
    ) -> Result<Enqueued, LedgerError> {
        const OPERATION: &str = "create a job";
        let mut transaction = self.begin_write(OPERATION).await?;
        let enqueued = enqueue(&mut transaction, self.clock.now(), &new, items).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(enqueued)
    }

    /// The job `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_job(&self, id: &JobId) -> Result<JobRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM jobs WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a job"))?;
        let now = self.clock.now();
        row.as_ref().map_or_else(|| Err(not_found(id)), |row| job(row, now))
    }

    /// The newest job of `kind` with this unique key, whatever its state.
    ///
    /// # Errors
    /// `Database`.
    pub async fn newest_job(
        &self,
        kind: &str,
        unique_key: &str,
    ) -> Result<Option<JobRecord>, LedgerError> {
        let now = self.clock.now();
        sqlx::query(
            "SELECT * FROM jobs WHERE kind = $1 AND unique_key = $2 ORDER BY id DESC LIMIT 1",
        )
        .bind(kind)
        .bind(unique_key)
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("read a job"))?
        .map(|row| job(&row, now))
        .transpose()
    }

    /// A page of the jobs, newest first; with it what to pass as [`JobPage::after`] to go on.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`JobPage::MAX_LIMIT`]; `Database`.
    pub async fn list_jobs(
        &self,
        page: &JobPage,
    ) -> Result<(Vec<JobRecord>, Option<JobId>), LedgerError> {
        check_limit(page.limit)?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT * FROM jobs WHERE 1 = 1");
        if let Some(state) = page.state {
            query.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some(kind) = &page.kind {
            query.push(" AND kind = ").push_bind(kind);
        }
        if let Some(after) = &page.after {
            query.push(" AND id < ").push_bind(after.as_str());
        }
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the jobs"))?;
        let now = self.clock.now();
        let mut jobs = rows.iter().map(|row| job(row, now)).collect::<Result<Vec<_>, _>>()?;
        let more = jobs.len() > page.limit as usize;
        jobs.truncate(page.limit as usize);
        let next = jobs.last().filter(|_| more).map(|last| last.id.clone());
        Ok((jobs, next))
    }
}

/// Puts a job in the queue, unless there is an unfinished one of its kind and key.
pub(crate) async fn enqueue(
    connection: &mut SqliteConnection,
    now: i64,
    new: &NewJob,
    items: &[NewItem],
) -> Result<Enqueued, LedgerError> {
    const OPERATION: &str = "create a job";
    check(new)?;
    let row = sqlx::query(
        "INSERT INTO jobs (id, kind, title, knowledge_base, priority, state, wanted, params, \
         created, created_by, not_before, attempts, losses, max_attempts, total, done, failed, \
         pace_from, unique_key) VALUES ($1, $2, $3, $4, $5, 'queued', 'run', $6, $7, $8, $9, 0, 0, \
         $10, $11, 0, 0, 0, $12) ON CONFLICT DO NOTHING RETURNING *",
    )
    .bind(format!("job_{}", Uuid::now_v7().simple()))
    .bind(&new.kind)
    .bind(&new.title)
    .bind(new.knowledge_base.as_ref().map(KnowledgeBaseId::as_str))
    .bind(new.priority as i64)
    .bind(json_text("params", &new.params)?)
    .bind(now)
    .bind(&new.created_by)
    .bind(new.not_before.map_or(0, to_millis))
    .bind(new.max_attempts)
    .bind(Some(items.len() as i64).filter(|count| *count > 0))
    .bind(&new.unique_key)
    .fetch_optional(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    if let Some(row) = row {
        let new = job(&row, now)?;
        super::items::insert(connection, &new.id, 0, items).await?;
        return Ok(Enqueued::New(new));
    }
    let row = sqlx::query(
        "SELECT * FROM jobs WHERE kind = $1 AND unique_key = $2 \
         AND state IN ('queued', 'running', 'paused')",
    )
    .bind(&new.kind)
    .bind(&new.unique_key)
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok(Enqueued::Existing(job(&row, now)?))
}

fn check(new: &NewJob) -> Result<(), LedgerError> {
    validate::kind("kind", &new.kind, MAX_KIND_CHARS)?;
    validate::text("title", &new.title, MAX_TITLE_CHARS)?;
    validate::text("created_by", &new.created_by, MAX_BY_CHARS)?;
    if let Some(key) = &new.unique_key {
        validate::text("unique_key", key, MAX_KEY_CHARS)?;
    }
    if new.max_attempts == Some(0) {
        let reason = "is 0, it must be at least 1".to_owned();
        return Err(LedgerError::Invalid { name: "max_attempts", reason });
    }
    Ok(())
}

/// `value` as it is stored.
pub(super) fn json_text(name: &'static str, value: &Value) -> Result<String, LedgerError> {
    let text = to_json(value);
    if text.len() <= MAX_JSON_BYTES {
        return Ok(text);
    }
    let reason = format!("has {} bytes of JSON, the limit is {MAX_JSON_BYTES}", text.len());
    Err(LedgerError::Invalid { name, reason })
}

pub(super) fn check_limit(limit: u32) -> Result<(), LedgerError> {
    if (1..=JobPage::MAX_LIMIT).contains(&limit) {
        return Ok(());
    }
    let reason = format!("is {limit}, it must be 1 to {}", JobPage::MAX_LIMIT);
    Err(LedgerError::Invalid { name: "limit", reason })
}

pub(super) fn not_found(id: &JobId) -> LedgerError {
    LedgerError::NotFound { what: "job", id: id.to_string() }
}

pub(super) fn conflict(id: &JobId, reason: &str) -> LedgerError {
    LedgerError::Conflict { what: "job", id: id.to_string(), reason: reason.to_owned() }
}

pub(crate) fn job(row: &SqliteRow, now: i64) -> Result<JobRecord, LedgerError> {
    read(row, now).map_err(LedgerError::database("read a job"))
}

fn read(row: &SqliteRow, now: i64) -> Result<JobRecord, sqlx::Error> {
    let moment = |name: &str| row.try_get::<Option<i64>, _>(name);
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    let state = state(row.try_get("state")?)?;
    let progress = JobProgress {
        total: moment("total")?.map(i64::unsigned_abs),
        done: count("done")?,
        failed: count("failed")?,
    };
    let pace = moment("pace_since")?.filter(|_| state == JobState::Running);
    let before = count("pace_from")?;
    Ok(JobRecord {
        id: JobId::new(row.try_get::<String, _>("id")?),
        kind: row.try_get("kind")?,
        title: row.try_get("title")?,
        knowledge_base: row
            .try_get::<Option<String>, _>("knowledge_base")?
            .map(KnowledgeBaseId::new),
        priority: priority(row.try_get("priority")?)?,
        state,
        wanted: wish(row.try_get("wanted")?)?,
        params: from_json(row.try_get("params")?)?,
        created: from_millis(row.try_get("created")?),
        created_by: row.try_get("created_by")?,
        not_before: Some(row.try_get("not_before")?).filter(|at| *at > now).map(from_millis),
        started: moment("started")?.map(from_millis),
        finished: moment("finished")?.map(from_millis),
        attempts: row.try_get("attempts")?,
        max_attempts: row.try_get("max_attempts")?,
        progress,
        remaining: pace.and_then(|since| remaining(progress, before, now - since)),
        failure: failure(row)?,
        schedule: row.try_get("schedule")?,
        unique_key: row.try_get("unique_key")?,
    })
}

/// What is left, at the pace since an attempt began `elapsed` milliseconds ago, when `before` was
/// done.
fn remaining(progress: JobProgress, before: u64, elapsed: i64) -> Option<Duration> {
    let settled = progress.done + progress.failed;
    let left = progress.total?.saturating_sub(settled);
    let made = settled.checked_sub(before).filter(|made| *made > 0)?;
    // A clock that was set back tells nothing.
    let elapsed = u64::try_from(elapsed).ok()?;
    Some(Duration::from_millis(elapsed).mul_f64(left as f64 / made as f64))
}

/// The code and the text of a failure.
pub(super) fn failure(row: &SqliteRow) -> Result<Option<FailureReason>, sqlx::Error> {
    let code: Option<String> = row.try_get("error_code")?;
    let text: Option<String> = row.try_get("error_text")?;
    Ok(code.zip(text).map(|(code, text)| FailureReason { code, text }))
}

// The schema allows the known values only; another one is a file edited by hand.

pub(super) fn state(name: &str) -> Result<JobState, sqlx::Error> {
    JobState::ALL
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or_else(|| unknown("job state", name))
}

pub(crate) fn priority(number: i64) -> Result<JobPriority, sqlx::Error> {
    JobPriority::ALL
        .into_iter()
        .find(|priority| *priority as i64 == number)
        .ok_or_else(|| unknown("priority", number))
}

pub(super) fn wish(name: &str) -> Result<JobWish, sqlx::Error> {
    from_json(&to_json(&name))
}

pub(super) fn unknown(what: &str, found: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("unknown {what} `{found}`").into())
}
