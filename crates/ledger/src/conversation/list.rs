//! Lists conversations, as far as the caller may see them.

use intramuros_types::ConversationId;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::check::invalid;
use super::records::{SUMMARY, message, summary, whole};
use super::sight::{audiences, push};
use super::{
    ConversationPage, ConversationRecord, ConversationSummary, FeedbackFilter, MessageRecord,
};
use crate::moment::to_millis;
use crate::{Ledger, LedgerError, Reviewer};

const OPERATION: &str = "list the conversations";

impl Ledger {
    /// A page of the conversations that `reader` may see, newest first; with it what to pass as
    /// [`ConversationPage::after`] to go on.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`ConversationPage::MAX_LIMIT`]; `Database`.
    pub async fn list_conversations(
        &self,
        page: &ConversationPage,
        reader: &Reviewer,
    ) -> Result<(Vec<ConversationSummary>, Option<ConversationId>), LedgerError> {
        if !(1..=ConversationPage::MAX_LIMIT).contains(&page.limit) {
            let (limit, most) = (page.limit, ConversationPage::MAX_LIMIT);
            return invalid("limit", format!("is {limit}, it must be 1 to {most}"));
        }
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        let audiences = audiences(&mut connection, &reader.access).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT ");
        query.push(SUMMARY).push(" FROM conversations WHERE 1 = 1");
        push_page(&mut query, page);
        push(&mut query, reader, audiences.as_ref());
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY conversations.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let mut conversations = query
            .build()
            .fetch_all(&mut *connection)
            .await
            .and_then(|rows| rows.iter().map(summary).collect::<Result<Vec<_>, _>>())
            .map_err(LedgerError::database(OPERATION))?;
        let more = conversations.len() > page.limit as usize;
        conversations.truncate(page.limit as usize);
        let next = conversations.last().filter(|_| more).map(|last| last.id.clone());
        Ok((conversations, next))
    }

    /// Up to `limit` conversations that `who` opened, with all that was said, by their ids, those
    /// after `after`: what a person is told that the server knows of them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn conversations_opened_by(
        &self,
        who: &str,
        after: Option<&ConversationId>,
        limit: u32,
    ) -> Result<Vec<ConversationRecord>, LedgerError> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM conversations WHERE who = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(who)
        .bind(after.map_or("", ConversationId::as_str))
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut conversations = Vec::with_capacity(ids.len());
        for id in ids {
            conversations.push(whole(&mut transaction, &ConversationId::new(id)).await?);
        }
        Ok(conversations)
    }

    /// Up to `limit` answers that `who` gave as the person who had the conversation, by conversation,
    /// those after `after`: what a person did here.
    ///
    /// # Errors
    /// `Database`.
    pub async fn answers_written_by(
        &self,
        who: &str,
        after: Option<(&ConversationId, u32)>,
        limit: u32,
    ) -> Result<Vec<(ConversationId, MessageRecord)>, LedgerError> {
        const OPERATION: &str = "list the answers of a person";
        let (id, ordinal) = after.map_or(("", 0), |(id, ordinal)| (id.as_str(), ordinal));
        let read = |row: &SqliteRow| {
            let id = ConversationId::new(row.try_get::<String, _>("conversation")?);
            Ok((id, message(row)?))
        };
        sqlx::query(
            "SELECT * FROM conversation_messages WHERE author = $1 \
             AND (conversation, ordinal) > ($2, $3) ORDER BY conversation, ordinal LIMIT $4",
        )
        .bind(who)
        .bind(id)
        .bind(ordinal)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(read).collect())
        .map_err(LedgerError::database(OPERATION))
    }
}

fn push_page(query: &mut QueryBuilder<Sqlite>, page: &ConversationPage) {
    if let Some(state) = page.state {
        query.push(" AND conversations.state = ").push_bind(state.as_str());
    }
    if let Some(assistant) = &page.assistant {
        query.push(" AND conversations.assistant = ").push_bind(assistant.to_string());
    }
    if let Some(channel) = page.channel {
        query.push(" AND conversations.channel = ").push_bind(channel.as_str());
    }
    if let Some(team) = &page.team {
        query.push(" AND conversations.team = ").push_bind(team.to_string());
    }
    if let Some(assignee) = &page.assignee {
        query.push(" AND conversations.assignee = ").push_bind(assignee.clone());
    }
    if let Some(id) = &page.external_id {
        query.push(" AND conversations.external_id = ").push_bind(id.clone());
    }
    if let Some(since) = page.since {
        query.push(" AND conversations.created >= ").push_bind(to_millis(since));
    }
    if let Some(before) = page.before {
        query.push(" AND conversations.created < ").push_bind(to_millis(before));
    }
    let judged = |thumb: i64| {
        format!(
            " AND EXISTS (SELECT 1 FROM conversation_messages AS judged \
             WHERE judged.conversation = conversations.id AND judged.thumb = {thumb})"
        )
    };
    match page.feedback {
        Some(FeedbackFilter::Resolved) => drop(query.push(" AND conversations.resolved = 1")),
        Some(FeedbackFilter::Unresolved) => drop(query.push(" AND conversations.resolved = 0")),
        Some(FeedbackFilter::ThumbUp) => drop(query.push(judged(1))),
        Some(FeedbackFilter::ThumbDown) => drop(query.push(judged(-1))),
        None => {}
    }
    if let Some(after) = &page.after {
        query.push(" AND conversations.id < ").push_bind(after.to_string());
    }
}
