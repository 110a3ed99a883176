//! What an answer may be asked to be: several, told with probabilities, held to a schema, a tool call.

use serde_json::{Value, json};

use crate::server::{ENCODER, Server, TEXT_MODEL, shared};

/// Knows tools and schemas, as SmolLM2 does not.
const QWEN: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m";

fn ask(content: &str, changes: Value) -> Value {
    let mut body = json!({
        "model": TEXT_MODEL, "messages": [{"role": "user", "content": content}],
        "temperature": 0, "max_tokens": 40,
    });
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

fn chunks(events: &[&str]) -> Vec<Value> {
    assert_eq!(events.last(), Some(&"[DONE]"));
    events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

#[test]
fn several_choices_are_drawn_each_for_itself_and_again_the_same() {
    let server = shared();
    let body = ask("Name an animal.", json!({"n": 3, "seed": 7, "temperature": 1.2}));
    let first = server.chat(&body).json();
    let texts = |reply: &Value| -> Vec<String> {
        let choices = reply["choices"].as_array().unwrap().iter();
        choices.map(|choice| choice["message"]["content"].to_string()).collect()
    };
    let drawn = texts(&first);
    assert_eq!(drawn.len(), 3);
    assert!(drawn[0] != drawn[1] || drawn[1] != drawn[2], "{drawn:?}");
    assert_eq!(texts(&server.chat(&body).json()), drawn);
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let mut pieces = vec![String::new(); 3];
    for chunk in chunks(&server.chat(&streamed).events()) {
        let choice = &chunk["choices"][0];
        if let Some(text) = choice["delta"]["content"].as_str() {
            pieces[choice["index"].as_u64().unwrap() as usize].push_str(text);
        }
    }
    let drawn: Vec<Value> = drawn.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(pieces, drawn);
}

#[test]
fn logprobs_are_told_for_each_token_and_sum_to_the_prompts_perplexity() {
    let server = shared();
    let reply = server.chat(&ask("Say hello.", json!({"logprobs": true, "top_logprobs": 2})));
    let reply = reply.json();
    let choice = &reply["choices"][0];
    let tokens = choice["logprobs"]["content"].as_array().unwrap();
    let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(choice["message"]["content"], text);
    // Greedy: each token is the likeliest one.
    for token in tokens {
        assert_eq!(token["logprob"], token["top_logprobs"][0]["logprob"]);
        assert!(token["logprob"].as_f64().unwrap() <= 0.0);
    }
    let echo = json!({
        "model": TEXT_MODEL, "prompt": "The capital of France is Paris.", "max_tokens": 0,
        "echo": true, "logprobs": 1,
    });
    let reply = server.post("/v1/completions", &echo).json();
    let told = &reply["choices"][0]["logprobs"];
    assert_eq!(reply["choices"][0]["text"], "The capital of France is Paris.");
    assert_eq!(told["token_logprobs"][0], Value::Null);
    let rest = &told["token_logprobs"].as_array().unwrap()[1..];
    let mean = rest.iter().map(|value| value.as_f64().unwrap()).sum::<f64>() / rest.len() as f64;
    assert!((-4.0..-0.5).contains(&mean), "{mean}");
}

#[test]
fn a_biased_token_wins_and_a_banned_one_never_comes() {
    let server = shared();
    let tokens = |text: &str| {
        let body = json!({"model": TEXT_MODEL, "prompt": text, "add_special_tokens": false});
        server.post("/v1/tokenize", &body).json()["tokens"].clone()
    };
    let yes = tokens("Yes")[0].to_string();
    let body = ask("Is water wet?", json!({"logit_bias": {&yes: 100}, "max_tokens": 3}));
    assert_eq!(server.chat(&body).json()["choices"][0]["message"]["content"], "YesYesYes");
    let body = ask("Say Yes.", json!({"logit_bias": {&yes: -100}}));
    let text = server.chat(&body).json()["choices"][0]["message"]["content"].to_string();
    assert!(!text.starts_with("\"Yes"), "{text}");
}

#[test]
fn an_answer_is_held_to_a_schema_an_expression_or_a_choice() {
    let server = shared();
    let schema = json!({
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 20},
            "people": {"type": "integer", "minimum": 0, "maximum": 99_999_999},
            "coast": {"type": "boolean"},
        },
        "required": ["city", "people", "coast"], "additionalProperties": false,
    });
    let format = json!({"type": "json_schema", "json_schema": {"name": "c", "schema": schema}});
    for temperature in [0.0, 1.5] {
        let body = ask(
            "Describe Paris.",
            json!({"response_format": format, "temperature": temperature, "max_tokens": 80}),
        );
        let reply = server.chat(&body).json();
        let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{reply}"));
        assert!(value["city"].is_string() && value["coast"].is_boolean(), "{text}");
        assert_eq!(reply["choices"][0]["finish_reason"], "stop");
    }
    let choice =
        ask("Is Paris in Spain?", json!({"structured_outputs": {"choice": ["oui", "non"]}}));
    let text = server.chat(&choice).json()["choices"][0]["message"]["content"].clone();
    assert!(text == "oui" || text == "non", "{text}");
    let regex = ask("A date?", json!({"structured_outputs": {"regex": r"20\d\d-[01]\d-[0-3]\d"}}));
    let text = server.chat(&regex).json()["choices"][0]["message"]["content"].to_string();
    assert_eq!(text.trim_matches('"').len(), 10, "{text}");
    let object =
        ask("JSON?", json!({"response_format": {"type": "json_object"}, "max_tokens": 200}));
    let reply = server.chat(&object).json();
    let choice = &reply["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(text.starts_with('{'), "{text}");
    if choice["finish_reason"] == "stop" {
        serde_json::from_str::<Value>(text).unwrap();
    }
}

#[test]
fn a_keyword_that_cannot_be_enforced_is_refused_with_its_path() {
    let server = shared();
    let schema = json!({"type": "object", "properties": {"a": {"not": {"type": "string"}}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "c", "schema": schema}});
    let reply = server.chat(&ask("x", json!({"response_format": format})));
    assert_eq!(reply.status, 400);
    let error = &reply.json()["error"];
    assert_eq!(error["param"], "response_format");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("\"not\" at #/properties/a/not"), "{message}");
}

