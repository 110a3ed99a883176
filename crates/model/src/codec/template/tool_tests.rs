//! Tests of conversations with tools; the golden file holds what the reference engine renders.

use std::collections::HashMap;
use std::path::Path;

use intramuros_backend::ToolFormat;
use intramuros_types::{Message, ToolDefinition};
use serde::Deserialize;

use super::tests::compile;
use super::{CallStyle, Chat, ChatTemplate, RenderError, ToolSupport};

#[derive(Deserialize)]
struct Golden {
    tools: Vec<ToolDefinition>,
    conversations: Vec<Vec<Message>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    conversation: usize,
    /// How many of the tools are offered.
    tools: usize,
    generation: bool,
    /// None where the template refuses.
    rendered: Option<String>,
}

fn source(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/tools/templates");
    std::fs::read_to_string(folder.join(format!("{name}.jinja"))).unwrap()
}

#[test]
fn tools_are_rendered_as_the_reference_renders_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/tools/golden.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(golden.cases.len() >= 105);
    let mut templates: HashMap<String, ChatTemplate> = HashMap::new();
    for case in &golden.cases {
        let name = &case.template;
        let template =
            templates.entry(name.clone()).or_insert_with(|| compile(&source(name)).unwrap());
        let rendered = template.render(&Chat {
            messages: &golden.conversations[case.conversation],
            tools: &golden.tools[..case.tools],
            add_generation_prompt: case.generation,
        });
        let what = format!("{name}, conversation {}, {} tools", case.conversation, case.tools);
        match (&case.rendered, rendered) {
            (Some(expected), rendered) => assert_eq!(rendered.as_ref(), Ok(expected), "{what}"),
            (None, Err(RenderError::Refused(_))) => {}
            (None, rendered) => panic!("{what}: the reference refuses, got {rendered:?}"),
        }
    }
}

#[track_caller]
fn check(name: &str, format: Option<ToolFormat>, calls: CallStyle) {
    let expected = ToolSupport { tools: true, calls: Some(calls), format };
    assert_eq!(compile(&source(name)).unwrap().support(), expected);
}

#[test]
fn what_a_template_does_with_tools_is_found_out() {
    let usual = CallStyle::default();
    check("chatml-hermes", Some(ToolFormat::Hermes), usual);
    check("python-signatures", Some(ToolFormat::Hermes), usual);
    check("llama", Some(ToolFormat::Llama3), usual);
    check("mistral-list", Some(ToolFormat::MistralList), usual);
    check("mistral-call-id", Some(ToolFormat::MistralArgs), usual);
    check("mistral-args", Some(ToolFormat::MistralArgs), usual);
    check("text-arguments", None, CallStyle { text_arguments: true, null_content: true });
}

#[test]
fn a_template_without_tools_or_without_calls_says_so() {
    let support = |source: &str| compile(source).unwrap().support();
    let none = ToolSupport::default();
    assert_eq!(support("{% for m in messages %}{{ m.content }}{% endfor %}"), none);
    assert_eq!(support("{{ messages[0].content }}{# tools #}"), none);
    let only_tools = "{{ tools|tojson }}{% for m in messages %}{{ m.content }}{% endfor %}";
    assert_eq!(support(only_tools), ToolSupport { tools: true, ..none });
    let refusing = "{% if tools %}{{ raise_exception('no tools') }}{% endif %}x";
    assert_eq!(support(refusing), none);
}
