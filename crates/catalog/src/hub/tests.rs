//! Tests pulls against a loopback server that speaks the hub's protocol.
//!
//! Source of the protocol: huggingface_hub (`file_download.py`) and hf-hub (`src/api/sync.rs`).

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use intramuros_types::Fault;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{HubOptions, Retry, pull};
use crate::models_dir::Staging;
use crate::{Activity, Catalog, CatalogError, CatalogModel, Manifest, ModelsDir, Progress, Source};

mod server;

use server::{Answer, Request, Server};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER_COMMIT: &str = "fedcba9876543210fedcba9876543210fedcba98";
const TOKEN: &str = "hf_secret";
const INFO: &str = "/api/models/owner/name/revision/main";
const CONFIG: &[u8] = b"hello\n";
/// `git hash-object` of [`CONFIG`].
const CONFIG_BLOB: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

fn weights() -> Vec<u8> {
    let mut file = b"GGUF\x03\0\0\0".to_vec();
    file.extend((0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8));
    file
}

fn weights_sha256() -> String {
    hex::encode(Sha256::digest(weights()))
}

type Instead = dyn FnMut(&Request) -> Option<Answer> + Send;
type Change = dyn FnMut(&Request, Answer) -> Answer + Send;

/// What a test changes in the behaviour of hub and storage.
struct Script {
    /// Answers instead of the hub's own, when it returns one.
    hub: Box<Instead>,
    /// Changes the storage's answer to a request for the weights.
    storage: Box<Change>,
    /// SHA-256 that the hub announces.
    sha256: String,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            hub: Box::new(|_| None),
            storage: Box::new(|_, answer| answer),
            sha256: weights_sha256(),
        }
    }
}

/// A hub, the storage it redirects to, and an empty models directory.
struct World {
    hub: Server,
    storage: Server,
    models: ModelsDir,
    _dir: TempDir,
}

impl World {
    fn new(mut script: Script) -> Self {
        let mut change = script.storage;
        let storage = Server::start(move |request| {
            let answer = match request.path.as_str() {
                "/cdn/weights?sig=s3cret" => Answer::ranged(&weights(), request),
                _ => Answer::status(404),
            };
            change(request, answer)
        });
        let target = format!("{}/cdn/weights?sig=s3cret", storage.url());
        let sha256 = script.sha256;
        let hub = Server::start(move |request| {
            (script.hub)(request).unwrap_or_else(|| hub_answer(request, &target, &sha256))
        });
        let dir = tempfile::tempdir().unwrap();
        let models = ModelsDir::new(dir.path().join("models"));
        Self { hub, storage, models, _dir: dir }
    }

    fn options(&self) -> HubOptions {
        HubOptions {
            endpoint: Some(self.hub.url()),
            token: Some(TOKEN.to_owned()),
            retry: Retry { attempts: 3, pause: Duration::ZERO },
            stall_timeout: Duration::from_secs(30),
            ..HubOptions::default()
        }
    }

    fn pull(&self) -> Result<Manifest, CatalogError> {
        pull(&model(), &self.options(), &self.models, &mut ())
    }

    /// First bytes of the ranges that the storage was asked for, probes excepted.
    fn starts(&self) -> Vec<usize> {
        let ranges = self.storage.requests().into_iter().map(|request| request.range());
        ranges.filter(|range| *range != Some((0, Some(0)))).map(|r| r.map_or(0, |r| r.0)).collect()
    }
}

