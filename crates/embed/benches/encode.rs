//! Measures how many passages of 128 tokens multilingual-e5-small encodes a second, and how long
//! one question takes. `benches/peer.py` measures the same with torch.

#![allow(clippy::print_stdout, reason = "a bench reports on its standard output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use intramuros_backend::{EmbedBackend, EmbedBatch};
use intramuros_embed::{CpuEmbedBackend, EncoderCodec, EncoderFiles};
use intramuros_types::{EncoderProfile, ModelId, Pooling};

const PASSAGES: usize = 64;
const PASSAGE_TOKENS: usize = 128;
const QUESTION_TOKENS: usize = 16;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let id = std::env::var("INTRAMUROS_BENCH_ENCODER");
    let id = id.unwrap_or_else(|_| "multilingual-e5-small".to_owned());
    let models = std::env::var_os("INTRAMUROS_MODELS_DIR").map(PathBuf::from);
    let models =
        models.ok_or("set INTRAMUROS_MODELS_DIR to where scripts/fetch-models puts them")?;
    let files = EncoderFiles::discover(&models.join(&id))?;
    let profile = EncoderProfile {
        pooling: Pooling::Mean,
        normalise: true,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        max_tokens: None,
    };
    let started = Instant::now();
    let codec = EncoderCodec::load(&files, &profile)?;
    let mut backend = CpuEmbedBackend::load(&files, ModelId::new(id), &profile, &codec)?;
    println!("load {:.0} ms", started.elapsed().as_secs_f64() * 1e3);

    let best = best_seconds(&mut backend, PASSAGES, PASSAGE_TOKENS)?;
    println!("{:.1} passages of {PASSAGE_TOKENS} tokens/s", PASSAGES as f64 / best);
    let best = best_seconds(&mut backend, 1, QUESTION_TOKENS)?;
    println!("{:.1} ms for a question of {QUESTION_TOKENS} tokens", best * 1e3);
    Ok(())
}

/// Best of [`ROUNDS`] after one to warm up; the machine's other work only ever adds time.
fn best_seconds(
    backend: &mut CpuEmbedBackend,
    inputs: usize,
    tokens: usize,
) -> Result<f64, Box<dyn Error>> {
    let token = |input: usize, place: usize| 1_000 + ((input * 977 + place * 131) % 20_000) as u32;
    let sequences =
        (0..inputs).map(|i| (0..tokens).map(|place| token(i, place)).collect()).collect();
    let batch = EmbedBatch::of(sequences);
    backend.embed(&batch)?;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        backend.embed(&batch)?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best)
}
