//! Reads tools and the choice between them.

use intramuros_engine::Tools;
use intramuros_types::{ToolChoice, ToolDefinition};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error::ApiError;

/// A tool that the model may call.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolDto {
    /// `function`.
    r#type: String,
    /// The function.
    function: Option<FunctionDto>,
}

/// A function that the model may call.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionDto {
    /// 1 to 64 letters, digits, `_` and `-`.
    pub(crate) name: String,
    /// What it does.
    pub(crate) description: Option<String>,
    /// JSON Schema of its arguments; without one it has none.
    pub(crate) parameters: Option<Value>,
    /// Arguments always follow the schema, whatever this says.
    #[allow(dead_code, reason = "part of the request's shape; a schema is always enforced")]
    pub(crate) strict: Option<bool>,
}

/// Whether the model must call.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected 'none', 'auto', 'required' or a named function")]
pub(crate) enum ToolChoiceDto {
    /// `none`, `auto` or `required`.
    Mode(Mode),
    /// This function.
    Named(NamedChoice),
}

/// Whether the model must call.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It must not.
    None,
    /// As it sees fit.
    Auto,
    /// It must.
    Required,
}

/// The function that must be called.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedChoice {
    /// `function`.
    r#type: String,
    /// The function.
    function: Option<FunctionName>,
    /// The function, as `/v1/responses` writes it.
    name: Option<String>,
}

/// A function's name.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionName {
    /// Its name.
    name: String,
}

/// The engine's tools; `None` when there are none.
///
/// # Errors
/// A tool of another type, a bad name, a choice without tools.
pub(crate) fn convert(
    tools: Vec<ToolDto>,
    choice: Option<ToolChoiceDto>,
    parallel: bool,
) -> Result<Option<Tools>, ApiError> {
    let mut functions = Vec::with_capacity(tools.len());
    for (index, tool) in tools.into_iter().enumerate() {
        let (r#type, function) = (tool.r#type, tool.function);
        match function {
            Some(function) if r#type == "function" => functions.push(function),
            None if r#type == "function" => {
                let param = format!("tools[{index}].function");
                return Err(ApiError::invalid(param.clone(), format!("'{param}' is required")));
            }
            _ => {
                let param = format!("tools[{index}].type");
                let message = format!("'{param}': tools of type '{}' are not supported", r#type);
                return Err(ApiError::unsupported(param, message));
            }
        }
    }
    offer(functions, choice, parallel)
}

/// The same for functions.
pub(crate) fn offer(
    functions: Vec<FunctionDto>,
    choice: Option<ToolChoiceDto>,
    parallel: bool,
) -> Result<Option<Tools>, ApiError> {
    let choice = choice.map(ToolChoiceDto::convert).transpose()?;
    if functions.is_empty() {
        return match choice {
            None | Some(ToolChoice::Auto | ToolChoice::None) => Ok(None),
            Some(ToolChoice::Required | ToolChoice::Named(_)) => {
                Err(ApiError::invalid("tool_choice", "'tool_choice' needs 'tools'"))
            }
        };
    }
    let definitions = functions.into_iter().enumerate().map(|(at, function)| function.convert(at));
    let definitions = definitions.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Tools { definitions, choice: choice.unwrap_or_default(), parallel }))
}

impl FunctionDto {
    fn convert(self, index: usize) -> Result<ToolDefinition, ApiError> {
        let at = |field: &str| format!("tools[{index}].function.{field}");
        let valid = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(valid) {
            let message = format!(
                "'{}' must be 1 to 64 letters, digits, underscores and hyphens",
                at("name")
            );
            return Err(ApiError::invalid(at("name"), message));
        }
        // A tool without parameters has none, rather than any.
        let none = || json!({"type": "object", "properties": {}, "additionalProperties": false});
        let parameters = self.parameters.unwrap_or_else(none);
        let kind = parameters.get("type");
        if !parameters.is_object() || kind.is_some_and(|kind| kind != "object") {
            let message = format!("'{}' must be a JSON Schema of an object", at("parameters"));
            return Err(ApiError::invalid(at("parameters"), message));
        }
        Ok(ToolDefinition { name: self.name, description: self.description, parameters })
    }
}

impl ToolChoiceDto {
    /// As the response object repeats it.
    pub(crate) fn told(&self) -> serde_json::Value {
        match self {
            ToolChoiceDto::Mode(Mode::None) => json!("none"),
            ToolChoiceDto::Mode(Mode::Auto) => json!("auto"),
            ToolChoiceDto::Mode(Mode::Required) => json!("required"),
            ToolChoiceDto::Named(named) => json!({"type": "function", "name": named.name}),
        }
    }

    fn convert(self) -> Result<ToolChoice, ApiError> {
        match self {
            ToolChoiceDto::Mode(Mode::None) => Ok(ToolChoice::None),
            ToolChoiceDto::Mode(Mode::Auto) => Ok(ToolChoice::Auto),
            ToolChoiceDto::Mode(Mode::Required) => Ok(ToolChoice::Required),
            ToolChoiceDto::Named(named) => {
                let name = named.function.map(|function| function.name).or(named.name);
                match name {
                    Some(name) if named.r#type == "function" => Ok(ToolChoice::Named(name)),
                    _ => {
                        let message = "'tool_choice' must be 'none', 'auto', 'required' or \
                                       {\"type\": \"function\", \"function\": {\"name\": …}}";
                        Err(ApiError::unsupported("tool_choice", message))
                    }
                }
            }
        }
    }
}
