//! Reads conversations.

use intramuros_types::{AssistantId, ConversationAct, ConversationId, ConversationState, GroupId};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{
    ActRecord, AnswerOutcome, ConversationChannel, ConversationRecord, ConversationSummary,
    MessageRecord, MessageRole,
};
use crate::document::from_json;
use crate::moment::from_millis;
use crate::{Ledger, LedgerError, Reviewer};

const OPERATION: &str = "read a conversation";

/// The columns of lists, without contents.
pub(super) const SUMMARY: &str = "conversations.id, conversations.assistant, \
    conversations.config_number, conversations.channel, conversations.who, \
    conversations.external_id, conversations.language, conversations.labels, conversations.state, \
    conversations.version, conversations.team, conversations.assignee, conversations.reason, \
    conversations.close_reason, conversations.failures, conversations.messages, \
    conversations.handed_over, conversations.waiting_since, conversations.closed, \
    conversations.created, conversations.touched, conversations.resolved, conversations.erased";

impl Ledger {
    /// A conversation that `reader` may see, with all that was said.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Database`.
    pub async fn get_conversation(
        &self,
        id: &ConversationId,
        reader: &Reviewer,
    ) -> Result<ConversationRecord, LedgerError> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        super::sight::visible(&mut transaction, id, reader).await?;
        whole(&mut transaction, id).await
    }

    /// How a conversation stands that `reader` may see, without what was said.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Database`.
    pub async fn seen_conversation(
        &self,
        id: &ConversationId,
        reader: &Reviewer,
    ) -> Result<ConversationSummary, LedgerError> {
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        super::sight::visible(&mut connection, id, reader).await
    }

    /// A conversation that `who` opened, with all that was said: for its customer.
    ///
    /// # Errors
    /// `NotFound`, also for one that somebody else opened; `Database`.
    pub async fn own_conversation(
        &self,
        id: &ConversationId,
        who: &str,
    ) -> Result<ConversationRecord, LedgerError> {
        let found = self.conversation(id).await?;
        if found.summary.who == who { Ok(found) } else { Err(not_found(id)) }
    }

    /// A conversation, whoever may see it: for its assistant and its visitor.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn conversation(
        &self,
        id: &ConversationId,
    ) -> Result<ConversationRecord, LedgerError> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        whole(&mut transaction, id).await
    }

    /// How a conversation stands, without what was said.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn conversation_summary(
        &self,
        id: &ConversationId,
    ) -> Result<ConversationSummary, LedgerError> {
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        standing(&mut connection, id).await
    }

    /// Up to `limit` messages after the one of this ordinal, in order: what is new to who asks
    /// again and again.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn messages_after(
        &self,
        id: &ConversationId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<MessageRecord>, LedgerError> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        standing(&mut transaction, id).await?;
        sqlx::query(
            "SELECT * FROM conversation_messages WHERE conversation = $1 AND ordinal > $2 \
             ORDER BY ordinal LIMIT $3",
        )
        .bind(id.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await
        .and_then(|rows| rows.iter().map(message).collect())
        .map_err(LedgerError::database(OPERATION))
    }

    /// The last `limit` messages, in order: what an assistant remembers.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn last_messages(
        &self,
        id: &ConversationId,
        limit: u32,
    ) -> Result<Vec<MessageRecord>, LedgerError> {
        let all = self.conversation_summary(id).await?.messages;
        self.messages_after(id, all.saturating_sub(limit), limit).await
    }
}

