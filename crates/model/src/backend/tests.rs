//! Compares logits with transformers' on the models of `golden/decoder`.

use std::path::{Path, PathBuf};

use candle_core::DType;
use intramuros_backend::{BatchRow, BlockId, KvLayout};
use serde_json::json;

use super::*;
use crate::KvType;

mod invariance;
mod smollm2;

/// Greatest difference of a logit from the reference, as a share of the greatest logit: f32 sums in
/// another order.
const FLOAT_TOLERANCE: f32 = 1e-4;
/// Root mean square of the differences, as a share of that of the logits, for Q8_0 weights. The
/// reference rounds activations to 8 bits as candle does, so that tokens agree as floats do until
/// one activation lies so near the middle of two steps that it goes the other way; from there on
/// roundings differ everywhere, which in rows of only 64 is worth up to 4 %.
const Q8_0_TOLERANCE: f32 = 5e-2;
/// As [`Q8_0_TOLERANCE`], for keys and values of 11 bits.
const F16_TOLERANCE: f32 = 2e-3;

/// Models that are there as GGUF too.
const IN_GGUF: [&str; 8] = [
    "llama-tied",
    "llama-untied",
    "llama-rope-llama3",
    "llama-rope-yarn",
    "mistral-window",
    "mistral-head-dim",
    "ministral3",
    "qwen2",
];
const SAFETENSORS_ONLY: [&str; 2] = ["llama-rope-linear", "qwen2-window"];
const IN_Q8_0: [&str; 3] = ["llama-tied", "mistral-head-dim", "qwen2"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/decoder").join(name)
}

fn alone(weights: WeightFiles) -> ModelFiles {
    ModelFiles {
        weights,
        tokenizer: None,
        tokenizer_config: None,
        generation_config: None,
        chat_template: None,
    }
}

/// Unrounded keys and values: for comparisons within [`FLOAT_TOLERANCE`].
fn options(kv_type: KvType) -> LoadOptions {
    LoadOptions { kv_type, kv_bytes: Some(1 << 22), ..LoadOptions::default() }
}

fn load(files: &ModelFiles) -> CandleTextBackend {
    load_with(files, &options(KvType::F32))
}

fn load_with(files: &ModelFiles, options: &LoadOptions) -> CandleTextBackend {
    CandleTextBackend::load(files, ModelId::new("golden"), options).unwrap()
}

fn safetensors(name: &str) -> ModelFiles {
    let directory = golden(name);
    let shards = vec![directory.join("model.safetensors")];
    alone(WeightFiles::Safetensors { shards, config: directory.join("config.json") })
}

fn from_safetensors(name: &str) -> CandleTextBackend {
    load(&safetensors(name))
}

fn gguf(name: &str, file: &str) -> ModelFiles {
    alone(WeightFiles::Gguf(golden(name).join(file)))
}

fn from_gguf(name: &str, file: &str) -> CandleTextBackend {
    load(&gguf(name, file))
}

/// The reference: a prompt, and the logits at some of its positions.
struct Golden {
    tokens: Vec<u32>,
    positions: Vec<usize>,
    logits: Vec<Vec<f32>>,
}

fn read_golden(name: &str, logits: &str) -> Golden {
    let path = golden(name).join("golden.safetensors");
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let integers = |name: &str| tensors[name].to_dtype(DType::U32).unwrap().to_vec1::<u32>();
    let positions = integers("positions").unwrap();
    Golden {
        tokens: integers("tokens").unwrap(),
        positions: positions.into_iter().map(|p| p as usize).collect(),
        logits: tensors[logits].to_vec2().unwrap(),
    }
}

/// A sequence with blocks of its own, as the engine would keep it.
struct Sequence {
    blocks: Vec<BlockId>,
    length: u32,
}

impl Sequence {
    /// The blocks from `first` on, backwards: an order that no code expects.
    fn new(first: u32, count: u32) -> Self {
        Self { blocks: (first..first + count).rev().map(BlockId).collect(), length: 0 }
    }

    /// The next tokens; `logits` of how many of the last are wanted.
    fn row(&mut self, tokens: &[u32], logits: usize) -> BatchRow {
        let position = self.length;
        self.length += tokens.len() as u32;
        BatchRow {
            tokens: tokens.to_vec(),
            position,
            blocks: self.blocks.clone(),
            logits,
            hidden: false,
        }
    }
}

fn forward(model: &mut CandleTextBackend, rows: Vec<BatchRow>) -> Vec<Logits> {
    model.forward(&TextBatch { rows }).unwrap()
}

