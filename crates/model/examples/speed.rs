//! Measures prefill and decode speed of a model:
//! `speed <model.gguf or directory> [runs] [depths] [f32|f16|q8_0]`.
//!
//! For each depth (a list as `128,1024`) and run, prints tokens per second of a prompt of that many
//! tokens, in chunks of 512, and of 32 tokens decoded one by one after it. The first run includes
//! the packing of weights at first use.

use std::path::Path;
use std::time::Instant;

use intramuros_backend::{BackendError, BatchRow, BlockId, TextBackend, TextBatch};
use intramuros_model::{CandleTextBackend, KvType, LoadOptions, ModelFiles};
use intramuros_types::ModelId;

const CHUNK: usize = 512;
const DECODE: usize = 32;

#[allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: speed <model.gguf or directory> [runs] [depths] [f32|f16|q8_0]";
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or(usage)?;
    let runs: u32 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let depths = arguments.next().unwrap_or_else(|| "512".to_owned());
    let depths: Vec<usize> = depths.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let kv_type = match arguments.next().as_deref() {
        None | Some("f16") => KvType::F16,
        Some("f32") => KvType::F32,
        Some("q8_0") => KvType::Q8_0,
        Some(_) => return Err(usage.into()),
    };
    let start = Instant::now();
    let files = ModelFiles::discover(Path::new(&path))?;
    let options = LoadOptions { kv_type, ..LoadOptions::default() };
    let mut model = CandleTextBackend::load(&files, ModelId::new("speed"), &options)?;
    println!("load: {:.2} s, {:?}", start.elapsed().as_secs_f64(), model.info());
    let blocks: Vec<BlockId> = (0..model.info().kv.blocks).map(BlockId).collect();
    // Tokens that differ, so that no cache of any kind sees the same row again.
    let vocab = model.info().vocab_size;
    for run in 1..=runs {
        for depth in &depths {
            let prompt: Vec<u32> = (0..*depth).map(|i| ((i * 7_919 + 13) % vocab) as u32).collect();
            let (mut position, mut token) = (0, 0);
            let start = Instant::now();
            for chunk in prompt.chunks(CHUNK) {
                token = step(&mut model, &blocks, position, chunk.to_vec())?;
                position += chunk.len();
            }
            let prefill = *depth as f64 / start.elapsed().as_secs_f64();
            let start = Instant::now();
            for _ in 0..DECODE {
                token = step(&mut model, &blocks, position, vec![token])?;
                position += 1;
            }
            let decode = DECODE as f64 / start.elapsed().as_secs_f64();
            println!("run {run}: depth {depth}: prefill {prefill:.1} t/s, decode {decode:.1} t/s");
        }
    }
    Ok(())
}

/// Computes a sequence's next tokens and returns the most likely one after them.
fn step(
    model: &mut CandleTextBackend,
    blocks: &[BlockId],
    position: usize,
    tokens: Vec<u32>,
) -> Result<u32, BackendError> {
    let (position, blocks) = (position as u32, blocks.to_vec());
    let row = BatchRow { tokens, position, blocks, logits: 1, hidden: false };
    let logits = model.forward(&TextBatch { rows: vec![row] })?;
    let row = logits[0].row(0);
    let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    Ok(best.map_or(0, |(index, _)| index as u32))
}
