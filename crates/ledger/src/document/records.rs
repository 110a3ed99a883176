//! Inserts, reads, lists and forgets documents.

use std::collections::HashSet;

use intramuros_types::{DocumentId, KnowledgeBaseId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use crate::moment::from_millis;
use crate::{
    DocumentCounts, DocumentPage, DocumentRecord, DocumentState, FailureReason, Inserted, Ledger,
    LedgerError, NewDocument, Page, validate,
};

const MAX_FILE_NAME_CHARS: usize = 255;
const MAX_MEDIA_TYPE_CHARS: usize = 127;

impl Ledger {
    /// Puts a document in the queue, unless its knowledge base has the same content already. A
    /// document that failed gets another try, under the new name: the name can decide how content
    /// is read.
    ///
    /// # Errors
    /// `Invalid` for a bad name, media type, size or digest; `NotFound` for an unknown knowledge
    /// base; `Conflict` for one being deleted; `Database`.
    pub async fn insert_document(&self, new: NewDocument) -> Result<Inserted, LedgerError> {
        const OPERATION: &str = "insert a document";
        validate::text("file_name", &new.file_name, MAX_FILE_NAME_CHARS)?;
        validate::text("media_type", &new.media_type, MAX_MEDIA_TYPE_CHARS)?;
        validate::digest("sha256", &new.sha256)?;
        let bytes = i64::try_from(new.bytes).map_err(|_| LedgerError::Invalid {
            name: "bytes",
            reason: format!("is {}, the limit is {}", new.bytes, i64::MAX),
        })?;

        let mut transaction = self.begin_write(OPERATION).await?;
        accepts_documents(&mut transaction, &new.knowledge_base).await?;
        let same = sqlx::query(
            "SELECT * FROM documents \
             WHERE knowledge_base = $1 AND sha256 = $2 AND state <> 'deleting'",
        )
        .bind(new.knowledge_base.as_str())
        .bind(&new.sha256)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if let Some(same) = same {
            let same = record(&same)?;
            if same.state != DocumentState::Failed {
                return Ok(Inserted::Duplicate(same));
            }
            let again = self.queue_again(&mut transaction, &same.id, &new).await?;
            transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
            return Ok(Inserted::New(again));
        }
        let inserted = sqlx::query(
            "INSERT INTO documents (id, knowledge_base, file_name, media_type, bytes, sha256, \
             state, created, updated) VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $7) \
             RETURNING *",
        )
        .bind(format!("doc_{}", Uuid::now_v7().simple()))
        .bind(new.knowledge_base.as_str())
        .bind(&new.file_name)
        .bind(&new.media_type)
        .bind(bytes)
        .bind(&new.sha256)
        .bind(self.clock.now())
        .fetch_one(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let inserted = record(&inserted)?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(Inserted::New(inserted))
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

    async fn queue_again(
        &self,
        connection: &mut SqliteConnection,
        id: &DocumentId,
        new: &NewDocument,
    ) -> Result<DocumentRecord, LedgerError> {
        let row = sqlx::query(
            "UPDATE documents SET state = 'pending', reason_code = NULL, reason_text = NULL, \
             file_name = $2, media_type = $3, updated = $4 WHERE id = $1 RETURNING *",
        )
        .bind(id.as_str())
        .bind(&new.file_name)
        .bind(&new.media_type)
        .bind(self.clock.now())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("put a document back in the queue"))?;
        record(&row)
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

    /// A page of a knowledge base's documents, oldest first, those being deleted left out. An
    /// unknown knowledge base has none.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`Page::MAX_LIMIT`]; `Database`.
    pub async fn list_documents(
        &self,
        knowledge_base: &KnowledgeBaseId,
        page: Page,
    ) -> Result<DocumentPage, LedgerError> {
        if page.limit == 0 || page.limit > Page::MAX_LIMIT {
            let reason = format!("is {}, it must be 1 to {}", page.limit, Page::MAX_LIMIT);
            return Err(LedgerError::Invalid { name: "limit", reason });
        }
        // One more than asked for tells whether there is a next page.
        let rows = sqlx::query(
            "SELECT * FROM documents WHERE knowledge_base = $1 AND id > $2 \
             AND state <> 'deleting' ORDER BY id LIMIT $3",
        )
        .bind(knowledge_base.as_str())
        .bind(page.after.as_ref().map_or("", DocumentId::as_str))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the documents"))?;
        let mut documents = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let more = documents.len() > page.limit as usize;
        documents.truncate(page.limit as usize);
        let next = documents.last().filter(|_| more).map(|last| last.id.clone());
        Ok(DocumentPage { documents, next })
    }

    /// How many documents the knowledge base has in each state; zeros for an unknown one.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_documents(
        &self,
        knowledge_base: &KnowledgeBaseId,
    ) -> Result<DocumentCounts, LedgerError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT state, COUNT(*) FROM documents WHERE knowledge_base = $1 GROUP BY state",
        )
        .bind(knowledge_base.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("count the documents"))?;
        let mut counts = DocumentCounts::default();
        for (name, count) in rows {
            *counts.of(state(&name)?) = count.unsigned_abs();
        }
        Ok(counts)
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
        sqlx::query("DELETE FROM documents WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let others: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM documents WHERE sha256 = $1")
            .bind(&digest)
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.empty_log().await;
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

pub(super) fn record(row: &SqliteRow) -> Result<DocumentRecord, LedgerError> {
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
        created: from_millis(row.try_get("created")?),
        updated: from_millis(row.try_get("updated")?),
    })
}

fn state(name: &str) -> Result<DocumentState, LedgerError> {
    parse_state(name).map_err(LedgerError::database("read the state of a document"))
}

/// The schema allows the known names only; another one is a file edited by hand.
fn parse_state(name: &str) -> Result<DocumentState, sqlx::Error> {
    DocumentState::ALL
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown document state `{name}`").into()))
}

impl DocumentCounts {
    fn of(&mut self, state: DocumentState) -> &mut u64 {
        match state {
            DocumentState::Pending => &mut self.pending,
            DocumentState::Indexing => &mut self.indexing,
            DocumentState::Ready => &mut self.ready,
            DocumentState::Failed => &mut self.failed,
            DocumentState::Deleting => &mut self.deleting,
        }
    }
}
