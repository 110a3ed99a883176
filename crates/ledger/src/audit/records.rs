//! Appends entries, lists them, checks them, and removes those that are too old.

use intramuros_types::RequestId;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use time::OffsetDateTime;

use super::chain::{self, AuditVerifier, Head, PRUNED, Verification};
use super::{AuditEntry, AuditRecord, Outcome};
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

/// Entries that are read at once.
const PAGE: u32 = 1_000;
/// The most entries of one answer.
const MAX_PAGE: u32 = 1_000;
/// Entries that are removed at once: nobody else writes meanwhile.
const PRUNED_AT_ONCE: i64 = 10_000;
/// Longest actor, action or target; longer ones are cut, for the trail never refuses.
const MAX_CHARS: usize = 500;
/// Longest details; longer ones are replaced by their size.
const MAX_DETAILS_BYTES: usize = 16 << 10;

/// Which entries are asked for; `None` for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// To this target.
    pub target: Option<String>,
    /// Of this HTTP request.
    pub request: Option<String>,
    /// At this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Before this moment.
    pub to: Option<OffsetDateTime>,
}

/// Some entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// In the order that was asked for.
    pub entries: Vec<AuditRecord>,
    /// Number after which the next page begins; `None` at the end.
    pub next: Option<u64>,
}

impl Ledger {
    /// Appends entries to the trail.
    ///
    /// # Errors
    /// `Database`; nothing is appended then.
    pub async fn append_audit(&self, entries: &[AuditEntry]) -> Result<Head, LedgerError> {
        const OPERATION: &str = "append to the audit trail";
        let mut transaction = self.begin_write(OPERATION).await?;
        let head = self.append_audit_within(&mut transaction, entries).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(head)
    }

    /// Appends entries in a transaction that writes what they are about.
    pub(crate) async fn append_audit_within(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        entries: &[AuditEntry],
    ) -> Result<Head, LedgerError> {
        const OPERATION: &str = "append to the audit trail";
        let mut head = head(transaction).await.map_err(LedgerError::database(OPERATION))?;
        for entry in entries {
            let record = following(&head, entry, self.clock.now());
            insert(transaction, &record).await.map_err(LedgerError::database(OPERATION))?;
            if let Some(sealed) = &entry.content {
                super::contents::insert(transaction, &record, sealed)
                    .await
                    .map_err(LedgerError::database(OPERATION))?;
            }
            head = Head { seq: record.seq, hash: record.hash };
        }
        Ok(head)
    }

    /// The last entry's number and hash.
    ///
    /// # Errors
    /// `Database`.
    pub async fn audit_head(&self) -> Result<Head, LedgerError> {
        const OPERATION: &str = "read the head of the audit trail";
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        head(&mut connection).await.map_err(LedgerError::database(OPERATION))
    }

