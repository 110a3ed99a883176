//! Says what an assistant would answer, without a conversation.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::{Extension, Json};
use intramuros_engine::Priority;
use intramuros_ledger::MessageRole;
use intramuros_types::Principal;
use intramuros_usecases::chat::{Preview, PreviewRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::hit::CitationDto;
use super::super::search::JudgementDto;
use super::managed;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::{caller, note_documents};

/// A message to try.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PreviewBody {
    /// What a customer would write.
    #[schema(max_length = 8000, pattern = r"\S")]
    text: String,
    /// Whether the draft answers instead of the published version.
    #[serde(default)]
    draft: bool,
    /// What was said before, in its order; up to 100 turns.
    #[serde(default)]
    #[schema(max_items = 100)]
    history: Vec<PreviewTurn>,
    /// ISO 639-1, where it is known.
    language: Option<String>,
}

impl RequestBody for PreviewBody {
    const FIELDS: &'static [&'static str] = &["text", "draft", "history", "language"];
}

/// Something that was said before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewTurn {
    /// Whether the customer said it; else the assistant.
    customer: bool,
    /// What.
    #[schema(max_length = 8000)]
    text: String,
}

/// What would become of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewDto {
    /// What the customer would read; null where people would be called at once.
    text: Option<String>,
    /// `answered`, `fixed`, `abstained` or `other`; null likewise.
    outcome: Option<&'static str>,
    /// Why people would be called; null where they would not.
    hand_over: Option<String>,
    /// What supports the answer.
    citations: Vec<CitationDto>,
    /// Why there is no answer from documents: `nothing_found`, `low_evidence`, `no_answer` or
    /// `unsupported`.
    why: Option<&'static str>,
    /// What was written and kept back.
    draft: Option<String>,
    /// Whether what was found answers; null where documents were not asked.
    judgement: Option<JudgementDto>,
}

impl From<Preview> for PreviewDto {
    fn from(preview: Preview) -> Self {
        Self {
            text: preview.text,
            outcome: preview.outcome.map(|outcome| outcome.as_str()),
            hand_over: preview.hand_over,
            citations: preview.citations.into_iter().map(Into::into).collect(),
            why: preview.why,
            draft: preview.draft,
            judgement: preview.judgement.map(Into::into),
        }
    }
}

/// Says what an assistant would answer, and why, without a conversation: to try a configuration.
#[utoipa::path(post, path = "/api/v1/assistants/{assistant}/preview", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug")),
    request_body = PreviewBody,
    responses((status = 200, description = "what would be answered", body = PreviewDto),
        (status = 404, description = "no such assistant, or none that is published"),
        (status = 429, description = "the models have too much to do")),
    security(("key" = [])))]
pub(crate) async fn preview_assistant(
    State(state): State<AppState>,
    Extension(principal): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(assistant): Path<String>,
    JsonBody(body): JsonBody<PreviewBody>,
) -> Result<Json<PreviewDto>, ApiError> {
    check(&body)?;
    let said = |turn: PreviewTurn| {
        let role = if turn.customer { MessageRole::Customer } else { MessageRole::Assistant };
        (role, turn.text)
    };
    let request = PreviewRequest {
        assistant: managed(&state, &principal, &assistant).await?.summary.id,
        draft: body.draft,
        text: body.text,
        history: body.history.into_iter().map(said).collect(),
        language: body.language,
    };
    let calling = caller(&extensions, Priority::Interactive);
    let preview = state.chat.preview(request, &calling).await?;
    note_documents(&extensions, preview.citations.iter().map(|one| one.document.as_str()));
    Ok(Json(preview.into()))
}

/// As messages of conversations are bounded.
fn check(body: &PreviewBody) -> Result<(), ApiError> {
    const MAX_CHARS: usize = 8_000;
    const MAX_TURNS: usize = 100;
    if body.text.trim().is_empty() {
        return Err(ApiError::invalid("text", "'text' is empty"));
    }
    if body.history.len() > MAX_TURNS {
        let message =
            format!("'history' has {} turns, the limit is {MAX_TURNS}", body.history.len());
        return Err(ApiError::invalid("history", message));
    }
    let texts = body.history.iter().map(|turn| &turn.text).chain([&body.text]);
    for text in texts {
        let chars = text.chars().count();
        if chars > MAX_CHARS {
            let message = format!("a message has {chars} characters, the limit is {MAX_CHARS}");
            return Err(ApiError::invalid("text", message));
        }
    }
    Ok(())
}
