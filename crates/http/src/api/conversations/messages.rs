//! Waits for new messages of a conversation: what people answer comes when they write it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::{Extension, Json};
use intramuros_ledger::{ConversationSummary, MessageRecord};
use intramuros_types::{ConversationId, Principal};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::dto::{ConversationDto, ConversationMessageDto, Viewer};
use super::seen;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::note_nothing_shown;

/// The longest wait; proxies give up after 30 s at the earliest.
const MAX_WAIT_SECONDS: u32 = 25;
/// Between two looks. The ledger tells nobody of new rows, and a look is one short query.
const PAUSE: Duration = Duration::from_millis(500);
/// Messages of one answer; who was told as many asks again.
const MAX_MESSAGES: u32 = 500;

/// Which messages to wait for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesQuery {
    /// Only those after this ordinal; default 0, all.
    #[serde(default)]
    after: u32,
    /// Seconds to wait for one, 0 (default) to 25.
    #[serde(default)]
    #[param(maximum = 25)]
    wait_s: u32,
    /// The version of the conversation that you saw: another one ends the wait, too.
    version: Option<u32>,
}

impl MessagesQuery {
    pub(in crate::api) fn check(&self) -> Result<(), ApiError> {
        if self.wait_s > MAX_WAIT_SECONDS {
            let message =
                format!("'wait_s' is {}, it must be 0 to {MAX_WAIT_SECONDS}", self.wait_s);
            return Err(ApiError::invalid("wait_s", message));
        }
        Ok(())
    }
}

/// What is new in a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewMessages {
    /// In order, up to 500; none when there was none in time.
    pub(in crate::api) messages: Vec<ConversationMessageDto>,
    /// How the conversation stands.
    pub(in crate::api) conversation: ConversationDto,
}

/// Shows the messages after one, or waits for some: until there are any, until something else changes
/// in the conversation, or for `wait_s`.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation}/messages",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation"),
        MessagesQuery),
    responses((status = 200, description = "what is new", body = NewMessages),
        (status = 404, description = "no such conversation")),
    security(("key" = [])))]
pub(crate) async fn list_messages(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(conversation): Path<String>,
    QueryParams(query): QueryParams<MessagesQuery>,
) -> Result<Json<NewMessages>, ApiError> {
    query.check()?;
    let id = ConversationId::new(conversation);
    let (_, viewer) = seen(&state, &caller, &id).await?;
    let (conversation, messages) = wait(&state, &id, &query).await?;
    if viewer != Viewer::Person || messages.is_empty() {
        note_nothing_shown(&extensions);
    }
    let messages =
        messages.into_iter().map(|message| ConversationMessageDto::new(message, viewer)).collect();
    Ok(Json(NewMessages { messages, conversation: ConversationDto::new(conversation, viewer) }))
}

/// The messages that `query` asks for, as soon as there are any, and how the conversation stands. A
/// server that stops lets nobody wait.
pub(in crate::api) async fn wait(
    state: &AppState,
    id: &ConversationId,
    query: &MessagesQuery,
) -> Result<(ConversationSummary, Vec<MessageRecord>), ApiError> {
    let end = Instant::now() + Duration::from_secs(u64::from(query.wait_s));
    let mut seen = query.version;
    loop {
        let conversation = state.ledger.conversation_summary(id).await?;
        if conversation.messages > query.after {
            let messages = state.ledger.messages_after(id, query.after, MAX_MESSAGES).await?;
            return Ok((conversation, messages));
        }
        let is_changed = *seen.get_or_insert(conversation.version) != conversation.version;
        let left = end.saturating_duration_since(Instant::now());
        if is_changed || left.is_zero() || state.readiness.is_stopping() {
            return Ok((conversation, Vec::new()));
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}
