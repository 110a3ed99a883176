//! Remembers which model took which one's place, on the word of which runs, and what was undone.

use intramuros_types::{Access, ModelSwitchId, PilotRunId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::records::{conflict, unknown, visible_run};
use super::{ModelRole, ModelSwitchRecord, NewModelSwitch, PilotRunState, check};
use crate::moment::from_millis;
use crate::{Ledger, LedgerError, validate};

impl Ledger {
    /// Notes that a model takes another one's place.
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits and for a model that would take its own place;
    /// `NotFound` for a run that is not there or may not be read; `Conflict` for runs of different
    /// sets, or one that is not finished; `Database`.
    pub async fn note_model_switch(
        &self,
        new: NewModelSwitch,
        access: &Access,
    ) -> Result<ModelSwitchRecord, LedgerError> {
        const OPERATION: &str = "note a change of models";
        validate::text("from", &new.from, check::MAX_NAME_CHARS)?;
        validate::text("to", &new.to, check::MAX_NAME_CHARS)?;
        validate::text("by", &new.by, check::MAX_WHO_CHARS)?;
        if new.from == new.to {
            return check::invalid("to", "is the model that is there");
        }
        let mut transaction = self.begin_write(OPERATION).await?;
        if let Some((before, after)) = &new.runs {
            check_runs(&mut transaction, before, after, access).await?;
        }
        let (before, after) = new.runs.unzip();
        let id = ModelSwitchId::new(format!("swi_{}", Uuid::now_v7().simple()));
        sqlx::query(
            "INSERT INTO model_switches (id, role, from_model, to_model, run_before, run_after, \
             switched_by, switched) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id.as_str())
        .bind(new.role.as_str())
        .bind(&new.from)
        .bind(&new.to)
        .bind(before.map(|run| run.to_string()))
        .bind(after.map(|run| run.to_string()))
        .bind(&new.by)
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let switch = read_one(&mut transaction, &id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(switch)
    }

    /// Up to `limit` changes of models, newest first, of one role or of all.
    ///
    /// # Errors
    /// `Database`.
    pub async fn model_switches(
        &self,
        role: Option<ModelRole>,
        limit: u32,
    ) -> Result<Vec<ModelSwitchRecord>, LedgerError> {
        sqlx::query(
            "SELECT * FROM model_switches WHERE $1 IS NULL OR role = $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(role.map(ModelRole::as_str))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the changes of models"))?
        .iter()
        .map(switch)
        .collect()
    }

    /// Notes that the last change of a role was undone.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for one that was undone before, or is not the last of its role that
    /// stands; `Database`.
    pub async fn roll_back_model_switch(
        &self,
        id: &ModelSwitchId,
        by: &str,
    ) -> Result<ModelSwitchRecord, LedgerError> {
        const OPERATION: &str = "undo a change of models";
        validate::text("by", by, check::MAX_WHO_CHARS)?;
        let refused = |reason: &str| {
            let reason = reason.to_owned();
            Err(LedgerError::Conflict { what: "change of models", id: id.to_string(), reason })
        };
        let mut transaction = self.begin_write(OPERATION).await?;
        let found = read_one(&mut transaction, id).await?;
        if found.rolled_back.is_some() {
            return refused("was undone before");
        }
        let last: Option<String> = sqlx::query_scalar(
            "SELECT MAX(id) FROM model_switches WHERE role = $1 AND rolled_back IS NULL",
        )
        .bind(found.role.as_str())
        .fetch_one(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if last.as_deref() != Some(id.as_str()) {
            return refused("is not the last one; undo those after it first");
        }
        sqlx::query(
            "UPDATE model_switches SET rolled_back = $2, rolled_back_by = $3 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(self.clock.now())
        .bind(by)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let switch = read_one(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(switch)
    }
}

/// Two finished runs of one set.
async fn check_runs(
    connection: &mut SqliteConnection,
    before: &PilotRunId,
    after: &PilotRunId,
    access: &Access,
) -> Result<(), LedgerError> {
    let first = visible_run(&mut *connection, before, access).await?;
    let second = visible_run(connection, after, access).await?;
    for run in [&first, &second] {
        if run.state != PilotRunState::Finished {
            return Err(conflict(&run.id, format!("is {}, not finished", run.state.as_str())));
        }
    }
    if first.set != second.set {
        return Err(conflict(after, "is of another set than the run before"));
    }
    Ok(())
}

async fn read_one(
    connection: &mut SqliteConnection,
    id: &ModelSwitchId,
) -> Result<ModelSwitchRecord, LedgerError> {
    let row = sqlx::query("SELECT * FROM model_switches WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database("read a change of models"))?;
    let not_found = || LedgerError::NotFound { what: "change of models", id: id.to_string() };
    row.as_ref().map_or_else(|| Err(not_found()), switch)
}

fn switch(row: &SqliteRow) -> Result<ModelSwitchRecord, LedgerError> {
    let read = || -> Result<ModelSwitchRecord, sqlx::Error> {
        let text = |name: &str| row.try_get::<Option<String>, _>(name);
        let role: String = row.try_get("role")?;
        let runs = text("run_before")?.zip(text("run_after")?);
        let undone: Option<i64> = row.try_get("rolled_back")?;
        Ok(ModelSwitchRecord {
            id: ModelSwitchId::new(row.try_get::<String, _>("id")?),
            role: ModelRole::ALL
                .into_iter()
                .find(|known| known.as_str() == role)
                .ok_or_else(|| unknown("role", &role))?,
            from: row.try_get("from_model")?,
            to: row.try_get("to_model")?,
            runs: runs.map(|(before, after)| (PilotRunId::new(before), PilotRunId::new(after))),
            by: row.try_get("switched_by")?,
            at: from_millis(row.try_get("switched")?),
            rolled_back: undone.map(from_millis).zip(text("rolled_back_by")?),
        })
    };
    read().map_err(LedgerError::database("read a change of models"))
}
