//! Describes webhooks, addresses that are told of events, and the deliveries to them.

use std::fmt;

use intramuros_types::{DeliveryId, EventId, WebhookId};
use time::OffsetDateTime;

use crate::OutboxState;

mod deliveries;
mod records;
mod secret;

/// A webhook to create. Whether its address may be connected to is for the caller to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where events are posted, up to 2,048 characters.
    pub url: String,
    /// Names of the kinds that it takes, or `*`; at least one.
    pub events: Vec<String>,
    /// What the operator calls it, up to 200 characters; may be empty.
    pub description: String,
}

/// What to change of a webhook; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where events are posted.
    pub url: Option<String>,
    /// Names of the kinds that it takes, or `*`; at least one.
    pub events: Option<Vec<String>>,
    /// What the operator calls it.
    pub description: Option<String>,
    /// Whether it gets anything. What waits for it stays until it is enabled again.
    pub enabled: Option<bool>,
}

/// What the ledger tells of a webhook; the secret is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// `whk_…`
    pub id: WebhookId,
    /// Where events are posted.
    pub url: String,
    /// The kinds that it takes, or `*`.
    pub events: Vec<String>,
    /// What the operator calls it.
    pub description: String,
    /// Whether it gets anything.
    pub enabled: bool,
    /// Why the server disabled it, if it did.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// Until when the secret before the last rotation signs too.
    pub rotating_until: Option<OffsetDateTime>,
    /// Events that it took, since it was made.
    pub delivered: u64,
    /// Events that it did not take, since it was made.
    pub dead: u64,
    /// Events that were not even kept for it, because too many waited.
    pub dropped: u64,
    /// Attempts that failed since the last one that did not.
    pub failures: u64,
    /// When it last took one.
    pub last_delivered: Option<OffsetDateTime>,
    /// When an attempt last failed.
    pub last_failed: Option<OffsetDateTime>,
    /// Why.
    pub last_error: Option<String>,
}

/// A webhook at one of the two moments when its secret is told: creation and rotation.
#[derive(Clone)]
pub struct WebhookSecret {
    /// `whsec_` and 32 random bytes in base64; deliveries are signed with it.
    pub secret: String,
    /// What is told later too.
    pub record: WebhookRecord,
}

/// Leaves the secret out, so that it cannot reach a log.
impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecret").field("record", &self.record).finish_non_exhaustive()
    }
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// `dlv_…`
    pub id: DeliveryId,
    /// What is delivered; the receiver's `webhook-id`.
    pub event: EventId,
    /// The event's kind.
    pub kind: String,
    /// How far it is.
    pub state: OutboxState,
    /// Attempts that were begun, since it was made or retried by hand.
    pub attempts: u32,
    /// When it is tried next, while it is pending.
    pub next_attempt: Option<OffsetDateTime>,
    /// HTTP status of the last attempt that was answered.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When the event happened.
    pub created: OffsetDateTime,
    /// When something last happened to it.
    pub updated: OffsetDateTime,
}

/// A page of deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The newest first.
    pub deliveries: Vec<DeliveryRecord>,
    /// `before` of the next page.
    pub next: Option<DeliveryId>,
}

/// A delivery that the caller has for a time, with all that an attempt needs.
#[derive(Clone)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// The receiver.
    pub webhook: WebhookId,
    /// Where to post.
    pub url: String,
    /// The secrets to sign with: one, or two during a rotation, the newer first.
    pub secrets: Vec<String>,
    /// The same for every attempt.
    pub event: EventId,
    /// The event's kind.
    pub kind: String,
    /// The event's payload, a JSON object.
    pub payload: String,
    /// When the event happened.
    pub created: OffsetDateTime,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Ends the claim; tells it from a later one.
    pub(crate) claimed_until: i64,
}

/// Leaves the secrets out.
impl fmt::Debug for ClaimedDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedDelivery")
            .field("id", &self.id)
            .field("webhook", &self.webhook)
            .field("event", &self.event)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
