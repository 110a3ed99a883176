//! Limits, consumption to the last token, the audit trail.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::server::{
    Caller, ENCODER, Server, TEXT_MODEL, create_key, create_labelled_key, intramuros, shared,
};

fn command(server: &Server, args: &[&str]) -> Output {
    intramuros(server.data.path()).args(args).output().expect("the binary runs")
}

fn printed(server: &Server, args: &[&str]) -> Value {
    let output = command(server, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A key with an option such as `--requests-per-minute 3`.
fn limited_key(server: &Server, option: &str, limit: &str) -> String {
    let scopes = "inference,knowledge:read";
    let created = printed(
        server,
        &["keys", "create", "--name", "l", "--scope", scopes, option, limit, "--json"],
    );
    created["key"].as_str().unwrap().to_string()
}

fn embed(caller: &Caller<'_>, input: &Value) -> crate::server::Reply {
    caller.post("/v1/embeddings", &json!({"model": ENCODER, "input": input}))
}

#[test]
fn ten_thousand_requests_are_counted_to_the_last_token() {
    const REQUESTS: usize = 10_000;
    const CLIENTS: usize = 16;
    let server = Arc::new(Server::start(&["text.model="]));
    let keys: Vec<String> = (0..7).map(|_| create_key(server.data.path(), "inference")).collect();
    let next = AtomicUsize::new(0);
    // Tokens and requests of each key and user, as the answers told them.
    let told: Mutex<BTreeMap<(String, String), (u64, u64)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut own: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        break;
                    }
                    let key = &keys[number % keys.len()];
                    let user = ["", "alice", "bob"][number % 3];
                    let caller = server.with_key(key);
                    let input = "mot ".repeat(1 + number % 5);
                    let mut body = json!({"model": ENCODER, "input": input});
                    // One in a hundred is wrong, and counts for nothing.
                    if number.is_multiple_of(100) {
                        body["dimensions"] = json!(100_000);
                    }
                    if !user.is_empty() {
                        body["user"] = json!(user);
                    }
                    let reply = caller.post("/v1/embeddings", &body);
                    if number.is_multiple_of(100) {
                        assert_eq!(reply.status, 400, "{}", reply.text);
                        continue;
                    }
                    assert_eq!(reply.status, 200, "{}", reply.text);
                    let tokens = reply.json()["usage"]["prompt_tokens"].as_u64().unwrap();
                    let sum = own.entry((key[..12].to_owned(), user.to_owned())).or_default();
                    *sum = (sum.0 + tokens, sum.1 + 1);
                }
                let mut told = told.lock().unwrap();
                for (group, (tokens, requests)) in own {
                    let sum = told.entry(group).or_default();
                    *sum = (sum.0 + tokens, sum.1 + requests);
                }
            });
        }
    });
    let reader = server.with_key(&create_key(server.data.path(), "usage:read")).server_usage();
    let told = told.into_inner().unwrap();
    assert_eq!(reader, told);
    let requests: u64 = told.values().map(|(_, requests)| requests).sum();
    assert_eq!(requests, (REQUESTS - REQUESTS / 100) as u64);

    // The trail has every one of them too, and is sound.
    let verified = printed(&server, &["audit", "verify", "--json"]);
    assert_eq!(verified["sound"], json!(true));
    assert!(verified["entries"].as_u64().unwrap() >= REQUESTS as u64, "{verified}");
}

impl Caller<'_> {
    /// Tokens and requests of each key and user, for embeddings.
    fn server_usage(&self) -> BTreeMap<(String, String), (u64, u64)> {
        let report = self.get("/api/v1/usage?group=key,user&use_case=embeddings").json();
        let rows = report["rows"].as_array().unwrap().clone();
        let row = |row: &Value| {
            let text = |name: &str| row["group"][name].as_str().unwrap().to_owned();
            let count = |name: &str| row[name].as_u64().unwrap();
            ((text("key"), text("user")), (count("prompt_tokens"), count("requests")))
        };
        rows.iter().map(row).collect()
    }
}

