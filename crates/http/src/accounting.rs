//! Accounts for requests: limits before they begin, consumption and the audit trail when they end.
//!
//! What a request did is on disk before its caller has the whole answer: lines are written before a
//! body of known length is sent, and before the last piece of a stream. An act is noted before it
//! begins, too, so that none can be without a trace: where the trail cannot be written, nothing is
//! changed. What is only read or answered then goes on, and its entries are written as soon as they
//! can be, unless the settings ask for strictness.

mod body;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use intramuros_engine::Meter;
use intramuros_ledger::{
    AuditEntry, AuditOutcome, EventKind, Journal, LedgerError, Lines, NewEvent, Sealer,
};
use intramuros_types::{Limits, Principal};
use serde_json::json;

use crate::error::{ApiError, Code};
use crate::limiter::{Budget, Limiter, Now, Refusal, Running, Standing};
use crate::operation::{Operation, Trace};
use crate::request_id::request_id;
use crate::state::AppState;
use crate::track::RequestRecord;
use crate::visit::{End, Visit, usage_entries};
use body::{Accounted, Collected, Heard};

/// How much the audit trail keeps.
#[derive(Debug, Clone, Default)]
pub enum AuditLevel {
    /// Nothing.
    None,
    /// Who did what to what, and how it ended.
    #[default]
    Metadata,
    /// Questions and answers too, sealed.
    Content(Sealer),
}

/// What accounting works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounting {
    pub(crate) journal: Journal,
    pub(crate) level: AuditLevel,
    /// Whether nothing is answered either while the trail cannot be written.
    pub(crate) strict: bool,
    /// The limits of keys and users that have none of their own.
    pub(crate) limits: Limits,
    pub(crate) limiter: Limiter,
}

impl Accounting {
    /// Writes to `journal`; `limits` are those of keys and users that have none of their own.
    pub fn new(journal: Journal, level: AuditLevel, limits: Limits) -> Self {
        Self { journal, level, strict: false, limits, limiter: Limiter::default() }
    }

    /// The same, where nothing is answered either while the trail cannot be written.
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    pub(crate) fn audits(&self) -> bool {
        !matches!(self.level, AuditLevel::None)
    }
}

/// The middleware behind [`crate::auth::require`].
pub(crate) async fn account(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let extensions = request.extensions();
    let (Some(caller), Some(operation)) = (
        extensions.get::<Arc<Principal>>().cloned(),
        extensions.get::<&'static Operation>().copied(),
    ) else {
        return next.run(request).await;
    };
    let accounting = state.accounting.clone();
    let limits = caller.limits.or(accounting.limits);
    let takes_tokens = operation.trace == Trace::Answer;
    let (running, standing) = match begin(&state, &caller, (&limits, takes_tokens)).await {
        Ok(begun) => begun,
        Err(response) => return response,
    };
    let record = RequestRecord::of(request.extensions());
    let meter = meter(&state, &caller, limits, operation).with_tally(record.tally.clone());
    let id = request_id(request.extensions());
    let visit = Visit::new(caller, operation, id, request.uri().path(), (meter, record));
    let visit = Arc::new(visit);
    request.extensions_mut().insert(visit.clone());
    let mut closing =
        Closing { state, visit, limits, heard: None, closed: false, _running: running };
    if operation.trace == Trace::Act && accounting.audits() {
        let lines = Lines { audit: vec![closing.visit.begun()], ..Lines::default() };
        if let Err(error) = accounting.journal.write(lines).await {
            closing.closed = true;
            // A client that is still sending would see a broken connection instead of the reason.
            body::drain(request.into_body()).await;
            return not_written(&error).into_response();
        }
    }
    if matches!(accounting.level, AuditLevel::Content(_)) && operation.trace == Trace::Answer {
        let heard = Heard::default();
        closing.heard = Some(heard.clone());
        request = request.map(|body| Body::new(Collected::new(body, heard)));
    }
    let response = next.run(request).await;
    let mut response = closing.close(response).await;
    tell(response.headers_mut(), &standing);
    response
}

