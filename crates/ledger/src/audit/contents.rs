//! Keeps the sealed contents of entries, apart from the chain, so that they can be erased.

use super::AuditRecord;
use crate::{Ledger, LedgerError};

pub(super) async fn insert(
    connection: &mut sqlx::SqliteConnection,
    record: &AuditRecord,
    sealed: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO audit_contents (seq, at, sealed) VALUES ($1, $2, $3)")
        .bind(i64::try_from(record.seq).unwrap_or(i64::MAX))
        .bind(record.at)
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

impl Ledger {
    /// The sealed content of an entry; `None` where there is none, or none any more.
    ///
    /// # Errors
    /// `Database`.
    pub async fn audit_content(&self, seq: u64) -> Result<Option<String>, LedgerError> {
        sqlx::query_scalar("SELECT sealed FROM audit_contents WHERE seq = $1")
            .bind(i64::try_from(seq).unwrap_or(i64::MAX))
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a content of the audit trail"))
    }

    /// Erases the contents of the entries of an actor; the entries stay, and the chain holds.
    ///
    /// # Errors
    /// `Database`.
    pub async fn erase_audit_contents_of(&self, actor: &str) -> Result<u64, LedgerError> {
        let done = sqlx::query(
            "DELETE FROM audit_contents WHERE seq IN (SELECT seq FROM audit WHERE actor = $1)",
        )
        .bind(actor)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("erase contents of the audit trail"))?;
        self.forget_erased().await;
        Ok(done.rows_affected())
    }
}
