//! Opens conversations of web pages, whose visitors have no key: what they hold instead, and how
//! much of them there may be in a day.
//!
//! A visitor is a hash that the caller makes with a key of its own, of an address for example: it
//! counts messages and tells nobody who it is. A day's counts are rows of the transaction of what
//! they count, so that two messages at once cannot both be the last one that is allowed.

use std::fmt;
use std::time::Duration;

use intramuros_types::AssistantId;
use ring::hmac;
use sqlx::sqlite::SqliteConnection;

use super::open::insert;
use super::records::summary;
use super::{ConversationChannel, ConversationSummary, NewConversation, check};
use crate::key::secret;
use crate::moment::from_millis;
use crate::retention::day;
use crate::{Ledger, LedgerError};

/// 128 bits.
const VISITOR_DIGITS: usize = 32;

/// How much there may be in a day, UTC; `None` for as much as there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WidgetCaps {
    /// Messages of one visitor with this assistant.
    pub messages_per_visitor: Option<u32>,
    /// Messages of all visitors with this assistant.
    pub messages: Option<u32>,
    /// Conversations that are begun with this assistant.
    pub conversations: Option<u32>,
}

/// A conversation of a web page to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWidget {
    /// The conversation; `who` is the visitor's keyed hash.
    pub conversation: NewConversation,
    /// How much there may be in a day.
    pub caps: WidgetCaps,
    /// How long the session holds.
    pub lifetime: Duration,
}

/// A conversation with what its visitor holds.
#[derive(Clone, PartialEq, Eq)]
pub struct WidgetSession {
    /// `imw_` and 256 random bits: shown once, and stored as its SHA-256.
    pub token: String,
    /// The conversation, the only one that it opens.
    pub conversation: ConversationSummary,
}

/// Leaves out the token.
impl fmt::Debug for WidgetSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WidgetSession")
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens a conversation of a web page.
    ///
    /// # Errors
    /// As [`Ledger::open_conversation`]; `Invalid` for an external id, which visitors do not have;
    /// `DailyLimit`; `Entropy`.
    pub async fn open_widget_conversation(
        &self,
        mut new: NewWidget,
    ) -> Result<WidgetSession, LedgerError> {
        const OPERATION: &str = "open a conversation";
        check::conversation(&mut new.conversation)?;
        if new.conversation.external_id.is_some() {
            return check::invalid("external_id", "is for applications; leave it out".to_owned());
        }
        let token = secret::generate(secret::WIDGET)?;
        let now = self.clock.now();
        let lifetime = i64::try_from(new.lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut transaction = self.begin_write(OPERATION).await?;
        let channel = ConversationChannel::Widget;
        let conversation = insert(&mut transaction, &new.conversation, channel, now).await?;
        let counted = count(&mut transaction, &new.conversation.assistant, ("", now), (1, 0));
        let (conversations, _) = counted.await?;
        within("conversations", conversations, new.caps.conversations)?;
        sqlx::query(
            "INSERT INTO widget_sessions (digest, conversation, created, expires) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(secret::digest(&token))
        .bind(conversation.id.as_str())
        .bind(now)
        .bind(now.saturating_add(lifetime))
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(WidgetSession { token, conversation })
    }

    /// What stands for the visitor of this address with this assistant: a keyed hash, because a
    /// plain one of an address is found by trying all that there are. With another assistant it is
    /// another one.
    ///
    /// # Errors
    /// `Entropy`, `Database`.
    pub async fn visitor(
        &self,
        assistant: &AssistantId,
        address: &str,
    ) -> Result<String, LedgerError> {
        const OPERATION: &str = "make the hash of a visitor";
        let mut transaction = self.begin_write(OPERATION).await?;
        let key = crate::erasure::key(&mut transaction).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        // A key of its own: no text of an erasure holds a control character, so that none has the
        // hash of this one.
        let own = hmac::sign(&key, b"\0visitors of web pages\0");
        let own = hmac::Key::new(hmac::HMAC_SHA256, own.as_ref());
        let hash = hmac::sign(&own, format!("{assistant}\n{address}").as_bytes());
        let digits = hex::encode(hash).chars().take(VISITOR_DIGITS).collect::<String>();
        Ok(format!("vis_{digits}"))
    }

    /// The conversation that a visitor's token opens; `None` for one that opens nothing, or nothing
    /// any more.
    ///
    /// # Errors
    /// `Database`.
    pub async fn widget_conversation(
        &self,
        token: &str,
    ) -> Result<Option<ConversationSummary>, LedgerError> {
        const OPERATION: &str = "look for a visitor's conversation";
        // Spares the database what scanners send.
        if !secret::is_widget(token) {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT conversations.* FROM conversations JOIN widget_sessions \
             ON widget_sessions.conversation = conversations.id \
             WHERE widget_sessions.digest = $1 AND widget_sessions.expires > $2",
        )
        .bind(secret::digest(token))
        .bind(self.clock.now())
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        row.as_ref().map(summary).transpose().map_err(LedgerError::database(OPERATION))
    }
}

/// Counts a message of a visitor, in the transaction that takes it.
///
/// # Errors
/// `DailyLimit`; `Database`.
pub(super) async fn spend(
    connection: &mut SqliteConnection,
    conversation: &ConversationSummary,
    caps: &WidgetCaps,
    now: i64,
) -> Result<(), LedgerError> {
    let ConversationSummary { assistant, who, .. } = conversation;
    let (_, own) = count(connection, assistant, (who, now), (0, 1)).await?;
    within("messages of a visitor", own, caps.messages_per_visitor)?;
    let (_, all) = count(connection, assistant, ("", now), (0, 1)).await?;
    within("messages", all, caps.messages)
}

fn within(what: &'static str, found: i64, cap: Option<u32>) -> Result<(), LedgerError> {
    match cap {
        Some(limit) if found > i64::from(limit) => Err(LedgerError::DailyLimit { what, limit }),
        Some(_) | None => Ok(()),
    }
}

/// Adds conversations and messages to the counts of today; what there are now. Nothing stays of it
/// when the transaction is given up.
async fn count(
    connection: &mut SqliteConnection,
    assistant: &AssistantId,
    (visitor, now): (&str, i64),
    (conversations, messages): (i64, i64),
) -> Result<(i64, i64), LedgerError> {
    sqlx::query_as(
        "INSERT INTO widget_counts (assistant, day, visitor, conversations, messages) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (assistant, day, visitor) DO UPDATE SET \
         conversations = widget_counts.conversations + excluded.conversations, \
         messages = widget_counts.messages + excluded.messages \
         RETURNING conversations, messages",
    )
    .bind(assistant.as_str())
    .bind(day(from_millis(now)))
    .bind(visitor)
    .bind(conversations)
    .bind(messages)
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database("count what visitors use"))
}
