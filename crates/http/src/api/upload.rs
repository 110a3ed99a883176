//! Receives one file of a multipart body, piece by piece, within limits.

use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::StatusCode;
use intramuros_knowledge::Upload;

use crate::error::{ApiError, Code};
use crate::state::AppState;

const FIELD: &str = "file";
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

/// Reads the part named `file`; other parts are refused by name.
pub(crate) async fn receive(
    state: &AppState,
    mut multipart: Multipart,
) -> Result<Upload, ApiError> {
    let mut upload = None;
    while let Some(field) = within(state, multipart.next_field()).await? {
        let name = field.name().unwrap_or_default().to_string();
        if name != FIELD {
            let message = format!("unknown part '{name}'; send one part named '{FIELD}'");
            return Err(ApiError::invalid(name, message));
        }
        if upload.is_some() {
            let message = format!("more than one part '{FIELD}'; send one file a request");
            return Err(ApiError::invalid(FIELD, message));
        }
        upload = Some(receive_file(state, field).await?);
    }
    upload.ok_or_else(|| {
        ApiError::invalid(FIELD, format!("the part '{FIELD}' with the file is missing"))
    })
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
