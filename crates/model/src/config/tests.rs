//! Tests what configurations mean and which are refused.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::Gguf;

fn llama() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 100, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    })
}

fn read(json: &Value) -> Result<DecoderConfig, ModelError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(&path, json.to_string()).unwrap();
    DecoderConfig::from_config_json(&path)
}

/// Llama's configuration with some fields changed.
fn changed(changes: Value) -> Value {
    let mut json = llama();
    let Value::Object(changes) = changes else { panic!("not an object") };
    json.as_object_mut().unwrap().extend(changes);
    json
}

#[track_caller]
fn check_error(changes: Value, expected: &str) {
    let error = read(&changed(changes)).expect_err("it must be refused").to_string();
    assert!(error.contains(expected), "{error}");
}

#[track_caller]
fn check_windows(changes: Value, expected: &[Option<usize>]) {
    assert_eq!(read(&changed(changes)).unwrap().windows, expected);
}

#[test]
fn plain_llama_has_the_usual_defaults() {
    let config = read(&llama()).unwrap();
    assert_eq!((config.head_dim, config.query_width(), config.kv_width()), (16, 64, 32));
    assert_eq!(config.rope.base, 10_000.0);
    assert_eq!(config.rope.scaling, RopeScaling::None);
    assert_eq!(config.windows, [None; 3]);
    assert!(!config.tied_embeddings && !config.qkv_bias && config.temperature.is_none());
    // 3 layers, keys and values, 2 heads of 16, 4 bytes.
}

#[test]
fn impossible_numbers_are_refused() {
    check_error(json!({"num_attention_heads": 0}), "`attention heads`: 0 is not between");
    check_error(json!({"num_key_value_heads": 3}), "4 query heads cannot share 3");
    check_error(json!({"num_key_value_heads": 0}), "key-value heads");
    check_error(json!({"num_hidden_layers": 0}), "layers");
    check_error(json!({"num_hidden_layers": 1_000_000_000_000_u64}), "layers");
    check_error(json!({"hidden_size": 1_u64 << 40}), "hidden size");
    check_error(json!({"head_dim": 7}), "rope dimension");
    check_error(json!({"vocab_size": u64::MAX}), "vocabulary size");
    check_error(json!({"max_position_embeddings": 0}), "context length");
    check_error(json!({"rms_norm_eps": 0.0}), "rms epsilon");
    check_error(json!({"rope_theta": -1.0}), "rope base");
    check_error(json!({"sliding_window": 0}), "sliding windows");
    check_error(json!({"hidden_size": -5}), "cannot read");
    check_error(json!({"partial_rotary_factor": 2.0}), "partial_rotary_factor");
}

#[test]
fn other_models_are_refused_with_what_is_supported() {
    check_error(json!({"architectures": ["GemmaForCausalLM"]}), "`GemmaForCausalLM`");
    check_error(json!({"architectures": ["GemmaForCausalLM"]}), "Qwen2ForCausalLM");
    check_error(json!({"architectures": []}), "`unnamed`");
    check_error(json!({"hidden_act": "gelu"}), "`gelu` is not supported");
    check_error(json!({"quantization_config": {"bits": 4}}), "quantization_config");
    check_error(json!({"rope_scaling": {"rope_type": "longrope"}}), "`longrope`");
    check_error(json!({"rope_scaling": {"type": "linear"}}), "rope scaling factor");
    check_error(json!({"rope_scaling": {"type": "linear", "factor": 0.0}}), "scaling factor");
}

#[test]
fn windows_follow_the_architecture() {
    check_windows(json!({"sliding_window": null}), &[None; 3]);
    check_windows(json!({"sliding_window": 8}), &[Some(8); 3]);
    let qwen2 = |on: bool| {
        json!({"architectures": ["Qwen2ForCausalLM"], "sliding_window": 8, "max_window_layers": 1,
            "use_sliding_window": on})
    };
    check_windows(qwen2(false), &[None; 3]);
    check_windows(qwen2(true), &[None, Some(8), Some(8)]);
    let types = json!({"sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]});
    check_windows(types, &[Some(8), None, Some(8)]);
    check_error(json!({"sliding_window": 8, "layer_types": ["full_attention"]}), "one per layer");
    check_error(json!({"sliding_window": 8, "layer_types": ["chunked"]}), "`chunked`");
}

#[test]
fn old_and_new_rope_fields_mean_the_same() {
    let fields = json!({"rope_type": "yarn", "factor": 4.0, "rope_theta": 500.0,
        "original_max_position_embeddings": 32});
    let new = read(&changed(json!({"rope_parameters": fields}))).unwrap();
    let old = json!({"rope_theta": 500.0, "rope_scaling": {"type": "yarn", "rope_type": "yarn",
        "factor": 4.0, "original_max_position_embeddings": 32}});
    assert_eq!(read(&changed(old)).unwrap().rope, new.rope);
    assert!((new.rope.magnitude() - (0.1 * 4.0_f32.ln() + 1.0)).abs() < 1e-6);
}

#[test]
fn equal_mscales_leave_the_magnitude_alone() {
    let rope = json!({"rope_type": "yarn", "factor": 16.0, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 32, "llama_4_scaling_beta": 0.1});
    let config = read(&changed(json!({"rope_parameters": rope}))).unwrap();
    assert_eq!(config.rope.magnitude(), 1.0);
    assert_eq!(config.temperature, Some(TemperatureScaling { beta: 0.1, floor: 32 }));
}

/// Both files of a golden model must say the same, in their own words.
#[track_caller]
fn check_same(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/decoder").join(name);
    let json = DecoderConfig::from_config_json(&directory.join("config.json")).unwrap();
    let gguf = Gguf::open(&directory.join("f.gguf")).unwrap();
    let gguf = DecoderConfig::from_gguf(&gguf).unwrap();
    let frequencies = json.rope.frequencies();
    for (a, b) in frequencies.iter().zip(gguf.rope.frequencies()) {
        assert!((a - b).abs() <= 1e-6 * a.abs(), "{name}: {a} and {b}");
    }
    assert!((json.rope.magnitude() - gguf.rope.magnitude()).abs() < 1e-6);
    let comparable = |config: DecoderConfig, like: &DecoderConfig| DecoderConfig {
        architecture: String::new(),
        rope: like.rope.clone(),
        rms_eps: like.rms_eps,
        qkv_bias: like.qkv_bias,
        ..config
    };
    assert_eq!(comparable(gguf.clone(), &json), comparable(json.clone(), &json), "{name}");
}

#[test]
fn gguf_and_json_describe_the_same_model() {
    for name in ["llama-tied", "llama-untied", "llama-rope-llama3", "llama-rope-yarn"] {
        check_same(name);
    }
    for name in ["mistral-window", "mistral-head-dim", "ministral3", "qwen2"] {
        check_same(name);
    }
}
