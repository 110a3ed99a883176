//! Tests that damaged files and impossible inputs end in an error that names them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use intramuros_backend::{BackendError, EmbedBackend, EmbedBatch};
use intramuros_types::{Fault, ModelId};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;

use super::{files, tiny_copy, tiny_folder, tiny_profile};
use crate::{CpuEmbedBackend, EmbedError, EncoderCodec, EncoderFiles};

fn load(folder: &Path) -> Result<CpuEmbedBackend, EmbedError> {
    let (files, profile) = (files(folder), tiny_profile());
    let codec = EncoderCodec::load(&files, &profile)?;
    CpuEmbedBackend::load(&files, ModelId::new("tiny"), &profile, &codec)
}

#[track_caller]
fn check_refused(folder: &Path, expected: &str) {
    let Err(error) = load(folder) else { panic!("the encoder loads") };
    assert!(error.to_string().contains(expected), "{error} does not contain {expected:?}");
    assert_eq!(error.fault(), Fault::Runtime);
}

/// Loads the tiny model with its weights file replaced.
#[track_caller]
fn check_weights_refused(change: impl Fn(Vec<u8>) -> Vec<u8>, expected: &str) {
    let folder = tiny_copy();
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("the file is read");
    fs::write(&path, change(bytes)).expect("the file is written");
    check_refused(folder.path(), expected);
}

/// Loads the tiny model with one key of its configuration replaced.
#[track_caller]
fn check_config_refused(key: &str, value: u64, expected: &str) {
    let folder = tiny_copy();
    let path = folder.path().join("config.json");
    let text = fs::read_to_string(&path).expect("the file is read");
    let mut config: Value = serde_json::from_str(&text).expect("it parses");
    config[key] = value.into();
    fs::write(&path, config.to_string()).expect("the file is written");
    check_refused(folder.path(), expected);
}

/// The tiny model's tensors, one of them replaced (or removed).
fn with_tensor(bytes: &[u8], name: &str, replacement: Option<(Dtype, Vec<u8>)>) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).expect("the original is valid");
    let mut tensors: HashMap<&str, TensorView<'_>> = file.iter().collect();
    let removed = tensors.remove(name).expect("the tensor is there");
    let kept = replacement.as_ref().map(|(dtype, data)| {
        TensorView::new(*dtype, removed.shape().to_vec(), data).expect("sizes agree")
    });
    tensors.extend(kept.map(|view| (name, view)));
    safetensors::serialize(tensors, None).expect("it is serialised")
}

#[test]
fn damaged_weights_are_refused() {
    let damaged = "is damaged or not safetensors";
    check_weights_refused(|_| Vec::new(), damaged);
    check_weights_refused(|bytes| bytes[..4].to_vec(), damaged);
    check_weights_refused(|bytes| bytes[..1000].to_vec(), damaged);
    check_weights_refused(|bytes| bytes[..bytes.len() - 1].to_vec(), damaged);
    check_weights_refused(|_| b"GGUF\x03\0\0\0".to_vec(), damaged);
    check_weights_refused(|bytes| [&u64::MAX.to_le_bytes(), &bytes[8..]].concat(), damaged);
    check_weights_refused(
        |mut bytes| {
            bytes[9] = b'!';
            bytes
        },
        damaged,
    );
}

#[test]
fn missing_and_mistyped_tensors_are_named() {
    let name = "roberta.encoder.layer.1.attention.self.key.weight";
    check_weights_refused(|bytes| with_tensor(&bytes, name, None), &format!("no tensor {name}"));
    let words = "roberta.embeddings.word_embeddings.weight";
    let expected = "no tensor embeddings.word_embeddings.weight";
    check_weights_refused(|bytes| with_tensor(&bytes, words, None), expected);
    let integers = || Some((Dtype::I32, vec![0; 32 * 32 * 4]));
    let expected = format!("{name} is I32");
    check_weights_refused(|bytes| with_tensor(&bytes, name, integers()), &expected);
}

