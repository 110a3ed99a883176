//! Creates, shows, changes, rotates and revokes API keys.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{KeyChanges, KeyRecord, KeyRequest, NewKey};
use intramuros_types::{Access, KeyId, Limits, Principal, Scope, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::grant;
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::visit::note_target;

/// How long the old secret goes on after a rotation, when nothing is said.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// The longest that it may go on.
const MAX_GRACE_SECONDS: u64 = 90 * 24 * 3600;
/// What `expires` is for a key that does not.
const NEVER: &str = "never";

/// How much a key may do; what is left out has no limit but the server's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsDto {
    /// Requests that a minute brings.
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    /// Tokens that a minute brings, of prompts and answers together.
    #[schema(minimum = 1)]
    tokens_per_minute: Option<u32>,
    /// Requests at the same time.
    #[schema(minimum = 1)]
    concurrent_requests: Option<u32>,
    /// Tokens of a calendar month (UTC), of prompts and answers together.
    #[schema(minimum = 1)]
    monthly_tokens: Option<u64>,
}

impl From<LimitsDto> for Limits {
    fn from(dto: LimitsDto) -> Self {
        Self {
            requests_per_minute: dto.requests_per_minute,
            tokens_per_minute: dto.tokens_per_minute,
            concurrent_requests: dto.concurrent_requests,
            monthly_tokens: dto.monthly_tokens,
        }
    }
}

impl From<Limits> for LimitsDto {
    fn from(limits: Limits) -> Self {
        Self {
            requests_per_minute: limits.requests_per_minute,
            tokens_per_minute: limits.tokens_per_minute,
            concurrent_requests: limits.concurrent_requests,
            monthly_tokens: limits.monthly_tokens,
        }
    }
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyDto {
    /// The visible beginning of the secret.
    id: String,
    /// What people call it.
    name: String,
    /// What it allows.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    /// Whose documents it opens beside those that are open to everybody; `*` for all.
    labels: Vec<String>,
    /// Labels whose documents it does not open, whatever else it opens.
    denied: Vec<String>,
    /// The user whose it is; it never does or reads more than they may.
    owner: Option<String>,
    /// The first of the keys of which it is a rotation; limits and consumption are counted for it.
    family: String,
    /// How much it may do.
    limits: LimitsDto,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// From when on it is refused.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    expires: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    revoked: Option<OffsetDateTime>,
    /// When it was last accepted, exact to a minute.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    last_used: Option<OffsetDateTime>,
}

impl From<KeyRecord> for KeyDto {
    fn from(key: KeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            scopes: key.scopes,
            labels: key.labels,
            denied: key.denied,
            owner: key.owner.map(|owner| owner.to_string()),
            family: key.family.to_string(),
            limits: key.limits.into(),
            created: key.created,
            expires: key.expires,
            revoked: key.revoked,
            last_used: key.last_used,
        }
    }
}

/// A key at the only moment when its secret is known.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyDto {
    /// The secret. It is not shown again.
    key: String,
    /// What is known of it later.
    #[serde(flatten)]
    record: KeyDto,
}

impl From<NewKey> for NewKeyDto {
    fn from(new: NewKey) -> Self {
        Self { key: new.secret, record: new.record.into() }
    }
}

/// The keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// Oldest first, revoked and expired ones included.
    keys: Vec<KeyDto>,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it allows: `inference`, `knowledge:read`, `knowledge:write`, `reviews:read`,
    /// `reviews:write`, `triage:read`, `triage:write`, `triage:manage`, `assistants:read`,
    /// `assistants:write`, `conversations:read`, `conversations:write`, `conversations:answer`,
    /// `pilots:read`, `pilots:write`, `jobs:read`, `jobs:write`, `usage:read`, `metrics:read`,
    /// `audit:read`, `admin`; only what the caller has.
    #[schema(value_type = Vec<String>, min_items = 1)]
    scopes: Vec<Scope>,
    /// Whose documents it opens beside those that are open to everybody; `*` for all.
    labels: Option<Vec<String>>,
    /// Labels whose documents it does not open, whatever else it opens.
    denied: Option<Vec<String>>,
    /// The user whose it is.
    owner: Option<String>,
    /// How much it may do.
    limits: Option<LimitsDto>,
    /// From when on it is refused (RFC 3339); never when left out.
    #[schema(format = "date-time")]
    expires: Option<String>,
}

impl RequestBody for CreateKey {
    const FIELDS: &'static [&'static str] =
        &["name", "scopes", "labels", "denied", "owner", "limits", "expires"];
}

/// What of a key is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateKey {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// What it allows.
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    scopes: Option<Vec<Scope>>,
    /// Whose documents it opens.
    labels: Option<Vec<String>>,
    /// Labels whose documents it does not open.
    denied: Option<Vec<String>>,
    /// How much it may do; all of it anew.
    limits: Option<LimitsDto>,
    /// From when on it is refused (RFC 3339), or `never`.
    expires: Option<String>,
}

impl RequestBody for UpdateKey {
    const FIELDS: &'static [&'static str] =
        &["name", "scopes", "labels", "denied", "limits", "expires"];
}

/// How a key is rotated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// Seconds for which the old secret goes on; a day when left out, 0 for not at all.
    #[schema(maximum = 7776000)]
    grace_seconds: Option<u64>,
}

impl RequestBody for RotateKey {
    const FIELDS: &'static [&'static str] = &["grace_seconds"];
}

/// Lists the keys.
#[utoipa::path(get, path = "/api/v1/keys", tag = "identity",
    responses((status = 200, description = "every key", body = KeyList)),
    security(("key" = [])))]