/// What the real hub answers: large files redirect to the storage, small ones to another path.
fn hub_answer(request: &Request, storage: &str, sha256: &str) -> Answer {
    let resolve = format!("/owner/name/resolve/{COMMIT}/");
    let cached = "/api/resolve-cache/config.json";
    match request.path.as_str() {
        INFO => {
            let body = format!(r#"{{"sha":"{COMMIT}","siblings":[{{"rfilename":"w.gguf"}}]}}"#);
            Answer { status: 200, body: body.into_bytes(), ..Answer::default() }
        }
        path if path == format!("{resolve}w.gguf") => Answer::status(302)
            .with("Location", storage)
            .with("X-Repo-Commit", COMMIT)
            .with("X-Linked-Etag", format!("\"{sha256}\""))
            .with("X-Linked-Size", weights().len().to_string())
            .with("ETag", "\"of-the-pointer\""),
        path if path == format!("{resolve}sub/config.json") => {
            Answer::status(307).with("Location", cached).with("X-Repo-Commit", COMMIT)
        }
        path if path == cached => {
            Answer::ranged(CONFIG, request).with("ETag", format!("\"{CONFIG_BLOB}\""))
        }
        _ => Answer::status(404).with("X-Error-Code", "EntryNotFound"),
    }
}

fn model() -> CatalogModel {
    let text = r#"
        [[model]]
        id = "m"
        name = "M"
        family = "f"
        task = "text"
        parameters = 1
        quantisation = "Q8_0"
        licence = "Its Own License"
        languages = ["fr"]
        context_tokens = 1
        layers = 1
        kv_heads = 1
        head_dim = 1
        status = "untried"
        hub = { repository = "owner/name", revision = "main" }
        [[model.file]]
        path = "model.gguf"
        about_bytes = 1
        hub = { file = "w.gguf" }
        [[model.file]]
        path = "1_Pooling/config.json"
        about_bytes = 1
        hub = { file = "sub/config.json" }
    "#;
    Catalog::parse(text).unwrap().models()[0].clone()
}

/// A script whose storage cuts the first `times` transfers of the weights after `bytes` bytes.
fn cutting(bytes: usize, mut times: usize) -> Script {
    Script {
        storage: Box::new(move |request, mut answer| {
            let probe = request.range() == Some((0, Some(0)));
            if !probe && times > 0 {
                times -= 1;
                answer.cut = Some(bytes.min(answer.body.len()));
            }
            answer
        }),
        ..Script::default()
    }
}

#[track_caller]
fn check_installed(world: &World) {
    let model = world.models.get("m").expect("the model is installed");
    assert_eq!(fs::read(model.dir.join("model.gguf")).unwrap(), weights());
    assert_eq!(fs::read(model.dir.join("1_Pooling/config.json")).unwrap(), CONFIG);
    assert!(world.models.verify("m", &mut ()).unwrap().is_intact());
    assert!(!world.models.path().join(".staging/m").exists(), "unfinished work is left");
}

/// The error of a pull that must leave nothing visible.
#[track_caller]
fn check_refused(world: &World) -> CatalogError {
    let error = world.pull().expect_err("the pull should fail");
    assert!(!world.models.path().join("m").exists(), "something is visible after {error}");
    error
}

#[track_caller]
fn check_message(error: &CatalogError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} does not contain {part:?}");
    }
    assert!(!message.contains(TOKEN) && !message.contains("s3cret"), "{message:?} gives it away");
}

#[test]
fn pull_installs_the_pinned_commit_with_digests() {
    let world = World::new(Script::default());
    let manifest = world.pull().unwrap();
    check_installed(&world);
    let endpoint = Some(world.hub.url());
    let (repository, revision) = ("owner/name".to_owned(), COMMIT.to_owned());
    assert_eq!(manifest.source, Source::Hub { endpoint, repository, revision });
    assert_eq!(manifest.licence, "Its Own License");
    assert_eq!(manifest.files[0].sha256, weights_sha256());
    assert_eq!(manifest, world.models.get("m").unwrap().manifest);
    let moved = world.hub.requests().iter().filter(|r| r.path.contains("/resolve/main/")).count();
    assert_eq!(moved, 0, "files are fetched at the commit, not at the branch");
}

#[test]
fn token_is_sent_to_the_hub_and_nowhere_else() {
    let world = World::new(Script::default());
    world.pull().unwrap();
    let bearer = format!("Bearer {TOKEN}");
    assert!(!world.hub.requests().is_empty());
    for request in world.hub.requests() {
        assert_eq!(request.header("authorization"), Some(bearer.as_str()), "{}", request.path);
    }
    assert!(world.storage.requests().len() >= 2);
    for request in world.storage.requests() {
        let secret = request.headers.values().any(|value| value.contains(TOKEN));
        assert!(!secret, "the token reached the storage: {request:?}");
    }
}

#[test]
fn truncated_body_is_resumed_in_the_same_run() {
    let world = World::new(cutting(100_000, 2));
    world.pull().unwrap();
    check_installed(&world);
    assert_eq!(world.starts(), [0, 100_000, 200_000]);
}

