//! Erases what conversations hold, and who took part in them.
//!
//! Of a message the text goes, with how it came to be and what was said of it; that there was one,
//! by whom and when, stays, and so does how the conversation stands. Deleting a conversation leaves
//! nothing.

use intramuros_types::{ConversationId, DocumentId, KnowledgeBaseId, UserId};
use sqlx::sqlite::SqliteConnection;

use super::records::{not_found, standing};
use crate::moment::from_millis;
use crate::retention::day;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "erase conversations";
/// Conversations that go at once.
const BATCH: i64 = 200;
/// Why a conversation is closed of which all was erased.
pub(super) const ERASED: &str = "erased";
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// What an erasure is about: those quotations for which this holds, with the id as `$1`.
const OF_DOCUMENT: &str = "document = $1";
const OF_BASE: &str = "knowledge_base = $1";

impl Ledger {
    /// Deletes a conversation with all that was said, its card, its sessions, and its e-mails on
    /// their way.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn delete_conversation(&self, id: &ConversationId) -> Result<(), LedgerError> {
        const OPERATION: &str = "delete a conversation";
        let mut transaction = self.begin_write(OPERATION).await?;
        if remove(&mut transaction, id.as_str()).await? == 0 {
            return Err(not_found(id));
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }

    /// Removes up to 200 conversations that nothing happened to for as long as their assistant
    /// keeps them, whether they were closed or left; how many. The caller goes on until there is
    /// none. What visitors used on earlier days goes as well.
    ///
    /// # Errors
    /// `Database`.
    pub async fn prune_conversations(&self) -> Result<u64, LedgerError> {
        const OPERATION: &str = "remove old conversations";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old: Vec<String> = sqlx::query_scalar(
            "SELECT conversations.id FROM conversations JOIN assistants \
             ON assistants.id = conversations.assistant \
             WHERE assistants.retention_days IS NOT NULL \
             AND conversations.touched < $1 - assistants.retention_days * $2 \
             ORDER BY conversations.touched LIMIT $3",
        )
        .bind(now)
        .bind(DAY_MILLIS)
        .bind(BATCH)
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        for id in &old {
            remove(&mut transaction, id).await?;
        }
        for (statement, before) in [
            ("DELETE FROM widget_counts WHERE day < $1", day(from_millis(now))),
            ("DELETE FROM widget_sessions WHERE expires < CAST($1 AS BIGINT)", now.to_string()),
        ] {
            sqlx::query(statement)
                .bind(before)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if !old.is_empty() {
            self.forget_erased().await;
        }
        Ok(old.len() as u64)
    }

    /// Erases all that was said in a conversation; that it was stays. Once is as good as twice.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn erase_conversation(&self, id: &ConversationId) -> Result<(), LedgerError> {
        let mut transaction = self.begin_write(OPERATION).await?;
        standing(&mut transaction, id).await?;
        empty(&mut transaction, id.as_str(), self.clock.now()).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }
}

