//! Maps every failure to one row of a table: code, HTTP status, OpenAI error type.
//!
//! Codes are public API and never change meaning. Handlers return [`ApiError`]; the router's
//! middleware `render_errors` writes it in the shape its clients expect (OpenAI's error object
//! under `/v1`, RFC 9457 elsewhere), so that a handler cannot pick the wrong one.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use intramuros_datalife::DataLifeError;
use intramuros_engine::EngineError;
use intramuros_knowledge::KnowledgeError;
use intramuros_ledger::LedgerError;
use intramuros_notify::NotifyError;
use intramuros_types::Fault;
use intramuros_usecases::chat::ChatError;
use intramuros_usecases::pilots::PilotError;
use intramuros_usecases::triage::TriageError;
use serde_json::json;
use time::OffsetDateTime;

/// A row of the error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON, or a field has the wrong type or value.
    InvalidRequest,
    /// A field exists elsewhere but would be ignored here.
    UnsupportedField,
    /// Prompt and answer do not fit the model's context.
    ContextLengthExceeded,
    /// No key, or one that is unknown, expired or revoked.
    InvalidApiKey,
    /// The key is good, its scopes do not cover this.
    InsufficientScope,
    /// The web page is not one of those that may have the assistant.
    OriginNotAllowed,
    /// The model is not served here.
    ModelNotFound,
    /// The resource or path does not exist.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The resource exists already or is in a state that forbids this.
    Conflict,
    /// The body is larger than the configured limit.
    BodyTooLarge,
    /// The content type or the file format cannot be read.
    UnsupportedMediaType,
    /// The target of the request is too long.
    UriTooLong,
    /// The header lines are too many or too long.
    HeadersTooLarge,
    /// The server is not called by the name that the request has for it.
    HostNotAllowed,
    /// The client took too long to send its request.
    RequestTimeout,
    /// The queue is full.
    Overloaded,
    /// The key does more than its limits allow.
    RateLimitExceeded,
    /// The key has used up its tokens of the month.
    BudgetExceeded,
    /// The disk of the data directory is full.
    StorageFull,
    /// The disk of the data directory was mounted read-only.
    StorageReadOnly,
    /// The stored file of a document is missing or damaged.
    FileDamaged,
    /// Not ready yet, stopping, or a part is switched off.
    Unavailable,
    /// The work took longer than the configured limit.
    Timeout,
    /// The environment failed; the log has the details under the request id.
    Internal,
}

impl Code {
    /// The table: public code, status, type of OpenAI's error object.
    fn row(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        const INVALID: &str = "invalid_request_error";
        match self {
            Code::InvalidRequest => ("invalid_request", S::BAD_REQUEST, INVALID),
            Code::UnsupportedField => ("unsupported_field", S::BAD_REQUEST, INVALID),
            Code::ContextLengthExceeded => ("context_length_exceeded", S::BAD_REQUEST, INVALID),
            Code::InvalidApiKey => ("invalid_api_key", S::UNAUTHORIZED, "authentication_error"),
            Code::InsufficientScope => ("insufficient_scope", S::FORBIDDEN, "permission_error"),
            Code::OriginNotAllowed => ("origin_not_allowed", S::FORBIDDEN, "permission_error"),
            Code::ModelNotFound => ("model_not_found", S::NOT_FOUND, INVALID),
            Code::NotFound => ("not_found", S::NOT_FOUND, INVALID),
            Code::MethodNotAllowed => ("method_not_allowed", S::METHOD_NOT_ALLOWED, INVALID),
            Code::Conflict => ("conflict", S::CONFLICT, INVALID),
            Code::BodyTooLarge => ("body_too_large", S::PAYLOAD_TOO_LARGE, INVALID),
            Code::UnsupportedMediaType => {
                ("unsupported_media_type", S::UNSUPPORTED_MEDIA_TYPE, INVALID)
            }
            Code::UriTooLong => ("uri_too_long", S::URI_TOO_LONG, INVALID),
            Code::HeadersTooLarge => {
                ("headers_too_large", S::REQUEST_HEADER_FIELDS_TOO_LARGE, INVALID)
            }
            Code::HostNotAllowed => ("host_not_allowed", S::MISDIRECTED_REQUEST, INVALID),
            Code::RequestTimeout => ("request_timeout", S::REQUEST_TIMEOUT, INVALID),
            Code::Overloaded => ("overloaded", S::TOO_MANY_REQUESTS, "rate_limit_error"),
            Code::RateLimitExceeded => {
                ("rate_limit_exceeded", S::TOO_MANY_REQUESTS, "rate_limit_error")
            }
            Code::BudgetExceeded => ("budget_exceeded", S::TOO_MANY_REQUESTS, "rate_limit_error"),
            Code::StorageFull => ("storage_full", S::INSUFFICIENT_STORAGE, "server_error"),
            Code::StorageReadOnly => ("storage_read_only", S::SERVICE_UNAVAILABLE, "server_error"),
            Code::FileDamaged => ("file_damaged", S::INTERNAL_SERVER_ERROR, "server_error"),
            Code::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "server_error"),
            Code::Timeout => ("timeout", S::GATEWAY_TIMEOUT, "server_error"),
            Code::Internal => ("internal_error", S::INTERNAL_SERVER_ERROR, "server_error"),
        }
    }

    /// The public code.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The code's HTTP status.
    pub fn status(self) -> StatusCode {
        self.row().1
    }
}