#[test]
fn configurations_that_the_weights_do_not_bear_out_are_refused() {
    check_config_refused("hidden_size", 64, "has shape [400, 32], config.json says [400, 64]");
    check_config_refused("vocab_size", 16_000_000, "config.json says [16000000, 32]");
    check_config_refused("max_position_embeddings", 1_000_000, "config.json says [1000000, 32]");
    check_config_refused("num_hidden_layers", 256, "no tensor roberta.encoder.layer.2.");
    check_config_refused("intermediate_size", 128_000, "config.json says [128000, 32]");
    check_config_refused("num_attention_heads", 5, "a divisor of hidden_size");
    check_config_refused("hidden_size", 0, "hidden_size is 0");
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    let folder = tiny_copy();
    let path = folder.path().join("model.safetensors");
    let name = "roberta.encoder.layer.0.attention.self.query.weight";
    let nan = f32::NAN.to_le_bytes().repeat(32 * 32);
    let bytes = with_tensor(&fs::read(&path).expect("it is read"), name, Some((Dtype::F32, nan)));
    fs::write(&path, bytes).expect("it is written");
    let error = load(folder.path()).map(|_| ()).expect_err("it is tried when it is loaded");
    assert!(error.to_string().contains("gives a vector that is not finite"), "{error}");
}

#[test]
fn files_that_are_missing_are_named_with_a_remedy() {
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let folder = tiny_copy();
        fs::remove_file(folder.path().join(name)).expect("it is removed");
        let error = EncoderFiles::discover(folder.path()).expect_err("it is missing").to_string();
        assert!(error.contains(&format!("has no {name}; fetch the model")), "{error}");
    }
    let folder = tiny_copy();
    let weights = folder.path().join("model.safetensors");
    fs::rename(weights, folder.path().join("pytorch_model.bin")).expect("it is renamed");
    let error = EncoderFiles::discover(folder.path()).expect_err("it is missing").to_string();
    assert!(error.contains("convert it to safetensors"), "{error}");
}

#[track_caller]
fn check_tokenizer_refused(content: &[u8], expected: &str) {
    let folder = tiny_copy();
    fs::write(folder.path().join("tokenizer.json"), content).expect("it is written");
    let Err(error) = EncoderCodec::load(&files(folder.path()), &tiny_profile()) else {
        panic!("the tokenizer loads")
    };
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn tokenizers_that_do_not_fit_are_refused() {
    check_tokenizer_refused(b"", "does not load as a tokenizer");
    check_tokenizer_refused(b"{\"model\": {\"type\": \"Unigram\", \"vocab\": 3}}", "does not load");
    let path = tiny_folder().join("tokenizer.json");
    let text = fs::read_to_string(path).expect("it is read");
    let mut tokenizer: Value = serde_json::from_str(&text).expect("it parses");
    let pieces = tokenizer["model"]["vocab"].as_array_mut().expect("a Unigram vocabulary");
    for index in 0..300 {
        pieces.push(serde_json::json!([format!("piece-{index}"), -9.0]));
    }
    check_tokenizer_refused(tokenizer.to_string().as_bytes(), "the model's table has 400");
}

#[test]
fn a_configuration_file_of_any_size_is_not_read_whole() {
    let folder = tiny_copy();
    fs::write(folder.path().join("config.json"), vec![b' '; 3 << 20]).expect("it is written");
    check_refused(folder.path(), "has 3145728 bytes, at most 1048576 are read");
}

#[track_caller]
fn check_input_refused(sequences: Vec<Vec<u32>>, expected: &str) {
    let mut backend = load(&tiny_folder()).expect("the encoder loads");
    let error = backend.embed(&EmbedBatch::of(sequences)).expect_err("the batch is refused");
    assert!(matches!(error, BackendError::Input(_)), "{error:?}");
    assert_eq!(error.to_string(), expected);
    // The backend itself is unharmed.
    let vectors = backend.embed(&EmbedBatch::of(vec![vec![0, 5, 2]]));
    assert_eq!(vectors.expect("the batch is computed")[0].vector.len(), 32);
}

#[test]
fn impossible_batches_are_refused_with_the_limit() {
    check_input_refused(vec![vec![0, 2], vec![]], "input 1 has no token");
    check_input_refused(
        vec![vec![5; 201]],
        "text has 201 tokens, the encoder takes 200; send it in pieces",
    );
    let expected = "input 0 has token 400, the encoder's vocabulary is 400";
    check_input_refused(vec![vec![0, 400, 2]], expected);
    check_input_refused(
        vec![vec![0, u32::MAX, 2]],
        "input 0 has token 4294967295, the encoder's vocabulary is 400",
    );
}

#[test]
fn an_empty_batch_has_no_vectors_and_the_longest_input_fits() {
    let mut backend = load(&tiny_folder()).expect("the encoder loads");
    assert!(backend.embed(&EmbedBatch::default()).expect("nothing to do").is_empty());
    let longest = vec![399; 200];
    assert_eq!(backend.info().max_tokens, 200);
    let vectors = backend.embed(&EmbedBatch::of(vec![longest]));
    assert_eq!(vectors.expect("the batch is computed").len(), 1);
}
