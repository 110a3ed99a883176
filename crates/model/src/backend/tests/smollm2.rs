//! Compares greedy continuations of a real model with transformers'.

use serde::Deserialize;

use super::*;

const ID: &str = "smollm2-135m-instruct-q4_1";

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

#[test]
fn smollm2_continues_greedily_as_transformers_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/smollm2.json");
    let runs: Vec<Run> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(runs.len(), 3);
    let mut model = load(&alone(WeightFiles::Gguf(model_file())));
    // All three at once, as the engine would: prompts in one ragged pass, then step by step.
    let open: Vec<_> =
        runs.iter().map(|run| model.open((run.prompt.len() + run.output.len()) as u32)).collect();
    let open: Vec<SequenceId> = open.into_iter().map(Result::unwrap).collect();
    let mut next: Vec<Vec<u32>> = runs.iter().map(|run| run.prompt.clone()).collect();
    let mut outputs = vec![Vec::new(); runs.len()];
    for _ in 0..runs[0].output.len() {
        let rows = open.iter().zip(&next).map(|(s, t)| row(*s, t, LogitsWanted::Last)).collect();
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