#[test]
fn truncated_body_is_resumed_by_the_next_run() {
    let world = World::new(cutting(50_000, 3));
    let error = check_refused(&world);
    assert!(matches!(error, CatalogError::Truncated { received: 150_000, .. }), "{error}");
    check_message(&error, &["after 150000 of 300008 bytes", "run the same command again"]);
    world.pull().unwrap();
    check_installed(&world);
    assert_eq!(world.starts(), [0, 50_000, 100_000, 150_000]);
}

#[test]
fn storage_without_ranges_begins_again() {
    let mut cut = Some(70_000);
    let world = World::new(Script {
        storage: Box::new(move |request, answer| {
            if request.range() == Some((0, Some(0))) {
                return answer;
            }
            Answer { status: 200, body: weights(), cut: cut.take(), ..Answer::default() }
        }),
        ..Script::default()
    });
    world.pull().unwrap();
    check_installed(&world);
}

#[test]
fn another_range_than_asked_for_is_refused() {
    let world = World::new(Script {
        storage: Box::new(|request, mut answer| {
            if request.range() == Some((0, Some(0))) {
                return answer;
            }
            if request.range().is_none() {
                answer.cut = Some(1000);
                return answer;
            }
            let body = weights()[5..].to_vec();
            let range = format!("bytes 5-{}/{}", weights().len() - 1, weights().len());
            Answer { status: 206, body, ..Answer::default() }.with("Content-Range", range)
        }),
        ..Script::default()
    });
    check_message(&check_refused(&world), &["another range"]);
}

