//! Turns the fields that constrain an answer into a constraint: OpenAI's `response_format`, and
//! `structured_outputs` as vLLM has it.

use intramuros_types::Constraint;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::ApiError;

/// What the answer must be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ResponseFormat {
    /// Anything.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema {
        /// The schema and its name.
        json_schema: NamedSchema,
    },
}

/// A schema with a name.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedSchema {
    /// For the client's own use.
    #[allow(dead_code, reason = "part of the request's shape; changes nothing")]
    name: Option<String>,
    /// For the client's own use.
    #[allow(dead_code, reason = "part of the request's shape; changes nothing")]
    description: Option<String>,
    /// The JSON Schema.
    schema: Option<Value>,
    /// A schema is always enforced, whatever this says.
    #[allow(dead_code, reason = "part of the request's shape; a schema is always enforced")]
    strict: Option<bool>,
}

/// Exactly one of these. Not in OpenAI's API.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StructuredOutputs {
    /// A JSON Schema.
    json: Option<Value>,
    /// A regular expression that matches the whole answer.
    regex: Option<String>,
    /// One of these texts.
    choice: Option<Vec<String>>,
    /// A Lark grammar.
    grammar: Option<String>,
}

/// A constraint and the field that asked for it.
pub(crate) struct Asked {
    pub(crate) constraint: Constraint,
    pub(crate) field: &'static str,
}

/// The constraint that the two fields ask for together.
///
/// # Errors
/// When both ask for one, or one asks for several.
pub(crate) fn constraint(
    format: Option<ResponseFormat>,
    structured: Option<StructuredOutputs>,
) -> Result<Option<Asked>, ApiError> {
    let format = match format {
        None | Some(ResponseFormat::Text) => None,
        Some(ResponseFormat::JsonObject) => Some(Constraint::JsonObject),
        Some(ResponseFormat::JsonSchema { json_schema }) => {
            let schema = json_schema.schema.ok_or_else(|| {
                let param = "response_format.json_schema.schema";
                ApiError::invalid(param, format!("'{param}' is required"))
            })?;
            Some(Constraint::JsonSchema(schema))
        }
    };
    let StructuredOutputs { json, regex, choice, grammar } = structured.unwrap_or_default();
    let asked = [
        (json.map(Constraint::JsonSchema), "structured_outputs.json"),
        (regex.map(Constraint::Regex), "structured_outputs.regex"),
        (choice.map(Constraint::Choice), "structured_outputs.choice"),
        (grammar.map(Constraint::Lark), "structured_outputs.grammar"),
        (format, "response_format"),
    ];
    let mut asked = asked
        .into_iter()
        .filter_map(|(constraint, field)| constraint.map(|constraint| Asked { constraint, field }));
    match (asked.next(), asked.next()) {
        (only, None) => Ok(only),
        (_, Some(_)) => Err(ApiError::invalid(
            "structured_outputs",
            "'structured_outputs' and 'response_format' together must ask for one thing: json, \
             regex, choice, grammar or a response format",
        )),
    }
}
