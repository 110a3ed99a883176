//! Passes on what becomes of a customer's message, at once or as a stream of events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{Extensions, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use intramuros_ledger::{MessageRecord, MessageRole, SentMessage};
use intramuros_usecases::chat::{Reply, ReplyEvent, Replying};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::dto::{ConversationDto, ConversationMessageDto, Viewer};
use crate::body::RequestBody;
use crate::error::ApiError;
use crate::visit::{Visit, note_documents, note_failure};

/// What a customer writes.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SayBody {
    /// Your own name for it: the same one is taken and answered once, so that it can be sent again
    /// when an answer was lost.
    #[schema(max_length = 100)]
    message_id: Option<String>,
    /// What they write.
    #[schema(max_length = 8000, pattern = r"\S")]
    text: String,
    /// Send what is done as server-sent events: `accepted` (it will not be lost), `step`
    /// (`understanding`, `searching`, `writing`, `handing_over`), `reply` with what else is answered
    /// as JSON and, when it fails, `error`.
    #[serde(default)]
    pub(in crate::api) stream: bool,
}

impl RequestBody for SayBody {
    const FIELDS: &'static [&'static str] = &["message_id", "text", "stream"];
}

impl From<SayBody> for SentMessage {
    fn from(body: SayBody) -> Self {
        let SayBody { message_id, text, stream: _ } = body;
        Self { message_id, text }
    }
}

/// What became of a customer's message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplyDto {
    /// It, as it was taken.
    message: ConversationMessageDto,
    /// What was said after it: an answer, that people were called. Empty while people have the
    /// conversation: their answers come as they write them.
    replies: Vec<ConversationMessageDto>,
    /// How the conversation stands.
    conversation: ConversationDto,
    /// That an AI answers, in the words of the assistant, where it did.
    ai_notice: Option<String>,
    /// Whether an AI's answer is among the replies (AI Act, article 50).
    generated_by_ai: bool,
}

impl ReplyDto {
    fn new(reply: Reply, viewer: Viewer) -> Self {
        let Reply { message, replies, conversation, ai_notice } = reply;
        let is_generated = |reply: &MessageRecord| reply.role == MessageRole::Assistant;
        Self {
            message: ConversationMessageDto::new(message, viewer),
            generated_by_ai: replies.iter().any(is_generated),
            replies: replies
                .into_iter()
                .map(|reply| ConversationMessageDto::new(reply, viewer))
                .collect(),
            conversation: ConversationDto::new(conversation, viewer),
            ai_notice,
        }
    }
}

/// Answers with what becomes of a message.
///
/// # Errors
/// What kept it from being answered; it is in the conversation all the same.
pub(in crate::api) async fn answer(
    replying: Replying,
    stream: bool,
    viewer: Viewer,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    if stream {
        return Ok(events(replying, viewer, extensions));
    }
    let reply = replying.collect().await?;
    note(&extensions, &reply);
    Ok(Json(ReplyDto::new(reply, viewer)).into_response())
}

/// Has the audit trail name the documents that the answers quote.
fn note(extensions: &Extensions, reply: &Reply) {
    for details in reply.replies.iter().filter_map(|message| message.details.as_ref()) {
        let citations = details["citations"].as_array().map(Vec::as_slice).unwrap_or_default();
        note_documents(extensions, citations.iter().filter_map(|one| one["document"].as_str()));
    }
}

fn events(replying: Replying, viewer: Viewer, extensions: Extensions) -> Response {
    let events = stream::unfold(Some((replying, extensions)), move |state| async move {
        let (mut replying, extensions) = state?;
        let (event, going_on) = match replying.next().await? {
            Ok(ReplyEvent::Accepted(message)) => {
                let message = ConversationMessageDto::new(*message, viewer);
                (named("accepted", &json!({"message": message})), true)
            }
            Ok(ReplyEvent::Step(step)) => (named("step", &json!({"step": step.as_str()})), true),
            Ok(ReplyEvent::Finished(reply)) => {
                note(&extensions, &reply);
                (named("reply", &json!(ReplyDto::new(*reply, viewer))), false)
            }
            Err(error) => {
                let error = ApiError::from(error);
                note_failure(extensions.get::<Arc<Visit>>(), error.code);
                (named("error", &error.problem_body()), false)
            }
        };
        Some((Ok::<_, Infallible>(event), going_on.then_some((replying, extensions))))
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // Asks nginx not to hold events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn named(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}
