//! Webhooks and e-mail: signed, retried, never to an address that the settings do not name.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::{Caller, Server, create_key, intramuros};

const WEBHOOKS: &str = "/api/v1/webhooks";
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether one of the signatures was made with `secret`, as a receiver would check it.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let content = format!("{id}.{at}.{}", self.body);
        self.header("webhook-signature").split(' ').any(|signature| {
            let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
            ring::hmac::verify(&key, content.as_bytes(), &tag).is_ok()
        })
    }
}

/// A webhook's receiver: answers with the next status of its list, the last one for ever, and with
/// none while it is held.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    answers: Vec<String>,
    held: bool,
}

impl Receiver {
    pub(crate) fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let state = State { answers, ..State::default() };
        let receiver = Self { address, state: Arc::new((Mutex::new(state), Condvar::new())) };
        let here = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let here = here.clone();
                std::thread::spawn(move || here.serve(stream));
            }
        });
        receiver
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            match line.trim_end() {
                "" => break,
                line => {
                    let (name, value) = line.split_once(':').unwrap_or((line, ""));
                    headers.push((name.to_lowercase(), value.trim().to_owned()));
                }
            }
        }
        let mut received = Received { headers, body: String::new() };
        let length = received.header("content-length").parse().unwrap_or(0);
        reader.take(length).read_to_string(&mut received.body).ok()?;
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        state.received.push(received);
        changed.notify_all();
        while state.held {
            state = changed.wait(state).unwrap();
        }
        let more = state.answers.len() > 1;
        let answer = if more { state.answers.remove(0) } else { state.answers[0].clone() };
        drop(state);
        let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).ok()
    }

    /// Lets requests wait for their answer.
    pub(crate) fn hold(&self, held: bool) {
        self.state.0.lock().unwrap().held = held;
        self.state.1.notify_all();
    }

    /// Waits until it has got `count` requests.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let enough = |state: &mut State| state.received.len() < count;
        let (state, timed_out) = changed.wait_timeout_while(state, PATIENCE, enough).unwrap();
        assert!(!timed_out.timed_out(), "{} of {count} requests", state.received.len());
        state.received.clone()
    }

    fn count(&self) -> usize {
        self.state.0.lock().unwrap().received.len()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A server without generator that may connect to `allow`.
fn start(allow: &[String], more: &[&str]) -> Server {
    let allow = format!("egress.allow={}", allow.join(","));
    Server::start(&[&["text.model=", &allow], more].concat())
}

fn add(admin: &Caller, url: &str) -> (String, String) {
    let reply = admin.post(WEBHOOKS, &json!({"url": url, "events": ["*"]}));
    assert_eq!(reply.status, 201, "{}", reply.text);
    let made = reply.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["webhook"]["id"]), text(&made["secret"]))
}

fn ping(admin: &Caller, id: &str) -> String {
    let reply = admin.post(&format!("{WEBHOOKS}/{id}/ping"), &json!({}));
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn deliveries(admin: &Caller, id: &str, query: &str) -> Vec<Value> {
    let reply = admin.get(&format!("{WEBHOOKS}/{id}/deliveries{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["deliveries"].as_array().unwrap().clone()
}

/// Polls until `holds`, as an operator would look again.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_webhook_gets_signed_events_and_its_secret_is_told_once() {
    let receiver = Receiver::start(&["204 No Content"]);
    let server = start(&[receiver.origin()], &[]);
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let (id, secret) = add(&admin, &format!("{}/hook?a=b", receiver.origin()));
    ping(&admin, &id);
    let first = receiver.wait_for(1).remove(0);
    assert!(first.is_signed_with(&secret), "{first:?}");
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((&body["type"], &body["data"]), (&json!("ping"), &json!({})));

    let rotated = admin.post(&format!("{WEBHOOKS}/{id}/rotate"), &json!({})).json();
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, secret);
    assert!(rotated["webhook"]["rotating_until"].is_string());
    ping(&admin, &id);
    let second = receiver.wait_for(2).remove(1);
    assert!(second.is_signed_with(&secret) && second.is_signed_with(new), "{second:?}");

    let listed = admin.get(WEBHOOKS).text;
    assert!(listed.contains(&id) && !listed.contains("whsec_"), "{listed}");
    assert!(!server.log().contains("whsec_") && !server.log().contains(&secret));
    until("counted", || {
        let webhook = admin.get(&format!("{WEBHOOKS}/{id}")).json();
        webhook["delivered"] == 2 && webhook["failures"] == 0
    });
    assert_eq!(admin.delete(&format!("{WEBHOOKS}/{id}")).status, 204);
    assert_eq!(admin.get(&format!("{WEBHOOKS}/{id}")).status, 404);
}

#[test]
fn a_failure_is_tried_again_under_the_same_id() {
    let receiver = Receiver::start(&["500 Oops", "503 Later", "200 OK"]);
    let server = start(&[receiver.origin()], &["webhooks.retry_after=1s,1s"]);
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let (id, secret) = add(&admin, &receiver.origin());
    ping(&admin, &id);
    let received = receiver.wait_for(3);
    assert!(received.iter().all(|one| one.is_signed_with(&secret)));
    let ids: Vec<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids, [ids[0]; 3]);
    until("delivered", || {
        let delivery = &deliveries(&admin, &id, "")[0];
        delivery["state"] == "delivered" && delivery["attempts"] == 3
    });
}

