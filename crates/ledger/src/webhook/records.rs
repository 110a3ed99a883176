//! Creates, changes, lists and removes webhooks, and sends one a ping.

use intramuros_types::WebhookId;
use serde_json::Map;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use super::secret;
use crate::document::{from_json, to_json};
use crate::event::ALL_KINDS;
use crate::moment::from_millis;
use crate::outbox::moment;
use crate::{
    DeliveryRecord, EventKind, Ledger, LedgerError, NewEvent, NewWebhook, WebhookChange,
    WebhookRecord, WebhookSecret, validate,
};

const WHAT: &str = "webhook";
const MAX_WEBHOOKS: i64 = 100;
const MAX_URL_CHARS: usize = 2_048;
const MAX_DESCRIPTION_CHARS: usize = 200;
/// How long the secret before a rotation signs too.
const ROTATION_MILLIS: i64 = 24 * 3600 * 1000;

impl Ledger {
    /// Makes a webhook, enabled.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long field or an unknown kind; `Conflict` when there are 100
    /// already; `Entropy`; `Database`.
    pub async fn create_webhook(&self, new: NewWebhook) -> Result<WebhookSecret, LedgerError> {
        const OPERATION: &str = "create a webhook";
        validate::text("url", &new.url, MAX_URL_CHARS)?;
        let kinds = kinds(&new.events)?;
        describe(&new.description)?;
        let id = WebhookId::new(format!("whk_{}", Uuid::now_v7().simple()));
        let secret = secret::generate()?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM webhooks")
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if count >= MAX_WEBHOOKS {
            let reason = format!("cannot be added: there are {count}, the limit");
            return Err(LedgerError::Conflict { what: WHAT, id: new.url, reason });
        }
        let row = sqlx::query(
            "INSERT INTO webhooks (id, url, kinds, description, enabled, secret, created, updated, \
             delivered, dead, dropped, failures) VALUES ($1, $2, $3, $4, 1, $5, $6, $6, 0, 0, 0, 0) \
             RETURNING *",
        )
        .bind(id.as_str())
        .bind(&new.url)
        .bind(to_json(&kinds))
        .bind(&new.description)
        .bind(&secret)
        .bind(now)
        .fetch_one(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(WebhookSecret { secret, record: record(&row, now)? })
    }

    /// Every webhook, oldest first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_webhooks(&self) -> Result<Vec<WebhookRecord>, LedgerError> {
        let now = self.clock.now();
        sqlx::query("SELECT * FROM webhooks ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the webhooks"))?
            .iter()
            .map(|row| record(row, now))
            .collect()
    }

    /// The webhook `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_webhook(&self, id: &WebhookId) -> Result<WebhookRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM webhooks WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a webhook"))?;
        row.map_or_else(|| Err(not_found(id)), |row| record(&row, self.clock.now()))
    }

    /// Changes a webhook. Enabling it takes up what waits for it.
    ///
    /// # Errors
    /// `Invalid` as for [`Ledger::create_webhook`]; `NotFound`; `Database`.
    pub async fn update_webhook(
        &self,
        id: &WebhookId,
        change: WebhookChange,
    ) -> Result<WebhookRecord, LedgerError> {
        if let Some(url) = &change.url {
            validate::text("url", url, MAX_URL_CHARS)?;
        }
        if let Some(description) = &change.description {
            describe(description)?;
        }
        let kinds = change.events.as_deref().map(kinds).transpose()?;
        let now = self.clock.now();
        let row = sqlx::query(
            "UPDATE webhooks SET url = COALESCE($2, url), kinds = COALESCE($3, kinds), \
             description = COALESCE($4, description), enabled = COALESCE($5, enabled), \
             disabled_reason = CASE WHEN $5 IS NULL THEN disabled_reason ELSE NULL END, \
             updated = $6 WHERE id = $1 RETURNING *",
        )
        .bind(id.as_str())
        .bind(change.url)
        .bind(kinds.map(|kinds| to_json(&kinds)))
        .bind(change.description)
        .bind(change.enabled.map(i64::from))
        .bind(now)
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("change a webhook"))?;
        let changed = row.map_or_else(|| Err(not_found(id)), |row| record(&row, now))?;
        self.announce();
        Ok(changed)
    }

    /// Gives a webhook a new secret. The one before signs too for 24 hours, so that the receiver can
    /// be changed meanwhile; an earlier one no longer.
    ///
    /// # Errors
    /// `NotFound`, `Entropy`, `Database`.
    pub async fn rotate_webhook(&self, id: &WebhookId) -> Result<WebhookSecret, LedgerError> {
        let secret = secret::generate()?;
        let now = self.clock.now();
        let row = sqlx::query(
            "UPDATE webhooks SET previous_secret = secret, previous_until = $3, secret = $2, \
             updated = $4 WHERE id = $1 RETURNING *",
        )
        .bind(id.as_str())
        .bind(&secret)
        .bind(now.saturating_add(ROTATION_MILLIS))
        .bind(now)
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("rotate a webhook's secret"))?;
        let record = row.map_or_else(|| Err(not_found(id)), |row| record(&row, now))?;
        Ok(WebhookSecret { secret, record })
    }

    /// Removes a webhook with its deliveries.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), LedgerError> {
        const OPERATION: &str = "delete a webhook";
        let mut transaction = self.begin_write(OPERATION).await?;
        exists(&mut transaction, id).await?;
        for statement in [
            "DELETE FROM webhook_deliveries WHERE webhook = $1",
            "DELETE FROM webhooks WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        sqlx::query(
            "DELETE FROM events WHERE NOT EXISTS \
             (SELECT 1 FROM webhook_deliveries d WHERE d.event = events.id)",
        )
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Sends a webhook, and no other one, an event of the kind `ping`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is disabled or too much waits for it; `Database`.
    pub async fn ping_webhook(&self, id: &WebhookId) -> Result<DeliveryRecord, LedgerError> {
        const OPERATION: &str = "ping a webhook";
        let mut transaction = self.begin_write(OPERATION).await?;
        exists(&mut transaction, id).await?.ok_or_else(|| disabled(id))?;
        let event = NewEvent { kind: EventKind::Ping, payload: Map::new() };
        let event = self.record_event(&mut transaction, &event, std::slice::from_ref(id)).await?;
        // Committed also when it was dropped, which is counted.
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        let found = self.delivery_of(id, &event).await?;
        found.ok_or_else(|| conflict(id, "has too many deliveries that wait; see why they fail"))
    }
}

