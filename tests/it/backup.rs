//! Backup under load, restore, and what is not a backup.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, create_key, intramuros};

const BASE: &str = "/api/v1/knowledge-bases/load";
const LONG: Duration = Duration::from_secs(120);

fn run(data: &Path, arguments: &[&str]) -> Output {
    intramuros(data).args(arguments).output().expect("the binary runs")
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn back_up(data: &Path, destination: &Path, more: &[&str]) -> Value {
    let arguments = [&["backup", "create", destination.to_str().unwrap(), "--json"], more].concat();
    let output = run(data, &arguments);
    let report = json_of(&output);
    assert!(output.status.success(), "{report}");
    report
}

fn path_of(report: &Value) -> PathBuf {
    PathBuf::from(report["path"].as_str().unwrap())
}

/// A server on a fresh directory that holds the backup.
fn restored(backup: &Path) -> Server {
    let data = Arc::new(TempDir::new().unwrap());
    let output = run(data.path(), &["restore", backup.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Server::start_in(data, &["text.model="])
}

fn documents(server: &Server) -> Vec<Value> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.get(&format!("{BASE}/documents?limit=100{after}")).json();
        found.extend(page["documents"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

fn wait_until_indexed(server: &Server) {
    let deadline = Instant::now() + LONG;
    loop {
        let waiting = documents(server).into_iter().filter(|document| document["state"] != "ready");
        let waiting: Vec<Value> = waiting.collect();
        if waiting.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "not indexed in time: {waiting:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn search(server: &Server, query: &str) -> Value {
    let reply = server.post(&format!("{BASE}/search"), &json!({"query": query, "limit": 5}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["hits"].clone()
}

/// What the server acknowledged about a document, and when.
#[derive(Clone)]
struct Acknowledged {
    id: String,
    number: usize,
    stored: Instant,
    /// When its erasure was asked for, and when it was done.
    erasing: Option<Instant>,
    erased: Option<Instant>,
}

fn text(number: usize) -> String {
    format!("Fiche mot{number}x. La mini-pelle numéro {number} se loue à la journée, à Lyon.")
}

/// Uploads and erases until `stop`; searches are answered all the time.
fn put_under_load(server: &Server, stop: &AtomicBool, log: &Mutex<Vec<Acknowledged>>) {
    let running = || !stop.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0..).take_while(|_| running()) {
                let name = format!("fiche-{number}.txt");
                let reply = server.upload("load", &name, text(number).as_bytes(), "");
                assert_eq!(reply.status, 202, "{}", reply.text);
                let id = reply.json()["id"].as_str().unwrap().to_owned();
                let stored = Instant::now();
                let new = Acknowledged { id, number, stored, erasing: None, erased: None };
                log.lock().unwrap().push(new);
            }
        });
        scope.spawn(|| {
            for at in (0..).step_by(3).take_while(|_| running()) {
                while running() && log.lock().unwrap().len() <= at + 3 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let Some(id) = log.lock().unwrap().get(at).map(|known| known.id.clone()) else {
                    return;
                };
                log.lock().unwrap()[at].erasing = Some(Instant::now());
                assert_eq!(server.delete(&format!("{BASE}/documents/{id}")).status, 204);
                log.lock().unwrap()[at].erased = Some(Instant::now());
            }
        });
        scope.spawn(|| {
            while running() {
                search(server, "mini-pelle à Lyon");
            }
        });
    });
}

#[test]
fn backups_under_load_hold_what_was_acknowledged_and_nothing_that_was_erased() {
    let server = Server::start(&["text.model="]);
    server.create_base("load");
    let destination = TempDir::new().unwrap();
    let (stop, log) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let mut backups = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| put_under_load(&server, &stop, &log));
        for round in 1..=4 {
            while log.lock().unwrap().len() < 8 * round {
                std::thread::sleep(Duration::from_millis(10));
            }
            let begun = Instant::now();
            let report = back_up(server.data.path(), destination.path(), &[]);
            backups.push((begun, Instant::now(), report));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let log = log.into_inner().unwrap();
    let mut compared = 0;
    for (begun, ended, report) in &backups {
        let path = path_of(report);
        let verified = run(server.data.path(), &["backup", "verify", path.to_str().unwrap()]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        let copy = restored(&path);
        wait_until_indexed(&copy);
        let there = documents(&copy);
        for known in &log {
            let found = there.iter().find(|document| document["id"] == known.id.as_str());
            if known.stored < *begun && known.erasing.is_none_or(|at| at > *ended) {
                let found = found.unwrap_or_else(|| panic!("{} was lost", known.number));
                let file = copy.get(&format!("{BASE}/documents/{}/file", known.id));
                assert_eq!(file.text, text(known.number));
                let hits = search(&copy, &format!("mot{}x", known.number));
                assert_eq!(hits[0]["document"], found["id"], "{hits}");
                compared += 1;
            } else if known.erased.is_some_and(|at| at < *begun) {
                assert!(found.is_none(), "{} came back", known.number);
                assert!(!copy.on_disk(&format!("mot{}x", known.number)));
                compared += 1;
            }
        }
    }
    assert!(compared > 40, "{compared} comparisons are too few");

    // At rest the copy answers exactly what the original does.
    wait_until_indexed(&server);
    let copy = restored(&path_of(&back_up(server.data.path(), destination.path(), &[])));
    assert_eq!(documents(&copy), documents(&server));
    for query in ["mini-pelle à Lyon", "mot5x", "location à la journée", "numéro 7"] {
        assert_eq!(search(&copy, query), search(&server, query), "{query}");
    }
    // Keys are in it too.
    assert_eq!(copy.with_key(&server.key).get(BASE).status, 200);
}

#[test]
fn a_killed_backup_is_none_and_leaves_nothing() {
    let data = TempDir::new().unwrap();
    create_key(data.path(), "admin");
    // Large enough to be killed half way; its name is that of a stored file.
    let large = data.path().join("blobs/ab").join("ab".repeat(32));
    std::fs::create_dir_all(large.parent().unwrap()).unwrap();
    std::fs::File::create(&large).unwrap().set_len(3 << 30).unwrap();
    let destination = TempDir::new().unwrap();
    let shown = destination.path().to_str().unwrap();
    let partial = || {
        let entries = std::fs::read_dir(destination.path()).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.find(|name| name.ends_with(".partial"))
    };
    let kill = || {
        let mut child = intramuros(data.path())
            .args(["backup", "create", shown])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + LONG;
        while partial().is_none() {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
    };
    kill();
    assert!(data.path().join("snapshot").exists());
    let list = || json_of(&run(data.path(), &["backup", "list", shown, "--json"]));
    assert_eq!(list(), json!({"backups": []}));
    let unfinished = destination.path().join(partial().unwrap());
    let empty = TempDir::new().unwrap();
    let refused = run(empty.path(), &["restore", unfinished.to_str().unwrap()]);
    let message = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(!refused.status.success() && message.contains("not a complete backup"), "{message}");

    // A start clears the data directory, the next backup the destination.
    std::fs::remove_file(&large).unwrap();
    let server = Server::start_in(Arc::new(data), &["text.model="]);
    assert!(!server.data.path().join("snapshot").exists());
    back_up(server.data.path(), destination.path(), &[]);
    assert!(partial().is_none());
}

#[test]
fn a_tampered_backup_is_named_and_not_restored_and_a_used_directory_is_refused() {
    let server = Server::start(&["text.model="]);
    server.create_base("load");
    server.upload("load", "a.txt", text(1).as_bytes(), "?wait=true");
    let destination = TempDir::new().unwrap();
    let backup = path_of(&back_up(server.data.path(), destination.path(), &["--keep", "2"]));
    let shown = backup.to_str().unwrap();

    let refused = run(server.data.path(), &["restore", shown]);
    let message = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(message.contains("another intramuros server"), "{message}");
    let used = TempDir::new().unwrap();
    std::fs::write(used.path().join("notes.txt"), "mine").unwrap();
    let refused = run(used.path(), &["restore", shown]);
    let message = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(!refused.status.success() && message.contains("holds notes.txt"), "{message}");

    let manifest: Value =
        serde_json::from_slice(&std::fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let file = files.iter().map(|file| file["path"].as_str().unwrap());
    let file = file.filter(|path| path.starts_with("lance/")).max().unwrap();
    let mut bytes = std::fs::read(backup.join(file)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(backup.join(file), bytes).unwrap();
    let verified = run(server.data.path(), &["backup", "verify", shown, "--json"]);
    let report = json_of(&verified);
    assert_eq!(verified.status.code(), Some(1));
    assert_eq!(report["damage"]["first"], json!([format!("{file} is not what was written")]));
    let empty = TempDir::new().unwrap();
    let refused = run(empty.path(), &["restore", shown]);
    let message = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(!refused.status.success() && message.contains(file), "{message}");
    assert!(!empty.path().join("ledger.sqlite").exists());
}

#[test]
fn nothing_starts_on_an_interrupted_restore() {
    let data = TempDir::new().unwrap();
    std::fs::create_dir(data.path().join("restoring")).unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["keys", "list"]] {
        let refused = run(data.path(), arguments);
        let message = String::from_utf8_lossy(&refused.stderr).to_string();
        assert!(!refused.status.success() && message.contains("was interrupted"), "{message}");
    }
    assert!(!data.path().join("ledger.sqlite").exists());
}
