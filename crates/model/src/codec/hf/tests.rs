//! Tests of what a damaged or unknown `tokenizer.json` ends in, and of the files beside it.

use std::path::Path;

use serde_json::{Value, json};

use super::load;
use crate::codec::source::Parts;
use crate::{ModelError, ModelFiles, WeightFiles};

fn tokenizer() -> Value {
    json!({
        "version": "1.0",
        "added_tokens": [
            {"id": 3, "content": "<s>", "special": true, "normalized": false,
             "single_word": false, "lstrip": false, "rstrip": false},
            {"id": 4, "content": "<|u|>", "special": false, "normalized": false,
             "single_word": false, "lstrip": false, "rstrip": false},
        ],
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                    "use_regex": true},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
    })
}

fn load_with(tokenizer: &str, config: &Value) -> Result<Parts, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    write("tokenizer.json", tokenizer);
    write("tokenizer_config.json", &config.to_string());
    let weights = WeightFiles::Safetensors { shards: Vec::new(), config: path("config.json") };
    let files = ModelFiles {
        weights,
        tokenizer: Some(path("tokenizer.json")),
        tokenizer_config: Some(path("tokenizer_config.json")),
        generation_config: None,
        chat_template: None,
    };
    load(&files, Path::new(&path("tokenizer.json")))
}

#[track_caller]
fn check(pointer: &str, value: Value, expected: &str) {
    let mut tokenizer = tokenizer();
    *tokenizer.pointer_mut(pointer).unwrap() = value;
    let error = load_with(&tokenizer.to_string(), &json!({})).unwrap_err();
    assert!(matches!(error, ModelError::Tokenizer { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn damaged_and_unknown_tokenizers_are_refused() {
    check("/model/merges", json!([["ab", "ab"]]), "do not belong to its vocabulary");
    check("/model/merges", json!([["a", "z"]]), "it is not a tokenizer");
    check("/model/type", json!("Inconnu"), "it is not a tokenizer");
    check("/decoder", json!(null), "its decoder is not supported");
    check("/decoder", json!({"type": "Fuse"}), "its decoder is not supported");
    check("/model/vocab/ab", json!(4_000_000_000_u32), "largest token id is 4000000000");
    let empty = load_with("", &json!({})).unwrap_err();
    assert!(empty.to_string().contains("it is not a tokenizer"), "{empty}");
}

#[track_caller]
fn check_config(config: &Value, expected: impl Fn(&Parts) -> bool) {
    let parts = load_with(&tokenizer().to_string(), config).unwrap();
    assert!(expected(&parts), "{parts:?}");
}

#[test]
fn the_files_beside_it_are_heeded() {
    let llama = |add: bool| json!({"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "add_bos_token": add});
    check_config(&llama(true), |parts| parts.before == [3]);
    check_config(&llama(false), |parts| parts.before.is_empty());
    check_config(&json!({"bos_token": "<s>", "add_bos_token": true}), |p| p.before.is_empty());
    check_config(&json!({"eos_token": {"content": "<|u|>"}}), |parts| {
        parts.stops == [4] && parts.bytes.get(4).is_empty()
    });
    check_config(&json!({}), |parts| parts.stops.is_empty() && parts.bytes.get(4) == b"<|u|>");
    check_config(&json!({"chat_template": "x <|u|>"}), |parts| {
        parts.template.as_deref() == Some("x <|u|>") && parts.bytes.get(4).is_empty()
    });
    let named = json!({"chat_template": [
        {"name": "outils", "template": "1"}, {"name": "default", "template": "2"}
    ]});
    check_config(&named, |p| p.template.as_deref() == Some("2") && p.tool_template.is_none());
    let for_tools = json!({"chat_template": [{"name": "tool_use", "template": "<|u|>"}]});
    check_config(&for_tools, |parts| {
        parts.tool_template.as_deref() == Some("<|u|>") && parts.bytes.get(4).is_empty()
    });
    check_config(&json!({"chat_template": []}), |parts| parts.template.is_none());
}
