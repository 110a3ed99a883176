//! Shows alerts and outbreaks, and takes word that somebody has seen an alert.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_ledger::{AlertRecord, OutbreakRecord};
use intramuros_types::{Principal, TicketAlertId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::policy;
use super::query::AlertsQuery;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::who;

/// A ticket that somebody must see at once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketAlertDto {
    /// `alt_…`
    id: String,
    /// The ticket.
    ticket: String,
    /// The rule that holds, where one does.
    rule: Option<String>,
    /// When it was raised.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// How often it was sent again.
    reminders: u32,
    /// When it is sent again.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    next_reminder: Option<OffsetDateTime>,
    /// When somebody acknowledged it.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    acknowledged: Option<OffsetDateTime>,
    /// Who did.
    acknowledged_by: Option<String>,
    /// What they said about it.
    comment: String,
}

impl From<AlertRecord> for TicketAlertDto {
    fn from(alert: AlertRecord) -> Self {
        Self {
            id: alert.id.to_string(),
            ticket: alert.ticket.to_string(),
            rule: alert.rule,
            created: alert.created,
            reminders: alert.reminders,
            next_reminder: alert.next_reminder,
            acknowledged: alert.acknowledged,
            acknowledged_by: alert.acknowledged_by,
            comment: alert.comment,
        }
    }
}

/// The alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketAlertList {
    /// Newest first, up to 500.
    alerts: Vec<TicketAlertDto>,
}

/// Word that somebody has seen an alert.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AcknowledgeBody {
    /// What they say about it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    comment: String,
}

impl RequestBody for AcknowledgeBody {
    const FIELDS: &'static [&'static str] = &["comment"];
}

/// Many tickets about one thing in a short time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutbreakDto {
    /// `out_…`; the `outbreak` of a list of tickets.
    id: String,
    /// What they are about.
    category: Option<String>,
    /// When its first ticket came.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    began: OffsetDateTime,
    /// When its last ticket came.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    latest: OffsetDateTime,
    /// How many there are.
    tickets: u64,
}

impl From<OutbreakRecord> for OutbreakDto {
    fn from(outbreak: OutbreakRecord) -> Self {
        let OutbreakRecord { id, category, began, latest, tickets, .. } = outbreak;
        Self { id: id.to_string(), category, began, latest, tickets }
    }
}

/// The outbreaks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutbreakList {
    /// Newest first, up to 200.
    outbreaks: Vec<OutbreakDto>,
}

/// Lists the alerts of a policy.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/alerts", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), AlertsQuery),
    responses((status = 200, description = "the alerts", body = TicketAlertList),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn list_ticket_alerts(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<AlertsQuery>,
) -> Result<Json<TicketAlertList>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let alerts = state.ledger.list_ticket_alerts(&policy.id, query.open).await?;
    Ok(Json(TicketAlertList { alerts: alerts.into_iter().map(Into::into).collect() }))
}

/// Notes that somebody has seen an alert: nobody is reminded of it any more. The first word counts.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/alerts/{alert}/acknowledge",
    tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"),
        ("alert" = String, Path, description = "id of the alert")),
    request_body = AcknowledgeBody,
    responses((status = 200, description = "acknowledged", body = TicketAlertDto),
        (status = 404, description = "no such policy or alert")),
    security(("key" = [])))]
pub(crate) async fn acknowledge_alert(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((id, alert)): Path<(String, String)>,
    JsonBody(body): JsonBody<AcknowledgeBody>,
) -> Result<Json<TicketAlertDto>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let alert = TicketAlertId::new(alert);
    let by = who(&caller);
    let seen = state.ledger.acknowledge_alert(&policy.id, &alert, &by, &body.comment).await?;
    Ok(Json(seen.into()))
}

/// Lists the outbreaks of a policy.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/outbreaks", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "the outbreaks", body = OutbreakList),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn list_outbreaks(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<OutbreakList>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let outbreaks = state.ledger.list_outbreaks(&policy.id).await?;
    Ok(Json(OutbreakList { outbreaks: outbreaks.into_iter().map(Into::into).collect() }))
}