/// Lets a request begin within its limits.
async fn begin(
    state: &AppState,
    caller: &Principal,
    (limits, takes_tokens): (&Limits, bool),
) -> Result<(Running, Standing), Response> {
    let limiter = &state.accounting.limiter;
    let account = caller.account();
    let now = Now::of(state.ledger.now());
    if limiter.is_unknown(account, now) {
        let user = caller.user.as_ref().map(|user| user.as_str());
        let used = match limits.monthly_tokens {
            Some(_) => state.ledger.tokens_this_month(caller.family.as_ref(), user).await,
            None => Ok(0),
        };
        let used = used.map_err(|error| ApiError::from(error).into_response())?;
        limiter.remember(account, limits, used, now);
    }
    let (begun, standing) = limiter.begin(account, (limits, takes_tokens), now);
    match begun {
        Ok(running) => Ok((running, standing)),
        Err(refusal) => {
            let mut response = refused(&refusal).into_response();
            tell(response.headers_mut(), &standing);
            Err(response)
        }
    }
}

/// Adds up what the request takes; what it takes after its end is written then.
fn meter(
    state: &AppState,
    caller: &Arc<Principal>,
    limits: Limits,
    operation: &'static Operation,
) -> Meter {
    let (accounting, caller) = (state.accounting.clone(), caller.clone());
    let ledger = state.ledger.clone();
    Meter::new(move |consumed| {
        let tokens = consumed.iter().map(|(_, took)| took.tokens()).sum();
        let now = Now::of(ledger.now());
        let crossed = accounting.limiter.consume(caller.account(), &limits, tokens, now);
        let usage = usage_entries(&caller, None, operation, consumed, false);
        let mut lines = Lines { usage, ..Lines::default() };
        tell_crossed(&mut lines, caller.account(), &crossed, accounting.audits());
        accounting.journal.note(lines);
    })
}

/// What it takes to end a request. Dropped before that is done, it notes that the caller left.
struct Closing {
    state: AppState,
    visit: Arc<Visit>,
    limits: Limits,
    /// The request's body, where the audit trail keeps it.
    heard: Option<Heard>,
    closed: bool,
    /// The request's place among those of its account, free when this is dropped.
    _running: Running,
}

impl Drop for Closing {
    fn drop(&mut self) {
        if !self.closed {
            let lines = self.lines(End::Left, None);
            self.state.accounting.journal.note(lines);
        }
    }
}

impl Closing {
    /// Writes the lines of a response of known length, or sees to it that those of a stream are
    /// written at its end.
    async fn close(mut self, response: Response) -> Response {
        let known_length = response.body().size_hint().exact().is_some()
            || response.headers().contains_key(header::CONTENT_LENGTH);
        if !known_length {
            let status = response.status();
            return response.map(|body| Body::new(Accounted::new(body, status, self)));
        }
        let (parts, body) = response.into_parts();
        let end = End::Answered(parts.status);
        let (body, said) = match &self.heard {
            None => (body, None),
            // It is in memory already.
            Some(_) => match body.collect().await {
                Ok(whole) => {
                    let bytes = whole.to_bytes();
                    (Body::from(bytes.clone()), Some(bytes))
                }
                Err(_) => (Body::empty(), None),
            },
        };
        match self.write(end, said.as_deref()).await {
            Ok(()) => Response::from_parts(parts, body),
            Err(error) => error.into_response(),
        }
    }

    /// Writes what the request did and took.
    async fn write(&mut self, end: End, said: Option<&[u8]>) -> Result<(), ApiError> {
        let lines = self.lines(end, said);
        // From here on the lines are the journal's, also when the caller leaves while it writes.
        self.closed = true;
        let accounting = &self.state.accounting;
        match accounting.journal.write(lines.clone()).await {
            Ok(()) => Ok(()),
            Err(error) if self.may_wait(&lines) => {
                let request = self.visit.request.as_str();
                tracing::error!(request, %error, "what a request did and took is not written yet");
                accounting.journal.note(lines);
                Ok(())
            }
            Err(error) => Err(not_written(&error)),
        }
    }

    /// Whether an answer does not depend on its lines: its price never counts, what was changed is in
    /// the trail since before it began.
    fn may_wait(&self, lines: &Lines) -> bool {
        lines.audit.is_empty() || !self.state.accounting.strict
    }

    /// The lines of the request, whose tokens count from now on.
    fn lines(&self, end: End, said: Option<&[u8]>) -> Lines {
        let accounting = &self.state.accounting;
        let content = self.sealed(said);
        let mut lines = self.visit.lines(end, accounting.audits(), content);
        let account = self.visit.caller.account();
        let now = Now::of(self.state.ledger.now());
        let tokens = lines.usage.iter().map(|entry| entry.consumption.tokens()).sum();
        let crossed = accounting.limiter.consume(account, &self.limits, tokens, now);
        tell_crossed(&mut lines, account, &crossed, accounting.audits());
        lines
    }