#[test]
fn a_dead_letter_is_seen_and_sent_by_hand_and_a_redirect_is_not_followed() {
    let inner = Receiver::start(&["200 OK"]);
    let redirect = format!("307 Temporary Redirect\r\nlocation: {}/", inner.origin());
    let outer = Receiver::start(&[&redirect, "200 OK"]);
    let server = start(&[inner.origin(), outer.origin()], &["webhooks.retry_after="]);
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let (id, _) = add(&admin, &outer.origin());
    let delivery = ping(&admin, &id);
    until("dead", || !deliveries(&admin, &id, "?state=dead").is_empty());
    let dead = deliveries(&admin, &id, "?state=dead").remove(0);
    assert_eq!((&dead["id"], &dead["status"]), (&json!(delivery), &json!(307)));
    assert!(dead["error"].as_str().unwrap().contains("redirects are not followed"), "{dead}");
    assert_eq!(inner.count(), 0);

    let cli = |arguments: &[&str]| {
        let mut command = intramuros(server.data.path());
        command.args(arguments).args(["--url", &server.url]).env("INTRAMUROS_API_KEY", &key);
        let output = command.output().expect("the binary runs");
        let (out, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{error}");
        out.into_owned()
    };
    let listed = cli(&["webhooks", "deliveries", &id, "--state", "dead"]);
    assert!(listed.contains(&delivery) && listed.contains("answered 307"), "{listed}");
    assert!(cli(&["webhooks", "list"]).contains("1 failures"));
    cli(&["webhooks", "retry", &id, &delivery]);
    until("delivered", || deliveries(&admin, &id, "")[0]["state"] == "delivered");
    let again = admin.post(&format!("{WEBHOOKS}/{id}/deliveries/{delivery}/retry"), &json!({}));
    assert_eq!(again.status, 409, "{}", again.text);
    assert_eq!(admin.get(&format!("{WEBHOOKS}/{id}/deliveries?state=lost")).status, 400);

    let added = cli(&["webhooks", "add", &inner.origin(), "--events", "job.failed", "--json"]);
    let added: Value = serde_json::from_str(&added).unwrap();
    let id = added["webhook"]["id"].as_str().unwrap();
    for command in ["disable", "enable", "ping", "rotate", "remove"] {
        cli(&["webhooks", command, id]);
    }
    assert!(!cli(&["webhooks", "list"]).contains(id));
}

#[test]
fn a_slow_receiver_holds_up_nobody_else() {
    let (slow, quick) = (Receiver::start(&["200 OK"]), Receiver::start(&["200 OK"]));
    slow.hold(true);
    let server = start(&[slow.origin(), quick.origin()], &[]);
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let ((slow_id, _), (quick_id, _)) = (add(&admin, &slow.origin()), add(&admin, &quick.origin()));
    for _ in 0..5 {
        ping(&admin, &slow_id);
    }
    slow.wait_for(2);
    for _ in 0..5 {
        ping(&admin, &quick_id);
    }
    quick.wait_for(5);
    assert_eq!(slow.count(), 2, "two at once for a webhook");
    slow.hold(false);
    slow.wait_for(5);
}

#[test]
fn a_kill_loses_no_event() {
    let receiver = Receiver::start(&["200 OK"]);
    receiver.hold(true);
    let allow = format!("egress.allow={}", receiver.origin());
    let settings = ["text.model=", allow.as_str()];
    let server = Server::start(&settings);
    let key = create_key(server.data.path(), "admin");
    let (id, secret) = add(&server.with_key(&key), &receiver.origin());
    for _ in 0..8 {
        ping(&server.with_key(&key), &id);
    }
    // Two are being sent, the others wait.
    let before = receiver.wait_for(2);
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);
    receiver.hold(false);

    let server = Server::start_in(data, &settings);
    let admin = server.with_key(&key);
    until("all delivered", || {
        let all = deliveries(&admin, &id, "");
        all.len() == 8 && all.iter().all(|delivery| delivery["state"] == "delivered")
    });
    let received = receiver.wait_for(10);
    assert!(received.iter().all(|one| one.is_signed_with(&secret)));
    let mut events: Vec<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), 8, "a receiver that drops doubles has each once");
    assert!(before.iter().all(|one| events.contains(&one.header("webhook-id"))));
}

