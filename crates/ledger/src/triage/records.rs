//! Reads tickets and examples.

use intramuros_types::{OutbreakId, ReviewId, TicketId, TriageExampleId, TriagePolicyId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{
    ExampleRecord, ExampleSource, TicketLabels, TicketRecord, TicketRoute, TicketState,
    TicketSummary,
};
use crate::document::from_json;
use crate::moment::from_millis;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "read a ticket";

/// The columns of lists, without contents but the subject.
pub(super) const SUMMARY: &str = "id, policy, version, external_id, channel, created, state, \
    route, category, urgency, team, alert, confidence, proposed, settled, settled_by, review, \
    duplicate_of, outbreak, erased, filed_by, subject";

impl Ledger {
    /// A ticket of a policy.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_ticket(
        &self,
        policy: &TriagePolicyId,
        id: &TicketId,
    ) -> Result<TicketRecord, LedgerError> {
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        get(&mut connection, policy, id).await
    }

    /// The ticket whose review this is.
    ///
    /// # Errors
    /// `NotFound` when it is gone; `Database`.
    pub async fn ticket_of_review(&self, review: &ReviewId) -> Result<TicketRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM triage_tickets WHERE review = $1")
            .bind(review.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let of = || LedgerError::NotFound { what: "ticket", id: format!("of {review}") };
        ticket(&row.ok_or_else(of)?)
    }
}

pub(super) async fn get(
    connection: &mut SqliteConnection,
    policy: &TriagePolicyId,
    id: &TicketId,
) -> Result<TicketRecord, LedgerError> {
    let row = sqlx::query("SELECT * FROM triage_tickets WHERE id = $1 AND policy = $2")
        .bind(id.as_str())
        .bind(policy.as_str())
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    ticket(&row.ok_or_else(|| not_found(id))?)
}

pub(super) fn ticket(row: &SqliteRow) -> Result<TicketRecord, LedgerError> {
    let read = || -> Result<TicketRecord, sqlx::Error> {
        Ok(TicketRecord {
            summary: read_summary(row)?,
            sender: row.try_get("sender")?,
            body: row.try_get("body")?,
            decision: from_json(row.try_get("decision")?)?,
        })
    };
    read().map_err(LedgerError::database(OPERATION))
}

pub(super) fn summary(row: &SqliteRow) -> Result<TicketSummary, LedgerError> {
    read_summary(row).map_err(LedgerError::database(OPERATION))
}

fn read_summary(row: &SqliteRow) -> Result<TicketSummary, sqlx::Error> {
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let moment = |name: &str| -> Result<_, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(from_millis))
    };
    let (state, route): (String, String) = (row.try_get("state")?, row.try_get("route")?);
    Ok(TicketSummary {
        id: TicketId::new(row.try_get::<String, _>("id")?),
        policy: TriagePolicyId::new(row.try_get::<String, _>("policy")?),
        version: row.try_get("version")?,
        external_id: text("external_id")?,
        channel: row.try_get("channel")?,
        created: from_millis(row.try_get("created")?),
        state: one_of(TicketState::ALL, TicketState::as_str, &state)?,
        route: one_of(TicketRoute::ALL, TicketRoute::as_str, &route)?,
        labels: labels(row)?,
        proposed: from_json(row.try_get("proposed")?)?,
        confidence: row.try_get("confidence")?,
        settled: moment("settled")?,
        settled_by: text("settled_by")?,
        review: text("review")?.map(ReviewId::new),
        duplicate_of: text("duplicate_of")?.map(TicketId::new),
        outbreak: text("outbreak")?.map(OutbreakId::new),
        erased: moment("erased")?,
        filed_by: row.try_get("filed_by")?,
        subject: row.try_get("subject")?,
    })
}

pub(super) fn example(row: &SqliteRow) -> Result<ExampleRecord, sqlx::Error> {
    let source: String = row.try_get("source")?;
    Ok(ExampleRecord {
        id: TriageExampleId::new(row.try_get::<String, _>("id")?),
        ticket: row.try_get::<Option<String>, _>("ticket")?.map(TicketId::new),
        labels: labels(row)?,
        source: one_of(ExampleSource::ALL, ExampleSource::as_str, &source)?,
        created: from_millis(row.try_get("created")?),
        created_by: row.try_get("created_by")?,
        text: row.try_get("text")?,
    })
}

/// The labels of these columns.
pub(super) fn labels(row: &SqliteRow) -> Result<TicketLabels, sqlx::Error> {
    Ok(TicketLabels {
        category: row.try_get("category")?,
        urgency: row.try_get("urgency")?,
        team: row.try_get("team")?,
        alert: row.try_get::<Option<i64>, _>("alert")?.map(|alert| alert != 0),
    })
}

fn one_of<T: Copy, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
    found: &str,
) -> Result<T, sqlx::Error> {
    all.into_iter()
        .find(|one| name(*one) == found)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown name `{found}`").into()))
}

pub(super) fn not_found(id: &TicketId) -> LedgerError {
    LedgerError::NotFound { what: "ticket", id: id.to_string() }
}
