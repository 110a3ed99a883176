//! Takes what customers write and want, from who opened their conversation.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::response::Response;
use axum::{Extension, Json};
use intramuros_engine::Priority;
use intramuros_types::{ConversationId, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::dto::{ConversationDto, Viewer};
use super::own;
use super::reply::{ReplyDto, SayBody, answer};
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::openapi::StreamEvent;
use crate::state::AppState;
use crate::visit::{caller as calling, who};

/// Why a conversation is closed whose customer gave no reason.
const ENDED: &str = "customer";

/// Why a customer closes a conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EndBody {
    /// A code: a letter, then letters, digits, `_`, `.` and `-`; default `customer`.
    #[schema(max_length = 64)]
    reason: Option<String>,
}

impl RequestBody for EndBody {
    const FIELDS: &'static [&'static str] = &["reason"];
}

/// Takes a message of the customer and answers it: by rules, by what people wrote beforehand, or from
/// documents; or gives the conversation to people. It is answered too when nobody waits for it: what
/// is said is then among the messages.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/messages",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = SayBody,
    responses((status = 200, description = "what became of it, or a stream of events",
            content((ReplyDto = "application/json"), (StreamEvent = "text/event-stream"))),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it is closed, or the message id was another message's"),
        (status = 429, description = "too many messages wait; see Retry-After"),
        (status = 503, description = "no generator is configured")),
    security(("key" = [])))]
pub(crate) async fn say(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<SayBody>,
) -> Result<Response, ApiError> {
    let id = ConversationId::new(conversation);
    own(&state, &caller, &id).await?;
    let (stream, calling) = (body.stream, calling(&extensions, Priority::Interactive));
    let replying = state.chat.say(&id, body.into(), calling).await?;
    answer(replying, stream, Viewer::Customer, extensions).await
}

/// Gives a conversation to people because its customer asks for one. Nothing happens to one that
/// people have already.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/call-person",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    responses((status = 200, description = "people were told", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it is closed"),
        (status = 429, description = "the server has too much to do; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn call_person(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(conversation): Path<String>,
) -> Result<Json<ConversationDto>, ApiError> {
    let id = ConversationId::new(conversation);
    own(&state, &caller, &id).await?;
    let calling = calling(&extensions, Priority::Interactive);
    let called = state.chat.call_person(&id, &calling).await?;
    Ok(Json(ConversationDto::new(called, Viewer::Customer)))
}

/// Closes a conversation for its customer.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/end", tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = EndBody,
    responses((status = 200, description = "closed", body = ConversationDto),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "it is closed already")),
    security(("key" = [])))]
pub(crate) async fn end_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<EndBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let id = ConversationId::new(conversation);
    own(&state, &caller, &id).await?;
    let reason = body.reason.as_deref().unwrap_or(ENDED);
    let closed = state.ledger.end_conversation(&id, reason, &who(&caller)).await?;
    Ok(Json(ConversationDto::new(closed, Viewer::Customer)))
}
