//! Signs users in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use intramuros_ledger::{AuditEntry, AuditOutcome, Lines, Password, SignIn};
use intramuros_types::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;

use super::users::UserDto;
use crate::auth::{SESSION_COOKIE, secret};
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::request_id::request_id;
use crate::serve::Peer;
use crate::state::AppState;

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSession {
    /// What the user signs in with.
    #[schema(max_length = 100)]
    name: String,
    /// The password.
    #[schema(max_length = 512, format = "password")]
    password: String,
}

impl RequestBody for CreateSession {
    const FIELDS: &'static [&'static str] = &["name", "password"];
}

/// A session that began.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionDto {
    /// Its secret, to send as `Authorization: Bearer`; browsers have it as a cookie too.
    token: String,
    /// Seconds after which it ends when it is not used.
    idle_seconds: u64,
    /// Seconds after which it ends in any case.
    longest_seconds: u64,
    /// Who signed in.
    user: UserDto,
}

/// Signs a user in. After five failures in a row each further one makes the next attempt wait, up to
/// a quarter of an hour.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "identity", request_body = CreateSession,
    responses((status = 201, description = "signed in", body = SessionDto),
        (status = 401, description = "name and password do not fit, or the user is disabled"),
        (status = 429, description = "too many failures; see Retry-After")))]
pub(crate) async fn create_session(
    State(state): State<AppState>,
    headers: HeaderMap,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateSession>,
) -> Result<(StatusCode, HeaderMap, Json<SessionDto>), ApiError> {
    let Ok(_place) = state.sign_ins.try_acquire() else {
        let message = "too many sign in at the moment; try again in a few seconds";
        let retry_after = Some(Duration::from_secs(3));
        return Err(ApiError { retry_after, ..ApiError::new(Code::Overloaded, message) });
    };
    let password = Password::new(body.password);
    let sign_in = state.ledger.sign_in(&body.name, password, state.sessions).await?;
    match &sign_in {
        SignIn::Accepted { user, .. } => {
            audit(&state, &extensions, Some(&user.id), AuditOutcome::Done).await?;
        }
        SignIn::Disabled { user } => {
            audit(&state, &extensions, Some(user), AuditOutcome::Refused).await?;
        }
        SignIn::Refused { user } => {
            audit(&state, &extensions, user.as_ref(), AuditOutcome::Refused).await?;
        }
        // Not tried, and whoever floods the server must not fill the trail.
        SignIn::Wait(_) => {}
    }
    match sign_in {
        SignIn::Accepted { secret, user } => {
            let cookie = cookie(&secret, state.sessions.longest, is_encrypted(&headers));
            let rules = state.sessions;
            let session = SessionDto {
                token: secret,
                idle_seconds: rules.idle.as_secs(),
                longest_seconds: rules.longest.as_secs(),
                user: user.into(),
            };
            Ok((StatusCode::CREATED, cookie, Json(session)))
        }
        SignIn::Refused { .. } => {
            Err(ApiError::new(Code::InvalidApiKey, "name and password do not fit"))
        }
        SignIn::Disabled { .. } => Err(ApiError::new(Code::InvalidApiKey, "the user was disabled")),
        SignIn::Wait(wait) => Err(wait_for(wait)),
    }
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "identity",
    responses((status = 204, description = "signed out")),
    security(("key" = [])))]
pub(crate) async fn delete_session(
    State(state): State<AppState>,
    method: Method,
    headers: HeaderMap,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    state.ledger.sign_out(secret(&method, &headers)?).await?;
    let over = cookie("", Duration::ZERO, is_encrypted(&headers));
    Ok((StatusCode::NO_CONTENT, over))
}

/// The error for who has guessed too often.
pub(super) fn wait_for(wait: Duration) -> ApiError {
    let seconds = wait.as_secs().max(1);
    let message = format!("too many failures in a row; try again in {seconds} s");
    ApiError {
        retry_after: Some(Duration::from_secs(seconds)),
        ..ApiError::new(Code::RateLimitExceeded, message)
    }
}

/// Sign-ins have no caller yet, so they are written here. A name that is nobody's is not: people type
/// their password into the wrong field.
async fn audit(
    state: &AppState,
    extensions: &Extensions,
    user: Option<&UserId>,
    outcome: AuditOutcome,
) -> Result<(), ApiError> {
    if !state.accounting.audits() {
        return Ok(());
    }
    let actor = match user {
        Some(user) if outcome == AuditOutcome::Done => format!("user:{user}"),
        Some(_) | None => "nobody".to_owned(),
    };
    let target = user.map_or("sessions".to_owned(), |user| format!("users/{user}"));
    let peer = extensions.get::<Peer>().map(|peer| peer.0.ip().to_string());
    let entry = AuditEntry {
        actor,
        action: "sessions.create".to_owned(),
        target,
        outcome,
        request: Some(request_id(extensions)),
        details: json!({"address": peer}),
        content: None,
    };
    let lines = Lines { audit: vec![entry], ..Lines::default() };
    let written = state.accounting.journal.write(lines).await;
    written.map_err(|error| crate::accounting::not_written(&error))
}

/// Whether a proxy says that the client speaks TLS with it.
fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// The cookie: not for scripts, not for other sites' pages.
fn cookie(secret: &str, lasts: Duration, encrypted: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let secure = if encrypted { "; Secure" } else { "" };
    let text = format!(
        "{SESSION_COOKIE}={secret}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
        lasts.as_secs()
    );
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(header::SET_COOKIE, value);
    }
    headers
}
