//! Shows the passages of a document: all of them, or the neighbours of a hit.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::hit::PassageDto;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

const DEFAULT_LIMIT: u32 = 20;

/// Which passages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PassagesQuery {
    /// Position of the first one in its document, from 0; a hit's is its `ordinal`.
    #[serde(default)]
    from: u32,
    /// The most passages, 1 to 100; default 20.
    limit: Option<u32>,
}

/// Passages in the order of the document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PassageList {
    /// The passages.
    passages: Vec<PassageDto>,
}

/// Shows passages of a document in its order.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/documents/{document}/passages",
    tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("document" = String, Path, description = "id of the document"), PassagesQuery),
    responses((status = 200, description = "the passages", body = PassageList),
        (status = 400, description = "a parameter is wrong"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such document")),
    security(("key" = [])))]
pub(crate) async fn list_passages(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, document)): Path<(String, String)>,
    QueryParams(query): QueryParams<PassagesQuery>,
) -> Result<Json<PassageList>, ApiError> {
    let (kb, document) = (KnowledgeBaseId::new(kb), DocumentId::new(document));
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("'limit' is {limit}, it must be 1 to 100")));
    }
    let ordinals = query.from..query.from.saturating_add(limit);
    let passages = state.knowledge.passages(&kb, &document, ordinals, &access).await?;
    Ok(Json(PassageList { passages: passages.into_iter().map(PassageDto::from).collect() }))
}