#[test]
fn wrong_digest_is_refused_and_removed() {
    let world = World::new(Script { sha256: "0".repeat(64), ..Script::default() });
    let error = check_refused(&world);
    let CatalogError::DigestMismatch { expected, actual, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((expected, actual), (&"0".repeat(64), &weights_sha256()));
    let parts = fs::read_dir(world.models.path().join(".staging/m/parts")).unwrap();
    assert_eq!(parts.count(), 0, "the wrong bytes are still there");
}

#[test]
fn wrong_git_blob_is_refused() {
    let world = World::new(Script {
        hub: Box::new(|request| {
            (request.path == "/api/resolve-cache/config.json")
                .then(|| Answer::ranged(b"hallo\n", request).with("ETag", CONFIG_BLOB))
        }),
        ..Script::default()
    });
    let error = check_refused(&world);
    assert!(matches!(error, CatalogError::DigestMismatch { .. }), "{error}");
}

#[test]
fn damaged_part_of_an_earlier_run_is_fetched_again() {
    let world = World::new(cutting(50_000, 3));
    check_refused(&world);
    let parts = world.models.path().join(".staging/m/parts");
    let part = fs::read_dir(&parts).unwrap().flatten().next().unwrap().path();
    fs::write(&part, vec![0; 150_000]).unwrap();
    world.pull().unwrap();
    check_installed(&world);
    assert_eq!(world.starts().last(), Some(&0));
}

#[test]
fn oversized_part_of_an_earlier_run_is_dropped() {
    let world = World::new(cutting(50_000, 3));
    check_refused(&world);
    let parts = world.models.path().join(".staging/m/parts");
    let part = fs::read_dir(&parts).unwrap().flatten().next().unwrap().path();
    fs::write(&part, vec![0; 400_000]).unwrap();
    world.pull().unwrap();
    check_installed(&world);
}

#[test]
fn file_of_a_hub_cache_is_copied_after_a_check() {
    for (contents, transfers) in [(weights(), 0), (vec![7; weights().len()], 1)] {
        let world = World::new(Script::default());
        let cache = tempfile::tempdir().unwrap();
        let snapshot = cache.path().join(format!("models--owner--name/snapshots/{COMMIT}"));
        fs::create_dir_all(&snapshot).unwrap();
        fs::write(snapshot.join("w.gguf"), contents).unwrap();
        let cache = Some(cache.path().to_owned());
        let options = HubOptions { cache, ..world.options() };
        pull(&model(), &options, &world.models, &mut ()).unwrap();
        check_installed(&world);
        assert_eq!(world.starts().len(), transfers);
    }
}

/// A world whose hub answers `status` and `code` to requests whose path contains `path`.
fn refusing(path: &'static str, status: u16, code: &'static str) -> World {
    World::new(Script {
        hub: Box::new(move |request| {
            let answer = Answer::status(status).with("X-Error-Code", code);
            request.path.contains(path).then_some(answer)
        }),
        ..Script::default()
    })
}

#[test]
fn gated_repository_asks_for_licence_and_token() {
    for status in [401, 403] {
        let error = check_refused(&refusing("/resolve/", status, "GatedRepo"));
        assert!(matches!(error, CatalogError::Gated { .. }), "{error}");
        let status = format!("HTTP {status}");
        check_message(&error, &["owner/name", &status, "Its Own License", "HF_TOKEN"]);
        assert_eq!(error.fault(), Fault::User);
    }
}

#[test]
fn missing_repository_revision_and_file_are_named() {
    let missing = "compare the catalogue entry";
    // The hub answers 401 for a repository that does not exist, to those who sent no token.
    let error = check_refused(&refusing("/api/models/", 401, "RepoNotFound"));
    check_message(&error, &["no owner/name at main", missing]);
    let error = check_refused(&refusing("/api/models/", 404, ""));
    check_message(&error, &["no owner/name at main", missing]);
    let error = check_refused(&refusing("w.gguf", 404, "EntryNotFound"));
    check_message(&error, &["no w.gguf of owner/name", missing]);
}

#[test]
fn server_errors_are_tried_again_and_reported() {
    let mut failures = 2;
    let world = World::new(Script {
        storage: Box::new(move |request, answer| {
            let probe = request.range() == Some((0, Some(0)));
            if probe || failures == 0 {
                return answer;
            }
            failures -= 1;
            Answer::status(503)
        }),
        ..Script::default()
    });
    world.pull().unwrap();
    check_installed(&world);

    let error = check_refused(&refusing("/api/models/", 500, ""));
    check_message(&error, &["HTTP 500", "owner/name at main", "try again later"]);
}

#[test]
fn unreachable_hub_points_to_the_offline_ways() {
    let world = World::new(Script::default());
    let closed = Server::start(|_| Answer::status(200)).url();
    let options = HubOptions { endpoint: Some(closed), ..world.options() };
    let error = pull(&model(), &options, &world.models, &mut ()).unwrap_err();
    assert!(matches!(error, CatalogError::Unreachable { .. }), "{error}");
    check_message(&error, &["127.0.0.1:", "models import", "scripts/fetch-models"]);
    assert_eq!(error.fault(), Fault::Runtime);
}

#[test]
fn silent_hub_is_given_up() {
    let world = World::new(Script::default());
    // Bound and never accepted: connections open, answers never come.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Some(format!("http://{}", silent.local_addr().unwrap()));
    let stall_timeout = Duration::from_millis(50);
    let options = HubOptions { endpoint, stall_timeout, ..world.options() };
    let error = pull(&model(), &options, &world.models, &mut ()).unwrap_err();
    assert!(matches!(error, CatalogError::Unreachable { .. }), "{error}");
    check_message(&error, &["timeout"]);
}

/// A world whose hub answers the probe of the weights with `answer`.
fn announcing(answer: Answer) -> World {
    World::new(Script {
        hub: Box::new(move |request| request.path.contains("w.gguf").then(|| answer.clone())),
        ..Script::default()
    })
}

#[test]
fn too_large_a_model_is_refused_before_the_transfer() {
    let world = announcing(
        Answer::ranged(b"x", &Request { path: String::new(), headers: [].into() })
            .with("X-Linked-Size", (1_u64 << 60).to_string())
            .with("ETag", "\"e\""),
    );
    let error = check_refused(&world);
    assert!(matches!(error, CatalogError::DiskFull { .. }), "{error}");
    check_message(&error, &["free", "1.00 EiB", "another models directory"]);
    assert_eq!(error.fault(), Fault::Capacity);
    assert!(world.storage.requests().is_empty());
}

#[test]
fn answers_that_break_the_protocol_are_refused() {
    let endless = Answer::status(302).with("Location", "/owner/name/w.gguf");
    for (answer, part) in [
        (Answer::status(302), "no usable address"),
        (Answer::status(302).with("Location", "file:///etc/passwd"), "no usable address"),
        (Answer::status(302).with("Location", "http://user:pw@127.0.0.1/"), "no usable address"),
        (endless, "more than five times"),
        (Answer::status(206), "size of the file is missing"),
        (Answer::status(200).with("X-Repo-Commit", OTHER_COMMIT), "another commit"),
    ] {
        check_message(&check_refused(&announcing(answer)), &[part]);
    }
    for info in ["", "[]", "<html>", r#"{"sha":"../..","siblings":[]}"#] {
        let world = World::new(Script {
            hub: Box::new(move |request| {
                let body = info.as_bytes().to_vec();
                (request.path == INFO).then(|| Answer { status: 200, body, ..Answer::default() })
            }),
            ..Script::default()
        });
        check_message(&check_refused(&world), &["is not usable"]);
    }
}

#[test]
fn weights_that_are_no_weights_are_refused() {
    let page = b"<html>not found</html>";
    let world = World::new(Script {
        hub: Box::new(move |request| {
            request.path.contains("w.gguf").then(|| Answer::ranged(page, request))
        }),
        ..Script::default()
    });
    check_message(&check_refused(&world), &["w.gguf", "does not start with GGUF"]);
    let parts = fs::read_dir(world.models.path().join(".staging/m/parts")).unwrap();
    assert_eq!(parts.count(), 1, "only the configuration may be kept");
}

#[test]
fn installed_and_busy_models_are_not_pulled() {
    let world = World::new(Script::default());
    let held = Staging::open(&world.models, "m").unwrap();
    assert!(matches!(check_refused(&world), CatalogError::Busy { .. }));
    drop(held);
    world.pull().unwrap();
    let before = world.hub.requests().len();
    let again = world.pull();
    assert!(matches!(again, Err(CatalogError::AlreadyInstalled { .. })), "{again:?}");
    assert_eq!(world.hub.requests().len(), before, "the hub was asked for nothing");
}

#[test]
fn model_without_hub_points_to_fetch_models() {
    let world = World::new(Script::default());
    let mut offline = model();
    offline.hub = None;
    let error = pull(&offline, &world.options(), &world.models, &mut ()).unwrap_err();
    check_message(&error, &["scripts/fetch-models m"]);
    assert!(world.hub.requests().is_empty());
}

#[track_caller]
fn check_options(endpoint: &str, token: Option<&str>, accepted: bool) {
    let endpoint = Some(endpoint.to_owned());
    let token = token.map(str::to_owned);
    let options = HubOptions { endpoint, token, ..HubOptions::default() };
    assert_eq!(options.check().is_ok(), accepted, "{options:?}");
    assert!(!format!("{options:?}").contains(TOKEN), "the token is in the debug output");
}

#[test]
fn settings_that_give_secrets_away_are_refused() {
    check_options("https://hub.example", Some(TOKEN), true);
    check_options("https://hub.example/base/", Some(TOKEN), true);
    check_options("http://hub.example", None, true);
    check_options("http://hub.example", Some(TOKEN), false);
    check_options("http://localhost:1", Some(TOKEN), true);
    check_options("http://[::1]:1", Some(TOKEN), true);
    check_options("https://user:pw@hub.example", None, false);
    check_options("https://hub.example/?a=b", None, false);
    check_options("ftp://hub.example", None, false);
    check_options("hub.example", None, false);
    check_options("https://hub.example", Some("a\r\nb: c"), false);
    check_options("https://hub.example", Some(""), false);
}

/// Records what a progress listener is told.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Progress for Record {
    fn start(&mut self, activity: Activity, file: &str, total_bytes: u64, done_bytes: u64) {
        self.note(&format!("{activity:?} {file} {done_bytes}/{total_bytes}"));
    }
    fn advance(&mut self, _: u64) {}
    fn finish(&mut self) {}
    fn note(&mut self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[test]
fn progress_tells_licence_retries_and_resumption() {
    let world = World::new(cutting(50_000, 3));
    let mut record = Record::default();
    pull(&model(), &world.options(), &world.models, &mut record.clone()).unwrap_err();
    pull(&model(), &world.options(), &world.models, &mut record).unwrap();
    let told = record.0.lock().unwrap().join("\n");
    for part in [
        "licence: Its Own License",
        "Download w.gguf 0/300008",
        "w.gguf: interrupted after 50000 bytes; trying again",
        "Verify w.gguf 0/150000",
        "Download w.gguf 150000/300008",
        "Download sub/config.json 0/6",
    ] {
        assert!(told.contains(part), "{part:?} is missing in:\n{told}");
    }
}
