//! Makes, reads, changes and deletes assistants.

use intramuros_types::AssistantId;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::{AssistantChanges, AssistantRecord, AssistantSummary, NewAssistant};
use crate::document::from_json;
use crate::moment::from_millis;
use crate::{Ledger, LedgerError, validate};

const WHAT: &str = "assistant";
const MAX_NAME_CHARS: usize = 100;
const MAX_CONFIG_BYTES: usize = 256 << 10;
const MAX_RETENTION_DAYS: u32 = 3_650;
const MAX_ASSISTANTS: i64 = 200;
/// Conversations that go at once.
const BATCH: i64 = 200;

/// The columns of lists.
const SUMMARY: &str = "id, slug, name, version, published, retention_days, retired, created, \
    created_by, updated, updated_by";

impl Ledger {
    /// Makes an assistant. It has a draft only, until it is published.
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits; `Conflict` when its name or slug is taken, or with
    /// 200 assistants; `Database`.
    pub async fn create_assistant(
        &self,
        new: NewAssistant,
    ) -> Result<AssistantRecord, LedgerError> {
        const OPERATION: &str = "make an assistant";
        validate::slug("slug", &new.slug)?;
        validate::text("name", &new.name, MAX_NAME_CHARS)?;
        check_days(new.retention_days)?;
        let config = validate::json("config", &new.config, MAX_CONFIG_BYTES)?;
        let id = AssistantId::new(format!("ast_{}", Uuid::now_v7().simple()));
        let mut transaction = self.begin_write(OPERATION).await?;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM assistants")
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if count >= MAX_ASSISTANTS {
            let reason = format!("cannot be made: there are {count}, the limit; delete one first");
            return Err(LedgerError::Conflict { what: WHAT, id: new.slug, reason });
        }
        check_free(&mut transaction, None, &new.slug, &new.name).await?;
        sqlx::query(
            "INSERT INTO assistants (id, slug, name, draft, draft_days, version, retention_days, \
             created, created_by, updated, updated_by) \
             VALUES ($1, $2, $3, $4, $5, 1, $5, $6, $7, $6, $7)",
        )
        .bind(id.as_str())
        .bind(&new.slug)
        .bind(&new.name)
        .bind(config)
        .bind(new.retention_days)
        .bind(self.clock.now())
        .bind(&new.by)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let made = whole(&mut transaction, &id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(made)
    }

    /// An assistant with its draft.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_assistant(&self, id: &AssistantId) -> Result<AssistantRecord, LedgerError> {
        const OPERATION: &str = "read an assistant";
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        whole(&mut connection, id).await
    }

    /// An assistant without its draft.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn assistant_summary(
        &self,
        id: &AssistantId,
    ) -> Result<AssistantSummary, LedgerError> {
        let select = format!("SELECT {SUMMARY} FROM assistants WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("look for an assistant"))?;
        summary(&row.ok_or_else(|| not_found(id))?)
    }

    /// The assistant of this slug.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn find_assistant(&self, slug: &str) -> Result<AssistantSummary, LedgerError> {
        let select = format!("SELECT {SUMMARY} FROM assistants WHERE slug = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(slug)
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("look for an assistant"))?;
        let not_found = || LedgerError::NotFound { what: WHAT, id: slug.to_owned() };
        summary(&row.ok_or_else(not_found)?)
    }

    /// Every assistant, by name; there are 200 at the most.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_assistants(&self) -> Result<Vec<AssistantSummary>, LedgerError> {
        let select = format!("SELECT {SUMMARY} FROM assistants ORDER BY name, id");
        sqlx::query(sqlx::AssertSqlSafe(select))
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the assistants"))?
            .iter()
            .map(summary)
            .collect()
    }

    /// Changes the draft, the name or the slug. What is published stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`; `Conflict` when somebody changed it since the version that was seen,
    /// or when the name or slug is taken; `Database`.
    pub async fn update_assistant(
        &self,
        id: &AssistantId,
        changes: AssistantChanges,
        by: &str,
    ) -> Result<AssistantRecord, LedgerError> {
        const OPERATION: &str = "change an assistant";
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = whole(&mut transaction, id).await?;
        check_version(&old.summary, changes.version)?;
        let slug = changes.slug.unwrap_or(old.summary.slug);
        let name = changes.name.unwrap_or(old.summary.name);
        let days = changes.retention_days.unwrap_or(old.draft_retention_days);
        let config = changes.config.unwrap_or(old.draft);
        validate::slug("slug", &slug)?;
        validate::text("name", &name, MAX_NAME_CHARS)?;
        check_days(days)?;
        let config = validate::json("config", &config, MAX_CONFIG_BYTES)?;
        check_free(&mut transaction, Some(id), &slug, &name).await?;
        sqlx::query(
            "UPDATE assistants SET slug = $2, name = $3, draft = $4, draft_days = $5, \
             version = version + 1, updated = $6, updated_by = $7, \
             retention_days = CASE WHEN published IS NULL THEN $5 ELSE retention_days END \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(slug)
        .bind(name)
        .bind(config)
        .bind(days)
        .bind(self.clock.now())
        .bind(by)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let changed = whole(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(changed)
    }

    /// Retires an assistant, or brings it back: nobody begins a conversation with a retired one,
    /// and those that have begun go on.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn retire_assistant(
        &self,
        id: &AssistantId,
        retired: bool,
    ) -> Result<AssistantRecord, LedgerError> {
        sqlx::query(
            "UPDATE assistants SET retired = CASE WHEN $2 = 0 THEN NULL \
             ELSE COALESCE(retired, $3) END WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(i64::from(retired))
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("retire an assistant"))?;
        self.get_assistant(id).await
    }

    /// Deletes an assistant with its versions and its conversations; how many of these. They go a
    /// few at a time, after it was retired, so that one that is interrupted can be asked for again.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn delete_assistant(&self, id: &AssistantId) -> Result<u64, LedgerError> {
        const OPERATION: &str = "delete an assistant";
        self.retire_assistant(id, true).await?;
        let mut deleted = 0;
        loop {
            let mut transaction = self.begin_write(OPERATION).await?;
            let ids: Vec<String> =
                sqlx::query_scalar("SELECT id FROM conversations WHERE assistant = $1 LIMIT $2")
                    .bind(id.as_str())
                    .bind(BATCH)
                    .fetch_all(&mut *transaction)
                    .await
                    .map_err(LedgerError::database(OPERATION))?;
            for conversation in &ids {
                crate::conversation::remove(&mut transaction, conversation).await?;
            }
            deleted += ids.len() as u64;
            if ids.is_empty() {
                let now = self.clock.now();
                crate::pilot::end_thresholds(&mut transaction, "chat", id.as_str(), now).await?;
                sqlx::query("DELETE FROM assistants WHERE id = $1")
                    .bind(id.as_str())
                    .execute(&mut *transaction)
                    .await
                    .map_err(LedgerError::database(OPERATION))?;
            }
            transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
            if ids.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.forget_erased().await;
        Ok(deleted)
    }
}

