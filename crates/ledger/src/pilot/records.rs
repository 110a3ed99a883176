//! Reads sets, runs and results, as far as the caller may see them.

use intramuros_types::{Access, JobId, KnowledgeBaseId, PilotRunId, PilotSetId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{PilotItem, PilotOutcome, PilotResult, PilotRunRecord, PilotRunState, PilotSetRecord};
use crate::document::from_json;
use crate::moment::from_millis;
use crate::{FailureReason, LedgerError};

/// A set with the number of its items that were erased.
pub(super) const SET: &str = "SELECT pilot_sets.*, (SELECT COUNT(*) FROM pilot_set_items WHERE \
    pilot_set = pilot_sets.id AND item = 'null') AS erased FROM pilot_sets WHERE 1 = 1";

/// A run with what is counted of it.
pub(super) const RUN: &str = "SELECT pilot_runs.*, pilot_sets.job, pilot_sets.items AS total, \
    (SELECT COUNT(*) FROM pilot_run_items WHERE run = pilot_runs.id AND result = 'null') \
    AS erased FROM pilot_runs JOIN pilot_sets ON pilot_sets.id = pilot_runs.pilot_set WHERE 1 = 1";

/// Which sets of labels of sets and of runs a caller may read.
pub(super) struct Sight {
    /// As sets store them; `None` for all.
    sets: Option<Vec<String>>,
    /// As runs store them.
    runs: Option<Vec<String>>,
}

impl Sight {
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        access: &Access,
    ) -> Result<Self, LedgerError> {
        if access.is_everything() {
            return Ok(Self { sets: None, runs: None });
        }
        let sets = readable(connection, access, "SELECT DISTINCT labels FROM pilot_sets").await?;
        let runs = readable(connection, access, "SELECT DISTINCT labels FROM pilot_runs").await?;
        Ok(Self { sets: Some(sets), runs: Some(runs) })
    }

    /// Leaves the sets that may be read.
    pub(super) fn push_sets(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(labels) = &self.sets {
            query.push(" AND pilot_sets.labels IN (");
            push_list(query, labels);
            query.push(")");
        }
    }

    /// Leaves the runs that may be read: their set may be, and they may themselves.
    pub(super) fn push_runs(&self, query: &mut QueryBuilder<Sqlite>) {
        self.push_sets(query);
        if let Some(labels) = &self.runs {
            query.push(" AND pilot_runs.labels IN (");
            push_list(query, labels);
            query.push(")");
        }
    }
}

async fn readable(
    connection: &mut SqliteConnection,
    access: &Access,
    statement: &'static str,
) -> Result<Vec<String>, LedgerError> {
    const OPERATION: &str = "list who may read pilots";
    let stored: Vec<String> = sqlx::query_scalar(statement)
        .fetch_all(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let mut readable = Vec::new();
    for labels in stored {
        let names: Vec<String> = from_json(&labels).map_err(LedgerError::database(OPERATION))?;
        if access.allows(&names) {
            readable.push(labels);
        }
    }
    Ok(readable)
}

/// A list that may be empty; no set of labels is stored as an empty text.
fn push_list(query: &mut QueryBuilder<Sqlite>, values: &[String]) {
    let mut list = query.separated(", ");
    list.push_bind(String::new());
    for value in values {
        list.push_bind(value.clone());
    }
}

/// A set that may be read.
pub(super) async fn visible_set(
    connection: &mut SqliteConnection,
    id: &PilotSetId,
    access: &Access,
) -> Result<PilotSetRecord, LedgerError> {
    let sight = Sight::of(&mut *connection, access).await?;
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SET);
    query.push(" AND pilot_sets.id = ").push_bind(id.to_string());
    sight.push_sets(&mut query);
    let row = query
        .build()
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database("read a set"))?;
    row.as_ref().map_or_else(|| Err(no_set(id)), set)
}

/// A run that may be read.
pub(super) async fn visible_run(
    connection: &mut SqliteConnection,
    id: &PilotRunId,
    access: &Access,
) -> Result<PilotRunRecord, LedgerError> {
    let sight = Sight::of(&mut *connection, access).await?;
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(RUN);
    query.push(" AND pilot_runs.id = ").push_bind(id.to_string());
    sight.push_runs(&mut query);
    let row = query
        .build()
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database("read a run"))?;
    row.as_ref().map_or_else(|| Err(no_run(id)), run)
}

