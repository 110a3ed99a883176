//! Checks what `config.json` may and may not say.

use serde_json::json;

use super::*;

/// Reads a valid BERT configuration in which `changes` replace or (null) remove keys.
fn read(changes: &Value) -> Result<EncoderConfig, EmbedError> {
    let mut config = json!({
        "model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6,
        "num_attention_heads": 12, "intermediate_size": 1536, "vocab_size": 30522,
        "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu", "position_embedding_type": "absolute", "pad_token_id": 0,
    });
    for (key, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            config.as_object_mut().expect("an object").remove(key);
        } else {
            config[key] = value.clone();
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.json");
    std::fs::write(&path, config.to_string()).expect("the file is written");
    EncoderConfig::read(&path)
}

#[track_caller]
fn check_positions(changes: Value, first: usize, max_tokens: usize) {
    let config = read(&changes).expect("the configuration is valid");
    assert_eq!((config.first_position, config.max_tokens()), (first, max_tokens));
}

#[track_caller]
fn check_refused(changes: Value, expected: &str) {
    let error = read(&changes).expect_err("the configuration is refused").to_string();
    assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
}

#[test]
fn positions_begin_after_padding_in_the_roberta_family_only() {
    check_positions(json!({}), 0, 512);
    check_positions(json!({"pad_token_id": 1}), 0, 512);
    let roberta = json!({"model_type": "roberta", "max_position_embeddings": 514});
    check_positions(json!({"model_type": "xlm-roberta", "pad_token_id": 1}), 2, 510);
    check_positions(json!({"model_type": "camembert", "pad_token_id": null}), 2, 510);
    check_positions(roberta, 1, 513);
}

#[test]
fn defaults_are_those_of_transformers() {
    let absent = json!({
        "type_vocab_size": null, "layer_norm_eps": null, "hidden_act": null,
        "position_embedding_type": null,
    });
    let config = read(&absent).expect("the configuration is valid");
    assert_eq!(config.token_types, 2);
    assert_eq!(config.norm_epsilon, 1e-12);
}

#[test]
fn absurd_values_are_refused_by_name() {
    for key in [
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
        "type_vocab_size",
    ] {
        check_refused(json!({ key: 0 }), &format!("{key} is 0"));
        check_refused(json!({ key: u64::MAX }), &format!("{key} is 18446744073709551615"));
        check_refused(json!({ key: -1 }), "is not what an encoder's file looks like");
        check_refused(json!({ key: "many" }), "is not what an encoder's file looks like");
    }
    check_refused(json!({"num_attention_heads": 7}), "expected a divisor of hidden_size");
    check_refused(json!({"layer_norm_eps": 0.0}), "layer_norm_eps is 0");
    check_refused(json!({"layer_norm_eps": 3.0}), "layer_norm_eps is 3");
    check_refused(json!({"max_position_embeddings": 2}), "max_position_embeddings is 2");
    check_refused(json!({"hidden_size": null}), "missing field `hidden_size`");
}

#[test]
fn other_architectures_are_named_with_what_is_supported() {
    check_refused(json!({"model_type": "modernbert"}), "architecture modernbert is not supported");
    check_refused(json!({"model_type": "t5"}), "bert, roberta, xlm-roberta, camembert");
    check_refused(json!({"hidden_act": "gelu_new"}), "gelu_new");
    check_refused(json!({"position_embedding_type": "relative_key"}), "relative_key");
    check_refused(json!({"is_decoder": true}), "is_decoder");
}
