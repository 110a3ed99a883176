//! Inserts, reads and forgets documents.

use std::collections::HashSet;

use intramuros_types::{DocumentFormat, DocumentId, KnowledgeBaseId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::details::{Metadata, from_json, to_json};
use crate::event::forget_external_id;
use crate::job::queue_ingest;
use crate::moment::from_millis;
use crate::{
    DocumentCounts, DocumentDetails, DocumentRecord, DocumentState, FailureReason, Inserted,
    Ledger, LedgerError, NewDocument, conversation, pilot, review, validate,
};

const MAX_FILE_NAME_CHARS: usize = 255;
const MAX_MEDIA_TYPE_CHARS: usize = 127;

impl Ledger {
    /// Puts a document in the queue.
    ///
    /// - One whose external id is known takes the place of what had it, or changes nothing when the
    ///   content is the same.
    /// - Without external id, content that the knowledge base has for the same readers already is a
    ///   duplicate.
    /// - A document that failed gets another try, under the new name: the name can decide how
    ///   content is read.
    ///
    /// # Errors
    /// `Invalid` for a bad name, media type, size, digest or detail; `NotFound` for an unknown
    /// knowledge base or parent; `Conflict` for one being deleted; `Database`.
    pub async fn insert_document(&self, new: NewDocument) -> Result<Inserted, LedgerError> {
        const OPERATION: &str = "insert a document";
        validate::text("file_name", &new.file_name, MAX_FILE_NAME_CHARS)?;
        validate::text("media_type", &new.media_type, MAX_MEDIA_TYPE_CHARS)?;
        validate::digest("sha256", &new.sha256)?;
        let details = new.details.clone().checked()?;
        let new = NewDocument { details, ..new };
        let bytes = i64::try_from(new.bytes).map_err(|_| LedgerError::Invalid {
            name: "bytes",
            reason: format!("is {}, the limit is {}", new.bytes, i64::MAX),
        })?;

        let mut transaction = self.begin_write(OPERATION).await?;
        accepts_documents(&mut transaction, &new.knowledge_base).await?;
        if let Some(parent) = &new.parent {
            exists(&mut transaction, parent).await?;
        }
        let inserted = match same_document(&mut transaction, &new).await? {
            Some(same) => self.insert_again(&mut transaction, same, &new, bytes).await?,
            None => Inserted::New(self.insert_new(&mut transaction, &new, bytes).await?),
        };
        if !matches!(inserted, Inserted::Duplicate(_)) {
            queue_ingest(&mut transaction, self.clock.now(), &new.knowledge_base).await?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(inserted)
    }

    async fn insert_new(
        &self,
        connection: &mut SqliteConnection,
        new: &NewDocument,
        bytes: i64,
    ) -> Result<DocumentRecord, LedgerError> {
        let row = sqlx::query(
            "INSERT INTO documents (id, knowledge_base, file_name, media_type, bytes, sha256, \
             external_id, source, parent, labels, metadata, state, created, arrived, updated) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', $12, $12, $12) \
             RETURNING *",
        )
        .bind(format!("doc_{}", Uuid::now_v7().simple()))
        .bind(new.knowledge_base.as_str())
        .bind(&new.file_name)
        .bind(&new.media_type)
        .bind(bytes)
        .bind(&new.sha256)
        .bind(&new.details.external_id)
        .bind(&new.details.source)
        .bind(new.parent.as_ref().map(DocumentId::as_str))
        .bind(to_json(&new.details.labels))
        .bind(to_json(&new.details.metadata))
        .bind(self.clock.now())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("insert a document"))?;
        record(&row)
    }

    /// What becomes of an upload whose document exists.
    async fn insert_again(
        &self,
        connection: &mut SqliteConnection,
        same: DocumentRecord,
        new: &NewDocument,
        bytes: i64,
    ) -> Result<Inserted, LedgerError> {
        let same_content = same.sha256 == new.sha256;
        let unchanged = same_content && same.details == new.details;
        // Without an external id only the content and its readers count.
        let is_duplicate = unchanged || (same_content && new.details.external_id.is_none());
        if is_duplicate && same.state != DocumentState::Failed {
            return Ok(Inserted::Duplicate(same));
        }
        let row = sqlx::query(
            "UPDATE documents SET state = 'pending', reason_code = NULL, reason_text = NULL, \
             file_name = $2, media_type = $3, bytes = $4, sha256 = $5, source = $6, labels = $7, \
             metadata = $8, revision = revision + 1, claimed_by = NULL, updated = $9, \
             arrived = CASE WHEN sha256 = $5 THEN arrived ELSE $9 END WHERE id = $1 RETURNING *",
        )
        .bind(same.id.as_str())
        .bind(&new.file_name)
        .bind(&new.media_type)
        .bind(bytes)
        .bind(&new.sha256)
        .bind(&new.details.source)
        .bind(to_json(&new.details.labels))
        .bind(to_json(&new.details.metadata))
        .bind(self.clock.now())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("put a document back in the queue"))?;
        let record = record(&row)?;
        if same_content {
            return Ok(Inserted::New(record));
        }
        Ok(Inserted::Replaced { record, previous: same.sha256 })
    }

    /// The digests of the files that documents have, those being deleted included.
    ///
    /// # Errors
    /// `Database`.
    pub async fn file_digests(&self) -> Result<HashSet<String>, LedgerError> {
        let digests: Vec<String> = sqlx::query_scalar("SELECT DISTINCT sha256 FROM documents")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the files of documents"))?;
        Ok(digests.into_iter().collect())
    }

    /// The document `id`, whatever its state.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_document(&self, id: &DocumentId) -> Result<DocumentRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM documents WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a document"))?;
        row.as_ref().map_or_else(|| Err(not_found(id)), record)
    }

    /// Removes the record of a document that was marked with [`Ledger::mark_deleting`], after the
    /// caller erased its passages. Returns the digest of its file when no other document needs
    /// it; the caller removes the file while it lets no upload of the same content in.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it was not marked; `Database`.
    pub async fn forget_document(&self, id: &DocumentId) -> Result<Option<String>, LedgerError> {
        const OPERATION: &str = "forget a document";
        let mut transaction = self.begin_write(OPERATION).await?;
        let found: Option<(String, String)> =
            sqlx::query_as("SELECT state, sha256 FROM documents WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        let Some((state, digest)) = found else { return Err(not_found(id)) };
        if state != DocumentState::Deleting.as_str() {
            return Err(conflict(id, format!("is {state}; delete it first")));
        }
        // What quotes it goes with it.
        pilot::erase_of_document(&mut transaction, id).await?;
        review::erase_of_document(&mut transaction, id, self.clock.now()).await?;
        conversation::erase_of_document(&mut transaction, id, self.clock.now()).await?;
        forget_external_id(&mut transaction, id.as_str()).await?;
        // What was in it is marked too and forgotten in any order.
        for statement in [
            "UPDATE documents SET parent = NULL WHERE parent = $1 AND state = 'deleting'",
            "DELETE FROM documents WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        let others: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM documents WHERE sha256 = $1")
            .bind(&digest)
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok((others == 0).then_some(digest))
    }
}

