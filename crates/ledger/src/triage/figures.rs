//! Adds up what was decided about tickets, and how often people found it right.

use std::collections::BTreeMap;

use intramuros_types::TriagePolicyId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{TicketLabels, TicketRoute};
use crate::document::from_json;
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

/// A ticket that a person settled: what was proposed and what is right.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketOutcome {
    /// How it was sent on.
    pub route: TicketRoute,
    /// What was proposed.
    pub proposed: TicketLabels,
    /// What is right.
    pub right: TicketLabels,
    /// How sure the proposal was.
    pub confidence: Option<f64>,
}

/// What came in a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TicketFigures {
    /// Tickets by state and route, as `routed/auto`.
    pub tickets: BTreeMap<String, u64>,
    /// Tickets by category, as it stands.
    pub categories: BTreeMap<String, u64>,
    /// Alerts that were raised.
    pub alerts: u64,
    /// Those of them that nobody has acknowledged.
    pub open_alerts: u64,
    /// What people settled, newest first, up to 10,000.
    pub settled: Vec<TicketOutcome>,
}

impl Ledger {
    /// What came between two moments.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn ticket_figures(
        &self,
        policy: &TriagePolicyId,
        from: OffsetDateTime,
        before: OffsetDateTime,
    ) -> Result<TicketFigures, LedgerError> {
        const OPERATION: &str = "add up tickets";
        self.get_triage_policy(policy).await?;
        let counted = async |statement: &'static str| {
            sqlx::query_as::<_, (String, i64)>(statement)
                .bind(policy.as_str())
                .bind(to_millis(from))
                .bind(to_millis(before))
                .fetch_all(&self.pool)
                .await
                .map(|rows| rows.into_iter().map(|(name, n)| (name, n.unsigned_abs())).collect())
                .map_err(LedgerError::database(OPERATION))
        };
        let tickets = counted(
            "SELECT state || '/' || route, COUNT(*) FROM triage_tickets WHERE policy = $1 \
             AND created >= $2 AND created < $3 GROUP BY state, route",
        )
        .await?;
        let categories = counted(
            "SELECT COALESCE(category, ''), COUNT(*) FROM triage_tickets WHERE policy = $1 \
             AND created >= $2 AND created < $3 GROUP BY category",
        )
        .await?;
        let alerts: BTreeMap<String, u64> = counted(
            "SELECT CASE WHEN acknowledged IS NULL THEN 'open' ELSE 'seen' END, COUNT(*) FROM \
             triage_alerts WHERE policy = $1 AND created >= $2 AND created < $3 \
             GROUP BY acknowledged IS NULL",
        )
        .await?;
        let settled = sqlx::query(
            "SELECT route, proposed, category, urgency, team, alert, confidence, said FROM \
             triage_tickets WHERE policy = $1 AND created >= $2 AND created < $3 \
             AND settled IS NOT NULL ORDER BY id DESC LIMIT 10000",
        )
        .bind(policy.as_str())
        .bind(to_millis(from))
        .bind(to_millis(before))
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(outcome).collect())
        .map_err(LedgerError::database(OPERATION))?;
        Ok(TicketFigures {
            tickets,
            categories,
            alerts: alerts.values().sum(),
            open_alerts: alerts.get("open").copied().unwrap_or(0),
            settled,
        })
    }

    /// Of up to `limit` policies the tickets that wait for a dispatcher and the alerts that nobody
    /// has acknowledged.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_waiting_tickets(
        &self,
        limit: u32,
    ) -> Result<Vec<(TriagePolicyId, u64, u64)>, LedgerError> {
        let counts: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT id, (SELECT COUNT(*) FROM triage_tickets WHERE policy = triage_policies.id \
             AND state = 'waiting'), (SELECT COUNT(*) FROM triage_alerts WHERE policy = \
             triage_policies.id AND acknowledged IS NULL) FROM triage_policies ORDER BY id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("count the tickets that wait"))?;
        let count = |(id, tickets, alerts): (String, i64, i64)| {
            (TriagePolicyId::new(id), tickets.unsigned_abs(), alerts.unsigned_abs())
        };
        Ok(counts.into_iter().map(count).collect())
    }
}

fn outcome(row: &SqliteRow) -> Result<TicketOutcome, sqlx::Error> {
    let route: String = row.try_get("route")?;
    let route = TicketRoute::ALL.into_iter().find(|known| known.as_str() == route);
    Ok(TicketOutcome {
        // The schema allows no other.
        route: route.unwrap_or(TicketRoute::Dispatcher),
        proposed: from_json(row.try_get("proposed")?)?,
        right: match row.try_get::<Option<String>, _>("said")? {
            Some(said) => from_json(&said)?,
            None => super::records::labels(row)?,
        },
        confidence: row.try_get("confidence")?,
    })
}
