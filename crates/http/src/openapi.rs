//! Completes the OpenAPI document with what every operation shares: how to sign in, which errors
//! can come, and what they look like. Written once here, so that no route can forget a row.

use axum::http::Method;
use utoipa::ToSchema;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder,
};

use crate::error::Code;
use crate::operation::{self, Needs};

/// The document without its paths.
pub(crate) fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Intramuros")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Self-hosted AI server: an OpenAI-compatible API and answers with citations from the \
             company's own documents. Every path but the operation ones needs a key.",
        ))
        .build();
    let mut document = OpenApiBuilder::new().info(info).build();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = ComponentsBuilder::new()
        .security_scheme("key", SecurityScheme::Http(bearer.clone()))
        .security_scheme("visitor", SecurityScheme::Http(bearer))
        .schema_from::<OpenAiError>()
        .schema_from::<OpenAiErrorBody>()
        .schema_from::<Problem>()
        .build();
    document.components = Some(components);
    document
}

/// Adds the errors that the middleware of the router can answer, and the body of all errors.
pub(crate) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let error = if path.starts_with("/v1/") { OPENAI } else { PROBLEM };
        for (method, operation) in [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ] {
            let Some(operation) = operation else { continue };
            add_needs(path, &method, operation);
            add_shared_errors(operation);
            describe_errors(operation, &error);
        }
    }
}

/// Says what a caller needs, from the one table that decides it.
fn add_needs(path: &str, method: &Method, operation: &mut Operation) {
    let Ok(row) = operation::find(method, path) else { return };
    let (name, scope) = match row.needs {
        Needs::Nothing => return,
        Needs::Visitor => ("the token of a conversation".to_owned(), None),
        Needs::Caller => ("any key or session".to_owned(), None),
        Needs::Scope(scope) => (format!("the scope `{scope}`"), Some(scope.to_string())),
        Needs::Either(one, other) => {
            (format!("the scope `{one}` or `{other}`"), Some(format!("{one}|{other}")))
        }
    };
    let described = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{described}\n\nNeeds {name}.").trim().to_owned());
    if let Some(scope) = scope {
        let extension = ExtensionsBuilder::new().add("x-scope", scope).build();
        operation.extensions.get_or_insert_default().merge(extension);
    }
}

fn add_shared_errors(operation: &mut Operation) {
    let guarded = operation.security.as_ref().is_some_and(|keys| !keys.is_empty());
    let has_body = operation.request_body.is_some();
    let mut shared = vec![(Code::InvalidRequest, "a field, parameter or header is wrong")];
    if guarded {
        shared.push((Code::InvalidApiKey, "no key, or one that is unknown, expired or revoked"));
        shared.push((Code::InsufficientScope, "the key lacks the scope that the message names"));
        shared.push((Code::Internal, "the server failed; its log has the details"));
        shared.push((Code::Timeout, "it took longer than server.request_timeout_seconds"));
        shared.push((Code::UriTooLong, "path and query are too long"));
        shared.push((Code::HostNotAllowed, "the server has other names (server.allowed_hosts)"));
        shared.push((Code::HeadersTooLarge, "the header lines are too many or too long"));
        shared.push((Code::Unavailable, "the server is stopping; see Retry-After"));
        // Of any request: it may say that it has a compressed body.
        shared.push((Code::UnsupportedMediaType, "the body has another content type"));
    }
    if has_body {
        shared.push((Code::UnsupportedMediaType, "the body has another content type"));
        shared.push((Code::RequestTimeout, "the body did not arrive in time"));
        shared.push((Code::BodyTooLarge, "the body is larger than this server accepts"));
    }
    for (code, meaning) in shared {
        let response = ResponseBuilder::new().description(meaning).build();
        let status = code.status().as_str().to_string();
        operation.responses.responses.entry(status).or_insert(RefOr::T(response));
    }
}

/// How a family of paths writes its errors.
struct ErrorShape {
    content_type: &'static str,
    schema: &'static str,
}

const OPENAI: ErrorShape = ErrorShape { content_type: "application/json", schema: "OpenAiError" };
const PROBLEM: ErrorShape =
    ErrorShape { content_type: "application/problem+json", schema: "Problem" };

fn describe_errors(operation: &mut Operation, shape: &ErrorShape) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let is_error = status.starts_with('4') || status.starts_with('5');
        if is_error && response.content.is_empty() {
            let schema = Ref::from_schema_name(shape.schema);
            let content = ContentBuilder::new().schema(Some(schema)).build();
            response.content.insert(shape.content_type.to_string(), content.into());
        }
    }
}

/// An error under `/v1`, as OpenAI's clients expect it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `ApiError::openai_body` writes")]
struct OpenAiError {
    error: OpenAiErrorBody,
}

/// What went wrong.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `ApiError::openai_body` writes")]
struct OpenAiErrorBody {
    /// What happened, the limit and the remedy.
    message: String,
    /// `invalid_request_error`, `authentication_error`, `permission_error`, `rate_limit_error` or
    /// `server_error`.
    r#type: String,
    /// The field at fault.
    param: Option<String>,
    /// Stable name of the error; docs/api.md lists them.
    code: String,
}

/// An error elsewhere: RFC 9457 problem details.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `ApiError::problem_body` writes")]
struct Problem {
    /// `urn:intramuros:error:` and the code.
    r#type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable name of the error; docs/api.md lists them.
    code: String,
    /// What happened, the limit and the remedy.
    detail: String,
    /// The field at fault.
    param: Option<String>,
}

/// One of the server-sent events of an answer that is streamed.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what streams write")]
pub(crate) struct StreamEvent {
    /// What the data is, where a stream has several kinds.
    event: Option<String>,
    /// JSON, or `[DONE]` at the end of those streams that say so.
    data: String,
}
