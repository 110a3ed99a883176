//! Describes what an answer must look like, whatever the model would rather say.

use serde_json::Value;

/// The language that an answer must belong to. Enforced while the answer is drawn, token by token.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Any JSON object.
    JsonObject,
    /// JSON that this schema accepts (draft 2020-12 where it does not say otherwise).
    JsonSchema(Value),
    /// Text that this regular expression matches from its beginning to its end (Rust syntax).
    Regex(String),
    /// Text of this grammar, in llguidance's variant of Lark.
    Lark(String),
    /// One of these texts.
    Choice(Vec<String>),
}
