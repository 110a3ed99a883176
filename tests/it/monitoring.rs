//! Metrics, readiness with reasons, slow requests, and what `deploy/monitoring` makes of them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::server::{Server, TEXT_MODEL, create_key, shared};

fn metrics(server: &Server) -> String {
    let key = create_key(server.data.path(), "metrics:read");
    let reply = server.with_key(&key).get("/metrics");
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text
}

/// The value of a sample: its name and labels as they stand in the text.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
}

#[track_caller]
fn at_least(text: &str, sample: &str, least: f64) {
    let found = value(text, sample);
    assert!(found.is_some_and(|found| found >= least), "{sample} is {found:?} in\n{text}");
}

/// A server that has been used: a chat, a document, a search, an error.
fn used() -> Server {
    let server = Server::start(&[]);
    let body = json!({"messages": [{"role": "user", "content": "Count to ten."}], "max_tokens": 12, "temperature": 0});
    assert_eq!(server.chat(&body).status, 200);
    server.create_base("metres");
    let text = "La benne de 8 mètres cubes se loue 120 euros.";
    assert_eq!(server.upload("metres", "benne.txt", text.as_bytes(), "?wait=true").status, 201);
    let search = json!({"query": "prix de la benne"});
    assert_eq!(server.post("/api/v1/knowledge-bases/metres/search", &search).status, 200);
    assert_eq!(server.get("/api/v1/knowledge-bases/absent").status, 404);
    server
}

#[test]
fn the_figures_tell_what_happened() {
    let server = used();
    let text = metrics(&server);
    let model = format!("{{model=\"{TEXT_MODEL}\"}}");
    for (name, least) in [
        ("intramuros_generator_healthy", 1.0),
        ("intramuros_generator_loaded", 1.0),
        ("intramuros_generator_queue_limit", 64.0),
        ("intramuros_generator_prompt_tokens_total", 5.0),
        ("intramuros_generator_generated_tokens_total", 12.0),
        ("intramuros_generator_steps_total", 2.0),
        ("intramuros_generator_time_to_first_token_seconds_count", 1.0),
        ("intramuros_generator_inter_token_seconds_count", 2.0),
        ("intramuros_generator_queue_wait_seconds_count", 1.0),
        ("intramuros_generator_step_tokens_count", 2.0),
    ] {
        at_least(&text, &format!("{name}{model}"), least);
    }
    let completed = format!("{{model=\"{TEXT_MODEL}\",outcome=\"completed\"}}");
    at_least(&text, &format!("intramuros_generator_requests_total{completed}"), 2.0);
    let weights = format!("{{model=\"{TEXT_MODEL}\",part=\"weights\"}}");
    at_least(&text, &format!("intramuros_generator_memory_bytes{weights}"), 50e6);
    let encoder = "{model=\"multilingual-e5-small\"}";
    at_least(&text, &format!("intramuros_encoder_prompt_tokens_total{encoder}"), 5.0);
    at_least(&text, &format!("intramuros_encoder_steps_total{encoder}"), 2.0);
    at_least(&text, "intramuros_knowledge_search_seconds_count", 1.0);
    at_least(&text, "intramuros_knowledge_documents_indexed_total{outcome=\"ready\"}", 1.0);
    at_least(&text, "intramuros_knowledge_passages_indexed_total", 1.0);
    let ready = "{knowledge_base=\"metres\",state=\"ready\"}";
    assert_eq!(value(&text, &format!("intramuros_knowledge_documents{ready}")), Some(1.0));
    at_least(&text, "intramuros_ledger_size_bytes", 4096.0);
    at_least(&text, "intramuros_data_dir_free_bytes", 1.0);
    at_least(&text, "intramuros_ready", 1.0);
    at_least(&text, "intramuros_http_connections", 1.0);
    at_least(&text, "intramuros_http_requests_in_flight", 1.0);
    at_least(&text, "process_resident_memory_bytes", 50e6);
    at_least(&text, "process_start_time_seconds", 1.7e9);
    let chat = "{method=\"POST\",route=\"/v1/chat/completions\",status=\"200\"}";
    assert_eq!(value(&text, &format!("intramuros_http_requests_total{chat}")), Some(1.0));
    let absent = "{method=\"GET\",route=\"/api/v1/knowledge-bases/{kb}\",status=\"404\"}";
    assert_eq!(value(&text, &format!("intramuros_http_requests_total{absent}")), Some(1.0));
    at_least(&text, "intramuros_http_errors_total{code=\"not_found\"}", 1.0);
}

#[test]
fn labels_hold_nothing_that_clients_make_up() {
    let server = shared();
    server.get("/zz-made-up-path");
    server.get("/v1/models/zz-made-up-model");
    let text = metrics(&server);
    for made_up in ["zz-made-up", server.key.as_str(), &server.key[..12], "doc_"] {
        assert!(!text.contains(made_up), "{made_up}");
    }
    at_least(
        &text,
        "intramuros_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"}",
        1.0,
    );
}

#[test]
fn both_formats_are_spoken() {
    let server = shared();
    let key = create_key(server.data.path(), "metrics:read");
    let asked = |accept: &str| {
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Accept: {accept}\r\n\r\n"
        );
        crate::raw::exchange(&server, request)
    };
    let plain = asked("text/plain");
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(plain.text().contains("# TYPE intramuros_http_requests_total counter"));
    let open = asked("application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    let kind = open.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(open.text().contains("# TYPE intramuros_http_requests counter"));
    assert!(open.text().ends_with("# EOF\n"));
}

