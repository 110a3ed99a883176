//! Claims deliveries for an attempt, notes how it went, lists and retries them.

use std::time::Duration;

use intramuros_types::{DeliveryId, EventId, WebhookId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use time::OffsetDateTime;

use super::records::{disabled, exists};
use crate::moment::{from_millis, to_millis};
use crate::outbox::{OutcomeRow, claim_end};
use crate::{
    ClaimedDelivery, DeliveryPage, DeliveryRecord, Ledger, LedgerError, OutboxPage, OutboxState,
    Outcome,
};

const WHAT: &str = "delivery";

/// A delivery with what its event was.
const SELECT: &str = "SELECT d.*, e.kind FROM webhook_deliveries d JOIN events e ON e.id = d.event";

impl Ledger {
    /// Takes up to `most` deliveries that are due at `now` for an attempt, at most `per_webhook` of a
    /// webhook being claimed at a time. Nobody else gets them before `lease` is over. The longest due
    /// come first, so a webhook with many does not hold up the others.
    ///
    /// # Errors
    /// `Database`.
    pub async fn claim_deliveries(
        &self,
        now: OffsetDateTime,
        lease: Duration,
        most: usize,
        per_webhook: u32,
    ) -> Result<Vec<ClaimedDelivery>, LedgerError> {
        const OPERATION: &str = "claim deliveries";
        // Most looks find nothing, and need not be a writer for it.
        let at = to_millis(now);
        if most == 0 || most_overdue(&self.pool, at, per_webhook).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin_write(OPERATION).await?;
        let mut claimed = Vec::new();
        while claimed.len() < most {
            let webhook = most_overdue(&mut *transaction, at, per_webhook).await?;
            let Some(webhook) = webhook else { break };
            let Some(id) = claim(&mut transaction, &webhook, now, lease).await? else { break };
            claimed.push(claimed_delivery(&mut transaction, &id, now).await?);
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(claimed)
    }

    /// When the next delivery of an enabled webhook is due, of those that nobody is at by `now`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn next_delivery(
        &self,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, LedgerError> {
        // For each webhook one look into an index, whose first rows may be claimed: a few.
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(due) FROM (SELECT (SELECT d.next_attempt FROM webhook_deliveries d \
             WHERE d.webhook = w.id AND d.state = 'pending' AND d.claimed_until <= $1 \
             ORDER BY d.next_attempt LIMIT 1) AS due FROM webhooks w WHERE w.enabled = 1) AS dues",
        )
        .bind(to_millis(now))
        .fetch_one(&self.pool)
        .await
        .map_err(LedgerError::database("find the next delivery"))?;
        Ok(next.map(from_millis))
    }

    /// Notes how the attempt of a claim went, on the delivery and on its webhook. Does nothing when
    /// the claim is over or the delivery gone.
    ///
    /// # Errors
    /// `Database`.
    pub async fn finish_delivery(
        &self,
        claim: &ClaimedDelivery,
        now: OffsetDateTime,
        outcome: &Outcome,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "note a delivery's attempt";
        let now = to_millis(now);
        let OutcomeRow { state, next_attempt, status, error } = outcome.into();
        let mut transaction = self.begin_write(OPERATION).await?;
        let done = sqlx::query(
            "UPDATE webhook_deliveries SET state = $3, next_attempt = COALESCE($4, next_attempt), \
             claimed_until = 0, status = $5, error = $6, updated = $7 \
             WHERE id = $1 AND claimed_until = $2 AND state = 'pending'",
        )
        .bind(claim.id.as_str())
        .bind(claim.claimed_until)
        .bind(state.as_str())
        .bind(next_attempt)
        .bind(status)
        .bind(&error)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        note_on_webhook(&mut transaction, &claim.webhook, outcome, error, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// A page of a webhook's deliveries, the newest first.
    ///
    /// # Errors
    /// `Invalid` for a wrong limit; `NotFound`; `Database`.
    pub async fn list_deliveries(
        &self,
        webhook: &WebhookId,
        page: OutboxPage,
    ) -> Result<DeliveryPage, LedgerError> {
        page.check()?;
        self.get_webhook(webhook).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SELECT);
        query.push(" WHERE d.webhook = ").push_bind(webhook.as_str());
        if let Some(state) = page.state {
            query.push(" AND d.state = ").push_bind(state.as_str());
        }
        if let Some(before) = &page.before {
            query.push(" AND d.id < ").push_bind(before);
        }
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY d.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query.build().fetch_all(&self.pool).await;
        let rows = rows.map_err(LedgerError::database("list the deliveries"))?;
        let mut deliveries = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let more = deliveries.len() > page.limit as usize;
        deliveries.truncate(page.limit as usize);
        let next = deliveries.last().filter(|_| more).map(|last| last.id.clone());
        Ok(DeliveryPage { deliveries, next })
    }

    /// Lets a delivery that is dead, or waits, be tried now, with all attempts before it again.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it was delivered or its webhook is disabled; `Database`.
    pub async fn retry_delivery(
        &self,
        webhook: &WebhookId,
        id: &DeliveryId,
    ) -> Result<DeliveryRecord, LedgerError> {
        const OPERATION: &str = "retry a delivery";
        let mut transaction = self.begin_write(OPERATION).await?;
        exists(&mut transaction, webhook).await?.ok_or_else(|| disabled(webhook))?;
        let row = sqlx::query(
            "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_attempt = $3, \
             updated = $3 WHERE id = $1 AND webhook = $2 AND state <> 'delivered' \
             RETURNING *, (SELECT kind FROM events e WHERE e.id = event) AS kind",
        )
        .bind(id.as_str())
        .bind(webhook.as_str())
        .bind(self.clock.now())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(row) = row else {
            let known: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM webhook_deliveries WHERE id = $1 AND webhook = $2",
            )
            .bind(id.as_str())
            .bind(webhook.as_str())
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            return Err(match known {
                0 => LedgerError::NotFound { what: WHAT, id: id.to_string() },
                _ => LedgerError::Conflict {
                    what: WHAT,
                    id: id.to_string(),
                    reason: "was delivered already".to_owned(),
                },
            });
        };
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        record(&row)
    }

    /// The delivery of an event to a webhook.
    pub(super) async fn delivery_of(
        &self,
        webhook: &WebhookId,
        event: &EventId,
    ) -> Result<Option<DeliveryRecord>, LedgerError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SELECT);
        query.push(" WHERE d.webhook = ").push_bind(webhook.as_str());
        query.push(" AND d.event = ").push_bind(event.as_str());
        let row = query.build().fetch_optional(&self.pool).await;
        row.map_err(LedgerError::database("read a delivery"))?.as_ref().map(record).transpose()
    }
}

