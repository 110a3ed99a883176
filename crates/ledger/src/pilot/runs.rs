//! Begins runs, notes their items once each, ends, lists and deletes them.

use intramuros_types::{Access, DocumentId, JobId, KnowledgeBaseId, PilotRunId};
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::records::{self, RUN, Sight, conflict, no_run, signed, visible_run, visible_set};
use super::{
    NewPilotResult, NewPilotRun, PilotItem, PilotItemPage, PilotOutcome, PilotResult, PilotRunPage,
    PilotRunRecord, PilotRunState, check,
};
use crate::document::{single_line, to_json};
use crate::job::{enqueue, holds};
use crate::{FailureReason, Lease, Ledger, LedgerError, NewJob, validate};

/// The most documents that a result quotes.
const MAX_DOCUMENTS: usize = 64;
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

    /// Up to `limit` items behind the place `after` that the run has not done, in order; those that
    /// were erased are passed over.
    ///
    /// # Errors
    /// `Database`.
    pub async fn pilot_items_left(
        &self,
        run: &PilotRunId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<PilotItem>, LedgerError> {
        sqlx::query(
            "SELECT ordinal, id, item FROM pilot_set_items AS asked WHERE pilot_set = \
             (SELECT pilot_set FROM pilot_runs WHERE id = $1) AND ordinal > $2 AND item <> 'null' \
             AND NOT EXISTS (SELECT 1 FROM pilot_run_items WHERE run = $1 \
             AND ordinal = asked.ordinal) ORDER BY ordinal LIMIT $3",
        )
        .bind(run.as_str())
        .bind(after.map_or(-1, signed))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the items that are left"))?
        .iter()
        .map(records::item)
        .collect()
    }

    /// Notes what came of an item; whether it was not noted before. What was noted first stays, and
    /// nothing is noted of an item that was erased meanwhile. A result whose knowledge base, or a
    /// document that it quotes, is gone or goes is noted without its contents.
    ///
    /// # Errors
    /// `LeaseLost`, for the attempt of a job; `NotFound` for an unknown run or item; `Conflict` for
    /// a run that has ended; `Invalid` for a result beyond its limits; `Database`.
    pub async fn note_pilot_item(
        &self,
        lease: Option<&Lease>,
        run: &PilotRunId,
        new: &NewPilotResult,
    ) -> Result<bool, LedgerError> {
        const OPERATION: &str = "note a result";
        let mut text = check::json("result", &new.result, check::MAX_JSON_BYTES)?;
        if new.documents.len() > MAX_DOCUMENTS {
            let reason = format!("are {}, the limit is {MAX_DOCUMENTS}", new.documents.len());
            return check::invalid("documents", reason);
        }
        let mut transaction = self.begin_write(OPERATION).await?;
        if let Some(lease) = lease {
            holds(&mut transaction, lease).await?;
        }
        if !is_open(&mut transaction, run, new.ordinal).await? {
            return Ok(false);
        }
        if !may_be_kept(&mut transaction, run, &new.documents).await? {
            "null".clone_into(&mut text);
        }
        let noted = sqlx::query(
            "INSERT INTO pilot_run_items (run, ordinal, outcome, result) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (run, ordinal) DO NOTHING",
        )
        .bind(run.as_str())
        .bind(signed(new.ordinal))
        .bind(new.outcome.as_str())
        .bind(text)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if noted.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(counted(new.outcome))
            .bind(run.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        for document in &new.documents {
            sqlx::query(
                "INSERT INTO pilot_run_documents (run, ordinal, document) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(run.as_str())
            .bind(signed(new.ordinal))
            .bind(document.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(true)
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

    /// Results of a run, in the order of its set.
    ///
    /// # Errors
    /// `NotFound`, also for one that may not be read; `Invalid` for the limit; `Database`.
    pub async fn pilot_results(
        &self,
        id: &PilotRunId,
        page: &PilotItemPage,
        access: &Access,
    ) -> Result<Vec<PilotResult>, LedgerError> {
        const OPERATION: &str = "list the results of a run";
        check::limit(page.limit, PilotItemPage::MAX_LIMIT)?;
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        let run = visible_run(&mut transaction, id, access).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT done.ordinal, done.outcome, done.result, asked.id FROM pilot_run_items AS done \
             JOIN pilot_set_items AS asked ON asked.ordinal = done.ordinal AND asked.pilot_set = ",
        );
        query.push_bind(run.set.to_string());
        query.push(" WHERE done.run = ").push_bind(id.to_string());
        if let Some(outcome) = page.outcome {
            query.push(" AND done.outcome = ").push_bind(outcome.as_str());
        }
        query.push(" AND done.ordinal > ").push_bind(page.after.map_or(-1, signed));
        query.push(" ORDER BY done.ordinal LIMIT ").push_bind(page.limit);
        query
            .build()
            .fetch_all(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?
            .iter()
            .map(records::result)
            .collect()
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

/// Counts an item that was noted.
fn counted(outcome: PilotOutcome) -> &'static str {
    match outcome {
        PilotOutcome::Right => "UPDATE pilot_runs SET done_right = done_right + 1 WHERE id = $1",
        PilotOutcome::HandedOver => {
            "UPDATE pilot_runs SET done_handed_over = done_handed_over + 1 WHERE id = $1"
        }
        PilotOutcome::Wrong => "UPDATE pilot_runs SET done_wrong = done_wrong + 1 WHERE id = $1",
        PilotOutcome::Failed => "UPDATE pilot_runs SET done_failed = done_failed + 1 WHERE id = $1",
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

/// Whether the run may note the item: it is running, the item is there and was not erased.
async fn is_open(
    connection: &mut SqliteConnection,
    run: &PilotRunId,
    ordinal: u64,
) -> Result<bool, LedgerError> {
    const OPERATION: &str = "look at a run";
    let found: Option<(String, String)> =
        sqlx::query_as("SELECT state, pilot_set FROM pilot_runs WHERE id = $1")
            .bind(run.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let Some((state, set)) = found else { return Err(no_run(run)) };
    if state != PilotRunState::Running.as_str() {
        return Err(conflict(run, format!("has ended: it is {state}")));
    }
    let item: Option<bool> = sqlx::query_scalar(
        "SELECT item <> 'null' FROM pilot_set_items WHERE pilot_set = $1 AND ordinal = $2",
    )
    .bind(set)
    .bind(signed(ordinal))
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    item.ok_or_else(|| LedgerError::NotFound { what: "item", id: ordinal.to_string() })
}

/// Whether the contents of a result may be kept: neither the knowledge base that was asked nor a
/// document that it quotes is gone, or goes.
async fn may_be_kept(
    connection: &mut SqliteConnection,
    run: &PilotRunId,
    documents: &[DocumentId],
) -> Result<bool, LedgerError> {
    const OPERATION: &str = "look at what a result quotes";
    let mut kept: bool = sqlx::query_scalar(
        "SELECT knowledge_base IS NULL OR EXISTS (SELECT 1 FROM knowledge_bases WHERE \
         knowledge_bases.id = pilot_runs.knowledge_base AND state <> 'deleting') \
         FROM pilot_runs WHERE id = $1",
    )
    .bind(run.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    for document in documents {
        kept &= sqlx::query_scalar::<_, bool>(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE id = $1 AND state <> 'deleting')",
        )
        .bind(document.as_str())
        .fetch_one(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(kept)
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
        return Err(conflict(id, "is running; cancel it first"));
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
