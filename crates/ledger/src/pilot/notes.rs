//! Notes the items of runs, once each, and lists what was noted.

use intramuros_types::{Access, DocumentId, PilotRunId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::records::{self, conflict, no_run, signed, visible_run};
use super::{
    NewPilotResult, PilotItem, PilotItemPage, PilotOutcome, PilotResult, PilotRunState, check,
};
use crate::job::holds;
use crate::{Lease, Ledger, LedgerError};

/// The most documents that a result quotes.
const MAX_DOCUMENTS: usize = 64;

impl Ledger {
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
