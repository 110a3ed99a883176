//! Begins, ends, lists and deletes runs.

use intramuros_types::{Access, JobId, KnowledgeBaseId, PilotRunId};
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::records::{self, RUN, Sight, conflict, visible_run, visible_set};
use super::{NewPilotRun, PilotRunPage, PilotRunRecord, PilotRunState, check};
use crate::document::{single_line, to_json};
use crate::job::{enqueue, holds};
use crate::{FailureReason, Lease, Ledger, LedgerError, NewJob, validate};

const MAX_CODE_CHARS: usize = 64;
const MAX_TEXT_CHARS: usize = 1_000;

impl Ledger {
    /// Begins a run, and in the same transaction queues the job that does it, where one is given: its
    /// parameters, an object, get the run's id as `run`.
    ///
    /// # Errors
    /// `NotFound` for a set that is not there or may not be read, and for a knowledge base that is gone
    /// or goes; `Invalid` for a field beyond its
    /// limits, and for labels that the caller does not hold; those of a job; `Database`.
    pub async fn begin_pilot_run(
        &self,
        mut new: NewPilotRun,
        job: Option<NewJob>,
        access: &Access,
    ) -> Result<PilotRunRecord, LedgerError> {
        const OPERATION: &str = "begin a run";
        let meta = check::run(&mut new)?;
        if !access.holds(&new.labels) {
            return check::invalid("labels", "names labels that you do not hold");
        }
        let now = self.clock.now();
        let id = PilotRunId::new(format!("plr_{}", Uuid::now_v7().simple()));
        let mut transaction = self.begin_write(OPERATION).await?;
        visible_set(&mut transaction, &new.set, access).await?;
        if let Some(base) = &new.knowledge_base {
            check_base(&mut transaction, base).await?;
        }
        let queued = match job {
            None => None,
            Some(job) => {
                let job = NewJob { params: with_run(job.params, &id)?, ..job };
                Some(enqueue(&mut transaction, now, &job, &[]).await?.job().id)
            }
        };
        sqlx::query(
            "INSERT INTO pilot_runs (id, pilot_set, state, job_id, knowledge_base, labels, \
             created_by, created, meta) VALUES ($1, $2, 'running', $3, $4, $5, $6, $7, $8)",
        )
        .bind(id.as_str())
        .bind(new.set.as_str())
        .bind(queued.as_ref().map(JobId::as_str))
        .bind(new.knowledge_base.as_ref().map(KnowledgeBaseId::as_str))
        .bind(to_json(&new.labels))
        .bind(&new.created_by)
        .bind(now)
        .bind(meta)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let run = visible_run(&mut transaction, &id, &Access::EVERYTHING).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if queued.is_some() {
            self.jobs_changed.notify_one();
        }
        Ok(run)
    }

    /// Ends a run. `Finished` asks that every item is done or erased.
    ///
    /// # Errors
    /// `LeaseLost`; `NotFound`; `Conflict` for one that has ended, and for `Finished` while items are
    /// left; `Invalid` for `Running`, which is no end; `Database`.
    pub async fn end_pilot_run(
        &self,
        lease: Option<&Lease>,
        id: &PilotRunId,
        state: PilotRunState,
        error: Option<&FailureReason>,
    ) -> Result<PilotRunRecord, LedgerError> {
        const OPERATION: &str = "end a run";
        if state == PilotRunState::Running {
            return check::invalid("state", "is running, which is no end");
        }
        if let Some(error) = error {
            validate::kind("code", &error.code, MAX_CODE_CHARS)?;
        }
        let mut transaction = self.begin_write(OPERATION).await?;
        if let Some(lease) = lease {
            holds(&mut transaction, lease).await?;
        }
        let run = visible_run(&mut transaction, id, &Access::EVERYTHING).await?;
        running(&run)?;
        if state == PilotRunState::Finished {
            let left: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM pilot_set_items AS asked WHERE pilot_set = $1 \
                 AND item <> 'null' AND NOT EXISTS (SELECT 1 FROM pilot_run_items WHERE run = $2 \
                 AND ordinal = asked.ordinal)",
            )
            .bind(run.set.as_str())
            .bind(id.as_str())
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            if left > 0 {
                return Err(conflict(id, format!("has {left} items left")));
            }
        }
        sqlx::query(
            "UPDATE pilot_runs SET state = $2, ended = $3, error_code = $4, error_text = $5 \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(self.clock.now())
        .bind(error.map(|error| error.code.clone()))
        .bind(error.map(|error| single_line(&error.text, MAX_TEXT_CHARS)))
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let run = visible_run(&mut transaction, id, &Access::EVERYTHING).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(run)
    }

