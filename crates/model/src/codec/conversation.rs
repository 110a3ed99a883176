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

/// `messages` with runs of the same role merged into one message, so that roles alternate.
/// `None` when no two neighbours have the same role.
pub(super) fn merge_neighbours(messages: &[Message]) -> Option<Vec<Message>> {
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match merged.last_mut() {
            Some(last) if last.role == message.role => {
                last.content.push_str(SEPARATOR);
                last.content.push_str(&message.content);
            }
            _ => merged.push(message.clone()),
        }
    }
    (merged.len() < messages.len()).then_some(merged)
}

/// The first message that somebody other than the model wrote and that `prompt` does not hold,
/// counted from 1. White space around it may be missing: templates trim.
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
            !prompt.contains(content)
        })
        .map(|index| index + 1)
}
