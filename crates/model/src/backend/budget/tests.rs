//! Tests how memory is shared out.

use std::path::Path;

use super::*;
use crate::KvType;

/// The model of `golden/decoder/qwen2` with a context of `context_tokens`: 2 layers, 2 heads of 16.
fn config(context_tokens: usize) -> DecoderConfig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/decoder/qwen2/config.json");
    DecoderConfig { context_tokens, ..DecoderConfig::from_config_json(&path).unwrap() }
}

const WEIGHTS: u64 = 1_000_000;
/// Keys and values, 2 layers, 2 heads, 16 numbers, 16 positions, 2 bytes.
const BLOCK: u64 = 2 * 2 * 2 * 16 * 16 * 2;

fn try_plan(options: &LoadOptions) -> Result<Budget> {
    let config = config(8_192);
    let shape = KvShape::new(&config, options.kv_type, options.block_tokens)?;
    plan(&config, shape, WEIGHTS, options)
}

fn workspace() -> u64 {
    try_plan(&LoadOptions::default()).unwrap().memory.workspace_bytes
}

#[test]
fn without_limits_one_sequence_of_the_whole_context_fits() {
    let budget = try_plan(&LoadOptions::default()).unwrap();
    assert_eq!(budget.context_tokens, 8_192);
    assert_eq!(budget.kv, KvLayout { block_tokens: 16, blocks: 512, block_bytes: BLOCK });
    assert_eq!(budget.memory.kv_bytes, 512 * BLOCK);
    assert_eq!(budget.memory.weight_bytes, WEIGHTS);
    let options = LoadOptions { context_tokens: Some(100), ..LoadOptions::default() };
    let budget = try_plan(&options).unwrap();
    assert_eq!((budget.context_tokens, budget.kv.blocks), (100, 7));
}

#[test]
fn the_kv_limit_is_kept_to_the_block() {
    let kv_bytes = Some(1_000 * BLOCK + BLOCK - 1);
    let budget = try_plan(&LoadOptions { kv_bytes, ..LoadOptions::default() }).unwrap();
    assert_eq!((budget.kv.blocks, budget.context_tokens), (1_000, 8_192));
    // Fewer than the context needs: the context shrinks to what there is.
    let kv_bytes = Some(200 * BLOCK);
    let budget = try_plan(&LoadOptions { kv_bytes, ..LoadOptions::default() }).unwrap();
    assert_eq!((budget.kv.blocks, budget.context_tokens), (200, 3_200));
}

#[test]
fn short_memory_takes_blocks_away_down_to_the_least() {
    for blocks in [512, 300, 128] {
        let limit = WEIGHTS + workspace() + blocks * BLOCK;
        let options = LoadOptions { memory_bytes: Some(limit), ..LoadOptions::default() };
        let budget = try_plan(&options).unwrap();
        assert_eq!(u64::from(budget.kv.blocks), blocks);
        assert_eq!(u64::from(budget.context_tokens), blocks * 16);
        assert!(budget.memory.total_bytes() <= limit);
    }
    let memory_bytes = Some(WEIGHTS + workspace() + 128 * BLOCK - 1);
    let options = LoadOptions { memory_bytes, ..LoadOptions::default() };
    let error = try_plan(&options).unwrap_err();
    let text = error.to_string();
    for part in ["1000000 bytes of weights", "f16 kv cache of 2048 tokens", "workspace", "q8_0"] {
        assert!(text.contains(part), "{text}");
    }
    let ModelError::Memory { needed_bytes, available_bytes, .. } = error else { panic!("{text}") };
    assert_eq!(needed_bytes, available_bytes + 1);
    // A smaller context fits.
    assert!(try_plan(&LoadOptions { context_tokens: Some(1_024), ..options }).is_ok());
}

#[test]
fn a_kv_limit_below_the_least_is_refused_by_its_own_figures() {
    let kv_bytes = Some(127 * BLOCK);
    let error = try_plan(&LoadOptions { kv_bytes, ..LoadOptions::default() }).unwrap_err();
    // Not the error of too little memory, which unloading another model might cure.
    let ModelError::Config { problem, .. } = error else { panic!("{error}") };
    for figure in [128 * BLOCK, 127 * BLOCK] {
        assert!(problem.contains(&figure.to_string()), "{problem}");
    }
}

#[test]
fn storage_types_and_block_sizes_have_their_price() {
    let config = DecoderConfig { head_dim: 64, ..config(8_192) };
    let bytes = |kv_type, tokens| KvShape::new(&config, kv_type, tokens).unwrap().block_bytes();
    let numbers = 2 * 2 * 2 * 64 * 16;
    assert_eq!(bytes(KvType::F32, 16), numbers * 4);
    assert_eq!(bytes(KvType::F16, 16), numbers * 2);
    assert_eq!(bytes(KvType::Q8_0, 16), numbers / 32 * 34);
    assert_eq!(bytes(KvType::F16, 64), numbers * 2 * 4);
}

#[test]
fn impossible_options_are_refused() {
    let refused = |options: LoadOptions, expected: &str| {
        let error = try_plan(&options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(LoadOptions { context_tokens: Some(0), ..LoadOptions::default() }, "0 tokens");
    refused(LoadOptions { block_tokens: 0, ..LoadOptions::default() }, "multiple of 16");
    refused(LoadOptions { block_tokens: 24, ..LoadOptions::default() }, "24 positions");
    refused(LoadOptions { block_tokens: 2_048, ..LoadOptions::default() }, "up to 1024");
    refused(LoadOptions { kv_type: KvType::Q8_0, ..LoadOptions::default() }, "this model's is 16");
}