    fn sealed(&self, said: Option<&[u8]>) -> Option<String> {
        let (AuditLevel::Content(sealer), Some(heard)) =
            (&self.state.accounting.level, &self.heard)
        else {
            return None;
        };
        let content = json!({
            "request": heard.text(),
            "response": said.map(|said| String::from_utf8_lossy(said)),
        });
        sealer.seal(content.to_string().as_bytes())
    }
}

/// Says that borders of the budget were crossed: in the log, the audit trail and to webhooks.
fn tell_crossed(lines: &mut Lines, account: &str, crossed: &[Budget], audited: bool) {
    for budget in crossed {
        tell_one(lines, account, *budget, audited);
    }
}

fn tell_one(lines: &mut Lines, account: &str, crossed: Budget, audited: bool) {
    let (action, kind, used, limit) = match crossed {
        Budget::Warning { used, limit } => ("budget.warn", EventKind::BudgetWarning, used, limit),
        Budget::Exceeded { used, limit } => {
            ("budget.exceed", EventKind::BudgetExceeded, used, limit)
        }
    };
    tracing::warn!(account, used, limit, "{action}: tokens of the month");
    let payload = json!({"account": account, "used_tokens": used, "monthly_tokens": limit});
    lines.events.push(NewEvent::about(kind, payload));
    lines.audit.extend(audited.then(|| AuditEntry {
        actor: "server:limits".to_owned(),
        action: action.to_owned(),
        target: account.to_owned(),
        outcome: AuditOutcome::Done,
        request: None,
        details: json!({"used": used, "limit": limit}),
        content: None,
    }));
}

fn refused(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::Rate { what, limit, retry_after } => ApiError {
            retry_after: Some(*retry_after),
            ..ApiError::new(
                Code::RateLimitExceeded,
                format!("the limit of {limit} {what} a minute is reached"),
            )
        },
        Refusal::Concurrency { limit } => ApiError {
            retry_after: Some(Duration::from_secs(1)),
            ..ApiError::new(
                Code::RateLimitExceeded,
                format!("{limit} requests run, which is the limit; wait for one to end"),
            )
        },
        Refusal::Budget { limit, retry_after } => ApiError {
            retry_after: Some(*retry_after),
            ..ApiError::new(
                Code::BudgetExceeded,
                format!(
                    "the {limit} tokens of this month are used up; an administrator can raise \
                     monthly_tokens, or wait for the next month (UTC)"
                ),
            )
        },
    }
}

/// The answer where the trail could not be written.
pub(crate) fn not_written(error: &LedgerError) -> ApiError {
    if error.is_storage_full() {
        tracing::error!(%error, "the disk is full: the audit trail cannot be written");
        let message = "the server's disk is full and the audit trail cannot be written; make room \
                       where data_dir is";
        return ApiError::new(Code::StorageFull, message);
    }
    if error.is_read_only() {
        tracing::error!(%error, "the disk is read-only: the audit trail cannot be written");
        let message = "the server's disk is read-only and the audit trail cannot be written; see the \
                       system's log, then mount it for writing";
        return ApiError::new(Code::StorageReadOnly, message);
    }
    tracing::error!(%error, "the audit trail could not be written");
    let message = "the audit trail could not be written; the log has the details";
    ApiError::new(Code::Internal, message)
}

/// Tells a client its limits, under OpenAI's names.
fn tell(headers: &mut HeaderMap, standing: &Standing) {
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some((limit, left, reset)) = standing.requests {
        put("x-ratelimit-limit-requests", limit.to_string());
        put("x-ratelimit-remaining-requests", left.to_string());
        put("x-ratelimit-reset-requests", format!("{}ms", reset.as_millis()));
    }
    if let Some((limit, left, reset)) = standing.tokens {
        put("x-ratelimit-limit-tokens", limit.to_string());
        put("x-ratelimit-remaining-tokens", left.to_string());
        put("x-ratelimit-reset-tokens", format!("{}ms", reset.as_millis()));
    }
    if let Some((limit, left)) = standing.month {
        put("x-budget-limit-tokens", limit.to_string());
        put("x-budget-remaining-tokens", left.to_string());
    }
}
