//! Creates, lists, changes and removes webhooks, and tries one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_ledger::{NewWebhook, WebhookChange, WebhookRecord, WebhookSecret};
use intramuros_types::WebhookId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::deliveries::DeliveryDto;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// A webhook to create.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateWebhook {
    /// Where events are posted; `egress.allow` of the settings must name it.
    url: String,
    /// Kinds of events, or `*` for all.
    events: Vec<String>,
    /// What you call it, up to 200 characters.
    description: Option<String>,
}

impl RequestBody for CreateWebhook {
    const FIELDS: &'static [&'static str] = &["url", "events", "description"];
}

/// What to change of a webhook; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UpdateWebhook {
    /// Where events are posted.
    url: Option<String>,
    /// Kinds of events, or `*` for all.
    events: Option<Vec<String>>,
    /// What you call it.
    description: Option<String>,
    /// Whether it gets anything. What waits for it stays until it is enabled again.
    enabled: Option<bool>,
}

impl RequestBody for UpdateWebhook {
    const FIELDS: &'static [&'static str] = &["url", "events", "description", "enabled"];
}

/// A webhook. Its secret is told at its creation and rotation only.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookDto {
    /// `whk_…`
    id: String,
    /// Where events are posted.
    url: String,
    /// Kinds of events, or `*` for all.
    events: Vec<String>,
    /// What you call it.
    description: String,
    /// Whether it gets anything.
    enabled: bool,
    /// Why the server disabled it, if it did: the receiver answered 410.
    disabled_reason: Option<String>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// Until when the secret before the last rotation signs too.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    rotating_until: Option<OffsetDateTime>,
    /// Events that the receiver took, since it was created.
    delivered: u64,
    /// Events that were given up.
    dead: u64,
    /// Events that were not kept for it, because 10,000 waited already.
    dropped: u64,
    /// Attempts that failed since the last one that did not.
    failures: u64,
    /// When the receiver last took one.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    last_delivered: Option<OffsetDateTime>,
    /// When an attempt last failed.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    last_failed: Option<OffsetDateTime>,
    /// Why the last attempt failed, if it did.
    last_error: Option<String>,
}

impl From<WebhookRecord> for WebhookDto {
    fn from(record: WebhookRecord) -> Self {
        Self {
            id: record.id.to_string(),
            url: record.url,
            events: record.events,
            description: record.description,
            enabled: record.enabled,
            disabled_reason: record.disabled_reason,
            created: record.created,
            rotating_until: record.rotating_until,
            delivered: record.delivered,
            dead: record.dead,
            dropped: record.dropped,
            failures: record.failures,
            last_delivered: record.last_delivered,
            last_failed: record.last_failed,
            last_error: record.last_error,
        }
    }
}

/// A webhook with its secret, which is not told again.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecretDto {
    /// The webhook.
    webhook: WebhookDto,
    /// `whsec_` and the key of the signatures in base64.
    secret: String,
}

impl From<WebhookSecret> for WebhookSecretDto {
    fn from(made: WebhookSecret) -> Self {
        Self { webhook: made.record.into(), secret: made.secret }
    }
}

/// The webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookList {
    /// The oldest first.
    webhooks: Vec<WebhookDto>,
}

/// Lists the webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "administration",
    responses((status = 200, description = "every webhook", body = WebhookList)),
    security(("key" = [])))]
pub(crate) async fn list_webhooks(
    State(state): State<AppState>,
) -> Result<Json<WebhookList>, ApiError> {
    let webhooks = state.ledger.list_webhooks().await?;
    Ok(Json(WebhookList { webhooks: webhooks.into_iter().map(WebhookDto::from).collect() }))
}

/// Creates a webhook. The answer has the secret that deliveries are signed with; it is not told again.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "administration",
    request_body = CreateWebhook,
    responses((status = 201, description = "created", body = WebhookSecretDto),
        (status = 400, description = "a field is wrong, or the address is not allowed"),
        (status = 409, description = "there are 100 already")),
    security(("key" = [])))]
pub(crate) async fn create_webhook(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<CreateWebhook>,
) -> Result<(StatusCode, Json<WebhookSecretDto>), ApiError> {
    let url = state.notify.permit_url(&request.url)?.into();
    let description = request.description.unwrap_or_default();
    let new = NewWebhook { url, events: request.events, description };
    let made = state.ledger.create_webhook(new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Describes one webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}", tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 200, description = "the webhook", body = WebhookDto),
        (status = 404, description = "no such webhook")),
    security(("key" = [])))]
pub(crate) async fn get_webhook(
    State(state): State<AppState>,
    Path(webhook): Path<String>,
) -> Result<Json<WebhookDto>, ApiError> {
    let record = state.ledger.get_webhook(&WebhookId::new(webhook)).await?;
    Ok(Json(record.into()))
}

/// Changes a webhook.
#[utoipa::path(patch, path = "/api/v1/webhooks/{webhook}", tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook")),
    request_body = UpdateWebhook,
    responses((status = 200, description = "as it is now", body = WebhookDto),
        (status = 400, description = "a field is wrong, or the address is not allowed"),
        (status = 404, description = "no such webhook")),
    security(("key" = [])))]
pub(crate) async fn update_webhook(
    State(state): State<AppState>,
    Path(webhook): Path<String>,
    JsonBody(request): JsonBody<UpdateWebhook>,
) -> Result<Json<WebhookDto>, ApiError> {
    let UpdateWebhook { url, events, description, enabled } = request;
    let url = match url {
        Some(url) => Some(state.notify.permit_url(&url)?.into()),
        None => None,
    };
    let change = WebhookChange { url, events, description, enabled };
    let record = state.ledger.update_webhook(&WebhookId::new(webhook), change).await?;
    Ok(Json(record.into()))
}

/// Removes a webhook with its deliveries.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook}", tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 204, description = "removed"),
        (status = 404, description = "no such webhook")),
    security(("key" = [])))]
pub(crate) async fn delete_webhook(
    State(state): State<AppState>,
    Path(webhook): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.ledger.delete_webhook(&WebhookId::new(webhook)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook a new secret. For 24 hours deliveries are signed with the one before too.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/rotate", tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 200, description = "the new secret", body = WebhookSecretDto),
        (status = 404, description = "no such webhook")),
    security(("key" = [])))]
pub(crate) async fn rotate_webhook(
    State(state): State<AppState>,
    Path(webhook): Path<String>,
) -> Result<Json<WebhookSecretDto>, ApiError> {
    let made = state.ledger.rotate_webhook(&WebhookId::new(webhook)).await?;
    Ok(Json(made.into()))
}

/// Sends a webhook an event of the kind `ping`, whatever kinds it takes.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/ping", tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook")),
    responses((status = 202, description = "it is on its way", body = DeliveryDto),
        (status = 404, description = "no such webhook"),
        (status = 409, description = "it is disabled, or too much waits for it")),
    security(("key" = [])))]
pub(crate) async fn ping_webhook(
    State(state): State<AppState>,
    Path(webhook): Path<String>,
) -> Result<(StatusCode, Json<DeliveryDto>), ApiError> {
    let delivery = state.ledger.ping_webhook(&WebhookId::new(webhook)).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
