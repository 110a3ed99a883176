//! Lets people take conversations, answer in them, hand them back and close them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_ledger::{ConversationSummary, Reviewer, SentMessage};
use intramuros_types::{ConversationId, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::dto::{ConversationDto, ConversationMessageDto, Viewer};
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// The conversation as a person saw it.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SeenBody {
    /// Its version; another one by now is a conflict.
    version: u32,
}

impl RequestBody for SeenBody {
    const FIELDS: &'static [&'static str] = &["version"];
}

/// Why a person closes a conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CloseBody {
    /// Its version as the person saw it; another one by now is a conflict.
    version: u32,
    /// A code, such as `resolved` or `no_answer`: a letter, then letters, digits, `_`, `.` and `-`.
    #[schema(max_length = 64)]
    reason: String,
}

impl RequestBody for CloseBody {
    const FIELDS: &'static [&'static str] = &["version", "reason"];
}

/// What a person answers.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AnswerBody {
    /// What they write.
    #[schema(max_length = 8000, pattern = r"\S")]
    text: String,
    /// Your own name for it: the same one is said once.
    #[schema(max_length = 100)]
    message_id: Option<String>,
}

impl RequestBody for AnswerBody {
    const FIELDS: &'static [&'static str] = &["text", "message_id"];
}

/// A caller as who answers.
async fn agent(state: &AppState, caller: &Principal) -> Result<Reviewer, ApiError> {
    Ok(state.ledger.reviewer(caller).await?)
}

fn shown(conversation: ConversationSummary) -> Json<ConversationDto> {
    Json(ConversationDto::new(conversation, Viewer::Person))
}

/// Takes a conversation, from the queue or from the assistant, which is silent then. An administrator
/// may take it from another person.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/take", tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = SeenBody,
    responses((status = 200, description = "the caller has it", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it changed, somebody else has it, it is for another team or \
            closed, or the caller has 200")),
    security(("key" = [])))]
pub(crate) async fn take_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<SeenBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let (id, agent) = (ConversationId::new(conversation), agent(&state, &caller).await?);
    Ok(shown(state.ledger.take_conversation(&id, body.version, &agent).await?))
}

/// Puts a conversation back in the queue that the caller has, or as an administrator anybody.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/release",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = SeenBody,
    responses((status = 200, description = "it waits again", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it changed, or the caller does not have it")),
    security(("key" = [])))]
pub(crate) async fn release_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<SeenBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let (id, agent) = (ConversationId::new(conversation), agent(&state, &caller).await?);
    Ok(shown(state.ledger.release_conversation(&id, body.version, &agent).await?))
}

/// Gives a conversation back to the assistant, which answers what the customer writes from then on.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/hand-back",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = SeenBody,
    responses((status = 200, description = "the assistant has it", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it changed, or somebody else has it")),
    security(("key" = [])))]
pub(crate) async fn hand_back_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<SeenBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let (id, agent) = (ConversationId::new(conversation), agent(&state, &caller).await?);
    Ok(shown(state.ledger.hand_back_conversation(&id, body.version, &agent).await?))
}

/// Goes on with a conversation that was closed; the caller has it then.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/reopen",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = SeenBody,
    responses((status = 200, description = "the caller has it", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it changed, is not closed, was erased, or was followed by \
            another one")),
    security(("key" = [])))]
pub(crate) async fn reopen_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<SeenBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let (id, agent) = (ConversationId::new(conversation), agent(&state, &caller).await?);
    Ok(shown(state.ledger.reopen_conversation(&id, body.version, &agent).await?))
}

/// Closes a conversation. The customer can write nothing more in it.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/close", tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = CloseBody,
    responses((status = 200, description = "closed", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it changed, is closed, or somebody else has it")),
    security(("key" = [])))]
pub(crate) async fn close_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<CloseBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let (id, agent) = (ConversationId::new(conversation), agent(&state, &caller).await?);
    let CloseBody { version, reason } = body;
    Ok(shown(state.ledger.close_conversation(&id, version, &reason, &agent).await?))
}

/// Answers in a conversation that the caller has.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/answers",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = AnswerBody,
    responses((status = 201, description = "said", body = ConversationMessageDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "the caller does not have it; take it first")),
    security(("key" = [])))]
pub(crate) async fn answer_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<AnswerBody>,
) -> Result<(StatusCode, Json<ConversationMessageDto>), ApiError> {
    let (id, agent) = (ConversationId::new(conversation), agent(&state, &caller).await?);
    let new = SentMessage { message_id: body.message_id, text: body.text };
    let said = state.ledger.add_human_answer(&id, &new, &agent).await?;
    Ok((StatusCode::CREATED, Json(ConversationMessageDto::new(said, Viewer::Person))))
}
