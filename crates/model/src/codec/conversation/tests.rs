//! Tests of rearranging conversations. A message is written `s:`, `u:`, `a:` or `t:` and content.

use intramuros_types::{Message, Role, ToolCall};

use super::{first_missing, merge_neighbours, one_call_each, without_system};

fn read(written: &[&str]) -> Vec<Message> {
    let message = |line: &&str| {
        let (role, content) = line.split_once(':').unwrap();
        let role = match role {
            "s" => Role::System,
            "u" => Role::User,
            "a" => Role::Assistant,
            _ => Role::Tool,
        };
        Message::new(role, content)
    };
    written.iter().map(message).collect()
}

#[track_caller]
fn check_system(messages: &[&str], expected: Option<&[&str]>) {
    assert_eq!(without_system(&read(messages)), expected.map(read));
}

#[test]
fn system_messages_go_into_the_next_user_message() {
    check_system(&["u:a"], None);
    check_system(&["s:r", "u:a", "a:b", "u:c"], Some(&["u:r\n\na", "a:b", "u:c"]));
    check_system(&["s:r", "s:t", "u:a"], Some(&["u:r\n\nt\n\na"]));
    check_system(&["u:a", "a:b", "s:r", "u:c"], Some(&["u:a", "a:b", "u:r\n\nc"]));
    check_system(&["s:r", "a:b"], Some(&["a:b", "u:r"]));
    check_system(&["s:r"], Some(&["u:r"]));
    check_system(&[], None);
}

#[track_caller]
fn check_neighbours(messages: &[&str], expected: Option<&[&str]>) {
    assert_eq!(merge_neighbours(&read(messages)), expected.map(read));
}

#[test]
fn neighbours_of_one_role_become_one() {
    check_neighbours(&["u:a", "a:b", "u:c"], None);
    check_neighbours(&["u:a", "u:b", "a:c", "a:d"], Some(&["u:a\n\nb", "a:c\n\nd"]));
    check_neighbours(&[], None);
    check_neighbours(&["a:", "t:1", "t:2"], None);
}

fn calling(ids: &[&str]) -> Message {
    let call = |id: &&str| ToolCall {
        id: (*id).to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
    };
    let tool_calls = ids.iter().map(call).collect();
    Message { tool_calls, ..Message::new(Role::Assistant, ids.concat()) }
}

fn result(id: &str) -> Message {
    Message { tool_call_id: Some(id.to_owned()), ..Message::new(Role::Tool, id) }
}

#[test]
fn turns_of_several_calls_become_turns_of_one() {
    let user = || Message::new(Role::User, "u");
    assert_eq!(one_call_each(&[user(), calling(&["1"]), result("1")]), None);
    let messages = [user(), calling(&["1", "2"]), result("2"), result("9"), result("1"), user()];
    let cut = one_call_each(&messages).unwrap();
    let shown: Vec<String> = cut
        .iter()
        .map(|m| {
            let calls: String = m.tool_calls.iter().map(|c| c.id.as_str()).collect();
            format!("{}:{}({calls})", m.role.as_str(), m.content)
        })
        .collect();
    let expected = [
        "user:u()",
        "assistant:12(1)",
        "tool:1()",
        "assistant:(2)",
        "tool:2()",
        "tool:9()",
        "user:u()",
    ];
    assert_eq!(shown, expected);
    assert_eq!(merge_neighbours(&[calling(&["1"]), calling(&["2"])]), None);
}

#[track_caller]
fn check_missing(messages: &[&str], prompt: &str, expected: Option<usize>) {
    assert_eq!(first_missing(&read(messages), prompt), expected);
}

#[test]
fn left_out_messages_are_noticed() {
    check_missing(&["s:règle", "u: ça va "], "[règle] [ça va]", None);
    check_missing(&["s:règle", "u:va"], "[va] [règle]", None);
    check_missing(&["u:va", "t:12"], "[va]", Some(2));
    check_missing(&["u:va", "a:oui", "u: "], "[va]", None);
    check_missing(&["u:va", "t:\"a\"\nb"], r#"[va] "\"a\"\nb""#, None);
}