/// The digests of files that only documents of this knowledge base need.
pub(crate) async fn digests_of(
    connection: &mut SqliteConnection,
    knowledge_base: &KnowledgeBaseId,
) -> Result<Vec<String>, LedgerError> {
    sqlx::query_scalar(
        "SELECT DISTINCT sha256 FROM documents WHERE knowledge_base = $1 AND sha256 NOT IN \
         (SELECT sha256 FROM documents WHERE knowledge_base <> $1) ORDER BY sha256",
    )
    .bind(knowledge_base.as_str())
    .fetch_all(connection)
    .await
    .map_err(LedgerError::database("list the files of a knowledge base"))
}

/// The document that an upload means: the one of the same external id, or the same content for
/// the same readers in the same place.
async fn same_document(
    connection: &mut SqliteConnection,
    new: &NewDocument,
) -> Result<Option<DocumentRecord>, LedgerError> {
    let query = if let Some(external_id) = &new.details.external_id {
        sqlx::query(
            "SELECT * FROM documents WHERE knowledge_base = $1 AND external_id = $2 \
             AND state <> 'deleting'",
        )
        .bind(new.knowledge_base.as_str())
        .bind(external_id)
    } else if let Some(parent) = &new.parent {
        sqlx::query(
            "SELECT * FROM documents WHERE parent = $1 AND sha256 = $2 AND file_name = $3 \
             AND state <> 'deleting'",
        )
        .bind(parent.as_str())
        .bind(&new.sha256)
        .bind(&new.file_name)
    } else {
        sqlx::query(
            "SELECT * FROM documents WHERE knowledge_base = $1 AND sha256 = $2 AND labels = $3 \
             AND external_id IS NULL AND parent IS NULL AND state <> 'deleting'",
        )
        .bind(new.knowledge_base.as_str())
        .bind(&new.sha256)
        .bind(to_json(&new.details.labels))
    };
    let row = query
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database("look for the same document"))?;
    row.as_ref().map(record).transpose()
}

