//! Takes tickets in, lists them, and takes what people say of them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_engine::Priority;
use intramuros_ledger::{FiledTicket, LedgerError};
use intramuros_types::{Principal, Scope, TicketId};
use intramuros_usecases::triage::inbound::{Sent, mail, table};
use intramuros_usecases::triage::{Decision, Effort, Policy, TicketRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::super::jobs::JobDto;
use super::dto::{TicketDto, TicketLabelsDto, TicketList, TicketSummaryDto};
use super::policy;
use super::query::TicketsQuery;
use crate::body::{JsonBody, JsonObject, RequestBody};
use crate::error::{ApiError, Code};
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::who;
use crate::visit::{caller as calling, note_target};

/// How much deciding may take.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EffortDto {
    /// Encoder and generator: the most that can be known, in a second or two on a CPU.
    #[default]
    Full,
    /// The encoder alone: some hundredths of a second.
    Quick,
}

impl From<EffortDto> for Effort {
    fn from(effort: EffortDto) -> Self {
        match effort {
            EffortDto::Full => Effort::Full,
            EffortDto::Quick => Effort::Quick,
        }
    }
}

/// How much deciding about a ticket may take that comes as something else than JSON of this API.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EffortQuery {
    /// `full` (default) or `quick`.
    #[serde(default)]
    #[param(inline)]
    effort: EffortDto,
}

/// A ticket.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateTicket {
    /// Your own name for it: the same one is filed once.
    #[schema(max_length = 500)]
    external_id: Option<String>,
    /// How it came: `email`, `form`, `phone`, …
    #[serde(default)]
    #[schema(max_length = 40)]
    channel: String,
    /// Whom it came from.
    #[serde(default)]
    #[schema(max_length = 320)]
    from: String,
    /// Its subject.
    #[serde(default)]
    #[schema(max_length = 1000)]
    subject: String,
    /// What it says, with quoted mails and signatures as they are.
    #[serde(default)]
    #[schema(max_length = 100_000)]
    body: String,
    /// How much deciding may take; default `full`.
    #[serde(default)]
    effort: EffortDto,
}

impl RequestBody for CreateTicket {
    const FIELDS: &'static [&'static str] =
        &["external_id", "channel", "from", "subject", "body", "effort"];
}

/// Tickets to take in together.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateTickets {
    /// 1 to 10,000.
    #[schema(min_items = 1, max_items = 10000)]
    tickets: Vec<SentTicket>,
    /// How much deciding may take; default `full`.
    #[serde(default)]
    effort: EffortDto,
}

impl RequestBody for CreateTickets {
    const FIELDS: &'static [&'static str] = &["tickets", "effort"];
}

/// One of several tickets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentTicket {
    /// Your own name for it: the same one is filed once.
    external_id: Option<String>,
    /// How it came.
    #[serde(default)]
    channel: String,
    /// Whom it came from.
    #[serde(default)]
    from: String,
    /// Its subject.
    #[serde(default)]
    subject: String,
    /// What it says.
    #[serde(default)]
    body: String,
}

impl From<SentTicket> for Sent {
    fn from(ticket: SentTicket) -> Self {
        let SentTicket { external_id, channel, from, subject, body } = ticket;
        Self { external_id, channel, from, subject, body }
    }
}

/// What would be decided about a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketPreview {
    /// What would be proposed.
    labels: TicketLabelsDto,
    /// Why, as in tickets.
    #[schema(value_type = Object)]
    decision: Decision,
}

/// What is right about a ticket.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SettleTicket {
    /// What is right; a label that is left out stays as it was proposed.
    labels: TicketLabelsDto,
}

impl RequestBody for SettleTicket {
    const FIELDS: &'static [&'static str] = &["labels"];
}

type Created = Result<(StatusCode, Json<TicketDto>), ApiError>;

/// Decides about a ticket and files it: category, urgency and team with their probabilities, the rules
/// that hold, whether it is sent on by itself or waits for a dispatcher, and whether it rings.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    request_body = CreateTicket,
    responses((status = 201, description = "decided", body = TicketDto),
        (status = 200, description = "the ticket of this external id, as it was decided",
            body = TicketDto),
        (status = 404, description = "no such policy"),
        (status = 409, description = "too much waits for dispatchers, or somebody else filed it"),
        (status = 429, description = "the encoder has too much to do")),
    security(("key" = [])))]
