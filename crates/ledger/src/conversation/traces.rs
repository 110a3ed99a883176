//! Erases what is said about somebody in conversations, message by message.

use intramuros_types::ErasureId;
use sqlx::sqlite::SqliteConnection;

use super::erase::{drop_card, empty, empty_message};
use crate::erasure::{TextMatch, count};
use crate::job::holds;
use crate::{Lease, Ledger, LedgerError};

const OPERATION: &str = "erase what was said about somebody";
/// Conversations that are looked at together.
const PAGE: i64 = 50;

/// What of a conversation is about somebody.
#[derive(Default)]
struct Found {
    id: String,
    /// All of it: its opener calls it by their name.
    whole: bool,
    card: bool,
    messages: Vec<i64>,
}

impl Ledger {
    /// Erases the messages, cards and questions without answer that `matches`, and all of a
    /// conversation whose external id does; counts them. Rows and states stay.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub(crate) async fn erase_conversations(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        matches: TextMatch<'_>,
    ) -> Result<(), LedgerError> {
        let mut after = String::new();
        loop {
            let rows: Vec<(String, String, String)> = sqlx::query_as(
                "SELECT id, COALESCE(external_id, ''), COALESCE(card, '') FROM conversations \
                 WHERE id > $1 ORDER BY id LIMIT $2",
            )
            .bind(&after)
            .bind(PAGE)
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            let Some((last, ..)) = rows.last() else { return Ok(()) };
            after.clone_from(last);
            let mut found = Vec::new();
            for (id, external_id, card) in rows {
                let (whole, card) = (matches(&external_id), matches(&card));
                let messages = self.messages_about(&id, matches).await?;
                if whole || card || !messages.is_empty() {
                    found.push(Found { id, whole, card, messages });
                }
            }
            if !found.is_empty() {
                let mut transaction = self.begin_write(OPERATION).await?;
                holds(&mut transaction, lease).await?;
                for one in &found {
                    erase(&mut transaction, erasure, one, self.clock.now()).await?;
                }
                transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The ordinals of the messages that `matches`, with what was made of them.
    async fn messages_about(
        &self,
        id: &str,
        matches: TextMatch<'_>,
    ) -> Result<Vec<i64>, LedgerError> {
        let texts: Vec<(i64, String)> = sqlx::query_as(
            "SELECT ordinal, text || ' | ' || COALESCE(details, '') || ' | ' || comment || ' | ' || \
             COALESCE(message_id, '') FROM conversation_messages WHERE conversation = $1 \
             UNION ALL SELECT message, question FROM conversation_gaps WHERE conversation = $1",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut about: Vec<i64> =
            texts.iter().filter(|(_, text)| matches(text)).map(|(ordinal, _)| *ordinal).collect();
        about.sort_unstable();
        about.dedup();
        Ok(about)
    }
}

async fn erase(
    connection: &mut SqliteConnection,
    erasure: &ErasureId,
    found: &Found,
    now: i64,
) -> Result<(), LedgerError> {
    if found.whole {
        let messages = empty(connection, &found.id, now).await?;
        return count(connection, erasure, "conversation_messages", messages).await;
    }
    if found.card {
        drop_card(connection, &found.id, now).await?;
        count(connection, erasure, "conversation_cards", 1).await?;
    }
    for ordinal in &found.messages {
        empty_message(connection, &found.id, *ordinal, now).await?;
    }
    count(connection, erasure, "conversation_messages", found.messages.len() as u64).await
}
