//! Says how the conversations of an assistant went, and what it did not answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_ledger::{ConversationStats, Gap};
use intramuros_types::Principal;
use intramuros_usecases::chat::GapGroup;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::{IntoParams, ToSchema};

use super::super::conversations::reader;
use super::super::reviews::period;
use super::managed;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

/// Days of figures when none are given.
const DAYS: i64 = 30;

/// A time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AssistantFiguresQuery {
    /// From this day (`2026-11-30`, UTC) on; default 30 days ago.
    from: Option<String>,
    /// Up to and with this day; default today.
    to: Option<String>,
}

impl AssistantFiguresQuery {
    fn period(&self, now: OffsetDateTime) -> Result<(OffsetDateTime, OffsetDateTime), ApiError> {
        let (from, before) = period(self.from.as_deref(), self.to.as_deref())?;
        let from = from.unwrap_or(now - Duration::days(DAYS));
        Ok((from, before.unwrap_or(now + Duration::days(1))))
    }
}

/// How the conversations went that began in a time; those that tried a draft are not counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantStatsDto {
    /// How many there were.
    conversations: u64,
    /// Those that the assistant answered in and that never came to people.
    answered_by_assistant: u64,
    /// Those that came to people.
    handed_over: u64,
    /// How often they came to people, by reason.
    reasons: BTreeMap<String, u64>,
    /// Those of which the customer says that they helped.
    resolved: u64,
    /// Those of which the customer says that they did not.
    unresolved: u64,
    /// Answers that customers liked.
    thumbs_up: u64,
    /// Answers that they disliked.
    thumbs_down: u64,
    /// Seconds from hand-overs to the first answers of people, in the middle.
    median_wait_seconds: Option<f64>,
    /// What customers wrote.
    customer_messages: u64,
}

impl From<ConversationStats> for AssistantStatsDto {
    fn from(stats: ConversationStats) -> Self {
        Self {
            conversations: stats.conversations,
            answered_by_assistant: stats.answered_by_bot,
            handed_over: stats.handed_over,
            reasons: stats.reasons,
            resolved: stats.resolved,
            unresolved: stats.unresolved,
            thumbs_up: stats.thumbs_up,
            thumbs_down: stats.thumbs_down,
            median_wait_seconds: stats.median_wait.map(|wait| wait.as_secs_f64()),
            customer_messages: stats.customer_messages,
        }
    }
}

/// Questions without answer that ask about the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GapGroupDto {
    /// The one that stands for all.
    question: String,
    /// How often it was asked.
    count: u64,
    /// In how many conversations.
    conversations: u64,
    /// Why there was no answer, and how often for which reason.
    reasons: BTreeMap<String, u64>,
    /// When it was asked first.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    first: OffsetDateTime,
    /// When it was asked last.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    last: OffsetDateTime,
    /// Some of the questions, the newest first, up to 5.
    examples: Vec<GapDto>,
}

/// A question without answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GapDto {
    /// Where it was asked.
    conversation: String,
    /// The ordinal of the customer's message.
    message: u32,
    /// When it was asked.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    at: OffsetDateTime,
    /// The language of the conversation, ISO 639-1.
    language: String,
    /// Why there was no answer.
    reason: String,
    /// As it stands by itself.
    question: String,
}

/// What an assistant did not answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GapList {
    /// The most asked first.
    gaps: Vec<GapGroupDto>,
}

impl From<GapGroup> for GapGroupDto {
    fn from(group: GapGroup) -> Self {
        let GapGroup { question, count, conversations, reasons, first, last, examples } = group;
        let examples = examples.into_iter().map(GapDto::from).collect();
        Self { question, count, conversations, reasons, first, last, examples }
    }
}

impl From<Gap> for GapDto {
    fn from(gap: Gap) -> Self {
        let Gap { conversation, message, at, language, reason, question, embedding: _ } = gap;
        Self { conversation: conversation.to_string(), message, at, language, reason, question }
    }
}

/// Says how the conversations with an assistant went that began in a time.
#[utoipa::path(get, path = "/api/v1/assistants/{assistant}/stats", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug"), AssistantFiguresQuery),
    responses((status = 200, description = "the figures", body = AssistantStatsDto),
        (status = 404, description = "no such assistant")),
    security(("key" = [])))]
pub(crate) async fn assistant_stats(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
    QueryParams(query): QueryParams<AssistantFiguresQuery>,
) -> Result<Json<AssistantStatsDto>, ApiError> {
    let (from, before) = query.period(state.ledger.now())?;
    let found = managed(&state, &caller, &assistant).await?.summary;
    Ok(Json(state.ledger.conversation_stats(&found.id, from, before).await?.into()))
}

/// Lists what an assistant did not answer, the most asked first, from conversations that the caller
/// may see: what is missing in the documents.
#[utoipa::path(get, path = "/api/v1/assistants/{assistant}/gaps", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug"), AssistantFiguresQuery),
    responses((status = 200, description = "questions without answer", body = GapList),
        (status = 404, description = "no such assistant")),
    security(("key" = [])))]
pub(crate) async fn assistant_gaps(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
    QueryParams(query): QueryParams<AssistantFiguresQuery>,
) -> Result<Json<GapList>, ApiError> {
    let between = query.period(state.ledger.now())?;
    let found = managed(&state, &caller, &assistant).await?.summary;
    let reader = reader(&state, &caller).await?;
    let gaps = state.chat.gaps(&found.id, between, &reader).await?;
    Ok(Json(GapList { gaps: gaps.into_iter().map(Into::into).collect() }))
}
