//! Tells of documents and jobs that ended, in the transactions that end them.

use intramuros_types::JobId;
use serde_json::{Map, Value, json};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::{EventKind, NewEvent};
use crate::{DocumentRecord, Ledger, LedgerError};

impl NewEvent {
    /// An event about what `payload`, a JSON object, names.
    pub fn about(kind: EventKind, payload: Value) -> Self {
        let payload = match payload {
            Value::Object(payload) => payload,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        Self { kind, payload }
    }
}

/// Takes what others call `id`, a document or a review that is erased, out of the events about it.
pub(crate) async fn forget_external_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "forget a name in events";
    let events: Vec<(String, String)> =
        sqlx::query_as("SELECT id, payload FROM events WHERE payload LIKE $1")
            .bind(format!("%\"{id}\"%"))
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    for (event, payload) in events {
        let Ok(mut payload) = serde_json::from_str::<Map<String, Value>>(&payload) else {
            continue;
        };
        if payload.insert("external_id".to_owned(), Value::Null).is_none_or(|name| name.is_null()) {
            continue;
        }
        sqlx::query("UPDATE events SET payload = $2 WHERE id = $1")
            .bind(event)
            .bind(Value::Object(payload).to_string())
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(())
}

impl Ledger {
    /// Records that a document can be searched, or why it could not be read.
    pub(crate) async fn emit_document(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        document: &DocumentRecord,
        error_code: Option<&str>,
    ) -> Result<(), LedgerError> {
        let kind = match error_code {
            None => EventKind::DocumentReady,
            Some(_) => EventKind::DocumentFailed,
        };
        let mut payload = json!({
            "knowledge_base": document.knowledge_base.as_str(),
            "document": document.id.as_str(),
            "external_id": document.details.external_id,
        });
        if let Some(code) = error_code {
            payload["error"] = json!(code);
        }
        self.emit_within(transaction, &NewEvent::about(kind, payload)).await
    }

    /// Records that a job has done all or failed, if that is how it stands.
    pub(crate) async fn emit_job(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        job: &JobId,
    ) -> Result<(), LedgerError> {
        type Row = (String, String, Option<String>, i64, i64, Option<String>);
        let row: Option<Row> = sqlx::query_as(
            "SELECT kind, state, knowledge_base, done, failed, error_code FROM jobs \
             WHERE id = $1 AND state IN ('done', 'failed')",
        )
        .bind(job.as_str())
        .fetch_optional(&mut **transaction)
        .await
        .map_err(LedgerError::database("look how a job ended"))?;
        let Some((kind, state, knowledge_base, done, failed, error)) = row else { return Ok(()) };
        let event = if state == "done" { EventKind::JobFinished } else { EventKind::JobFailed };
        let payload = json!({
            "job": job.as_str(), "kind": kind, "knowledge_base": knowledge_base,
            "done": done, "failed": failed, "error": error,
        });
        self.emit_within(transaction, &NewEvent::about(event, payload)).await
    }
}
