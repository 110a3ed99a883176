//! Readiness, systemd, graceful stop, two servers on one directory.

use std::io::{BufRead as _, Read as _};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::raw::Raw;
use crate::server::{Server, TEXT_MODEL, intramuros};

#[test]
fn a_running_answer_is_finished_when_the_server_stops() {
    let server = Server::start(&["server.drain_seconds=100"]);
    let body = json!({
        "model": TEXT_MODEL, "prompt": "Count: 1 2 3 4 5 6", "temperature": 0, "max_tokens": 60,
        "stream": true,
    });
    let mut stream = server.post_open("/v1/completions", &body);
    let mut first = [0];
    stream.read_exact(&mut first).expect("it streams");
    server.signal("-TERM");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the whole answer");
    assert!(rest.trim_end().ends_with("[DONE]"), "{rest}");
    assert!(server.wait().success(), "{}", server.log());
}

#[test]
fn a_server_whose_log_nobody_reads_stops_all_the_same() {
    let data = tempfile::TempDir::new().unwrap();
    let mut child = intramuros(data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"ready\"") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
    }
    drop(log);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let (told, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || told.send(child.wait().unwrap()));
    let ended = ended.recv_timeout(Duration::from_secs(60));
    if ended.is_err() {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
    }
    assert!(ended.expect("it stops").success());
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start(&[]);
    let output = intramuros(server.data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .output()
        .expect("the binary runs");
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("another intramuros server uses"), "{message}");
}

#[test]
fn a_taken_port_is_named() {
    let server = Server::start(&[]);
    let address = server.url.trim_start_matches("http://").to_string();
    let data = tempfile::TempDir::new().unwrap();
    let output =
        intramuros(data.path()).args(["serve", "--listen", &address]).output().expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains(&address), "{message}");
}

#[test]
fn data_is_there_after_a_restart() {
    let server = Server::start(&[]);
    server.create_base("kept");
    let text = "La benne de 8 mètres cubes se loue 120 euros.";
    server.upload("kept", "benne.txt", text.as_bytes(), "?wait=true");
    server.signal("-TERM");
    assert!(server.wait().success());
    let data = Arc::clone(&server.data);
    drop(server);
    let server = Server::start_in(data, &[]);
    let body = json!({"query": "prix de la benne"});
    let hits = server.post("/api/v1/knowledge-bases/kept/search", &body).json();
    assert_eq!(hits["hits"][0]["text"], text);
}

/// Plays systemd's side of `Type=notify` with a watchdog of two seconds.
#[test]
fn systemd_is_told_ready_alive_and_stopping() {
    let data = tempfile::TempDir::new().unwrap();
    let path = data.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let next = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("a message in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut server = intramuros(data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "2000000")
        .env_remove("WATCHDOG_PID")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(next().contains("READY=1"), "the first message comes after the warm-up");
    assert!(next().contains("WATCHDOG=1"));
    assert!(next().contains("WATCHDOG=1"));
    let pid = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let told = std::iter::repeat_with(next).take(4).any(|message| message.contains("STOPPING=1"));
    assert!(told);
    assert!(server.wait().unwrap().success());
}

#[test]
fn the_openapi_document_describes_every_path() {
    let server = crate::server::shared();
    let document = server.get_without_key("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in [
        "/v1/models",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/api/v1/knowledge-bases",
        "/api/v1/knowledge-bases/{kb}/documents",
        "/api/v1/knowledge-bases/{kb}/search",
        "/api/v1/knowledge-bases/{kb}/ask",
        "/healthz",
        "/readyz",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let error = |path: &str, status: &str, kind: &str| {
        let response = &document["paths"][path]["post"]["responses"][status];
        response["content"][kind]["schema"]["$ref"].as_str().unwrap_or_default().to_string()
    };
    for status in ["400", "401", "403", "413", "415", "429", "500"] {
        let schema = error("/v1/chat/completions", status, "application/json");
        assert_eq!(schema, "#/components/schemas/OpenAiError", "{status}");
    }
    let ask = "/api/v1/knowledge-bases/{kb}/ask";
    assert_eq!(error(ask, "403", "application/problem+json"), "#/components/schemas/Problem");
    for schema in ["OpenAiError", "OpenAiErrorBody", "Problem"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
    assert!(document["paths"]["/healthz"]["get"]["responses"]["401"].is_null());
    // What it refers to is there.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap_or_default();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

/// A stream that goes on for so many digits, whatever the model would like to say.
fn stream_of(server: &Server, digits: u32) -> impl std::io::Read + use<> {
    let body = json!({
        "model": TEXT_MODEL, "prompt": "Digits:", "max_tokens": 1500, "stream": true,
        "structured_outputs": {"regex": format!("[0-9]{{{digits}}}")},
    });
    let mut stream = server.post_open("/v1/completions", &body);
    stream.read_exact(&mut [0]).expect("it streams");
    stream
}

#[test]
fn while_a_stream_finishes_new_requests_are_told_to_come_back() {
    let server = Server::start(&["server.drain_seconds=100"]);
    let models =
        |headers: &str| format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let key = format!("Authorization: Bearer {}\r\n", server.key);
    let mut kept = Raw::connect(&server);
    kept.send(models(&key));
    assert_eq!(kept.reply().status(), 200);
    let mut stream = stream_of(&server, 60);
    server.signal("-TERM");
    server.wait_for_log(|line| line["fields"]["message"] == "stopping");
    let mut fresh = Raw::connect(&server);
    for (name, raw) in [("a connection that was there", &mut kept), ("a new one", &mut fresh)] {
        raw.send(models(&key));
        let reply = raw.reply();
        assert_eq!(
            (reply.status(), reply.code().as_str()),
            (503, "unavailable"),
            "{name}: {reply:?}"
        );
        assert_eq!(reply.header("retry-after"), Some("10"), "{name}: {reply:?}");
        assert_eq!(reply.header("connection"), Some("close"), "{name}: {reply:?}");
        assert_eq!(raw.rest(), "", "{name}");
    }
    assert_eq!(server.get_without_key("/healthz").status, 200);
    let ready = server.get_without_key("/readyz");
    assert_eq!((ready.status, ready.json()["reason"].as_str()), (503, Some("stopping")));
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the whole answer");
    let end = rest.lines().rev().find(|line| !line.is_empty());
    assert_eq!(end, Some("data: [DONE]"));
    assert!(server.wait().success(), "{}", server.log());
}

#[test]
fn a_stream_that_outlasts_the_drain_ends_with_an_error() {
    let server = Server::start(&["server.drain_seconds=1"]);
    let mut stream = stream_of(&server, 1400);
    server.signal("-TERM");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("an end");
    let last = rest.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    assert!(last.contains("\"code\":\"unavailable\""), "{last}");
    assert!(server.wait().success(), "{}", server.log());
    assert!(server.log().contains("the drain is over"), "{}", server.log());
}
