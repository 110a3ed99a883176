//! The body of `POST /v1/responses`, and what it asks for.

use intramuros_engine::Prompt;
use intramuros_types::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::body::{Neutral, RequestBody};
use crate::error::ApiError;
use crate::openai::chat::message::RoleDto;
use crate::openai::choices::Wanted;
use crate::openai::format::{self, Asked, ResponseFormat};
use crate::openai::generation::{SamplingFields, is_empty, is_number, priority};
use crate::openai::tools::{self, FunctionDto, ToolChoiceDto};

/// A conversation to continue.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResponsesRequest {
    /// Id of the model, as `/v1/models` lists it.
    pub(super) model: String,
    /// A text, or the conversation so far.
    input: ResponseInput,
    /// What the system is told before the input.
    instructions: Option<String>,
    /// Send events as the answer is written.
    #[serde(default)]
    pub(super) stream: bool,
    /// The most tokens to generate.
    max_output_tokens: Option<u32>,
    /// What the answer must be.
    text: Option<TextOptions>,
    /// Functions that the model may call.
    #[serde(default)]
    tools: Vec<FunctionTool>,
    /// Whether it must.
    tool_choice: Option<ToolChoiceDto>,
    /// Whether it may call several at once; default true.
    parallel_tool_calls: Option<bool>,
    /// `auto` or `default`; `flex` is computed when nobody else waits.
    service_tier: Option<String>,
    /// The client's own; sent back.
    metadata: Option<Value>,
    #[serde(flatten)]
    sampling: SamplingFields,
}

/// What is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or a list of items")]
pub(crate) enum ResponseInput {
    /// The user's text.
    Text(String),
    /// Messages, tool calls and their results.
    Items(Vec<Item>),
}

/// One item of the conversation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct Item {
    /// `message` (also when it is missing), `function_call` or `function_call_output`.
    r#type: Option<String>,
    /// Of a message: who speaks.
    role: Option<String>,
    /// Of a message: a text, or parts.
    content: Option<Value>,
    /// Of a function call and its output: what ties them together.
    call_id: Option<String>,
    /// Of a function call: what is called.
    name: Option<String>,
    /// Of a function call: its arguments as JSON text.
    arguments: Option<String>,
    /// Of a function's output: the text.
    output: Option<Value>,
}

/// How the text must be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextOptions {
    /// Text, a JSON object, JSON of a schema.
    format: Option<Value>,
    /// Only `medium`.
    verbosity: Option<String>,
}

/// A function that the model may call.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct FunctionTool {
    /// `function`.
    r#type: String,
    /// The function.
    #[serde(flatten)]
    function: Value,
}

impl RequestBody for ResponsesRequest {
    const FIELDS: &'static [&'static str] = &[
        "model",
        "input",
        "instructions",
        "stream",
        "max_output_tokens",
        "text",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "service_tier",
        "metadata",
    ];
    const FLATTENED: &'static [&'static str] = SamplingFields::NAMES;
    const NEUTRAL: &'static [(&'static str, Neutral)] = &[
        ("background", Neutral::When(|value| *value == false)),
        ("conversation", Neutral::When(|_| false)),
        ("include", Neutral::When(is_empty)),
        ("max_tool_calls", Neutral::When(|_| false)),
        ("previous_response_id", Neutral::When(|_| false)),
        ("prompt", Neutral::When(|_| false)),
        ("prompt_cache_key", Neutral::Any),
        ("reasoning", Neutral::When(is_empty)),
        ("safety_identifier", Neutral::Any),
        ("store", Neutral::When(|value| *value == false)),
        ("stream_options", Neutral::When(is_empty)),
        ("top_logprobs", Neutral::When(|value| is_number(value, 0.0))),
        ("truncation", Neutral::When(|value| value == "disabled")),
        ("user", Neutral::Any),
    ];
}

