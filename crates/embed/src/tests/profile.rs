//! Tests the profile that a model declares, and contradictions with the one asked for.

use std::fs;
use std::path::Path;

use intramuros_types::{EncoderProfile, ModelId, Pooling};
use serde_json::{Value, json};

use super::{files, tiny_copy, tiny_profile};
use crate::{CpuEmbedBackend, EncoderCodec};

fn write(folder: &Path, name: &str, value: &Value) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, value.to_string()).expect("the file is written");
}

fn modules(last: &str) -> Value {
    json!([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2", "type": format!("sentence_transformers.models.{last}")},
    ])
}

#[track_caller]
fn check_pooling(config: Value, expected: Result<Pooling, &str>) {
    let folder = tiny_copy();
    write(folder.path(), "1_Pooling/config.json", &config);
    let found = files(folder.path()).declared_profile();
    match expected {
        Ok(pooling) => {
            let profile = found.expect("it is read").expect("it is declared");
            assert_eq!(profile.pooling, pooling);
            assert!(!profile.normalise);
        }
        Err(fragment) => {
            let error = found.expect_err("it is refused").to_string();
            assert!(error.contains(fragment), "{error}");
        }
    }
}

#[test]
fn pooling_is_read_in_both_spellings() {
    let flags = |cls: bool, mean: bool, max: bool| {
        json!({
            "word_embedding_dimension": 32, "pooling_mode_cls_token": cls,
            "pooling_mode_mean_tokens": mean, "pooling_mode_max_tokens": max,
        })
    };
    check_pooling(flags(true, false, false), Ok(Pooling::Cls));
    check_pooling(flags(false, true, false), Ok(Pooling::Mean));
    check_pooling(json!({"pooling_mode": "mean"}), Ok(Pooling::Mean));
    check_pooling(flags(false, false, true), Err("pooling `max_tokens` is not supported"));
    check_pooling(flags(true, true, false), Err("`cls_token, mean_tokens`"));
    check_pooling(json!({}), Err("pooling `` is not supported"));
}

#[test]
fn whole_profile_is_read_from_the_files_of_sentence_transformers() {
    let folder = tiny_copy();
    assert_eq!(files(folder.path()).declared_profile().expect("it is read"), None);
    write(folder.path(), "modules.json", &modules("Normalize"));
    write(folder.path(), "1_Pooling/config.json", &json!({"pooling_mode_cls_token": true}));
    write(folder.path(), "sentence_bert_config.json", &json!({"max_seq_length": 64}));
    let prompts = json!({"prompts": {"query": "q: ", "document": "d: "}});
    write(folder.path(), "config_sentence_transformers.json", &prompts);
    let expected = EncoderProfile {
        pooling: Pooling::Cls,
        normalise: true,
        query_prefix: "q: ".to_owned(),
        passage_prefix: "d: ".to_owned(),
        max_tokens: Some(64),
    };
    assert_eq!(files(folder.path()).declared_profile().expect("it is read"), Some(expected));
}

#[track_caller]
fn check_load_refused(folder: &Path, profile: &EncoderProfile, fragment: &str) {
    let codec = EncoderCodec::load(&files(folder), profile).expect("the tokenizer is sound");
    let loaded = CpuEmbedBackend::load(&files(folder), ModelId::new("tiny"), profile, &codec);
    let Err(error) = loaded else { panic!("the encoder loads") };
    assert!(error.to_string().contains(fragment), "{error}");
}

#[test]
fn contradictions_are_refused() {
    let folder = tiny_copy();
    write(folder.path(), "1_Pooling/config.json", &json!({"pooling_mode_mean_tokens": true}));
    let expected = "pooling is Cls, the model's 1_Pooling/config.json says Mean";
    check_load_refused(folder.path(), &tiny_profile(), expected);
    let mean = EncoderProfile { pooling: Pooling::Mean, ..tiny_profile() };
    let files = files(folder.path());
    let codec = EncoderCodec::load(&files, &mean).expect("the tokenizer is sound");
    assert!(CpuEmbedBackend::load(&files, ModelId::new("tiny"), &mean, &codec).is_ok());

    // A layer after pooling would change every vector.
    write(folder.path(), "modules.json", &modules("Dense"));
    check_load_refused(folder.path(), &mean, "sentence_transformers.models.Dense");

    let no_room = EncoderProfile { max_tokens: Some(2), ..tiny_profile() };
    let refused = EncoderCodec::load(&files, &no_room).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("max_tokens is less than 3"), "{refused}");
}
