//! Opens conversations.

use intramuros_types::{AssistantId, ConversationId};
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::messages::{Row, append};
use super::records::standing;
use super::{
    ConversationChannel, ConversationSummary, MessageRole, NewConversation, Opened, check,
};
use crate::document::to_json;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Opens a conversation of an application, unless an open one of the same opener, assistant and
    /// external id is there. Those of web pages are opened with
    /// [`Ledger::open_widget_conversation`].
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits, or a version that was not published; `NotFound` for
    /// the assistant; `Conflict` for a retired one; `Database`.
    pub async fn open_conversation(&self, mut new: NewConversation) -> Result<Opened, LedgerError> {
        const OPERATION: &str = "open a conversation";
        check::conversation(&mut new)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        if let Some(id) = open_one(&mut transaction, &new).await? {
            return Ok(Opened::Existing(standing(&mut transaction, &id).await?));
        }
        let now = self.clock.now();
        let opened = insert(&mut transaction, &new, ConversationChannel::Api, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(Opened::New(opened))
    }
}

/// Opens a conversation that has been checked, in the transaction of what it is opened with.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewConversation,
    channel: ConversationChannel,
    now: i64,
) -> Result<ConversationSummary, LedgerError> {
    check_assistant(connection, &new.assistant, new.config).await?;
    let id = ConversationId::new(format!("conv_{}", Uuid::now_v7().simple()));
    sqlx::query(
        "INSERT INTO conversations (id, assistant, config_number, channel, who, external_id, \
         language, labels, state, version, failures, messages, created, touched) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'bot', 1, 0, 0, $9, $9)",
    )
    .bind(id.as_str())
    .bind(new.assistant.as_str())
    .bind(new.config)
    .bind(channel.as_str())
    .bind(&new.who)
    .bind(&new.external_id)
    .bind(&new.language)
    .bind(to_json(&new.labels))
    .bind(now)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database("open a conversation"))?;
    for notice in &new.notices {
        append(connection, &id, &Row::of(MessageRole::Notice, notice), now).await?;
    }
    standing(connection, &id).await
}

async fn open_one(
    connection: &mut SqliteConnection,
    new: &NewConversation,
) -> Result<Option<ConversationId>, LedgerError> {
    let Some(external_id) = &new.external_id else { return Ok(None) };
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM conversations WHERE assistant = $1 AND who = $2 AND external_id = $3 \
         AND state <> 'closed'",
    )
    .bind(new.assistant.as_str())
    .bind(&new.who)
    .bind(external_id)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look for the same conversation"))?;
    Ok(found.map(ConversationId::new))
}

/// Refuses an assistant with whom nobody begins a conversation, or a version that it does not have.
async fn check_assistant(
    connection: &mut SqliteConnection,
    id: &AssistantId,
    number: u32,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "read an assistant";
    let retired: Option<Option<i64>> =
        sqlx::query_scalar("SELECT retired FROM assistants WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    match retired {
        None => return Err(crate::assistant::not_found(id)),
        Some(Some(_)) => {
            let reason = "is retired; bring it back, or choose another".to_owned();
            return Err(LedgerError::Conflict { what: "assistant", id: id.to_string(), reason });
        }
        Some(None) => {}
    }
    // The draft is tried as number 0.
    let versions: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM assistant_versions WHERE assistant = $1 AND number = $2",
    )
    .bind(id.as_str())
    .bind(number)
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    if number == 0 || versions == 1 {
        return Ok(());
    }
    check::invalid("config", format!("is {number}, and `{id}` has no such version"))
}