/// A failure on its way to the client.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Which row of the table.
    pub code: Code,
    /// What happened, the limit and the remedy.
    pub message: String,
    /// The request field at fault.
    pub param: Option<String>,
    /// When a retry can succeed.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// An error of `code` with its message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, retry_after: None }
    }

    /// A wrong value in the field `param`.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Code::InvalidRequest, message) }
    }

    /// A field that would change the output and is not supported.
    pub fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Code::UnsupportedField, message) }
    }

    /// OpenAI's error object, also used inside a stream.
    pub fn openai_body(&self) -> serde_json::Value {
        let (code, _, kind) = self.code.row();
        json!({"error": {
            "message": self.message, "type": kind, "param": self.param, "code": code,
        }})
    }

    /// RFC 9457 problem details, also used inside a stream.
    pub fn problem_body(&self) -> serde_json::Value {
        let (code, status, _) = self.code.row();
        let mut body = json!({
            "type": format!("urn:intramuros:error:{code}"),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "code": code,
            "detail": self.message,
        });
        if let Some(param) = &self.param {
            body["param"] = json!(param);
        }
        body
    }
}

impl IntoResponse for ApiError {
    /// Leaves the error in the response's extensions for the router's renderer.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes errors in the shape that the path's clients expect.
pub(crate) async fn render_errors(request: Request, next: Next) -> Response {
    let openai = request.uri().path().starts_with("/v1/");
    let response = next.run(request).await;
    if openai {
        render(response, "application/json", ApiError::openai_body)
    } else {
        render(response, "application/problem+json", ApiError::problem_body)
    }
}

fn render(
    mut response: Response,
    content_type: &'static str,
    body: fn(&ApiError) -> serde_json::Value,
) -> Response {
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None => match built_in(response.status()) {
            Some(error) if !has_body_of_ours(&response) => error,
            _ => return response,
        },
    };
    let mut rendered = Response::new(Body::from(body(&error).to_string()));
    *rendered.status_mut() = error.code.status();
    // What the layers within said stays: a client's limits, for one.
    *rendered.headers_mut() = std::mem::take(response.headers_mut());
    rendered.extensions_mut().insert(error.code);
    let headers = rendered.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(after) = error.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    if error.code == Code::BudgetExceeded {
        // OpenAI's clients try again by themselves otherwise.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    if error.code == Code::InvalidApiKey {
        headers.insert("www-authenticate", HeaderValue::from_static("Bearer"));
    }
    rendered
}

/// Errors that axum answers by itself.
fn built_in(status: StatusCode) -> Option<ApiError> {
    let (code, message) = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            (Code::MethodNotAllowed, "this path does not take this method; see /openapi.json")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            (Code::BodyTooLarge, "the request body is larger than this server accepts")
        }
        StatusCode::GATEWAY_TIMEOUT => {
            (Code::Timeout, "the request took longer than server.request_timeout_seconds")
        }
        StatusCode::BAD_REQUEST => (Code::InvalidRequest, "the request could not be read"),
        _ => return None,
    };
    Some(ApiError::new(code, message))
}

