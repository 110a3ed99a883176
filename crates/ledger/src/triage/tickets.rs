//! Files tickets with their decision, and everything that follows from it, in one transaction.

use intramuros_types::{OutbreakId, ReviewId, TicketAlertId, TicketId, TriagePolicyId};
use serde_json::{Map, json};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::policies::get as policy;
use super::{
    FiledTicket, NewAlert, NewTicket, OutbreakWish, TRIAGE, TicketLabels, TicketRoute, TicketState,
    check, readings, records,
};
use crate::document::to_json;
use crate::mail::queue_within;
use crate::moment::to_millis;
use crate::{EventKind, Ledger, LedgerError, NewEvent};

const OPERATION: &str = "file a ticket";

impl Ledger {
    /// Files a ticket, unless one of the same policy and external id is there. With it are written
    /// what it makes: the review for the dispatcher, the alert with its e-mails and its event
    /// (`ticket.alert`), the outbreak with its event (`ticket.outbreak`).
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits or a wrong review; `NotFound` for the policy;
    /// `Conflict` when too many reviews wait; `Database`.
    pub async fn file_ticket(&self, mut new: NewTicket) -> Result<FiledTicket, LedgerError> {
        let decision = check::ticket(&new)?;
        let review = match new.review.take() {
            Some(review) => Some(crate::review::checked(review).await?),
            None => None,
        };
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        policy(&mut transaction, &new.policy).await?;
        if let Some(id) = same(&mut transaction, &new).await? {
            let ticket = records::get(&mut transaction, &new.policy, &id).await?;
            return Ok(FiledTicket::Existing(ticket));
        }
        let id = TicketId::new(format!("tkt_{}", Uuid::now_v7().simple()));
        let review = match &review {
            Some(review) => Some(self.file_within(&mut transaction, TRIAGE, review).await?),
            None => None,
        };
        let outbreak = self.outbreak(&mut transaction, &new, now).await?;
        let made = Made { id: &id, review, outbreak, decision, now };
        insert(&mut transaction, &new, &made).await?;
        readings::insert(&mut transaction, &new.policy, id.as_str(), &new.readings).await?;
        if let Some(alert) = &new.alert {
            self.raise(&mut transaction, (&id, &new), alert, now).await?;
        }
        let ticket = records::get(&mut transaction, &new.policy, &id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(FiledTicket::New(ticket))
    }

    /// The outbreak that a ticket joins or begins.
    async fn outbreak(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        new: &NewTicket,
        now: i64,
    ) -> Result<Option<OutbreakId>, LedgerError> {
        const OPERATION: &str = "note an outbreak";
        match &new.outbreak {
            OutbreakWish::None => Ok(None),
            OutbreakWish::Join(id) => {
                let done = sqlx::query(
                    "UPDATE triage_outbreaks SET tickets = tickets + 1, latest = $3 \
                     WHERE id = $1 AND policy = $2",
                )
                .bind(id.as_str())
                .bind(new.policy.as_str())
                .bind(now)
                .execute(&mut **transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
                Ok((done.rows_affected() > 0).then(|| id.clone()))
            }
            OutbreakWish::Begin(others) => {
                let id = OutbreakId::new(format!("out_{}", Uuid::now_v7().simple()));
                let tickets = begin(transaction, &id, (new, others), now).await?;
                let mut payload = Map::new();
                payload.insert("outbreak".to_owned(), json!(id.as_str()));
                payload.insert("policy".to_owned(), json!(new.policy.as_str()));
                payload.insert("tickets".to_owned(), json!(tickets));
                let event = NewEvent { kind: EventKind::TicketOutbreak, payload };
                self.emit_within(transaction, &event).await?;
                Ok(Some(id))
            }
        }
    }

    /// Writes an alert, its e-mails and its event.
    async fn raise(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        (ticket, new): (&TicketId, &NewTicket),
        alert: &NewAlert,
        now: i64,
    ) -> Result<(), LedgerError> {
        let id = TicketAlertId::new(format!("alt_{}", Uuid::now_v7().simple()));
        sqlx::query(
            "INSERT INTO triage_alerts (id, policy, ticket, rule, created, reminders, \
             next_reminder, comment) VALUES ($1, $2, $3, $4, $5, 0, $6, '')",
        )
        .bind(id.as_str())
        .bind(new.policy.as_str())
        .bind(ticket.as_str())
        .bind(&alert.rule)
        .bind(now)
        .bind(alert.next_reminder.map(to_millis))
        .execute(&mut **transaction)
        .await
        .map_err(LedgerError::database("raise an alert"))?;
        for mail in &alert.mails {
            match queue_within(transaction, mail, now).await {
                Ok(_) => {}
                // The ticket and its alert are worth more than an e-mail that is late anyway.
                Err(LedgerError::Conflict { .. }) => {
                    tracing::warn!(ticket = ticket.as_str(), "an alert goes without its e-mail");
                }
                Err(error) => return Err(error),
            }
        }
        self.emit_within(transaction, &event(&id, &new.policy, ticket, alert.rule.as_deref(), 0))
            .await
    }
}

/// What webhooks are told of an alert: ids, no contents.
pub(super) fn event(
    id: &TicketAlertId,
    policy: &TriagePolicyId,
    ticket: &TicketId,
    rule: Option<&str>,
    reminder: u32,
) -> NewEvent {
    let mut payload = Map::new();
    payload.insert("alert".to_owned(), json!(id.as_str()));
    payload.insert("policy".to_owned(), json!(policy.as_str()));
    payload.insert("ticket".to_owned(), json!(ticket.as_str()));
    payload.insert("reminder".to_owned(), json!(reminder));
    if let Some(rule) = rule {
        payload.insert("rule".to_owned(), json!(rule));
    }
    NewEvent { kind: EventKind::TicketAlert, payload }
}

async fn same(
    connection: &mut SqliteConnection,
    new: &NewTicket,
) -> Result<Option<TicketId>, LedgerError> {
    let Some(external_id) = &new.external_id else { return Ok(None) };
    let found: Option<String> =
        sqlx::query_scalar("SELECT id FROM triage_tickets WHERE policy = $1 AND external_id = $2")
            .bind(new.policy.as_str())
            .bind(external_id)
            .fetch_optional(connection)
            .await
            .map_err(LedgerError::database("look for the same ticket"))?;
    Ok(found.map(TicketId::new))
}

/// Makes an outbreak of earlier tickets, as far as they belong to none, and the one that is filed.
async fn begin(
    connection: &mut SqliteConnection,
    id: &OutbreakId,
    (new, others): (&NewTicket, &[TicketId]),
    now: i64,
) -> Result<u64, LedgerError> {
    const OPERATION: &str = "note an outbreak";
    sqlx::query(
        "INSERT INTO triage_outbreaks (id, policy, category, began, latest, tickets) \
         VALUES ($1, $2, $3, $4, $4, 1)",
    )
    .bind(id.as_str())
    .bind(new.policy.as_str())
    .bind(&new.proposed.category)
    .bind(now)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let mut tickets = 1;
    for other in others {
        let done = sqlx::query(
            "UPDATE triage_tickets SET outbreak = $3 WHERE id = $1 AND policy = $2 \
             AND outbreak IS NULL",
        )
        .bind(other.as_str())
        .bind(new.policy.as_str())
        .bind(id.as_str())
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        tickets += done.rows_affected();
    }
    sqlx::query(
        "UPDATE triage_outbreaks SET tickets = $2, began = COALESCE((SELECT MIN(created) FROM \
         triage_tickets WHERE outbreak = $1), began) WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(tickets as i64)
    .execute(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok(tickets)
}

/// What was made for a ticket before it is inserted.
struct Made<'a> {
    id: &'a TicketId,
    review: Option<ReviewId>,
    outbreak: Option<OutbreakId>,
    decision: String,
    now: i64,
}

async fn insert(
    connection: &mut SqliteConnection,
    new: &NewTicket,
    made: &Made<'_>,
) -> Result<(), LedgerError> {
    let state = match new.route {
        TicketRoute::Auto => TicketState::Routed,
        TicketRoute::Dispatcher | TicketRoute::Shadow => TicketState::Waiting,
    };
    let TicketLabels { category, urgency, team, alert } = &new.proposed;
    sqlx::query(
        "INSERT INTO triage_tickets (id, policy, version, external_id, channel, created, state, \
         route, category, urgency, team, alert, confidence, proposed, review, duplicate_of, \
         outbreak, filed_by, subject, sender, body, decision) VALUES ($1, $2, $3, $4, $5, $6, $7, \
         $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
    )
    .bind(made.id.as_str())
    .bind(new.policy.as_str())
    .bind(new.version)
    .bind(&new.external_id)
    .bind(&new.channel)
    .bind(made.now)
    .bind(state.as_str())
    .bind(new.route.as_str())
    .bind(category)
    .bind(urgency)
    .bind(team)
    .bind(i64::from(alert.unwrap_or(false)))
    .bind(new.confidence)
    .bind(to_json(&new.proposed))
    .bind(made.review.as_ref().map(ReviewId::as_str))
    .bind(new.duplicate_of.as_ref().map(TicketId::as_str))
    .bind(made.outbreak.as_ref().map(OutbreakId::as_str))
    .bind(&new.filed_by)
    .bind(&new.subject)
    .bind(&new.sender)
    .bind(&new.body)
    .bind(&made.decision)
    .execute(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}
