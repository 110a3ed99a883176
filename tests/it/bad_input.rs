//! Every wrong request names what is wrong; nothing panics, nothing hangs.

use serde_json::{Value, json};

use crate::server::{ENCODER, Server, TEXT_MODEL, shared};

/// A request under `/v1`, and the status, code and field that it must be refused with.
#[track_caller]
fn refused(server: &Server, path: &str, body: &Value, expected: (u16, &str, Option<&str>)) {
    let reply = server.post(path, body);
    let error = &reply.json()["error"];
    let found = (reply.status, error["code"].as_str().unwrap_or_default(), error["param"].as_str());
    assert_eq!(found, expected, "{path} {body}: {}", reply.text);
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 8), "{error}");
}

fn chat(changes: Value) -> Value {
    let mut body = json!({
        "model": TEXT_MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4,
    });
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

#[test]
fn chat_fields_that_would_be_ignored_are_named() {
    let server = shared();
    for (field, value) in [
        ("reasoning_effort", json!("high")),
        ("functions", json!([{"name": "f"}])),
        ("prediction", json!({"type": "content", "content": "a"})),
        ("service_tier", json!("priority")),
    ] {
        let body = chat(json!({field: value}));
        let expected = (400, "unsupported_field", Some(field));
        refused(&server, "/v1/chat/completions", &body, expected);
    }
    let reply = server
        .post("/v1/chat/completions", &chat(json!({"messages": [{"role": "user", "content": 5}]})));
    assert!(reply.text.contains("a text or a list of text parts"), "{}", reply.text);
    let image =
        json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]);
    let expected = (400, "unsupported_field", Some("messages[0].content[0].type"));
    refused(&server, "/v1/chat/completions", &chat(json!({"messages": image})), expected);
}

#[test]
fn neutral_values_of_the_same_fields_pass() {
    let server = shared();
    let body = chat(json!({
        "n": 1, "tools": [], "top_logprobs": 0, "tool_choice": "none", "response_format": {"type": "text"},
        "logprobs": false, "logit_bias": {}, "user": "u", "metadata": {"a": "b"}, "seed": null,
        "parallel_tool_calls": true, "store": false, "service_tier": "auto",
    }));
    assert_eq!(server.chat(&body).status, 200);
}

#[test]
fn wrong_chat_values_name_their_field() {
    let server = shared();
    for (changes, param) in [
        (json!({"temperature": -1}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": 0}), "top_p"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": 1.5}), "max_tokens"),
        (json!({"frequency_penalty": 3}), "frequency_penalty"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": "Hi"}), "messages"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "user"}]}), "messages[0].content"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (json!({"n": 0}), "n"),
        (json!({"n": 17}), "n"),
        (json!({"top_logprobs": 3}), "top_logprobs"),
        (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"logit_bias": {"the": 1}}), "logit_bias"),
        (json!({"logit_bias": {"50": 101}}), "logit_bias"),
        (json!({"logit_bias": {"4000000000": 1}}), "logit_bias"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}),
            "tools[0].function.name",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {}}}),
            "response_format.json_schema.schema",
        ),
        (json!({"structured_outputs": {"regex": "a", "choice": ["b"]}}), "structured_outputs"),
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].tool_call_id"),
        (json!({"temprature": 1}), "temprature"),
    ] {
        let expected = (400, "invalid_request", Some(param));
        refused(&server, "/v1/chat/completions", &chat(changes), expected);
    }
    let both = chat(json!({"max_completion_tokens": 9}));
    refused(&server, "/v1/chat/completions", &both, (400, "invalid_request", Some("max_tokens")));
}

#[test]
fn a_prompt_that_is_too_long_gives_both_counts() {
    let server = shared();
    let long = "word ".repeat(4000);
    let body = chat(json!({"messages": [{"role": "user", "content": long}]}));
    let reply = server.post("/v1/chat/completions", &body);
    let error = &reply.json()["error"];
    assert_eq!((reply.status, &error["code"]), (400, &json!("context_length_exceeded")));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("2,048") && message.contains("4,0"), "{message}");
}

#[test]
fn unknown_models_and_paths_are_not_found() {
    let server = shared();
    let expected = (404, "model_not_found", Some("model"));
    refused(&server, "/v1/chat/completions", &chat(json!({"model": "gpt-4o"})), expected);
    refused(&server, "/v1/chat/completions", &chat(json!({"model": ENCODER})), expected);
    let body = json!({"model": TEXT_MODEL, "input": "x"});
    refused(&server, "/v1/embeddings", &body, expected);
    assert_eq!(server.get("/v1/nothing").json()["error"]["code"], "not_found");
    assert_eq!(server.get("/api/v1/nothing").json()["code"], "not_found");
    assert_eq!(server.get("/v1/chat/completions").status, 405);
}

#[test]
fn bodies_that_are_not_json_objects_are_refused() {
    let server = shared();
    for body in ["", "{", "[]", "null", "\u{0}", "{\"model\":\"x\",}"] {
        let reply = server.post_raw("/v1/chat/completions", "application/json", body.as_bytes());
        assert_eq!(reply.status, 400, "{body:?}: {}", reply.text);
    }
    let deep = "[".repeat(100_000);
    let reply = server.post_raw("/v1/chat/completions", "application/json", deep.as_bytes());
    assert_eq!(reply.status, 400);
    let reply = server.post_raw("/v1/chat/completions", "text/plain", b"{}");
    assert_eq!(reply.status, 415);
    let huge = vec![b' '; 11 * 1024 * 1024];
    let reply = server.post_raw("/v1/chat/completions", "application/json", &huge);
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (413, Some("body_too_large"))
    );
}

