//! Checks who calls and whether they may, before a handler or a body is touched.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use intramuros_engine::Meter;
use intramuros_ledger::Authentication;
use intramuros_types::Principal;

use crate::compress::NotCompressed;
use crate::error::{ApiError, Code};
use crate::operation::{self, Needs, NoOperation, Operation, Trace};
use crate::request_id::request_id;
use crate::state::AppState;
use crate::track::RequestRecord;
use crate::visit::{End, Visit};

/// The cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "intramuros_session";

const HOW: &str = "send a key as 'Authorization: Bearer <key>'; 'intramuros keys create' makes one";

/// What a session may do while its password is one that somebody else gave.
const WITHOUT_OWN: [&str; 3] = ["me.show", "me.set_password", "sessions.delete"];

/// Lets a request pass when its caller has what the operation needs. Handlers find the
/// [`Operation`], and where there is a caller an `Arc<Principal>` and an `Access`, in the extensions.
pub(crate) async fn require(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let operation = match operation(&request) {
        Ok(operation) => operation,
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(operation);
    if !matches!(operation.needs, Needs::Nothing | Needs::Visitor) {
        let caller = match authenticate(&state, request.method(), request.headers()).await {
            Ok(caller) => Arc::new(caller),
            Err(error) => return error.into_response(),
        };
        if let Err(error) = may(&caller, operation) {
            note_refusal(&state, caller, operation, &request);
            return error.into_response();
        }
        request.extensions_mut().insert(caller.access.clone());
        request.extensions_mut().insert(caller);
    }
    let mut response = next.run(request).await;
    if operation.trace == Trace::Act {
        // Some show a new secret beside what the client sent, and none is long.
        response.extensions_mut().insert(NotCompressed);
    }
    response
}

/// The row of a request. What has none is refused: a forgotten row must not open a path.
fn operation(request: &Request) -> Result<&'static Operation, ApiError> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    operation::find(request.method(), path).map_err(|missing| match missing {
        NoOperation::Method => {
            let message = "this path does not take this method; see /openapi.json";
            ApiError::new(Code::MethodNotAllowed, message)
        }
        NoOperation::Path => ApiError::new(Code::InsufficientScope, "nobody may do this"),
    })
}

/// Who calls.
async fn authenticate(
    state: &AppState,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Principal, ApiError> {
    let secret = secret(method, headers)?;
    match state.ledger.authenticate(secret).await? {
        Authentication::Accepted(caller) => Ok(*caller),
        Authentication::Unknown if secret.starts_with("ims_") => {
            Err(denied("the session has ended; sign in again (POST /api/v1/sessions)".into()))
        }
        Authentication::Unknown => Err(denied(format!("the API key is not known; {HOW}"))),
        Authentication::Expired => Err(denied("the key or session has expired".into())),
        Authentication::Revoked => Err(denied("the API key was revoked".into())),
        Authentication::Disabled => Err(denied("its user was disabled".into())),
    }
}

/// Whether `caller` has what `operation` needs.
fn may(caller: &Principal, operation: &Operation) -> Result<(), ApiError> {
    match operation.needs {
        Needs::Caller
            if !must_change(caller).is_empty() && !WITHOUT_OWN.contains(&operation.name) =>
        {
            let (who, why) = (caller.name(), must_change(caller));
            Err(ApiError::new(Code::InsufficientScope, format!("'{who}' may not do this{why}")))
        }
        Needs::Scope(scope) if !caller.may(scope) => {
            let (who, why) = (caller.name(), must_change(caller));
            let message = format!("'{who}' lacks the scope '{scope}'{why}");
            Err(ApiError::new(Code::InsufficientScope, message))
        }
        Needs::Either(one, other) if !caller.may(one) && !caller.may(other) => {
            let (who, why) = (caller.name(), must_change(caller));
            let message = format!("'{who}' lacks the scopes '{one}' and '{other}'{why}");
            Err(ApiError::new(Code::InsufficientScope, message))
        }
        Needs::Nothing | Needs::Visitor | Needs::Caller | Needs::Scope(_) | Needs::Either(..) => {
            Ok(())
        }
    }
}

/// Has the audit trail know that somebody tried what they may not.
fn note_refusal(
    state: &AppState,
    caller: Arc<Principal>,
    operation: &'static Operation,
    request: &Request,
) {
    let id = request_id(request.extensions());
    let measures = (Meter::default(), RequestRecord::default());
    let visit = Visit::new(caller, operation, id, request.uri().path(), measures);
    let end = End::Answered(Code::InsufficientScope.status());
    state.accounting.journal.note(visit.lines(end, state.accounting.audits(), None));
}

/// A session may do nothing while its password is one that somebody else gave.
fn must_change(caller: &Principal) -> &'static str {
    if caller.key.is_none() && caller.scopes.is_empty() {
        "; choose a password of your own first (POST /api/v1/me/password)"
    } else {
        ""
    }
}