pub(crate) async fn create_ticket(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<CreateTicket>,
) -> Created {
    let policy = policy(&state, &caller, &id).await?;
    let request = request(&caller, &extensions, body);
    let filed = state.triage.submit(&policy.id, request).await?;
    created(&caller, &extensions, filed)
}

fn request(caller: &Principal, extensions: &Extensions, body: CreateTicket) -> TicketRequest {
    TicketRequest {
        caller: calling(extensions, Priority::Interactive),
        external_id: body.external_id,
        channel: body.channel,
        sender: body.from,
        subject: body.subject,
        body: body.body,
        effort: body.effort.into(),
        filed_by: who(caller),
    }
}

/// The ticket. Who only writes is shown what they wrote, not what others did under a name that can be
/// guessed.
fn created(caller: &Principal, extensions: &Extensions, filed: FiledTicket) -> Created {
    let (status, ticket) = match filed {
        FiledTicket::New(ticket) => (StatusCode::CREATED, ticket),
        FiledTicket::Existing(ticket) => (StatusCode::OK, ticket),
    };
    let id = ticket.summary.id.as_str();
    note_target(extensions, id);
    if !caller.may(Scope::TriageRead) && ticket.summary.filed_by != who(caller) {
        let reason = "was filed by somebody else; reading it takes the scope 'triage:read'";
        let (what, id) = ("ticket", id.to_owned());
        return Err(LedgerError::Conflict { what, id, reason: reason.to_owned() }.into());
    }
    Ok((status, Json(ticket.into())))
}

fn sent(
    caller: &Principal,
    extensions: &Extensions,
    sent: Sent,
    query: EffortQuery,
) -> TicketRequest {
    TicketRequest {
        caller: calling(extensions, Priority::Interactive),
        external_id: sent.external_id,
        channel: sent.channel,
        sender: sent.from,
        subject: sent.subject,
        body: sent.body,
        effort: query.effort.into(),
        filed_by: who(caller),
    }
}

/// Decides about a ticket without filing it.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets/preview", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    request_body = CreateTicket,
    responses((status = 200, description = "what would be decided", body = TicketPreview),
        (status = 404, description = "no such policy"),
        (status = 429, description = "the encoder has too much to do")),
    security(("key" = [])))]
pub(crate) async fn preview_ticket(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<CreateTicket>,
) -> Result<Json<TicketPreview>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let request = request(&caller, &extensions, body);
    let (decision, labels) = state.triage.preview(&policy.id, &request).await?;
    Ok(Json(TicketPreview { labels: labels.into(), decision }))
}

/// Takes an e-mail in as a ticket; its message id is the ticket's external id.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets/mail", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), EffortQuery),
    request_body(content_type = "message/rfc822", content = Vec<u8>,
        description = "the e-mail as it is (EML)"),
    responses((status = 201, description = "decided", body = TicketDto),
        (status = 200, description = "it was taken in before", body = TicketDto),
        (status = 404, description = "no such policy"),
        (status = 409, description = "too much waits for dispatchers, or somebody else filed it"),
        (status = 429, description = "the encoder has too much to do")),
    security(("key" = [])))]
pub(crate) async fn create_ticket_of_mail(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<EffortQuery>,
    body: Bytes,
) -> Created {
    let policy = policy(&state, &caller, &id).await?;
    let request = sent(&caller, &extensions, mail(&body)?, query);
    let filed = state.triage.submit(&policy.id, request).await?;
    created(&caller, &extensions, filed)
}

/// Takes a ticket in from what another system posts, a JSON object of any shape: `hook` of the policy
/// says where its parts are.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets/hook", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), EffortQuery),
    request_body(content_type = "application/json", content = Object),
    responses((status = 201, description = "decided", body = TicketDto),
        (status = 200, description = "it was taken in before", body = TicketDto),
        (status = 404, description = "no such policy"),
        (status = 409, description = "too much waits for dispatchers, or somebody else filed it"),
        (status = 429, description = "the encoder has too much to do")),
    security(("key" = [])))]
pub(crate) async fn create_ticket_of_hook(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<EffortQuery>,
    JsonObject(posted): JsonObject,
) -> Created {
    let record = policy(&state, &caller, &id).await?;
    let (config, _): (Policy, u32) = state.triage.policy(&record.id).await?;
    let posted: Map<String, Value> = posted;
    let request = sent(&caller, &extensions, config.hook.take(&Value::Object(posted))?, query);
    let filed = state.triage.submit(&record.id, request).await?;
    created(&caller, &extensions, filed)
}

