//! Jobs: what is indexed, made anew and learnt can be watched, paused, resumed and cancelled.

use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Caller, Server, create_key, intramuros};

const SEARCH_ONLY: &str = "text.model=";

fn steering_key(server: &Server) -> String {
    create_key(server.data.path(), "jobs:read,jobs:write")
}

fn listed(caller: &Caller<'_>, query: &str) -> Vec<Value> {
    let reply = caller.get(&format!("/api/v1/jobs{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["jobs"].as_array().unwrap().clone()
}

/// The newest job of `kind`, once `is` holds for it.
#[track_caller]
fn until(server: &Server, caller: &Caller<'_>, kind: &str, is: impl Fn(&Value) -> bool) -> Value {
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let jobs = listed(caller, &format!("?kind={kind}&limit=1"));
        match jobs.first() {
            Some(job) if is(job) => return job.clone(),
            _ => assert!(Instant::now() < given_up, "{jobs:?}\n{}", server.log()),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_in(state: &str) -> impl Fn(&Value) -> bool {
    move |job| job["state"] == state
}

fn act(caller: &Caller<'_>, job: &Value, what: &str) -> (u16, Value) {
    let path = format!("/api/v1/jobs/{}/{what}", job["id"].as_str().unwrap());
    let reply = caller.post(&path, &json!({}));
    (reply.status, reply.json())
}

/// Minutes of work.
fn upload_large(server: &Server, base: &str) -> Value {
    let large = "La mini-pelle se loue à la journée. ".repeat(40_000);
    let reply = server.upload(base, "large.txt", large.as_bytes(), "");
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.json()
}

fn document(server: &Server, base: &str, id: &Value) -> Value {
    let id = id.as_str().unwrap();
    server.get(&format!("/api/v1/knowledge-bases/{base}/documents/{id}")).json()
}

#[test]
fn indexing_is_a_job_that_can_be_paused_resumed_and_cancelled() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = steering_key(&server);
    let caller = server.with_key(&key);
    server.create_base("notices");
    assert_eq!(listed(&caller, ""), Vec::<Value>::new());
    let small = "La caution est de 300 euros.";
    let reply = server.upload("notices", "petit.txt", small.as_bytes(), "?wait=true");
    assert_eq!(reply.status, 201, "{}", reply.text);
    let done = until(&server, &caller, "ingest", is_in("done"));
    assert_eq!(done["knowledge_base"], "notices");
    assert_eq!(done["progress"]["done"], 1, "{done}");
    assert_eq!(act(&caller, &done, "pause").0, 409);
    assert_eq!(act(&caller, &done, "retry").0, 409);

    let large = upload_large(&server, "notices");
    let job = until(&server, &caller, "ingest", |job| {
        is_in("running")(job) && document(&server, "notices", &large["id"])["state"] == "indexing"
    });
    assert_ne!(job["id"], done["id"]);
    assert_eq!(act(&caller, &job, "pause").0, 200);
    until(&server, &caller, "ingest", is_in("paused"));
    assert_eq!(document(&server, "notices", &large["id"])["state"], "pending");
    // What comes meanwhile waits too, through a crash.
    let waits = server.upload("notices", "autre.txt", "Les horaires changent.".as_bytes(), "");
    let waits = waits.json()["id"].clone();
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);
    let server = Server::start_in(data, &[SEARCH_ONLY]);
    let caller = server.with_key(&key);
    let job = until(&server, &caller, "ingest", is_in("paused"));
    assert_eq!(document(&server, "notices", &waits)["state"], "pending");

    // The small one passes the large one, once both may go on.
    assert_eq!(act(&caller, &job, "resume").0, 200);
    let given_up = Instant::now() + Duration::from_secs(60);
    while document(&server, "notices", &waits)["state"] != "ready" {
        assert!(Instant::now() < given_up, "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(act(&caller, &job, "cancel").0, 200);
    let job = until(&server, &caller, "ingest", is_in("cancelled"));
    let (status, told) = act(&caller, &job, "resume");
    assert_eq!(status, 409);
    assert!(told["detail"].as_str().unwrap().contains("is cancelled"), "{told}");
    assert_eq!(document(&server, "notices", &large["id"])["state"], "pending");
    assert_eq!(act(&caller, &job, "retry").0, 200);
    until(&server, &caller, "ingest", is_in("running"));
    // Its knowledge base takes it along.
    assert_eq!(server.delete("/api/v1/knowledge-bases/notices").status, 204);
    assert_eq!(listed(&caller, ""), Vec::<Value>::new());
}

#[test]
fn documents_that_failed_are_tried_again_with_their_job() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = steering_key(&server);
    let caller = server.with_key(&key);
    server.create_base("notices");
    let reply = server.upload("notices", "vide.txt", b"   ", "?wait=true");
    assert_eq!(reply.json()["state"], "failed", "{}", reply.text);
    let job = until(&server, &caller, "ingest", is_in("done"));
    let counts = json!({"total": 1, "done": 0, "failed": 1, "remaining_seconds": null});
    assert_eq!(job["progress"], counts, "{job}");
    let (status, retried) = act(&caller, &job, "retry");
    assert_eq!((status, &retried["state"]), (200, &json!("queued")), "{retried}");
    let again = until(&server, &caller, "ingest", is_in("done"));
    assert_eq!((&again["id"], &again["progress"]), (&job["id"], &counts));
}

#[test]
fn bad_requests_about_jobs_name_what_is_wrong() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = steering_key(&server);
    let caller = server.with_key(&key);
    for path in ["/api/v1/jobs", "/api/v1/schedules", "/api/v1/jobs/x", "/api/v1/jobs/x/items"] {
        assert_eq!(server.get(path).status, 403, "{path}");
        assert_eq!(server.get_without_key(path).status, 401, "{path}");
    }
    assert_eq!(caller.get("/api/v1/jobs/job_none").status, 404);
    assert_eq!(caller.get("/api/v1/jobs/job_none/items").status, 404);
    assert_eq!(caller.post("/api/v1/jobs/job_none/cancel", &json!({})).status, 404);
    for (query, named) in
        [("state=late", "'queued'"), ("limit=0", "limit"), ("limit=1001", "limit"), ("x=1", "x")]
    {
        let reply = caller.get(&format!("/api/v1/jobs?{query}"));
        assert_eq!(reply.status, 400, "{query}: {}", reply.text);
        assert!(reply.text.contains(named), "{query}: {}", reply.text);
    }
    assert_eq!(caller.get("/api/v1/jobs?cursor=%27%20OR%201%3D1%20--").json()["jobs"], json!([]));
    let patch = |body: Value| caller.patch("/api/v1/jobs/job_none", &body);
    assert_eq!(patch(json!({"priority": "high"})).status, 404);
    assert_eq!(patch(json!({"priority": "urgent"})).status, 400);
    assert_eq!(patch(json!({"state": "done"})).status, 400);
    let schedules = caller.get("/api/v1/schedules").json();
    let names = schedules["schedules"].as_array().unwrap().iter().map(|one| &one["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["retention"]);
}

fn command(server: &Server, key: &str, arguments: &[&str]) -> Output {
    intramuros(server.data.path())
        .env("INTRAMUROS_URL", &server.url)
        .env("INTRAMUROS_API_KEY", key)
        .args(arguments)
        .output()
        .expect("the binary runs")
}

#[test]
fn the_command_line_shows_and_steers_jobs() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = steering_key(&server);
    server.create_base("notices");
    upload_large(&server, "notices");
    let run = |arguments: &[&str]| {
        let output = command(&server, &key, arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all: Value = serde_json::from_str(&run(&["jobs", "list", "--json"])).unwrap();
    let id = all["jobs"][0]["id"].as_str().unwrap().to_owned();
    let shown = run(&["jobs", "list", "--kind", "ingest"]);
    assert!(shown.contains(&id) && shown.contains("notices") && shown.contains("LEFT"), "{shown}");
    assert!(run(&["jobs", "priority", &id, "high"]).contains("high"));
    run(&["jobs", "pause", &id]);
    until(&server, &server.with_key(&key), "ingest", is_in("paused"));
    assert!(run(&["jobs", "show", &id]).contains("paused"));
    assert!(run(&["jobs", "resume", &id]).contains("queued"));
    run(&["jobs", "cancel", &id]);
    until(&server, &server.with_key(&key), "ingest", is_in("cancelled"));
    assert!(run(&["jobs", "list", "--state", "cancelled"]).contains(&id));
    assert!(run(&["jobs", "schedules"]).contains("NEXT"));
    let refused = command(&server, &key, &["jobs", "pause", &id]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is cancelled"));
}
