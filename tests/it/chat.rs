//! Chat and plain completions, streamed and not.

use serde_json::{Value, json};

use crate::server::{TEXT_MODEL, shared};

fn question() -> Value {
    json!([{"role": "user", "content": "What is the capital of France? Answer in one word."}])
}

#[test]
fn chat_answers_with_usage() {
    let server = shared();
    let reply = server.chat(&json!({"messages": question(), "temperature": 0, "max_tokens": 12}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    let content = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.contains("Paris"), "{content}");
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], TEXT_MODEL);
    let usage = &body["usage"];
    let (prompt, completion) =
        (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64());
    assert!(prompt.unwrap() > 10 && (1..=12).contains(&completion.unwrap()), "{usage}");
    assert_eq!(usage["total_tokens"].as_u64(), Some(prompt.unwrap() + completion.unwrap()));
    assert!(reply.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
}

#[test]
fn a_stream_carries_the_same_text_and_ends_with_usage() {
    let server = shared();
    let mut body = json!({"messages": question(), "temperature": 0, "max_tokens": 24});
    let whole = server.chat(&body).json();
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let streamed = server.chat(&body);
    assert_eq!(streamed.header("content-type"), Some("text/event-stream"));
    let events = streamed.events();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"].as_str().unwrap());
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    // How much of the prompt was cached depends on who came before.
    for count in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(last["usage"][count], whole["usage"][count]);
    }
    let reasons: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["finish_reason"])
        .filter(|reason| !reason.is_null())
        .collect();
    assert_eq!(reasons, [&whole["choices"][0]["finish_reason"]]);
}

#[test]
fn streams_without_the_option_carry_no_usage() {
    let server = shared();
    let reply = server.chat(&json!({"messages": question(), "max_tokens": 4, "stream": true}));
    assert!(!reply.text.contains("\"usage\""), "{}", reply.text);
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let server = shared();
    let body = json!({"messages": question(), "temperature": 1.2, "seed": 7, "max_tokens": 24});
    let texts: Vec<Value> = (0..2)
        .map(|_| server.chat(&body).json()["choices"][0]["message"]["content"].clone())
        .collect();
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn stop_text_ends_the_answer_and_is_not_in_it() {
    let server = shared();
    let body = json!({
        "model": TEXT_MODEL, "prompt": "1, 2, 3, 4, 5, 6,", "temperature": 0, "max_tokens": 40,
        "stop": [" 10"],
    });
    let reply = server.post("/v1/completions", &body).json();
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "stop", "{reply}");
    let text = choice["text"].as_str().unwrap();
    assert!(text.contains('9') && !text.contains("10"), "{text}");
}

#[test]
fn completions_default_to_sixteen_tokens() {
    let server = shared();
    let body = json!({"model": TEXT_MODEL, "prompt": "Once upon a time", "temperature": 0});
    let reply = server.post("/v1/completions", &body).json();
    assert_eq!(reply["usage"]["completion_tokens"], 16, "{reply}");
    assert_eq!(reply["choices"][0]["finish_reason"], "length");
}

#[test]
fn content_parts_are_joined() {
    let server = shared();
    let parts = json!([{"role": "user", "content": [
        {"type": "text", "text": "What is the capital of France? "},
        {"type": "text", "text": "Answer in one word."},
    ]}]);
    let body = |messages: &Value| json!({"messages": messages, "temperature": 0, "max_tokens": 8});
    let joined = server.chat(&body(&parts)).json();
    let plain = server.chat(&body(&question())).json();
    assert_eq!(joined["choices"], plain["choices"]);
    // Not what came from the cache: another test may have asked before.
    for tokens in ["prompt_tokens", "completion_tokens"] {
        assert_eq!(joined["usage"][tokens], plain["usage"][tokens]);
    }
}

#[test]
fn models_are_listed_by_the_ids_that_requests_use() {
    let server = shared();
    let list = server.get("/v1/models").json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect();
    assert_eq!(ids, [TEXT_MODEL, crate::server::ENCODER]);
    assert_eq!(server.get(&format!("/v1/models/{TEXT_MODEL}")).status, 200);
    assert_eq!(server.get("/v1/models/gpt-4o").status, 404);
}
