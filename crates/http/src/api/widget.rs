//! Lets visitors of web pages talk to assistants, without a key, under `/api/v1/widget`.
//!
//! A visitor holds the token of one conversation and sees nothing else: what was said in it, and of
//! answers what they quote. [`admit`](mod@admit) decides who comes in, [`cors`](mod@cors) what browsers
//! are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use intramuros_engine::{Caller, Meter, Priority};
use intramuros_ledger::{
    AuditEntry, AuditOutcome, ConversationSummary, Lines, UsageEntry, WidgetSession,
};
use intramuros_types::{AssistantId, KeyId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::conversations::dto::{ConversationDto, ConversationMessageDto, Viewer};
use super::conversations::feedback::{JudgeAnswerBody, JudgeBody};
use super::conversations::messages::{MessagesQuery, NewMessages, wait};
use super::conversations::reply::{ReplyDto, SayBody, answer};
use crate::body::{JsonBody, RequestBody};
use crate::compress::NotCompressed;
use crate::error::ApiError;
use crate::openapi::StreamEvent;
use crate::query::QueryParams;
use crate::request_id::request_id;
use crate::state::AppState;
use crate::track::RequestRecord;

mod admit;
mod cors;
mod face;

use admit::Client;
pub(crate) use admit::admit;
pub(crate) use cors::cors;
pub(crate) use face::Face;

/// Where all of this is.
const PATH: &str = "/api/v1/widget/";
/// What follows [`PATH`] and is no slug.
pub(super) const FIXED: [&str; 4] = ["messages", "feedback", "conversation", "call-person"];
/// Whether a path is one of these.
pub(crate) fn is_of(path: &str) -> bool {
    path.starts_with(PATH)
}

/// What their consumption is counted under.
const USE_CASE: &str = "widget";

/// A visitor with a token that counts.
#[derive(Debug)]
pub(crate) struct Visitor {
    conversation: ConversationSummary,
}

/// What an assistant shows before a conversation begins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WidgetDto {
    /// What it is called.
    name: String,
    /// The languages that it speaks, ISO 639-1; the first is the one where none is known.
    languages: Vec<String>,
    /// What it says first, by language.
    greeting: BTreeMap<String, String>,
    /// That an AI answers, by language; empty where it is not said.
    ai_notice: BTreeMap<String, String>,
}

/// A conversation of a visitor to open.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct OpenWidgetBody {
    /// The visitor's language, ISO 639-1; else that of the assistant.
    #[schema(max_length = 2)]
    language: Option<String>,
}

impl RequestBody for OpenWidgetBody {
    const FIELDS: &'static [&'static str] = &["language"];
}

/// A conversation of a visitor that began.
#[derive(Serialize, ToSchema)]
pub(crate) struct WidgetSessionDto {
    /// `imw_…`, to be sent as `Authorization: Bearer`: opens this conversation and nothing else, for
    /// a day.
    token: String,
    /// How it stands.
    conversation: ConversationDto,
    /// What was said first: that an AI answers, and the greeting.
    messages: Vec<ConversationMessageDto>,
}

/// For whom engines work when they work for a visitor: all visitors of an assistant have one share.
/// What it takes is counted for nobody's key.
fn calling(state: &AppState, extensions: &Extensions, assistant: &AssistantId) -> Caller {
    let journal = state.accounting.journal.clone();
    let meter = Meter::new(move |consumed| {
        let entry = |(number, (model, consumption))| UsageEntry {
            key: None,
            user: None,
            model: Some(model),
            use_case: USE_CASE.to_owned(),
            requests: u32::from(number == 0),
            consumption,
        };
        let usage = consumed.into_iter().enumerate().map(entry).collect();
        journal.note(Lines { usage, ..Lines::default() });
    });
    Caller {
        id: request_id(extensions),
        client: Some(KeyId::new(assistant.as_str())),
        priority: Priority::Interactive,
        meter: meter.with_tally(RequestRecord::of(extensions).tally),
    }
}

/// Shows what an assistant is called and says first.
#[utoipa::path(get, path = "/api/v1/widget/{slug}", tag = "widget",
    params(("slug" = String, Path, description = "the assistant's slug")),
    responses((status = 200, description = "the assistant", body = WidgetDto),
        (status = 403, description = "it is not offered to pages of this origin"),
        (status = 404, description = "no such assistant, or none that is for web pages"),
        (status = 429, description = "too many requests at once")))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn show_widget(Extension(face): Extension<Arc<Face>>) -> Json<WidgetDto> {
    Json(WidgetDto {
        name: face.name.clone(),
        languages: face.languages.clone(),
        greeting: face.greeting.clone(),
        ai_notice: face.ai_notice.clone(),
    })
}