#[test]
fn a_model_without_tools_says_so_and_one_with_them_calls() {
    let tool = json!([{"type": "function", "function": {
        "name": "get_price", "description": "Price of a machine per day",
        "parameters": {"type": "object", "properties": {"reference": {"type": "string"}},
            "required": ["reference"], "additionalProperties": false},
    }}]);
    let refused = shared().chat(&ask("Hi", json!({"tools": tool})));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("tools")));

    let server = Server::start(&[&format!("text.model={QWEN}"), "text.context_tokens=2048"]);
    let mut body = ask(
        "How much is the machine MP-18 per day? Use the tool.",
        json!({"model": QWEN, "tools": tool, "tool_choice": "required", "max_tokens": 80}),
    );
    let reply = server.post("/v1/chat/completions", &body).json();
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{reply}");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_price");
    let arguments: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["reference"].is_string(), "{arguments}");

    body["stream"] = json!(true);
    let streamed = server.post("/v1/chat/completions", &body);
    let mut told = String::new();
    for chunk in chunks(&streamed.events()) {
        let delta = &chunk["choices"][0]["delta"]["tool_calls"][0]["function"];
        told.push_str(delta["arguments"].as_str().unwrap_or_default());
    }
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), arguments);

    body["stream"] = json!(false);
    body.as_object_mut().unwrap().retain(|field, _| !field.starts_with("tool"));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "135 EUR"}));
    let written = written(&server, messages);
    for part in ["<tool_call>\n{\"name\": \"get_price\"", "<tool_response>\n135 EUR\n"] {
        assert!(written.contains(part), "{written}");
    }
    // A small model may answer a result with the same call again, but not a question.
    messages.push(json!({"role": "user", "content": "So how much is it?"}));
    let reply = server.post("/v1/chat/completions", &body).json();
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
    assert!(text.contains("135"), "{reply}");
}