async fn exists(connection: &mut SqliteConnection, id: &DocumentId) -> Result<(), LedgerError> {
    let found: Option<String> =
        sqlx::query_scalar("SELECT id FROM documents WHERE id = $1 AND state <> 'deleting'")
            .bind(id.as_str())
            .fetch_optional(connection)
            .await
            .map_err(LedgerError::database("read a document"))?;
    found.map(|_| ()).ok_or_else(|| not_found(id))
}

async fn accepts_documents(
    connection: &mut SqliteConnection,
    id: &KnowledgeBaseId,
) -> Result<(), LedgerError> {
    let state: Option<String> =
        sqlx::query_scalar("SELECT state FROM knowledge_bases WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(connection)
            .await
            .map_err(LedgerError::database("read a knowledge base"))?;
    let (what, id) = ("knowledge base", id.to_string());
    match state.as_deref() {
        None => Err(LedgerError::NotFound { what, id }),
        Some("active") => Ok(()),
        Some(_) => Err(LedgerError::Conflict { what, id, reason: "is being deleted".to_owned() }),
    }
}

pub(super) fn not_found(id: &DocumentId) -> LedgerError {
    LedgerError::NotFound { what: "document", id: id.to_string() }
}

pub(super) fn conflict(id: &DocumentId, reason: String) -> LedgerError {
    LedgerError::Conflict { what: "document", id: id.to_string(), reason }
}

pub(crate) fn record(row: &SqliteRow) -> Result<DocumentRecord, LedgerError> {
    read(row).map_err(LedgerError::database("read a document"))
}

fn read(row: &SqliteRow) -> Result<DocumentRecord, sqlx::Error> {
    let count = |name: &str| row.try_get::<Option<u32>, _>(name);
    let code: Option<String> = row.try_get("reason_code")?;
    let text: Option<String> = row.try_get("reason_text")?;
    let state: String = row.try_get("state")?;
    Ok(DocumentRecord {
        id: DocumentId::new(row.try_get::<String, _>("id")?),
        knowledge_base: KnowledgeBaseId::new(row.try_get::<String, _>("knowledge_base")?),
        file_name: row.try_get("file_name")?,
        media_type: row.try_get("media_type")?,
        bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
        sha256: row.try_get("sha256")?,
        state: parse_state(&state)?,
        reason: code.zip(text).map(|(code, text)| FailureReason { code, text }),
        title: row.try_get("title")?,
        language: row.try_get("language")?,
        pages: count("pages")?,
        chunks: count("chunks")?,
        details: DocumentDetails {
            external_id: row.try_get("external_id")?,
            source: row.try_get("source")?,
            labels: from_json(row.try_get("labels")?)?,
            metadata: from_json::<Metadata>(row.try_get("metadata")?)?,
        },
        parent: row.try_get::<Option<String>, _>("parent")?.map(DocumentId::new),
        revision: row.try_get("revision")?,
        format: row.try_get::<Option<&str>, _>("format")?.map(parse_format).transpose()?,
        author: row.try_get("author")?,
        written: row.try_get("written")?,
        modified: row.try_get("modified")?,
        warnings: from_json(row.try_get("warnings")?)?,
        created: from_millis(row.try_get("created")?),
        updated: from_millis(row.try_get("updated")?),
        claimed_by: row.try_get("claimed_by")?,
    })
}

pub(super) fn state(name: &str) -> Result<DocumentState, LedgerError> {
    parse_state(name).map_err(LedgerError::database("read the state of a document"))
}

/// A format by its name in the API.
fn parse_format(name: &str) -> Result<DocumentFormat, sqlx::Error> {
    from_json(&to_json(&name))
}

/// The schema allows the known names only; another one is a file edited by hand.
fn parse_state(name: &str) -> Result<DocumentState, sqlx::Error> {
    DocumentState::ALL
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown document state `{name}`").into()))
}

impl DocumentCounts {
    pub(super) fn of(&mut self, state: DocumentState) -> &mut u64 {
        match state {
            DocumentState::Pending => &mut self.pending,
            DocumentState::Indexing => &mut self.indexing,
            DocumentState::Ready => &mut self.ready,
            DocumentState::Failed => &mut self.failed,
            DocumentState::Deleting => &mut self.deleting,
        }
    }
}