#[test]
fn an_address_that_is_not_named_is_refused_with_the_reason() {
    let receiver = Receiver::start(&["200 OK"]);
    let server = start(&["https://hooks.example.lan:8443".to_owned(), receiver.origin()], &[]);
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let port = receiver.address.port();
    for (url, why) in [
        ("https://hooks.example.lan/".to_owned(), "does not name https://hooks.example.lan:443"),
        (format!("http://localhost:{port}/"), "does not name http://localhost"),
        (format!("http://127.0.0.1:{port}@evil.example/"), "user name"),
        (format!("http://evil.example:{port}/"), "does not name"),
        ("http://169.254.169.254/".to_owned(), "does not name"),
        ("file:///etc/passwd".to_owned(), "must begin with"),
        (String::new(), "must begin with"),
    ] {
        let reply = admin.post(WEBHOOKS, &json!({"url": url, "events": ["*"]}));
        let body = reply.json();
        assert_eq!((reply.status, &body["param"]), (400, &json!("url")), "{url}: {body}");
        assert!(body["detail"].as_str().unwrap().contains(why), "{url}: {body}");
    }
    let (id, _) = add(&admin, &format!("http://0x7f.1:{port}/"));
    let path = format!("{WEBHOOKS}/{id}");
    assert_eq!(admin.get(&path).json()["url"], json!(format!("{}/", receiver.origin())));
    let reply = admin.patch(&path, &json!({"url": "http://evil.example/"}));
    assert_eq!(reply.status, 400, "{}", reply.text);
    for (field, value) in [("events", json!(["reviews"])), ("events", json!([])), ("x", json!(1))] {
        let reply = admin.patch(&path, &json!({field: value}));
        assert_eq!((reply.status, &reply.json()["param"]), (400, &json!(field)), "{}", reply.text);
    }
    // Only administrators.
    assert_eq!(server.get(WEBHOOKS).status, 403);
    assert_eq!(receiver.count(), 0);
}

#[test]
fn proxies_of_the_environment_are_not_asked() {
    let (receiver, proxy) = (Receiver::start(&["200 OK"]), Receiver::start(&["200 OK"]));
    let allow = format!("egress.allow={}", receiver.origin());
    let origin = proxy.origin();
    let names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"];
    let environment = names.map(|name| (name, origin.as_str()));
    let server = Server::start_with(&["text.model=", &allow], &environment);
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let (id, _) = add(&admin, &receiver.origin());
    ping(&admin, &id);
    receiver.wait_for(1);
    assert_eq!(proxy.count(), 0);
}

/// A mail server that takes everything; what clients said, a line each, is kept.
fn mail_server() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let said = Arc::new(Mutex::new(Vec::new()));
    let kept = said.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"220 test\r\n");
            let mut in_data = false;
            let reader = BufReader::new(stream.try_clone().expect("a second handle"));
            for line in reader.lines().map_while(Result::ok) {
                let answer = match line.get(..4).unwrap_or(&line) {
                    _ if in_data && line != "." => "",
                    "EHLO" => "250-test\r\n250 8BITMIME\r\n",
                    "DATA" => "354 go on\r\n",
                    "QUIT" => "221 bye\r\n",
                    _ => "250 ok\r\n",
                };
                in_data = line == "DATA" || in_data && line != ".";
                kept.lock().unwrap().push(line);
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (address, said)
}