/// Refuses a draft that changed since it was seen.
pub(super) fn check_version(found: &AssistantSummary, seen: u32) -> Result<(), LedgerError> {
    if found.version == seen {
        return Ok(());
    }
    let reason = format!(
        "is at version {}, you saw {seen}: {} changed it meanwhile; look at it again",
        found.version, found.updated_by
    );
    Err(conflict(&found.id, reason))
}

pub(super) async fn whole(
    connection: &mut SqliteConnection,
    id: &AssistantId,
) -> Result<AssistantRecord, LedgerError> {
    const OPERATION: &str = "read an assistant";
    let row = sqlx::query("SELECT * FROM assistants WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let row = row.ok_or_else(|| not_found(id))?;
    let draft = json(&row, "draft").map_err(LedgerError::database(OPERATION))?;
    let days = row.try_get("draft_days").map_err(LedgerError::database(OPERATION))?;
    Ok(AssistantRecord { summary: summary(&row)?, draft, draft_retention_days: days })
}

pub(super) fn json(row: &SqliteRow, column: &str) -> Result<Value, sqlx::Error> {
    from_json(row.try_get(column)?)
}

fn summary(row: &SqliteRow) -> Result<AssistantSummary, LedgerError> {
    read_summary(row).map_err(LedgerError::database("read an assistant"))
}

fn read_summary(row: &SqliteRow) -> Result<AssistantSummary, sqlx::Error> {
    Ok(AssistantSummary {
        id: AssistantId::new(row.try_get::<String, _>("id")?),
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        published: row.try_get("published")?,
        retention_days: row.try_get("retention_days")?,
        retired: row.try_get::<Option<i64>, _>("retired")?.map(from_millis),
        created: from_millis(row.try_get("created")?),
        created_by: row.try_get("created_by")?,
        updated: from_millis(row.try_get("updated")?),
        updated_by: row.try_get("updated_by")?,
    })
}

fn check_days(days: Option<u32>) -> Result<(), LedgerError> {
    match days {
        Some(days) if !(1..=MAX_RETENTION_DAYS).contains(&days) => {
            let reason =
                format!("is {days}, it must be 1 to {MAX_RETENTION_DAYS}, or none for ever");
            Err(LedgerError::Invalid { name: "retention_days", reason })
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses a slug or a name that another assistant has.
async fn check_free(
    connection: &mut SqliteConnection,
    own: Option<&AssistantId>,
    slug: &str,
    name: &str,
) -> Result<(), LedgerError> {
    let taken: Option<(String, String)> = sqlx::query_as(
        "SELECT id, slug FROM assistants WHERE (slug = $1 OR name = $2) AND id <> $3 \
         ORDER BY id LIMIT 1",
    )
    .bind(slug)
    .bind(name)
    .bind(own.map_or("", AssistantId::as_str))
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look for an assistant"))?;
    let Some((id, other)) = taken else { return Ok(()) };
    let what = if other == slug { "slug" } else { "name" };
    let reason = format!("has this {what} already; choose another");
    Err(LedgerError::Conflict { what: WHAT, id, reason })
}

pub(crate) fn not_found(id: &AssistantId) -> LedgerError {
    LedgerError::NotFound { what: WHAT, id: id.to_string() }
}

pub(super) fn conflict(id: &AssistantId, reason: impl Into<String>) -> LedgerError {
    LedgerError::Conflict { what: WHAT, id: id.to_string(), reason: reason.into() }
}
