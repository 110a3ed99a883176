//! Changes who is to speak in a conversation.

use intramuros_types::{ConversationAct, ConversationId, ConversationState};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::records::{conflict, standing};
use super::sight::{answerable, check_seen};
use super::{ConversationSummary, check};
use crate::{EventKind, Ledger, LedgerError, NewEvent, Reviewer};

/// Conversations that one person may have at the same time.
const MAX_HELD: i64 = 200;
/// The reason of a hand-over that nobody asked for.
const TAKEN: &str = "taken";

impl Ledger {
    /// Gives a conversation to `agent`, from the queue or from the assistant. One that somebody
    /// else has an administrator may take over; one's own stays as it is, whatever
    /// `version`.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Conflict` when it changed since `version`,
    /// is for another team, is closed, when somebody else has it, or when they have 200;
    /// `Database`.
    pub async fn take_conversation(
        &self,
        id: &ConversationId,
        version: u32,
        agent: &Reviewer,
    ) -> Result<ConversationSummary, LedgerError> {
        const OPERATION: &str = "take a conversation";
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = answerable(&mut transaction, id, agent).await?;
        if old.assignee.as_ref() == Some(&agent.who) {
            return Ok(old);
        }
        allowed(&old, ConversationAct::Take)?;
        check_seen(&old, version)?;
        match &old.assignee {
            Some(_) if !agent.is_admin() => return Err(held(&old)),
            Some(_) | None => {}
        }
        check_room(&mut transaction, &old, agent).await?;
        let reason = (old.state == ConversationState::Bot).then_some(TAKEN);
        let done = Done { reason, actor: &agent.who, now: self.clock.now() };
        change(&mut transaction, &old, ConversationAct::Take, &done).await?;
        let taken = standing(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(taken)
    }

    /// Puts a conversation back in the queue that `agent` has, or as an administrator anybody.
    ///
    /// # Errors
    /// As [`Ledger::hand_back_conversation`].
    pub async fn release_conversation(
        &self,
        id: &ConversationId,
        version: u32,
        agent: &Reviewer,
    ) -> Result<ConversationSummary, LedgerError> {
        self.act(id, version, agent, (ConversationAct::Release, None)).await
    }

    /// Gives a conversation back to the assistant, which forgets its failures; one that waits, or
    /// that `agent` has, or as an administrator anybody.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Conflict` when it changed since `version`,
    /// is for another team, its state does not allow it, or somebody else has it; `Database`.
    pub async fn hand_back_conversation(
        &self,
        id: &ConversationId,
        version: u32,
        agent: &Reviewer,
    ) -> Result<ConversationSummary, LedgerError> {
        self.act(id, version, agent, (ConversationAct::HandBack, None)).await
    }

    /// Closes a conversation for a reason, a code of up to 64 characters. Webhooks are told
    /// (`conversation.closed`).
    ///
    /// # Errors
    /// As [`Ledger::hand_back_conversation`]; `Invalid` for the reason.
    pub async fn close_conversation(
        &self,
        id: &ConversationId,
        version: u32,
        reason: &str,
        agent: &Reviewer,
    ) -> Result<ConversationSummary, LedgerError> {
        check::reason(reason)?;
        self.act(id, version, agent, (ConversationAct::Close, Some(reason))).await
    }

    /// Goes on with a conversation that was closed; `agent` has it then.
    ///
    /// # Errors
    /// As [`Ledger::hand_back_conversation`]; `Conflict` also when the opener has begun another one
    /// of the same external id.
    pub async fn reopen_conversation(
        &self,
        id: &ConversationId,
        version: u32,
        agent: &Reviewer,
    ) -> Result<ConversationSummary, LedgerError> {
        self.act(id, version, agent, (ConversationAct::Reopen, None)).await
    }

    /// Closes a conversation for its customer, or because nobody goes on with it: `actor` says who.
    /// Webhooks are told (`conversation.closed`).
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for the reason; `Conflict` for one that is closed; `Database`.
    pub async fn end_conversation(
        &self,
        id: &ConversationId,
        reason: &str,
        actor: &str,
    ) -> Result<ConversationSummary, LedgerError> {
        const OPERATION: &str = "close a conversation";
        check::reason(reason)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = standing(&mut transaction, id).await?;
        let done = Done { reason: Some(reason), actor, now: self.clock.now() };
        change(&mut transaction, &old, ConversationAct::Close, &done).await?;
        self.finish(transaction, &old, ConversationAct::Close).await
    }

    async fn act(
        &self,
        id: &ConversationId,
        version: u32,
        agent: &Reviewer,
        (act, reason): (ConversationAct, Option<&str>),
    ) -> Result<ConversationSummary, LedgerError> {
        let mut transaction = self.begin_write("change who has a conversation").await?;
        let old = answerable(&mut transaction, id, agent).await?;
        check_seen(&old, version)?;
        allowed(&old, act)?;
        if old.assignee.as_ref().is_some_and(|who| *who != agent.who) && !agent.is_admin() {
            return Err(held(&old));
        }
        if act == ConversationAct::Reopen {
            if old.close_reason.as_deref() == Some(super::erase::ERASED) {
                return Err(conflict(id, "was erased, and nothing is left to go on with"));
            }
            check_room(&mut transaction, &old, agent).await?;
            check_alone(&mut transaction, &old).await?;
        }
        let done = Done { reason, actor: &agent.who, now: self.clock.now() };
        change(&mut transaction, &old, act, &done).await?;
        self.finish(transaction, &old, act).await
    }

    /// Tells of an end, and commits.
    async fn finish(
        &self,
        mut transaction: Transaction<'_, Sqlite>,
        old: &ConversationSummary,
        act: ConversationAct,
    ) -> Result<ConversationSummary, LedgerError> {
        let conversation = standing(&mut transaction, &old.id).await?;
        if act == ConversationAct::Close {
            let event = event(EventKind::ConversationClosed, &conversation);
            self.emit_within(&mut transaction, &event).await?;
        }
        let committed = transaction.commit().await;
        committed.map_err(LedgerError::database("change who has a conversation"))?;
        self.announce();
        Ok(conversation)
    }
}

/// What webhooks are told of a conversation: ids and states, no contents.
pub(super) fn event(kind: EventKind, conversation: &ConversationSummary) -> NewEvent {
    let payload = json!({
        "conversation": conversation.id.as_str(),
        "assistant": conversation.assistant.as_str(),
        "channel": conversation.channel.as_str(),
        "state": conversation.state.as_str(),
        "reason": match conversation.state {
            ConversationState::Closed => &conversation.close_reason,
            ConversationState::Bot | ConversationState::Waiting | ConversationState::Human => {
                &conversation.reason
            }
        },
        "team": conversation.team.as_ref().map(|team| team.as_str()),
    });
    NewEvent::about(kind, payload)
}

/// Where an act leads from how a conversation stands.
pub(super) fn allowed(
    conversation: &ConversationSummary,
    act: ConversationAct,
) -> Result<ConversationState, LedgerError> {
    conversation.state.after(act).map_err(|forbidden| conflict(&conversation.id, forbidden.reason))
}

/// Says who has a conversation.
pub(super) fn held(conversation: &ConversationSummary) -> LedgerError {
    let who = conversation.assignee.as_deref().unwrap_or("nobody");
    let reason = format!("is with {who}; ask them to release it, or an administrator to take it");
    conflict(&conversation.id, reason)
}

/// An act as it is noted.
pub(super) struct Done<'a> {
    pub(super) reason: Option<&'a str>,
    pub(super) actor: &'a str,
    pub(super) now: i64,
}