#[test]
fn e_mail_goes_to_the_named_server_and_the_named_recipients() {
    let (address, said) = mail_server();
    let port = address.port();
    let settings = [
        format!("egress.allow=smtp://127.0.0.1:{port}"),
        "smtp.host=127.0.0.1".to_owned(),
        format!("smtp.port={port}"),
        "smtp.security=none".to_owned(),
        "smtp.from=intramuros@example.lan".to_owned(),
        "text.model=".to_owned(),
    ];
    let server = Server::start(&settings.each_ref().map(String::as_str));
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let mut command = intramuros(server.data.path());
    command.args(["mail", "test", "a.martin@example.lan", "--url", &server.url]);
    let output = command.env("INTRAMUROS_API_KEY", &key).output().expect("the binary runs");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && out.contains("took the message"), "{output:?}");
    let lines = said.lock().unwrap().clone();
    for line in ["RCPT TO:<a.martin@example.lan>", "MAIL FROM:<intramuros@example.lan>"] {
        assert!(lines.iter().any(|said| said.starts_with(line)), "{lines:?}");
    }
    let listed = admin.get("/api/v1/mail?state=delivered").json();
    assert_eq!(listed["mails"][0]["to"], "a.martin@example.lan", "{listed}");

    let reply = admin.post("/api/v1/mail/test", &json!({"to": "x@elsewhere.example"}));
    assert_eq!((reply.status, &reply.json()["param"]), (400, &json!("to")), "{}", reply.text);
    let to = "a@example.lan\r\nBcc: x@evil.example";
    assert_eq!(admin.post("/api/v1/mail/test", &json!({"to": to})).status, 400);
    assert_eq!(admin.get("/api/v1/mail/eml_x").status, 404);

    let refused = intramuros(server.data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(settings[1..].iter().flat_map(|setting| ["--set", setting]))
        .env("INTRAMUROS_DATA_DIR", server.data.path().join("other"))
        .output()
        .expect("the binary runs");
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    let why = format!("egress.allow does not name smtp://127.0.0.1:{port}");
    assert!(!refused.status.success() && error.contains(&why), "{error}");
}

#[test]
fn without_a_mail_server_the_answer_says_so() {
    let server = crate::server::shared();
    let key = create_key(server.data.path(), "admin");
    let reply = server.with_key(&key).post("/api/v1/mail/test", &json!({"to": "a@example.lan"}));
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("conflict")));
    assert!(reply.text.contains("smtp.host"), "{}", reply.text);
}

#[test]
fn what_happens_is_told() {
    let receiver = Receiver::start(&["204 No Content"]);
    let server = start(&[receiver.origin()], &[]);
    let key = create_key(server.data.path(), "admin");
    add(&server.with_key(&key), &receiver.origin());
    server.create_base("docs");
    let upload = |name: &str, content: &[u8]| {
        let reply = server.upload("docs", name, content, "?wait=true");
        reply.json()["id"].as_str().expect(name).to_owned()
    };
    let ready = upload("benne.txt", "La benne de huit mètres cubes.".as_bytes());
    let failed = upload("plan.pdf", b"%PDF-1.7\nthis is no PDF");
    let kinds = |received: &[Received]| -> Vec<(String, Value)> {
        let event = |one: &Received| {
            let body: Value = serde_json::from_str(&one.body).unwrap();
            (body["type"].as_str().unwrap().to_owned(), body["data"].clone())
        };
        received.iter().map(event).collect()
    };
    let told = |kind: &str, holds: &dyn Fn(&Value) -> bool| {
        until(kind, || {
            let received = receiver.state.0.lock().unwrap().received.clone();
            kinds(&received).iter().any(|(name, data)| name == kind && holds(data))
        });
    };
    told("document.ready", &|data| data["document"] == ready && data["knowledge_base"] == "docs");
    told("document.failed", &|data| data["document"] == failed && data["error"].is_string());
    told("job.finished", &|data| data["kind"] == "ingest" && data["job"].is_string());

    let mut command = intramuros(server.data.path());
    command.args(["keys", "create", "--name", "t", "--scope", "inference", "--json"]);
    let made = command.args(["--monthly-tokens", "20"]).output().expect("the binary runs");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let limited = server.with_key(made["key"].as_str().unwrap());
    let texts = vec!["une phrase de quelques mots"; 3];
    let body = json!({"model": crate::server::ENCODER, "input": texts});
    assert_eq!(limited.post("/v1/embeddings", &body).status, 200);
    told("budget.exceeded", &|data| data["account"] == made["id"] && data["monthly_tokens"] == 20);

    // Into the data directory itself no backup is made.
    let mut command = intramuros(server.data.path());
    let output = command.args(["backup", "create"]).arg(server.data.path()).output().unwrap();
    assert!(!output.status.success());
    told("backup.failed", &|data| data["error"].is_string());
    let secret = receiver.state.0.lock().unwrap().received.iter().any(|one| {
        one.body.contains("benne") || one.body.contains("mètres") || one.body.contains("plan.pdf")
    });
    assert!(!secret, "events hold ids");
}
