//! Takes what customers think of answers and of conversations.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_types::{ConversationId, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::dto::{ConversationDto, ConversationMessageDto, Viewer};
use super::own;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// A thumb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Thumb {
    /// The answer is good.
    Up,
    /// It is not.
    Down,
}

/// What a customer thinks of an answer.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct JudgeAnswerBody {
    /// `up` or `down`; null or left out takes it back.
    thumb: Option<Thumb>,
    /// What they say of it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(in crate::api) comment: String,
}

impl JudgeAnswerBody {
    /// The thumb as the ledger has it.
    pub(in crate::api) fn is_up(&self) -> Option<bool> {
        self.thumb.map(|thumb| thumb == Thumb::Up)
    }
}

impl RequestBody for JudgeAnswerBody {
    const FIELDS: &'static [&'static str] = &["thumb", "comment"];
}

/// What a customer thinks of a conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct JudgeBody {
    /// Whether it helped; null or left out takes it back.
    pub(in crate::api) resolved: Option<bool>,
}

impl RequestBody for JudgeBody {
    const FIELDS: &'static [&'static str] = &["resolved"];
}

/// Notes what the customer thinks of an answer; the last word counts.
#[utoipa::path(put,
    path = "/api/v1/conversations/{conversation}/messages/{ordinal}/feedback",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation"),
        ("ordinal" = u32, Path, description = "the answer's place, from 1")),
    request_body = JudgeAnswerBody,
    responses((status = 200, description = "the answer as it is now", body = ConversationMessageDto),
        (status = 404, description = "no such conversation or message")),
    security(("key" = [])))]
pub(crate) async fn judge_answer(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((conversation, ordinal)): Path<(String, u32)>,
    JsonBody(body): JsonBody<JudgeAnswerBody>,
) -> Result<Json<ConversationMessageDto>, ApiError> {
    let id = ConversationId::new(conversation);
    own(&state, &caller, &id).await?;
    let judged = state.ledger.judge_answer(&id, ordinal, body.is_up(), &body.comment).await?;
    Ok(Json(ConversationMessageDto::new(judged, Viewer::Customer)))
}

/// Notes whether a conversation helped the customer; the last word counts.
#[utoipa::path(put, path = "/api/v1/conversations/{conversation}/feedback",
    tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    request_body = JudgeBody,
    responses((status = 200, description = "the conversation as it is now",
            body = ConversationDto),
        (status = 404, description = "no such conversation")),
    security(("key" = [])))]
pub(crate) async fn judge_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
    JsonBody(body): JsonBody<JudgeBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let id = ConversationId::new(conversation);
    own(&state, &caller, &id).await?;
    let judged = state.ledger.judge_conversation(&id, body.resolved).await?;
    Ok(Json(ConversationDto::new(judged, Viewer::Customer)))
}
