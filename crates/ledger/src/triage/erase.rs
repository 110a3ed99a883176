//! Erases what tickets say, and removes old ones.
//!
//! What a ticket says goes: its subject, text, sender, the sender's name for it, the reasons of its
//! decision, what models made of it, the example that it became and what its review says. That there
//! was one stays, with its labels and times.

use intramuros_types::{TicketId, TriagePolicyId, UserId};
use sqlx::sqlite::SqliteConnection;
use time::OffsetDateTime;

use super::{policies, readings, records};
use crate::moment::to_millis;
use crate::review::erase_one as erase_review;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "erase a ticket";

impl Ledger {
    /// Erases what a ticket says; once is as good as twice.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn erase_ticket(
        &self,
        policy: &TriagePolicyId,
        id: &TicketId,
    ) -> Result<(), LedgerError> {
        let mut transaction = self.begin_write(OPERATION).await?;
        records::get(&mut transaction, policy, id).await?;
        erase_ticket(&mut transaction, id.as_str(), self.clock.now()).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }

    /// Removes up to 200 tickets that came before this moment, with the examples that they became and
    /// what their reviews say; how many. The caller goes on until there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn prune_tickets(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        const OPERATION: &str = "remove old tickets";
        let mut transaction = self.begin_write(OPERATION).await?;
        let old: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM triage_tickets WHERE created < $1 ORDER BY created LIMIT 200",
        )
        .bind(to_millis(before))
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        for id in &old {
            erase_ticket(&mut transaction, id, self.clock.now()).await?;
            sqlx::query("DELETE FROM triage_tickets WHERE id = $1")
                .bind(id)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        sqlx::query(
            "DELETE FROM triage_outbreaks WHERE latest < $1 AND NOT EXISTS \
             (SELECT 1 FROM triage_tickets WHERE outbreak = triage_outbreaks.id)",
        )
        .bind(to_millis(before))
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if !old.is_empty() {
            self.forget_erased().await;
        }
        Ok(old.len() as u64)
    }
}

/// Erases one ticket, in the transaction of what asks for it; 0 for one that was erased before.
pub(crate) async fn erase_ticket(
    connection: &mut SqliteConnection,
    id: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    let review: Option<Option<String>> = sqlx::query_scalar(
        "UPDATE triage_tickets SET subject = '', sender = '', body = '', decision = 'null', \
         external_id = NULL, erased = $2, \
         state = CASE state WHEN 'waiting' THEN 'settled' ELSE state END \
         WHERE id = $1 AND erased IS NULL RETURNING review",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let Some(review) = review else { return Ok(0) };
    if let Some(review) = review {
        erase_review(&mut *connection, &review, now).await?;
    }
    readings::forget(&mut *connection, id).await?;
    sqlx::query("UPDATE triage_alerts SET comment = '', next_reminder = NULL WHERE ticket = $1")
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let examples: Vec<String> =
        sqlx::query_scalar("SELECT id FROM triage_examples WHERE ticket = $1")
            .bind(id)
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    for example in examples {
        erase_example(&mut *connection, &example).await?;
    }
    Ok(1)
}

/// Removes one example, in the transaction of what asks for it.
pub(crate) async fn erase_example(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<u64, LedgerError> {
    const OPERATION: &str = "remove an example";
    let policy: Option<String> =
        sqlx::query_scalar("DELETE FROM triage_examples WHERE id = $1 RETURNING policy")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let Some(policy) = policy else { return Ok(0) };
    readings::forget(&mut *connection, id).await?;
    policies::learn(connection, &TriagePolicyId::new(policy)).await?;
    Ok(1)
}

/// Puts `pseudonym` in the place of a user who settled tickets, made examples or policies, or saw
/// alerts, in the transaction that erases them; how many rows named them.
pub(crate) async fn forget_settler(
    connection: &mut SqliteConnection,
    user: &UserId,
    pseudonym: &str,
) -> Result<u64, LedgerError> {
    let mut named = 0;
    for statement in [
        "UPDATE triage_tickets SET settled_by = $2 WHERE settled_by = $1",
        "UPDATE triage_tickets SET filed_by = $2 WHERE filed_by = $1",
        "UPDATE triage_examples SET created_by = $2 WHERE created_by = $1",
        "UPDATE triage_versions SET created_by = $2 WHERE created_by = $1",
        "UPDATE triage_alerts SET acknowledged_by = $2 WHERE acknowledged_by = $1",
    ] {
        let done = sqlx::query(statement)
            .bind(user.as_str())
            .bind(pseudonym)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database("forget who settled tickets"))?;
        named += done.rows_affected();
    }
    Ok(named)
}
