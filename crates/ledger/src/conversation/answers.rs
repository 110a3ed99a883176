//! Appends the answers of assistants and of people.

use intramuros_types::{ConversationAct, ConversationId};
use sqlx::sqlite::SqliteConnection;

use super::acts::allowed;
use super::messages::{Row, append, known};
use super::records::{conflict, one_message, standing};
use super::sight::answerable;
use super::{
    AnswerOutcome, BotAnswer, ConversationSummary, MessageRecord, MessageRole, SentMessage, check,
};
use crate::{Ledger, LedgerError, Reviewer};

impl Ledger {
    /// Appends an answer of the assistant and counts its failures in a row. Silent while a person
    /// has the conversation, or it waits for one: what was being written is refused then.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a text, details or documents beyond their limits, and for
    /// documents that are not there; `Conflict` when the assistant has not the word, or answered
    /// that message already; `Database`.
    pub async fn add_bot_answer(
        &self,
        id: &ConversationId,
        answer: &BotAnswer,
    ) -> Result<(MessageRecord, ConversationSummary), LedgerError> {
        const OPERATION: &str = "append an answer";
        check::said(&answer.text)?;
        let details = check::json("details", &answer.details)?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = standing(&mut transaction, id).await?;
        allowed(&old, ConversationAct::BotAnswered)?;
        check::documents(&mut transaction, &answer.documents).await?;
        if let Some(answered) = answer.answers {
            check_unanswered(&mut transaction, id, answered).await?;
        }
        let row = Row {
            outcome: Some(answer.outcome),
            answers: answer.answers,
            details: Some(details),
            documents: &answer.documents,
            ..Row::of(MessageRole::Assistant, &answer.text)
        };
        let ordinal = append(&mut transaction, id, &row, now).await?;
        count_failure(&mut transaction, id, answer.outcome).await?;
        let message = one_message(&mut transaction, id, ordinal).await?;
        let conversation = standing(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok((message, conversation))
    }

    /// Appends an answer of the person who has the conversation, once for each of their ids.
    ///
    /// # Errors
    /// `NotFound`, also for one that `agent` may not see; `Invalid` for an empty text or one beyond
    /// 8,000 characters; `Conflict` when they do not have it, and for an id that was used for another
    /// text; `Database`.
    pub async fn add_human_answer(
        &self,
        id: &ConversationId,
        new: &SentMessage,
        agent: &Reviewer,
    ) -> Result<MessageRecord, LedgerError> {
        const OPERATION: &str = "append an answer";
        check::said(&new.text)?;
        check::message_id(new.message_id.as_deref())?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = answerable(&mut transaction, id, agent).await?;
        if let Some(known) = known(&mut transaction, id, new, MessageRole::Human).await? {
            return Ok(known);
        }
        allowed(&old, ConversationAct::HumanAnswered)?;
        if old.assignee.as_ref() != Some(&agent.who) {
            return Err(super::acts::held(&old));
        }
        let row = Row {
            author: Some(&agent.who),
            message_id: new.message_id.as_deref(),
            ..Row::of(MessageRole::Human, &new.text)
        };
        let ordinal = append(&mut transaction, id, &row, now).await?;
        // The first answer since the last hand-over is what the customer waited for.
        sqlx::query(
            "UPDATE conversation_acts SET answered = $2 WHERE conversation = $1 \
             AND answered IS NULL AND ordinal = (SELECT MAX(ordinal) FROM conversation_acts \
             WHERE conversation = $1 AND act = 'hand_over') AND NOT EXISTS \
             (SELECT 1 FROM conversation_acts AS later WHERE later.conversation = $1 \
             AND later.act = 'hand_back' AND later.ordinal > conversation_acts.ordinal)",
        )
        .bind(id.as_str())
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let message = one_message(&mut transaction, id, ordinal).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(message)
    }
}

/// Refuses a second answer, and one to what is no message of the customer.
async fn check_unanswered(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    ordinal: u32,
) -> Result<(), LedgerError> {
    if one_message(connection, id, ordinal).await?.role != MessageRole::Customer {
        let reason = format!("is {ordinal}, which is no message of the customer");
        return check::invalid("answers", reason);
    }
    let answered: Option<i64> = sqlx::query_scalar(
        "SELECT ordinal FROM conversation_messages WHERE conversation = $1 AND answers = $2",
    )
    .bind(id.as_str())
    .bind(ordinal)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look for an answer"))?;
    match answered {
        None => Ok(()),
        Some(by) => {
            Err(conflict(id, format!("has an answer to message {ordinal} already, message {by}")))
        }
    }
}

async fn count_failure(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    outcome: AnswerOutcome,
) -> Result<(), LedgerError> {
    let statement = match outcome {
        AnswerOutcome::Other => return Ok(()),
        AnswerOutcome::Abstained => {
            "UPDATE conversations SET failures = failures + 1 WHERE id = $1"
        }
        AnswerOutcome::Answered | AnswerOutcome::Fixed => {
            "UPDATE conversations SET failures = 0 WHERE id = $1"
        }
    };
    sqlx::query(statement)
        .bind(id.as_str())
        .execute(connection)
        .await
        .map_err(LedgerError::database("count the failures of an assistant"))?;
    Ok(())
}
