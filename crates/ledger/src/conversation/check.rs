//! Checks what is said in conversations before it is stored.

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;

use super::{CitedDocument, NewConversation};
use crate::{LedgerError, validate};

const MAX_TEXT_CHARS: usize = 8_000;
const MAX_ID_CHARS: usize = 100;
const MAX_WHO_CHARS: usize = 200;
const MAX_EXTERNAL_ID_CHARS: usize = 500;
const MAX_CODE_CHARS: usize = 64;
const MAX_JSON_BYTES: usize = 64 << 10;
const MAX_NOTICES: usize = 5;
const MAX_DOCUMENTS: usize = 64;

/// Puts the labels in order and refuses what is beyond the limits.
pub(super) fn conversation(new: &mut NewConversation) -> Result<(), LedgerError> {
    validate::text("who", &new.who, MAX_WHO_CHARS)?;
    if let Some(id) = &new.external_id {
        validate::text("external_id", id, MAX_EXTERNAL_ID_CHARS)?;
    }
    validate::language("language", &new.language)?;
    validate::labels("labels", &mut new.labels)?;
    if new.notices.len() > MAX_NOTICES {
        let reason = format!("has {} entries, the limit is {MAX_NOTICES}", new.notices.len());
        return invalid("notices", reason);
    }
    new.notices.iter().try_for_each(|notice| said(notice))
}

/// Refuses an empty text, or one beyond 8,000 characters.
pub(super) fn said(text: &str) -> Result<(), LedgerError> {
    if text.trim().is_empty() {
        return invalid("text", "is empty".to_owned());
    }
    validate::long_text("text", text, MAX_TEXT_CHARS)
}

pub(super) fn message_id(id: Option<&str>) -> Result<(), LedgerError> {
    id.map_or(Ok(()), |id| validate::text("message_id", id, MAX_ID_CHARS))
}

pub(super) fn reason(code: &str) -> Result<(), LedgerError> {
    validate::kind("reason", code, MAX_CODE_CHARS)
}

pub(super) fn json(name: &'static str, value: &Value) -> Result<String, LedgerError> {
    validate::json(name, value, MAX_JSON_BYTES)
}

/// Refuses documents that are not there, so that nobody quotes what is being erased.
pub(super) async fn documents(
    connection: &mut SqliteConnection,
    documents: &[CitedDocument],
) -> Result<(), LedgerError> {
    if documents.len() > MAX_DOCUMENTS {
        let reason = format!("has {} entries, the limit is {MAX_DOCUMENTS}", documents.len());
        return invalid("documents", reason);
    }
    for one in documents {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM documents WHERE id = $1 AND knowledge_base = $2 \
             AND state <> 'deleting'",
        )
        .bind(one.document.as_str())
        .bind(one.knowledge_base.as_str())
        .fetch_optional(&mut *connection)
        .await
        .map_err(LedgerError::database("read a document"))?;
        if found.is_none() {
            let CitedDocument { knowledge_base, document } = one;
            let reason = format!("names `{document}`, which `{knowledge_base}` does not have");
            return invalid("documents", reason);
        }
    }
    Ok(())
}

pub(super) fn invalid<T>(name: &'static str, reason: String) -> Result<T, LedgerError> {
    Err(LedgerError::Invalid { name, reason })
}