    /// A run without its items.
    ///
    /// # Errors
    /// `NotFound`, also for one that may not be read; `Database`.
    pub async fn get_pilot_run(
        &self,
        id: &PilotRunId,
        access: &Access,
    ) -> Result<PilotRunRecord, LedgerError> {
        let mut connection =
            self.pool.acquire().await.map_err(LedgerError::database("read a run"))?;
        visible_run(&mut connection, id, access).await
    }

    /// A page of the runs that may be read, newest first; with it what to pass as
    /// [`PilotRunPage::after`] to go on.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`PilotRunPage::MAX_LIMIT`]; `Database`.
    pub async fn list_pilot_runs(
        &self,
        page: &PilotRunPage,
        access: &Access,
    ) -> Result<(Vec<PilotRunRecord>, Option<PilotRunId>), LedgerError> {
        const OPERATION: &str = "list the runs";
        check::limit(page.limit, PilotRunPage::MAX_LIMIT)?;
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        let sight = Sight::of(&mut connection, access).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(RUN);
        if let Some(set) = &page.set {
            query.push(" AND pilot_runs.pilot_set = ").push_bind(set.to_string());
        }
        if let Some(job) = &page.job {
            query.push(" AND pilot_sets.job = ").push_bind(job.clone());
        }
        if let Some(after) = &page.after {
            query.push(" AND pilot_runs.id < ").push_bind(after.to_string());
        }
        sight.push_runs(&mut query);
        query.push(" ORDER BY pilot_runs.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query
            .build()
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let mut runs = rows.iter().map(records::run).collect::<Result<Vec<_>, _>>()?;
        let more = runs.len() > page.limit as usize;
        runs.truncate(page.limit as usize);
        let next = runs.last().filter(|_| more).map(|last| last.id.clone());
        Ok((runs, next))
    }

    /// Deletes a run with its results.
    ///
    /// # Errors
    /// `NotFound`, also for one that may not be read; `Conflict` while it is running or vouches for
    /// a threshold that is in force; `Database`.
    pub async fn delete_pilot_run(
        &self,
        id: &PilotRunId,
        access: &Access,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "delete a run";
        let mut transaction = self.begin_write(OPERATION).await?;
        delete_run(&mut transaction, id, access).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }
}

/// The parameters of a job with the run that it does.
fn with_run(params: Value, id: &PilotRunId) -> Result<Value, LedgerError> {
    match params {
        Value::Object(mut map) => {
            map.insert("run".to_owned(), Value::from(id.as_str()));
            Ok(Value::Object(map))
        }
        Value::Null => Ok(serde_json::json!({ "run": id.as_str() })),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            check::invalid("params", "is no object")
        }
    }
}

fn running(run: &PilotRunRecord) -> Result<(), LedgerError> {
    if run.state == PilotRunState::Running {
        return Ok(());
    }
    Err(conflict(&run.id, format!("has ended: it is {}", run.state.as_str())))
}

/// Refuses a knowledge base that is gone, or goes.
async fn check_base(
    connection: &mut SqliteConnection,
    base: &KnowledgeBaseId,
) -> Result<(), LedgerError> {
    let is_there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM knowledge_bases WHERE id = $1 AND state <> 'deleting')",
    )
    .bind(base.as_str())
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database("look for a knowledge base"))?;
    if is_there {
        return Ok(());
    }
    Err(LedgerError::NotFound { what: "knowledge base", id: base.to_string() })
}

/// Deletes a run that may be read, is not running and vouches for nothing that is in force.
pub(super) async fn delete_run(
    connection: &mut SqliteConnection,
    id: &PilotRunId,
    access: &Access,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "delete a run";
    let run = visible_run(&mut *connection, id, access).await?;
    if run.state == PilotRunState::Running {
        return Err(conflict(id, "is running; cancel its job first (intramuros jobs cancel)"));
    }
    let vouches: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pilot_thresholds WHERE run = $1 AND active = 1)",
    )
    .bind(id.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    if vouches {
        return Err(conflict(id, "vouches for a threshold that is in force; replace that first"));
    }
    // What hangs on it goes with it.
    sqlx::query("DELETE FROM pilot_runs WHERE id = $1")
        .bind(id.as_str())
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}