/// Of the webhooks that may get one more now, the one whose oldest delivery is due longest.
async fn most_overdue(
    connection: impl sqlx::SqliteExecutor<'_>,
    now: i64,
    per_webhook: u32,
) -> Result<Option<String>, LedgerError> {
    let waiting: Vec<(String, Option<i64>, i64)> = sqlx::query_as(
        "SELECT w.id, (SELECT d.next_attempt FROM webhook_deliveries d WHERE \
         d.webhook = w.id AND d.state = 'pending' AND d.claimed_until <= $1 \
         ORDER BY d.next_attempt LIMIT 1), \
         (SELECT COUNT(*) FROM webhook_deliveries d WHERE d.webhook = w.id \
         AND d.state = 'pending' AND d.claimed_until > $1) FROM webhooks w WHERE w.enabled = 1",
    )
    .bind(now)
    .fetch_all(connection)
    .await
    .map_err(LedgerError::database("find due deliveries"))?;
    let due = waiting.into_iter().filter_map(|(id, due, busy)| {
        let due = due.filter(|due| *due <= now && busy < i64::from(per_webhook))?;
        Some((due, busy, id))
    });
    Ok(due.min().map(|(_, _, id)| id))
}

async fn claim(
    transaction: &mut Transaction<'_, Sqlite>,
    webhook: &str,
    now: OffsetDateTime,
    lease: Duration,
) -> Result<Option<String>, LedgerError> {
    sqlx::query_scalar(
        "UPDATE webhook_deliveries SET claimed_until = $3, attempts = attempts + 1, updated = $2 \
         WHERE id = (SELECT id FROM webhook_deliveries WHERE webhook = $1 AND state = 'pending' \
         AND next_attempt <= $2 AND claimed_until <= $2 ORDER BY next_attempt, id LIMIT 1) \
         RETURNING id",
    )
    .bind(webhook)
    .bind(to_millis(now))
    .bind(claim_end(now, lease))
    .fetch_optional(&mut **transaction)
    .await
    .map_err(LedgerError::database("claim a delivery"))
}