/// `Some` when the webhook is enabled, `None` when it is disabled.
pub(super) async fn exists(
    transaction: &mut Transaction<'_, Sqlite>,
    id: &WebhookId,
) -> Result<Option<()>, LedgerError> {
    let enabled: Option<i64> = sqlx::query_scalar("SELECT enabled FROM webhooks WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut **transaction)
        .await
        .map_err(LedgerError::database("read a webhook"))?;
    enabled.map(|enabled| (enabled == 1).then_some(())).ok_or_else(|| not_found(id))
}

pub(super) fn not_found(id: &WebhookId) -> LedgerError {
    LedgerError::NotFound { what: WHAT, id: id.to_string() }
}

pub(super) fn disabled(id: &WebhookId) -> LedgerError {
    conflict(id, "is disabled; enable it first")
}

fn conflict(id: &WebhookId, reason: &str) -> LedgerError {
    LedgerError::Conflict { what: WHAT, id: id.to_string(), reason: reason.to_owned() }
}

fn describe(description: &str) -> Result<(), LedgerError> {
    if description.is_empty() {
        return Ok(());
    }
    validate::text("description", description, MAX_DESCRIPTION_CHARS)
}

/// The names as they are stored: known, sorted, each once, `*` alone.
fn kinds(names: &[String]) -> Result<Vec<String>, LedgerError> {
    if names.is_empty() {
        let reason = format!("is empty; name the kinds of events, or `{ALL_KINDS}` for all");
        return Err(LedgerError::Invalid { name: "events", reason });
    }
    if names.iter().any(|name| name == ALL_KINDS) {
        return Ok(vec![ALL_KINDS.to_owned()]);
    }
    let mut kinds = names.iter().map(|name| name.parse()).collect::<Result<Vec<EventKind>, _>>()?;
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds.into_iter().map(|kind| kind.as_str().to_owned()).collect())
}

fn record(row: &SqliteRow, now: i64) -> Result<WebhookRecord, LedgerError> {
    read(row, now).map_err(LedgerError::database("read a webhook"))
}

fn read(row: &SqliteRow, now: i64) -> Result<WebhookRecord, sqlx::Error> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    let previous_until: Option<i64> = row.try_get("previous_until")?;
    Ok(WebhookRecord {
        id: WebhookId::new(row.try_get::<String, _>("id")?),
        url: row.try_get("url")?,
        events: from_json(row.try_get("kinds")?)?,
        description: row.try_get("description")?,
        enabled: row.try_get::<i64, _>("enabled")? == 1,
        disabled_reason: row.try_get("disabled_reason")?,
        created: from_millis(row.try_get("created")?),
        rotating_until: moment(previous_until.filter(|until| *until > now)),
        delivered: count("delivered")?,
        dead: count("dead")?,
        dropped: count("dropped")?,
        failures: count("failures")?,
        last_delivered: moment(row.try_get("last_delivered")?),
        last_failed: moment(row.try_get("last_failed")?),
        last_error: row.try_get("last_error")?,
    })
}
