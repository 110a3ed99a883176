//! Erases what reviews hold, and who decided them.
//!
//! Contents go: titles, proposals, schemas, quotes, corrections, their patches, reasons and comments.
//! The filer's own name for it goes too, which may be somebody's. What stays is that there was a
//! review, of which kind, when it was decided, with which verdict and in how long. One that still waited has nothing left to decide, and is withdrawn.

use intramuros_types::{DocumentId, KnowledgeBaseId, ReviewId, UserId};
use sqlx::sqlite::SqliteConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::records::not_found;
use crate::event::forget_external_id;
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "erase reviews";

/// The reviews that an erasure is about: those for which this holds, with the id as `$1`.
const ONE: &str = "reviews.id = $1";
const OF_DOCUMENT: &str = "reviews.id IN (SELECT review FROM review_evidence WHERE document = $1)";
const OF_BASE: &str =
    "reviews.id IN (SELECT review FROM review_evidence WHERE knowledge_base = $1)";

impl Ledger {
    /// Erases the contents of a review; once is as good as twice.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn erase_review(&self, id: &ReviewId) -> Result<(), LedgerError> {
        let mut transaction = self.begin_write(OPERATION).await?;
        let erased = erase(&mut transaction, ONE, id.as_str(), self.clock.now()).await?;
        let found: Option<String> = sqlx::query_scalar("SELECT id FROM reviews WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if found.is_none() {
            return Err(not_found(id));
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if erased > 0 {
            self.forget_erased().await;
        }
        Ok(())
    }

    /// Erases the contents of the reviews that quote a document; how many. Forgetting a document
    /// does so by itself.
    ///
    /// # Errors
    /// `Database`.
    pub async fn erase_reviews_of_document(&self, id: &DocumentId) -> Result<u64, LedgerError> {
        let mut transaction = self.begin_write(OPERATION).await?;
        let erased = erase_of_document(&mut transaction, id, self.clock.now()).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if erased > 0 {
            self.forget_erased().await;
        }
        Ok(erased)
    }

    /// Removes up to 500 reviews that were decided or withdrawn before `before`, with all that belongs
    /// to them; how many. The caller goes on until there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn prune_reviews(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        // What hangs on them goes with them.
        let removed = sqlx::query(
            "DELETE FROM reviews WHERE id IN (SELECT id FROM reviews WHERE ended < $1 \
             AND state <> 'open' ORDER BY ended LIMIT 500)",
        )
        .bind(to_millis(before))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("remove old reviews"))?
        .rows_affected();
        if removed > 0 {
            self.forget_erased().await;
        }
        Ok(removed)
    }

    /// Puts a pseudonym in the place of a user in all reviews: as who filed, had or decided them. The
    /// same one everywhere, so that figures and four eyes still tell people apart; nothing keeps
    /// whose it is. Open reviews that were assigned to them are for everybody again. How many
    /// reviews named them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_reviewer(&self, user: &UserId) -> Result<u64, LedgerError> {
        const OPERATION: &str = "forget a reviewer";
        let pseudonym = format!("person_{}", Uuid::now_v7().simple());
        let mut transaction = self.begin_write(OPERATION).await?;
        let named = forget_reviewer(&mut transaction, user, &pseudonym).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if named > 0 {
            self.forget_erased().await;
        }
        Ok(named)
    }
}

/// Puts `pseudonym` in the place of a user in all reviews, in the transaction that erases the user; how
/// many named them.
pub(crate) async fn forget_reviewer(
    connection: &mut SqliteConnection,
    user: &UserId,
    pseudonym: &str,
) -> Result<u64, LedgerError> {
    const OPERATION: &str = "forget a reviewer";
    let named: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM reviews WHERE filed_by = $1 OR claimed_by = $1 OR assignee = $1 \
         OR id IN (SELECT review FROM review_decisions WHERE reviewer = $1) \
         OR id IN (SELECT review FROM review_work WHERE reviewer = $1)",
    )
    .bind(user.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    for statement in [
        "UPDATE reviews SET filed_by = $2 WHERE filed_by = $1",
        "UPDATE reviews SET claimed_by = NULL, claimed_since = NULL, claimed_until = NULL \
         WHERE claimed_by = $1 AND $2 = $2",
        "UPDATE reviews SET assignee = NULL WHERE assignee = $1 AND $2 = $2",
        "UPDATE review_decisions SET reviewer = $2 WHERE reviewer = $1",
        "UPDATE review_work SET reviewer = $2 WHERE reviewer = $1",
    ] {
        sqlx::query(statement)
            .bind(user.as_str())
            .bind(pseudonym)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(named.unsigned_abs())
}

/// Erases one review, in the transaction of a person's erasure.
pub(crate) async fn erase_one(
    connection: &mut SqliteConnection,
    id: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    erase(connection, ONE, id, now).await
}

/// Erases the reviews that quote a document, in the transaction that forgets it.
pub(crate) async fn erase_of_document(
    connection: &mut SqliteConnection,
    id: &DocumentId,
    now: i64,
) -> Result<u64, LedgerError> {
    erase(connection, OF_DOCUMENT, id.as_str(), now).await
}

/// Erases the reviews that quote a knowledge base, in the transaction that forgets it.
pub(crate) async fn erase_of_base(
    connection: &mut SqliteConnection,
    id: &KnowledgeBaseId,
    now: i64,
) -> Result<u64, LedgerError> {
    erase(connection, OF_BASE, id.as_str(), now).await
}

async fn erase(
    connection: &mut SqliteConnection,
    which: &'static str,
    id: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    let of_them = format!("review IN (SELECT reviews.id FROM reviews WHERE {which}) AND $2 = $2");
    let ids: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT id FROM reviews WHERE {which}")))
            .bind(id)
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database("find the reviews to erase"))?;
    for id in &ids {
        forget_external_id(connection, id).await?;
    }
    let mut erased = 0;
    for statement in [
        format!("DELETE FROM review_work WHERE {of_them}"),
        format!(
            "UPDATE review_decisions SET value = NULL, patch = NULL, comment = '' WHERE {of_them}"
        ),
        format!(
            "UPDATE reviews SET title = '', external_id = NULL, reason_text = '', \
             proposal = 'null', value_schema = NULL, erased = $2, updated = $2, claimed_by = NULL, \
             claimed_since = NULL, claimed_until = NULL, \
             version = CASE state WHEN 'open' THEN version + 1 ELSE version END, \
             ended = CASE state WHEN 'open' THEN $2 ELSE ended END, \
             state = CASE state WHEN 'open' THEN 'withdrawn' ELSE state END \
             WHERE {which} AND erased IS NULL"
        ),
        // Last: it is what tells which ones they are.
        format!("UPDATE review_evidence SET quote = '' WHERE {of_them}"),
    ] {
        let is_count = statement.starts_with("UPDATE reviews SET");
        let done = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(id)
            .bind(now)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if is_count {
            erased = done.rows_affected();
        }
    }
    Ok(erased)
}
