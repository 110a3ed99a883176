//! Shows e-mails on their way, retries what was given up, and sends one to try.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use intramuros_ledger::{MailRecord, NewMail};
use intramuros_types::MailId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::deliveries::OutboxQuery;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

/// French first: whoever administers the server reads one of the two.
const TEST_SUBJECT: &str = "Intramuros : essai / test";
const TEST_TEXT: &str = "\
Ce message d'essai vient de votre serveur Intramuros : l'envoi de courriels fonctionne.

This test message comes from your Intramuros server: sending e-mail works.
";

/// Whom to send a test.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TestMail {
    /// An address that `smtp.recipients` allows.
    to: String,
}

impl RequestBody for TestMail {
    const FIELDS: &'static [&'static str] = &["to"];
}

/// An e-mail on its way. What it says is not told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailDto {
    /// `eml_…`
    id: String,
    /// Whom it is for.
    to: String,
    /// Its subject.
    subject: String,
    /// `pending`, `delivered` or `dead`.
    state: &'static str,
    /// Attempts, since it was queued or last retried by hand.
    attempts: u32,
    /// When it is tried next, while it is pending.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    next_attempt: Option<OffsetDateTime>,
    /// Why the last attempt failed.
    error: Option<String>,
    /// When it was queued.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When something last happened to it.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    updated: OffsetDateTime,
}

impl From<MailRecord> for MailDto {
    fn from(record: MailRecord) -> Self {
        Self {
            id: record.id.to_string(),
            to: record.to,
            subject: record.subject,
            state: record.state.as_str(),
            attempts: record.attempts,
            next_attempt: record.next_attempt,
            error: record.error,
            created: record.created,
            updated: record.updated,
        }
    }
}

/// A page of e-mails.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailList {
    /// The newest first.
    mails: Vec<MailDto>,
    /// `before` of the next page; null at the end.
    next: Option<String>,
}

/// Lists the e-mails; those in the state `dead` were given up.
#[utoipa::path(get, path = "/api/v1/mail", tag = "administration",
    params(OutboxQuery),
    responses((status = 200, description = "the e-mails", body = MailList)),
    security(("key" = [])))]
pub(crate) async fn list_mail(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<OutboxQuery>,
) -> Result<Json<MailList>, ApiError> {
    let page = state.ledger.list_mails(query.page()?).await?;
    let mails = page.mails.into_iter().map(MailDto::from).collect();
    Ok(Json(MailList { mails, next: page.next.map(|id| id.to_string()) }))
}

/// Tells how it goes with one e-mail.
#[utoipa::path(get, path = "/api/v1/mail/{mail}", tag = "administration",
    params(("mail" = String, Path, description = "id of the e-mail")),
    responses((status = 200, description = "the e-mail", body = MailDto),
        (status = 404, description = "no such e-mail")),
    security(("key" = [])))]
pub(crate) async fn get_mail(
    State(state): State<AppState>,
    Path(mail): Path<String>,
) -> Result<Json<MailDto>, ApiError> {
    Ok(Json(state.ledger.get_mail(&MailId::new(mail)).await?.into()))
}

/// Sends an e-mail that says that sending works.
#[utoipa::path(post, path = "/api/v1/mail/test", tag = "administration",
    request_body = TestMail,
    responses((status = 202, description = "it is on its way", body = MailDto),
        (status = 400, description = "not an address, or one that may get none"),
        (status = 409, description = "no SMTP server is configured, or 10,000 e-mails wait already")),
    security(("key" = [])))]
pub(crate) async fn test_mail(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<TestMail>,
) -> Result<(StatusCode, Json<MailDto>), ApiError> {
    let mail = NewMail {
        to: request.to,
        subject: TEST_SUBJECT.to_owned(),
        text: TEST_TEXT.to_owned(),
        html: None,
    };
    let queued = state.notify.mailer().send(&mail).await?;
    Ok((StatusCode::ACCEPTED, Json(queued.into())))
}

/// Tries an e-mail again at once that was given up or waits, with all its attempts before it.
#[utoipa::path(post, path = "/api/v1/mail/{mail}/retry", tag = "administration",
    params(("mail" = String, Path, description = "id of the e-mail")),
    responses((status = 200, description = "it is on its way", body = MailDto),
        (status = 404, description = "no such e-mail"),
        (status = 409, description = "it was delivered")),
    security(("key" = [])))]
pub(crate) async fn retry_mail(
    State(state): State<AppState>,
    Path(mail): Path<String>,
) -> Result<Json<MailDto>, ApiError> {
    Ok(Json(state.ledger.retry_mail(&MailId::new(mail)).await?.into()))
}
