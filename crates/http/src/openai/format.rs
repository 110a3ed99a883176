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

/// The constraint that the two fields ask for together.
///
/// # Errors
/// When both ask for one, or one asks for several.
pub(crate) fn constraint(
    format: Option<ResponseFormat>,
    structured: Option<StructuredOutputs>,
) -> Result<Option<Constraint>, ApiError> {
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
    let Some(structured) = structured else { return Ok(format) };
    let StructuredOutputs { json, regex, choice, grammar } = structured;
    let asked = [
        json.map(Constraint::JsonSchema),
        regex.map(Constraint::Regex),
        choice.map(Constraint::Choice),
        grammar.map(Constraint::Lark),
        format,
    ];
    let mut asked = asked.into_iter().flatten();
    match (asked.next(), asked.next()) {
        (only, None) => Ok(only),
        (_, Some(_)) => Err(ApiError::invalid(
            "structured_outputs",
            "'structured_outputs' and 'response_format' together must ask for one thing: json, \
             regex, choice, grammar or a response format",
        )),
    }
}
