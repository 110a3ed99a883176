//! Keeps the texts that triage learns from.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_ledger::NewExample;
use intramuros_types::{Principal, TriageExampleId};
use intramuros_usecases::triage::text_of;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dto::{ExampleDto, ExampleList, TicketLabelsDto};
use super::policy;
use super::query::TriagePageQuery;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::who;

/// Texts whose labels are known.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AddExamples {
    /// Up to 20,000.
    #[schema(max_items = 20000)]
    examples: Vec<ExampleBody>,
}

impl RequestBody for AddExamples {
    const FIELDS: &'static [&'static str] = &["examples"];
}

/// A text whose labels are known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExampleBody {
    /// The subject of the message that it was.
    #[serde(default)]
    subject: String,
    /// What the message says; quoted mails and signatures are left out of what is learnt.
    #[serde(default)]
    body: String,
    /// What is right.
    labels: TicketLabelsDto,
}

/// What became of examples.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExamplesAddedDto {
    /// New texts.
    added: u64,
    /// Texts that were there with other labels.
    changed: u64,
    /// Texts that were there with the same labels.
    unchanged: u64,
}

/// How many examples went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExamplesRemoved {
    /// How many.
    removed: u64,
}

/// Adds examples, all or none. They count from the next ticket on; the generator reads them in the
/// background, a second or two each on a CPU.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/examples", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    request_body = AddExamples,
    responses((status = 200, description = "added", body = ExamplesAddedDto),
        (status = 404, description = "no such policy"),
        (status = 409, description = "it would have too many")),
    security(("key" = [])))]
pub(crate) async fn add_triage_examples(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<AddExamples>,
) -> Result<Json<ExamplesAddedDto>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let example = |body: ExampleBody| NewExample {
        text: text_of(&body.subject, &body.body),
        labels: body.labels.into(),
    };
    let examples: Vec<NewExample> = body.examples.into_iter().map(example).collect();
    let added = state.triage.add_examples(&policy.id, &examples, &who(&caller)).await?;
    let (added, changed, unchanged) = (added.added, added.changed, added.unchanged);
    Ok(Json(ExamplesAddedDto { added, changed, unchanged }))
}

/// Lists the examples of a policy, newest first.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/examples", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), TriagePageQuery),
    responses((status = 200, description = "a page of examples", body = ExampleList),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn list_triage_examples(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<TriagePageQuery>,
) -> Result<Json<ExampleList>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let limit = query.limit();
    let after = query.cursor.map(TriageExampleId::new);
    let (examples, next) =
        state.ledger.list_triage_examples(&policy.id, after.as_ref(), limit).await?;
    let examples = examples.into_iter().map(ExampleDto::from).collect();
    Ok(Json(ExampleList { examples, next: next.map(|id| id.to_string()) }))
}

/// Removes all examples of a policy, those included that tickets became.
#[utoipa::path(delete, path = "/api/v1/triage/policies/{policy}/examples", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "removed", body = ExamplesRemoved),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn delete_triage_examples(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<ExamplesRemoved>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let removed = state.ledger.delete_triage_examples(&policy.id, None).await?;
    Ok(Json(ExamplesRemoved { removed }))
}

/// Removes one example.
#[utoipa::path(delete, path = "/api/v1/triage/policies/{policy}/examples/{example}", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"),
        ("example" = String, Path, description = "id of the example")),
    responses((status = 204, description = "removed"),
        (status = 404, description = "no such policy or example")),
    security(("key" = [])))]
pub(crate) async fn delete_triage_example(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((id, example)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let example = TriageExampleId::new(example);
    state.ledger.delete_triage_examples(&policy.id, Some(&example)).await?;
    Ok(StatusCode::NO_CONTENT)
}
