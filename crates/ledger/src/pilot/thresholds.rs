//! Puts thresholds in force and takes them back.

use intramuros_types::{Access, PilotRunId, ThresholdId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::records::{conflict, visible_run};
use super::{NewThreshold, PilotRunState, ThresholdRecord, check};
use crate::document::from_json;
use crate::moment::from_millis;
use crate::{Ledger, LedgerError, validate};

/// The most JSON of a promise.
const MAX_PROMISE_BYTES: usize = 16 << 10;

impl Ledger {
    /// Puts a threshold in force in the place of the one that is, if any.
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits; `NotFound` for a run that is not there or may not be
    /// read; `Conflict` for a run that is not finished, of another job, or of which results were
    /// erased; `Database`.
    pub async fn accept_threshold(
        &self,
        new: NewThreshold,
        access: &Access,
    ) -> Result<ThresholdRecord, LedgerError> {
        const OPERATION: &str = "put a threshold in force";
        validate::kind("job", &new.job, check::MAX_KIND_CHARS)?;
        if !new.target.is_empty() {
            validate::text("target", &new.target, check::MAX_NAME_CHARS)?;
        }
        validate::text("accepted_by", &new.accepted_by, check::MAX_WHO_CHARS)?;
        if !new.threshold.is_finite() {
            return check::invalid("threshold", "is no number");
        }
        let promise = check::json("promise", &new.promise, MAX_PROMISE_BYTES)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let run = visible_run(&mut transaction, &new.run, access).await?;
        if run.state != PilotRunState::Finished {
            let reason = format!("is {}; only a finished one vouches", run.state.as_str());
            return Err(conflict(&new.run, reason));
        }
        if run.job != new.job {
            return Err(conflict(&new.run, format!("measures {}, not {}", run.job, new.job)));
        }
        if run.erased > 0 {
            return Err(conflict(&new.run, "has erased results; run the set again"));
        }
        let now = self.clock.now();
        let before = active(&mut transaction, &new.job, &new.target).await?;
        if let Some(before) = &before {
            end(&mut transaction, &before.id, &new.accepted_by, now, false).await?;
        }
        let id = ThresholdId::new(format!("thr_{}", Uuid::now_v7().simple()));
        sqlx::query(
            "INSERT INTO pilot_thresholds (id, job, target, threshold, promise, run, replaces, \
             accepted_by, accepted, active) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)",
        )
        .bind(id.as_str())
        .bind(&new.job)
        .bind(&new.target)
        .bind(new.threshold)
        .bind(promise)
        .bind(new.run.as_str())
        .bind(before.map(|before| before.id.to_string()))
        .bind(&new.accepted_by)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let threshold = active(&mut transaction, &new.job, &new.target).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        threshold.ok_or_else(|| none(&new.job, &new.target))
    }

    /// The threshold that is in force; `None` where there is none, and a person looks at everything.
    ///
    /// # Errors
    /// `Database`.
    pub async fn active_threshold(
        &self,
        job: &str,
        target: &str,
    ) -> Result<Option<ThresholdRecord>, LedgerError> {
        let mut connection =
            self.pool.acquire().await.map_err(LedgerError::database("read a threshold"))?;
        active(&mut connection, job, target).await
    }

    /// All thresholds that are in force.
    ///
    /// # Errors
    /// `Database`.
    pub async fn active_thresholds(&self) -> Result<Vec<ThresholdRecord>, LedgerError> {
        sqlx::query("SELECT * FROM pilot_thresholds WHERE active = 1 ORDER BY job, target")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the thresholds"))?
            .iter()
            .map(threshold)
            .collect()
    }

    /// Up to `limit` thresholds of a target, newest first, those that were in force among them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn threshold_history(
        &self,
        job: &str,
        target: &str,
        limit: u32,
    ) -> Result<Vec<ThresholdRecord>, LedgerError> {
        sqlx::query(
            "SELECT * FROM pilot_thresholds WHERE job = $1 AND target = $2 \
             ORDER BY id DESC LIMIT $3",
        )
        .bind(job)
        .bind(target)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the thresholds of a target"))?
        .iter()
        .map(threshold)
        .collect()
    }

    /// Takes back the threshold that is in force; the one before it is in force again, and returned.
    /// One whose run is gone vouches for nothing any more: then the one before that.
    ///
    /// # Errors
    /// `NotFound` where none is in force; `Database`.
    pub async fn take_back_threshold(
        &self,
        job: &str,
        target: &str,
        by: &str,
    ) -> Result<Option<ThresholdRecord>, LedgerError> {
        const OPERATION: &str = "take back a threshold";
        validate::text("by", by, check::MAX_WHO_CHARS)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let Some(current) = active(&mut transaction, job, target).await? else {
            return Err(none(job, target));
        };
        end(&mut transaction, &current.id, by, self.clock.now(), true).await?;
        let mut before = current.replaces;
        while let Some(id) = before {
            let found = sqlx::query(
                "SELECT *, EXISTS (SELECT 1 FROM pilot_runs WHERE id = pilot_thresholds.run) \
                 AS is_vouched FROM pilot_thresholds WHERE id = $1",
            )
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            let Some(row) = found else { break };
            let is_vouched: bool =
                row.try_get("is_vouched").map_err(LedgerError::database(OPERATION))?;
            if is_vouched {
                sqlx::query(
                    "UPDATE pilot_thresholds SET active = 1, ended = NULL, ended_by = NULL \
                     WHERE id = $1",
                )
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
                break;
            }
            before = threshold(&row)?.replaces;
        }
        let now = active(&mut transaction, job, target).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(now)
    }
}

