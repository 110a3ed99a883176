//! Shows what is on its way to a webhook, and retries what was given up.

use axum::Json;
use axum::extract::{Path, State};
use intramuros_ledger::{DeliveryRecord, OutboxPage};
use intramuros_types::{DeliveryId, WebhookId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

const DEFAULT_LIMIT: u32 = 100;

/// Which deliveries, or e-mails.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OutboxQuery {
    /// Only those that are `pending`, `delivered` or `dead`.
    state: Option<String>,
    /// `next` of the page before.
    before: Option<String>,
    /// The most of a page, 1 to 1,000; default 100.
    limit: Option<u32>,
}

impl OutboxQuery {
    pub(crate) fn page(self) -> Result<OutboxPage, ApiError> {
        let state = self.state.map(|name| name.parse()).transpose()?;
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        Ok(OutboxPage { state, before: self.before, limit })
    }
}

/// One event on its way to one webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryDto {
    /// `dlv_…`
    id: String,
    /// The event, `webhook-id` of the request: the same for all attempts.
    event: String,
    /// Its kind.
    kind: String,
    /// `pending`, `delivered` or `dead`.
    state: &'static str,
    /// Attempts, since the event or the last retry by hand.
    attempts: u32,
    /// When it is tried next, while it is pending.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    next_attempt: Option<OffsetDateTime>,
    /// HTTP status of the last attempt, if it was answered.
    status: Option<u16>,
    /// Why the last attempt failed, with the beginning of the receiver's answer.
    error: Option<String>,
    /// When the event happened.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When something last happened to the delivery.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    updated: OffsetDateTime,
}

impl From<DeliveryRecord> for DeliveryDto {
    fn from(record: DeliveryRecord) -> Self {
        Self {
            id: record.id.to_string(),
            event: record.event.to_string(),
            kind: record.kind,
            state: record.state.as_str(),
            attempts: record.attempts,
            next_attempt: record.next_attempt,
            status: record.status,
            error: record.error,
            created: record.created,
            updated: record.updated,
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    /// The newest first.
    deliveries: Vec<DeliveryDto>,
    /// `before` of the next page; null at the end.
    next: Option<String>,
}

/// Lists a webhook's deliveries; those in the state `dead` were given up.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}/deliveries", tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook"), OutboxQuery),
    responses((status = 200, description = "the deliveries", body = DeliveryList),
        (status = 404, description = "no such webhook")),
    security(("key" = [])))]
pub(crate) async fn list_deliveries(
    State(state): State<AppState>,
    Path(webhook): Path<String>,
    QueryParams(query): QueryParams<OutboxQuery>,
) -> Result<Json<DeliveryList>, ApiError> {
    let page = state.ledger.list_deliveries(&WebhookId::new(webhook), query.page()?).await?;
    let deliveries = page.deliveries.into_iter().map(DeliveryDto::from).collect();
    Ok(Json(DeliveryList { deliveries, next: page.next.map(|id| id.to_string()) }))
}

/// Tries a delivery again at once that was given up or waits, with all its attempts before it.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/deliveries/{delivery}/retry",
    tag = "administration",
    params(("webhook" = String, Path, description = "id of the webhook"),
        ("delivery" = String, Path, description = "id of the delivery")),
    responses((status = 200, description = "it is on its way", body = DeliveryDto),
        (status = 404, description = "no such webhook or delivery"),
        (status = 409, description = "it was delivered, or the webhook is disabled")),
    security(("key" = [])))]
pub(crate) async fn retry_delivery(
    State(state): State<AppState>,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Result<Json<DeliveryDto>, ApiError> {
    let (webhook, delivery) = (WebhookId::new(webhook), DeliveryId::new(delivery));
    Ok(Json(state.ledger.retry_delivery(&webhook, &delivery).await?.into()))
}
