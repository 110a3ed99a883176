//! `GET /v1/models` and `GET /v1/models/{model}`.

use axum::Json;
use axum::extract::{Path, State};
use intramuros_engine::EmbedModelInfo;
use serde::Serialize;
use utoipa::ToSchema;

use super::model_not_found;
use crate::error::ApiError;
use crate::state::AppState;

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// `list`.
    object: &'static str,
    /// The models.
    data: Vec<ModelDto>,
}

/// One model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelDto {
    /// What requests name in `model`.
    id: String,
    /// `model`.
    object: &'static str,
    /// When it was loaded, seconds since the Unix epoch.
    created: i64,
    /// `intramuros`.
    owned_by: &'static str,
    /// `text`, `embedding` or `rerank`. Not in OpenAI's object.
    task: &'static str,
    /// Whether it is loaded; others are when the first request for them comes. Not in OpenAI's
    /// object.
    loaded: bool,
    /// The most tokens of a request, while it is loaded. Not in OpenAI's object.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u32>,
    /// Bytes of memory that it takes, while it is loaded. Not in OpenAI's object.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Length of its vectors. Not in OpenAI's object.
    #[serde(skip_serializing_if = "Option::is_none")]
    dimension: Option<usize>,
}

fn served(state: &AppState) -> Vec<ModelDto> {
    let text = state.text.states().into_iter().map(|model| ModelDto {
        id: model.id.to_string(),
        object: "model",
        created: state.started_at,
        owned_by: "intramuros",
        task: "text",
        loaded: model.loaded.is_some(),
        context_tokens: model.loaded.as_ref().map(|(info, _)| info.context_tokens),
        memory_bytes: model.loaded.as_ref().map(|(info, _)| info.memory.total_bytes()),
        dimension: None,
    });
    let embedding = state.encoders.all().iter().map(|encoder| encoder_dto(state, encoder.info()));
    let rerank = state.encoders.reranker().map(|reranker| ModelDto {
        task: "rerank",
        dimension: None,
        ..encoder_dto(state, reranker.info())
    });
    text.chain(embedding).chain(rerank).collect()
}

fn encoder_dto(state: &AppState, encoder: &EmbedModelInfo) -> ModelDto {
    ModelDto {
        id: encoder.id.to_string(),
        object: "model",
        created: state.started_at,
        owned_by: "intramuros",
        task: "embedding",
        loaded: true,
        context_tokens: Some(encoder.max_tokens),
        memory_bytes: Some(encoder.weight_bytes),
        dimension: Some(encoder.dimension),
    }
}

/// Lists the models that are served.
#[utoipa::path(get, path = "/v1/models", tag = "openai",
    responses((status = 200, description = "the models", body = ModelList),
        (status = 401, description = "no valid key")),
    security(("key" = [])))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn list_models(State(state): State<AppState>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: served(&state) })
}

/// Describes one model.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "openai",
    params(("model" = String, Path, description = "id of the model")),
    responses((status = 200, description = "the model", body = ModelDto),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served")),
    security(("key" = [])))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn get_model(
    State(state): State<AppState>,
    Path(model): Path<String>,
) -> Result<Json<ModelDto>, ApiError> {
    let found = served(&state).into_iter().find(|served| served.id == model);
    found.map(Json).ok_or_else(|| {
        let ids: Vec<String> = served(&state).into_iter().map(|served| served.id).collect();
        model_not_found(&model, Some(&ids.join("', '")))
    })
}
