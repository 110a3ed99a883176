//! Shows messages and tools to templates as the mappings that Hugging Face's templates expect.
//!
//! Source: Hugging Face `transformers` 5, documentation "Tool use": `tools` is a list of
//! `{"type": "function", "function": {…}}`, an assistant's `tool_calls` likewise, a result is a
//! message of role `tool`.

use std::collections::HashMap;
use std::sync::Arc;

use intramuros_types::{Message, Role, ToolCall, ToolDefinition};
use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde_json::Value as Json;

use super::CallStyle;

/// A mapping whose keys keep their order; the engine has none that can be made here.
#[derive(Debug, Default)]
struct Mapping {
    entries: Vec<(Arc<str>, Value)>,
    index: HashMap<Arc<str>, usize>,
}

impl Object for Mapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = self.index.get(key.as_str()?)?;
        Some(self.entries[*index].1.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = self.entries.iter().map(|(key, _)| Value::from(Arc::clone(key)));
        Enumerator::Values(keys.collect())
    }
}

/// The mapping of `entries`, whose keys all differ.
fn mapping<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let mut mapping = Mapping::default();
    for (key, value) in entries {
        let key: Arc<str> = Arc::from(key);
        mapping.index.insert(Arc::clone(&key), mapping.entries.len());
        mapping.entries.push((key, value));
    }
    Value::from_object(mapping)
}

/// `messages` as templates see them.
pub(super) fn turns(messages: &[Message], style: CallStyle) -> Value {
    let mut called: HashMap<&str, &str> = HashMap::new();
    let mut turns = Vec::with_capacity(messages.len());
    for message in messages {
        called.extend(message.tool_calls.iter().map(|c| (c.id.as_str(), c.name.as_str())));
        let answered = message.tool_call_id.as_deref();
        let name = answered.and_then(|id| called.get(id).copied());
        turns.push(turn(message, name, style));
    }
    Value::from(turns)
}

/// One message; `name` is the tool whose result it is. Keys that do not apply are absent: templates
/// ask whether they are there.
fn turn(message: &Message, name: Option<&str>, style: CallStyle) -> Value {
    let calls = &message.tool_calls;
    let is_null = style.null_content && message.content.is_empty() && !calls.is_empty();
    let content = if is_null { Value::from(()) } else { Value::from(message.content.as_str()) };
    let mut turn = vec![("role", Value::from(message.role.as_str())), ("content", content)];
    if !calls.is_empty() {
        let calls = calls.iter().map(|c| call(c, style)).collect::<Vec<_>>();
        turn.push(("tool_calls", Value::from(calls)));
    }
    if message.role == Role::Tool {
        let id = message.tool_call_id.as_deref();
        turn.extend(id.map(|id| ("tool_call_id", Value::from(id))));
        turn.extend(name.map(|name| ("name", Value::from(name))));
    }
    mapping(turn)
}

fn call(call: &ToolCall, style: CallStyle) -> Value {
    let arguments = match serde_json::from_str(&call.arguments) {
        Ok(arguments @ Json::Object(_)) if !style.text_arguments => value(&arguments),
        // What the model wrote as arguments and is no object is shown as it wrote it.
        Ok(_) | Err(_) => Value::from(call.arguments.as_str()),
    };
    let function = [("name", Value::from(call.name.as_str())), ("arguments", arguments)];
    let call = [
        ("type", Value::from("function")),
        ("id", Value::from(call.id.as_str())),
        ("function", mapping(function)),
    ];
    mapping(call)
}

/// `tools` as templates see them.
pub(super) fn tools(tools: &[ToolDefinition]) -> Value {
    let tool = |tool: &ToolDefinition| {
        let mut function = vec![("name", Value::from(tool.name.as_str()))];
        let description = tool.description.as_deref();
        function.extend(description.map(|text| ("description", Value::from(text))));
        function.push(("parameters", value(&tool.parameters)));
        mapping([("type", Value::from("function")), ("function", mapping(function))])
    };
    Value::from(tools.iter().map(tool).collect::<Vec<_>>())
}

/// Bytes of a tool as JSON, about.
pub(in crate::codec) fn tool_bytes(tool: &ToolDefinition) -> usize {
    let description = tool.description.as_ref().map_or(0, String::len);
    tool.name.len() + description + tool.parameters.to_string().len()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.as_f64()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        Json::Object(entries) => {
            mapping(entries.iter().map(|(key, item)| (key.as_str(), value(item))))
        }
    }
}
