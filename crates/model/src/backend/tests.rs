//! Compares logits with transformers' on the models of `golden/decoder`.

use std::path::{Path, PathBuf};

use candle_core::DType;
use serde_json::json;

use super::*;

mod smollm2;

/// Greatest difference of a logit from the reference, as a share of the greatest logit: f32 sums in
/// another order.
const FLOAT_TOLERANCE: f32 = 1e-4;
/// Root mean square of the differences, as a share of that of the logits, for Q8_0 weights. The
/// reference rounds activations to 8 bits as candle does, so that tokens agree as floats do until
/// one activation lies so near the middle of two steps that it goes the other way; from there on
/// roundings differ everywhere, which in rows of only 64 is worth up to 4 %.
const Q8_0_TOLERANCE: f32 = 5e-2;

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

fn load(files: &ModelFiles) -> CandleTextBackend {
    CandleTextBackend::load(files, ModelId::new("golden"), &LoadOptions::default()).unwrap()
}

fn from_safetensors(name: &str) -> CandleTextBackend {
    let directory = golden(name);
    let shards = vec![directory.join("model.safetensors")];
    load(&alone(WeightFiles::Safetensors { shards, config: directory.join("config.json") }))
}

fn from_gguf(name: &str, file: &str) -> CandleTextBackend {
    load(&alone(WeightFiles::Gguf(golden(name).join(file))))
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

fn row(sequence: SequenceId, tokens: &[u32], logits: LogitsWanted) -> BatchRow {
    BatchRow { sequence, tokens: tokens.to_vec(), logits }
}

fn forward(model: &mut CandleTextBackend, rows: Vec<BatchRow>) -> Vec<Logits> {
    model.forward(&TextBatch { rows }).unwrap()
}

/// Logits of every token, in one pass.
fn in_one_pass(model: &mut CandleTextBackend, tokens: &[u32]) -> Vec<Vec<f32>> {
    let sequence = model.open(tokens.len() as u32).unwrap();
    let logits = forward(model, vec![row(sequence, tokens, LogitsWanted::All)]).remove(0);
    model.close(sequence);
    logits.values.chunks(logits.vocab_size).map(<[f32]>::to_vec).collect()
}

fn token_by_token(model: &mut CandleTextBackend, tokens: &[u32]) -> Vec<Vec<f32>> {
    let sequence = model.open(tokens.len() as u32).unwrap();
    let mut step = |token: &u32| {
        forward(model, vec![row(sequence, &[*token], LogitsWanted::Last)]).remove(0).values
    };
    let logits = tokens.iter().map(&mut step).collect();
    model.close(sequence);
    logits
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

/// Invariant 7: neither how a prompt is cut into chunks nor what else is in the batch changes a
/// single bit.
#[test]
fn ragged_batches_give_the_same_bits_as_single_sequences() {
    for model in [from_gguf("qwen2", "q8_0.gguf"), from_safetensors("mistral-window")] {
        check_ragged(model);
    }
}

#[track_caller]
fn check_ragged(mut model: CandleTextBackend) {
    let prompts: [Vec<u32>; 3] = [
        (0..40).map(|i| (i * 7 + 1) % 160).collect(),
        (0..23).map(|i| (i * 11 + 5) % 160).collect(),
        (0..9).map(|i| (i * 3 + 2) % 160).collect(),
    ];
    let expected = prompts.each_ref().map(|prompt| in_one_pass(&mut model, prompt));
    let chunks: [&[usize]; 3] = [&[5, 17, 1, 1, 16], &[1, 1, 20, 1], &[2, 3, 4]];
    let open = prompts.each_ref().map(|p| model.open(p.len() as u32).unwrap());
    let mut done = [0; 3];
    for step in 0..5 {
        let mut rows = Vec::new();
        let mut spans = Vec::new();
        // Backwards on odd steps: the order of the rows must not matter either.
        let mut order = vec![0, 1, 2];
        if step % 2 == 1 {
            order.reverse();
        }
        for which in order {
            let Some(count) = chunks[which].get(step) else { continue };
            let span = done[which]..done[which] + count;
            rows.push(row(open[which], &prompts[which][span.clone()], LogitsWanted::All));
            done[which] = span.end;
            spans.push((which, span));
        }
        for ((which, span), logits) in spans.into_iter().zip(forward(&mut model, rows)) {
            let rows: Vec<&[f32]> = logits.values.chunks(logits.vocab_size).collect();
            assert_eq!(rows, expected[which][span.clone()], "sequence {which}, tokens {span:?}");
        }
    }
    assert_eq!(done, [40, 23, 9]);
}

#[test]
fn a_truncated_sequence_continues_as_if_nothing_had_been_there() {
    let mut model = from_gguf("llama-tied", "f.gguf");
    let tokens: Vec<u32> = (0..30).map(|i| (i * 13 + 3) % 160).collect();
    let expected = in_one_pass(&mut model, &tokens);
    let sequence = model.open(40).unwrap();
    forward(&mut model, vec![row(sequence, &tokens[..12], LogitsWanted::None)]);
    forward(&mut model, vec![row(sequence, &[9, 8, 7, 6], LogitsWanted::Last)]);
    model.truncate(sequence, 12);
    let logits = forward(&mut model, vec![row(sequence, &tokens[12..], LogitsWanted::Last)]);
    assert_eq!(logits[0].values, expected[29]);
}

#[test]
fn each_row_gets_the_logits_it_asked_for() {
    let mut model = from_gguf("llama-tied", "f.gguf");
    let expected = in_one_pass(&mut model, &[1, 2, 3]);
    let open: Vec<_> = (0..3).map(|_| model.open(3).unwrap()).collect();
    let wanted = [LogitsWanted::None, LogitsWanted::All, LogitsWanted::Last];
    let rows = open.iter().zip(wanted).map(|(s, w)| row(*s, &[1, 2, 3], w)).collect();
    let logits = forward(&mut model, rows);
    assert!(logits[0].values.is_empty());
    assert_eq!(logits[1].values, expected.concat());
    assert_eq!(logits[2].values, expected[2]);
    assert_eq!(forward(&mut model, Vec::new()).len(), 0);
}

#[test]
fn info_tells_true_figures() {
    let model = from_gguf("qwen2", "q8_0.gguf");
    let info = model.info();
    assert_eq!((info.architecture.as_str(), info.vocab_size), ("qwen2", 160));
    assert_eq!(info.context_tokens, 128);
    // 2 layers, keys and values, 2 heads of 16, 4 bytes.
    assert_eq!(info.kv_bytes_per_token, 2 * 2 * 2 * 16 * 4);
    // Embedding, and 2 layers of query, key, value, output and three feed-forward matrices of Q8_0:
    // 34 bytes for 32 weights.
    let weights = 160 * 64 + 2 * (64 * 64 * 2 + 32 * 64 * 2 + 64 * 64 * 3);
    assert_eq!(info.weight_bytes, weights / 32 * 34);
}

#[test]
fn the_kv_budget_is_reserved_and_given_back() {
    let files = alone(WeightFiles::Gguf(golden("qwen2").join("f.gguf")));
    let per_token = 512;
    let options = LoadOptions { context_tokens: Some(64), kv_budget_bytes: Some(100 * per_token) };
    let mut model = CandleTextBackend::load(&files, ModelId::new("m"), &options).unwrap();
    assert_eq!(model.info().context_tokens, 64);
    let first = model.open(60).unwrap();
    let error = model.open(41).unwrap_err();
    let BackendError::Memory { needed_bytes, available_bytes, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((needed_bytes, available_bytes), (41 * per_token, 40 * per_token));
    let second = model.open(40).unwrap();
    assert_ne!(first, second);
    model.close(first);
    model.close(first);
    assert!(model.open(60).is_ok());
    assert!(model.open(1).is_err());
}

#[test]
fn sequences_stay_within_the_context_and_their_reservation() {
    let mut model = from_gguf("llama-tied", "f.gguf");
    for max_tokens in [0, 129, u32::MAX] {
        let error = model.open(max_tokens).unwrap_err();
        assert!(matches!(error, BackendError::Input(_)), "{error}");
    }
    let sequence = model.open(2).unwrap();
    let mut refused = |rows: Vec<BatchRow>, expected: &str| {
        let error = model.forward(&TextBatch { rows }).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(vec![row(sequence, &[1, 2, 3], LogitsWanted::None)], "3 tokens of 2");
    refused(vec![row(sequence, &[], LogitsWanted::None)], "no tokens");
    refused(vec![row(sequence, &[160], LogitsWanted::None)], "vocabulary of 160");
    let twice = row(sequence, &[1], LogitsWanted::None);
    refused(vec![twice.clone(), twice], "occurs twice");
    refused(vec![row(SequenceId(99), &[1], LogitsWanted::None)], "99 is not open");
    // What was refused changed nothing.
    assert_eq!(forward(&mut model, vec![row(sequence, &[1, 2], LogitsWanted::Last)]).len(), 1);
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
