//! Records what happened, and for which webhooks it is to be delivered.

use std::fmt;
use std::str::FromStr;

use intramuros_types::{EventId, WebhookId};
use serde_json::{Map, Value};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use crate::document::from_json;
use crate::{Ledger, LedgerError};

mod causes;

pub(crate) use causes::forget_external_id;

const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// Deliveries that may wait for one webhook. Beyond, events are counted as dropped: a receiver that
/// is away must not fill the disk.
const MAX_PENDING: i64 = 10_000;

/// What a webhook takes that takes everything.
pub(crate) const ALL_KINDS: &str = "*";

/// What kind of thing happened. A closed list: receivers can rely on the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// Somebody tries whether a webhook works. Goes to that webhook alone.
    Ping,
    /// A proposal waits for somebody to decide.
    ReviewCreated,
    /// A proposal was approved, corrected or rejected.
    ReviewDecided,
    /// A job ended well.
    JobFinished,
    /// A job ended with a failure.
    JobFailed,
    /// A document can be searched.
    DocumentReady,
    /// A document could not be read.
    DocumentFailed,
    /// A key nears its budget.
    BudgetWarning,
    /// A key has used up its budget.
    BudgetExceeded,
    /// A conversation was given to a human.
    ConversationHandedOver,
    /// A customer wrote in a conversation that a person has.
    ConversationMessage,
    /// A conversation is over.
    ConversationClosed,
    /// A ticket cannot wait.
    TicketAlert,
    /// Many tickets came about one thing.
    TicketOutbreak,
    /// A backup could not be made.
    BackupFailed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [EventKind; 15] = [
        EventKind::Ping,
        EventKind::ReviewCreated,
        EventKind::ReviewDecided,
        EventKind::JobFinished,
        EventKind::JobFailed,
        EventKind::DocumentReady,
        EventKind::DocumentFailed,
        EventKind::BudgetWarning,
        EventKind::BudgetExceeded,
        EventKind::ConversationHandedOver,
        EventKind::ConversationMessage,
        EventKind::ConversationClosed,
        EventKind::TicketAlert,
        EventKind::TicketOutbreak,
        EventKind::BackupFailed,
    ];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Ping => "ping",
            EventKind::ReviewCreated => "review.created",
            EventKind::ReviewDecided => "review.decided",
            EventKind::JobFinished => "job.finished",
            EventKind::JobFailed => "job.failed",
            EventKind::DocumentReady => "document.ready",
            EventKind::DocumentFailed => "document.failed",
            EventKind::BudgetWarning => "budget.warning",
            EventKind::BudgetExceeded => "budget.exceeded",
            EventKind::ConversationHandedOver => "conversation.handed_over",
            EventKind::ConversationMessage => "conversation.message",
            EventKind::ConversationClosed => "conversation.closed",
            EventKind::TicketAlert => "ticket.alert",
            EventKind::TicketOutbreak => "ticket.outbreak",
            EventKind::BackupFailed => "backup.failed",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = LedgerError;

    /// Reads a kind's name.
    ///
    /// # Errors
    /// `Invalid` with the list of the names.
    fn from_str(name: &str) -> Result<Self, LedgerError> {
        EventKind::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
            let names = EventKind::ALL.map(EventKind::as_str).join("`, `");
            let reason = format!("has `{name}`, must be `{ALL_KINDS}` or of `{names}`");
            LedgerError::Invalid { name: "events", reason }
        })
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What kind of thing.
    pub kind: EventKind,
    /// Ids and states, up to 64 KiB of JSON; never contents, which the receiver can ask for.
    pub payload: Map<String, Value>,
}

impl Ledger {
    /// Records an event by itself. Where it has a cause in this ledger, it is recorded in the cause's
    /// transaction instead, so that neither is there without the other.
    ///
    /// # Errors
    /// `Invalid` for a payload beyond 64 KiB; `Database`.
    pub async fn emit(&self, event: &NewEvent) -> Result<(), LedgerError> {
        let mut transaction = self.begin_write("record an event").await?;
        self.emit_within(&mut transaction, event).await?;
        transaction.commit().await.map_err(LedgerError::database("record an event"))?;
        self.announce();
        Ok(())
    }

