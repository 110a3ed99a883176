//! Keeps questions that assistants did not answer, for those who write the documents.
//!
//! What belongs together is found by the caller, who has the embeddings; here is one row for each
//! message, and it goes with its conversation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use intramuros_types::{AssistantId, ConversationId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use time::OffsetDateTime;

use super::check::{self, invalid};
use super::records::{one_message, standing};
use super::sight::{audiences, push};
use crate::moment::{from_millis, to_millis};
use crate::{Ledger, LedgerError, Reviewer, validate};

const MAX_QUESTION_CHARS: usize = 4_000;
const MAX_MODEL_CHARS: usize = 200;
const MAX_EMBEDDING_BYTES: usize = 16 << 10;
/// Questions of one assistant; beyond, the oldest go.
const MAX_GAPS: i64 = 10_000;

/// A question without answer, on its way into the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGap {
    /// Where it was asked.
    pub conversation: ConversationId,
    /// The ordinal of the customer's message.
    pub message: u32,
    /// Why there was no answer: a code of up to 64 characters.
    pub reason: String,
    /// As it stands by itself, up to 4,000 characters.
    pub question: String,
    /// The model that made its embedding, and the embedding: 32-bit floats, little-endian, up to
    /// 16 KiB.
    pub embedding: Option<(String, Vec<u8>)>,
}

/// A question without answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Where it was asked.
    pub conversation: ConversationId,
    /// The ordinal of the customer's message.
    pub message: u32,
    /// When it was asked.
    pub at: OffsetDateTime,
    /// ISO 639-1.
    pub language: String,
    /// Why there was no answer.
    pub reason: String,
    /// As it stands by itself.
    pub question: String,
    /// The model that made its embedding, and the embedding.
    pub embedding: Option<(String, Vec<u8>)>,
}

impl Ledger {
    /// Notes a question without answer; again for the same message takes its place.
    ///
    /// # Errors
    /// `NotFound` for the conversation or the message; `Invalid` for a field beyond its limits;
    /// `Database`.
    pub async fn note_gap(&self, gap: &NewGap) -> Result<(), LedgerError> {
        const OPERATION: &str = "note a question without answer";
        check::reason(&gap.reason)?;
        validate::long_text("question", &gap.question, MAX_QUESTION_CHARS)?;
        if let Some((model, bytes)) = &gap.embedding {
            validate::text("model", model, MAX_MODEL_CHARS)?;
            if bytes.len() > MAX_EMBEDDING_BYTES {
                let found = bytes.len();
                let reason = format!("has {found} bytes, the limit is {MAX_EMBEDDING_BYTES}");
                return invalid("embedding", reason);
            }
        }
        let mut transaction = self.begin_write(OPERATION).await?;
        let conversation = standing(&mut transaction, &gap.conversation).await?;
        one_message(&mut transaction, &gap.conversation, gap.message).await?;
        sqlx::query(
            "INSERT INTO conversation_gaps (conversation, message, assistant, at, language, reason, \
             question, model, embedding) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (conversation, message) DO UPDATE SET reason = excluded.reason, \
             question = excluded.question, model = excluded.model, embedding = excluded.embedding",
        )
        .bind(gap.conversation.as_str())
        .bind(gap.message)
        .bind(conversation.assistant.as_str())
        .bind(self.clock.now())
        .bind(&conversation.language)
        .bind(&gap.reason)
        .bind(&gap.question)
        .bind(gap.embedding.as_ref().map(|(model, _)| model))
        .bind(gap.embedding.as_ref().map(|(_, bytes)| STANDARD_NO_PAD.encode(bytes)))
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        sqlx::query(
            "DELETE FROM conversation_gaps WHERE assistant = $1 AND at < COALESCE((SELECT at FROM \
             conversation_gaps WHERE assistant = $1 ORDER BY at DESC LIMIT 1 OFFSET $2), 0)",
        )
        .bind(conversation.assistant.as_str())
        .bind(MAX_GAPS - 1)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Up to `limit` questions that an assistant did not answer from `from` and before `to`, newest
    /// first, of the conversations that `reader` may see; none of those that tried a draft.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_gaps(
        &self,
        assistant: &AssistantId,
        (from, to): (OffsetDateTime, OffsetDateTime),
        limit: u32,
        reader: &Reviewer,
    ) -> Result<Vec<Gap>, LedgerError> {
        const OPERATION: &str = "list questions without answer";
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        let audiences = audiences(&mut connection, &reader.access).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT gaps.* FROM conversation_gaps AS gaps JOIN conversations \
             ON conversations.id = gaps.conversation WHERE conversations.config_number > 0 \
             AND gaps.assistant = ",
        );
        query.push_bind(assistant.to_string());
        query.push(" AND gaps.at >= ").push_bind(to_millis(from));
        query.push(" AND gaps.at < ").push_bind(to_millis(to));
        push(&mut query, reader, audiences.as_ref());
        query.push(" ORDER BY gaps.at DESC, gaps.conversation DESC, gaps.message DESC LIMIT ");
        query.push_bind(limit);
        query
            .build()
            .fetch_all(&mut *connection)
            .await
            .and_then(|rows| rows.iter().map(read).collect())
            .map_err(LedgerError::database(OPERATION))
    }
}

fn read(row: &SqliteRow) -> Result<Gap, sqlx::Error> {
    let model: Option<String> = row.try_get("model")?;
    let embedding: Option<String> = row.try_get("embedding")?;
    let bytes = embedding.map(|text| STANDARD_NO_PAD.decode(text)).transpose();
    let bytes = bytes.map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Gap {
        conversation: ConversationId::new(row.try_get::<String, _>("conversation")?),
        message: row.try_get("message")?,
        at: from_millis(row.try_get("at")?),
        language: row.try_get("language")?,
        reason: row.try_get("reason")?,
        question: row.try_get("question")?,
        embedding: model.zip(bytes),
    })
}
