//! Rearranges a conversation for templates that refuse it as it is.

use intramuros_types::{Message, Role};

#[cfg(test)]
mod tests;

/// What stands between two contents that become one.
const SEPARATOR: &str = "\n\n";

/// `messages` with each system message merged into the user message after it, or, when none
/// comes after it, standing as a user message itself. `None` when there is no system message.
pub(super) fn without_system(messages: &[Message]) -> Option<Vec<Message>> {
    if messages.iter().all(|m| m.role != Role::System) {
        return None;
    }
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    let mut pending: Vec<&str> = Vec::new();
    for message in messages {
        match message.role {
            Role::System => pending.push(&message.content),
            Role::User if !pending.is_empty() => {
                pending.push(&message.content);
                merged.push(Message::new(Role::User, pending.join(SEPARATOR)));
                pending.clear();
            }
            Role::User | Role::Assistant | Role::Tool => merged.push(message.clone()),
        }
    }
    if !pending.is_empty() {
        merged.push(Message::new(Role::User, pending.join(SEPARATOR)));
    }
    Some(merged)
}

/// `messages` with each turn of several tool calls cut into turns of one call, its result after it.
/// `None` when there is no such turn.
pub(super) fn one_call_each(messages: &[Message]) -> Option<Vec<Message>> {
    if messages.iter().all(|m| m.tool_calls.len() < 2) {
        return None;
    }
    let mut cut: Vec<Message> = Vec::with_capacity(messages.len() * 2);
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        if message.tool_calls.len() < 2 {
            cut.push(message.clone());
            continue;
        }
        let results = after.iter().take_while(|m| m.role == Role::Tool).count();
        let (results, after) = after.split_at(results);
        rest = after;
        let answers = |result: &Message, id: &str| result.tool_call_id.as_deref() == Some(id);
        for (index, call) in message.tool_calls.iter().enumerate() {
            let content = if index == 0 { message.content.as_str() } else { "" };
            let mut turn = Message::new(Role::Assistant, content);
            turn.tool_calls.push(call.clone());
            cut.push(turn);
            cut.extend(results.iter().filter(|result| answers(result, &call.id)).cloned());
        }
        let is_answer = |m: &&Message| message.tool_calls.iter().any(|call| answers(m, &call.id));
        cut.extend(results.iter().filter(|result| !is_answer(result)).cloned());
    }
    Some(cut)
}

/// `messages` with runs of the same role merged into one message, so that roles alternate; tool
/// calls and their results stay apart. `None` when there is nothing to merge.
pub(super) fn merge_neighbours(messages: &[Message]) -> Option<Vec<Message>> {
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match merged.last_mut() {
            Some(last) if last.role == message.role && is_text(last) && is_text(message) => {
                last.content.push_str(SEPARATOR);
                last.content.push_str(&message.content);
            }
            _ => merged.push(message.clone()),
        }
    }
    (merged.len() < messages.len()).then_some(merged)
}

fn is_text(message: &Message) -> bool {
    message.role != Role::Tool && message.tool_calls.is_empty()
}

/// The first message that somebody other than the model wrote and that `prompt` does not hold,
/// counted from 1. White space around it may be missing, templates trim; and it may be written as a
/// JSON text, as some write the results of tools.
pub(super) fn first_missing(messages: &[Message], prompt: &str) -> Option<usize> {
    // Templates keep the order, mostly; looking on from the last place keeps this linear then.
    let mut at = 0;
    messages
        .iter()
        .position(|message| {
            let content = message.content.trim();
            // What the model said may be shortened: several templates drop its earlier reasoning.
            if message.role == Role::Assistant || content.is_empty() {
                return false;
            }
            if let Some(found) = prompt[at..].find(content) {
                at += found + content.len();
                return false;
            }
            !prompt.contains(content) && !prompt.contains(&json_text(content))
        })
        .map(|index| index + 1)
}

/// `content` between the quotation marks of a JSON text.
fn json_text(content: &str) -> String {
    let text = serde_json::Value::from(content).to_string();
    text[1..text.len() - 1].to_owned()
}
