//! Counts how conversations went.

use std::time::Duration;

use intramuros_types::AssistantId;
use sqlx::sqlite::SqliteConnection;
use time::OffsetDateTime;

use super::ConversationStats;
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "count how conversations went";

/// Which conversations: with `$1`, begun from `$2` and before `$3`, and no draft.
macro_rules! of_period {
    ($start:literal, $end:literal) => {
        concat!(
            $start,
            " conversations.assistant = $1 AND conversations.created >= $2 \
             AND conversations.created < $3 AND conversations.config_number > 0",
            $end
        )
    };
}

/// What a statement is about.
struct Period<'a> {
    assistant: &'a AssistantId,
    from: i64,
    to: i64,
}

impl Ledger {
    /// Figures of the conversations with an assistant that were begun from `from` and before `to`.
    ///
    /// # Errors
    /// `NotFound` for the assistant; `Database`.
    pub async fn conversation_stats(
        &self,
        assistant: &AssistantId,
        from: OffsetDateTime,
        to: OffsetDateTime,
    ) -> Result<ConversationStats, LedgerError> {
        self.get_assistant(assistant).await?;
        let period = Period { assistant, from: to_millis(from), to: to_millis(to) };
        // All of one moment, so that the figures add up.
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        let mut stats = counted(&mut transaction, &period).await?;
        let (up, down, said) = said(&mut transaction, &period).await?;
        (stats.thumbs_up, stats.thumbs_down, stats.customer_messages) = (up, down, said);
        let reasons: Vec<(String, i64)> = sqlx::query_as(of_period!(
            "SELECT acts.reason, COUNT(*) FROM conversation_acts AS acts JOIN conversations \
             ON conversations.id = acts.conversation WHERE acts.act IN ('hand_over', 'take') \
             AND acts.reason IS NOT NULL AND",
            " GROUP BY acts.reason ORDER BY acts.reason"
        ))
        .bind(period.assistant.as_str())
        .bind(period.from)
        .bind(period.to)
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let unsigned = |(reason, count): (String, i64)| (reason, count.unsigned_abs());
        stats.reasons = reasons.into_iter().map(unsigned).collect();
        stats.median_wait = median_wait(&mut transaction, &period).await?;
        Ok(stats)
    }

    /// How many conversations with each assistant wait for a person, for up to `limit` assistants.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_waiting_conversations(
        &self,
        limit: u32,
    ) -> Result<Vec<(AssistantId, u64)>, LedgerError> {
        let counts: Vec<(String, i64)> = sqlx::query_as(
            "SELECT id, COALESCE(waiting, 0) FROM assistants LEFT JOIN (SELECT assistant, \
             COUNT(*) AS waiting FROM conversations WHERE state = 'waiting' GROUP BY assistant) \
             ON assistant = id ORDER BY id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("count the conversations that wait"))?;
        let count = |(id, count): (String, i64)| (AssistantId::new(id), count.unsigned_abs());
        Ok(counts.into_iter().map(count).collect())
    }
}

async fn counted(
    connection: &mut SqliteConnection,
    period: &Period<'_>,
) -> Result<ConversationStats, LedgerError> {
    let counts: [i64; 5] = sqlx::query_as::<_, (i64, i64, i64, i64, i64)>(of_period!(
        "SELECT COUNT(*), \
         COUNT(CASE WHEN handed_over IS NULL AND EXISTS (SELECT 1 FROM conversation_messages \
         AS said WHERE said.conversation = conversations.id AND said.outcome IN ('answered', \
         'fixed')) THEN 1 END), COUNT(handed_over), COUNT(CASE resolved WHEN 1 THEN 1 END), \
         COUNT(CASE resolved WHEN 0 THEN 1 END) FROM conversations WHERE",
        ""
    ))
    .bind(period.assistant.as_str())
    .bind(period.from)
    .bind(period.to)
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?
    .into();
    let [conversations, answered_by_bot, handed_over, resolved, unresolved] =
        counts.map(i64::unsigned_abs);
    Ok(ConversationStats {
        conversations,
        answered_by_bot,
        handed_over,
        resolved,
        unresolved,
        ..ConversationStats::default()
    })
}

/// Thumbs up, thumbs down, and messages of customers.
async fn said(
    connection: &mut SqliteConnection,
    period: &Period<'_>,
) -> Result<(u64, u64, u64), LedgerError> {
    let (up, down, said): (i64, i64, i64) = sqlx::query_as(of_period!(
        "SELECT COUNT(CASE WHEN said.thumb > 0 THEN 1 END), \
         COUNT(CASE WHEN said.thumb < 0 THEN 1 END), \
         COUNT(CASE said.role WHEN 'customer' THEN 1 END) FROM conversation_messages AS said \
         JOIN conversations ON conversations.id = said.conversation WHERE",
        ""
    ))
    .bind(period.assistant.as_str())
    .bind(period.from)
    .bind(period.to)
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok((up.unsigned_abs(), down.unsigned_abs(), said.unsigned_abs()))
}

/// How long customers waited for a person, in the middle: of an even number the later of the two.
async fn median_wait(
    connection: &mut SqliteConnection,
    period: &Period<'_>,
) -> Result<Option<Duration>, LedgerError> {
    let waits: i64 = sqlx::query_scalar(of_period!(
        "SELECT COUNT(*) FROM conversation_acts AS acts JOIN conversations \
         ON conversations.id = acts.conversation WHERE acts.answered IS NOT NULL AND",
        ""
    ))
    .bind(period.assistant.as_str())
    .bind(period.from)
    .bind(period.to)
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let middle: Option<i64> = sqlx::query_scalar(of_period!(
        "SELECT acts.answered - acts.at FROM conversation_acts AS acts JOIN conversations \
         ON conversations.id = acts.conversation WHERE acts.answered IS NOT NULL AND",
        " ORDER BY acts.answered - acts.at LIMIT 1 OFFSET $4"
    ))
    .bind(period.assistant.as_str())
    .bind(period.from)
    .bind(period.to)
    .bind(waits / 2)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    // Of a clock that was set back nothing is counted.
    Ok(middle.map(|millis| Duration::from_millis(millis.max(0).unsigned_abs())))
}