/// Deletes a conversation, in the transaction of whatever takes it along; how many there were.
pub(crate) async fn remove(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<u64, LedgerError> {
    forget_mails(connection, id).await?;
    // What hangs on it goes with it.
    let done = sqlx::query("DELETE FROM conversations WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await
        .map_err(LedgerError::database("delete a conversation"))?;
    Ok(done.rows_affected())
}

/// Removes the e-mails about a conversation: those on their way have its card.
pub(super) async fn forget_mails(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<(), LedgerError> {
    for statement in [
        "DELETE FROM mails WHERE id IN \
         (SELECT mail FROM conversation_mails WHERE conversation = $1)",
        "DELETE FROM conversation_mails WHERE conversation = $1",
    ] {
        sqlx::query(statement)
            .bind(id)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database("forget the e-mails about a conversation"))?;
    }
    Ok(())
}

/// Erases all that was said in a conversation, its opener's name for it too; one that was open is
/// closed, for nobody can go on with it. How many messages it had.
pub(super) async fn empty(
    connection: &mut SqliteConnection,
    id: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    forget_mails(connection, id).await?;
    let mut messages = 0;
    for statement in [
        "DELETE FROM conversation_gaps WHERE conversation = $1 AND $2 = $2",
        "UPDATE conversations SET card = NULL, external_id = NULL, erased = $2, assignee = NULL, \
         waiting_since = NULL, \
         version = CASE state WHEN 'closed' THEN version ELSE version + 1 END, \
         close_reason = 'erased', \
         closed = CASE state WHEN 'closed' THEN closed ELSE $2 END, state = 'closed' \
         WHERE id = $1",
        "UPDATE conversation_messages SET text = '', details = NULL, comment = '', \
         message_id = NULL, erased = $2 WHERE conversation = $1",
    ] {
        let done = sqlx::query(statement)
            .bind(id)
            .bind(now)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        messages = done.rows_affected();
    }
    Ok(messages)
}

/// Erases one message.
pub(super) async fn empty_message(
    connection: &mut SqliteConnection,
    id: &str,
    ordinal: i64,
    now: i64,
) -> Result<(), LedgerError> {
    for statement in [
        "UPDATE conversation_messages SET text = '', details = NULL, comment = '', \
         message_id = NULL, erased = $3 WHERE conversation = $1 AND ordinal = $2",
        "DELETE FROM conversation_gaps WHERE conversation = $1 AND message = $2 AND $3 = $3",
        "UPDATE conversations SET erased = $3 WHERE id = $1 AND $2 = $2",
    ] {
        sqlx::query(statement)
            .bind(id)
            .bind(ordinal)
            .bind(now)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(())
}

/// Erases the card of a conversation, and the e-mails that have it.
pub(super) async fn drop_card(
    connection: &mut SqliteConnection,
    id: &str,
    now: i64,
) -> Result<(), LedgerError> {
    forget_mails(connection, id).await?;
    sqlx::query("UPDATE conversations SET card = NULL, erased = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}

/// Erases the answers that quote a document, and the cards of their conversations, in the
/// transaction that forgets it; how many conversations quoted it.
pub(crate) async fn erase_of_document(
    connection: &mut SqliteConnection,
    id: &DocumentId,
    now: i64,
) -> Result<u64, LedgerError> {
    erase(connection, OF_DOCUMENT, id.as_str(), now).await
}

/// The same of a knowledge base.
pub(crate) async fn erase_of_base(
    connection: &mut SqliteConnection,
    id: &KnowledgeBaseId,
    now: i64,
) -> Result<u64, LedgerError> {
    erase(connection, OF_BASE, id.as_str(), now).await
}

async fn erase(
    connection: &mut SqliteConnection,
    which: &'static str,
    about: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    let select = format!(
        "SELECT DISTINCT conversation, message FROM conversation_citations WHERE {which} \
         ORDER BY conversation, message"
    );
    let quoting: Vec<(String, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(select))
        .bind(about)
        .fetch_all(&mut *connection)
        .await
        .map_err(LedgerError::database("find the conversations to erase"))?;
    let mut conversations = 0;
    let mut last: Option<&str> = None;
    for (id, message) in &quoting {
        if *message > 0 {
            empty_message(connection, id, *message, now).await?;
        }
        // A card draws on everything before it.
        if last != Some(id) {
            drop_card(connection, id, now).await?;
            conversations += 1;
            last = Some(id);
        }
    }
    let delete = format!("DELETE FROM conversation_citations WHERE {which}");
    sqlx::query(sqlx::AssertSqlSafe(delete))
        .bind(about)
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(conversations)
}

/// Takes a user out of all conversations and assistants, in the transaction that erases them: what
/// they asked goes, and where they answered or worked stands `pseudonym`. What they had waits for
/// others. How many conversations named them.
pub(crate) async fn forget_person(
    connection: &mut SqliteConnection,
    user: &UserId,
    pseudonym: &str,
    now: i64,
) -> Result<u64, LedgerError> {
    const OPERATION: &str = "forget a person in conversations";
    let named: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM conversations WHERE who = $1 OR assignee = $1 OR id IN \
         (SELECT conversation FROM conversation_messages WHERE author = $1) OR id IN \
         (SELECT conversation FROM conversation_acts WHERE actor = $1)",
    )
    .bind(user.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let own: Vec<String> = sqlx::query_scalar("SELECT id FROM conversations WHERE who = $1")
        .bind(user.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    for id in &own {
        empty(connection, id, now).await?;
    }
    for statement in [
        "UPDATE conversations SET who = $2 WHERE who = $1 AND $3 = $3",
        "UPDATE conversations SET state = 'waiting', waiting_since = $3, assignee = NULL, \
         version = version + 1 WHERE assignee = $1 AND $2 = $2",
        "UPDATE conversation_messages SET author = $2 WHERE author = $1 AND $3 = $3",
        "UPDATE conversation_acts SET actor = $2 WHERE actor = $1 AND $3 = $3",
        "UPDATE assistants SET created_by = $2 WHERE created_by = $1 AND $3 = $3",
        "UPDATE assistants SET updated_by = $2 WHERE updated_by = $1 AND $3 = $3",
        "UPDATE assistant_versions SET published_by = $2 WHERE published_by = $1 AND $3 = $3",
    ] {
        sqlx::query(statement)
            .bind(user.as_str())
            .bind(pseudonym)
            .bind(now)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(named.unsigned_abs())
}
