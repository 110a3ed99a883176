//! Begins erasures, lists them, and notes what they did.

use std::collections::BTreeMap;

use intramuros_types::{DocumentId, ErasureId, JobId, KnowledgeBaseId};
use ring::hmac;
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    ERASE, ErasedDocument, ErasureMatter, ErasureRecord, ErasureReport, ErasureState,
    ErasureSubject, NewErasure,
};
use crate::document::{from_json, to_json};
use crate::job::{enqueue, holds};
use crate::moment::{from_millis, to_millis};
use crate::{Enqueued, Lease, Ledger, LedgerError, NewJob};

/// The most documents, the files within them not counted.
const MAX_DOCUMENTS: usize = 1_000;
const MAX_TEXTS: usize = 20;
const MAX_TEXT_CHARS: usize = 200;
/// Erasures forgotten at a time.
const PURGE: i64 = 100;
const KEY_BYTES: usize = 32;

impl Ledger {
    /// Puts an erasure in the queue. One that asks for the same and is not finished is given back
    /// instead, with `false`.
    ///
    /// # Errors
    /// `Invalid` beyond the limits; for a user, those of [`Ledger::check_erasable`]; `Entropy`;
    /// `Database`.
    pub async fn begin_erasure(
        &self,
        new: NewErasure,
    ) -> Result<(ErasureRecord, bool), LedgerError> {
        const OPERATION: &str = "begin an erasure";
        check(&new.matter)?;
        let id = format!("era_{}", Uuid::now_v7().simple());
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let key = key(&mut transaction).await?;
        let target = match &new.subject {
            ErasureSubject::User(user) => {
                super::user::check_erasable(&mut transaction, user).await?;
                user.to_string()
            }
            ErasureSubject::Documents | ErasureSubject::Person => String::new(),
        };
        let matter = to_json(&new.matter);
        let same = fingerprint(&key, &format!("{}\n{target}\n{matter}", new.subject.as_str()));
        let job = NewJob {
            created_by: new.requested_by.clone(),
            max_attempts: Some(10),
            unique_key: Some(same),
            ..NewJob::new(ERASE, id.clone(), json!({"erasure": id}))
        };
        let job = match enqueue(&mut transaction, now, &job, &[]).await? {
            Enqueued::New(job) => job,
            Enqueued::Existing(job) => {
                drop(transaction);
                let id = job.params["erasure"].as_str().unwrap_or_default();
                return Ok((self.get_erasure(&ErasureId::new(id)).await?, false));
            }
        };
        let fingerprints: Vec<String> =
            new.matter.texts.iter().map(|text| fingerprint(&key, text)).collect();
        sqlx::query(
            "INSERT INTO erasures (id, subject, target, fingerprints, requested_by, created, job, \
             pending) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(new.subject.as_str())
        .bind(target)
        .bind(to_json(&fingerprints))
        .bind(new.requested_by)
        .bind(now)
        .bind(job.id.as_str())
        .bind(hex::encode(matter))
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok((self.get_erasure(&ErasureId::new(id)).await?, true))
    }

    /// The keyed hashes of `texts`: the same for the same text, and of no use without this ledger.
    ///
    /// # Errors
    /// `Entropy`, `Database`.
    pub async fn fingerprints(&self, texts: &[String]) -> Result<Vec<String>, LedgerError> {
        const OPERATION: &str = "read the key of erasures";
        let mut transaction = self.begin_write(OPERATION).await?;
        let key = key(&mut transaction).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(texts.iter().map(|text| fingerprint(&key, text)).collect())
    }

    /// The erasure `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_erasure(&self, id: &ErasureId) -> Result<ErasureRecord, LedgerError> {
        const OPERATION: &str = "read an erasure";
        let row = sqlx::query(
            "SELECT erasures.*, jobs.state AS job_state FROM erasures LEFT JOIN jobs \
             ON jobs.id = erasures.job WHERE erasures.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let not_found = || LedgerError::NotFound { what: "erasure", id: id.to_string() };
        record(&row.ok_or_else(not_found)?).map_err(LedgerError::database(OPERATION))
    }

    /// Up to `limit` erasures, newest first, those before `after`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_erasures(
        &self,
        after: Option<&ErasureId>,
        limit: u32,
    ) -> Result<Vec<ErasureRecord>, LedgerError> {
        sqlx::query(
            "SELECT erasures.*, jobs.state AS job_state FROM erasures LEFT JOIN jobs \
             ON jobs.id = erasures.job WHERE $1 = '' OR erasures.id < $1 \
             ORDER BY erasures.id DESC LIMIT $2",
        )
        .bind(after.map_or("", ErasureId::as_str))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(record).collect())
        .map_err(LedgerError::database("list the erasures"))
    }

    /// What an erasure removed and found so far.
    ///
    /// # Errors
    /// `Database`.
    pub async fn erasure_report(&self, id: &ErasureId) -> Result<ErasureReport, LedgerError> {
        const OPERATION: &str = "read the report of an erasure";
        let documents = self.erasure_documents(id).await?;
        let counts: Vec<(String, i64)> =
            sqlx::query_as("SELECT place, removed FROM erasure_counts WHERE erasure = $1")
                .bind(id.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        let findings: Vec<(String, String)> =
            sqlx::query_as("SELECT name, value FROM erasure_findings WHERE erasure = $1")
                .bind(id.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        let findings = findings
            .into_iter()
            .map(|(name, value)| Ok((name, from_json(&value)?)))
            .collect::<Result<BTreeMap<String, Value>, _>>()
            .map_err(LedgerError::database(OPERATION))?;
        let removed =
            counts.into_iter().map(|(place, removed)| (place, removed.unsigned_abs())).collect();
        Ok(ErasureReport { documents, removed, findings })
    }

    /// What an erasure that is not finished needs; `None` when it is.
    ///
    /// # Errors
    /// `Database`.
    pub async fn erasure_matter(
        &self,
        id: &ErasureId,
    ) -> Result<Option<ErasureMatter>, LedgerError> {
        const OPERATION: &str = "read what an erasure is about";
        let pending: Option<Option<String>> =
            sqlx::query_scalar("SELECT pending FROM erasures WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        let Some(pending) = pending.flatten() else { return Ok(None) };
        let decoded = hex::decode(pending).map_err(|error| sqlx::Error::Decode(error.into()));
        let matter = decoded.and_then(|bytes| from_json(&String::from_utf8_lossy(&bytes)));
        matter.map(Some).map_err(LedgerError::database(OPERATION))
    }

    /// Notes the documents of an erasure, once, with the pieces of them to search the disk for;
    /// before the first of them is erased.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn note_erasure_documents(
        &self,
        lease: &Lease,
        id: &ErasureId,
        documents: &[ErasedDocument],
        matter: &ErasureMatter,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "note the documents of an erasure";
        let mut transaction = self.begin_write(OPERATION).await?;
        holds(&mut transaction, lease).await?;
        for document in documents {
            sqlx::query(
                "INSERT INTO erasure_documents (erasure, document, knowledge_base, parent, sha256, \
                 bytes, passages, indexes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(id.as_str())
            .bind(document.id.as_str())
            .bind(document.knowledge_base.as_str())
            .bind(document.parent.as_ref().map(DocumentId::as_str))
            .bind(&document.sha256)
            .bind(signed(document.bytes))
            .bind(signed(document.passages))
            .bind(document.indexes)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        sqlx::query("UPDATE erasures SET pending = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(hex::encode(to_json(matter)))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        finding(&mut transaction, id, "surveyed", &Value::Bool(true)).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Notes what became of the documents of an erasure.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn settle_erasure_documents(
        &self,
        lease: &Lease,
        id: &ErasureId,
        outcomes: &[(DocumentId, &'static str)],
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "note what became of documents";
        let mut transaction = self.begin_write(OPERATION).await?;
        holds(&mut transaction, lease).await?;
        for (document, outcome) in outcomes {
            sqlx::query(
                "UPDATE erasure_documents SET outcome = $3 WHERE erasure = $1 AND document = $2 \
                 AND outcome IS NULL",
            )
            .bind(id.as_str())
            .bind(document.as_str())
            .bind(outcome)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Notes what was found out. A name that is known keeps its value.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn note_erasure_finding(
        &self,
        lease: &Lease,
        id: &ErasureId,
        name: &str,
        value: &Value,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "note a finding of an erasure";
        let mut transaction = self.begin_write(OPERATION).await?;
        holds(&mut transaction, lease).await?;
        finding(&mut transaction, id, name, value).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Ends an erasure: what it was about is forgotten.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn finish_erasure(&self, lease: &Lease, id: &ErasureId) -> Result<(), LedgerError> {
        const OPERATION: &str = "end an erasure";
        let mut transaction = self.begin_write(OPERATION).await?;
        holds(&mut transaction, lease).await?;
        sqlx::query("UPDATE erasures SET finished = $2, pending = NULL WHERE id = $1")
            .bind(id.as_str())
            .bind(self.clock.now())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }

    /// Forgets some erasures that ended before this moment, or were asked for and not finished;
    /// returns how many.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_erasures(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        let done = sqlx::query(
            "DELETE FROM erasures WHERE id IN (SELECT id FROM erasures \
             WHERE created < $1 AND (finished IS NULL OR finished < $1) ORDER BY created LIMIT $2)",
        )
        .bind(to_millis(before))
        .bind(PURGE)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("forget old erasures"))?;
        Ok(done.rows_affected())
    }

    async fn erasure_documents(&self, id: &ErasureId) -> Result<Vec<ErasedDocument>, LedgerError> {
        sqlx::query("SELECT * FROM erasure_documents WHERE erasure = $1 ORDER BY document")
            .bind(id.as_str())
            .fetch_all(&self.pool)
            .await
            .and_then(|rows| rows.iter().map(document).collect())
            .map_err(LedgerError::database("list the documents of an erasure"))
    }
}

/// Adds to what an erasure removed, in the transaction that removes it.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    id: &ErasureId,
    place: &str,
    removed: u64,
) -> Result<(), LedgerError> {
    if removed == 0 {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO erasure_counts (erasure, place, removed) VALUES ($1, $2, $3) \
         ON CONFLICT (erasure, place) DO UPDATE SET removed = erasure_counts.removed + \
         excluded.removed",
    )
    .bind(id.as_str())
    .bind(place)
    .bind(signed(removed))
    .execute(connection)
    .await
    .map_err(LedgerError::database("count what was erased"))?;
    Ok(())
}

async fn finding(
    connection: &mut SqliteConnection,
    id: &ErasureId,
    name: &str,
    value: &Value,
) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO erasure_findings (erasure, name, value) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING",
    )
    .bind(id.as_str())
    .bind(name)
    .bind(to_json(value))
    .execute(connection)
    .await
    .map_err(LedgerError::database("note a finding of an erasure"))?;
    Ok(())
}

fn check(matter: &ErasureMatter) -> Result<(), LedgerError> {
    let limit = |name, found: usize, most: usize| {
        if found <= most {
            return Ok(());
        }
        let reason = format!("has {found} entries, the limit is {most}");
        Err(LedgerError::Invalid { name, reason })
    };
    limit("documents", matter.documents.len(), MAX_DOCUMENTS)?;
    limit("texts", matter.texts.len(), MAX_TEXTS)?;
    for text in &matter.texts {
        crate::validate::text("texts", text, MAX_TEXT_CHARS)?;
    }
    Ok(())
}

/// The key of the hashes, drawn when it is needed first.
pub(crate) async fn key(connection: &mut SqliteConnection) -> Result<hmac::Key, LedgerError> {
    const OPERATION: &str = "read the key of erasures";
    let mut drawn = [0_u8; KEY_BYTES];
    getrandom::fill(&mut drawn)
        .map_err(|error| LedgerError::Entropy { detail: error.to_string() })?;
    sqlx::query("INSERT INTO erasure_key (id, key) VALUES (1, $1) ON CONFLICT DO NOTHING")
        .bind(hex::encode(drawn))
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let stored: String = sqlx::query_scalar("SELECT key FROM erasure_key WHERE id = 1")
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, stored.as_bytes()))
}

pub(super) fn fingerprint(key: &hmac::Key, text: &str) -> String {
    hex::encode(hmac::sign(key, text.as_bytes()))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn record(row: &SqliteRow) -> Result<ErasureRecord, sqlx::Error> {
    let finished = row.try_get::<Option<i64>, _>("finished")?.map(from_millis);
    let job_state: Option<String> = row.try_get("job_state")?;
    let state = match (finished, job_state.as_deref()) {
        (Some(_), _) => ErasureState::Done,
        (None, Some("queued" | "running")) => ErasureState::Running,
        (None, _) => ErasureState::Stopped,
    };
    Ok(ErasureRecord {
        id: ErasureId::new(row.try_get::<String, _>("id")?),
        subject: row.try_get("subject")?,
        target: row.try_get("target")?,
        fingerprints: from_json(row.try_get("fingerprints")?)?,
        requested_by: row.try_get("requested_by")?,
        created: from_millis(row.try_get("created")?),
        finished,
        job: JobId::new(row.try_get::<String, _>("job")?),
        state,
    })
}

fn document(row: &SqliteRow) -> Result<ErasedDocument, sqlx::Error> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    Ok(ErasedDocument {
        id: DocumentId::new(row.try_get::<String, _>("document")?),
        knowledge_base: KnowledgeBaseId::new(row.try_get::<String, _>("knowledge_base")?),
        parent: row.try_get::<Option<String>, _>("parent")?.map(DocumentId::new),
        sha256: row.try_get("sha256")?,
        bytes: count("bytes")?,
        passages: count("passages")?,
        indexes: row.try_get("indexes")?,
        outcome: row.try_get("outcome")?,
    })
}