/// What a key consumed, by model: prompt, cached and written tokens, requests.
fn consumed(server: &Server, key: &str) -> BTreeMap<String, [u64; 4]> {
    let reader = create_key(server.data.path(), "usage:read");
    let path = format!("/api/v1/usage?group=model&key={}", &key[..12]);
    let report = server.with_key(&reader).get(&path).json();
    let rows = report["rows"].as_array().unwrap().clone();
    let row = |row: &Value| {
        let count = |name: &str| row[name].as_u64().unwrap();
        let counts = ["prompt_tokens", "cached_tokens", "completion_tokens", "requests"].map(count);
        (row["group"]["model"].as_str().unwrap().to_owned(), counts)
    };
    rows.iter().map(row).collect()
}

#[test]
fn answers_are_counted_as_they_are_told() {
    let server = shared();
    let key = create_key(server.data.path(), "inference");
    let caller = server.with_key(&key);
    let ask = |extra: Value| {
        let mut body = json!({"model": TEXT_MODEL, "max_tokens": 12, "temperature": 0.0,
            "messages": [{"role": "user", "content": "Count from one to twenty."}]});
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        caller.post("/v1/chat/completions", &body)
    };
    let mut sum = [0_u64; 4];
    let mut add = |usage: &Value| {
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
        for (at, count) in [
            usage["prompt_tokens"].as_u64().unwrap(),
            cached,
            usage["completion_tokens"].as_u64().unwrap(),
            1,
        ]
        .into_iter()
        .enumerate()
        {
            sum[at] += count;
        }
    };
    add(&ask(json!({})).json()["usage"]);
    add(&ask(json!({"n": 3, "temperature": 1.0, "seed": 7})).json()["usage"]);
    let streamed = ask(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let last = streamed.events().into_iter().rev().nth(1).unwrap().to_owned();
    add(&serde_json::from_str::<Value>(&last).unwrap()["usage"]);
    assert_eq!(ask(json!({"max_tokens": 1_000_000})).status, 400);
    assert_eq!(consumed(&server, &key), BTreeMap::from([(TEXT_MODEL.to_owned(), sum)]));

    // An answer from documents is the encoder's and the generator's, one request together.
    let asking = create_labelled_key(server.data.path(), "knowledge:read,knowledge:write", "*");
    let asker = server.with_key(&asking);
    server.create_base("counted");
    asker.upload("counted", "a.txt", b"La cantine ouvre a midi.", "?wait=true", &[]);
    let body = json!({"question": "Quand ouvre la cantine ?"});
    let answer = asker.post("/api/v1/knowledge-bases/counted/ask", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let by_model = consumed(&server, &asking);
    let told = &answer.json()["usage"];
    let [prompt, _, written, requests] = by_model[TEXT_MODEL];
    assert_eq!(json!(prompt), told["prompt_tokens"]);
    assert_eq!((json!(written), requests), (told["completion_tokens"].clone(), 1));
    assert!(by_model[ENCODER][0] > 0 && by_model[ENCODER][3] == 0, "{by_model:?}");
}

#[test]
fn a_client_that_leaves_is_counted_for_what_was_done() {
    let server = shared();
    let key = create_key(server.data.path(), "inference");
    let request = json!({"model": TEXT_MODEL, "max_tokens": 1500, "stream": true,
        "messages": [{"role": "user", "content": "Write a very long story."}]});
    let mut stream = server.with_key(&key).post_open("/v1/chat/completions", &request);
    stream.read_exact(&mut [0; 400]).expect("it streams");
    drop(stream);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let by_model = consumed(&server, &key);
        if let Some([prompt, _, written, requests]) = by_model.get(TEXT_MODEL).copied() {
            assert!(prompt > 5 && written > 0 && written < 1500, "{prompt} {written}");
            assert_eq!(requests, 0, "it was not answered");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nothing was counted");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let entries = printed(&server, &["audit", "list", "--action", "chat.complete", "--json"]);
    let entries = entries["entries"].as_array().unwrap().clone();
    let actor = format!("key:{}", &key[..12]);
    let own = entries.iter().find(|entry| entry["actor"] == json!(actor)).unwrap();
    assert_eq!(own["outcome"], "left");
}

#[test]
fn each_limit_holds_and_tells_when_to_come_back() {
    let server = shared();
    let input = json!("un deux trois quatre cinq");

    let key = limited_key(&server, "--requests-per-minute", "3");
    let caller = server.with_key(&key);
    for left in ["2", "1", "0"] {
        let reply = embed(&caller, &input);
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(left));
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("3"));
    }
    let refused = embed(&caller, &input);
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (429, &json!("rate_limit_exceeded"))
    );
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((10..=20).contains(&wait), "{wait}");
    // A key of the same name is another account; a rotation is not.
    let rotated = printed(&server, &["keys", "rotate", &key[..12], "--json"]);
    let rotated = rotated["key"].as_str().unwrap().to_string();
    assert_eq!(embed(&server.with_key(&rotated), &input).status, 429);

    let key = limited_key(&server, "--tokens-per-minute", "20");
    let caller = server.with_key(&key);
    let long = embed(&caller, &json!("mot ".repeat(60)));
    assert_eq!(long.status, 200, "how many it takes shows at the end: {}", long.text);
    let refused = embed(&caller, &input);
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining-tokens")), (429, Some("0")));
    assert!(refused.text.contains("20 tokens a minute"), "{}", refused.text);

    let key = limited_key(&server, "--monthly-tokens", "10");
    let caller = server.with_key(&key);
    assert_eq!(embed(&caller, &json!("mot ".repeat(20))).status, 200);
    let refused = embed(&caller, &input);
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (429, &json!("budget_exceeded"))
    );
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(refused.header("x-budget-remaining-tokens"), Some("0"));
    let told = printed(&server, &["audit", "list", "--action", "budget.exceed", "--json"]);
    let told = told["entries"].as_array().unwrap().clone();
    assert!(told.iter().any(|entry| entry["target"] == json!(key[..12])), "{told:?}");
    // What takes no tokens goes on: who is out of them can still read why.
    assert_eq!(caller.get("/api/v1/me").status, 200);
    // What is raised counts at once.
    let raised = command(&server, &["keys", "update", &key[..12], "--monthly-tokens", "100000"]);
    assert!(raised.status.success());
    assert_eq!(embed(&caller, &input).status, 200);
}

