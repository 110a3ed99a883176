//! Publishes assistants, and brings earlier versions back.

use intramuros_types::AssistantId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::records::{check_version, conflict, json, whole};
use super::{AssistantSummary, AssistantVersion};
use crate::document::to_json;
use crate::moment::{from_millis, to_millis};
use crate::{Ledger, LedgerError, validate};

const MAX_NOTE_CHARS: usize = 1_000;
/// The most versions of a page.
const MAX_PAGE: u32 = 100;

impl Ledger {
    /// Publishes the draft: a new version, which answers from now on.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a note beyond 1,000 characters; `Conflict` when the draft changed
    /// since the version that was seen; `Database`.
    pub async fn publish_assistant(
        &self,
        id: &AssistantId,
        version: u32,
        note: &str,
        by: &str,
    ) -> Result<AssistantVersion, LedgerError> {
        const OPERATION: &str = "publish an assistant";
        validate::long_text("note", note, MAX_NOTE_CHARS)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let found = whole(&mut transaction, id).await?;
        check_version(&found.summary, version)?;
        let published = AssistantVersion {
            assistant: id.clone(),
            number: next_number(&mut transaction, id).await?,
            config: found.draft,
            retention_days: found.draft_retention_days,
            note: note.to_owned(),
            restores: None,
            published: self.now(),
            published_by: by.to_owned(),
        };
        insert(&mut transaction, &published).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(published)
    }

    /// Publishes an earlier version again, under a new number. The draft stays as it is.
    ///
    /// # Errors
    /// `NotFound` for the assistant or the version; `Invalid` for a note beyond 1,000 characters;
    /// `Conflict` when that version answers already; `Database`.
    pub async fn restore_assistant(
        &self,
        id: &AssistantId,
        number: u32,
        note: &str,
        by: &str,
    ) -> Result<AssistantVersion, LedgerError> {
        const OPERATION: &str = "bring back a version of an assistant";
        validate::long_text("note", note, MAX_NOTE_CHARS)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let found = whole(&mut transaction, id).await?;
        if found.summary.published == Some(number) {
            return Err(conflict(id, format!("answers with version {number} already")));
        }
        let earlier = version(&mut transaction, id, number).await?;
        let published = AssistantVersion {
            number: next_number(&mut transaction, id).await?,
            note: note.to_owned(),
            restores: Some(number),
            published: self.now(),
            published_by: by.to_owned(),
            ..earlier
        };
        insert(&mut transaction, &published).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(published)
    }

    /// A published version.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn assistant_version(
        &self,
        id: &AssistantId,
        number: u32,
    ) -> Result<AssistantVersion, LedgerError> {
        const OPERATION: &str = "read a version of an assistant";
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        version(&mut connection, id, number).await
    }

    /// Up to `limit` published versions, at most 100, newest first, those before `before`.
    ///
    /// # Errors
    /// `NotFound` for the assistant; `Database`.
    pub async fn list_assistant_versions(
        &self,
        id: &AssistantId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<AssistantVersion>, LedgerError> {
        const OPERATION: &str = "list the versions of an assistant";
        self.get_assistant(id).await?;
        sqlx::query(
            "SELECT * FROM assistant_versions WHERE assistant = $1 AND number < $2 \
             ORDER BY number DESC LIMIT $3",
        )
        .bind(id.as_str())
        .bind(before.map_or(i64::MAX, i64::from))
        .bind(limit.min(MAX_PAGE))
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(read).collect())
        .map_err(LedgerError::database(OPERATION))
    }

    /// The assistant of this slug with the version that answers.
    ///
    /// # Errors
    /// `NotFound`, also for one that was never published, or is retired; `Database`.
    pub async fn published_assistant(
        &self,
        slug: &str,
    ) -> Result<(AssistantSummary, AssistantVersion), LedgerError> {
        let found = self.find_assistant(slug).await?;
        match found.published {
            Some(number) if found.retired.is_none() => {
                let version = self.assistant_version(&found.id, number).await?;
                Ok((found, version))
            }
            Some(_) | None => {
                Err(LedgerError::NotFound { what: "published assistant", id: slug.to_owned() })
            }
        }
    }
}

async fn next_number(
    connection: &mut SqliteConnection,
    id: &AssistantId,
) -> Result<u32, LedgerError> {
    sqlx::query_scalar(
        "SELECT COALESCE(MAX(number), 0) + 1 FROM assistant_versions WHERE assistant = $1",
    )
    .bind(id.as_str())
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database("number a version of an assistant"))
}

/// Stores a version and lets it answer.
async fn insert(
    connection: &mut SqliteConnection,
    version: &AssistantVersion,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "publish an assistant";
    sqlx::query(
        "INSERT INTO assistant_versions (assistant, number, config, retention_days, note, restores, \
         published, published_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(version.assistant.as_str())
    .bind(version.number)
    .bind(to_json(&version.config))
    .bind(version.retention_days)
    .bind(&version.note)
    .bind(version.restores)
    .bind(to_millis(version.published))
    .bind(&version.published_by)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    sqlx::query("UPDATE assistants SET published = $2, retention_days = $3 WHERE id = $1")
        .bind(version.assistant.as_str())
        .bind(version.number)
        .bind(version.retention_days)
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}

async fn version(
    connection: &mut SqliteConnection,
    id: &AssistantId,
    number: u32,
) -> Result<AssistantVersion, LedgerError> {
    const OPERATION: &str = "read a version of an assistant";
    let row = sqlx::query("SELECT * FROM assistant_versions WHERE assistant = $1 AND number = $2")
        .bind(id.as_str())
        .bind(number)
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let not_found = || LedgerError::NotFound { what: "version", id: format!("{number} of {id}") };
    read(&row.ok_or_else(not_found)?).map_err(LedgerError::database(OPERATION))
}

fn read(row: &SqliteRow) -> Result<AssistantVersion, sqlx::Error> {
    Ok(AssistantVersion {
        assistant: AssistantId::new(row.try_get::<String, _>("assistant")?),
        number: row.try_get("number")?,
        config: json(row, "config")?,
        retention_days: row.try_get("retention_days")?,
        note: row.try_get("note")?,
        restores: row.try_get("restores")?,
        published: from_millis(row.try_get("published")?),
        published_by: row.try_get("published_by")?,
    })
}
