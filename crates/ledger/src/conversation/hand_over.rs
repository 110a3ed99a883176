//! Gives conversations to people.

use intramuros_types::{ConversationAct, ConversationId, ConversationState, GroupId};
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::acts::{Done, change, event};
use super::messages::{Row, append, cite};
use super::records::standing;
use super::{ConversationSummary, MessageRole, NewHandOver, check};
use crate::mail::queue_within;
use crate::{EventKind, Ledger, LedgerError, NewMail};

const MAX_MAILS: usize = 20;
/// Who hands over.
const ACTOR: &str = "assistant";

impl Ledger {
    /// Gives a conversation to people, with the card, what the customer is told, and the e-mails,
    /// all in one transaction with its event (`conversation.handed_over`). E-mails for which the
    /// queue has no room are left out, because people find it in the queue of conversations as
    /// well.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a reason, card, notice, documents or e-mails beyond their limits;
    /// `Conflict` when people have it already, or it is closed; `Database`.
    pub async fn hand_over_conversation(
        &self,
        id: &ConversationId,
        new: &NewHandOver,
    ) -> Result<ConversationSummary, LedgerError> {
        const OPERATION: &str = "hand a conversation over";
        check::reason(&new.reason)?;
        let card = check::json("card", &new.card)?;
        new.notice.as_deref().map_or(Ok(()), check::said)?;
        if new.mails.len() > MAX_MAILS {
            let reason = format!("has {} entries, the limit is {MAX_MAILS}", new.mails.len());
            return check::invalid("mails", reason);
        }
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = standing(&mut transaction, id).await?;
        check::documents(&mut transaction, &new.documents).await?;
        let done = Done { reason: Some(&new.reason), actor: ACTOR, now };
        change(&mut transaction, &old, ConversationAct::HandOver, &done).await?;
        let team = existing(&mut transaction, id, new.team.as_ref()).await?;
        store(&mut transaction, id, &card, team).await?;
        cite(&mut transaction, id, 0, &new.documents).await?;
        if let Some(notice) = &new.notice {
            append(&mut transaction, id, &Row::of(MessageRole::Notice, notice), now).await?;
        }
        self.mail(&mut transaction, id, &new.mails).await?;
        let conversation = standing(&mut transaction, id).await?;
        let event = event(EventKind::ConversationHandedOver, &conversation);
        self.emit_within(&mut transaction, &event).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(conversation)
    }

    /// Puts a better card in the place of the one that a hand-over left, after which the conversation
    /// had this version. Nothing happens when it is not with people any more, was handed over again,
    /// or had something erased: whether it was stored.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a card beyond its limits; `Database`.
    pub async fn improve_card(
        &self,
        id: &ConversationId,
        version: u32,
        card: &Value,
    ) -> Result<bool, LedgerError> {
        const OPERATION: &str = "improve the card of a conversation";
        let card = check::json("card", card)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let now = standing(&mut transaction, id).await?;
        let is_with_people =
            matches!(now.state, ConversationState::Waiting | ConversationState::Human);
        // Somebody may have taken it since; then it is one version further.
        let is_the_same = now.version == version || now.version == version.saturating_add(1);
        if !is_with_people || !is_the_same || now.erased.is_some() {
            return Ok(false);
        }
        let stored =
            sqlx::query("UPDATE conversations SET card = $2 WHERE id = $1 AND card IS NOT NULL")
                .bind(id.as_str())
                .bind(&card)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(stored.rows_affected() > 0)
    }

    async fn mail(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        id: &ConversationId,
        mails: &[NewMail],
    ) -> Result<(), LedgerError> {
        for mail in mails {
            let queued = match queue_within(transaction, mail, self.clock.now()).await {
                Ok(queued) => queued,
                Err(LedgerError::Conflict { .. }) => {
                    tracing::warn!(
                        conversation = id.as_str(),
                        "an e-mail about a hand-over was left out: too many wait"
                    );
                    continue;
                }
                Err(error) => return Err(error),
            };
            sqlx::query("INSERT INTO conversation_mails (conversation, mail) VALUES ($1, $2)")
                .bind(id.as_str())
                .bind(queued.id.as_str())
                .execute(&mut **transaction)
                .await
                .map_err(LedgerError::database("note an e-mail about a conversation"))?;
        }
        Ok(())
    }
}

/// The team, if it is there.
async fn existing<'a>(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    team: Option<&'a GroupId>,
) -> Result<Option<&'a GroupId>, LedgerError> {
    let Some(team) = team else { return Ok(None) };
    let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM user_groups WHERE id = $1")
        .bind(team.as_str())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("read a group"))?;
    if found == 0 {
        let (conversation, team) = (id.as_str(), team.as_str());
        tracing::warn!(conversation, team, "a conversation was handed to a team that is gone");
        return Ok(None);
    }
    Ok(Some(team))
}

/// Puts the card of this hand-over in the place of the one before.
async fn store(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    card: &str,
    team: Option<&GroupId>,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "store the card of a conversation";
    sqlx::query("UPDATE conversations SET card = $2, team = $3 WHERE id = $1")
        .bind(id.as_str())
        .bind(card)
        .bind(team.map(GroupId::as_str))
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    sqlx::query("DELETE FROM conversation_citations WHERE conversation = $1 AND message = 0")
        .bind(id.as_str())
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}