/// Logits of every token, in one pass.
fn in_one_pass(model: &mut CandleTextBackend, tokens: &[u32]) -> Vec<Vec<f32>> {
    in_chunks(model, tokens, &[tokens.len()])
}

fn token_by_token(model: &mut CandleTextBackend, tokens: &[u32]) -> Vec<Vec<f32>> {
    in_chunks(model, tokens, &vec![1; tokens.len()])
}

/// Logits of every token, in passes of so many tokens each.
fn in_chunks(model: &mut CandleTextBackend, tokens: &[u32], chunks: &[usize]) -> Vec<Vec<f32>> {
    let mut sequence = Sequence::new(0, 8);
    let (mut rest, mut logits) = (tokens, Vec::new());
    for count in chunks {
        let (chunk, after) = rest.split_at(*count);
        logits.extend(rows_of(&forward(model, vec![sequence.row(chunk, *count)])[0]));
        rest = after;
    }
    assert!(rest.is_empty());
    logits
}

fn rows_of(logits: &Logits) -> Vec<Vec<f32>> {
    logits.values.chunks(logits.vocab_size).map(<[f32]>::to_vec).collect()
}

#[track_caller]
fn check(name: &str, logits: &[Vec<f32>], golden: &Golden, tolerance: f32) {
    for (position, expected) in golden.positions.iter().zip(&golden.logits) {
        let greatest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let actual = &logits[*position];
        assert_eq!(actual.len(), expected.len());
        let difference =
            actual.iter().zip(expected).fold(0.0_f32, |max, (a, e)| max.max((a - e).abs()));
        assert!(
            difference <= tolerance * greatest,
            "{name}, position {position}: off by {difference} of {greatest}"
        );
    }
}

#[track_caller]
fn check_mean(name: &str, logits: &[Vec<f32>], golden: &Golden, tolerance: f32) {
    let (mut difference, mut size) = (0.0, 0.0);
    for (position, expected) in golden.positions.iter().zip(&golden.logits) {
        for (actual, expected) in logits[*position].iter().zip(expected) {
            difference += (actual - expected).powi(2);
            size += expected.powi(2);
        }
    }
    let share = (difference / size).sqrt();
    assert!(share <= tolerance, "{name}: off by {share} of the logits' size");
}

#[test]
fn safetensors_logits_agree_with_transformers() {
    for name in IN_GGUF.into_iter().chain(SAFETENSORS_ONLY) {
        let golden = read_golden(name, "logits");
        let mut model = from_safetensors(name);
        let logits = in_one_pass(&mut model, &golden.tokens);
        check(name, &logits, &golden, FLOAT_TOLERANCE);
    }
}

#[test]
fn gguf_logits_agree_with_transformers() {
    for name in IN_GGUF {
        let golden = read_golden(name, "logits");
        let mut model = from_gguf(name, "f.gguf");
        check(name, &in_one_pass(&mut model, &golden.tokens), &golden, FLOAT_TOLERANCE);
        check(name, &token_by_token(&mut model, &golden.tokens), &golden, FLOAT_TOLERANCE);
    }
}

#[test]
fn q8_0_logits_agree_with_transformers() {
    for name in IN_Q8_0 {
        let golden = read_golden(name, "q8_0_logits");
        let mut model = from_gguf(name, "q8_0.gguf");
        let logits = in_one_pass(&mut model, &golden.tokens);
        check_mean(name, &logits, &golden, Q8_0_TOLERANCE);
        // The first token has met too few roundings for one to go the other way.
        let first = Golden { positions: vec![0], ..golden };
        check(name, &logits, &first, FLOAT_TOLERANCE);
    }
}

#[test]
fn rounded_keys_and_values_stay_near_transformers() {
    for name in IN_GGUF {
        let golden = read_golden(name, "logits");
        let mut model = load_with(&gguf(name, "f.gguf"), &options(KvType::F16));
        check_mean(name, &in_one_pass(&mut model, &golden.tokens), &golden, F16_TOLERANCE);
    }
    // Heads of 16 and 24 numbers, which Q8_0 cannot hold, are refused.
    for name in ["llama-tied", "mistral-head-dim"] {
        let files = gguf(name, "f.gguf");
        let id = ModelId::new("m");
        let error = CandleTextBackend::load(&files, id, &options(KvType::Q8_0)).err().unwrap();
        assert!(error.to_string().contains("head size that is a multiple of 32"), "{error}");
    }
}