pub(super) fn set(row: &SqliteRow) -> Result<PilotSetRecord, LedgerError> {
    read_set(row).map_err(LedgerError::database("read a set"))
}

fn count(row: &SqliteRow, name: &str) -> Result<u64, sqlx::Error> {
    Ok(row.try_get::<i64, _>(name)?.unsigned_abs())
}

fn read_set(row: &SqliteRow) -> Result<PilotSetRecord, sqlx::Error> {
    Ok(PilotSetRecord {
        id: PilotSetId::new(row.try_get::<String, _>("id")?),
        name: row.try_get("name")?,
        job: row.try_get("job")?,
        sha256: row.try_get("sha256")?,
        items: count(row, "items")?,
        erased: count(row, "erased")?,
        labels: from_json(row.try_get("labels")?)?,
        created_by: row.try_get("created_by")?,
        created: from_millis(row.try_get("created")?),
    })
}

pub(super) fn item(row: &SqliteRow) -> Result<PilotItem, LedgerError> {
    let read = || -> Result<PilotItem, sqlx::Error> {
        Ok(PilotItem {
            ordinal: count(row, "ordinal")?,
            id: row.try_get("id")?,
            item: from_json(row.try_get("item")?)?,
        })
    };
    read().map_err(LedgerError::database("read an item of a set"))
}

pub(super) fn run(row: &SqliteRow) -> Result<PilotRunRecord, LedgerError> {
    read_run(row).map_err(LedgerError::database("read a run"))
}

fn read_run(row: &SqliteRow) -> Result<PilotRunRecord, sqlx::Error> {
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let state: String = row.try_get("state")?;
    let error = text("error_code")?.map(|code| {
        Ok::<_, sqlx::Error>(FailureReason { code, text: text("error_text")?.unwrap_or_default() })
    });
    Ok(PilotRunRecord {
        id: PilotRunId::new(row.try_get::<String, _>("id")?),
        set: PilotSetId::new(row.try_get::<String, _>("pilot_set")?),
        job: row.try_get("job")?,
        state: PilotRunState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| unknown("state", &state))?,
        job_id: text("job_id")?.map(JobId::new),
        knowledge_base: text("knowledge_base")?.map(KnowledgeBaseId::new),
        labels: from_json(row.try_get("labels")?)?,
        created_by: row.try_get("created_by")?,
        created: from_millis(row.try_get("created")?),
        ended: row.try_get::<Option<i64>, _>("ended")?.map(from_millis),
        error: error.transpose()?,
        meta: from_json(row.try_get("meta")?)?,
        total: count(row, "total")?,
        done: [
            count(row, "done_right")?,
            count(row, "done_handed_over")?,
            count(row, "done_wrong")?,
            count(row, "done_failed")?,
        ],
        erased: count(row, "erased")?,
    })
}

pub(super) fn result(row: &SqliteRow) -> Result<PilotResult, LedgerError> {
    let read = || -> Result<PilotResult, sqlx::Error> {
        let outcome: String = row.try_get("outcome")?;
        Ok(PilotResult {
            ordinal: count(row, "ordinal")?,
            id: row.try_get("id")?,
            outcome: PilotOutcome::parse(&outcome).ok_or_else(|| unknown("outcome", &outcome))?,
            result: from_json(row.try_get("result")?)?,
        })
    };
    read().map_err(LedgerError::database("read a result of a run"))
}

/// What a newer version may have written.
pub(super) fn unknown(what: &str, name: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("unknown {what} `{name}`").into())
}

pub(super) fn no_set(id: &PilotSetId) -> LedgerError {
    LedgerError::NotFound { what: "set", id: id.to_string() }
}

pub(super) fn no_run(id: &PilotRunId) -> LedgerError {
    LedgerError::NotFound { what: "run", id: id.to_string() }
}

pub(super) fn conflict(id: &PilotRunId, reason: impl Into<String>) -> LedgerError {
    LedgerError::Conflict { what: "run", id: id.to_string(), reason: reason.into() }
}

/// A number of the API as SQL has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
