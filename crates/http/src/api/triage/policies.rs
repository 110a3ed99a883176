//! Creates, changes, shows and removes triage policies.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{LedgerError, TriagePolicyRecord, TriageVersion};
use intramuros_types::{GroupId, Principal, TriagePolicyId};
use intramuros_usecases::triage::Policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::policy;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::note_target;
use crate::visit::who;

/// A policy to create.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateTriagePolicy {
    /// A slug, `[a-z0-9][a-z0-9-]{0,62}`, that names it for good.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    id: String,
    /// Who may read its tickets; everybody when left out.
    #[serde(default)]
    labels: Vec<String>,
    /// Categories, urgencies, teams and rules, each with its description.
    #[schema(value_type = Object)]
    policy: Value,
}

impl RequestBody for CreateTriagePolicy {
    const FIELDS: &'static [&'static str] = &["id", "labels", "policy"];
}

/// What to change of a policy; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UpdateTriagePolicy {
    /// The version that you changed; another one by now is a conflict.
    version: u32,
    /// Who may read its tickets.
    labels: Option<Vec<String>>,
    /// Another configuration, whole.
    #[schema(value_type = Option<Object>)]
    policy: Option<Value>,
}

impl RequestBody for UpdateTriagePolicy {
    const FIELDS: &'static [&'static str] = &["version", "labels", "policy"];
}

/// A policy without its configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriagePolicySummary {
    /// Its slug.
    id: String,
    /// The configuration in force, from 1.
    version: u32,
    /// Who may read its tickets; empty for everybody.
    labels: Vec<String>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When it was changed last.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    updated: OffsetDateTime,
}

impl From<TriagePolicyRecord> for TriagePolicySummary {
    fn from(record: TriagePolicyRecord) -> Self {
        let TriagePolicyRecord { id, version, labels, created, updated, .. } = record;
        Self { id: id.to_string(), version, labels, created, updated }
    }
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriagePolicyDto {
    /// What lists show.
    #[serde(flatten)]
    summary: TriagePolicySummary,
    /// Categories, urgencies, teams and rules, with what was left out.
    #[schema(value_type = Object)]
    policy: Value,
}

/// The policies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriagePolicyList {
    /// By id.
    policies: Vec<TriagePolicySummary>,
}

/// A version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageVersionDto {
    /// From 1.
    version: u32,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// By whom.
    created_by: String,
    /// What it says.
    #[schema(value_type = Object)]
    policy: Value,
}

impl From<TriageVersion> for TriageVersionDto {
    fn from(version: TriageVersion) -> Self {
        let TriageVersion { version, created, created_by, config } = version;
        Self { version, created, created_by, policy: config }
    }
}

/// The versions of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageVersionList {
    /// Newest first.
    versions: Vec<TriageVersionDto>,
}

/// Reads a configuration and checks it; with what was left out. Addresses must be allowed to get
/// e-mails, dispatchers must be a group.
async fn checked(state: &AppState, value: Value) -> Result<Value, ApiError> {
    let policy: Policy = serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        let place = if path == "." { "policy".to_owned() } else { format!("policy.{path}") };
        ApiError::invalid(place.clone(), format!("'{place}': {message}"))
    })?;
    policy.check().map_err(|error| ApiError::invalid(error.name.clone(), error.to_string()))?;
    for address in &policy.alerts.emails {
        state.notify.mailer().permit(address).map_err(|error| {
            ApiError::invalid("alerts.emails", format!("'alerts.emails' has '{address}': {error}"))
        })?;
    }
    if let Some(group) = &policy.dispatchers {
        let found = state.ledger.get_group(&GroupId::new(group.as_str())).await;
        if matches!(found, Err(LedgerError::NotFound { .. })) {
            let message = format!("'dispatchers' is '{group}', and there is no such group");
            return Err(ApiError::invalid("dispatchers", message));
        }
        found?;
    }
    serde_json::to_value(policy).map_err(|error| ApiError::invalid("policy", error.to_string()))
}

