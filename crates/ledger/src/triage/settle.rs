//! Writes down what a person said about a ticket, and learns from it.

use intramuros_types::{ReviewId, TicketId, TriagePolicyId};
use sqlx::sqlite::SqliteConnection;

use super::examples::{Origin, make_room, put};
use super::policies::learn;
use super::{
    ExampleSource, NewExample, Settlement, TicketLabels, TicketRecord, TicketState, check,
    readings, records,
};
use crate::document::to_json;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "settle a ticket";

impl Ledger {
    /// Writes down what is right about a ticket. Its labels are these from then on, it becomes an
    /// example, and a review that waits for it is withdrawn, in one transaction. Once more is fine:
    /// the last word counts.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for one whose contents were erased, or whose review somebody else has
    /// taken up or has just decided; `Invalid` for labels that are too
    /// long or none at all; `Database`.
    pub async fn settle_ticket(
        &self,
        policy: &TriagePolicyId,
        id: &TicketId,
        settlement: &Settlement,
    ) -> Result<TicketRecord, LedgerError> {
        check::labels(&settlement.labels)?;
        if settlement.labels == TicketLabels::default() {
            return check::invalid("labels", "has none; give at least one".to_owned());
        }
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = records::get(&mut transaction, policy, id).await?.summary;
        if old.erased.is_some() {
            let reason = "was erased; nothing can be learnt from it".to_owned();
            return Err(LedgerError::Conflict { what: "ticket", id: id.to_string(), reason });
        }
        if let Some(review) = &old.review {
            if !settlement.of_review && old.state == TicketState::Waiting {
                check_free(&mut transaction, (id, review), &settlement.by, now).await?;
            }
            crate::review::withdraw_within(&mut transaction, review, now).await?;
        }
        update(&mut transaction, id, settlement, now).await?;
        if let Some(text) = &settlement.text {
            let example = NewExample { text: text.clone(), labels: settlement.labels.clone() };
            check::example(&example)?;
            let is_right = agrees(&old.proposed, &settlement.labels);
            let source = if is_right { ExampleSource::Approved } else { ExampleSource::Corrected };
            let origin = Origin { ticket: Some(id), source, by: &settlement.by, now };
            let (example, _) = put(&mut transaction, policy, &example, origin).await?;
            readings::copy(&mut transaction, id.as_str(), example.as_str()).await?;
            make_room(&mut transaction, policy).await?;
            learn(&mut transaction, policy).await?;
        }
        let ticket = records::get(&mut transaction, policy, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(ticket)
    }

    /// Settles a ticket whose review was decided without labels: what was proposed is not right, and
    /// nobody said what is. It has none from then on, and nothing is learnt.
    ///
    /// # Errors
    /// `Database`.
    pub async fn ticket_was_rejected(
        &self,
        review: &ReviewId,
        by: &str,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "UPDATE triage_tickets SET state = 'settled', settled = $2, settled_by = $3, \
             category = NULL, urgency = NULL, team = NULL, said = '{}' \
             WHERE review = $1 AND state = 'waiting'",
        )
        .bind(review.as_str())
        .bind(self.clock.now())
        .bind(by)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        Ok(())
    }
}

/// Refuses to go past somebody who decides the same in the queue.
async fn check_free(
    connection: &mut SqliteConnection,
    (ticket, review): (&TicketId, &ReviewId),
    by: &str,
    now: i64,
) -> Result<(), LedgerError> {
    let row: Option<(String, Option<String>, Option<i64>)> =
        sqlx::query_as("SELECT state, claimed_by, claimed_until FROM reviews WHERE id = $1")
            .bind(review.as_str())
            .fetch_optional(connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let Some((state, claimed_by, until)) = row else { return Ok(()) };
    let conflict = |reason: String| {
        Err(LedgerError::Conflict { what: "ticket", id: ticket.to_string(), reason })
    };
    if state == "decided" {
        return conflict(format!(
            "was decided a moment ago, in its review {review}; read it again"
        ));
    }
    match claimed_by {
        Some(other) if other != by && until.is_some_and(|until| until > now) => conflict(format!(
            "is being decided by somebody else, who has taken up its review {review}"
        )),
        Some(_) | None => Ok(()),
    }
}

/// Whether nothing that was proposed is wrong.
fn agrees(proposed: &TicketLabels, right: &TicketLabels) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| b.is_none() || a == b;
    same(&proposed.category, &right.category)
        && same(&proposed.urgency, &right.urgency)
        && same(&proposed.team, &right.team)
        && right.alert.is_none_or(|alert| alert == proposed.alert.unwrap_or(false))
}

async fn update(
    connection: &mut SqliteConnection,
    id: &TicketId,
    settlement: &Settlement,
    now: i64,
) -> Result<(), LedgerError> {
    let TicketLabels { category, urgency, team, alert } = &settlement.labels;
    sqlx::query(
        "UPDATE triage_tickets SET state = 'settled', settled = $2, settled_by = $3, \
         category = COALESCE($4, category), urgency = COALESCE($5, urgency), \
         team = COALESCE($6, team), alert = COALESCE($7, alert), \
         said = json_patch(COALESCE(said, '{}'), $8) WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(now)
    .bind(&settlement.by)
    .bind(category)
    .bind(urgency)
    .bind(team)
    .bind(alert.map(i64::from))
    .bind(to_json(&settlement.labels))
    .execute(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}
