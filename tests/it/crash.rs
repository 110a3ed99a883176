//! Kill at the wrong moment, start again: nothing acknowledged is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::Server;

const DOCUMENTS: usize = 12;

fn documents(server: &Server) -> Vec<Value> {
    let list = server.get("/api/v1/knowledge-bases/crash/documents").json();
    list["documents"].as_array().unwrap().clone()
}

#[test]
fn acknowledged_uploads_survive_a_kill_and_become_searchable() {
    let server = Server::start(&[]);
    server.create_base("crash");
    let mut acknowledged = Vec::new();
    for number in 0..DOCUMENTS {
        // Long enough that indexing is under way when the process dies.
        let text =
            format!("Fiche numéro{number}. ") + &"La mini-pelle se loue à la journée. ".repeat(200);
        let reply = server.upload("crash", &format!("fiche-{number}.txt"), text.as_bytes(), "");
        assert_eq!(reply.status, 202, "{}", reply.text);
        acknowledged.push(reply.json()["id"].clone());
    }
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);

    let server = Server::start_in(data, &[]);
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let now = documents(&server);
        let ids: Vec<Value> = now.iter().map(|document| document["id"].clone()).collect();
        assert_eq!(ids, acknowledged, "nothing acknowledged is lost");
        if now.iter().all(|document| document["state"] == "ready") {
            break;
        }
        assert!(now.iter().all(|document| document["state"] != "failed"), "{now:?}");
        assert!(Instant::now() < deadline, "not indexed in time: {now:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let body = serde_json::json!({"query": "numéro7", "limit": 100});
    let hits = server.post("/api/v1/knowledge-bases/crash/search", &body).json();
    let mut passages: Vec<&str> =
        hits["hits"].as_array().unwrap().iter().filter_map(|hit| hit["id"].as_str()).collect();
    passages.sort_unstable();
    let before = passages.len();
    passages.dedup();
    assert_eq!(passages.len(), before, "no passage is doubled");
    assert!(before > 0);
}

#[test]
fn a_file_whose_record_was_never_written_is_removed_at_the_next_start() {
    let server = Server::start(&["text.model="]);
    server.create_base("kept");
    let reply = server.upload("kept", "a.txt", "La caution est de 300 euros.".as_bytes(), "");
    let digest = reply.json()["sha256"].as_str().unwrap().to_string();
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);
    let blobs = data.path().join("blobs");
    let orphan = blobs.join("ab").join("ab".repeat(32));
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "what a crash left").unwrap();

    let server = Server::start_in(data, &["text.model="]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while orphan.exists() {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(blobs.join(&digest[..2]).join(&digest).is_file(), "files with a record stay");
}