async fn claimed_delivery(
    transaction: &mut Transaction<'_, Sqlite>,
    id: &str,
    now: OffsetDateTime,
) -> Result<ClaimedDelivery, LedgerError> {
    let row = sqlx::query(
        "SELECT d.id, d.webhook, d.event, d.attempts, d.claimed_until, e.kind, e.payload, \
         e.created AS happened, w.url, w.secret, w.previous_secret, w.previous_until \
         FROM webhook_deliveries d JOIN events e ON e.id = d.event \
         JOIN webhooks w ON w.id = d.webhook WHERE d.id = $1",
    )
    .bind(id)
    .fetch_one(&mut **transaction)
    .await
    .map_err(LedgerError::database("read a delivery"))?;
    read_claimed(&row, to_millis(now)).map_err(LedgerError::database("read a delivery"))
}

fn read_claimed(row: &SqliteRow, now: i64) -> Result<ClaimedDelivery, sqlx::Error> {
    let previous: Option<String> = row.try_get("previous_secret")?;
    let until: Option<i64> = row.try_get("previous_until")?;
    let mut secrets = vec![row.try_get("secret")?];
    secrets.extend(previous.filter(|_| until.is_some_and(|until| until > now)));
    Ok(ClaimedDelivery {
        id: DeliveryId::new(row.try_get::<String, _>("id")?),
        webhook: WebhookId::new(row.try_get::<String, _>("webhook")?),
        url: row.try_get("url")?,
        secrets,
        event: EventId::new(row.try_get::<String, _>("event")?),
        kind: row.try_get("kind")?,
        payload: row.try_get("payload")?,
        created: from_millis(row.try_get("happened")?),
        attempt: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        claimed_until: row.try_get("claimed_until")?,
    })
}

async fn note_on_webhook(
    transaction: &mut Transaction<'_, Sqlite>,
    webhook: &WebhookId,
    outcome: &Outcome,
    error: Option<String>,
    now: i64,
) -> Result<(), LedgerError> {
    let statement = match outcome {
        Outcome::Delivered { .. } => {
            "UPDATE webhooks SET delivered = delivered + 1, failures = 0, last_delivered = $2, \
             last_error = $3 WHERE id = $1"
        }
        Outcome::Retry { .. } => {
            "UPDATE webhooks SET failures = failures + 1, last_failed = $2, last_error = $3 \
             WHERE id = $1"
        }
        Outcome::Dead { disable: false, .. } => {
            "UPDATE webhooks SET failures = failures + 1, dead = dead + 1, last_failed = $2, \
             last_error = $3 WHERE id = $1"
        }
        Outcome::Dead { disable: true, .. } => {
            "UPDATE webhooks SET failures = failures + 1, dead = dead + 1, last_failed = $2, \
             last_error = $3, enabled = 0, disabled_reason = $3 WHERE id = $1"
        }
    };
    sqlx::query(statement)
        .bind(webhook.as_str())
        .bind(now)
        .bind(error)
        .execute(&mut **transaction)
        .await
        .map_err(LedgerError::database("note a delivery's attempt"))?;
    Ok(())
}

fn record(row: &SqliteRow) -> Result<DeliveryRecord, LedgerError> {
    read(row).map_err(LedgerError::database("read a delivery"))
}

fn read(row: &SqliteRow) -> Result<DeliveryRecord, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let state = state.parse().map_err(|error: LedgerError| sqlx::Error::Decode(error.into()))?;
    let next_attempt = from_millis(row.try_get("next_attempt")?);
    let status: Option<i64> = row.try_get("status")?;
    Ok(DeliveryRecord {
        id: DeliveryId::new(row.try_get::<String, _>("id")?),
        event: EventId::new(row.try_get::<String, _>("event")?),
        kind: row.try_get("kind")?,
        state,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        next_attempt: Some(next_attempt).filter(|_| state == OutboxState::Pending),
        status: status.and_then(|status| u16::try_from(status).ok()),
        error: row.try_get("error")?,
        created: from_millis(row.try_get("created")?),
        updated: from_millis(row.try_get("updated")?),
    })
}
