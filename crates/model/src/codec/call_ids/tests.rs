//! Tests of ids for Mistral's templates.

use std::collections::HashSet;

use intramuros_types::{Message, Role, ToolCall};

use super::{short, shorten};

#[test]
fn ids_of_nine_letters_and_digits_stay() {
    assert_eq!(short("abcDEF123"), "abcDEF123");
    assert_ne!(short("abcDEF-23"), "abcDEF-23");
    assert_ne!(short("abcdéfgh"), "abcdéfgh", "nine bytes, but not all letters of ASCII");
}

#[test]
fn other_ids_become_nine_letters_and_digits() {
    let ids = (0..1000).map(|n| short(&format!("call_{n}"))).chain([short("")]);
    let ids: HashSet<String> = ids.collect();
    assert_eq!(ids.len(), 1001, "different ids stay different");
    assert!(ids.iter().all(|id| id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric())));
    assert_eq!(short("call_0"), "ckTj2MTct", "the same in every version");
}

#[test]
fn a_call_and_its_result_keep_together() {
    let mut calling = Message::new(Role::Assistant, "");
    let (id, name, arguments) = ("call_a".to_owned(), "f".to_owned(), "{}".to_owned());
    calling.tool_calls.push(ToolCall { id, name, arguments });
    let mut result = Message::new(Role::Tool, "1");
    result.tool_call_id = Some("call_a".to_owned());
    let mut messages = [calling, result];
    shorten(&mut messages);
    assert_eq!(messages[1].tool_call_id.as_ref(), Some(&messages[0].tool_calls[0].id));
}
