//! Describes how an encoder wants to be fed and read; part of a model's identity.

use serde::{Deserialize, Serialize};

/// How the token vectors of an input become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Mean over the tokens.
    Mean,
    /// The first token's vector.
    Cls,
}

/// Prompt profile of an encoder. Wrong prefixes or pooling do not fail, they rank badly, so they
/// come from the catalogue or the model's own files, never from a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderProfile {
    /// How token vectors are pooled.
    pub pooling: Pooling,
    /// Whether vectors are L2-normalised.
    pub normalise: bool,
    /// Put before a question or search words (`query: ` for E5).
    #[serde(default)]
    pub query_prefix: String,
    /// Put before a passage (`passage: ` for E5).
    #[serde(default)]
    pub passage_prefix: String,
    /// The most tokens of one input, special tokens included, when the model's configuration
    /// promises more positions than it was trained for.
    #[serde(default)]
    pub max_tokens: Option<u32>,
}
