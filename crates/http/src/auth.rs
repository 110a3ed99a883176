//! Checks API keys, before a handler or a body is touched.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use intramuros_ledger::{Authentication, Scope};
use intramuros_types::{Access, KeyId};

use crate::error::{ApiError, Code};
use crate::state::AppState;

const HOW: &str = "send a key as 'Authorization: Bearer <key>'; 'intramuros keys create' makes one";

/// The key check of a group of routes; a middleware with this state guards each group.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) state: AppState,
    pub(crate) scope: Scope,
}

/// Lets a request pass when its key is good and has the group's scope.
pub(crate) async fn require(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    match check(&guard, request.headers()).await {
        Ok((key, access)) => {
            request.extensions_mut().insert(key);
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// The request's key, and what it opens.
async fn check(guard: &Guard, headers: &HeaderMap) -> Result<(KeyId, Access), ApiError> {
    let secret = bearer(headers)?;
    let key = match guard.state.ledger.authenticate(secret).await? {
        Authentication::Accepted(key) => key,
        Authentication::Unknown => return Err(denied(format!("the API key is not known; {HOW}"))),
        Authentication::Expired => return Err(denied("the API key has expired".into())),
        Authentication::Revoked => return Err(denied("the API key was revoked".into())),
    };
    if key.allows(guard.scope) {
        let access = key.access();
        return Ok((key.id, access));
    }
    let message = format!("the key '{}' lacks the scope '{}'", key.id, guard.scope);
    Err(ApiError::new(Code::InsufficientScope, message))
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(denied(format!("an API key is required; {HOW}")));
    };
    let text = value.to_str().map_err(|_| denied(HOW.into()))?;
    let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty() {
        Ok(secret.trim())
    } else {
        Err(denied(HOW.into()))
    }
}

fn denied(message: String) -> ApiError {
    ApiError::new(Code::InvalidApiKey, message)
}
