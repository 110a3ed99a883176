//! Tests which directories are models and what is said of the others.

use std::fs;

use tempfile::TempDir;

use super::*;

fn directory(names: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(directory.path().join(name), b"{}").unwrap();
    }
    directory
}

#[track_caller]
fn check_error(names: &[&str], expected: &str) {
    let directory = directory(names);
    let error = ModelFiles::discover(directory.path()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_directory_with_one_gguf_is_a_model() {
    let directory = directory(&["weights.GGUF", "chat_template.jinja", "README.md"]);
    let found = ModelFiles::discover(directory.path()).unwrap();
    assert_eq!(found.weights, WeightFiles::Gguf(directory.path().join("weights.GGUF")));
    assert_eq!(found.chat_template, Some(directory.path().join("chat_template.jinja")));
    assert_eq!(found.tokenizer, None);
}

#[test]
fn a_gguf_path_stands_alone() {
    let directory = directory(&["a.gguf", "b.gguf", "tokenizer.json"]);
    let path = directory.path().join("b.gguf");
    let found = ModelFiles::discover(&path).unwrap();
    assert_eq!(found, ModelFiles::alone(WeightFiles::Gguf(path)));
}

#[test]
fn several_ggufs_are_named() {
    check_error(&["b.gguf", "a.gguf"], "several gguf files (a.gguf, b.gguf)");
}

#[test]
fn incomplete_safetensors_say_what_is_missing() {
    check_error(&[], "neither a gguf file nor config.json");
    check_error(&["config.json"], "model.safetensors (or model.safetensors.index.json)");
    check_error(&["config.json", "model.safetensors"], "tokenizer.json is missing");
}

#[test]
fn a_single_safetensors_file_is_found() {
    let names = ["config.json", "model.safetensors", "tokenizer.json", "generation_config.json"];
    let directory = directory(&names);
    let found = ModelFiles::discover(directory.path()).unwrap();
    let path = |name: &str| directory.path().join(name);
    let shards = vec![path("model.safetensors")];
    assert_eq!(found.weights, WeightFiles::Safetensors { shards, config: path("config.json") });
    assert_eq!(found.tokenizer, Some(path("tokenizer.json")));
    assert_eq!(found.generation_config, Some(path("generation_config.json")));
}

fn sharded(index: &str, shards: &[&str]) -> TempDir {
    let directory = directory(&["config.json", "tokenizer.json"]);
    fs::write(directory.path().join("model.safetensors.index.json"), index).unwrap();
    for shard in shards {
        fs::write(directory.path().join(shard), b"").unwrap();
    }
    directory
}

#[test]
fn shards_are_listed_once_each() {
    let index = r#"{"weight_map": {"x": "2.safetensors", "y": "1.safetensors",
        "z": "2.safetensors"}}"#;
    let directory = sharded(index, &["1.safetensors", "2.safetensors"]);
    let WeightFiles::Safetensors { shards, .. } =
        ModelFiles::discover(directory.path()).unwrap().weights
    else {
        panic!("not safetensors");
    };
    let expected = ["1.safetensors", "2.safetensors"].map(|name| directory.path().join(name));
    assert_eq!(shards, expected);
}

#[track_caller]
fn check_index_error(index: &str, expected: &str) {
    let directory = sharded(index, &["1.safetensors"]);
    let error = ModelFiles::discover(directory.path()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_damaged_shard_index_is_refused() {
    check_index_error("{", "cannot read");
    check_index_error(r#"{"weight_map": {}}"#, "it names 0 shards");
    check_index_error(
        r#"{"weight_map": {"x": "3.safetensors"}}"#,
        "shard 3.safetensors is missing",
    );
    check_index_error(r#"{"weight_map": {"x": "../1.safetensors"}}"#, "is a path");
    check_index_error(r#"{"weight_map": {"x": "/etc/passwd"}}"#, "is a path");
}

#[test]
fn other_paths_are_refused() {
    let directory = directory(&["model.bin"]);
    let error = ModelFiles::discover(&directory.path().join("model.bin")).unwrap_err();
    assert!(error.to_string().contains("must end in .gguf"), "{error}");
    let error = ModelFiles::discover(&directory.path().join("nothing")).unwrap_err();
    assert!(matches!(error, ModelError::Io { .. }), "{error}");
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let directory = directory(&["config.json"]);
    let path = directory.path().join("config.json");
    assert_eq!(read_text(&path, 2).unwrap(), "{}");
    let error = read_text(&path, 1).unwrap_err().to_string();
    assert!(error.contains("more than 1 bytes"), "{error}");
}
