//! Delivers events to webhooks.

use std::sync::Arc;
use std::time::Duration;

use intramuros_ledger::{ClaimedDelivery, Ledger, Outcome};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Answer, TOTAL_TIMEOUT, WebhookClient};
use crate::error::NotifyError;
use crate::notifier::Clock;
use crate::schedule::Schedule;
use crate::sign::signatures;

/// Deliveries that run at the same time.
const MAX_CONCURRENT: usize = 16;
/// Of one webhook: a slow receiver takes its share and no more.
const MAX_PER_WEBHOOK: u32 = 2;
/// How long a claim is kept: longer than an attempt can take.
const LEASE: Duration = Duration::from_secs(4 * TOTAL_TIMEOUT.as_secs());
/// How often the ledger is looked at while deliveries run, for what another process put there.
const LOOK: Duration = Duration::from_secs(2);
/// How long running deliveries may go on after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(2);

/// Sends what is due. Cheap to clone.
#[derive(Clone)]
pub struct Deliverer {
    ledger: Ledger,
    client: WebhookClient,
    schedule: Schedule,
    clock: Clock,
}

impl Deliverer {
    pub(crate) fn new(
        ledger: Ledger,
        client: WebhookClient,
        schedule: Schedule,
        clock: Clock,
    ) -> Self {
        Self { ledger, client, schedule, clock }
    }

    /// Sends what is due, and what becomes due meanwhile, until nothing is, or until `stop` turns
    /// true; returns when the next one will be due.
    ///
    /// # Errors
    /// `Ledger`. What is being sent then is sent again later.
    pub async fn deliver_due(
        &self,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Option<OffsetDateTime>, NotifyError> {
        let mut outbox = self.ledger.outbox();
        let mut running = JoinSet::new();
        while !*stop.borrow() {
            outbox.mark_unchanged();
            let free = MAX_CONCURRENT - running.len();
            let now = (self.clock)();
            for claim in self.ledger.claim_deliveries(now, LEASE, free, MAX_PER_WEBHOOK).await? {
                running.spawn(self.clone().attempt(claim));
            }
            if running.is_empty() {
                return Ok(self.ledger.next_delivery(now).await?);
            }
            tokio::select! {
                _ = running.join_next() => {}
                _ = outbox.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let finished = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, finished).await.is_err() {
            tracing::info!("deliveries were left for the next start");
        }
        Ok(None)
    }

    /// Makes one attempt and notes how it went.
    async fn attempt(self, claim: ClaimedDelivery) {
        let started = (self.clock)();
        let answer = self.send(&claim, started).await;
        let now = (self.clock)();
        let outcome = self.outcome(&claim, now, answer);
        let (delivery, webhook) = (claim.id.as_str(), claim.webhook.as_str());
        match &outcome {
            Outcome::Delivered { .. } => tracing::debug!(delivery, webhook, "delivered"),
            Outcome::Retry { status, .. } => {
                tracing::info!(delivery, webhook, status, attempt = claim.attempt, "not delivered");
            }
            Outcome::Dead { status, disable, .. } => {
                tracing::warn!(delivery, webhook, status, disable, "a delivery is given up");
            }
        }
        if let Err(error) = self.ledger.finish_delivery(&claim, now, &outcome).await {
            tracing::error!(delivery, %error, "how a delivery went was not noted; it is sent again");
        }
    }

    async fn send(&self, claim: &ClaimedDelivery, now: OffsetDateTime) -> Result<Answer, String> {
        let body = body(claim);
        let timestamp = now.unix_timestamp();
        let signed = signatures(&claim.secrets, claim.event.as_str(), timestamp, &body);
        let headers = [
            ("webhook-id", claim.event.to_string()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signed),
        ];
        let (client, url) = (self.client.clone(), claim.url.clone());
        let sent = tokio::task::spawn_blocking(move || client.post(&url, &headers, &body)).await;
        sent.unwrap_or_else(|_| Err("the attempt broke off".to_owned()))
    }

    fn outcome(
        &self,
        claim: &ClaimedDelivery,
        now: OffsetDateTime,
        answer: Result<Answer, String>,
    ) -> Outcome {
        match answer {
            Ok(Answer { status, .. }) if (200..300).contains(&status) => {
                Outcome::Delivered { status: Some(status) }
            }
            Ok(Answer { status: 410, .. }) => {
                let error = "the receiver answered 410 Gone: it wants no more".to_owned();
                Outcome::Dead { status: Some(410), error, disable: true }
            }
            Ok(Answer { status, body }) => {
                let mut error = match status {
                    300..400 => {
                        format!("the receiver answered {status}; redirects are not followed")
                    }
                    _ => format!("the receiver answered {status}"),
                };
                if !body.is_empty() {
                    error.push_str(": ");
                    error.push_str(&body);
                }
                self.schedule.after(claim.attempt, now, Some(status), error)
            }
            Err(error) => self.schedule.after(claim.attempt, now, None, error),
        }
    }
}

/// The same bytes for every attempt.
fn body(claim: &ClaimedDelivery) -> String {
    let data: Value = serde_json::from_str(&claim.payload).unwrap_or_default();
    let timestamp = claim.created.format(&Rfc3339).unwrap_or_default();
    json!({"type": claim.kind, "timestamp": timestamp, "data": data}).to_string()
}

/// Shared by those who send.
pub(crate) fn system_clock() -> Clock {
    Arc::new(OffsetDateTime::now_utc)
}

#[cfg(test)]
mod tests;
