//! Keeps what begins by the clock: when each schedule runs next, so that a restart neither loses a
//! run nor repeats one.

use intramuros_types::JobId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::records::{enqueue, json_text, priority};
use super::{JobRecord, NewJob, NewSchedule, ScheduleRecord};
use crate::document::from_json;
use crate::moment::{from_millis, to_millis};
use crate::{Ledger, LedgerError, validate};

const MAX_NAME_CHARS: usize = 100;
const MAX_CRON_CHARS: usize = 200;

impl Ledger {
    /// Puts `schedules` in the place of those that were. One whose name and `cron` are known keeps
    /// its next run.
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits; `Database`.
    pub async fn set_schedules(&self, schedules: &[NewSchedule]) -> Result<(), LedgerError> {
        const OPERATION: &str = "store the schedules";
        let mut transaction = self.begin_write(OPERATION).await?;
        let known: Vec<String> = sqlx::query_scalar("SELECT name FROM schedules")
            .fetch_all(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        for name in known.iter().filter(|name| schedules.iter().all(|new| new.name != **name)) {
            sqlx::query("DELETE FROM schedules WHERE name = $1")
                .bind(name)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        for new in schedules {
            validate::text("schedule", &new.name, MAX_NAME_CHARS)?;
            validate::text("cron", &new.cron, MAX_CRON_CHARS)?;
            sqlx::query(
                "INSERT INTO schedules (name, kind, title, params, priority, max_attempts, cron, \
                 next_run) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE \
                 SET kind = excluded.kind, title = excluded.title, params = excluded.params, \
                 priority = excluded.priority, max_attempts = excluded.max_attempts, \
                 next_run = CASE WHEN schedules.cron = excluded.cron THEN schedules.next_run \
                 ELSE excluded.next_run END, cron = excluded.cron",
            )
            .bind(&new.name)
            .bind(&new.kind)
            .bind(&new.title)
            .bind(json_text("params", &new.params)?)
            .bind(new.priority as i64)
            .bind(new.max_attempts)
            .bind(&new.cron)
            .bind(to_millis(new.next_run))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// The schedules, by name.
    ///
    /// # Errors
    /// `Database`.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRecord>, LedgerError> {
        const OPERATION: &str = "list the schedules";
        sqlx::query("SELECT * FROM schedules ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .and_then(|rows| rows.iter().map(read).collect())
            .map_err(LedgerError::database(OPERATION))
    }

    /// Begins the run of a schedule that was due at `due` and notes the next one, in one step:
    /// whoever else saw it due gets `None`. A job of an earlier run that is not finished is this
    /// run's too.
    ///
    /// # Errors
    /// `Database`.
    pub async fn begin_scheduled(
        &self,
        name: &str,
        due: OffsetDateTime,
        next: OffsetDateTime,
    ) -> Result<Option<JobRecord>, LedgerError> {
        const OPERATION: &str = "begin a scheduled job";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let row = sqlx::query(
            "UPDATE schedules SET next_run = $3, last_run = $4 WHERE name = $1 AND next_run = $2 \
             RETURNING *",
        )
        .bind(name)
        .bind(to_millis(due))
        .bind(to_millis(next))
        .bind(now)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(row) = row else { return Ok(None) };
        let new = new_job(&row).map_err(LedgerError::database(OPERATION))?;
        let job = enqueue(&mut transaction, now, &new, &[]).await?.job();
        for statement in [
            "UPDATE schedules SET last_job = $2 WHERE name = $1",
            "UPDATE jobs SET schedule = $1 WHERE id = $2",
        ] {
            sqlx::query(statement)
                .bind(name)
                .bind(job.id.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(Some(JobRecord { schedule: Some(name.to_owned()), ..job }))
    }

    /// Moves the next run of a schedule from `from` to `to`, without running it: the clock was set
    /// back far.
    ///
    /// # Errors
    /// `Database`.
    pub async fn move_schedule(
        &self,
        name: &str,
        from: OffsetDateTime,
        to: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "UPDATE schedules SET next_run = $3, last_run = NULL WHERE name = $1 AND next_run = $2",
        )
        .bind(name)
        .bind(to_millis(from))
        .bind(to_millis(to))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("move a schedule"))?;
        Ok(())
    }
}

fn new_job(row: &SqliteRow) -> Result<NewJob, sqlx::Error> {
    let name: String = row.try_get("name")?;
    Ok(NewJob {
        kind: row.try_get("kind")?,
        title: row.try_get("title")?,
        knowledge_base: None,
        priority: priority(row.try_get("priority")?)?,
        params: from_json(row.try_get("params")?)?,
        created_by: "schedule".to_owned(),
        not_before: None,
        max_attempts: row.try_get("max_attempts")?,
        unique_key: Some(name),
    })
}

fn read(row: &SqliteRow) -> Result<ScheduleRecord, sqlx::Error> {
    Ok(ScheduleRecord {
        name: row.try_get("name")?,
        kind: row.try_get("kind")?,
        title: row.try_get("title")?,
        cron: row.try_get("cron")?,
        next_run: from_millis(row.try_get("next_run")?),
        last_run: row.try_get::<Option<i64>, _>("last_run")?.map(from_millis),
        last_job: row.try_get::<Option<String>, _>("last_job")?.map(JobId::new),
    })
}
