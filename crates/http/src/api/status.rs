//! Tells what the engines did since the start, for monitoring and for measurements.

use axum::Json;
use axum::extract::State;
use intramuros_engine::{EmbedModelInfo, EngineStatus, ModelState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::AppState;

/// The engines, in figures. Counters begin at the start of the server and only grow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusResponse {
    /// The loaded generators.
    text: Vec<TextStatus>,
    /// The default encoder.
    embedding: EmbeddingStatus,
    /// The other encoders.
    more_embedding: Vec<EmbeddingStatus>,
    /// The cross-encoder; null without one.
    rerank: Option<EmbeddingStatus>,
}

/// The generator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextStatus {
    /// The model.
    model: String,
    /// What it did.
    #[serde(flatten)]
    counters: CountersDto,
    /// Its KV cache.
    kv: KvStatus,
    /// What the model takes.
    memory: MemoryDto,
}

/// An encoder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingStatus {
    /// The model.
    model: String,
    /// What it did; what only a generator does stays 0.
    #[serde(flatten)]
    counters: CountersDto,
    /// Bytes of its weights.
    weight_bytes: u64,
}

/// What an engine did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountersDto {
    /// Whether it can be given work.
    healthy: bool,
    /// Requests (of an encoder: inputs) that wait.
    queued: usize,
    /// Requests that are being computed.
    running: usize,
    /// Places of the queue.
    limit: usize,
    /// Requests that were queued.
    accepted: u64,
    /// Requests that were answered in full.
    completed: u64,
    /// Requests that ended with an error after they were queued.
    failed: u64,
    /// Requests whose client left.
    cancelled: u64,
    /// Tokens of prompts or inputs that were computed.
    prompt_tokens: u64,
    /// Tokens that were generated.
    generated_tokens: u64,
    /// Tokens of prompts that were taken from the cache of beginnings.
    cached_tokens: u64,
    /// Draft tokens that were checked.
    drafted_tokens: u64,
    /// Draft tokens that were right.
    accepted_tokens: u64,
    /// Tokens that a grammar left no choice about.
    forced_tokens: u64,
    /// Passes through the model.
    steps: u64,
    /// Times that a running answer gave way and waited again.
    preempted: u64,
}

/// The KV cache, in blocks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KvStatus {
    /// Blocks that running answers have.
    used_blocks: usize,
    /// Blocks that are kept for prompts that begin alike.
    idle_blocks: usize,
    /// Blocks there are.
    total_blocks: u32,
    /// Tokens of a block.
    block_tokens: u32,
}

/// Bytes that a loaded model takes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemoryDto {
    /// Weights, packed copies included.
    weight_bytes: u64,
    /// The whole KV cache.
    kv_bytes: u64,
    /// Activations and logits of the largest batch.
    workspace_bytes: u64,
}

impl From<EngineStatus> for CountersDto {
    fn from(status: EngineStatus) -> Self {
        Self {
            healthy: status.healthy,
            queued: status.queued,
            running: status.running,
            limit: status.limit,
            accepted: status.accepted,
            completed: status.completed,
            failed: status.failed,
            cancelled: status.cancelled,
            prompt_tokens: status.prompt_tokens,
            generated_tokens: status.generated_tokens,
            cached_tokens: status.cached_tokens,
            drafted_tokens: status.drafted_tokens,
            accepted_tokens: status.accepted_tokens,
            forced_tokens: status.forced_tokens,
            steps: status.steps,
            preempted: status.preempted,
        }
    }
}

/// Tells what the engines do and did. Figures of a moment, read one after the other.
#[utoipa::path(get, path = "/api/v1/status", tag = "status",
    responses((status = 200, description = "the engines, in figures", body = StatusResponse)),
    security(("key" = [])))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn status(State(state): State<AppState>) -> Json<StatusResponse> {
    Json(StatusResponse {
        text: state.text.states().into_iter().filter_map(text_status).collect(),
        embedding: {
            let encoder = state.encoders.default_encoder();
            embedding_status(encoder.info(), encoder.status())
        },
        more_embedding: (state.encoders.all().iter().skip(1))
            .map(|encoder| embedding_status(encoder.info(), encoder.status()))
            .collect(),
        rerank: (state.encoders.reranker())
            .map(|reranker| embedding_status(reranker.info(), reranker.status())),
    })
}

fn text_status(model: ModelState) -> Option<TextStatus> {
    let (info, status) = model.loaded?;
    Some(TextStatus {
        model: info.id.to_string(),
        kv: KvStatus {
            used_blocks: status.kv_used_blocks,
            idle_blocks: status.kv_idle_blocks,
            total_blocks: info.kv.blocks,
            block_tokens: info.kv.block_tokens,
        },
        memory: MemoryDto {
            weight_bytes: info.memory.weight_bytes,
            kv_bytes: info.memory.kv_bytes,
            workspace_bytes: info.memory.workspace_bytes,
        },
        counters: status.into(),
    })
}

fn embedding_status(info: &EmbedModelInfo, status: EngineStatus) -> EmbeddingStatus {
    EmbeddingStatus {
        model: info.id.to_string(),
        counters: status.into(),
        weight_bytes: info.weight_bytes,
    }
}
