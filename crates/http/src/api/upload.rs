//! Receives one file of a multipart body, piece by piece, within limits, and what is said about it.

use std::time::{Duration, Instant};

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
/// What a client must send on average, once the time for a silence is over: one that sends a byte
/// now and then would hold its place for ever.
const MIN_BYTES_PER_SECOND: u64 = 4 << 10;

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
    let mut pace = Pace::new(state);
    let mut upload = None;
    let mut details = DocumentDetails::default();
    while let Some(field) = pace.within(multipart.next_field()).await? {
        let name = field.name().unwrap_or_default().to_string();
        if name != FIELD {
            let value = receive_text(&mut pace, &name, field).await?;
            describe(&mut details, &name, value)?;
            continue;
        }
        if upload.is_some() {
            let message = format!("more than one part '{FIELD}'; send one file a request");
            return Err(ApiError::invalid(FIELD, message));
        }
        upload = Some(receive_file(&mut pace, field).await?);
    }
    let upload = upload.ok_or_else(|| {
        ApiError::invalid(FIELD, format!("the part '{FIELD}' with the file is missing"))
    })?;
    Ok((upload, details))
}

/// A part that is no file.
async fn receive_text(
    pace: &mut Pace<'_>,
    name: &str,
    mut field: Field<'_>,
) -> Result<String, ApiError> {
    if !PARTS.contains(&name) {
        let known = PARTS.join("', '");
        let message = format!("unknown part '{name}'; send '{FIELD}', and if wanted '{known}'");
        return Err(ApiError::invalid(name, message));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = pace.within(field.chunk()).await? {
        pace.received(piece.len())?;
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

async fn receive_file(pace: &mut Pace<'_>, mut field: Field<'_>) -> Result<Upload, ApiError> {
    let state = pace.state;
    let file_name = file_name(field.file_name())?;
    let mut upload = state.knowledge.receive(file_name, state.limits.max_upload_bytes).await?;
    while let Some(piece) = pace.within(field.chunk()).await? {
        pace.received(piece.len())?;
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

/// Bounds the time that a client takes: a slow one is fine, a dead one is not, nor one that plays
/// dead.
struct Pace<'s> {
    state: &'s AppState,
    started: Instant,
    bytes: u64,
}

impl<'s> Pace<'s> {
    fn new(state: &'s AppState) -> Self {
        Self { state, started: Instant::now(), bytes: 0 }
    }

    /// Bounds the silence before a piece.
    async fn within<T>(
        &self,
        piece: impl Future<Output = Result<T, MultipartError>>,
    ) -> Result<T, ApiError> {
        let limit = self.state.limits.body_timeout;
        match tokio::time::timeout(limit, piece).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::new(Code::BodyTooLarge, limit_message(self.state)))
            }
            Ok(Err(error)) => {
                let message = format!("the multipart body is broken: {}", error.body_text());
                Err(ApiError::new(Code::InvalidRequest, message))
            }
            Err(_) => {
                let message = format!("nothing of the upload arrived for {} s", limit.as_secs());
                Err(ApiError::new(Code::RequestTimeout, message))
            }
        }
    }

    /// Notes a piece, and refuses to go on when there was too little in too long a time.
    fn received(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let elapsed = self.started.elapsed();
        if elapsed <= patience(self.state.limits.body_timeout, self.bytes) {
            return Ok(());
        }
        let message = format!(
            "{} bytes of the upload arrived in {} s; the least is {MIN_BYTES_PER_SECOND} a second",
            self.bytes,
            elapsed.as_secs()
        );
        Err(ApiError::new(Code::RequestTimeout, message))
    }
}

/// How long `bytes` may take, beyond the silence that everybody is allowed.
fn patience(silence: Duration, bytes: u64) -> Duration {
    silence + Duration::from_secs(bytes / MIN_BYTES_PER_SECOND)
}

fn limit_message(state: &AppState) -> String {
    format!(
        "the upload is larger than {} bytes (server.max_upload_bytes)",
        state.limits.max_upload_bytes
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::patience;

    #[test]
    fn a_trickle_is_cut_and_a_slow_line_is_not() {
        let silence = Duration::from_secs(30);
        // A byte every five seconds.
        assert!(patience(silence, 7) < Duration::from_secs(35));
        // A tenth of a megabit a second.
        assert!(patience(silence, 12_500 * 3_600) > Duration::from_secs(3_600));
    }
}
