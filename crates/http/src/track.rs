//! Follows a request from its head to the last byte of its answer: id, log lines, metrics.
//!
//! Everything that is written to the log meanwhile, by handlers and by streams that outlive them,
//! stands in the request's span and so carries its id.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{Extensions, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use intramuros_engine::Tally;
use intramuros_types::RequestId;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::error::Code;
use crate::metrics::Metrics;
use crate::running::Place;
use crate::state::AppState;

const HEADER: &str = "x-request-id";

/// What stands for the status of an answer that its client did not wait for.
const CLIENT_LEFT: u16 = 499;

/// The route of a path that there is not.
const NO_ROUTE: &str = "none";

/// A longer path stands in the log by its route alone.
const MAX_PATH_BYTES: usize = 300;

/// How secrets begin: keys, sessions, visitors' tokens, those of webhooks.
const SECRETS_BEGIN_WITH: [&str; 4] = ["imk_", "ims_", "imw_", "whsec_"];

/// What is noted of a request while it is answered. In the request's extensions; clones are the
/// same.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestRecord {
    /// How long it waited for models, and what they took.
    pub(crate) tally: Tally,
    /// The error that its stream ended with, after the head had said that all is well.
    late: Arc<OnceLock<Code>>,
}

impl RequestRecord {
    /// The record of the request that owns `extensions`.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<RequestRecord>().cloned().unwrap_or_default()
    }

    /// Notes that the stream ends with an error.
    pub(crate) fn failed_late(&self, code: Code) {
        // Fails when it was noted before; the first one counts.
        let _ = self.late.set(code);
    }
}

/// Makes an id, opens the request's log span, answers with the id and accounts for the request when
/// its answer is over. A client's own id is not taken over: it could forge another request's log
/// lines.
pub(crate) async fn follow(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::new(format!("req_{}", Uuid::now_v7().simple()));
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = loggable(route.as_deref(), request.uri().path());
    let span = tracing::info_span!("request", id = id.as_str(), method = method(&request), path);
    let mut account = Account {
        metrics: state.metrics.clone(),
        slow: state.policy.slow_request,
        method: method(&request),
        // Monitors ask every few seconds; their lines would bury the others.
        is_probe: matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics"),
        route: route.unwrap_or_else(|| NO_ROUTE.to_owned()),
        record: RequestRecord::default(),
        started: Instant::now(),
        status: None,
        failed: None,
        is_head: request.method() == Method::HEAD,
        is_whole: false,
        span: span.clone(),
        // Those who come while the server stops are refused, and no stop waits for them.
        _place: (!state.readiness.is_stopping()).then(|| state.running.begin()),
    };
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(account.record.clone());
    let mut response = next.run(request).instrument(span).await;
    account.status = Some(response.status().as_u16());
    account.failed = response.extensions_mut().remove::<Code>();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    if state.readiness.is_stopping() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let announced = announced_length(&response);
    response.map(|body| Followed::wrap(body, account, announced))
}

/// The bytes that the head of an answer promises.
fn announced_length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The path as the log may have it. One that there is not may be anything; one that there is may hold
/// a key in the wrong place, or a book.
fn loggable<'p>(route: Option<&'p str>, path: &'p str) -> &'p str {
    match route {
        None => "",
        Some(route) => {
            let is_secret = SECRETS_BEGIN_WITH.iter().any(|begin| path.contains(begin));
            if is_secret || path.len() > MAX_PATH_BYTES { route } else { path }
        }
    }
}

/// The method's name, where it is one that has a meaning: clients may make others up.
fn method(request: &Request) -> &'static str {
    const KNOWN: [&str; 8] =
        ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT"];
    let name = request.method().as_str();
    KNOWN.into_iter().find(|known| *known == name).unwrap_or("other")
}

/// Accounts for a request when it is dropped: after the last byte, or when the client left.
struct Account {
    metrics: Metrics,
    slow: Option<Duration>,
    method: &'static str,
    route: String,
    is_probe: bool,
    record: RequestRecord,
    started: Instant,
    /// `None` until there is an answer.
    status: Option<u16>,
    failed: Option<Code>,
    /// Whether the body is for nobody.
    is_head: bool,
    /// Whether the whole answer was handed on.
    is_whole: bool,
    span: Span,
    _place: Option<Place>,
}

impl Drop for Account {
    fn drop(&mut self) {
        let _request = self.span.enter();
        let elapsed = self.started.elapsed();
        let status = self.status.unwrap_or(CLIENT_LEFT);
        let failed = self.failed.or_else(|| self.record.late.get().copied());
        self.metrics.answered(self.method, &self.route, status, elapsed);
        if let Some(code) = failed {
            self.metrics.failed(code);
        }
        let code = failed.map(Code::name);
        let elapsed_ms = millis(elapsed);
        // Only where it is so.
        let broken_off = (!self.is_whole).then_some(true);
        if self.is_probe {
            tracing::debug!(status, elapsed_ms, code, broken_off, "answered");
        } else {
            tracing::info!(status, elapsed_ms, code, broken_off, "answered");
        }
        if self.slow.is_some_and(|limit| elapsed >= limit) {
            let took = self.record.tally.read();
            tracing::warn!(
                route = self.route,
                status,
                elapsed_ms,
                queue_wait_ms = took.queue_wait.map(millis),
                first_token_ms = took.first_token.map(millis),
                prompt_tokens = took.prompt_tokens,
                cached_tokens = took.cached_tokens,
                generated_tokens = took.generated_tokens,
                "slow request"
            );
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An answer's body with the account of its request.
struct Followed {
    body: Body,
    account: Account,
    /// Bytes that the head announced and that have not come yet.
    announced: Option<u64>,
}

impl Followed {
    fn wrap(body: Body, mut account: Account, announced: Option<u64>) -> Body {
        use http_body::Body as _;
        account.is_whole = account.is_head || body.is_end_stream();
        let announced = announced.or_else(|| body.size_hint().exact());
        Body::new(Self { body, account, announced })
    }

    fn note(&mut self, frame: Option<&Frame<Bytes>>) {
        use http_body::Body as _;
        let bytes = frame.and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
        self.announced = self.announced.map(|left| left.saturating_sub(bytes));
        // hyper asks for no more once it has as much as the head announced.
        self.account.is_whole =
            frame.is_none() || self.body.is_end_stream() || self.announced == Some(0);
    }
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let span = self.account.span.clone();
        let _request = span.enter();
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(data)) => self.note(Some(data)),
            None => self.note(None),
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::loggable;

    #[test]
    fn a_path_is_logged_where_it_can_be_nothing_else() {
        let route = Some("/v1/models/{model}");
        assert_eq!(loggable(route, "/v1/models/small"), "/v1/models/small");
        assert_eq!(loggable(route, "/v1/models/imk_abc"), "/v1/models/{model}");
        let long = format!("/v1/models/{}", "a".repeat(1_000));
        assert_eq!(loggable(route, &long), "/v1/models/{model}");
        assert_eq!(loggable(None, "/anything"), "");
    }
}