    /// Records an event in the transaction of its cause, with a delivery for every webhook that takes
    /// it; the caller calls [`Ledger::announce`] after the commit. An event that none takes is not
    /// stored.
    ///
    /// # Errors
    /// `Invalid` for a payload beyond 64 KiB; `Database`.
    pub(crate) async fn emit_within(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        event: &NewEvent,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "find who wants an event";
        let enabled: Vec<(String, String)> =
            sqlx::query_as("SELECT id, kinds FROM webhooks WHERE enabled = 1 ORDER BY id")
                .fetch_all(&mut **transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        let mut takers = Vec::new();
        for (id, kinds) in enabled {
            let kinds: Vec<String> = from_json(&kinds).map_err(LedgerError::database(OPERATION))?;
            if kinds.iter().any(|kind| kind == ALL_KINDS || kind == event.kind.as_str()) {
                takers.push(WebhookId::new(id));
            }
        }
        self.record_event(transaction, event, &takers).await.map(|_| ())
    }

    /// Tells who sends the outbox that there is something new in it.
    pub(crate) fn announce(&self) {
        self.outbox.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Stores an event with a delivery for each of `takers`.
    pub(crate) async fn record_event(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        event: &NewEvent,
        takers: &[WebhookId],
    ) -> Result<EventId, LedgerError> {
        const OPERATION: &str = "record an event";
        let payload = Value::Object(event.payload.clone()).to_string();
        if payload.len() > MAX_PAYLOAD_BYTES {
            let bytes = payload.len();
            let reason = format!("has {bytes} bytes, the limit is {MAX_PAYLOAD_BYTES}");
            return Err(LedgerError::Invalid { name: "payload", reason });
        }
        let id = EventId::new(format!("evt_{}", Uuid::now_v7().simple()));
        let mut takers_with_room = Vec::new();
        for webhook in takers {
            if self.has_room(transaction, webhook).await? {
                takers_with_room.push(webhook);
            }
        }
        if takers_with_room.is_empty() {
            return Ok(id);
        }
        let now = self.clock.now();
        sqlx::query("INSERT INTO events (id, kind, payload, created) VALUES ($1, $2, $3, $4)")
            .bind(id.as_str())
            .bind(event.kind.as_str())
            .bind(payload)
            .bind(now)
            .execute(&mut **transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        for webhook in takers_with_room {
            sqlx::query(
                "INSERT INTO webhook_deliveries (id, webhook, event, state, attempts, \
                 next_attempt, claimed_until, created, updated) \
                 VALUES ($1, $2, $3, 'pending', 0, $4, 0, $4, $4)",
            )
            .bind(format!("dlv_{}", Uuid::now_v7().simple()))
            .bind(webhook.as_str())
            .bind(id.as_str())
            .bind(now)
            .execute(&mut **transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        Ok(id)
    }

    /// Whether one more delivery may wait for `webhook`; notes the event as dropped when not.
    async fn has_room(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        webhook: &WebhookId,
    ) -> Result<bool, LedgerError> {
        const OPERATION: &str = "count what waits for a webhook";
        let waiting: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries \
             WHERE webhook = $1 AND state = 'pending' LIMIT $2) AS waiting",
        )
        .bind(webhook.as_str())
        .bind(MAX_PENDING)
        .fetch_one(&mut **transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if waiting < MAX_PENDING {
            return Ok(true);
        }
        tracing::warn!(webhook = webhook.as_str(), waiting, "an event was dropped for a webhook");
        sqlx::query("UPDATE webhooks SET dropped = dropped + 1 WHERE id = $1")
            .bind(webhook.as_str())
            .execute(&mut **transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        Ok(false)
    }
}
