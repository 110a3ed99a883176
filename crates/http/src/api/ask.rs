//! Answers a question with citations, at once or as a stream of sentences.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::stream;
use intramuros_engine::Priority;
use intramuros_knowledge::{Abstention, Answer, AnswerEvent, Answering, AskRequest, Hit, Ranking};
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::hit::{CitationDto, HitDto};
use super::scope::ScopeFields;
use super::search::{JudgementDto, RankingDto};
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::openapi::StreamEvent;
use crate::state::AppState;
use crate::visit::{Visit, caller, note_documents, note_failure};

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AskBody {
    /// The question; the answer is in its language (French or English).
    #[schema(max_length = 4000, pattern = r"\S")]
    question: String,
    /// Send sentences as they are written and checked, as server-sent events `passages`,
    /// `sentence`, `answer` and, when it fails, `error`.
    #[serde(default)]
    stream: bool,
    /// Passages to write from; default as configured.
    #[schema(minimum = 1, maximum = 20)]
    passages: Option<usize>,
    /// How passages are found and ordered; default `hybrid`.
    ranking: Option<RankingDto>,
    /// Where to look.
    #[serde(flatten)]
    scope: ScopeFields,
}

impl RequestBody for AskBody {
    const FIELDS: &'static [&'static str] = &["question", "stream", "passages", "ranking"];
    const FLATTENED: &'static [&'static str] = ScopeFields::FIELDS;
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskResponse {
    /// Whether the documents answer the question.
    answered: bool,
    /// Supported sentences, or the plain statement that the documents do not answer.
    answer: String,
    /// The evidence, in the order of the sentences. Empty exactly when `answered` is false.
    citations: Vec<CitationDto>,
    /// Why there is no answer: `nothing_found`, `no_answer` (the model judged or wrote
    /// that the passages hold none) or `unsupported` (it wrote what the passages do not support).
    abstention: Option<&'static str>,
    /// Sentences of the model that were held back for want of evidence.
    withheld_sentences: u32,
    /// Language of the answer, ISO 639-1.
    language: &'static str,
    /// The model that wrote it.
    model: Option<String>,
    /// What the generator judged before it wrote, where the knowledge base is calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<JudgementDto>,
    /// The passages it was written from, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    passages: Option<Vec<HitDto>>,
    /// Tokens of the request.
    usage: AskUsage,
}

/// Tokens of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskUsage {
    /// Tokens of the prompt.
    prompt_tokens: u32,
    /// Tokens that were written.
    completion_tokens: u32,
}

impl AskResponse {
    fn new(answer: Answer, passages: Option<Vec<Hit>>) -> Self {
        Self {
            answered: answer.abstention.is_none(),
            answer: answer.text,
            citations: answer.citations.into_iter().map(CitationDto::from).collect(),
            abstention: answer.abstention.map(|reason| match reason {
                Abstention::NothingFound => "nothing_found",
                Abstention::NoAnswer => "no_answer",
                Abstention::Unsupported => "unsupported",
            }),
            withheld_sentences: answer.withheld_sentences,
            language: answer.language.code(),
            model: answer.model.map(|model| model.to_string()),
            judgement: answer.judgement.map(JudgementDto::from),
            passages: passages.map(|hits| hits.into_iter().map(HitDto::from).collect()),
            usage: AskUsage {
                prompt_tokens: answer.usage.prompt_tokens,
                completion_tokens: answer.usage.completion_tokens,
            },
        }
    }
}

/// Answers a question from the documents, or says that they do not answer it.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/ask", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = AskBody,
    responses((status = 200, description = "the answer, or a stream of events",
            content((AskResponse = "application/json"), (StreamEvent = "text/event-stream"))),
        (status = 400, description = "a field is wrong"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base"),
        (status = 429, description = "the queue is full; see Retry-After"),
        (status = 503, description = "no generator is configured")),
    security(("key" = [])))]
pub(crate) async fn ask(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    extensions: Extensions,
    JsonBody(body): JsonBody<AskBody>,
) -> Result<Response, ApiError> {
    let request = AskRequest {
        caller: caller(&extensions, Priority::Interactive),
        question: body.question,
        passages: body.passages,
        ranking: body.ranking.map(Ranking::from).unwrap_or_default(),
        scope: body.scope.within(&access),
    };
    let kb = KnowledgeBaseId::new(kb);
    // Generations bound their own time; what comes before the answer can be many.
    let asking = state.knowledge.ask(&kb, request);
    let Ok(answering) = tokio::time::timeout(state.limits.request_timeout, asking).await else {
        let seconds = state.limits.request_timeout.as_secs();
        let message = format!("no answer was begun within {seconds} s; ask for fewer passages");
        return Err(ApiError::new(Code::Timeout, message));
    };
    let answering = answering?;
    if body.stream {
        return Ok(stream_answer(answering, extensions));
    }
    let (answer, passages) = answering.collect().await?;
    note_documents(&extensions, documents(&passages));
    Ok(Json(AskResponse::new(answer, Some(passages))).into_response())
}

fn documents(hits: &[Hit]) -> impl Iterator<Item = &str> {
    hits.iter().map(|hit| hit.passage.document.as_str())
}

fn stream_answer(answering: Answering, extensions: Extensions) -> Response {
    let events = stream::unfold(Some((answering, extensions)), |state| async move {
        let (mut answering, extensions) = state?;
        let (event, going_on) = match answering.next().await? {
            Ok(event) => {
                if let AnswerEvent::Passages(hits) = &event {
                    note_documents(&extensions, documents(hits));
                }
                (to_event(event), true)
            }
            Err(error) => {
                let error = ApiError::from(error);
                note_failure(extensions.get::<Arc<Visit>>(), error.code);
                (named("error", &error.problem_body()), false)
            }
        };
        Some((Ok::<_, Infallible>(event), going_on.then_some((answering, extensions))))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response()
}

fn to_event(event: AnswerEvent) -> Event {
    match event {
        AnswerEvent::Passages(hits) => {
            let hits: Vec<HitDto> = hits.into_iter().map(HitDto::from).collect();
            named("passages", &json!({"passages": hits}))
        }
        AnswerEvent::Sentence { text, citation } => {
            let citation = CitationDto::from(*citation);
            named("sentence", &json!({"text": text, "citation": citation}))
        }
        AnswerEvent::Finished(answer) => named("answer", &json!(AskResponse::new(*answer, None))),
    }
}

fn named(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}
