//! Describes the tools that a model may call and the calls it makes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A function that the caller offers to the model. The server never runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name: 1 to 64 of `[a-zA-Z0-9_-]`.
    pub name: String,
    /// What it does, for the model to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON schema of its arguments, an object.
    pub parameters: Value,
}

/// A call that the model makes, or made in an earlier turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Ties the result to the call.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// The arguments as JSON text: an object where the model wrote one.
    pub arguments: String,
}

/// Which tools the model may or must call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// Text or calls, as the model sees fit.
    #[default]
    Auto,
    /// Text only.
    None,
    /// At least one call, of any tool.
    Required,
    /// One call of this tool.
    Named(String),
}
