//! What the log must not say: prompts, answers, documents, file names, keys, whatever its level.

use serde_json::{Value, json};

use crate::server::{ENCODER, Server, TEXT_MODEL};

/// Goes into everything that a client sends, followed by where.
const MARK: &str = "zqmark";

fn marked(place: &str) -> String {
    format!("{MARK}{place}")
}

/// Asks the generator in every way there is.
fn generate(server: &Server) {
    let text = marked("prompt");
    for stream in [false, true] {
        let chat = json!({
            "messages": [{"role": "system", "content": text}, {"role": "user", "content": text}],
            "max_tokens": 4, "stream": stream, "user": marked("user"),
        });
        assert_eq!(server.chat(&chat).status, 200);
        let completion =
            json!({"model": TEXT_MODEL, "prompt": text, "max_tokens": 4, "stream": stream});
        assert_eq!(server.post("/v1/completions", &completion).status, 200);
    }
    let constrained = json!({
        "messages": [{"role": "user", "content": text}], "max_tokens": 40,
        "structured_outputs": {"choice": [marked("choice"), marked("other")]},
    });
    assert_eq!(server.chat(&constrained).status, 200);
    let tokenize = json!({"model": TEXT_MODEL, "prompt": text});
    assert_eq!(server.post("/v1/tokenize", &tokenize).status, 200);
    let embeddings = json!({"model": ENCODER, "input": text});
    assert_eq!(server.post("/v1/embeddings", &embeddings).status, 200);
    let rerank = json!({"model": ENCODER, "query": text, "documents": [text]});
    assert_eq!(server.post("/v1/rerank", &rerank).status, 200);
}

/// Puts documents in, good and bad ones, asks about them and takes them out.
fn know(server: &Server) {
    server.create_base("secret");
    let file = |kind: &str| format!("{}.{kind}", marked("file"));
    let parts = [
        ("external_id", &*marked("external")),
        ("labels", &*marked("label")),
        ("metadata", &*json!({marked("name"): marked("value")}).to_string()),
        ("source", &*marked("source")),
    ];
    let text = format!("La benne {} se loue 120 euros.", marked("document"));
    let caller = server.with_key(&server.key);
    let good = caller.upload("secret", &file("txt"), text.as_bytes(), "?wait=true", &parts);
    assert_eq!(good.status, 201, "{}", good.text);
    for (kind, bytes) in [
        ("pdf", format!("%PDF-1.7 {}", marked("pdf"))),
        ("docx", marked("docx")),
        ("zip", marked("zip")),
        ("eml", format!("Subject: {}\r\n\r\n{}", marked("subject"), marked("mail"))),
        ("xyz", marked("unknown")),
    ] {
        server.upload("secret", &file(kind), bytes.as_bytes(), "?wait=true");
    }
    let question = marked("question");
    for judge in ["none", "report"] {
        let search = json!({"query": question, "judge": judge});
        assert_eq!(server.post("/api/v1/knowledge-bases/secret/search", &search).status, 200);
    }
    for stream in [false, true] {
        let ask = json!({"question": question, "stream": stream});
        assert_eq!(server.post("/api/v1/knowledge-bases/secret/ask", &ask).status, 200);
    }
    let id = good.json()["id"].as_str().expect("an id").to_owned();
    let document = format!("/api/v1/knowledge-bases/secret/documents/{id}");
    assert_eq!(server.get(&format!("{document}/file")).status, 200);
    assert_eq!(server.get(&format!("{document}/passages")).status, 200);
    let update = json!({"metadata": {marked("name"): marked("changed")}});
    assert_eq!(caller.patch(&document, &update).status, 200);
    assert_eq!(server.delete(&document).status, 204);
}

/// Does everything wrong that can be done wrong.
fn err(server: &Server) {
    server.with_key(&marked("key")).get("/v1/models");
    server.with_key(&format!("imk_{}", marked("key"))).get("/v1/models");
    server.get(&format!("/{}", marked("path")));
    server.get(&format!("/v1/models/imk_{}", marked("key")));
    server.get(&format!("/v1/models/{}", server.key));
    server.get(&format!("/api/v1/knowledge-bases/secret/documents?{}=1", marked("query")));
    server.get(&format!("/api/v1/knowledge-bases/secret/documents?after={}", marked("cursor")));
    let field = json!({"model": marked("model"), marked("field"): marked("wrong"), "messages": []});
    server.post("/v1/chat/completions", &field);
    server.post("/v1/embeddings", &json!({"model": marked("model"), "input": marked("input")}));
    server.post_raw("/v1/tokenize", "application/json", marked("json").as_bytes());
    server.post_raw("/v1/tokenize", &format!("text/{}", marked("type")), b"{}");
    let long = marked("long").repeat(20_000);
    let body = json!({"messages": [{"role": "user", "content": long}]});
    assert_eq!(server.chat(&body).status, 400);
    let schema = json!({
        "messages": [{"role": "user", "content": "x"}], "max_tokens": 8,
        "response_format": {"type": "json_schema", "json_schema": {
            "name": marked("schema"), "schema": {marked("keyword"): true},
        }},
    });
    server.chat(&schema);
}

#[test]
fn the_log_never_says_what_was_sent_or_who_holds_which_key() {
    let server = Server::start(&["log.level=debug", "log.slow_request_ms=1"]);
    generate(&server);
    know(&server);
    err(&server);
    server.signal("-TERM");
    assert!(server.wait().success(), "{}", server.log());
    let log = server.log();
    for line in log.lines() {
        assert!(!line.to_lowercase().contains(MARK), "{line}");
        assert!(!line.contains(&server.key), "{line}");
    }
    assert!(log.contains("searched") && log.contains("slow request"), "the level is on:\n{log}");
    check_ids(&server.log_lines());
}

/// Lines that come of requests name theirs.
fn check_ids(lines: &[Value]) {
    let mut seen = 0;
    for line in lines {
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        let of_request = line["target"] == "intramuros_http::track"
            || line["target"] == "intramuros_http::error"
            || message == "searched";
        if of_request {
            let id = line["span"]["id"].as_str().unwrap_or_default();
            assert!(id.starts_with("req_"), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} lines of requests");
}
