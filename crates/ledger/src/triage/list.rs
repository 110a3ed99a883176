//! Lists tickets and outbreaks.

use intramuros_types::{OutbreakId, TicketId, TriagePolicyId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use time::OffsetDateTime;

use super::records::{SUMMARY, labels, summary};
use super::{OutbreakRecord, RecentTicket, TicketPage, TicketSummary, check, readings};
use crate::moment::{from_millis, to_millis};
use crate::{Ledger, LedgerError};

impl Ledger {
    /// A page of the tickets of a policy, newest first; with it what to pass as
    /// [`TicketPage::after`] to go on.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a limit of 0 or beyond [`TicketPage::MAX_LIMIT`]; `Database`.
    pub async fn list_tickets(
        &self,
        policy: &TriagePolicyId,
        page: &TicketPage,
    ) -> Result<(Vec<TicketSummary>, Option<TicketId>), LedgerError> {
        if !(1..=TicketPage::MAX_LIMIT).contains(&page.limit) {
            let reason = format!("is {}, it must be 1 to {}", page.limit, TicketPage::MAX_LIMIT);
            return check::invalid("limit", reason);
        }
        self.get_triage_policy(policy).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT ");
        query.push(SUMMARY).push(" FROM triage_tickets WHERE policy = ").push_bind(policy.as_str());
        push_page(&mut query, page);
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the tickets"))?;
        let mut tickets = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
        let more = tickets.len() > page.limit as usize;
        tickets.truncate(page.limit as usize);
        let next = tickets.last().filter(|_| more).map(|last| last.id.clone());
        Ok((tickets, next))
    }

    /// What came since `since`, with what `reader` made of it; the newest first, up to `limit`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn recent_tickets(
        &self,
        policy: &TriagePolicyId,
        reader: &str,
        since: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<RecentTicket>, LedgerError> {
        let read = |row: &SqliteRow| -> Result<RecentTicket, sqlx::Error> {
            Ok(RecentTicket {
                id: TicketId::new(row.try_get::<String, _>("id")?),
                created: from_millis(row.try_get("created")?),
                labels: labels(row)?,
                outbreak: row.try_get::<Option<String>, _>("outbreak")?.map(OutbreakId::new),
                vector: readings::vector(row.try_get("vector")?),
            })
        };
        sqlx::query(
            "SELECT triage_tickets.*, triage_readings.vector FROM triage_tickets \
             JOIN triage_readings ON owner = id AND reader = $2 \
             WHERE triage_tickets.policy = $1 AND created >= $3 ORDER BY created DESC, id DESC \
             LIMIT $4",
        )
        .bind(policy.as_str())
        .bind(reader)
        .bind(to_millis(since))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(read).collect())
        .map_err(LedgerError::database("list the latest tickets"))
    }

    /// The outbreaks of a policy, newest first, up to 200.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn list_outbreaks(
        &self,
        policy: &TriagePolicyId,
    ) -> Result<Vec<OutbreakRecord>, LedgerError> {
        self.get_triage_policy(policy).await?;
        let read = |row: &SqliteRow| -> Result<OutbreakRecord, sqlx::Error> {
            Ok(OutbreakRecord {
                id: OutbreakId::new(row.try_get::<String, _>("id")?),
                policy: TriagePolicyId::new(row.try_get::<String, _>("policy")?),
                category: row.try_get("category")?,
                began: from_millis(row.try_get("began")?),
                latest: from_millis(row.try_get("latest")?),
                tickets: row.try_get::<i64, _>("tickets")?.unsigned_abs(),
            })
        };
        sqlx::query("SELECT * FROM triage_outbreaks WHERE policy = $1 ORDER BY id DESC LIMIT 200")
            .bind(policy.as_str())
            .fetch_all(&self.pool)
            .await
            .and_then(|rows| rows.iter().map(read).collect())
            .map_err(LedgerError::database("list the outbreaks"))
    }
}

fn push_page(query: &mut QueryBuilder<Sqlite>, page: &TicketPage) {
    let equal = [
        ("state", page.state.map(|state| state.as_str().to_owned())),
        ("route", page.route.map(|route| route.as_str().to_owned())),
        ("category", page.category.clone()),
        ("urgency", page.urgency.clone()),
        ("team", page.team.clone()),
        ("outbreak", page.outbreak.as_ref().map(ToString::to_string)),
        ("external_id", page.external_id.clone()),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            query.push(" AND ").push(column).push(" = ").push_bind(value);
        }
    }
    // Nobody is told what is proposed in silence, not by what is listed either.
    if page.category.is_some() || page.urgency.is_some() || page.team.is_some() {
        query.push(" AND NOT (route = 'shadow' AND state = 'waiting')");
    }
    if let Some(from) = page.from {
        query.push(" AND created >= ").push_bind(to_millis(from));
    }
    if let Some(before) = page.before {
        query.push(" AND created < ").push_bind(to_millis(before));
    }
    if let Some(after) = &page.after {
        query.push(" AND id < ").push_bind(after.to_string());
    }
}