/// Opens a conversation of a visitor of a web page that may have the assistant: its browser says
/// which one it is (`Origin`).
#[utoipa::path(post, path = "/api/v1/widget/{slug}/conversations", tag = "widget",
    params(("slug" = String, Path, description = "the assistant's slug")),
    request_body = OpenWidgetBody,
    responses((status = 201, description = "opened", body = WidgetSessionDto),
        (status = 403, description = "it is not offered to pages of this origin"),
        (status = 404, description = "no such assistant, or none that is for web pages"),
        (status = 429, description = "the day's limit is reached; see Retry-After")))]
pub(crate) async fn open_widget(
    State(state): State<AppState>,
    Extension(Client(client)): Extension<Client>,
    Path(slug): Path<String>,
    extensions: Extensions,
    headers: axum::http::HeaderMap,
    JsonBody(body): JsonBody<OpenWidgetBody>,
) -> Result<Response, ApiError> {
    let assistant = state.ledger.find_assistant(&slug).await?.id;
    let visitor = state.ledger.visitor(&assistant, &client.to_string()).await?;
    let origin = headers.get(axum::http::header::ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let calling = calling(&state, &extensions, &assistant);
    let language = body.language.as_deref();
    let WidgetSession { token, conversation } =
        state.chat.open_widget(&slug, (origin, &visitor), language, &calling).await?;
    let said = state.ledger.messages_after(&conversation.id, 0, u32::MAX).await?;
    let session = WidgetSessionDto {
        token,
        conversation: ConversationDto::new(conversation, Viewer::Visitor),
        messages: shown(said),
    };
    let mut response = (StatusCode::CREATED, Json(session)).into_response();
    // A secret beside what the client sent.
    response.extensions_mut().insert(NotCompressed);
    Ok(response)
}

fn shown(messages: Vec<intramuros_ledger::MessageRecord>) -> Vec<ConversationMessageDto> {
    messages
        .into_iter()
        .map(|message| ConversationMessageDto::new(message, Viewer::Visitor))
        .collect()
}

/// Takes a message of the visitor and answers it, as in conversations of applications.
#[utoipa::path(post, path = "/api/v1/widget/messages", tag = "widget", request_body = SayBody,
    responses((status = 200, description = "what became of it, or a stream of events",
            content((ReplyDto = "application/json"), (StreamEvent = "text/event-stream"))),
        (status = 403, description = "the page may not have the assistant"),
        (status = 404, description = "the conversation was deleted meanwhile"),
        (status = 409, description = "it is closed, or the message id was another message's"),
        (status = 429, description = "the day's limit is reached, or too many messages wait; see \
            Retry-After"),
        (status = 503, description = "no generator is configured")),
    security(("visitor" = [])))]
pub(crate) async fn say_in_widget(
    State(state): State<AppState>,
    Extension(visitor): Extension<Arc<Visitor>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<SayBody>,
) -> Result<Response, ApiError> {
    let ConversationSummary { id, assistant, .. } = &visitor.conversation;
    let (stream, calling) = (body.stream, calling(&state, &extensions, assistant));
    let replying = state.chat.say(id, body.into(), calling).await?;
    answer(replying, stream, Viewer::Visitor, extensions).await
}

/// Shows the messages after one, or waits for some.
#[utoipa::path(get, path = "/api/v1/widget/messages", tag = "widget", params(MessagesQuery),
    responses((status = 200, description = "what is new", body = NewMessages),
        (status = 403, description = "the page may not have the assistant"),
        (status = 404, description = "the conversation was deleted meanwhile"),
        (status = 429, description = "too many requests at once")),
    security(("visitor" = [])))]
pub(crate) async fn list_widget_messages(
    State(state): State<AppState>,
    Extension(visitor): Extension<Arc<Visitor>>,
    QueryParams(query): QueryParams<MessagesQuery>,
) -> Result<Json<NewMessages>, ApiError> {
    query.check()?;
    let (conversation, messages) = wait(&state, &visitor.conversation.id, &query).await?;
    let conversation = ConversationDto::new(conversation, Viewer::Visitor);
    Ok(Json(NewMessages { messages: shown(messages), conversation }))
}