/// The prompt that a conversation becomes.
fn written(server: &Server, messages: &[Value]) -> String {
    let body = json!({"model": QWEN, "messages": messages});
    let tokens = server.post("/v1/tokenize", &body).json()["tokens"].clone();
    let body = json!({"model": QWEN, "tokens": tokens});
    let text = server.post("/v1/detokenize", &body).json();
    text["prompt"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn another_model_is_loaded_when_it_is_asked_for() {
    let server = Server::start(&[&format!("text.more_models={QWEN}"), "text.context_tokens=2048"]);
    let other = |server: &Server| server.get(&format!("/v1/models/{QWEN}")).json();
    assert_eq!(other(&server)["loaded"], false);
    let body = ask("Say hello in French.", json!({"model": QWEN, "max_tokens": 8}));
    let reply = server.post("/v1/chat/completions", &body);
    assert_eq!((reply.status, &reply.json()["model"]), (200, &json!(QWEN)), "{}", reply.text);
    assert_eq!(other(&server)["loaded"], true);
    assert!(other(&server)["memory_bytes"].as_u64().unwrap() > 300_000_000);
    assert_eq!(server.chat(&ask("Hi", json!({"max_tokens": 4}))).status, 200);
}

#[test]
fn a_shared_beginning_is_computed_once_and_told() {
    let server = shared();
    let system = "You are a careful assistant of a rental company. ".repeat(12);
    let body = |question: &str| {
        json!({
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": question},
            ],
            "temperature": 0, "max_tokens": 6,
        })
    };
    let cached =
        |reply: &Value| reply["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    server.chat(&body("One?"));
    let second = server.chat(&body("Two?")).json();
    assert!(cached(&second) >= 96, "{}", second["usage"]);
    let again = server.chat(&body("Two?")).json();
    assert!(cached(&again) >= cached(&second));
    assert_eq!(again["choices"], second["choices"]);
}

#[test]
fn tokens_go_there_and_back() {
    let server = shared();
    let text = "L'été, 25 °C à l'ombre 👍";
    let body = json!({"model": TEXT_MODEL, "prompt": text, "return_token_strs": true});
    let told = server.post("/v1/tokenize", &body).json();
    assert_eq!(told["count"].as_u64(), Some(told["tokens"].as_array().unwrap().len() as u64));
    let body = json!({"model": TEXT_MODEL, "tokens": told["tokens"]});
    assert_eq!(server.post("/v1/detokenize", &body).json()["prompt"], text);
    let chat = json!({"model": TEXT_MODEL, "messages": [{"role": "user", "content": "Hi"}]});
    let count = server.post("/v1/tokenize", &chat).json()["count"].clone();
    let usage = server.chat(&ask("Hi", json!({"max_tokens": 1}))).json()["usage"].clone();
    assert_eq!(count, usage["prompt_tokens"]);
    let unknown = json!({"model": TEXT_MODEL, "tokens": [4_000_000]});
    assert_eq!(server.post("/v1/detokenize", &unknown).status, 400);
    assert_eq!(server.post("/v1/tokenize", &json!({"model": TEXT_MODEL})).status, 400);
}

#[test]
fn documents_are_ordered_by_how_well_they_answer() {
    let server = shared();
    let documents = json!([
        "Les horaires d'ouverture sont de 8 h à 18 h.",
        "La caution de la mini-pelle est de 2 500 euros.",
        {"text": "Nos agences se trouvent à Lyon et à Grenoble."},
    ]);
    let body = json!({
        "model": ENCODER, "query": "Combien de caution pour une pelle ?", "documents": documents,
        "top_n": 2, "return_documents": true,
    });
    let reply = server.post("/v1/rerank", &body).json();
    let results = reply["results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["index"]), (2, &json!(1)));
    assert!(results[0]["relevance_score"].as_f64() > results[1]["relevance_score"].as_f64());
    assert_eq!(results[0]["document"], documents[1]);
    let unknown = json!({"model": "x", "query": "a", "documents": ["b"]});
    assert_eq!(server.post("/v1/rerank", &unknown).status, 404);
}

#[test]
fn several_prompts_are_continued_at_once() {
    let server = shared();
    let body = json!({
        "model": TEXT_MODEL, "prompt": ["One, two, three,", "A, B, C,"], "max_tokens": 4,
        "temperature": 0, "n": 2, "echo": true,
    });
    let reply = server.post("/v1/completions", &body).json();
    let choices = reply["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 4);
    for (index, choice) in choices.iter().enumerate() {
        let begin = ["One, two, three,", "A, B, C,"][index / 2];
        assert!(choice["text"].as_str().unwrap().starts_with(begin), "{choice}");
        assert_eq!(choice["index"], index);
    }
}

#[test]
fn the_status_counts_what_a_request_took() {
    let server = shared();
    let before = server.get("/api/v1/status").json();
    let body = json!({"messages": [{"role": "user", "content": "Count to five."}],
        "temperature": 0, "max_tokens": 8});
    let usage = server.chat(&body).json()["usage"].clone();
    let after = server.get("/api/v1/status").json();
    // Other tests use the same server: at least what this request took was added.
    let grown = |counter: &str| {
        after["text"][0][counter].as_u64().unwrap() - before["text"][0][counter].as_u64().unwrap()
    };
    assert!(grown("completed") >= 1 && grown("steps") >= 1, "{after}");
    assert!(grown("generated_tokens") >= usage["completion_tokens"].as_u64().unwrap(), "{after}");
    assert_eq!(after["text"][0]["model"], crate::server::TEXT_MODEL);
    let memory = &after["text"][0]["memory"];
    let total_blocks = after["text"][0]["kv"]["total_blocks"].as_u64().unwrap();
    assert!(memory["weight_bytes"].as_u64().unwrap() > 1 << 20 && total_blocks > 0, "{after}");
    assert_eq!(after["embedding"]["healthy"], true);
}
