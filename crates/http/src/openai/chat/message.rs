//! Turns a conversation as clients send it into messages.

use intramuros_types::{Message, Role, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::openai::generation::is_empty;

/// One turn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageDto {
    /// `system` (or `developer`), `user`, `assistant` or `tool`.
    role: RoleDto,
    /// The text, or text parts that are joined. May be missing beside `tool_calls`.
    content: Option<Content>,
    /// Only `null`, except of a tool: chat templates have no place for names.
    name: Option<Value>,
    /// Of the assistant: tools that it called.
    tool_calls: Option<Vec<ToolCallDto>>,
    /// Of a tool: the call whose result this is.
    tool_call_id: Option<String>,
    /// Only `null`.
    refusal: Option<Value>,
    /// Only `null` or `[]`, as clients send an answer back.
    annotations: Option<Value>,
    /// Only `null`.
    audio: Option<Value>,
    /// Only `null`; see `tool_calls`.
    function_call: Option<Value>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleDto {
    /// Instructions.
    System,
    /// Newer name of `system`.
    Developer,
    /// The person or application.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// What is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or a list of text parts")]
pub(crate) enum Content {
    /// Plain text.
    Text(String),
    /// Parts; only those of type `text` are supported.
    Parts(Vec<Part>),
}

/// One part of a message.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Part {
    /// `text`.
    r#type: String,
    /// The text.
    text: Option<String>,
}

/// A tool call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct ToolCallDto {
    /// Ties the result to the call.
    id: String,
    /// `function`.
    #[serde(default = "function")]
    r#type: String,
    /// What is called.
    function: CalledFunction,
}

/// What is called.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct CalledFunction {
    /// Name of the tool.
    name: String,
    /// The arguments as JSON text.
    arguments: String,
}

fn function() -> String {
    "function".to_owned()
}

impl From<ToolCall> for ToolCallDto {
    fn from(call: ToolCall) -> Self {
        let ToolCall { id, name, arguments } = call;
        Self { id, r#type: function(), function: CalledFunction { name, arguments } }
    }
}

/// The conversation.
///
/// # Errors
/// A message that is empty, of an unknown kind, or has a field that its role has no use for.
pub(crate) fn conversation(messages: &[MessageDto]) -> Result<Vec<Message>, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "'messages' is empty; send at least one"));
    }
    messages.iter().enumerate().map(|(index, message)| message.convert(index)).collect()
}

impl RoleDto {
    /// As the engine knows it.
    pub(crate) fn convert(self) -> Role {
        match self {
            RoleDto::System | RoleDto::Developer => Role::System,
            RoleDto::User => Role::User,
            RoleDto::Assistant => Role::Assistant,
            RoleDto::Tool => Role::Tool,
        }
    }
}

impl MessageDto {
    fn convert(&self, index: usize) -> Result<Message, ApiError> {
        let at = |field: &str| format!("messages[{index}].{field}");
        self.refuse_misplaced(&at)?;
        let role = self.role.convert();
        let calls = self.tool_calls.as_deref().unwrap_or_default();
        let content = match &self.content {
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => join(parts, &at("content"))?,
            None if !calls.is_empty() => String::new(),
            None => {
                let message = format!("'{}' is required", at("content"));
                return Err(ApiError::invalid(at("content"), message));
            }
        };
        let tool_calls = calls.iter().enumerate().map(|(number, call)| {
            if call.r#type != "function" {
                let param = at(&format!("tool_calls[{number}].type"));
                let message = format!("'{param}': calls of type '{}' are unknown", call.r#type);
                return Err(ApiError::unsupported(param, message));
            }
            let CalledFunction { name, arguments } = call.function.clone();
            Ok(ToolCall { id: call.id.clone(), name, arguments })
        });
        Ok(Message {
            role,
            content,
            tool_calls: tool_calls.collect::<Result<_, _>>()?,
            tool_call_id: self.tool_call_id.clone(),
        })
    }

    fn refuse_misplaced(&self, at: &impl Fn(&str) -> String) -> Result<(), ApiError> {
        let is_tool = self.role == RoleDto::Tool;
        // A tool's name is known from the call that it answers.
        let name = self.name.is_some() && !is_tool;
        let annotations = self.annotations.as_ref().is_some_and(|value| !is_empty(value));
        let fields = [
            ("name", name),
            ("refusal", self.refusal.is_some()),
            ("annotations", annotations),
            ("audio", self.audio.is_some()),
            ("function_call", self.function_call.is_some()),
        ];
        for (field, given) in fields {
            if given {
                let message = format!("'{}' is not supported and would be ignored", at(field));
                return Err(ApiError::unsupported(at(field), message));
            }
        }
        let calls = self.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty());
        if calls && self.role != RoleDto::Assistant {
            let message = format!("'{}' belongs to the assistant's messages", at("tool_calls"));
            return Err(ApiError::invalid(at("tool_calls"), message));
        }
        if is_tool != self.tool_call_id.is_some() {
            let message = format!(
                "'{}' is required in messages of the role 'tool', and only there",
                at("tool_call_id")
            );
            return Err(ApiError::invalid(at("tool_call_id"), message));
        }
        Ok(())
    }
}

fn join(parts: &[Part], at: &str) -> Result<String, ApiError> {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        match (part.r#type.as_str(), &part.text) {
            ("text", Some(piece)) => text.push_str(piece),
            ("text", None) => {
                let param = format!("{at}[{index}].text");
                return Err(ApiError::invalid(param.clone(), format!("'{param}' is required")));
            }
            (other, _) => {
                let param = format!("{at}[{index}].type");
                let message = format!("'{param}': parts of type '{other}' are not supported");
                return Err(ApiError::unsupported(param, message));
            }
        }
    }
    Ok(text)
}
