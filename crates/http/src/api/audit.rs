//! Shows and checks the audit trail.

use axum::Json;
use axum::extract::{Path, State};
use intramuros_ledger::{AuditFilter, AuditHead, AuditRecord, Verification};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Code};
use crate::query::QueryParams;
use crate::state::AppState;

const DEFAULT_PAGE: u32 = 100;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Of this actor: `key:…`, `user:…`, `local:…`, `server:…`.
    actor: Option<String>,
    /// Of this action, such as `documents.delete`.
    action: Option<String>,
    /// To this target.
    target: Option<String>,
    /// Of this HTTP request.
    request: Option<String>,
    /// From this moment on (RFC 3339).
    #[param(format = "date-time")]
    from: Option<String>,
    /// Before this moment (RFC 3339).
    #[param(format = "date-time")]
    to: Option<String>,
    /// `newest` (default) or `oldest` first.
    #[param(inline)]
    order: Option<Order>,
    /// Number of the entry after which to begin, in this order.
    after: Option<u64>,
    /// The most entries, up to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which entries come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// The newest.
    Newest,
    /// The oldest.
    Oldest,
}

/// Some entries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditList {
    /// In the order that was asked for.
    entries: Vec<AuditDto>,
    /// `after` of the next page; null at the end.
    next: Option<u64>,
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditDto {
    /// Its number; entries count from 1 without gaps.
    seq: u64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    at: OffsetDateTime,
    /// Who.
    actor: String,
    /// Thing and verb.
    action: String,
    /// What it was done to.
    target: String,
    /// `begun`, `done`, `refused`, `failed` or `left`.
    outcome: String,
    /// The HTTP request; empty for none.
    request: String,
    /// What else there is to say.
    #[schema(value_type = Object)]
    details: Value,
    /// Whether question and answer are kept, sealed.
    has_content: bool,
    /// SHA-256 over the entry and the hash of the one before.
    hash: String,
}

impl From<AuditRecord> for AuditDto {
    fn from(record: AuditRecord) -> Self {
        Self {
            seq: record.seq,
            at: record.moment(),
            details: serde_json::from_str(&record.details).unwrap_or(Value::Null),
            has_content: !record.content.is_empty(),
            actor: record.actor,
            action: record.action,
            target: record.target,
            outcome: record.outcome,
            request: record.request,
            hash: record.hash,
        }
    }
}

/// The last entry of the trail. Kept elsewhere, it shows later whether the trail is still the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeadDto {
    /// Its number; 0 for an empty trail.
    seq: u64,
    /// Its hash.
    hash: String,
}

impl From<AuditHead> for HeadDto {
    fn from(head: AuditHead) -> Self {
        Self { seq: head.seq, hash: head.hash }
    }
}

/// A head that was exported before.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyQuery {
    /// Number and hash with a colon between, as `intramuros audit head` writes them.
    head: Option<String>,
}

/// What checking the trail found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationDto {
    /// Whether nothing is wrong.
    sound: bool,
    /// Entries that were checked.
    entries: u64,
    /// Number of the first entry; above 1 when older ones were removed by retention.
    first: u64,
    /// The last entry.
    head: HeadDto,
    /// Entries whose content is still there.
    contents: u64,
    /// What is wrong, up to 100.
    faults: Vec<FaultDto>,
}

/// A fault in the trail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultDto {
    /// Number of the entry.
    seq: u64,
    /// `changed`, `unlinked`, `gap`, `beginning`, `content` or `head`.
    #[schema(value_type = String)]
    kind: intramuros_ledger::AuditFaultKind,
}

impl From<Verification> for VerificationDto {
    fn from(found: Verification) -> Self {
        let fault =
            |fault: intramuros_ledger::AuditFault| FaultDto { seq: fault.seq, kind: fault.kind };
        Self {
            sound: found.is_sound(),
            entries: found.entries,
            first: found.first,
            head: found.head.into(),
            contents: found.contents,
            faults: found.faults.into_iter().map(fault).collect(),
        }
    }
}

/// A content as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentDto {
    /// Question and answer, sealed for the holder of the private key, in base64
    /// (`intramuros audit open`).
    sealed: String,
}

/// Shows entries of the audit trail.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "some entries", body = AuditList)),
    security(("key" = [])))]
pub(crate) async fn list_audit(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<AuditQuery>,
) -> Result<Json<AuditList>, ApiError> {
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        target: query.target,
        request: query.request,
        from: query.from.as_deref().map(|text| moment("from", text)).transpose()?,
        to: query.to.as_deref().map(|text| moment("to", text)).transpose()?,
    };
    let newest_first = query.order != Some(Order::Oldest);
    let limit = query.limit.unwrap_or(DEFAULT_PAGE);
    let page = state.ledger.audit(&filter, newest_first, query.after, limit).await?;
    let entries = page.entries.into_iter().map(AuditDto::from).collect();
    Ok(Json(AuditList { entries, next: page.next }))
}

/// Tells the last entry, to be kept elsewhere.
#[utoipa::path(get, path = "/api/v1/audit/head", tag = "audit",
    responses((status = 200, description = "the last entry", body = HeadDto)),
    security(("key" = [])))]
pub(crate) async fn audit_head(State(state): State<AppState>) -> Result<Json<HeadDto>, ApiError> {
    Ok(Json(state.ledger.audit_head().await?.into()))
}

/// Reads the whole trail and checks that nothing was changed, removed or moved; with a head that was
/// exported before, also that nothing was cut off its end.
#[utoipa::path(get, path = "/api/v1/audit/verification", tag = "audit", params(VerifyQuery),
    responses((status = 200, description = "what was found", body = VerificationDto)),
    security(("key" = [])))]
pub(crate) async fn verify_audit(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<VerifyQuery>,
) -> Result<Json<VerificationDto>, ApiError> {
    let head = query.head.as_deref().map(str::parse::<AuditHead>).transpose();
    let head = head.map_err(|reason| ApiError::invalid("head", format!("'head' {reason}")))?;
    Ok(Json(state.ledger.verify_audit(head).await?.into()))
}

/// Shows the sealed content of an entry.
#[utoipa::path(get, path = "/api/v1/audit/{seq}/content", tag = "audit",
    params(("seq" = u64, Path, description = "number of the entry")),
    responses((status = 200, description = "the sealed content", body = ContentDto),
        (status = 404, description = "it has none, or none any more")),
    security(("key" = [])))]
pub(crate) async fn read_content(
    State(state): State<AppState>,
    Path(seq): Path<u64>,
) -> Result<Json<ContentDto>, ApiError> {
    let sealed = state.ledger.audit_content(seq).await?.ok_or_else(|| {
        ApiError::new(Code::NotFound, format!("entry {seq} has no content, or none any more"))
    })?;
    Ok(Json(ContentDto { sealed }))
}

fn moment(name: &'static str, text: &str) -> Result<OffsetDateTime, ApiError> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        let message = format!("'{name}' must be a moment such as 2026-11-30T00:00:00Z");
        ApiError::invalid(name, message)
    })
}
