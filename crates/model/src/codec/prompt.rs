//! Makes one prompt of a conversation: hides what could forge a turn, renders, and reveals it.

use std::borrow::Cow;

use intramuros_backend::{BackendError, ChatOptions, ToolFormat};
use intramuros_types::{Message, ToolDefinition};
use serde_json::Value as Json;

use super::added::{AddedTokens, Part};
use super::call_ids;
use super::conversation::{first_missing, merge_neighbours, one_call_each, without_system};
use super::mask::Mask;
use super::template::{Chat, ChatTemplate, RenderError};

#[cfg(test)]
mod tests;

/// A prompt and where in it the template wrote tokens.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

/// The prompt of `messages`.
///
/// # Errors
/// [`BackendError::Input`] when the template has no place for the tools or for a call, or refuses
/// the conversation in every arrangement.
pub(super) fn prompt(
    template: &ChatTemplate,
    added: &AddedTokens,
    messages: &[Message],
    options: &ChatOptions,
) -> Result<Prompt, BackendError> {
    check_support(template, messages, &options.tools)?;
    let messages = prepared(template, messages);
    let texts: Vec<Cow<'_, str>> = texts(&messages, &options.tools).collect();
    let mut mask = Mask::new(added, template.source(), texts.iter().map(AsRef::as_ref));
    let as_text = wants_text(template);
    let hidden = hide_messages(&mut mask, &messages, as_text).map_err(BackendError::Input)?;
    let tools = hide_tools(&mut mask, &options.tools).map_err(BackendError::Input)?;
    let text = render(template, &hidden, &tools, options.add_generation_prompt)?;
    let parts = added.split(&text, true);
    if !mask.is_used() {
        return Ok(Prompt { text, parts });
    }
    let (text, parts) = mask.reveal(&text, &parts);
    Ok(Prompt { text, parts })
}

fn check_support(
    template: &ChatTemplate,
    messages: &[Message],
    tools: &[ToolDefinition],
) -> Result<(), BackendError> {
    let support = template.support();
    if !tools.is_empty() && !support.tools {
        let problem = "the model's chat template has no place for tools";
        return Err(BackendError::Input(problem.to_owned()));
    }
    let calling = messages.iter().position(|m| !m.tool_calls.is_empty());
    match calling {
        Some(index) if support.calls.is_none() => Err(BackendError::Input(format!(
            "the model's chat template has no place for the tool calls of message {}",
            index + 1
        ))),
        Some(_) | None => Ok(()),
    }
}

/// `messages` with ids and arguments in the form that the template wants.
fn prepared<'a>(template: &ChatTemplate, messages: &'a [Message]) -> Cow<'a, [Message]> {
    if messages.iter().all(|m| m.tool_calls.is_empty() && m.tool_call_id.is_none()) {
        return Cow::Borrowed(messages);
    }
    let mut messages = messages.to_vec();
    let support = template.support();
    if matches!(support.format, Some(ToolFormat::MistralList | ToolFormat::MistralArgs)) {
        call_ids::shorten(&mut messages);
    }
    for call in messages.iter_mut().flat_map(|m| &mut m.tool_calls) {
        // Clients write nothing where a tool takes nothing.
        if call.arguments.trim().is_empty() {
            call.arguments = "{}".to_owned();
        }
        if !wants_text(template)
            && let Some(arguments) = object(&call.arguments)
        {
            // Written anew, so that no character hides behind an escape.
            call.arguments = arguments.to_string();
        }
    }
    Cow::Owned(messages)
}

/// Everything that others than the template wrote.
fn texts<'a>(
    messages: &'a [Message],
    tools: &'a [ToolDefinition],
) -> impl Iterator<Item = Cow<'a, str>> {
    let of_message = |message: &'a Message| {
        let calls = message.tool_calls.iter().flat_map(|c| [&c.id, &c.name, &c.arguments]);
        let all = std::iter::once(&message.content).chain(&message.tool_call_id).chain(calls);
        all.map(|text| Cow::Borrowed(text.as_str()))
    };
    let of_tool = |tool: &'a ToolDefinition| {
        let description = tool.description.iter().map(|text| Cow::Borrowed(text.as_str()));
        let rest = [Cow::Borrowed(tool.name.as_str()), Cow::Owned(tool.parameters.to_string())];
        description.chain(rest)
    };
    messages.iter().flat_map(of_message).chain(tools.iter().flat_map(of_tool))
}

fn wants_text(template: &ChatTemplate) -> bool {
    template.support().calls.is_some_and(|style| style.text_arguments)
}

/// `arguments` if they are a JSON object.
fn object(arguments: &str) -> Option<Json> {
    serde_json::from_str(arguments).ok().filter(Json::is_object)
}

fn hide_messages(
    mask: &mut Mask<'_>,
    messages: &[Message],
    as_text: bool,
) -> Result<Vec<Message>, String> {
    let mut hidden = messages.to_vec();
    for message in &mut hidden {
        message.content = mask.hide(&message.content)?;
        if let Some(id) = &mut message.tool_call_id {
            *id = mask.hide(id)?;
        }
        for call in &mut message.tool_calls {
            call.id = mask.hide(&call.id)?;
            call.name = mask.hide(&call.name)?;
            call.arguments = match object(&call.arguments).filter(|_| !as_text) {
                Some(arguments) => mask.hide_json(&arguments)?.to_string(),
                None => mask.hide(&call.arguments)?,
            };
        }
    }
    Ok(hidden)
}

fn hide_tools(
    mask: &mut Mask<'_>,
    tools: &[ToolDefinition],
) -> Result<Vec<ToolDefinition>, String> {
    let mut hide = |tool: &ToolDefinition| {
        let description = tool.description.as_deref().map(|text| mask.hide(text));
        Ok(ToolDefinition {
            name: mask.hide(&tool.name)?,
            description: description.transpose()?,
            parameters: mask.hide_json(&tool.parameters)?,
        })
    };
    tools.iter().map(&mut hide).collect()
}

/// Renders `messages`, then the rearrangements of them, until one is taken.
fn render(
    template: &ChatTemplate,
    messages: &[Message],
    tools: &[ToolDefinition],
    add_generation_prompt: bool,
) -> Result<String, BackendError> {
    let attempt = |messages: &[Message]| {
        let prompt = template.render(&Chat { messages, tools, add_generation_prompt })?;
        match first_missing(messages, &prompt) {
            None => Ok(prompt),
            Some(number) => {
                let role = messages[number - 1].role.as_str();
                let problem = format!("it leaves out message {number} (role {role})");
                Err(RenderError::Refused(problem))
            }
        }
    };
    let first = match attempt(messages) {
        Ok(prompt) => return Ok(prompt),
        Err(error) => error,
    };
    let mut current = Cow::Borrowed(messages);
    for rearrange in [one_call_each, without_system, merge_neighbours] {
        if matches!(first, RenderError::Limit(_)) {
            break;
        }
        if let Some(rearranged) = rearrange(&current) {
            current = Cow::Owned(rearranged);
            if let Ok(prompt) = attempt(&current) {
                return Ok(prompt);
            }
        }
    }
    Err(BackendError::Input(first.to_string()))
}
