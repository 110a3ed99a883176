//! Removes what was kept long enough, a few rows at a time, so that nobody waits long for the
//! ledger: callers ask again until nothing is left.

use std::time::Duration;

use intramuros_types::{DocumentId, KnowledgeBaseId};
use sqlx::{QueryBuilder, Sqlite};
use time::OffsetDateTime;

use crate::document::to_json;
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

/// The kind of the jobs that remove what was kept long enough.
pub const RETENTION: &str = "retention";

/// Rows that go at once.
const BATCH: i64 = 500;
/// Failures to sign in do not count for longer.
const SIGN_IN_DAY: Duration = Duration::from_secs(24 * 3600);

/// Which documents are too old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldDocuments {
    /// Where.
    pub knowledge_base: KnowledgeBaseId,
    /// Only those with this label.
    pub label: Option<String>,
    /// Only those that this source brought.
    pub source: Option<String>,
    /// Not those of these sources.
    pub except_sources: Vec<String>,
    /// Before this moment.
    pub before: OffsetDateTime,
    /// Whether a document's own date counts, where it has one, instead of its arrival.
    pub by_own_date: bool,
}

impl Ledger {
    /// Removes some consumption of the oldest day before this moment; 0 when there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_usage_day(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        const OPERATION: &str = "remove what was consumed";
        let done = sqlx::query(
            "DELETE FROM usage WHERE day = (SELECT MIN(day) FROM usage WHERE day < $1)",
        )
        .bind(day(before))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        Ok(done.rows_affected())
    }

    /// Erases some contents of the audit trail of before this moment.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_audit_contents(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        self.forget_some(
            "erase contents of the audit trail",
            "DELETE FROM audit_contents WHERE seq IN (SELECT seq FROM audit_contents \
             WHERE at < $1 ORDER BY seq LIMIT $2)",
            to_millis(before),
        )
        .await
    }

    /// Forgets some questions that nobody asked since this moment.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_old_questions(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        const OPERATION: &str = "forget questions without answer";
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT knowledge_base, id FROM unanswered WHERE last_asked < $1 \
             ORDER BY last_asked LIMIT $2",
        )
        .bind(to_millis(before))
        .bind(BATCH)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let mut gone = 0;
        for (base, id) in rows {
            let done = sqlx::query(
                "DELETE FROM unanswered WHERE knowledge_base = $1 AND id = $2 AND last_asked < $3",
            )
            .bind(base)
            .bind(id)
            .bind(to_millis(before))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            gone += done.rows_affected();
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(gone)
    }

    /// Forgets some sessions that are over.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_sessions(&self) -> Result<u64, LedgerError> {
        self.forget_some(
            "forget sessions that are over",
            "DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions \
             WHERE expires <= $1 LIMIT $2)",
            self.clock.now(),
        )
        .await
    }

    /// Forgets some failures to sign in that do not count any more.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_sign_in_failures(&self) -> Result<u64, LedgerError> {
        let day = i64::try_from(SIGN_IN_DAY.as_millis()).unwrap_or(i64::MAX);
        self.forget_some(
            "forget failures to sign in",
            "DELETE FROM sign_in_failures WHERE subject IN (SELECT subject FROM sign_in_failures \
             WHERE last < $1 LIMIT $2)",
            self.clock.now() - day,
        )
        .await
    }

    /// Forgets some keys that were revoked, or had expired, before this moment, with the
    /// memberships of those of which no rotation is left.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_keys(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        let gone = self
            .forget_some(
                "forget keys",
                "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys \
                 WHERE revoked < $1 OR expires < $1 ORDER BY id LIMIT $2)",
                to_millis(before),
            )
            .await?;
        if gone > 0 {
            sqlx::query(
                "DELETE FROM group_members WHERE member LIKE 'imk%' AND NOT EXISTS \
                 (SELECT 1 FROM api_keys WHERE api_keys.family = group_members.member)",
            )
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database("forget keys"))?;
        }
        Ok(gone)
    }

    /// Up to `limit` documents that are too old, the oldest arrivals first; files within documents go
    /// with those and are not among them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn old_documents(
        &self,
        old: &OldDocuments,
        limit: u32,
    ) -> Result<Vec<DocumentId>, LedgerError> {
        let mut query = conditions("SELECT id", old);
        query.push(" ORDER BY arrived, id LIMIT ").push_bind(limit);
        let ids: Vec<String> = query
            .build_query_scalar()
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("look for old documents"))?;
        Ok(ids.into_iter().map(DocumentId::new).collect())
    }

    /// How many documents are too old.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_old_documents(&self, old: &OldDocuments) -> Result<u64, LedgerError> {
        let count: i64 = conditions("SELECT COUNT(*)", old)
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await
            .map_err(LedgerError::database("count old documents"))?;
        Ok(count.unsigned_abs())
    }

    async fn forget_some(
        &self,
        operation: &'static str,
        statement: &'static str,
        before: i64,
    ) -> Result<u64, LedgerError> {
        let done = sqlx::query(statement)
            .bind(before)
            .bind(BATCH)
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database(operation))?;
        Ok(done.rows_affected())
    }

    /// Empties the ledger's log, which still has what was removed.
    pub async fn forget_removed(&self) {
        self.forget_erased().await;
    }
}

fn conditions(select: &str, old: &OldDocuments) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(select);
    query.push(" FROM documents WHERE state <> 'deleting' AND parent IS NULL");
    query.push(" AND knowledge_base = ").push_bind(old.knowledge_base.as_str());
    let before = to_millis(old.before);
    if old.by_own_date {
        query.push(" AND ((written IS NOT NULL AND written < ").push_bind(day(old.before));
        query.push(") OR (written IS NULL AND arrived < ").push_bind(before).push("))");
    } else {
        query.push(" AND arrived < ").push_bind(before);
    }
    if let Some(source) = &old.source {
        query.push(" AND source = ").push_bind(source);
    }
    for source in &old.except_sources {
        query.push(" AND (source IS NULL OR source <> ").push_bind(source).push(")");
    }
    if let Some(label) = &old.label {
        // Labels are stored as a JSON array of texts.
        let quoted = to_json(label);
        let escaped = quoted.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query.push(" AND labels LIKE ").push_bind(format!("%{escaped}%")).push(" ESCAPE '\\'");
    }
    query
}

/// `YYYY-MM-DD`, UTC.
pub(crate) fn day(moment: OffsetDateTime) -> String {
    let date = moment.to_offset(time::UtcOffset::UTC).date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

#[cfg(test)]
mod tests;
