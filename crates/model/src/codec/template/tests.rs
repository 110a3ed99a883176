//! Tests of chat templates; the golden file holds what the reference engine renders.

use std::collections::HashMap;

use intramuros_types::{Message, Role};
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Chat, ChatTemplate, MAX_SOURCE_BYTES, RenderError};
use crate::codec::source::NamedTokens;

/// What `template` makes of `messages` without tools.
fn render(
    template: &ChatTemplate,
    messages: &[Message],
    add_generation_prompt: bool,
) -> Result<String, RenderError> {
    template.render(&Chat { messages, tools: &[], add_generation_prompt })
}

pub(super) fn compile(source: &str) -> Result<ChatTemplate, String> {
    let named = NamedTokens {
        bos: Some("<s>".to_owned()),
        eos: Some("</s>".to_owned()),
        ..NamedTokens::default()
    };
    // 2024-07-06 15:04:09 UTC.
    let clock = || OffsetDateTime::from_unix_timestamp(1_720_278_249).unwrap();
    ChatTemplate::compile(source.to_owned(), &named, clock)
}

#[derive(Deserialize)]
struct Golden {
    templates: HashMap<String, String>,
    chats: Vec<GoldenChat>,
}

#[derive(Deserialize)]
struct GoldenChat {
    template: String,
    messages: Vec<Message>,
    generation: bool,
    rendered: String,
}

#[test]
fn templates_render_as_the_reference_renders_them() {
    let golden = include_str!("../../../golden/tokenizers/templates.json");
    let golden: Golden = serde_json::from_str(golden).unwrap();
    assert!(golden.chats.len() >= 24);
    for chat in golden.chats {
        let template = compile(&golden.templates[&chat.template]).unwrap();
        let rendered = render(&template, &chat.messages, chat.generation);
        assert_eq!(rendered, Ok(chat.rendered), "{} {:?}", chat.template, chat.messages);
    }
}

#[track_caller]
fn check(source: &str, expected: Result<&str, RenderError>) {
    let messages = [Message::new(Role::User, "Été")];
    let rendered = render(&compile(source).unwrap(), &messages, true);
    assert_eq!(rendered, expected.map(str::to_owned));
}

fn refused(problem: &str) -> RenderError {
    RenderError::Refused(problem.to_owned())
}

#[test]
fn functions_of_the_reference_are_there() {
    check("{{ strftime_now('%d %b %Y') }}", Ok("06 Jul 2024"));
    check("{{ bos_token }}{{ eos_token }}{{ pad_token }}", Ok("<s></s>"));
    check("{{ messages[0]['content']|tojson(indent=2) }}", Ok("\"Été\""));
    check(r#"{{ '\\u003c<'|tojson }}"#, Ok(r#""\\u003c<""#));
    check("{{ {'a': [1, none]}|tojson(ensure_ascii=false) }}", Ok(r#"{"a": [1, null]}"#));
    check("{{ raise_exception('Only users!') }}", Err(refused("Only users!")));
    check("{{ strftime_now('%Q') }}", Err(refused("date directive `%Q` is not supported")));
    check("{{ messages[0].nom is defined }}", Ok("False"));
}

#[test]
fn templates_that_write_too_much_are_stopped() {
    let endless = "{% for i in range(90000) %}{{ messages[0].content * 9 }}{% endfor %}";
    let result = render(&compile(endless).unwrap(), &[Message::new(Role::User, "ab")], true);
    let limit = 262_144 + 2 * 4 + 1024;
    let problem =
        format!("the model's chat template writes more than {limit} bytes for this conversation");
    assert_eq!(result, Err(RenderError::Limit(problem)));
}

#[test]
fn templates_that_recurse_without_end_are_stopped() {
    let endless = "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}";
    let result = render(&compile(endless).unwrap(), &[Message::new(Role::User, "a")], true);
    assert!(matches!(result, Err(RenderError::Refused(_))), "{result:?}");
}

#[test]
fn what_is_no_template_is_refused_when_it_is_compiled() {
    let broken = compile("{% for %}").unwrap_err();
    assert!(broken.starts_with("it does not compile: "), "{broken}");
    let large = compile(&" ".repeat(MAX_SOURCE_BYTES + 1)).unwrap_err();
    assert_eq!(large, "it has 262145 bytes, the limit is 262144");
}

#[test]
fn a_template_cannot_reach_other_files() {
    let result = compile("{% include '/etc/passwd' %}").map(|t| render(&t, &[], true));
    assert!(matches!(result, Err(_) | Ok(Err(_))), "{result:?}");
}