#[test]
fn each_row_gets_the_logits_it_asked_for() {
    let mut model = from_gguf("llama-tied", "f.gguf");
    let expected = in_one_pass(&mut model, &[1, 2, 3]);
    let rows = [0, 3, 1].into_iter().enumerate();
    let rows = rows.map(|(at, wanted)| Sequence::new(at as u32, 1).row(&[1, 2, 3], wanted));
    let logits = forward(&mut model, rows.collect());
    assert!(logits[0].values.is_empty());
    assert_eq!(logits[1].values, expected.concat());
    assert_eq!(logits[2].values, expected[2]);
    assert_eq!(forward(&mut model, Vec::new()).len(), 0);
}

#[test]
fn each_row_gets_the_hidden_state_it_asked_for() {
    let mut model = from_gguf("llama-tied", "f.gguf");
    let wanting = |row: BatchRow| BatchRow { hidden: true, ..row };
    let alone = forward(&mut model, vec![wanting(Sequence::new(0, 1).row(&[1, 2, 3], 1))]);
    let mut pieces = Sequence::new(1, 1);
    let rows = vec![
        Sequence::new(2, 1).row(&[4, 5], 2),
        wanting(Sequence::new(3, 1).row(&[1, 2, 3], 3)),
        pieces.row(&[1, 2], 0),
        wanting(Sequence::new(4, 1).row(&[4, 5], 1)),
    ];
    let together = forward(&mut model, rows);
    let last = forward(&mut model, vec![wanting(pieces.row(&[3], 1))]);
    assert!(together[0].hidden.is_empty() && together[2].hidden.is_empty());
    assert_eq!(alone[0].hidden, together[1].hidden);
    assert_eq!(alone[0].hidden, last[0].hidden);
    assert_ne!(alone[0].hidden, together[3].hidden);
    assert_eq!(alone[0].hidden.len(), 64);
}

#[test]
fn info_tells_true_figures() {
    let model = load_with(&gguf("qwen2", "q8_0.gguf"), &LoadOptions::default());
    let info = model.info();
    assert_eq!((info.architecture.as_str(), info.vocab_size), ("qwen2", 160));
    assert_eq!(info.context_tokens, 128);
    // 2 layers, keys and values, 2 heads of 16, 2 bytes, 16 positions.
    let block_bytes = 2 * 2 * 2 * 16 * 2 * 16;
    assert_eq!(info.kv, KvLayout { block_tokens: 16, blocks: 8, block_bytes });
    assert_eq!(info.memory.kv_bytes, 8 * block_bytes);
    // Embedding, and 2 layers of query, key, value, output and three feed-forward matrices of Q8_0:
    // 34 bytes for 32 weights.
    let weights = 160 * 64 + 2 * (64 * 64 * 2 + 32 * 64 * 2 + 64 * 64 * 3);
    assert_eq!(info.memory.weight_bytes, weights / 32 * 34);
    assert!(info.memory.workspace_bytes > 512 * 4 * 64);
}

#[test]
fn a_model_that_does_not_fit_is_refused_before_its_weights_are_read() {
    let options = LoadOptions { memory_bytes: Some(300_000), ..LoadOptions::default() };
    let files = gguf("qwen2", "f.gguf");
    let error = CandleTextBackend::load(&files, ModelId::new("m"), &options).err().unwrap();
    assert!(error.to_string().contains("a smaller context"), "{error}");
    assert!(matches!(BackendError::from(error), BackendError::Memory { .. }));
}

/// Loads the weights of llama-tied under that model's configuration with `changes`.
#[track_caller]
fn check_load_error(changes: serde_json::Value, expected: &str) {
    let text = std::fs::read_to_string(golden("llama-tied").join("config.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let serde_json::Value::Object(changes) = changes else { panic!("not an object") };
    json.as_object_mut().unwrap().extend(changes);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    std::fs::write(&config, json.to_string()).unwrap();
    let shards = vec![golden("llama-tied").join("model.safetensors")];
    let files = alone(WeightFiles::Safetensors { shards, config });
    let loaded = CandleTextBackend::load(&files, ModelId::new("m"), &LoadOptions::default());
    let error = loaded.err().expect("it must be refused");
    assert!(error.to_string().contains(expected), "{error}");
    assert!(matches!(BackendError::from(error), BackendError::Model(_)));
}

#[test]
fn weights_that_do_not_fit_their_configuration_are_refused() {
    check_load_error(json!({"architectures": ["Qwen2ForCausalLM"]}), "needs all three");
    check_load_error(json!({"tie_word_embeddings": false}), "`lm_head.weight`: it is missing");
    check_load_error(json!({"hidden_size": 128}), "its shape is [160, 64], not (160, 128)");
    check_load_error(json!({"num_hidden_layers": 1}), "`model.layers.1.");
    check_load_error(json!({"num_hidden_layers": 3}), "`model.layers.2.");
}