pub(crate) async fn list_keys(State(state): State<AppState>) -> Result<Json<KeyList>, ApiError> {
    let keys = state.ledger.list_keys().await?.into_iter().map(KeyDto::from).collect();
    Ok(Json(KeyList { keys }))
}

/// Makes a key. Nobody gives one more than they have themselves.
#[utoipa::path(post, path = "/api/v1/keys", tag = "identity", request_body = CreateKey,
    responses((status = 201, description = "made; the secret is not shown again", body = NewKeyDto),
        (status = 404, description = "no such owner")),
    security(("key" = [])))]
pub(crate) async fn create_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateKey>,
) -> Result<(StatusCode, Json<NewKeyDto>), ApiError> {
    let (labels, denied) = (body.labels.unwrap_or_default(), body.denied.unwrap_or_default());
    grant::check(&caller, &body.scopes, &Access::of(&labels).without(&denied))?;
    let request = KeyRequest {
        name: body.name,
        scopes: body.scopes,
        labels,
        denied,
        owner: body.owner.map(UserId::new),
        limits: body.limits.unwrap_or_default().into(),
        expires: body.expires.as_deref().map(moment).transpose()?,
    };
    let new = state.ledger.create_key(request).await?;
    note_target(&extensions, new.record.id.as_str());
    Ok((StatusCode::CREATED, Json(new.into())))
}

/// Shows a key.
#[utoipa::path(get, path = "/api/v1/keys/{key}", tag = "identity",
    params(("key" = String, Path, description = "id of the key")),
    responses((status = 200, description = "the key", body = KeyDto),
        (status = 404, description = "no such key")),
    security(("key" = [])))]
pub(crate) async fn get_key(
    State(state): State<AppState>,
    Path(key): Path<String>,
) -> Result<Json<KeyDto>, ApiError> {
    Ok(Json(state.ledger.get_key(&KeyId::new(key)).await?.into()))
}

/// Changes what is said about a key; its secret stays.
#[utoipa::path(patch, path = "/api/v1/keys/{key}", tag = "identity",
    params(("key" = String, Path, description = "id of the key")),
    request_body = UpdateKey,
    responses((status = 200, description = "the key as it is now", body = KeyDto),
        (status = 404, description = "no such key")),
    security(("key" = [])))]
pub(crate) async fn update_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(key): Path<String>,
    JsonBody(body): JsonBody<UpdateKey>,
) -> Result<Json<KeyDto>, ApiError> {
    let id = KeyId::new(key);
    let old = state.ledger.get_key(&id).await?;
    // Nobody cripples a key that may do more. Any administrator revokes one: a leaked key must be
    // stopped by whoever is there.
    let powers = state.ledger.powers_of_key(&old).await?;
    if !caller.may_give(&powers.scopes, &powers.access) {
        let message = "this key may do or read more than you: somebody who may as much changes it";
        return Err(ApiError::new(Code::InsufficientScope, message));
    }
    let scopes = body.scopes.clone().unwrap_or_else(|| old.scopes.clone());
    let labels = body.labels.clone().unwrap_or_else(|| old.labels.clone());
    let denied = body.denied.clone().unwrap_or_else(|| old.denied.clone());
    grant::check(&caller, &scopes, &Access::of(&labels).without(&denied))?;
    grant::check_lifted(&caller, &old.denied, &denied)?;
    let changes = KeyChanges {
        name: body.name,
        scopes: body.scopes,
        labels: body.labels,
        denied: body.denied,
        limits: body.limits.map(Limits::from),
        expires: match body.expires.as_deref() {
            None => None,
            Some(NEVER) => Some(None),
            Some(text) => Some(Some(moment(text)?)),
        },
    };
    Ok(Json(state.ledger.update_key(&id, changes).await?.into()))
}

/// Refuses a key from now on.
#[utoipa::path(delete, path = "/api/v1/keys/{key}", tag = "identity",
    params(("key" = String, Path, description = "id of the key")),
    responses((status = 204, description = "revoked"),
        (status = 404, description = "no such key")),
    security(("key" = [])))]
pub(crate) async fn revoke_key(
    State(state): State<AppState>,
    Path(key): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.ledger.revoke_key(&KeyId::new(key)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a key that is like this one but for its secret; the old one goes on for a while.
#[utoipa::path(post, path = "/api/v1/keys/{key}/rotate", tag = "identity",
    params(("key" = String, Path, description = "id of the key")),
    request_body = RotateKey,
    responses((status = 201, description = "made; the secret is not shown again", body = NewKeyDto),
        (status = 404, description = "no such key"),
        (status = 409, description = "it was revoked or has expired")),
    security(("key" = [])))]
pub(crate) async fn rotate_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(key): Path<String>,
    JsonBody(body): JsonBody<RotateKey>,
) -> Result<(StatusCode, Json<NewKeyDto>), ApiError> {
    let grace = body.grace_seconds.map_or(GRACE, Duration::from_secs);
    if grace.as_secs() > MAX_GRACE_SECONDS {
        let message = format!(
            "'grace_seconds' is {}, the limit is {MAX_GRACE_SECONDS} (90 days)",
            grace.as_secs()
        );
        return Err(ApiError::invalid("grace_seconds", message));
    }
    let id = KeyId::new(key);
    let record = state.ledger.get_key(&id).await?;
    // Who has the new secret can do what the key can.
    let powers = state.ledger.powers_of_key(&record).await?;
    grant::check(&caller, &powers.scopes, &powers.access)?;
    Ok((StatusCode::CREATED, Json(state.ledger.rotate_key(&id, grace).await?.into())))
}

fn moment(text: &str) -> Result<OffsetDateTime, ApiError> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        let message = "'expires' must be a moment such as 2027-01-31T00:00:00Z";
        ApiError::invalid("expires", message)
    })
}