impl ResponsesRequest {
    /// What the response object repeats of the request.
    pub(super) fn told(&self) -> Value {
        let format = self.text.as_ref().and_then(|text| text.format.clone());
        let tool = |tool: &FunctionTool| {
            let mut object = tool.function.clone();
            object["type"] = json!(tool.r#type);
            object
        };
        json!({
            "model": self.model,
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "metadata": self.metadata.clone().unwrap_or_else(|| json!({})),
            "parallel_tool_calls": self.parallel_tool_calls.unwrap_or(true),
            "temperature": self.sampling.temperature.unwrap_or(1.0),
            "top_p": self.sampling.top_p.unwrap_or(1.0),
            "text": {"format": format.unwrap_or_else(|| json!({"type": "text"}))},
            "tools": self.tools.iter().map(tool).collect::<Vec<_>>(),
            "tool_choice": self.tool_choice.as_ref().map_or(json!("auto"), ToolChoiceDto::told),
        })
    }

    /// What is to be generated.
    pub(super) fn into_wanted(self) -> Result<Wanted, ApiError> {
        if self.max_output_tokens == Some(0) {
            let message = "'max_output_tokens' is 0; it must be at least 1";
            return Err(ApiError::invalid("max_output_tokens", message));
        }
        let messages = conversation(self.instructions, self.input)?;
        let functions = self.tools.into_iter().enumerate().map(|(index, tool)| tool.convert(index));
        let functions = functions.collect::<Result<Vec<_>, _>>()?;
        let parallel = self.parallel_tool_calls.unwrap_or(true);
        let format = self.text.map(TextOptions::convert).transpose()?.flatten();
        Ok(Wanted {
            prompts: vec![Prompt::Chat(messages)],
            sampling: self.sampling.to_params(self.max_output_tokens, None)?,
            constraint: format::constraint(format, None)?
                .map(|asked| Asked { field: "text.format", ..asked }),
            tools: tools::offer(functions, self.tool_choice, parallel)?,
            priority: priority(self.service_tier.as_deref())?,
            prompt_logprobs: false,
            n: 1,
        })
    }
}

impl TextOptions {
    /// The format as chat completions write it: there the schema has an object of its own.
    fn convert(self) -> Result<Option<ResponseFormat>, ApiError> {
        if self.verbosity.is_some_and(|verbosity| verbosity != "medium") {
            let message = "'text.verbosity' is not supported with this value and would be ignored";
            return Err(ApiError::unsupported("text.verbosity", message));
        }
        let Some(mut format) = self.format else { return Ok(None) };
        if format["type"] == "json_schema"
            && let Some(fields) = format.as_object_mut()
        {
            if !fields.contains_key("schema") {
                let param = "text.format.schema";
                return Err(ApiError::invalid(param, format!("'{param}' is required")));
            }
            fields.remove("type");
            format = json!({"type": "json_schema", "json_schema": fields});
        }
        let format = serde_json::from_value(format);
        format
            .map(Some)
            .map_err(|error| ApiError::invalid("text.format", format!("'text.format': {error}")))
    }
}

impl FunctionTool {
    fn convert(self, index: usize) -> Result<FunctionDto, ApiError> {
        let param = format!("tools[{index}]");
        if self.r#type != "function" {
            let message = format!("'{param}': tools of type '{}' are not supported", self.r#type);
            return Err(ApiError::unsupported(format!("{param}.type"), message));
        }
        serde_json::from_value(self.function)
            .map_err(|error| ApiError::invalid(param.clone(), format!("'{param}': {error}")))
    }
}

fn conversation(
    instructions: Option<String>,
    input: ResponseInput,
) -> Result<Vec<Message>, ApiError> {
    let system = instructions.map(|text| Message::new(Role::System, text));
    let mut messages: Vec<Message> = system.into_iter().collect();
    match input {
        ResponseInput::Text(text) => messages.push(Message::new(Role::User, text)),
        ResponseInput::Items(items) if items.is_empty() => {
            return Err(ApiError::invalid("input", "'input' is empty; send at least one item"));
        }
        ResponseInput::Items(items) => {
            for (index, item) in items.into_iter().enumerate() {
                item.append(index, &mut messages)?;
            }
        }
    }
    Ok(messages)
}

impl Item {
    fn append(self, index: usize, messages: &mut Vec<Message>) -> Result<(), ApiError> {
        let at = |field: &str| format!("input[{index}].{field}");
        let required = |value: Option<String>, field: &str| {
            let missing = || ApiError::invalid(at(field), format!("'{}' is required", at(field)));
            value.ok_or_else(missing)
        };
        match self.r#type.as_deref() {
            None | Some("message") => {
                let role: RoleDto = serde_json::from_value(json!(self.role)).map_err(|error| {
                    ApiError::invalid(at("role"), format!("'{}': {error}", at("role")))
                })?;
                let text = text(self.content, &at("content"))?;
                messages.push(Message::new(role.convert(), text));
            }
            Some("function_call") => {
                let call = ToolCall {
                    id: required(self.call_id, "call_id")?,
                    name: required(self.name, "name")?,
                    arguments: required(self.arguments, "arguments")?,
                };
                // Calls of one turn come as items of their own.
                match messages.last_mut() {
                    Some(last) if last.role == Role::Assistant => last.tool_calls.push(call),
                    _ => messages.push(Message {
                        tool_calls: vec![call],
                        ..Message::new(Role::Assistant, "")
                    }),
                }
            }
            Some("function_call_output") => {
                let content = text(self.output, &at("output"))?;
                let tool_call_id = Some(required(self.call_id, "call_id")?);
                messages.push(Message { tool_call_id, ..Message::new(Role::Tool, content) });
            }
            Some(other) => {
                let message =
                    format!("'{}': items of type '{other}' are not supported", at("type"));
                return Err(ApiError::unsupported(at("type"), message));
            }
        }
        Ok(())
    }
}

/// A text, or parts of text that are joined.
fn text(content: Option<Value>, at: &str) -> Result<String, ApiError> {
    let wrong = || {
        let message = format!("'{at}' must be a text or parts of type input_text or output_text");
        ApiError::invalid(at, message)
    };
    match content {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(parts)) => {
            let mut joined = String::new();
            for part in parts {
                let known = matches!(part["type"].as_str(), Some("input_text" | "output_text"));
                match part["text"].as_str() {
                    Some(text) if known => joined.push_str(text),
                    _ => return Err(wrong()),
                }
            }
            Ok(joined)
        }
        _ => Err(wrong()),
    }
}
