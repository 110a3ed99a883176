//! Finds out what a template does with tools by giving it some and looking at what it writes.
//!
//! Looking for words in the source would be fooled by the ways that templates are written; a call
//! that was rendered shows its format as the model has learnt it. llama.cpp does the same.
//! Source: llama.cpp, `common/jinja/caps.cpp`.

use intramuros_backend::ToolFormat;
use intramuros_types::{Message, Role, ToolCall, ToolDefinition};
use serde_json::json;

use super::{Chat, ChatTemplate, RenderError};

const TOOL: &str = "probe_tool";
const CALL: &str = "probe_call";
const VALUE: &str = "probe_value";
/// Nine letters and digits: what Mistral's templates insist on.
const ID: &str = "probe1234";

/// What a template does with tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::codec) struct ToolSupport {
    /// It tells the model about tools.
    pub(in crate::codec) tools: bool,
    /// It writes earlier calls into the prompt, shown to it in this style.
    pub(in crate::codec) calls: Option<CallStyle>,
    /// How it writes them.
    pub(in crate::codec) format: Option<ToolFormat>,
}

/// What a template expects of a message with calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::codec) struct CallStyle {
    /// Arguments as JSON text rather than as a mapping.
    pub(in crate::codec) text_arguments: bool,
    /// An empty content as none rather than as an empty text.
    pub(in crate::codec) null_content: bool,
}

/// The styles, the most usual one first.
const STYLES: [CallStyle; 4] = [
    CallStyle { text_arguments: false, null_content: false },
    CallStyle { text_arguments: false, null_content: true },
    CallStyle { text_arguments: true, null_content: false },
    CallStyle { text_arguments: true, null_content: true },
];

/// What `template` does with tools.
pub(super) fn probe(template: &ChatTemplate) -> ToolSupport {
    let mut support = ToolSupport::default();
    // Most templates know no tools; nothing of theirs is run before a conversation asks for it.
    if !template.source().contains("tool") {
        return support;
    }
    let offered = [tool()];
    let question = [Message::new(Role::User, "probe")];
    match render(template, &question, &offered, CallStyle::default()) {
        Ok(prompt) => support.tools = prompt.contains(TOOL),
        Err(RenderError::Refused(_)) => {}
        Err(RenderError::Limit(_)) => return support,
    }
    let offered: &[ToolDefinition] = if support.tools { &offered } else { &[] };
    for style in STYLES {
        match render(template, &conversation(), offered, style) {
            Ok(prompt) if prompt.contains(CALL) && prompt.contains(VALUE) => {
                support.calls = Some(style);
                support.format = if support.tools { format_of(&prompt) } else { None };
                break;
            }
            Ok(_) | Err(RenderError::Refused(_)) => {}
            Err(RenderError::Limit(_)) => break,
        }
    }
    support
}

fn render(
    template: &ChatTemplate,
    messages: &[Message],
    tools: &[ToolDefinition],
    style: CallStyle,
) -> Result<String, RenderError> {
    template.render_as(&Chat { messages, tools, add_generation_prompt: true }, style)
}

fn tool() -> ToolDefinition {
    ToolDefinition {
        name: TOOL.to_owned(),
        description: Some("probe".to_owned()),
        parameters: json!({
            "type": "object",
            "properties": {"probe_key": {"type": "string", "description": "probe"}},
            "required": ["probe_key"],
        }),
    }
}

fn conversation() -> [Message; 3] {
    let call = ToolCall {
        id: ID.to_owned(),
        name: CALL.to_owned(),
        arguments: json!({"probe_key": VALUE}).to_string(),
    };
    let mut calling = Message::new(Role::Assistant, "");
    calling.tool_calls = vec![call];
    let mut result = Message::new(Role::Tool, "probe");
    result.tool_call_id = Some(ID.to_owned());
    [Message::new(Role::User, "probe"), calling, result]
}

/// The format of the call in `prompt`; white space does not count.
fn format_of(prompt: &str) -> Option<ToolFormat> {
    let prompt: String = prompt.split_whitespace().collect();
    let written = |before: &str, key: &str| {
        let call = format!("{before}{{\"name\":\"{CALL}\",\"{key}\":{{\"probe_key\":\"{VALUE}\"}}");
        prompt.contains(&call)
    };
    if prompt.contains(&format!("[TOOL_CALLS]{CALL}")) && prompt.contains("[ARGS]{\"probe_key\"") {
        Some(ToolFormat::MistralArgs)
    } else if written("[TOOL_CALLS][", "arguments") {
        Some(ToolFormat::MistralList)
    } else if written("<tool_call>", "arguments") {
        Some(ToolFormat::Hermes)
    } else if written("", "parameters") {
        Some(ToolFormat::Llama3)
    } else {
        None
    }
}
