//! Keeps alerts until somebody acknowledges them.

use intramuros_types::{TicketAlertId, TicketId, TriagePolicyId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::tickets::event;
use super::{AlertRecord, check};
use crate::mail::queue_within;
use crate::moment::{from_millis, to_millis};
use crate::{Ledger, LedgerError, NewMail};

const WHAT: &str = "alert";
const MAX_COMMENT_CHARS: usize = 2_000;

impl Ledger {
    /// The alerts of a policy, newest first: up to 500 that nobody has acknowledged, or of all.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn list_ticket_alerts(
        &self,
        policy: &TriagePolicyId,
        only_open: bool,
    ) -> Result<Vec<AlertRecord>, LedgerError> {
        self.get_triage_policy(policy).await?;
        sqlx::query(
            "SELECT * FROM triage_alerts WHERE policy = $1 AND ($2 = 0 OR acknowledged IS NULL) \
             ORDER BY id DESC LIMIT 500",
        )
        .bind(policy.as_str())
        .bind(i64::from(only_open))
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(alert).collect())
        .map_err(LedgerError::database("list the alerts"))
    }

    /// Notes that `by` has seen an alert; nobody is reminded of it any more. The first one counts.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a comment beyond 2,000 characters; `Database`.
    pub async fn acknowledge_alert(
        &self,
        policy: &TriagePolicyId,
        id: &TicketAlertId,
        by: &str,
        comment: &str,
    ) -> Result<AlertRecord, LedgerError> {
        const OPERATION: &str = "acknowledge an alert";
        check::at_most("comment", comment, MAX_COMMENT_CHARS)?;
        sqlx::query(
            "UPDATE triage_alerts SET acknowledged = $3, acknowledged_by = $4, comment = $5, \
             next_reminder = NULL WHERE id = $1 AND policy = $2 AND acknowledged IS NULL",
        )
        .bind(id.as_str())
        .bind(policy.as_str())
        .bind(self.clock.now())
        .bind(by)
        .bind(comment)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let row = sqlx::query("SELECT * FROM triage_alerts WHERE id = $1 AND policy = $2")
            .bind(id.as_str())
            .bind(policy.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let not_found = || LedgerError::NotFound { what: WHAT, id: id.to_string() };
        alert(&row.ok_or_else(not_found)?).map_err(LedgerError::database(OPERATION))
    }

    /// Alerts of which somebody must be reminded by now, up to 50.
    ///
    /// # Errors
    /// `Database`.
    pub async fn due_alerts(&self) -> Result<Vec<AlertRecord>, LedgerError> {
        sqlx::query(
            "SELECT * FROM triage_alerts WHERE next_reminder <= $1 ORDER BY next_reminder LIMIT 50",
        )
        .bind(self.clock.now())
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(alert).collect())
        .map_err(LedgerError::database("list the alerts that are due"))
    }

    /// Sends a reminder of an alert, unless it was acknowledged or sent meanwhile: its e-mails and its
    /// event (`ticket.alert`). `next` is when to send another one.
    ///
    /// # Errors
    /// `Conflict` when 10,000 e-mails wait; `Database`.
    pub async fn remind_of_alert(
        &self,
        due: &AlertRecord,
        mails: &[NewMail],
        next: Option<OffsetDateTime>,
    ) -> Result<bool, LedgerError> {
        const OPERATION: &str = "remind of an alert";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let done = sqlx::query(
            "UPDATE triage_alerts SET reminders = reminders + 1, next_reminder = $3 \
             WHERE id = $1 AND reminders = $2 AND acknowledged IS NULL",
        )
        .bind(due.id.as_str())
        .bind(due.reminders)
        .bind(next.map(to_millis))
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        for mail in mails {
            queue_within(&mut transaction, mail, now).await?;
        }
        let told = event(&due.id, &due.policy, &due.ticket, due.rule.as_deref(), due.reminders + 1);
        self.emit_within(&mut transaction, &told).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(true)
    }
}

fn alert(row: &SqliteRow) -> Result<AlertRecord, sqlx::Error> {
    let moment = |name: &str| -> Result<_, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(from_millis))
    };
    Ok(AlertRecord {
        id: TicketAlertId::new(row.try_get::<String, _>("id")?),
        policy: TriagePolicyId::new(row.try_get::<String, _>("policy")?),
        ticket: TicketId::new(row.try_get::<String, _>("ticket")?),
        rule: row.try_get("rule")?,
        created: from_millis(row.try_get("created")?),
        reminders: row.try_get("reminders")?,
        next_reminder: moment("next_reminder")?,
        acknowledged: moment("acknowledged")?,
        acknowledged_by: row.try_get("acknowledged_by")?,
        comment: row.try_get("comment")?,
    })
}