#[test]
fn no_more_run_at_the_same_time_than_the_limit_says() {
    let server = shared();
    let key = limited_key(&server, "--concurrent-requests", "1");
    let request = json!({"model": TEXT_MODEL, "max_tokens": 1500, "stream": true,
        "messages": [{"role": "user", "content": "Write a very long story."}]});
    let mut first = server.with_key(&key).post_open("/v1/chat/completions", &request);
    first.read_exact(&mut [0; 1]).expect("it streams");
    let caller = server.with_key(&key);
    let refused = embed(&caller, &json!("un"));
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.text.contains("1 requests run"), "{}", refused.text);
    drop(first);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while embed(&caller, &json!("un")).status != 200 {
        assert!(std::time::Instant::now() < deadline, "its place is not free again");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn every_act_reading_and_answer_is_in_the_trail() {
    let server = shared();
    let scopes = "inference,knowledge:read,knowledge:write,admin";
    let key = create_labelled_key(server.data.path(), scopes, "*");
    let (caller, actor) = (server.with_key(&key), format!("key:{}", &key[..12]));
    server.create_base("trail");
    let text = "Le code du coffre est 4711.".as_bytes();
    let document = caller.upload("trail", "coffre.txt", text, "?wait=true", &[]).json();
    let document = document["id"].as_str().unwrap().to_string();
    let base = "/api/v1/knowledge-bases/trail";
    caller.post(&format!("{base}/search"), &json!({"query": "code du coffre"}));
    caller.get(&format!("{base}/documents/{document}/file"));
    caller.get(&format!("{base}/documents"));
    caller.patch(&format!("{base}/documents/{document}"), &json!({"labels": ["rh"]}));
    caller.delete(&format!("{base}/documents/doc_absent"));
    assert_eq!(caller.get("/api/v1/audit").status, 403);
    let made = caller.post("/api/v1/keys", &json!({"name": "x", "scopes": ["inference"]})).json();
    let made = made["id"].as_str().unwrap().to_string();
    caller.delete(&format!("/api/v1/keys/{made}"));

    let reader = create_key(server.data.path(), "audit:read");
    let reader = server.with_key(&reader);
    let page = reader.get(&format!("/api/v1/audit?actor={actor}&order=oldest&limit=1000")).json();
    let entries = page["entries"].as_array().unwrap().clone();
    let told: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("documents.create", "begun"),
            ("documents.create", "done"),
            ("search.run", "done"),
            ("documents.read", "done"),
            ("documents.update", "begun"),
            ("documents.update", "done"),
            ("documents.delete", "begun"),
            ("documents.delete", "refused"),
            ("audit.read", "refused"),
            ("keys.create", "begun"),
            ("keys.create", "done"),
            ("keys.revoke", "begun"),
            ("keys.revoke", "done"),
        ]
    );
    assert_eq!(entries[2]["details"]["documents"], json!([document]));
    assert_eq!(entries[3]["target"], format!("knowledge-bases/trail/documents/{document}/file"));
    assert_eq!(entries[10]["target"], json!(made));
    assert!(!page.to_string().contains("coffre"), "contents are not in the trail");
    let request = entries[2]["request"].as_str().unwrap();
    let same = reader.get(&format!("/api/v1/audit?request={request}")).json();
    assert_eq!(same["entries"].as_array().unwrap().len(), 1);
    // What the command line does is there too.
    let listed = printed(&server, &["audit", "list", "--action", "keys.create", "--json"]);
    assert!(listed["entries"][0]["actor"].as_str().unwrap().starts_with("local:"), "{listed}");
}

