//! Checks, stores and changes what the owner of a document says about it.

use std::collections::BTreeMap;

use intramuros_types::{Access, DocumentId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::records::{conflict, not_found, record};
use crate::job::queue_ingest;
use crate::{DocumentDetails, DocumentRecord, DocumentState, Ledger, LedgerError, validate};

const MAX_EXTERNAL_ID_CHARS: usize = 500;
const MAX_SOURCE_CHARS: usize = 100;
const MAX_LABELS: usize = 20;
const MAX_METADATA: usize = 50;
const MAX_KEY_CHARS: usize = 64;
const MAX_VALUE_CHARS: usize = 500;

impl DocumentDetails {
    /// The details with labels in order and without repetition.
    ///
    /// # Errors
    /// `Invalid` for what is empty, too long or too many.
    pub(crate) fn checked(mut self) -> Result<Self, LedgerError> {
        if let Some(id) = &self.external_id {
            validate::text("external_id", id, MAX_EXTERNAL_ID_CHARS)?;
        }
        if let Some(source) = &self.source {
            validate::text("source", source, MAX_SOURCE_CHARS)?;
        }
        self.labels = checked_labels(self.labels)?;
        if self.metadata.len() > MAX_METADATA {
            let reason =
                format!("has {} entries, the limit is {MAX_METADATA}", self.metadata.len());
            return Err(LedgerError::Invalid { name: "metadata", reason });
        }
        for (key, value) in &self.metadata {
            validate::text("metadata", key, MAX_KEY_CHARS)?;
            validate::text("metadata", value, MAX_VALUE_CHARS)?;
            if key.contains('=') {
                let reason = format!("has the name `{key}`; a name must not contain `=`");
                return Err(LedgerError::Invalid { name: "metadata", reason });
            }
        }
        Ok(self)
    }
}

/// `labels` in order and without repetition.
pub(crate) fn checked_labels(mut labels: Vec<String>) -> Result<Vec<String>, LedgerError> {
    if labels.len() > MAX_LABELS {
        let reason = format!("has {} names, the limit is {MAX_LABELS}", labels.len());
        return Err(LedgerError::Invalid { name: "labels", reason });
    }
    for label in &labels {
        validate::label("labels", label)?;
        if label == Access::WILDCARD {
            let reason = "must not be `*`, which stands for every label of a key".to_owned();
            return Err(LedgerError::Invalid { name: "labels", reason });
        }
    }
    labels.sort_unstable();
    labels.dedup();
    Ok(labels)
}

impl Ledger {
    /// Puts `details` in the place of a document's. One in work starts anew, so that nothing is
    /// stored under what it was; the caller brings the passages of a ready one up to date.
    ///
    /// # Errors
    /// `Invalid` for a detail beyond its limits; `NotFound`; `Conflict` when it is being deleted,
    /// or when another document has this external id or the same content for the same readers;
    /// `Database`.
    pub async fn update_details(
        &self,
        id: &DocumentId,
        details: DocumentDetails,
    ) -> Result<DocumentRecord, LedgerError> {
        const OPERATION: &str = "change a document's details";
        let details = details.checked()?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let row = sqlx::query(
            "UPDATE documents SET external_id = $2, source = $3, labels = $4, metadata = $5, \
             revision = revision + 1, claimed_by = NULL, updated = $6, \
             state = CASE state WHEN 'indexing' THEN 'pending' ELSE state END \
             WHERE id = $1 AND state <> 'deleting' RETURNING *",
        )
        .bind(id.as_str())
        .bind(&details.external_id)
        .bind(&details.source)
        .bind(to_json(&details.labels))
        .bind(to_json(&details.metadata))
        .bind(now)
        .fetch_optional(&mut *transaction)
        .await;
        let record = match row {
            Ok(Some(row)) => record(&row)?,
            Ok(None) => return Err(not_found(id)),
            Err(error) if is_taken(&error) => {
                let reason = "has the external id, or the content and readers, of another document";
                return Err(conflict(id, reason.to_owned()));
            }
            Err(error) => return Err(LedgerError::database(OPERATION)(error)),
        };
        if record.state == DocumentState::Pending {
            queue_ingest(&mut transaction, now, &record.knowledge_base).await?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(record)
    }
}

/// Whether an index that holds something once refused a row.
fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// A list or a map of texts as it is stored; cannot fail for these.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What [`to_json`] stored.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// The order of the keys is that of the map, so that equal metadata is stored alike.
pub(crate) type Metadata = BTreeMap<String, String>;
