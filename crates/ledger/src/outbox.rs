//! Says what deliveries and e-mails on their way have in common: states, claims, retention.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::moment::{from_millis, to_millis};
use crate::{Ledger, LedgerError};

/// Deliveries, e-mails and events that are forgotten at once.
const FORGOTTEN_AT_ONCE: i64 = 500;
/// What is kept of an error, a piece of a receiver's answer included.
const MAX_ERROR_CHARS: usize = 1_000;

/// How far a delivery or an e-mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxState {
    /// Waits for its next attempt.
    Pending,
    /// The receiver took it.
    Delivered,
    /// No attempt follows, unless somebody asks for one.
    Dead,
}

impl OutboxState {
    /// Every state.
    pub const ALL: [OutboxState; 3] =
        [OutboxState::Pending, OutboxState::Delivered, OutboxState::Dead];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            OutboxState::Pending => "pending",
            OutboxState::Delivered => "delivered",
            OutboxState::Dead => "dead",
        }
    }
}

impl fmt::Display for OutboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OutboxState {
    type Err = LedgerError;

    /// Reads a state's name.
    ///
    /// # Errors
    /// `Invalid` with the list of the names.
    fn from_str(name: &str) -> Result<Self, LedgerError> {
        OutboxState::ALL.into_iter().find(|state| state.as_str() == name).ok_or_else(|| {
            let names = OutboxState::ALL.map(OutboxState::as_str).join("`, `");
            LedgerError::Invalid { name: "state", reason: format!("must be one of `{names}`") }
        })
    }
}

/// Which deliveries or e-mails to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct OutboxPage {
    /// Only those in this state.
    pub state: Option<OutboxState>,
    /// Only those older than the one with this id.
    pub before: Option<String>,
    /// The most to list, 1 to [`OutboxPage::MAX_LIMIT`].
    pub limit: u32,
}

impl OutboxPage {
    /// The most of one page.
    pub const MAX_LIMIT: u32 = 1_000;

    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        if (1..=Self::MAX_LIMIT).contains(&self.limit) {
            return Ok(());
        }
        let reason = format!("is {}, it must be 1 to {}", self.limit, Self::MAX_LIMIT);
        Err(LedgerError::Invalid { name: "limit", reason })
    }
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered {
        /// HTTP status, for webhooks.
        status: Option<u16>,
    },
    /// It is tried again.
    Retry {
        /// When.
        at: OffsetDateTime,
        /// HTTP status, for webhooks whose receiver answered.
        status: Option<u16>,
        /// Why it failed.
        error: String,
    },
    /// It is not tried again.
    Dead {
        /// HTTP status, for webhooks whose receiver answered.
        status: Option<u16>,
        /// Why it failed.
        error: String,
        /// Whether the webhook is to get nothing more: its receiver said that it is gone.
        disable: bool,
    },
}

/// What of an [`Outcome`] goes into the row of a delivery or an e-mail.
pub(crate) struct OutcomeRow {
    pub(crate) state: OutboxState,
    pub(crate) next_attempt: Option<i64>,
    pub(crate) status: Option<i64>,
    pub(crate) error: Option<String>,
}

impl From<&Outcome> for OutcomeRow {
    fn from(outcome: &Outcome) -> Self {
        let (state, next_attempt, status, error) = match outcome {
            Outcome::Delivered { status } => (OutboxState::Delivered, None, status, None),
            Outcome::Retry { at, status, error } => {
                (OutboxState::Pending, Some(to_millis(*at)), status, Some(cut(error)))
            }
            Outcome::Dead { status, error, disable: _ } => {
                (OutboxState::Dead, None, status, Some(cut(error)))
            }
        };
        Self { state, next_attempt, status: status.map(i64::from), error }
    }
}

/// What has not arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Deliveries to webhooks on their way.
    pub pending_deliveries: u64,
    /// Deliveries that were given up.
    pub dead_deliveries: u64,
    /// E-mails on their way.
    pub pending_mails: u64,
    /// E-mails that were given up.
    pub dead_mails: u64,
}

impl Ledger {
    /// How much has not arrived; what was given up is remembered for a while only.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_outbox(&self) -> Result<OutboxCounts, LedgerError> {
        let counts: [i64; 4] = sqlx::query_as::<_, (i64, i64, i64, i64)>(
            "SELECT (SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending'), \
             (SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'dead'), \
             (SELECT COUNT(*) FROM mails WHERE state = 'pending'), \
             (SELECT COUNT(*) FROM mails WHERE state = 'dead')",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(LedgerError::database("count what has not arrived"))?
        .into();
        let [pending_deliveries, dead_deliveries, pending_mails, dead_mails] =
            counts.map(i64::unsigned_abs);
        Ok(OutboxCounts { pending_deliveries, dead_deliveries, pending_mails, dead_mails })
    }

    /// Changes whenever something is put into the outbox through this handle or a clone of it.
    pub fn outbox(&self) -> watch::Receiver<u64> {
        self.outbox.subscribe()
    }

    /// Gives up the claims that an earlier run left behind. For the one process that sends.
    ///
    /// # Errors
    /// `Database`.
    pub async fn release_claims(&self) -> Result<(), LedgerError> {
        for statement in [
            "UPDATE webhook_deliveries SET claimed_until = 0 \
             WHERE state = 'pending' AND claimed_until > 0",
            "UPDATE mails SET claimed_until = 0 WHERE state = 'pending' AND claimed_until > 0",
        ] {
            sqlx::query(statement)
                .execute(&self.pool)
                .await
                .map_err(LedgerError::database("release what was being sent"))?;
        }
        Ok(())
    }

    /// Forgets some deliveries and e-mails that nothing happened to for `kept` before `now`, and
    /// events that no delivery needs any more. Returns how many deliveries and e-mails went; to be
    /// called until that is 0.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_outbox(
        &self,
        now: OffsetDateTime,
        kept: Duration,
    ) -> Result<u64, LedgerError> {
        const OPERATION: &str = "forget old deliveries";
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let before = to_millis(now).saturating_sub(kept);
        let mut transaction = self.begin_write(OPERATION).await?;
        let mut gone = 0;
        for statement in [
            "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE updated < $1 LIMIT $2)",
            "DELETE FROM webhook_deliveries WHERE id IN \
             (SELECT id FROM webhook_deliveries WHERE updated < $1 LIMIT $2)",
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created < $1 AND NOT EXISTS \
             (SELECT 1 FROM webhook_deliveries d WHERE d.event = events.id) LIMIT $2)",
        ] {
            let done = sqlx::query(statement)
                .bind(before)
                .bind(FORGOTTEN_AT_ONCE)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
            if !statement.contains("DELETE FROM events") {
                gone += done.rows_affected();
            }
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(gone)
    }
}

/// The end of a claim that begins at `now`.
pub(crate) fn claim_end(now: OffsetDateTime, lease: Duration) -> i64 {
    let lease = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    to_millis(now).saturating_add(lease)
}

pub(crate) fn moment(millis: Option<i64>) -> Option<OffsetDateTime> {
    millis.map(from_millis)
}

/// One line of at most [`MAX_ERROR_CHARS`].
fn cut(error: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    error.chars().map(plain).take(MAX_ERROR_CHARS).collect()
}