#[test]
fn a_trail_that_was_changed_is_found_out() {
    let server = Server::start(&["text.model="]);
    let reader = create_key(server.data.path(), "audit:read");
    for _ in 0..5 {
        assert_eq!(embed(&server.with_key(&server.key), &json!("un")).status, 200);
    }
    let head = printed(&server, &["audit", "head", "--json"]);
    let head = format!("{}:{}", head["seq"], head["hash"].as_str().unwrap());
    let caller = server.with_key(&reader);
    let sound = caller.get(&format!("/api/v1/audit/verification?head={head}")).json();
    assert_eq!(sound["sound"], json!(true), "{sound}");
    let exported = command(&server, &["audit", "export"]).stdout;
    let file = server.data.path().join("export.jsonl");
    std::fs::write(&file, &exported).unwrap();
    let file_name = file.to_str().unwrap();
    assert!(
        command(&server, &["audit", "verify", "--file", file_name, "--head", &head])
            .status
            .success()
    );

    // In the file: an edit, and an end that is cut off.
    let text = String::from_utf8(exported).unwrap();
    std::fs::write(&file, text.replacen("embeddings.create", "embeddings.delete", 1)).unwrap();
    let edited = command(&server, &["audit", "verify", "--file", file_name]);
    assert!(!edited.status.success());
    assert!(String::from_utf8_lossy(&edited.stdout).contains("was changed"));
    let cut: Vec<&str> = text.lines().rev().skip(2).collect();
    let cut: Vec<&str> = cut.into_iter().rev().collect();
    std::fs::write(&file, cut.join("\n")).unwrap();
    assert!(command(&server, &["audit", "verify", "--file", file_name]).status.success());
    let cut = command(&server, &["audit", "verify", "--file", file_name, "--head", &head]);
    assert!(!cut.status.success());
    assert!(String::from_utf8_lossy(&cut.stdout).contains("exported head"));
    for wrong in ["", "1", "1:x", "x:00"] {
        let reply = caller.get(&format!("/api/v1/audit/verification?head={wrong}"));
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
    }
}