fn has_body_of_ours(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"json"))
}

/// Hides what is not the client's business and logs it once.
fn hidden(fault: Fault, error: &(dyn std::error::Error + 'static)) -> ApiError {
    tracing::error!(?fault, error = causes(error), "request failed");
    ApiError::new(Code::Internal, "the server failed; its log has the details under x-request-id")
}

/// The error with what caused it: the JSON format of logs writes only the first of them.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The operator must make room; nothing of the request was kept.
fn storage_full(error: &(dyn std::error::Error + 'static)) -> ApiError {
    tracing::error!(error = causes(error), "the disk is full");
    let message = "the server's disk is full and nothing was stored; make room where data_dir is";
    ApiError::new(Code::StorageFull, message)
}

/// The disk went read-only, mostly because it is failing; what is stored is still served.
fn read_only(error: &(dyn std::error::Error + 'static)) -> ApiError {
    tracing::error!(error = causes(error), "the disk is read-only");
    let message =
        "the server's disk is read-only and nothing was stored; its system's log says why";
    ApiError::new(Code::StorageReadOnly, message)
}

/// The message names the file by its digest, and the remedy.
fn lost_file(error: &(dyn std::error::Error + 'static)) -> ApiError {
    tracing::error!(error = causes(error), "a stored file is lost; 'intramuros doctor' lists all");
    ApiError::new(Code::FileDamaged, error.to_string())
}

/// Nothing that the ledger says can be relied on any more.
fn damaged_ledger(error: &(dyn std::error::Error + 'static)) -> ApiError {
    tracing::error!(
        error = causes(error),
        "the ledger is damaged; stop the server and restore a backup ('intramuros restore')"
    );
    let message = "the server's ledger is damaged; its administrator must restore a backup";
    ApiError::new(Code::Internal, message)
}

impl From<EngineError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::Overloaded { retry_after, .. } => {
                Self { retry_after: Some(retry_after), ..Self::new(Code::Overloaded, message) }
            }
            EngineError::PromptTooLong { .. } => Self::new(Code::ContextLengthExceeded, message),
            EngineError::InvalidParameter { name, .. } => Self::invalid(name, message),
            EngineError::TimedOut { .. } => Self::new(Code::Timeout, message),
            // Logged where it was found; a retry does not help before the settings change.
            EngineError::ModelTooLarge { .. } => Self::new(Code::Unavailable, message),
            EngineError::Stopped => Self {
                retry_after: Some(Duration::from_secs(10)),
                ..Self::new(Code::Unavailable, message)
            },
            other => by_fault(other.fault(), &other),
        }
    }
}

/// The row for errors whose fault says enough.
fn by_fault(fault: Fault, error: &(dyn std::error::Error + 'static)) -> ApiError {
    match fault {
        Fault::User => ApiError::new(Code::InvalidRequest, error.to_string()),
        Fault::Capacity => ApiError {
            retry_after: Some(Duration::from_secs(5)),
            ..ApiError::new(Code::Overloaded, error.to_string())
        },
        Fault::Runtime | Fault::Bug => hidden(fault, error),
    }
}

impl From<LedgerError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: LedgerError) -> Self {
        let message = error.to_string();
        match error {
            full if full.is_storage_full() => storage_full(&full),
            fixed if fixed.is_read_only() => read_only(&fixed),
            damaged if damaged.is_damage() => damaged_ledger(&damaged),
            LedgerError::NotFound { .. } => Self::new(Code::NotFound, message),
            LedgerError::Conflict { .. } => Self::new(Code::Conflict, message),
            LedgerError::Invalid { name, .. } => Self::invalid(name, message),
            LedgerError::DailyLimit { .. } => Self {
                retry_after: Some(until_tomorrow(OffsetDateTime::now_utc())),
                ..Self::new(Code::RateLimitExceeded, message)
            },
            other => by_fault(other.fault(), &other),
        }
    }
}

/// How long a day of the ledger's still takes, which ends at midnight UTC.
fn until_tomorrow(now: OffsetDateTime) -> Duration {
    let (hour, minute, second) = now.to_hms();
    let gone = u64::from(hour) * 3_600 + u64::from(minute) * 60 + u64::from(second);
    Duration::from_secs(24 * 3_600 - gone)
}

impl From<KnowledgeError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: KnowledgeError) -> Self {
        match error {
            KnowledgeError::DiskLow { .. } => Self::new(Code::StorageFull, error.to_string()),
            full if full.is_storage_full() => storage_full(&full),
            fixed if fixed.is_read_only() => read_only(&fixed),
            lost if lost.is_lost_file() => lost_file(&lost),
            KnowledgeError::Ledger(error) => error.into(),
            KnowledgeError::Engine(error) => error.into(),
            KnowledgeError::Invalid { name, .. } => Self::invalid(name, error.to_string()),
            KnowledgeError::TooLarge { .. } => Self::new(Code::BodyTooLarge, error.to_string()),
            KnowledgeError::NoGenerator => Self::new(Code::Unavailable, error.to_string()),
            other => by_fault(other.fault(), &other),
        }
    }
}

