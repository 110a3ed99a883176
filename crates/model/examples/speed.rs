//! Measures prefill and decode speed of a model: `speed <model.gguf or directory> [runs]`.
//!
//! Prints tokens per second of a prompt of 512 tokens and of 128 tokens decoded one by one after
//! it, for each run; the first one includes the packing of weights at first use.

use std::path::Path;
use std::time::Instant;

use intramuros_backend::{
    BackendError, BatchRow, LogitsWanted, SequenceId, TextBackend, TextBatch,
};
use intramuros_model::{CandleTextBackend, LoadOptions, ModelFiles};
use intramuros_types::ModelId;

const PREFILL: u32 = 512;
const DECODE: u32 = 128;

#[allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: speed <model.gguf or directory> [runs]")?;
    let runs: u32 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let start = Instant::now();
    let files = ModelFiles::discover(Path::new(&path))?;
    let options = LoadOptions::default();
    let mut model = CandleTextBackend::load(&files, ModelId::new("speed"), &options)?;
    println!("load: {:.2} s, {:?}", start.elapsed().as_secs_f64(), model.info());
    for run in 1..=runs {
        let sequence = model.open(PREFILL + DECODE)?;
        // Tokens that differ, so that no cache of any kind sees the same row again.
        let vocab = model.info().vocab_size as u32;
        let prompt: Vec<u32> = (0..PREFILL).map(|i| (i * 7_919 + 13) % vocab).collect();
        let start = Instant::now();
        let mut token = step(&mut model, sequence, prompt)?;
        let prefill = f64::from(PREFILL) / start.elapsed().as_secs_f64();
        let start = Instant::now();
        for _ in 0..DECODE {
            token = step(&mut model, sequence, vec![token])?;
        }
        let decode = f64::from(DECODE) / start.elapsed().as_secs_f64();
        model.close(sequence);
        println!(
            "run {run}: prefill({PREFILL}) {prefill:.1} t/s, decode({DECODE}) {decode:.1} t/s"
        );
    }
    Ok(())
}

/// Appends tokens and returns the most likely next one.
fn step(
    model: &mut CandleTextBackend,
    sequence: SequenceId,
    tokens: Vec<u32>,
) -> Result<u32, BackendError> {
    let row = BatchRow { sequence, tokens, logits: LogitsWanted::Last };
    let logits = model.forward(&TextBatch { rows: vec![row] })?;
    let row = logits[0].row(0);
    let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    Ok(best.map_or(0, |(index, _)| index as u32))
}
