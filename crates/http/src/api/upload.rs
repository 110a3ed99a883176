//! Receives one file of a multipart body, piece by piece, within limits, and what is said about it.

use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::StatusCode;
use intramuros_knowledge::Upload;
use intramuros_ledger::DocumentDetails;

use crate::error::{ApiError, Code};
use crate::state::AppState;

const FIELD: &str = "file";
/// The parts that describe the file.
const PARTS: [&str; 4] = ["labels", "metadata", "external_id", "source"];
const MAX_PART_BYTES: usize = 64 << 10;
const MAX_NAME_CHARS: usize = 255;

/// Refuses what is no multipart form.
pub(crate) fn check(
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<Multipart, ApiError> {
    multipart.map_err(|_| {
        let message = format!(
            "the body must be 'Content-Type: multipart/form-data' with a boundary and one part \
             named '{FIELD}'"
        );
        ApiError::new(Code::UnsupportedMediaType, message)
    })
}

/// Reads the part named `file` and those that describe it; others are refused by name.
pub(crate) async fn receive(
    state: &AppState,
    mut multipart: Multipart,
) -> Result<(Upload, DocumentDetails), ApiError> {
    let mut upload = None;
    let mut details = DocumentDetails::default();
    while let Some(field) = within(state, multipart.next_field()).await? {
        let name = field.name().unwrap_or_default().to_string();
        if name != FIELD {
            let value = receive_text(state, &name, field).await?;
            describe(&mut details, &name, value)?;
            continue;
        }
        if upload.is_some() {
            let message = format!("more than one part '{FIELD}'; send one file a request");
            return Err(ApiError::invalid(FIELD, message));
        }
        upload = Some(receive_file(state, field).await?);
    }
    let upload = upload.ok_or_else(|| {
        ApiError::invalid(FIELD, format!("the part '{FIELD}' with the file is missing"))
    })?;
    Ok((upload, details))
}

/// A part that is no file.
async fn receive_text(
    state: &AppState,
    name: &str,
    mut field: Field<'_>,
) -> Result<String, ApiError> {
    if !PARTS.contains(&name) {
        let known = PARTS.join("', '");
        let message = format!("unknown part '{name}'; send '{FIELD}', and if wanted '{known}'");
        return Err(ApiError::invalid(name, message));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = within(state, field.chunk()).await? {
        if bytes.len() + piece.len() > MAX_PART_BYTES {
            let message = format!("the part '{name}' has more than {MAX_PART_BYTES} bytes");
            return Err(ApiError::invalid(name, message));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes)
        .map_err(|_| ApiError::invalid(name, format!("the part '{name}' is not UTF-8")))
}

/// Takes the part `name` over; `labels` may come several times.
fn describe(details: &mut DocumentDetails, name: &str, value: String) -> Result<(), ApiError> {
    match name {
        "labels" => details.labels.push(value),
        "metadata" => {
            details.metadata = serde_json::from_str(&value).map_err(|_| {
                let message = "the part 'metadata' must be a JSON object of texts, such as \
                               {\"service\": \"paie\"}";
                ApiError::invalid(name, message)
            })?;
        }
        "source" => details.source = Some(value),
        _ => details.external_id = Some(value),
    }
    Ok(())
}

async fn receive_file(state: &AppState, mut field: Field<'_>) -> Result<Upload, ApiError> {
    let file_name = file_name(field.file_name())?;
    let mut upload = state.knowledge.receive(file_name, state.limits.max_upload_bytes).await?;
    while let Some(piece) = within(state, field.chunk()).await? {
        // A write of one network buffer goes to the page cache; the slow part, making it
        // durable, happens on a blocking thread in `Knowledge::add`.
        upload.write(&piece)?;
    }
    Ok(upload)
}

/// The last part of the client's file name; the rest is the client's own affair.
fn file_name(given: Option<&str>) -> Result<String, ApiError> {
    let given = given.unwrap_or_default();
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() {
        let message = format!("the part '{FIELD}' has no file name (filename=\"…\")");
        return Err(ApiError::invalid(FIELD, message));
    }
    let length = name.chars().count();
    if length > MAX_NAME_CHARS {
        let message =
            format!("the file name has {length} characters, the limit is {MAX_NAME_CHARS}");
        return Err(ApiError::invalid(FIELD, message));
    }
    if name.chars().any(char::is_control) {
        return Err(ApiError::invalid(FIELD, "the file name has control characters"));
    }
    Ok(name.to_string())
}

/// Bounds the silence between two pieces: a slow client is fine, a dead one is not.
async fn within<T>(
    state: &AppState,
    piece: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout(state.limits.body_timeout, piece).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ApiError::new(Code::BodyTooLarge, limit_message(state)))
        }
        Ok(Err(error)) => {
            let message = format!("the multipart body is broken: {}", error.body_text());
            Err(ApiError::new(Code::InvalidRequest, message))
        }
        Err(_) => {
            let seconds = state.limits.body_timeout.as_secs();
            let message = format!("nothing of the upload arrived for {seconds} s");
            Err(ApiError::new(Code::RequestTimeout, message))
        }
    }
}

fn limit_message(state: &AppState) -> String {
    format!(
        "the upload is larger than {} bytes (server.max_upload_bytes)",
        state.limits.max_upload_bytes
    )
}