    /// Entries that pass `filter`, up to 1,000: those after the number `after`, oldest first, or
    /// those before it, newest first.
    ///
    /// # Errors
    /// `Invalid` for the limit; `Database`.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        newest_first: bool,
        after: Option<u64>,
        limit: u32,
    ) -> Result<AuditPage, LedgerError> {
        const OPERATION: &str = "read the audit trail";
        if !(1..=MAX_PAGE).contains(&limit) {
            let reason = format!("is {limit}, it must be 1 to {MAX_PAGE}");
            return Err(LedgerError::Invalid { name: "limit", reason });
        }
        let mut query = QueryBuilder::new("SELECT * FROM audit WHERE 1 = 1");
        for (column, value) in [
            (" AND actor = ", &filter.actor),
            (" AND action = ", &filter.action),
            (" AND target = ", &filter.target),
            (" AND request = ", &filter.request),
        ] {
            if let Some(value) = value {
                query.push(column).push_bind(value.clone());
            }
        }
        if let Some(from) = filter.from {
            query.push(" AND at >= ").push_bind(to_millis(from));
        }
        if let Some(to) = filter.to {
            query.push(" AND at < ").push_bind(to_millis(to));
        }
        if let Some(after) = after {
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            query.push(if newest_first { " AND seq < " } else { " AND seq > " }).push_bind(after);
        }
        query.push(if newest_first { " ORDER BY seq DESC" } else { " ORDER BY seq" });
        query.push(" LIMIT ").push_bind(i64::from(limit) + 1);
        let rows =
            query.build().fetch_all(&self.pool).await.map_err(LedgerError::database(OPERATION))?;
        let mut entries = rows
            .iter()
            .map(record)
            .collect::<Result<Vec<_>, _>>()
            .map_err(LedgerError::database(OPERATION))?;
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = entries.last().filter(|_| more).map(|last| last.seq);
        Ok(AuditPage { entries, next })
    }

    /// Reads the whole trail and checks that it is what was written; with `expected`, a head that
    /// was exported before, also that nothing was cut off its end.
    ///
    /// # Errors
    /// `Database`.
    pub async fn verify_audit(&self, expected: Option<Head>) -> Result<Verification, LedgerError> {
        let mut verifier = AuditVerifier::new(expected);
        let mut after = 0;
        loop {
            let page = self.audit_with_contents(after).await?;
            let Some((last, _)) = page.last() else { return Ok(verifier.finish()) };
            after = last.seq;
            for (record, sealed) in &page {
                verifier.take(record, sealed.as_deref());
            }
        }
    }

    async fn audit_with_contents(
        &self,
        after: u64,
    ) -> Result<Vec<(AuditRecord, Option<String>)>, LedgerError> {
        const OPERATION: &str = "read the audit trail";
        let read = |row: &SqliteRow| Ok((record(row)?, row.try_get("sealed")?));
        sqlx::query(
            "SELECT audit.*, audit_contents.sealed AS sealed FROM audit LEFT JOIN audit_contents \
             ON audit_contents.seq = audit.seq WHERE audit.seq > $1 ORDER BY audit.seq LIMIT $2",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(PAGE)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?
        .iter()
        .map(read)
        .collect::<Result<_, sqlx::Error>>()
        .map_err(LedgerError::database(OPERATION))
    }

    /// Removes the entries from the beginning up to the first one at `before` or later, 10,000 at
    /// once, and appends one by `actor` that says so; returns how many went.
    ///
    /// # Errors
    /// `Database`.
    pub async fn prune_audit(
        &self,
        before: OffsetDateTime,
        actor: &str,
    ) -> Result<u64, LedgerError> {
        const OPERATION: &str = "remove old entries of the audit trail";
        let failed = LedgerError::database;
        let mut transaction = self.begin_write(OPERATION).await?;
        // The first to stay; without one, the last entry does, which the chain goes on from.
        let row = sqlx::query(
            "SELECT seq, previous FROM audit WHERE seq <= COALESCE((SELECT MIN(seq) FROM audit \
             WHERE at >= $1), (SELECT MAX(seq) FROM audit)) \
             AND seq <= (SELECT MIN(seq) FROM audit) + $2 ORDER BY seq DESC LIMIT 1",
        )
        .bind(to_millis(before))
        .bind(PRUNED_AT_ONCE)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed(OPERATION))?;
        let Some(row) = row else { return Ok(0) };
        let first: i64 = row.try_get("seq").map_err(failed(OPERATION))?;
        let hash: String = row.try_get("previous").map_err(failed(OPERATION))?;
        let done = sqlx::query("DELETE FROM audit WHERE seq < $1")
            .bind(first)
            .execute(&mut *transaction)
            .await
            .map_err(failed(OPERATION))?;
        let removed = done.rows_affected();
        if removed == 0 {
            return Ok(0);
        }
        sqlx::query("DELETE FROM audit_contents WHERE seq < $1")
            .bind(first)
            .execute(&mut *transaction)
            .await
            .map_err(failed(OPERATION))?;
        let through = first.unsigned_abs().saturating_sub(1);
        let entry = AuditEntry {
            actor: actor.to_owned(),
            action: PRUNED.to_owned(),
            target: String::new(),
            outcome: Outcome::Done,
            request: None,
            details: json!({"through": through, "hash": hash, "removed": removed}),
            content: None,
        };
        self.append_audit_within(&mut transaction, &[entry]).await?;
        transaction.commit().await.map_err(failed(OPERATION))?;
        self.forget_erased().await;
        Ok(removed)
    }
}

/// The entry that follows `head`.
fn following(head: &Head, entry: &AuditEntry, at: i64) -> AuditRecord {
    let mut details = entry.details.to_string();
    if details.len() > MAX_DETAILS_BYTES {
        details = json!({"left_out_bytes": details.len()}).to_string();
    }
    let mut record = AuditRecord {
        seq: head.seq + 1,
        at,
        actor: cut(&entry.actor),
        action: cut(&entry.action),
        target: cut(&entry.target),
        outcome: entry.outcome.as_str().to_owned(),
        request: entry.request.as_ref().map_or_else(String::new, RequestId::to_string),
        details,
        content: entry.content.as_deref().map_or_else(String::new, chain::digest),
        previous: head.hash.clone(),
        hash: String::new(),
    };
    record.hash = chain::hash(&record);
    record
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(MAX_CHARS).collect()
}

async fn head(connection: &mut sqlx::SqliteConnection) -> Result<Head, sqlx::Error> {
    let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map_or_else(
        || Ok(Head::genesis()),
        |row| {
            let seq = row.try_get::<i64, _>("seq")?.unsigned_abs();
            Ok(Head { seq, hash: row.try_get("hash")? })
        },
    )
}

async fn insert(
    connection: &mut sqlx::SqliteConnection,
    record: &AuditRecord,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO audit (seq, at, actor, action, target, outcome, request, details, content, \
         previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(i64::try_from(record.seq).unwrap_or(i64::MAX))
    .bind(record.at)
    .bind(&record.actor)
    .bind(&record.action)
    .bind(&record.target)
    .bind(&record.outcome)
    .bind(&record.request)
    .bind(&record.details)
    .bind(&record.content)
    .bind(&record.previous)
    .bind(&record.hash)
    .execute(connection)
    .await?;
    Ok(())
}

fn record(row: &SqliteRow) -> Result<AuditRecord, sqlx::Error> {
    Ok(AuditRecord {
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        outcome: row.try_get("outcome")?,
        request: row.try_get("request")?,
        details: row.try_get("details")?,
        content: row.try_get("content")?,
        previous: row.try_get("previous")?,
        hash: row.try_get("hash")?,
    })
}
