//! Full and read-only disks, a damaged ledger, lost files: a clear state and message each.
//!
//! A disk of its own is a file system in memory that only the server's processes see (`unshare`), so
//! that these tests fill and lock nothing else.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{SCOPES, Server, binary, intramuros};

const LONG: Duration = Duration::from_secs(120);
const TEXT: &str = "La nacelle se loue 180 euros la journée.";

/// Runs `script` with the server's variables and a disk of `mib` MiB as its data directory.
fn on_own_disk(data: &TempDir, mib: u32, script: &str) -> Command {
    let settings = intramuros(data.path());
    let mut command = Command::new("unshare");
    command.current_dir(data.path());
    for (name, value) in settings.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if !is_root() {
        command.arg("--map-root-user");
    }
    let mount = format!("mount -t tmpfs -o size={mib}m,mode=700 tmpfs \"$INTRAMUROS_DATA_DIR\"");
    let script = format!("set -e; {mount}; {script}");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).arg(binary());
    command
}

/// A server with a disk of its own.
fn server_on_own_disk(mib: u32) -> Server {
    let data = Arc::new(TempDir::new().unwrap());
    let script =
        "exec \"$0\" serve --listen 127.0.0.1:0 --set server.min_free_mib=0 --set text.model=";
    let mut server = Server::launch(on_own_disk(&data, mib, script), Arc::clone(&data));
    let arguments = ["keys", "create", "--name", "t", "--label", "*", "--scope", SCOPES, "--json"];
    let made = within(&server, &arguments);
    let key: Value = serde_json::from_slice(&made.stdout).expect("unshare and nsenter work here");
    server.key = key["key"].as_str().unwrap().to_owned();
    server
}

/// Runs the command where the server runs.
fn within(server: &Server, arguments: &[&str]) -> Output {
    let settings = intramuros(server.data.path());
    let mut command = enter(server);
    for (name, value) in settings.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.arg(binary()).args(arguments).output().expect("nsenter runs")
}

/// What is to be run in the server's namespace follows.
fn enter(server: &Server) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &server.pid.to_string(), "--mount", "--preserve-credentials"]);
    if !is_root() {
        command.arg("--user");
    }
    command
}

/// Without root's rights one has them in a namespace of one's own.
fn is_root() -> bool {
    let own = std::fs::metadata("/proc/self").expect("the process is there");
    own.uid() == 0
}

/// A path of the server's disk, as it is seen from here.
fn on_disk(server: &Server, name: &str) -> PathBuf {
    let data = server.data.path().strip_prefix("/").unwrap().join(name);
    PathBuf::from(format!("/proc/{}/root", server.pid)).join(data)
}

fn fill(server: &Server) -> PathBuf {
    let path = on_disk(server, "filler");
    let mut file = File::create(&path).unwrap();
    let piece = vec![0; 1 << 16];
    while file.write_all(&piece).is_ok() {}
    path
}