#[test]
fn contents_are_sealed_for_the_operator() {
    let keys =
        intramuros(std::env::temp_dir().as_path()).args(["audit", "keygen", "--json"]).output();
    let keys: Value = serde_json::from_slice(&keys.unwrap().stdout).unwrap();
    let public = format!("audit.public_key={}", keys["public_key"].as_str().unwrap());
    let server = Server::start(&["audit.level=content", &public]);
    let question = "Dis bonjour à Zébulon Quatremer.";
    let body = json!({"model": TEXT_MODEL, "max_tokens": 8, "stream": true,
        "messages": [{"role": "user", "content": question}]});
    let reply = server.post("/v1/chat/completions", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let listed = printed(&server, &["audit", "list", "--action", "chat.complete", "--json"]);
    let entry = &listed["entries"][0];
    assert!(!entry["content"].as_str().unwrap().is_empty(), "{entry}");
    assert!(!server.on_disk("Quatremer"), "in the clear on disk");

    let private = server.data.path().join("private.key");
    std::fs::write(&private, keys["private_key"].as_str().unwrap()).unwrap();
    let seq = entry["seq"].to_string();
    let open = |key: &std::path::Path| {
        command(&server, &["audit", "open", &seq, "--private-key", key.to_str().unwrap()])
    };
    let opened = String::from_utf8(open(&private).stdout).unwrap();
    let content: Value = serde_json::from_str(&opened).unwrap();
    assert!(content["request"].as_str().unwrap().contains("Quatremer"));
    assert!(content["response"].as_str().unwrap().contains("[DONE]"));
    let other =
        intramuros(server.data.path()).args(["audit", "keygen", "--json"]).output().unwrap();
    let other: Value = serde_json::from_slice(&other.stdout).unwrap();
    std::fs::write(&private, other["private_key"].as_str().unwrap()).unwrap();
    let refused = open(&private);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("sealed for another"));
    assert_eq!(printed(&server, &["audit", "verify", "--json"])["sound"], json!(true));
}

#[test]
fn the_report_of_a_month_adds_up() {
    let data = Arc::new(tempfile::TempDir::new().unwrap());
    let settings = "[usage]\ncompute_hour = 3600\n[[usage.outside]]\nname = \"Ailleurs\"\n\
                    input_per_million = 1000000\noutput_per_million = 0\n";
    std::fs::write(data.path().join("intramuros.toml"), settings).unwrap();
    let server = Server::start_in(data, &["text.model="]);
    let told = embed(&server.with_key(&server.key), &json!("un deux trois")).json();
    let tokens = told["usage"]["prompt_tokens"].as_u64().unwrap();
    let usage = printed(&server, &["usage", "--group", "use_case,month", "--json"]);
    let row = usage["rows"].as_array().unwrap().iter();
    let row = row.clone().find(|row| row["use_case"] == "embeddings").unwrap();
    assert_eq!((row["prompt_tokens"].as_u64(), row["requests"].as_u64()), (Some(tokens), Some(1)));
    assert_eq!(row["outside_cost"]["Ailleurs"].as_f64(), Some(tokens as f64));
    let (seconds, cost) = (row["compute_seconds"].as_f64(), row["cost"].as_f64());
    assert!(seconds > Some(0.0) && (seconds.unwrap() - cost.unwrap()).abs() < 1e-6);
    let month = row["month"].as_str().unwrap();
    let french = intramuros(server.data.path())
        .env("INTRAMUROS_LANG", "fr")
        .args(["usage", "--report", month])
        .output()
        .unwrap();
    let report = String::from_utf8(french.stdout).unwrap();
    for expected in
        ["# Consommation de l'IA", "| Requêtes | 1 |", "Ailleurs (EUR)", "| embeddings |"]
    {
        assert!(report.contains(expected), "{expected} is missing in:\n{report}");
    }
    let csv = command(&server, &["usage", "--csv"]);
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.starts_with("key,use_case,requests,prompt_tokens,"), "{csv}");
    let reader = create_key(server.data.path(), "usage:read");
    let over_http = server.with_key(&reader).get("/api/v1/usage?format=csv&group=key,use_case");
    assert_eq!(
        over_http.text.replace("\r\n", "\n").trim_end(),
        csv.replace("\r\n", "\n").trim_end()
    );
    for wrong in ["group=colour", "from=2026-13-01", "from=hier", "colour=red", "group=key,key"] {
        let reply = server.with_key(&reader).get(&format!("/api/v1/usage?{wrong}"));
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
    }
}
