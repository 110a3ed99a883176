//! Keeps what customers think of answers and of conversations; the last word counts.

use intramuros_types::ConversationId;

use super::check::invalid;
use super::records::{one_message, standing};
use super::{ConversationSummary, MessageRecord, MessageRole};
use crate::{Ledger, LedgerError, validate};

const MAX_COMMENT_CHARS: usize = 2_000;

impl Ledger {
    /// Notes what the customer thinks of an answer: a thumb, up with `true`, and a comment of up to
    /// 2,000 characters. `None` and an empty comment take it back.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a comment beyond its limit, and for a message that is no answer;
    /// `Database`.
    pub async fn judge_answer(
        &self,
        id: &ConversationId,
        ordinal: u32,
        thumb: Option<bool>,
        comment: &str,
    ) -> Result<MessageRecord, LedgerError> {
        const OPERATION: &str = "note what a customer thinks of an answer";
        validate::long_text("comment", comment, MAX_COMMENT_CHARS)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        match one_message(&mut transaction, id, ordinal).await?.role {
            MessageRole::Assistant | MessageRole::Human => {}
            MessageRole::Customer | MessageRole::Notice => {
                return invalid("message", format!("is {ordinal}, which is no answer"));
            }
        }
        let thumb = thumb.map(|up| if up { 1_i64 } else { -1 });
        sqlx::query(
            "UPDATE conversation_messages SET thumb = $3, comment = $4, judged = $5 \
             WHERE conversation = $1 AND ordinal = $2",
        )
        .bind(id.as_str())
        .bind(ordinal)
        .bind(thumb)
        .bind(comment)
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let judged = one_message(&mut transaction, id, ordinal).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(judged)
    }

    /// Notes whether a conversation helped the customer; `None` takes it back.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn judge_conversation(
        &self,
        id: &ConversationId,
        resolved: Option<bool>,
    ) -> Result<ConversationSummary, LedgerError> {
        const OPERATION: &str = "note what a customer thinks of a conversation";
        let mut transaction = self.begin_write(OPERATION).await?;
        sqlx::query("UPDATE conversations SET resolved = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(resolved.map(i64::from))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let judged = standing(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(judged)
    }
}
