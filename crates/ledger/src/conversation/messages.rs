//! Takes what customers write, and appends messages.

use intramuros_types::{ConversationAct, ConversationId, ConversationState};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::acts::allowed;
use super::records::{conflict, message, one_message, standing};
use super::widget::spend;
use super::{
    Accepted, AnswerOutcome, CitedDocument, ConversationSummary, MessageRecord, MessageRole,
    SentMessage, WidgetCaps, check,
};
use crate::{EventKind, Ledger, LedgerError, NewEvent};

const OPERATION: &str = "take a message";
/// Messages of a conversation, from which on customers write no more: nobody reads on.
const MAX_MESSAGES: u32 = 2_000;

impl Ledger {
    /// Takes a message of a customer, once for each of their ids. Where a person has the
    /// conversation, webhooks are told (`conversation.message`). With `caps`, which those of web
    /// pages have, it is counted in the same transaction.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an empty text, or one beyond 8,000 characters; `Conflict` for a
    /// conversation that is closed or has 2,000 messages, and for an id that was used for another
    /// text; `DailyLimit`; `Database`.
    pub async fn take_message(
        &self,
        id: &ConversationId,
        new: &SentMessage,
        caps: Option<&WidgetCaps>,
    ) -> Result<Accepted, LedgerError> {
        check::said(&new.text)?;
        check::message_id(new.message_id.as_deref())?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let conversation = standing(&mut transaction, id).await?;
        if let Some(known) = known(&mut transaction, id, new, MessageRole::Customer).await? {
            let answer = answer_to(&mut transaction, id, known.ordinal).await?;
            return Ok(Accepted { is_new: false, message: known, answer, conversation });
        }
        allowed(&conversation, ConversationAct::CustomerMessage)?;
        if conversation.messages >= MAX_MESSAGES {
            let reason = format!("has {MAX_MESSAGES} messages, the limit; start a new one");
            return Err(conflict(id, reason));
        }
        if let Some(caps) = caps {
            spend(&mut transaction, &conversation, caps, now).await?;
        }
        let row = Row {
            message_id: new.message_id.as_deref(),
            ..Row::of(MessageRole::Customer, &new.text)
        };
        let ordinal = append(&mut transaction, id, &row, now).await?;
        if conversation.state == ConversationState::Human {
            self.tell_of_message(&mut transaction, &conversation, ordinal).await?;
        }
        let message = one_message(&mut transaction, id, ordinal).await?;
        let conversation = standing(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(Accepted { is_new: true, message, answer: None, conversation })
    }

    async fn tell_of_message(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        conversation: &ConversationSummary,
        ordinal: u32,
    ) -> Result<(), LedgerError> {
        let payload = json!({
            "conversation": conversation.id.as_str(),
            "assistant": conversation.assistant.as_str(),
            "message": ordinal,
            "assignee": conversation.assignee,
        });
        let event = NewEvent::about(EventKind::ConversationMessage, payload);
        self.emit_within(transaction, &event).await
    }
}

/// The message that has this id already.
pub(super) async fn known(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    new: &SentMessage,
    role: MessageRole,
) -> Result<Option<MessageRecord>, LedgerError> {
    let Some(message_id) = &new.message_id else { return Ok(None) };
    let row = sqlx::query(
        "SELECT * FROM conversation_messages WHERE conversation = $1 AND message_id = $2",
    )
    .bind(id.as_str())
    .bind(message_id)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let Some(row) = row else { return Ok(None) };
    let found = message(&row).map_err(LedgerError::database(OPERATION))?;
    if found.role == role && (found.text == new.text || found.erased.is_some()) {
        return Ok(Some(found));
    }
    Err(conflict(id, format!("has another message `{message_id}`; give each text its own id")))
}

/// The assistant's answer to a message.
async fn answer_to(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    ordinal: u32,
) -> Result<Option<MessageRecord>, LedgerError> {
    let row =
        sqlx::query("SELECT * FROM conversation_messages WHERE conversation = $1 AND answers = $2")
            .bind(id.as_str())
            .bind(ordinal)
            .fetch_optional(connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    row.as_ref().map(message).transpose().map_err(LedgerError::database(OPERATION))
}

/// A message as it is appended.
pub(super) struct Row<'a> {
    pub(super) role: MessageRole,
    pub(super) text: &'a str,
    pub(super) message_id: Option<&'a str>,
    pub(super) author: Option<&'a str>,
    pub(super) outcome: Option<AnswerOutcome>,
    pub(super) answers: Option<u32>,
    pub(super) details: Option<String>,
    pub(super) documents: &'a [CitedDocument],
}

impl<'a> Row<'a> {
    /// One with nothing but its text.
    pub(super) fn of(role: MessageRole, text: &'a str) -> Self {
        Self {
            role,
            text,
            message_id: None,
            author: None,
            outcome: None,
            answers: None,
            details: None,
            documents: &[],
        }
    }
}

/// Appends a message; its ordinal.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    row: &Row<'_>,
    now: i64,
) -> Result<u32, LedgerError> {
    const OPERATION: &str = "append a message";
    let ordinal: u32 = sqlx::query_scalar(
        "UPDATE conversations SET messages = messages + 1, touched = $2 WHERE id = $1 \
         RETURNING messages",
    )
    .bind(id.as_str())
    .bind(now)
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    sqlx::query(
        "INSERT INTO conversation_messages (conversation, ordinal, message_id, role, author, at, \
         outcome, answers, text, details, comment) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '')",
    )
    .bind(id.as_str())
    .bind(ordinal)
    .bind(row.message_id)
    .bind(row.role.as_str())
    .bind(row.author)
    .bind(now)
    .bind(row.outcome.map(AnswerOutcome::as_str))
    .bind(row.answers)
    .bind(row.text)
    .bind(&row.details)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    cite(connection, id, ordinal, row.documents).await?;
    Ok(ordinal)
}

/// Notes which documents a message quotes, or the card, which is message 0.
pub(super) async fn cite(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    ordinal: u32,
    documents: &[CitedDocument],
) -> Result<(), LedgerError> {
    for one in documents {
        sqlx::query(
            "INSERT INTO conversation_citations (conversation, message, knowledge_base, document) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(ordinal)
        .bind(one.knowledge_base.as_str())
        .bind(one.document.as_str())
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database("note what a message quotes"))?;
    }
    Ok(())
}