/// How a conversation stands.
pub(super) async fn standing(
    connection: &mut SqliteConnection,
    id: &ConversationId,
) -> Result<ConversationSummary, LedgerError> {
    let row = sqlx::query("SELECT * FROM conversations WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    summary(&row.ok_or_else(|| not_found(id))?).map_err(LedgerError::database(OPERATION))
}

/// A conversation with its contents.
pub(super) async fn whole(
    connection: &mut SqliteConnection,
    id: &ConversationId,
) -> Result<ConversationRecord, LedgerError> {
    let row = sqlx::query("SELECT * FROM conversations WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let row = row.ok_or_else(|| not_found(id))?;
    let acts =
        sqlx::query("SELECT * FROM conversation_acts WHERE conversation = $1 ORDER BY ordinal")
            .bind(id.as_str())
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let said =
        sqlx::query("SELECT * FROM conversation_messages WHERE conversation = $1 ORDER BY ordinal")
            .bind(id.as_str())
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let read = || -> Result<ConversationRecord, sqlx::Error> {
        let card: Option<String> = row.try_get("card")?;
        Ok(ConversationRecord {
            summary: summary(&row)?,
            card: card.as_deref().map(from_json).transpose()?,
            acts: acts.iter().map(act).collect::<Result<_, _>>()?,
            messages: said.iter().map(message).collect::<Result<_, _>>()?,
        })
    };
    read().map_err(LedgerError::database(OPERATION))
}

/// One message of a conversation.
pub(super) async fn one_message(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    ordinal: u32,
) -> Result<MessageRecord, LedgerError> {
    let row =
        sqlx::query("SELECT * FROM conversation_messages WHERE conversation = $1 AND ordinal = $2")
            .bind(id.as_str())
            .bind(ordinal)
            .fetch_optional(connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let not_found = || LedgerError::NotFound { what: "message", id: format!("{ordinal} of {id}") };
    message(&row.ok_or_else(not_found)?).map_err(LedgerError::database(OPERATION))
}

/// What a row with the columns of [`SUMMARY`] says.
pub(super) fn summary(row: &SqliteRow) -> Result<ConversationSummary, sqlx::Error> {
    let moment = |name: &str| -> Result<_, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(from_millis))
    };
    let resolved: Option<i64> = row.try_get("resolved")?;
    let team: Option<String> = row.try_get("team")?;
    Ok(ConversationSummary {
        id: ConversationId::new(row.try_get::<String, _>("id")?),
        assistant: AssistantId::new(row.try_get::<String, _>("assistant")?),
        config: row.try_get("config_number")?,
        channel: named(row.try_get("channel")?, ConversationChannel::ALL, |one| one.as_str())?,
        who: row.try_get("who")?,
        external_id: row.try_get("external_id")?,
        language: row.try_get("language")?,
        labels: from_json(row.try_get("labels")?)?,
        state: named(row.try_get("state")?, ConversationState::ALL, |one| one.as_str())?,
        version: row.try_get("version")?,
        team: team.map(GroupId::new),
        assignee: row.try_get("assignee")?,
        reason: row.try_get("reason")?,
        close_reason: row.try_get("close_reason")?,
        failures: row.try_get("failures")?,
        messages: row.try_get("messages")?,
        waiting_since: moment("waiting_since")?,
        handed_over: moment("handed_over")?,
        closed: moment("closed")?,
        created: from_millis(row.try_get("created")?),
        touched: from_millis(row.try_get("touched")?),
        resolved: resolved.map(|resolved| resolved != 0),
        erased: moment("erased")?,
    })
}

pub(super) fn message(row: &SqliteRow) -> Result<MessageRecord, sqlx::Error> {
    let thumb: Option<i64> = row.try_get("thumb")?;
    let details: Option<&str> = row.try_get("details")?;
    let outcome = |name| named(name, AnswerOutcome::ALL, |one| one.as_str());
    Ok(MessageRecord {
        ordinal: row.try_get("ordinal")?,
        message_id: row.try_get("message_id")?,
        role: named(row.try_get("role")?, MessageRole::ALL, |one| one.as_str())?,
        author: row.try_get("author")?,
        at: from_millis(row.try_get("at")?),
        outcome: row.try_get::<Option<&str>, _>("outcome")?.map(outcome).transpose()?,
        answers: row.try_get("answers")?,
        thumb: thumb.map(|thumb| thumb > 0),
        comment: row.try_get("comment")?,
        text: row.try_get("text")?,
        details: details.map(from_json).transpose()?,
        erased: row.try_get::<Option<i64>, _>("erased")?.map(from_millis),
    })
}

fn act(row: &SqliteRow) -> Result<ActRecord, sqlx::Error> {
    Ok(ActRecord {
        act: named(row.try_get("act")?, ConversationAct::ALL, |one| one.as_str())?,
        state: named(row.try_get("state")?, ConversationState::ALL, |one| one.as_str())?,
        reason: row.try_get("reason")?,
        actor: row.try_get("actor")?,
        at: from_millis(row.try_get("at")?),
    })
}

/// The one of `all` that is called `name`.
fn named<T: Copy, const N: usize>(
    name: &str,
    all: [T; N],
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, sqlx::Error> {
    all.into_iter()
        .find(|one| as_str(*one) == name)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown name `{name}`").into()))
}

pub(super) fn not_found(id: &ConversationId) -> LedgerError {
    LedgerError::NotFound { what: "conversation", id: id.to_string() }
}

pub(super) fn conflict(id: &ConversationId, reason: impl Into<String>) -> LedgerError {
    LedgerError::Conflict { what: "conversation", id: id.to_string(), reason: reason.into() }
}