/// Lists the triage policies whose tickets the caller may read.
#[utoipa::path(get, path = "/api/v1/triage/policies", tag = "triage",
    responses((status = 200, description = "the policies", body = TriagePolicyList)),
    security(("key" = [])))]
pub(crate) async fn list_triage_policies(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Result<Json<TriagePolicyList>, ApiError> {
    let mut policies = state.ledger.list_triage_policies().await?;
    policies.retain(|policy| caller.access.allows(&policy.labels));
    Ok(Json(TriagePolicyList { policies: policies.into_iter().map(Into::into).collect() }))
}

/// Creates a triage policy.
#[utoipa::path(post, path = "/api/v1/triage/policies", tag = "triage",
    request_body = CreateTriagePolicy,
    responses((status = 201, description = "created", body = TriagePolicyDto),
        (status = 409, description = "the id is taken")),
    security(("key" = [])))]
pub(crate) async fn create_triage_policy(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateTriagePolicy>,
) -> Result<(StatusCode, Json<TriagePolicyDto>), ApiError> {
    let policy = checked(&state, body.policy).await?;
    holds(&caller, &body.labels)?;
    let id = TriagePolicyId::new(body.id);
    let record =
        state.ledger.create_triage_policy(&id, body.labels, &policy, &who(&caller)).await?;
    note_target(&extensions, id.as_str());
    Ok((StatusCode::CREATED, Json(TriagePolicyDto { summary: record.into(), policy })))
}

/// Nobody closes tickets to themselves, or opens them to readers that they do not know.
fn holds(caller: &Principal, labels: &[String]) -> Result<(), ApiError> {
    if caller.access.holds(labels) {
        return Ok(());
    }
    Err(ApiError::invalid("labels", "'labels' names labels that you do not hold"))
}

/// Shows a triage policy.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "the policy", body = TriagePolicyDto),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn get_triage_policy(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<TriagePolicyDto>, ApiError> {
    let record = policy(&state, &caller, &id).await?;
    let version = state.ledger.triage_version(&record.id, Some(record.version)).await?;
    Ok(Json(TriagePolicyDto { summary: record.into(), policy: version.config }))
}

/// Changes a triage policy: who may read its tickets, or its whole configuration, which is a new
/// version. To go back to an earlier version, send what it says.
#[utoipa::path(patch, path = "/api/v1/triage/policies/{policy}", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    request_body = UpdateTriagePolicy,
    responses((status = 200, description = "the policy as it is now", body = TriagePolicyDto),
        (status = 404, description = "no such policy"),
        (status = 409, description = "somebody else changed it meanwhile")),
    security(("key" = [])))]
pub(crate) async fn update_triage_policy(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<UpdateTriagePolicy>,
) -> Result<Json<TriagePolicyDto>, ApiError> {
    let old = policy(&state, &caller, &id).await?;
    let config = match body.policy {
        Some(policy) => Some(checked(&state, policy).await?),
        None => None,
    };
    if let Some(labels) = &body.labels {
        holds(&caller, labels)?;
    }
    let by = who(&caller);
    let UpdateTriagePolicy { version, labels, .. } = body;
    let ledger = &state.ledger;
    let record =
        ledger.update_triage_policy(&old.id, version, labels, config.as_ref(), &by).await?;
    let version = ledger.triage_version(&record.id, Some(record.version)).await?;
    Ok(Json(TriagePolicyDto { summary: record.into(), policy: version.config }))
}

/// Removes a triage policy with its tickets, examples and alerts, and what the reviews of its tickets
/// say.
#[utoipa::path(delete, path = "/api/v1/triage/policies/{policy}", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    responses((status = 204, description = "removed"),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn delete_triage_policy(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let record = policy(&state, &caller, &id).await?;
    state.triage.delete_policy(&record.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of a triage policy, newest first.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/versions", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "its versions", body = TriageVersionList),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn list_triage_versions(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<TriageVersionList>, ApiError> {
    let record = policy(&state, &caller, &id).await?;
    let versions = state.ledger.triage_versions(&record.id).await?;
    Ok(Json(TriageVersionList { versions: versions.into_iter().map(Into::into).collect() }))
}