/// Gives the conversation to people because its visitor asks for one.
#[utoipa::path(post, path = "/api/v1/widget/call-person", tag = "widget",
    responses((status = 200, description = "people were told", body = ConversationDto),
        (status = 403, description = "the page may not have the assistant"),
        (status = 404, description = "the conversation was deleted meanwhile"),
        (status = 409, description = "it is closed"),
        (status = 429, description = "too many requests at once")),
    security(("visitor" = [])))]
pub(crate) async fn call_person_in_widget(
    State(state): State<AppState>,
    Extension(visitor): Extension<Arc<Visitor>>,
    extensions: Extensions,
) -> Result<Json<ConversationDto>, ApiError> {
    let ConversationSummary { id, assistant, .. } = &visitor.conversation;
    let calling = calling(&state, &extensions, assistant);
    let called = state.chat.call_person(id, &calling).await?;
    Ok(Json(ConversationDto::new(called, Viewer::Visitor)))
}

/// Notes what the visitor thinks of an answer; the last word counts.
#[utoipa::path(put, path = "/api/v1/widget/messages/{ordinal}/feedback", tag = "widget",
    params(("ordinal" = u32, Path, description = "the answer's place, from 1")),
    request_body = JudgeAnswerBody,
    responses((status = 200, description = "the answer as it is now", body = ConversationMessageDto),
        (status = 403, description = "the page may not have the assistant"),
        (status = 404, description = "no such message"),
        (status = 429, description = "too many requests at once")),
    security(("visitor" = [])))]
pub(crate) async fn judge_widget_answer(
    State(state): State<AppState>,
    Extension(visitor): Extension<Arc<Visitor>>,
    Path(ordinal): Path<u32>,
    JsonBody(body): JsonBody<JudgeAnswerBody>,
) -> Result<Json<ConversationMessageDto>, ApiError> {
    let id = &visitor.conversation.id;
    let judged = state.ledger.judge_answer(id, ordinal, body.is_up(), &body.comment).await?;
    Ok(Json(ConversationMessageDto::new(judged, Viewer::Visitor)))
}

/// Notes whether the conversation helped the visitor; the last word counts.
#[utoipa::path(put, path = "/api/v1/widget/feedback", tag = "widget", request_body = JudgeBody,
    responses((status = 200, description = "the conversation as it is now",
            body = ConversationDto),
        (status = 403, description = "the page may not have the assistant"),
        (status = 404, description = "the conversation was deleted meanwhile"),
        (status = 429, description = "too many requests at once")),
    security(("visitor" = [])))]
pub(crate) async fn judge_widget_conversation(
    State(state): State<AppState>,
    Extension(visitor): Extension<Arc<Visitor>>,
    JsonBody(body): JsonBody<JudgeBody>,
) -> Result<Json<ConversationDto>, ApiError> {
    let id = &visitor.conversation.id;
    let judged = state.ledger.judge_conversation(id, body.resolved).await?;
    Ok(Json(ConversationDto::new(judged, Viewer::Visitor)))
}

/// Deletes the conversation with all that was said in it; the token opens nothing then.
#[utoipa::path(delete, path = "/api/v1/widget/conversation", tag = "widget",
    responses((status = 204, description = "deleted"),
        (status = 403, description = "the page may not have the assistant"),
        (status = 404, description = "the conversation was deleted meanwhile"),
        (status = 429, description = "too many requests at once")),
    security(("visitor" = [])))]
pub(crate) async fn delete_widget_conversation(
    State(state): State<AppState>,
    Extension(visitor): Extension<Arc<Visitor>>,
    extensions: Extensions,
) -> Result<StatusCode, ApiError> {
    let id = &visitor.conversation.id;
    state.ledger.delete_conversation(id).await?;
    if state.accounting.audits() {
        let entry = AuditEntry {
            actor: "visitor".to_owned(),
            action: "widget.delete".to_owned(),
            target: format!("conversations/{id}"),
            outcome: AuditOutcome::Done,
            request: Some(request_id(&extensions)),
            details: json!({}),
            content: None,
        };
        state.accounting.journal.note(Lines { audit: vec![entry], ..Lines::default() });
    }
    Ok(StatusCode::NO_CONTENT)
}
