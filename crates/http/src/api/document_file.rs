//! Hands out the original file of a document.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use tokio_util::io::ReaderStream;

use crate::error::ApiError;
use crate::state::AppState;

/// Hands out the file that was uploaded, byte for byte, as a download.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/documents/{document}/file",
    tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("document" = String, Path, description = "id of the document")),
    responses((status = 200, description = "the file, under its own type", content_type = "*/*"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such document")),
    security(("key" = [])))]
pub(crate) async fn get_file(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, document)): Path<(String, String)>,
) -> Result<(HeaderMap, Body), ApiError> {
    let (kb, document) = (KnowledgeBaseId::new(kb), DocumentId::new(document));
    let (record, file) = state.knowledge.file(&kb, &document, &access).await?;
    let mut headers = HeaderMap::new();
    // Never as a page: what somebody uploaded must not run in another's browser.
    let disposition = format!("attachment; filename*=UTF-8''{}", encoded(&record.file_name));
    for (name, value) in [
        (header::CONTENT_TYPE, record.media_type),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_LENGTH, record.bytes.to_string()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    let file = tokio::fs::File::from_std(file);
    Ok((headers, Body::from_stream(ReaderStream::new(file))))
}

/// A file name for a header. Source: RFC 8187, `value-chars`.
fn encoded(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!#$&+^`|".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
