//! Compares greedy continuations of a real model with transformers'.

use serde::Deserialize;

use super::*;

const ID: &str = "smollm2-135m-instruct-q4_1";

/// What a token's logit may lack to the greatest one with keys and values of 8 bits; logits of this
/// model reach 20.
const Q8_0_SHORT_OF_GREATEST: f32 = 1.0;

/// One continuation of `golden/smollm2.json`.
#[derive(Deserialize)]
struct Run {
    text: String,
    prompt: Vec<u32>,
    output: Vec<u32>,
}

/// The model's file, or a failure that says how to get it.
#[track_caller]
fn model_file() -> PathBuf {
    let models = std::env::var_os("INTRAMUROS_MODELS_DIR").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        Some(cache.or_else(home)?.join("intramuros/models"))
    });
    let path = models.expect("HOME is set").join(ID).join("model.gguf");
    assert!(path.is_file(), "{} is missing: run scripts/fetch-models", path.display());
    path
}

fn most_likely(logits: &Logits) -> u32 {
    let row = logits.row(0);
    let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
    best as u32
}

fn runs() -> Vec<Run> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/smollm2.json");
    let runs: Vec<Run> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(runs.len(), 3);
    runs
}

fn smollm2(kv_type: KvType) -> CandleTextBackend {
    let options = LoadOptions { kv_type, ..LoadOptions::default() };
    load_with(&alone(WeightFiles::Gguf(model_file())), &options)
}

#[test]
fn smollm2_continues_greedily_as_transformers_does() {
    let runs = runs();
    let mut model = smollm2(KvType::F16);
    // All three at once, as the engine would: prompts in one ragged pass, then step by step.
    let mut open: Vec<Sequence> = (0..3).map(|at| Sequence::new(at * 16, 16)).collect();
    let mut next: Vec<Vec<u32>> = runs.iter().map(|run| run.prompt.clone()).collect();
    let mut outputs = vec![Vec::new(); runs.len()];
    for _ in 0..runs[0].output.len() {
        let rows = open.iter_mut().zip(&next).map(|(sequence, t)| sequence.row(t, 1)).collect();
        let logits = forward(&mut model, rows);
        for (which, logits) in logits.iter().enumerate() {
            let token = most_likely(logits);
            outputs[which].push(token);
            next[which] = vec![token];
        }
    }
    for (run, output) in runs.iter().zip(&outputs) {
        assert_eq!(output, &run.output, "{}", run.text);
    }
}

/// With keys and values in Q8_0 a token whose logit is nearly as great may come first.
#[test]
fn smollm2_in_q8_0_finds_the_tokens_of_transformers_among_the_likeliest() {
    let mut model = smollm2(KvType::Q8_0);
    for run in runs() {
        let tokens = [run.prompt.as_slice(), &run.output].concat();
        let count = run.output.len() + 1;
        let logits = forward(&mut model, vec![Sequence::new(0, 16).row(&tokens, count)]).remove(0);
        let mut first = 0;
        for (token, row) in run.output.iter().zip(logits.values.chunks(logits.vocab_size)) {
            let greatest = row.iter().copied().fold(f32::MIN, f32::max);
            let short = greatest - row[*token as usize];
            assert!(short < Q8_0_SHORT_OF_GREATEST, "{}: {token} is {short} short", run.text);
            first += usize::from(short == 0.0);
        }
        assert!(first * 10 >= run.output.len() * 9, "{}: only {first} come first", run.text);
    }
}
