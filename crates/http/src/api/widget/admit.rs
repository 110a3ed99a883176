//! Lets requests of web pages in: by their token, from pages that may, a few of each client at once.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION, ORIGIN,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::Limited;
use intramuros_ledger::ConversationSummary;

use super::face::{self, Face};
use super::{PATH, Visitor};
use crate::body::MaxBody;
use crate::error::{ApiError, Code};
use crate::network::{as_one_client, client_address, is_forwarded};
use crate::serve::Peer;
use crate::state::AppState;

/// The largest body: a message of 8,000 characters in any encoding has less.
const MAX_BODY: usize = 128 << 10;
/// What pages may read of an answer's head.
const EXPOSED: HeaderValue = HeaderValue::from_static("x-request-id, retry-after");

/// Who asks.
struct Asking {
    client: IpAddr,
    /// Where the page comes from, as its browser says.
    origin: Option<HeaderValue>,
}

/// The middleware of all routes of web pages. Handlers find a [`Visitor`] in the extensions where
/// there is a token, and [`Arc<Face>`] otherwise.
pub(crate) async fn admit(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let asking = asking(&state, &request);
    let Some(place) = state.widgets.enter(as_one_client(asking.client)) else {
        let message = "you make too many requests at once; wait for one to end";
        let error = ApiError::new(Code::RateLimitExceeded, message);
        let retry_after = Some(Duration::from_secs(1));
        let response = ApiError { retry_after, ..error }.into_response();
        return with_origin(response, known(&state, asking.origin).await);
    };
    let origin = match enter(&state, &mut request, &asking).await {
        Ok(()) => asking.origin,
        Err(error) if error.code == Code::InvalidApiKey => {
            let origin = known(&state, asking.origin).await;
            return with_origin(error.into_response(), origin);
        }
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(MaxBody(MAX_BODY));
    let request = request.map(|body| Body::new(Limited::new(body, MAX_BODY)));
    let response = next.run(request).await.map(|body| place.until_end_of(body));
    with_origin(response, origin)
}

fn asking(state: &AppState, request: &Request) -> Asking {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let client = client_address(peer, request.headers(), &state.policy.trusted_proxies);
    if client == peer.to_canonical() && is_forwarded(request.headers()) {
        state.widgets.warn_of_proxy(peer);
    }
    Asking { client, origin: request.headers().get(ORIGIN).cloned() }
}

/// Finds out what the request is about and whether its page may.
async fn enter(state: &AppState, request: &mut Request, asking: &Asking) -> Result<(), ApiError> {
    let slug = slug(request.uri().path()).map(str::to_owned);
    let face = match &slug {
        Some(slug) => face::of_slug(state, slug).await?,
        None => {
            let conversation = conversation(state, request.headers()).await?;
            let face = face::of_conversation(state, &conversation).await?;
            request.extensions_mut().insert(Arc::new(Visitor { conversation }));
            face
        }
    };
    // Opening takes a page; a browser leaves the origin out where a page of this server reads.
    let must_say = slug.is_some() && request.method() == Method::POST;
    match asking.origin.as_ref().map(|origin| origin.to_str().unwrap_or_default()) {
        Some(origin) => check_origin(&face, origin)?,
        None if must_say => {
            let message = "the header 'Origin' is missing, by which browsers say whose page asks";
            return Err(ApiError::new(Code::OriginNotAllowed, message));
        }
        None => {}
    }
    let client = as_one_client(asking.client);
    request.extensions_mut().insert(face);
    request.extensions_mut().insert(Client(client));
    Ok(())
}

/// Whom a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(super) IpAddr);

fn check_origin(face: &Face, origin: &str) -> Result<(), ApiError> {
    if face.allows(origin) {
        return Ok(());
    }
    let message = format!("the assistant is not offered to pages of `{origin}`");
    Err(ApiError::new(Code::OriginNotAllowed, message))
}

/// The slug of a path that has one; the other paths take a token.
pub(super) fn slug(path: &str) -> Option<&str> {
    let mut parts = path.strip_prefix(PATH)?.split('/');
    match (parts.next()?, parts.next(), parts.next()) {
        (slug, None, None) if !super::FIXED.contains(&slug) => Some(slug),
        (slug, Some("conversations"), None) => Some(slug),
        _ => None,
    }
}

/// The conversation that a token opens.
async fn conversation(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<ConversationSummary, ApiError> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let found = match token {
        Some(token) => state.ledger.widget_conversation(token).await?,
        None => None,
    };
    found.ok_or_else(|| {
        let message = "the conversation's token is missing, unknown or has expired; begin a new \
                       conversation";
        ApiError::new(Code::InvalidApiKey, message)
    })
}

/// An origin that may have any assistant: where it is not known which one a page asks for, it may
/// still read that its token does not count.
pub(super) async fn known(state: &AppState, origin: Option<HeaderValue>) -> Option<HeaderValue> {
    let origin = origin?;
    let is_known = face::is_known(state, origin.to_str().ok()?).await.unwrap_or(false);
    is_known.then_some(origin)
}

/// Lets the page of `origin` read an answer. No credentials: tokens travel in a header.
fn with_origin(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn what_is_no_fixed_path_is_a_slug() {
        assert_eq!(slug("/api/v1/widget/sav"), Some("sav"));
        assert_eq!(slug("/api/v1/widget/sav/conversations"), Some("sav"));
        for other in ["messages", "messages/3/feedback", "feedback", "call-person", "conversation"]
        {
            assert_eq!(slug(&format!("/api/v1/widget/{other}")), None, "{other}");
        }
        assert_eq!(slug("/api/v1/conversations"), None);
    }
}