#[test]
fn embedding_inputs_are_checked() {
    let server = shared();
    for (body, param) in [
        (json!({"input": []}), "input"),
        (json!({"input": ["a", " "]}), "input"),
        (json!({"input": "x", "dimensions": 385}), "dimensions"),
        (json!({"input": "x", "dimensions": 0}), "dimensions"),
        (json!({"input": "x", "encoding_format": "hex"}), "encoding_format"),
        (json!({}), "input"),
    ] {
        let mut body = body;
        body["model"] = json!(ENCODER);
        refused(&server, "/v1/embeddings", &body, (400, "invalid_request", Some(param)));
    }
    let tokens = json!({"model": ENCODER, "input": [1, 2, 3]});
    refused(&server, "/v1/embeddings", &tokens, (400, "unsupported_field", Some("input")));
    let long = json!({"model": ENCODER, "input": "mot ".repeat(2000)});
    let reply = server.post("/v1/embeddings", &long);
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert!(reply.text.contains("512"), "{}", reply.text);
}

#[test]
fn knowledge_requests_are_checked() {
    let server = shared();
    let problem = |reply: crate::server::Reply| {
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json"),
            "{}",
            reply.text
        );
        let body = reply.json();
        assert_eq!(body["status"], reply.status);
        (reply.status, body["code"].as_str().unwrap().to_string())
    };
    let create = |body: Value| problem(server.post("/api/v1/knowledge-bases", &body));
    assert_eq!(create(json!({"id": "Not a slug"})), (400, "invalid_request".into()));
    assert_eq!(create(json!({"id": "../x"})), (400, "invalid_request".into()));
    assert_eq!(create(json!({})), (400, "invalid_request".into()));
    server.create_base("checked");
    assert_eq!(create(json!({"id": "checked"})), (409, "conflict".into()));
    let search = |base: &str, body: Value| {
        problem(server.post(&format!("/api/v1/knowledge-bases/{base}/search"), &body))
    };
    assert_eq!(search("none", json!({"query": "x"})), (404, "not_found".into()));
    assert_eq!(search("checked", json!({"query": " "})), (400, "invalid_request".into()));
    assert_eq!(
        search("checked", json!({"query": "x", "limit": 0})),
        (400, "invalid_request".into())
    );
    assert_eq!(
        search("checked", json!({"query": "x", "topk": 3})),
        (400, "invalid_request".into())
    );
    let long = json!({"question": "a".repeat(4001)});
    let reply = server.post("/api/v1/knowledge-bases/checked/ask", &long);
    assert_eq!((reply.status, &reply.json()["param"]), (400, &json!("question")), "{}", reply.text);
    let none = server.post("/api/v1/knowledge-bases/checked/search", &json!({"query": "x"}));
    assert_eq!(none.json(), json!({"hits": []}));
}

#[test]
fn a_failed_document_is_tried_again_under_a_better_name() {
    let server = shared();
    server.create_base("again");
    let text = "La caution est de 300 euros.".as_bytes();
    let first = server.upload("again", "contrat.pdf", text, "?wait=true").json();
    assert_eq!(first["state"], "failed", "{first}");
    let second = server.upload("again", "contrat.txt", text, "?wait=true").json();
    assert_eq!((&second["state"], &second["id"]), (&json!("ready"), &first["id"]), "{second}");
    let page = server.get("/api/v1/knowledge-bases/again/documents?after=zzz");
    assert_eq!((page.status, &page.json()["param"]), (400, &json!("after")), "{}", page.text);
}

#[test]
fn broken_uploads_are_refused_or_fail_with_a_reason() {
    let server = Server::start(&["server.max_upload_bytes=1000000"]);
    server.create_base("uploads");
    let refused = |name: &str, bytes: &[u8]| server.upload("uploads", name, bytes, "").status;
    assert_eq!(refused("empty.txt", b""), 400);
    assert_eq!(refused("huge.txt", &vec![b'a'; 1_000_001]), 413);
    let path = "/api/v1/knowledge-bases/uploads/documents";
    assert_eq!(server.post_raw(path, "application/json", b"{}").status, 415);
    assert_eq!(server.post_raw(path, "multipart/form-data; boundary=x", b"--x--").status, 400);
    assert_eq!(server.post_raw(path, "multipart/form-data; boundary=x", b"garbage").status, 400);

    let fails = |name: &str, bytes: &[u8], code: &str| {
        let reply = server.upload("uploads", name, bytes, "?wait=true").json();
        assert_eq!(reply["state"], "failed", "{name}: {reply}");
        assert_eq!(reply["failure"]["code"], code, "{name}: {reply}");
    };
    fails("broken.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog", "damaged");
    fails("noise.docx", b"PK\x03\x04 not really a zip archive", "damaged");
    fails("photo.png", b"\x89PNG\r\n\x1a\n0000", "damaged");
    fails("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "unsupported_format");
    fails("blank.txt", b"  \n \n", "empty");
    let listed = server.get(path).json();
    assert_eq!(listed["documents"].as_array().unwrap().len(), 5, "failures are kept: {listed}");
    assert_eq!(server.get_without_key("/readyz").status, 200);
}
