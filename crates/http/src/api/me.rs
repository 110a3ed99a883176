//! Tells callers who they are, and lets users change their password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_ledger::Password;
use intramuros_types::{Principal, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::LimitsDto;
use super::sessions::wait_for;
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::state::AppState;

/// Who calls, and what they may.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeDto {
    /// The key that was sent; null for a session.
    key: Option<String>,
    /// Id of the user who signed in, or of the key's owner.
    user: Option<String>,
    /// What they may do.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    /// Whose documents they read beside those that are open to everybody; null for all.
    labels: Option<Vec<String>>,
    /// Labels whose documents they do not read.
    denied: Vec<String>,
    /// How much they may do, the server's defaults included.
    limits: LimitsDto,
    /// Tokens that they used in this month (UTC).
    tokens_this_month: u64,
}

/// A password in another's place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    /// The password of now.
    #[schema(max_length = 512, format = "password")]
    current: String,
    /// The next one: 12 characters or more.
    #[schema(min_length = 12, max_length = 512, format = "password")]
    new: String,
}

impl RequestBody for ChangePassword {
    const FIELDS: &'static [&'static str] = &["current", "new"];
}

/// Tells who calls, what they may, and what they used this month.
#[utoipa::path(get, path = "/api/v1/me", tag = "identity",
    responses((status = 200, description = "who calls", body = MeDto)),
    security(("key" = [])))]
pub(crate) async fn show_me(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Result<Json<MeDto>, ApiError> {
    let user = caller.user.as_ref().map(ToString::to_string);
    let used = state.ledger.tokens_this_month(caller.family.as_ref(), user.as_deref()).await?;
    Ok(Json(MeDto {
        key: caller.key.as_ref().map(ToString::to_string),
        user,
        scopes: caller.scopes.clone(),
        labels: caller.access.held().map(|labels| labels.iter().cloned().collect()),
        denied: caller.access.denied().iter().cloned().collect(),
        limits: caller.limits.or(state.accounting.limits).into(),
        tokens_this_month: used,
    }))
}

/// Changes the password of who signed in, and ends their sessions.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "identity", request_body = ChangePassword,
    responses((status = 204, description = "changed; sign in again"),
        (status = 403, description = "a key cannot change its owner's password"),
        (status = 429, description = "too many failures; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn change_password(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    let (None, Some(user)) = (&caller.key, &caller.user) else {
        let message = "only who signed in can change their password";
        return Err(ApiError::new(Code::InsufficientScope, message));
    };
    if body.new == body.current {
        let message = "'new' is the password of now; choose another one";
        return Err(ApiError::invalid("new", message));
    }
    match state.ledger.confirm(user, Password::new(body.current)).await? {
        Ok(()) => {}
        Err(Some(wait)) => return Err(wait_for(wait)),
        Err(None) => {
            let message = "'current' is not the password of now";
            return Err(ApiError::invalid("current", message));
        }
    }
    state.ledger.set_password(user, Password::new(body.new), false).await?;
    Ok(StatusCode::NO_CONTENT)
}
