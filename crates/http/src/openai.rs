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

use intramuros_engine::EngineError;

use crate::error::{ApiError, Code};

/// An engine's error with the field `field` as what is wrong, where that is the client's.
fn about(field: &str, error: EngineError) -> ApiError {
    let error = ApiError::from(error);
    let param = if error.code == Code::InvalidRequest { Some(field.into()) } else { None };
    ApiError { param: param.or(error.param), ..error }
}

/// Characters of a name from outside that an error repeats.
const QUOTED: usize = 100;

/// The error for a model that is not served here, or not for this.
fn model_not_found(asked: &str, served: Option<&str>) -> ApiError {
    let hint = match served {
        Some(served) => format!("this path has '{served}'"),
        None => "no model is configured for this path".to_string(),
    };
    let mut asked: String = asked.chars().take(QUOTED + 1).collect();
    if asked.chars().count() > QUOTED {
        asked.pop();
        asked.push('…');
    }
    ApiError {
        param: Some("model".into()),
        ..ApiError::new(Code::ModelNotFound, format!("the model '{asked}' is not served; {hint}"))
    }
}