fn none(job: &str, target: &str) -> LedgerError {
    LedgerError::NotFound { what: "threshold", id: format!("{job}/{target}") }
}

async fn active(
    connection: &mut SqliteConnection,
    job: &str,
    target: &str,
) -> Result<Option<ThresholdRecord>, LedgerError> {
    sqlx::query("SELECT * FROM pilot_thresholds WHERE job = $1 AND target = $2 AND active = 1")
        .bind(job)
        .bind(target)
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database("read a threshold"))?
        .as_ref()
        .map(threshold)
        .transpose()
}

/// Ends the threshold of a target that is deleted: it says nothing of another one of its name.
pub(crate) async fn end_thresholds(
    connection: &mut SqliteConnection,
    job: &str,
    target: &str,
    now: i64,
) -> Result<(), LedgerError> {
    match active(&mut *connection, job, target).await? {
        Some(last) => end(connection, &last.id, &format!("server:{job}"), now, false).await,
        None => Ok(()),
    }
}

async fn end(
    connection: &mut SqliteConnection,
    id: &ThresholdId,
    by: &str,
    now: i64,
    taken_back: bool,
) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE pilot_thresholds SET active = 0, ended = $2, ended_by = $3, taken_back = $4 \
         WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(now)
    .bind(by)
    .bind(i64::from(taken_back))
    .execute(connection)
    .await
    .map_err(LedgerError::database("end a threshold"))?;
    Ok(())
}

fn threshold(row: &SqliteRow) -> Result<ThresholdRecord, LedgerError> {
    let read = || -> Result<ThresholdRecord, sqlx::Error> {
        let replaces: Option<String> = row.try_get("replaces")?;
        Ok(ThresholdRecord {
            id: ThresholdId::new(row.try_get::<String, _>("id")?),
            job: row.try_get("job")?,
            target: row.try_get("target")?,
            threshold: row.try_get("threshold")?,
            promise: from_json(row.try_get("promise")?)?,
            run: PilotRunId::new(row.try_get::<String, _>("run")?),
            replaces: replaces.map(ThresholdId::new),
            accepted_by: row.try_get("accepted_by")?,
            accepted: from_millis(row.try_get("accepted")?),
            active: row.try_get::<i64, _>("active")? != 0,
            ended: row.try_get::<Option<i64>, _>("ended")?.map(from_millis),
            ended_by: row.try_get("ended_by")?,
            taken_back: row.try_get::<i64, _>("taken_back")? != 0,
        })
    };
    read().map_err(LedgerError::database("read a threshold"))
}