#[track_caller]
fn wait_for_health(server: &Server, status: &str, reason: &str) {
    let deadline = Instant::now() + LONG;
    loop {
        let health = server.get_without_key("/readyz").json();
        let found = health["reason"].as_str().unwrap_or_default();
        if health["status"] == status && found.starts_with(reason) {
            return;
        }
        assert!(Instant::now() < deadline, "{health}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn upload(server: &Server, name: &str, text: &str, query: &str) -> crate::server::Reply {
    server.upload("docs", name, text.as_bytes(), query)
}

fn first_hit(server: &Server, query: &str) -> Value {
    let path = "/api/v1/knowledge-bases/docs/search";
    let reply = server.post(path, &json!({"query": query}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["hits"][0].clone()
}

#[test]
fn a_full_disk_refuses_uploads_holds_indexing_and_serves_on() {
    let server = server_on_own_disk(96);
    server.create_base("docs");
    assert_eq!(upload(&server, "a.txt", TEXT, "?wait=true").status, 201);
    // Long enough that the disk is full before it is embedded.
    let long: String =
        (0..600).map(|n| format!("Paragraphe {n} de la notice du godet.\n\n")).collect();
    let accepted = upload(&server, "long.txt", &long, "");
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let filler = fill(&server);

    let refused = upload(&server, "b.txt", &"x".repeat(100_000), "");
    assert_eq!(refused.status, 507, "{}", refused.text);
    assert_eq!(refused.json()["code"], "storage_full");
    wait_for_health(&server, "degraded", "storage_full: ");
    assert_eq!(first_hit(&server, "prix de la nacelle")["text"], TEXT);
    let destination = TempDir::new().unwrap();
    let shown = destination.path().to_str().unwrap();
    let backup = within(&server, &["backup", "create", shown]);
    let message = String::from_utf8_lossy(&backup.stderr).to_string();
    assert!(!backup.status.success() && message.contains("make room"), "{message}");
    let deadline = Instant::now() + LONG;
    while !server.log().contains("the disk takes no writes; indexing waits") {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }

    std::fs::remove_file(filler).unwrap();
    wait_for_health(&server, "ok", "");
    let path = format!("/api/v1/knowledge-bases/docs/documents/{id}");
    let deadline = Instant::now() + LONG;
    while server.get(&path).json()["state"] != "ready" {
        assert!(Instant::now() < deadline, "{}", server.get(&path).text);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(upload(&server, "b.txt", "Le godet pèse 40 kg.", "?wait=true").status, 201);
    let backup = within(&server, &["backup", "create", shown]);
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_full_destination_is_told_with_the_figures_and_left_empty() {
    let server = server_on_own_disk(160);
    server.create_base("docs");
    assert_eq!(upload(&server, "a.txt", TEXT, "?wait=true").status, 201);
    // The destination is a smaller disk.
    let destination = server.data.path().with_extension("destination");
    std::fs::create_dir(&destination).unwrap();
    let shown = destination.to_str().unwrap();
    let mounted = enter(&server)
        .args(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", shown])
        .status()
        .unwrap();
    assert!(mounted.success());
    let backup = within(&server, &["backup", "create", shown]);
    let message = String::from_utf8_lossy(&backup.stderr).to_string();
    assert!(!backup.status.success() && message.contains("are needed; make room"), "{message}");
    let list = within(&server, &["backup", "list", shown, "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list, json!({"backups": []}));
    assert!(!on_disk(&server, "snapshot").exists());
    std::fs::remove_dir(&destination).unwrap();
}

#[test]
fn a_disk_that_turns_read_only_is_told_and_served_from() {
    let server = server_on_own_disk(96);
    server.create_base("docs");
    assert_eq!(upload(&server, "a.txt", TEXT, "?wait=true").status, 201);
    let data = server.data.path().to_str().unwrap();
    // Moved over the first mount, whose files are open for writing: at once, so that the server opens
    // none in between.
    let aside = server.data.path().with_extension("read-only");
    std::fs::create_dir(&aside).unwrap();
    let script = "mount --bind \"$0\" \"$1\" && mount -o remount,bind,ro \"$1\" && \
                  mount --move \"$1\" \"$0\"";
    let remounted = enter(&server).args(["sh", "-c", script, data]).arg(&aside).status().unwrap();
    assert!(remounted.success());

    let refused = upload(&server, "b.txt", "Le godet pèse 40 kg.", "");
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(refused.json()["code"], "storage_read_only");
    wait_for_health(&server, "degraded", "storage_read_only: ");
    assert_eq!(first_hit(&server, "prix de la nacelle")["text"], TEXT);
    let unmounted = enter(&server).args(["umount", data]).status().unwrap();
    assert!(unmounted.success());
    std::fs::remove_dir(&aside).unwrap();
    wait_for_health(&server, "ok", "");
    assert_eq!(upload(&server, "b.txt", "Le godet pèse 40 kg.", "?wait=true").status, 201);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_read_only_disk_stops_the_start_with_the_reason() {
    let data = TempDir::new().unwrap();
    let script = "\"$0\" keys create --name t >&2; \
                  mount -o remount,ro \"$INTRAMUROS_DATA_DIR\"; \
                  exec \"$0\" serve --listen 127.0.0.1:0";
    let output = on_own_disk(&data, 96, script).output().expect("unshare runs");
    let message = String::from_utf8_lossy(&output.stderr).to_string();
    assert!(!output.status.success(), "{message}");
    assert!(message.contains("cannot be written") && message.contains("Read-only"), "{message}");
}

#[test]
fn a_damaged_ledger_stops_the_start_and_fails_requests_with_the_remedy() {
    let server = Server::start(&["text.model="]);
    server.create_base("docs");
    for number in 0..3 {
        upload(&server, &format!("{number}.txt"), &format!("{TEXT} {number}"), "?wait=true");
    }
    server.signal("-TERM");
    assert!(server.wait().success());
    let data = Arc::clone(&server.data);
    drop(server);
    let path = data.path().join("ledger.sqlite");
    let sound = std::fs::read(&path).unwrap();
    let damage = || {
        // In place, under those who have it open; the first page says what tables there are.
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&vec![0xA5; sound.len() - 4096], 4096).unwrap();
    };
    damage();
    let refused = intramuros(data.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--set", "text.model="])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(!refused.status.success() && !message.contains("panicked"), "{message}");
    assert!(message.contains("damaged") && message.contains("intramuros restore"), "{message}");
    let doctor = intramuros(data.path()).args(["doctor", "--json"]).output().unwrap();
    let found = String::from_utf8_lossy(&doctor.stdout).to_string();
    assert!(!doctor.status.success() && found.contains("damaged"), "{found}");
    let destination = TempDir::new().unwrap();
    let shown = destination.path().to_str().unwrap();
    let backup = intramuros(data.path()).args(["backup", "create", shown]).output().unwrap();
    assert!(!backup.status.success(), "a damaged ledger is no backup");
    assert_eq!(std::fs::read_dir(destination.path()).unwrap().count(), 1, "its lock alone");

    std::fs::write(&path, &sound).unwrap();
    for log in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = std::fs::remove_file(data.path().join(log));
    }
    // The key that this makes is a change from outside: what the server had read is read anew.
    let server = Server::start_in(data, &["text.model="]);
    crate::server::create_key(server.data.path(), "admin");
    damage();
    let failed = server.get("/api/v1/knowledge-bases/docs/documents");
    assert_eq!(failed.status, 500, "{}", failed.text);
    assert_eq!(failed.json()["code"], "internal_error");
    assert!(failed.text.contains("ledger is damaged"), "{}", failed.text);
    assert_eq!(server.get_without_key("/healthz").status, 200);
    let log = server.log();
    assert!(log.contains("the ledger is damaged; stop the server"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_lost_file_is_an_error_of_its_own_until_it_is_uploaded_again() {
    let server = Server::start(&["text.model="]);
    server.create_base("docs");
    let document = upload(&server, "a.txt", TEXT, "?wait=true").json();
    let digest = document["sha256"].as_str().unwrap();
    let blob = server.data.path().join("blobs").join(&digest[..2]).join(digest);
    let path =
        format!("/api/v1/knowledge-bases/docs/documents/{}/file", document["id"].as_str().unwrap());
    let doctor = || {
        let mut command = intramuros(server.data.path());
        command.env("INTRAMUROS_URL", &server.url).args(["doctor", "--json"]);
        let output = command.args(["--set", "text.model="]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).to_string()
    };
    let check = |what: &str| {
        let failed = server.get(&path);
        assert_eq!(failed.status, 500, "{}", failed.text);
        assert_eq!(failed.json()["code"], "file_damaged");
        assert!(failed.text.contains(what) && failed.text.contains(digest), "{}", failed.text);
        let found = doctor();
        assert!(found.contains(&format!("{digest} is {what}")), "{found}");
    };
    assert!(doctor().contains("1 stored files and 1 passages are what the ledger says"));
    // Of the same length: only its content tells.
    std::fs::write(&blob, TEXT.replace("180", "810")).unwrap();
    check("damaged");
    std::fs::remove_file(&blob).unwrap();
    check("missing");
    // The backup is made and says so.
    let destination = TempDir::new().unwrap();
    let backup = intramuros(server.data.path())
        .args(["backup", "create", destination.path().to_str().unwrap(), "--json"])
        .output()
        .unwrap();
    assert_eq!(backup.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&backup.stdout).unwrap();
    assert_eq!(report["flaws"]["count"], 1, "{report}");

    assert_eq!(upload(&server, "a.txt", TEXT, "").status, 200);
    assert_eq!(server.get(&path).text, TEXT);
    assert!(!doctor().contains(digest));
}

#[test]
fn a_file_that_is_damaged_before_it_is_read_fails_its_document_with_the_remedy() {
    let server = Server::start(&["text.model="]);
    server.create_base("docs");
    let text = "La mini-pelle se loue à la journée. ".repeat(2_000);
    let accepted = upload(&server, "a.txt", &text, "");
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let document = accepted.json();
    let (id, digest) = (document["id"].as_str().unwrap(), document["sha256"].as_str().unwrap());
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);
    let blob = data.path().join("blobs").join(&digest[..2]).join(digest);
    std::fs::write(&blob, text.replace("mini", "maxi")).unwrap();

    let server = Server::start_in(data, &["text.model="]);
    let path = format!("/api/v1/knowledge-bases/docs/documents/{id}");
    let deadline = Instant::now() + LONG;
    let failed = loop {
        let now = server.get(&path).json();
        if !matches!(now["state"].as_str(), Some("pending" | "indexing")) {
            break now;
        }
        assert!(Instant::now() < deadline, "{now}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(failed["state"], "failed", "{failed}");
    assert_eq!(failed["failure"]["code"], "file_damaged", "{failed}");
    assert_eq!(upload(&server, "a.txt", &text, "?wait=true").json()["state"], "ready");
}