#[test]
fn a_stream_that_its_client_leaves_is_accounted_for() {
    let server = Server::start(&[]);
    let body = json!({
        "model": TEXT_MODEL, "prompt": "1 2 3", "max_tokens": 1500, "stream": true,
    });
    let mut stream = server.post_open("/v1/completions", &body);
    std::io::Read::read_exact(&mut stream, &mut [0]).expect("it streams");
    drop(stream);
    let broken = |line: &Value| line["fields"]["broken_off"] == json!(true);
    let line = server.wait_for_log(|line| line["fields"]["message"] == "answered" && broken(line));
    assert_eq!(line["fields"]["status"], 200, "{line}");
    assert!(line["span"]["id"].as_str().is_some_and(|id| id.starts_with("req_")), "{line}");
}

#[test]
fn a_slow_request_says_what_it_waited_for() {
    let server = Server::start(&["log.slow_request_ms=1"]);
    let secret = "zqslowprompt";
    let body = json!({
        "messages": [{"role": "user", "content": secret}],
        "structured_outputs": {"regex": "[0-9]{8}"}, "max_tokens": 20,
    });
    assert_eq!(server.chat(&body).status, 200);
    let chat = "/v1/chat/completions";
    let line = server.wait_for_log(|line| {
        line["fields"]["message"] == "slow request" && line["fields"]["route"] == chat
    });
    let fields = &line["fields"];
    assert_eq!(line["level"], "WARN", "{line}");
    assert_eq!(
        (&fields["status"], &fields["generated_tokens"]),
        (&json!(200), &json!(8)),
        "{line}"
    );
    for number in ["elapsed_ms", "queue_wait_ms", "first_token_ms"] {
        assert!(fields[number].is_u64(), "{number}: {line}");
    }
    for number in ["prompt_tokens", "generated_tokens"] {
        assert!(fields[number].as_u64().is_some_and(|tokens| tokens > 1), "{number}: {line}");
    }
    assert!(!server.log().contains(secret));
}

#[test]
fn readiness_tells_each_thing_that_it_depends_on() {
    let server = Server::start(&["server.min_free_mib=1000000000", "text.model="]);
    let reply = server.get_without_key("/readyz");
    let ready = reply.json();
    assert_eq!((reply.status, ready["status"].as_str()), (200, Some("degraded")), "{ready}");
    assert!(ready["reason"].as_str().unwrap().contains("server.min_free_mib"), "{ready}");
    let checks = ready["checks"].as_array().expect("checks");
    let status = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name);
        check.and_then(|check| check["status"].as_str()).unwrap_or_default().to_owned()
    };
    for name in ["running", "models", "generator", "encoders", "ledger", "disk"] {
        assert_eq!(status(name), "ok", "{ready}");
    }
    assert_eq!(status("disk_space"), "warning", "{ready}");
    assert!(!ready.to_string().contains(server.data.path().to_str().unwrap()), "{ready}");
    // What is a warning there is a refusal here, before the disk is full.
    server.create_base("pleine");
    let refused = server.upload("pleine", "a.txt", b"La benne est pleine.", "");
    assert_eq!(refused.status, 507, "{}", refused.text);
    assert!(refused.text.contains("server.min_free_mib"), "{}", refused.text);
    assert_eq!(refused.json()["code"], "storage_full");
    let search = json!({"query": "benne"});
    assert_eq!(server.post("/api/v1/knowledge-bases/pleine/search", &search).status, 200);
}

/// Names of metrics in a PromQL expression: words with one of the prefixes.
fn named(expression: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    // Labels and their values are no metrics.
    let mut outside = String::new();
    let (mut braces, mut quoted) = (0, false);
    for c in expression.chars() {
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted => braces += 1,
            '}' if !quoted => braces -= 1,
            c if braces == 0 && !quoted => outside.push(c),
            _ => {}
        }
    }
    assert!(braces == 0 && !quoted, "unbalanced: {expression}");
    let opened = expression.matches('(').count();
    assert_eq!(opened, expression.matches(')').count(), "unbalanced: {expression}");
    let words = outside.split(|c| !word(c)).filter(|word| word.contains('_')).map(str::to_owned);
    let known_functions =
        ["histogram_quantile", "label_replace", "predict_linear", "avg_over_time"];
    words.filter(|word| !known_functions.contains(&word.as_str())).collect()
}

/// Names that the server writes, of samples as they are queried.
fn written(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("# TYPE ") else { continue };
        let (name, kind) = rest.split_once(' ').expect("a type");
        if kind == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        }
        names.insert(name.to_owned());
    }
    names
}

fn deployed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/monitoring").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every `expr` of a dashboard, wherever it stands.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    ("expr" | "query" | "definition", Some(text)) if text.contains('_') => {
                        found.push(text.to_owned());
                    }
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_what_there_is() {
    let server = used();
    let known = written(&metrics(&server));
    let dashboard: Value = serde_json::from_str(&deployed("grafana-dashboard.json")).unwrap();
    let mut of_dashboard = Vec::new();
    expressions(&dashboard, &mut of_dashboard);
    let alerts = deployed("alerts.yml");
    let of_alerts: Vec<String> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .map(str::to_owned)
        .collect();
    assert!(of_dashboard.len() > 20 && of_alerts.len() >= 10);
    for expression in of_dashboard.iter().chain(&of_alerts) {
        for name in named(&expression.replace("$__rate_interval", "5m").replace("label_values", ""))
        {
            assert!(known.contains(&name), "{name} of {expression} is not written");
        }
    }
}

#[test]
fn every_alert_says_what_to_do_in_both_languages() {
    let alerts = deployed("alerts.yml");
    assert!(!alerts.contains('\t'), "YAML has no tabs");
    let rules: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = rule.lines().next().unwrap_or_default().trim();
        assert!(names.insert(name), "{name} stands twice");
        for part in ["expr: ", "for: ", "severity: ", "summary: ", "description: ", " / "] {
            assert!(rule.contains(part), "{name} lacks '{part}'");
        }
    }
}