/// Does what an act does to a conversation, and notes it.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    old: &ConversationSummary,
    act: ConversationAct,
    done: &Done<'_>,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "change who has a conversation";
    let state = allowed(old, act)?;
    let assignee = (state == ConversationState::Human).then_some(done.actor);
    let is_closed = state == ConversationState::Closed;
    // A reason belongs to a hand-over or to an end.
    let (why, end) = if is_closed { (None, done.reason) } else { (done.reason, None) };
    sqlx::query(
        "UPDATE conversations SET state = $2, version = version + 1, assignee = $3, \
         reason = COALESCE($4, reason), close_reason = $5, touched = $6, \
         handed_over = CASE WHEN $2 IN ('waiting', 'human') THEN COALESCE(handed_over, $6) \
         ELSE handed_over END, \
         waiting_since = CASE WHEN $2 = 'waiting' THEN $6 ELSE NULL END, \
         closed = CASE WHEN $2 = 'closed' THEN $6 ELSE NULL END, \
         failures = CASE WHEN $2 = 'bot' THEN 0 ELSE failures END WHERE id = $1",
    )
    .bind(old.id.as_str())
    .bind(state.as_str())
    .bind(assignee)
    .bind(why)
    .bind(end)
    .bind(done.now)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    sqlx::query(
        "INSERT INTO conversation_acts (conversation, ordinal, act, state, reason, actor, at) \
         SELECT $1, COALESCE(MAX(ordinal), 0) + 1, $2, $3, $4, $5, $6 FROM conversation_acts \
         WHERE conversation = $1",
    )
    .bind(old.id.as_str())
    .bind(act.as_str())
    .bind(state.as_str())
    .bind(done.reason)
    .bind(done.actor)
    .bind(done.now)
    .execute(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}

async fn check_room(
    connection: &mut SqliteConnection,
    old: &ConversationSummary,
    agent: &Reviewer,
) -> Result<(), LedgerError> {
    let held: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM conversations WHERE assignee = $1")
        .bind(&agent.who)
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("count the conversations of a person"))?;
    if held < MAX_HELD {
        return Ok(());
    }
    let reason =
        format!("is one more than {MAX_HELD}, which you have; close or release some first");
    Err(conflict(&old.id, reason))
}

/// Refuses to reopen one beside another open one of the same name.
async fn check_alone(
    connection: &mut SqliteConnection,
    old: &ConversationSummary,
) -> Result<(), LedgerError> {
    let Some(external_id) = &old.external_id else { return Ok(()) };
    let other: Option<String> = sqlx::query_scalar(
        "SELECT id FROM conversations WHERE assistant = $1 AND who = $2 AND external_id = $3 \
         AND state <> 'closed'",
    )
    .bind(old.assistant.as_str())
    .bind(&old.who)
    .bind(external_id)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look for the same conversation"))?;
    match other {
        None => Ok(()),
        Some(other) => {
            Err(conflict(&old.id, format!("was followed by `{other}`; go on in that one")))
        }
    }
}