/// The secret of a request: in its header, or for a session in its cookie.
pub(crate) fn secret<'a>(method: &Method, headers: &'a HeaderMap) -> Result<&'a str, ApiError> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let text = value.to_str().map_err(|_| denied(HOW.into()))?;
        let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty() {
            return Ok(secret.trim());
        }
        return Err(denied(HOW.into()));
    }
    let Some(secret) = cookie(headers) else {
        return Err(denied(format!("an API key is required; {HOW}")));
    };
    if is_safe(method) || is_same_origin(headers) {
        return Ok(secret);
    }
    let message = "a session's cookie only counts for requests from this server's own pages";
    Err(denied(message.into()))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='))
}

fn is_safe(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// Whether a browser says that the request comes from a page of this server. Browsers of before 2023
/// send no `Sec-Fetch-Site`, but an `Origin` with every request that changes something.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| Some(host) == text(HOST.as_str()))
}

fn denied(message: String) -> ApiError {
    ApiError::new(Code::InvalidApiKey, message)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::secret;

    #[track_caller]
    fn check(method: &Method, headers: &[(&'static str, &str)], expected: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(secret(method, &map).ok(), expected, "{headers:?}");
    }

    #[test]
    fn a_secret_is_in_the_header_or_the_cookie() {
        let get = &Method::GET;
        check(get, &[], None);
        check(get, &[("authorization", "Bearer imk_a")], Some("imk_a"));
        check(get, &[("authorization", "bearer  imk_a ")], Some("imk_a"));
        check(get, &[("authorization", "Basic imk_a")], None);
        check(get, &[("authorization", "Bearer ")], None);
        check(get, &[("cookie", "a=b; intramuros_session=ims_a")], Some("ims_a"));
        check(get, &[("cookie", "a=b"), ("cookie", "intramuros_session=ims_a;c=d")], Some("ims_a"));
        check(get, &[("cookie", "xintramuros_session=ims_a")], None);
        check(get, &[("cookie", "intramuros_session2=ims_a")], None);
        let both = [("authorization", "Bearer imk_a"), ("cookie", "intramuros_session=ims_a")];
        check(get, &both, Some("imk_a"));
    }

    #[test]
    fn a_foreign_page_cannot_use_the_cookie() {
        let post = &Method::POST;
        let cookie = ("cookie", "intramuros_session=ims_a");
        check(post, &[cookie], None);
        check(post, &[cookie, ("sec-fetch-site", "same-origin")], Some("ims_a"));
        check(post, &[cookie, ("sec-fetch-site", "same-site")], None);
        check(post, &[cookie, ("sec-fetch-site", "cross-site")], None);
        let here = [cookie, ("host", "ia.lan:8484"), ("origin", "https://ia.lan:8484")];
        check(post, &here, Some("ims_a"));
        let there = [cookie, ("host", "ia.lan:8484"), ("origin", "https://evil.example")];
        check(post, &there, None);
        check(post, &[cookie, ("origin", "null")], None);
        check(post, &[("authorization", "Bearer ims_a")], Some("ims_a"));
    }
}