/// Takes tickets in together, as a job; the results of its items say what was decided.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets/batch", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    request_body = CreateTickets,
    responses((status = 202, description = "queued", body = JobDto),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn create_tickets(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<CreateTickets>,
) -> Result<(StatusCode, Json<JobDto>), ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let tickets = body.tickets.into_iter().map(Sent::from).collect();
    let (effort, by) = (body.effort.into(), who(&caller));
    let job = state.triage.submit_many(&policy.id, tickets, effort, &by).await?;
    note_target(&extensions, job.id.as_str());
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}

/// Takes the rows of a table in as tickets, as a job. Columns: `subject` or `objet`, `body` or
/// `message`, `from`, `channel`, `id`; separated by commas, semicolons or tabs.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets/csv", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), EffortQuery),
    request_body(content_type = "text/csv", content = String),
    responses((status = 202, description = "queued", body = JobDto),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn create_tickets_of_table(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<EffortQuery>,
    body: Bytes,
) -> Result<(StatusCode, Json<JobDto>), ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let tickets = tokio::task::spawn_blocking(move || table(&body)).await;
    let tickets =
        tickets.map_err(|_| ApiError::new(Code::Internal, "reading the table ended"))??;
    let (effort, by) = (query.effort.into(), who(&caller));
    let job = state.triage.submit_many(&policy.id, tickets, effort, &by).await?;
    note_target(&extensions, job.id.as_str());
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}

/// Lists the tickets of a policy, newest first, without what they say.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/tickets", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), TicketsQuery),
    responses((status = 200, description = "a page of tickets", body = TicketList),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn list_tickets(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<TicketsQuery>,
) -> Result<Json<TicketList>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let (tickets, next) = state.ledger.list_tickets(&policy.id, &query.page()?).await?;
    let tickets = tickets.into_iter().map(TicketSummaryDto::from).collect();
    Ok(Json(TicketList { tickets, next: next.map(|id| id.to_string()) }))
}

/// Shows a ticket with what it says and why it was decided so.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/tickets/{ticket}", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"),
        ("ticket" = String, Path, description = "id of the ticket")),
    responses((status = 200, description = "the ticket", body = TicketDto),
        (status = 404, description = "no such policy or ticket")),
    security(("key" = [])))]
pub(crate) async fn get_ticket(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((id, ticket)): Path<(String, String)>,
) -> Result<Json<TicketDto>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let ticket = state.ledger.get_ticket(&policy.id, &TicketId::new(ticket)).await?;
    Ok(Json(ticket.into()))
}

/// Says what is right about a ticket, whether it waits for a dispatcher or was sent on. It counts from
/// the next ticket on; a review that waits for it is withdrawn.
#[utoipa::path(post, path = "/api/v1/triage/policies/{policy}/tickets/{ticket}/settle",
    tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"),
        ("ticket" = String, Path, description = "id of the ticket")),
    request_body = SettleTicket,
    responses((status = 200, description = "the ticket as it is now", body = TicketDto),
        (status = 404, description = "no such policy or ticket"),
        (status = 409, description = "its contents were erased, or somebody else decides its review")),
    security(("key" = [])))]
pub(crate) async fn settle_ticket(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((id, ticket)): Path<(String, String)>,
    JsonBody(body): JsonBody<SettleTicket>,
) -> Result<Json<TicketDto>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let (ticket, labels) = (TicketId::new(ticket), body.labels.into());
    let settled = state.triage.settle(&policy.id, &ticket, labels, &who(&caller)).await?;
    Ok(Json(settled.into()))
}

/// Erases what a ticket says, and what was learnt from it; that there was one stays.
#[utoipa::path(delete, path = "/api/v1/triage/policies/{policy}/tickets/{ticket}", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"),
        ("ticket" = String, Path, description = "id of the ticket")),
    responses((status = 204, description = "erased"),
        (status = 404, description = "no such policy or ticket")),
    security(("key" = [])))]
pub(crate) async fn erase_ticket(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((id, ticket)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    state.ledger.erase_ticket(&policy.id, &TicketId::new(ticket)).await?;
    Ok(StatusCode::NO_CONTENT)
}
