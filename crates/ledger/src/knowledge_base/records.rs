//! Creates, lists and forgets knowledge bases.

use intramuros_types::{KnowledgeBaseId, ModelId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::document::{digests_of, to_json};
use crate::job::{Cancelled, cancel_jobs};
use crate::moment::from_millis;
use crate::{
    KnowledgeBase, KnowledgeBaseState, Ledger, LedgerError, NewKnowledgeBase, conversation, pilot,
    review, validate,
};

const WHAT: &str = "knowledge base";
const MAX_TITLE_CHARS: usize = 200;
const MAX_MODEL_CHARS: usize = 200;

impl Ledger {
    /// Creates an active knowledge base without documents.
    ///
    /// # Errors
    /// `Invalid` for an id that is not a slug, an empty or too long title or model, a language
    /// that is not an ISO 639-1 code; `Conflict` for an id in use; `Database`.
    pub async fn create_knowledge_base(
        &self,
        new: NewKnowledgeBase,
    ) -> Result<KnowledgeBase, LedgerError> {
        validate::slug("id", new.id.as_str())?;
        validate::text("title", &new.title, MAX_TITLE_CHARS)?;
        validate::text("embedding_model", new.embedding_model.as_str(), MAX_MODEL_CHARS)?;
        validate::language("language", &new.language)?;
        const OPERATION: &str = "create a knowledge base";
        let created = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let done = sqlx::query(
            "INSERT INTO knowledge_bases (id, title, embedding_model, language, state, created) \
             VALUES ($1, $2, $3, $4, 'active', $5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.id.as_str())
        .bind(&new.title)
        .bind(new.embedding_model.as_str())
        .bind(&new.language)
        .bind(created)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            return Err(conflict(&new.id, "already exists"));
        }
        sqlx::query(
            "INSERT INTO indexes (knowledge_base, generation, role, embedding_model, chunking, \
             started, finished, dimension) VALUES ($1, 0, 'active', $2, $3, $4, $4, $5)",
        )
        .bind(new.id.as_str())
        .bind(new.embedding_model.as_str())
        .bind(to_json(&new.chunking))
        .bind(created)
        .bind(new.dimension)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(KnowledgeBase {
            id: new.id,
            title: new.title,
            embedding_model: new.embedding_model,
            language: new.language,
            state: KnowledgeBaseState::Active,
            created: from_millis(created),
        })
    }

    /// The knowledge base `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_knowledge_base(
        &self,
        id: &KnowledgeBaseId,
    ) -> Result<KnowledgeBase, LedgerError> {
        let row = sqlx::query("SELECT * FROM knowledge_bases WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a knowledge base"))?;
        row.as_ref().map_or_else(|| Err(not_found(id)), knowledge_base)
    }

    /// Every knowledge base, those being deleted included, by id.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_knowledge_bases(&self) -> Result<Vec<KnowledgeBase>, LedgerError> {
        sqlx::query("SELECT * FROM knowledge_bases ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the knowledge bases"))?
            .iter()
            .map(knowledge_base)
            .collect()
    }

    /// Marks the knowledge base and its documents as being deleted. From now on it takes no
    /// documents, none of them is indexed and its jobs are cancelled. The caller erases its passages, then calls
    /// [`Ledger::forget_knowledge_base`]. Marking twice is fine.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn delete_knowledge_base(&self, id: &KnowledgeBaseId) -> Result<(), LedgerError> {
        const OPERATION: &str = "mark a knowledge base as being deleted";
        let mut transaction = self.begin_write(OPERATION).await?;
        let marked = sqlx::query("UPDATE knowledge_bases SET state = 'deleting' WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if marked.rows_affected() == 0 {
            return Err(not_found(id));
        }
        sqlx::query(
            "UPDATE documents SET state = 'deleting', reason_code = NULL, reason_text = NULL, \
             updated = $2 WHERE knowledge_base = $1 AND state <> 'deleting'",
        )
        .bind(id.as_str())
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        cancel_jobs(&mut transaction, self.clock.now(), Cancelled::Of(id)).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.jobs_changed.notify_one();
        Ok(())
    }

    /// Removes the records of a knowledge base that was marked, of its documents and of its jobs.
    /// Returns the digests of the files that no document needs any more; the caller removes them
    /// while it lets no upload of the same content in.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it was not marked; `Database`.
    pub async fn forget_knowledge_base(
        &self,
        id: &KnowledgeBaseId,
    ) -> Result<Vec<String>, LedgerError> {
        const OPERATION: &str = "forget a knowledge base";
        let mut transaction = self.begin_write(OPERATION).await?;
        let state: Option<String> =
            sqlx::query_scalar("SELECT state FROM knowledge_bases WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        match state.as_deref() {
            None => return Err(not_found(id)),
            Some("deleting") => {}
            Some(_) => return Err(conflict(id, "is in use; delete it first")),
        }
        let unneeded = digests_of(&mut transaction, id).await?;
        // What quotes its documents goes with them.
        pilot::erase_of_base(&mut transaction, id).await?;
        review::erase_of_base(&mut transaction, id, self.clock.now()).await?;
        conversation::erase_of_base(&mut transaction, id, self.clock.now()).await?;
        for statement in [
            "UPDATE documents SET parent = NULL WHERE knowledge_base = $1",
            "DELETE FROM documents WHERE knowledge_base = $1",
            "DELETE FROM indexes WHERE knowledge_base = $1",
            "DELETE FROM test_questions WHERE knowledge_base = $1",
            "DELETE FROM jobs WHERE knowledge_base = $1",
            "DELETE FROM calibrations WHERE knowledge_base = $1",
            "DELETE FROM unanswered WHERE knowledge_base = $1",
            "DELETE FROM knowledge_bases WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(unneeded)
    }
}

fn not_found(id: &KnowledgeBaseId) -> LedgerError {
    LedgerError::NotFound { what: WHAT, id: id.to_string() }
}

fn conflict(id: &KnowledgeBaseId, reason: &str) -> LedgerError {
    LedgerError::Conflict { what: WHAT, id: id.to_string(), reason: reason.to_owned() }
}

fn knowledge_base(row: &SqliteRow) -> Result<KnowledgeBase, LedgerError> {
    read(row).map_err(LedgerError::database("read a knowledge base"))
}

fn read(row: &SqliteRow) -> Result<KnowledgeBase, sqlx::Error> {
    let state: String = row.try_get("state")?;
    Ok(KnowledgeBase {
        id: KnowledgeBaseId::new(row.try_get::<String, _>("id")?),
        title: row.try_get("title")?,
        embedding_model: ModelId::new(row.try_get::<String, _>("embedding_model")?),
        language: row.try_get("language")?,
        // The schema allows these two only.
        state: match state.as_str() {
            "deleting" => KnowledgeBaseState::Deleting,
            _ => KnowledgeBaseState::Active,
        },
        created: from_millis(row.try_get("created")?),
    })
}