impl From<TriageError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: TriageError) -> Self {
        match error {
            TriageError::Ledger(error) => error.into(),
            TriageError::Engine(error) => error.into(),
            TriageError::Policy(error) => Self::invalid(error.name.clone(), error.to_string()),
            TriageError::Invalid { name, .. } => Self::invalid(name, error.to_string()),
            TriageError::Unreadable { .. } => Self::new(Code::Conflict, error.to_string()),
            other => by_fault(other.fault(), &other),
        }
    }
}

impl From<ChatError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Ledger(error) => error.into(),
            ChatError::Engine(error) => error.into(),
            ChatError::Knowledge(error) => error.into(),
            ChatError::Assistant(error) => Self::invalid(error.name.clone(), error.to_string()),
            ChatError::Unreadable { .. } => Self::new(Code::Conflict, error.to_string()),
            ChatError::Origin { .. } => Self::new(Code::OriginNotAllowed, error.to_string()),
            other => by_fault(other.fault(), &other),
        }
    }
}

impl From<PilotError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: PilotError) -> Self {
        match error {
            PilotError::Ledger(error) => error.into(),
            PilotError::Triage(error) => error.into(),
            PilotError::Knowledge(error) => error.into(),
            PilotError::Chat(error) => error.into(),
            PilotError::Engine(error) => error.into(),
            PilotError::TooSmall(_) => Self::invalid("max_error", error.to_string()),
            PilotError::Set(error) => Self::invalid("body", error.to_string()),
            PilotError::Invalid { name, .. } => Self::invalid(name, error.to_string()),
            PilotError::Unreadable { .. } => Self::new(Code::Conflict, error.to_string()),
            other => by_fault(other.fault(), &other),
        }
    }
}

impl From<DataLifeError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: DataLifeError) -> Self {
        match error {
            DataLifeError::Ledger(error) => error.into(),
            DataLifeError::Knowledge(error) => error.into(),
            DataLifeError::Invalid { name, .. } => Self::invalid(name, error.to_string()),
            DataLifeError::Refused { .. } => Self::new(Code::Conflict, error.to_string()),
            other => by_fault(other.fault(), &other),
        }
    }
}

impl From<NotifyError> for ApiError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: NotifyError) -> Self {
        let message = error.to_string();
        match error {
            NotifyError::Ledger(error) => error.into(),
            NotifyError::Egress(_) => Self::invalid("url", message),
            NotifyError::Invalid { name, .. } => Self::invalid(name, message),
            NotifyError::NoMail => Self::new(Code::Conflict, message),
            other => by_fault(other.fault(), &other),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::until_tomorrow;

    #[test]
    fn a_days_limit_ends_at_midnight() {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        assert_eq!(until_tomorrow(at(0)).as_secs(), 24 * 3_600);
        assert_eq!(until_tomorrow(at(24 * 3_600 - 1)).as_secs(), 1);
    }
}
