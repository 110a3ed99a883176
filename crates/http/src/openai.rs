//! Serves the OpenAI-compatible surface under `/v1`.
//!
//! One file an endpoint, each with its request type, its conversion (the only validation of
//! shape) and its handler. [`generation`] holds what chat and plain completions share.

pub(crate) mod chat;
mod choices;
pub(crate) mod completions;
pub(crate) mod embeddings;
mod format;
mod generation;
mod logprobs;
pub(crate) mod models;
pub(crate) mod rerank;
pub(crate) mod responses;
mod sse;
pub(crate) mod tokens;
mod tools;

use crate::error::{ApiError, Code};

/// The error for a model that is not served here.
fn model_not_found(asked: &str, served: Option<&str>) -> ApiError {
    let hint = match served {
        Some(served) => format!("this server has '{served}'"),
        None => "no model is configured for this".to_string(),
    };
    ApiError {
        param: Some("model".into()),
        ..ApiError::new(Code::ModelNotFound, format!("the model '{asked}' is not served; {hint}"))
    }
}
