//! Tests that tool calls are drawn within their schemas and read back.

use intramuros_types::{FinishReason, Message, Role, SamplingParams, ToolChoice, ToolDefinition};
use serde_json::{Value, json};

use super::{Bench, config, request, saying};
use crate::{Completion, EngineError, GenerateRequest, GenerationEvent, Prompt, Tools};

fn tools(choice: ToolChoice) -> Tools {
    let tool = |name: &str, field: &str| ToolDefinition {
        name: name.to_owned(),
        description: None,
        parameters: json!({
            "type": "object",
            "properties": {field: {"type": "string", "maxLength": 20}},
            "required": [field],
            "additionalProperties": false,
        }),
    };
    let definitions = vec![tool("find_ticket", "number"), tool("open_ticket", "title")];
    Tools { definitions, choice, parallel: true }
}

fn asking(choice: ToolChoice) -> GenerateRequest {
    let prompt = Prompt::Chat(vec![Message::new(Role::User, "aide")]);
    GenerateRequest {
        tools: Some(tools(choice)),
        prompt,
        ..request("", SamplingParams::greedy(300))
    }
}

async fn complete(reply: &str, choice: ToolChoice) -> Result<Completion, EngineError> {
    let bench = Bench::new(saying(reply), config());
    bench.engine.submit(asking(choice)).await?.collect().await
}

const CALL: &str = "<tool_call>\n{\"name\": \"find_ticket\", \"arguments\": {\"number\": \"FT-2041\"}}\n</tool_call>";

#[tokio::test]
async fn a_call_is_read_back() {
    for choice in
        [ToolChoice::Auto, ToolChoice::Required, ToolChoice::Named("find_ticket".to_owned())]
    {
        let done = complete(CALL, choice).await.unwrap();
        assert_eq!((done.text.as_str(), done.reason), ("", FinishReason::ToolCalls));
        let [call] = done.tool_calls.as_slice() else { panic!("{:?}", done.tool_calls) };
        assert_eq!(
            (call.name.as_str(), call.arguments.as_str()),
            ("find_ticket", "{\"number\": \"FT-2041\"}")
        );
        assert!(call.id.starts_with("call_"));
    }
}

#[tokio::test]
async fn text_goes_before_calls_and_may_be_all_there_is() {
    let done = complete(&format!("Je cherche.\n{CALL}"), ToolChoice::Auto).await.unwrap();
    assert_eq!(done.text.trim(), "Je cherche.");
    assert_eq!(done.tool_calls.len(), 1);
    let done = complete("Bonjour !", ToolChoice::Auto).await.unwrap();
    assert_eq!((done.text.as_str(), done.reason), ("Bonjour !", FinishReason::Stop));
}

#[tokio::test]
async fn a_model_that_would_rather_talk_is_made_to_call() {
    let named = ToolChoice::Named("open_ticket".to_owned());
    let done = complete("Bonjour !", named).await.unwrap();
    let [call] = done.tool_calls.as_slice() else { panic!("{done:?}") };
    assert_eq!(call.name, "open_ticket");
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
    assert!(arguments["title"].is_string());
}

#[tokio::test]
async fn a_model_that_must_not_call_does_not() {
    let done = complete(CALL, ToolChoice::None).await.unwrap();
    assert!(done.tool_calls.is_empty());
    assert!(!done.text.contains("<tool_call>"), "{}", done.text);
    let bare = "{\"name\": \"find_ticket\", \"arguments\": {\"number\": 1}}";
    let done = complete(bare, ToolChoice::None).await.unwrap();
    assert_eq!((done.text.as_str(), done.tool_calls.len()), (bare, 0));
}

#[tokio::test]
async fn a_call_without_marks_is_held_to_its_schema() {
    let bare = "{\"name\": \"find_ticket\", \"arguments\": {\"number\": \"FT-2041\"}}";
    let done = complete(bare, ToolChoice::Auto).await.unwrap();
    let [call] = done.tool_calls.as_slice() else { panic!("{done:?}") };
    assert_eq!((done.text.as_str(), call.arguments.as_str()), ("", "{\"number\": \"FT-2041\"}"));
}

#[tokio::test]
async fn calls_are_streamed_as_they_are_written() {
    let bench = Bench::new(saying(CALL), config());
    let mut generation = bench.engine.submit(asking(ToolChoice::Auto)).await.unwrap();
    let mut arguments = Vec::new();
    let mut begun = 0;
    while let Some(event) = generation.next().await {
        match event.unwrap() {
            GenerationEvent::ToolCall { index: 0, name, .. } => {
                assert_eq!(name, "find_ticket");
                begun += 1;
            }
            GenerationEvent::ToolArguments { index: 0, fragment } => arguments.push(fragment),
            GenerationEvent::Finished { .. } => break,
            other @ (GenerationEvent::Prompt(_)
            | GenerationEvent::Hidden(_)
            | GenerationEvent::Text { .. }
            | GenerationEvent::ToolCall { .. }
            | GenerationEvent::ToolArguments { .. }) => panic!("{other:?}"),
        }
    }
    assert_eq!((begun, arguments.concat().as_str()), (1, "{\"number\": \"FT-2041\"}"));
    assert!(arguments.len() > 3, "the arguments came in one piece");
}

#[tokio::test]
async fn tools_that_cannot_work_are_refused() {
    let bench = Bench::new(saying("a"), config());
    let refused = |change: fn(&mut GenerateRequest)| {
        let mut request = asking(ToolChoice::Auto);
        change(&mut request);
        let engine = bench.engine.clone();
        async move { engine.submit(request).await.unwrap_err().to_string() }
    };
    let none = refused(|r| r.tools.iter_mut().for_each(|t| t.definitions.clear())).await;
    assert_eq!(none, "tools has 0 tools; 1 to 128 are allowed");
    let unknown = refused(|r| {
        r.tools.iter_mut().for_each(|t| t.choice = ToolChoice::Named("x".to_owned()));
    });
    assert_eq!(unknown.await, "tool_choice names 'x', which is not in tools");
    let twice = refused(|r| {
        r.tools.iter_mut().for_each(|t| t.definitions[1].name = t.definitions[0].name.clone());
    });
    assert_eq!(twice.await, "tools offers 'find_ticket' twice");
    let text = refused(|r| r.prompt = Prompt::Text("a".to_owned())).await;
    assert_eq!(text, "tools need a conversation as prompt");
}
