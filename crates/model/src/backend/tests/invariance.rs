//! Tests that a token's logits depend on the tokens before it and on nothing else, to the bit.

use super::*;

/// Models that are tried, with every storage type that their heads allow: one per kind of RoPE,
/// with and without windows, one with quantised weights.
fn models() -> Vec<(String, CandleTextBackend)> {
    let mut models = Vec::new();
    let mut add = |name: &str, files: ModelFiles, kv_type: KvType| {
        let model = load_with(&files, &options(kv_type));
        models.push((format!("{name}, {}", kv_type.name()), model));
    };
    for kv_type in [KvType::F32, KvType::F16] {
        add("qwen2 q8_0", gguf("qwen2", "q8_0.gguf"), kv_type);
        add("llama-untied", gguf("llama-untied", "f.gguf"), kv_type);
        add("llama-rope-llama3", gguf("llama-rope-llama3", "f.gguf"), kv_type);
        add("ministral3", gguf("ministral3", "f.gguf"), kv_type);
        add("mistral-head-dim", gguf("mistral-head-dim", "f.gguf"), kv_type);
        add("mistral-window", safetensors("mistral-window"), kv_type);
        add("qwen2-window", safetensors("qwen2-window"), kv_type);
    }
    let wide = WideHeads::write();
    for kv_type in [KvType::F32, KvType::F16, KvType::Q8_0] {
        for files in &wide.files {
            add("heads of 32", files.clone(), kv_type);
        }
    }
    models
}

/// The weights of golden models read as if their four heads of 16 were two of 32: random models
/// whose heads Q8_0 can hold, with and without a window.
struct WideHeads {
    files: [ModelFiles; 2],
    _directories: [tempfile::TempDir; 2],
}

impl WideHeads {
    fn write() -> Self {
        let names = ["llama-tied", "mistral-window"];
        let directories = names.map(|_| tempfile::tempdir().unwrap());
        let files = std::array::from_fn(|at| {
            let text = std::fs::read_to_string(golden(names[at]).join("config.json")).unwrap();
            let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
            json["num_attention_heads"] = json!(2);
            json["num_key_value_heads"] = json!(1);
            json["head_dim"] = json!(32);
            let config = directories[at].path().join("config.json");
            std::fs::write(&config, json.to_string()).unwrap();
            let shards = vec![golden(names[at]).join("model.safetensors")];
            alone(WeightFiles::Safetensors { shards, config })
        });
        Self { files, _directories: directories }
    }
}

fn prompt(length: u32, seed: u32) -> Vec<u32> {
    (0..length).map(|at| (at * at * 7 + at * seed + seed) % 160).collect()
}

/// A chain of chunk lengths that sum to `length`, different for each seed.
fn chunks(length: usize, seed: usize) -> Vec<usize> {
    let (mut rest, mut state, mut chunks) = (length, seed, Vec::new());
    while rest > 0 {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        let count = (state / 65_536 % 23 + 1).min(rest);
        chunks.push(count);
        rest -= count;
    }
    chunks
}

#[test]
fn logits_do_not_depend_on_where_rows_begin() {
    for (name, mut model) in models() {
        let tokens = prompt(100, 3);
        let expected = in_one_pass(&mut model, &tokens);
        assert_eq!(token_by_token(&mut model, &tokens), expected, "{name}");
        for seed in 1..6 {
            let chunks = chunks(tokens.len(), seed);
            assert_eq!(in_chunks(&mut model, &tokens, &chunks), expected, "{name}: {chunks:?}");
        }
    }
}

#[test]
fn logits_do_not_depend_on_the_rest_of_the_batch() {
    for (name, mut model) in models() {
        let prompts = [prompt(90, 5), prompt(53, 11), prompt(17, 2)];
        let expected = prompts.each_ref().map(|prompt| in_one_pass(&mut model, prompt));
        let chunks: [Vec<usize>; 3] =
            std::array::from_fn(|which| chunks(prompts[which].len(), which + 7));
        let mut open = [0, 8, 16].map(|first| Sequence::new(first, 8));
        for step in 0..chunks.iter().map(Vec::len).max().unwrap() {
            // Backwards on odd steps: the order of the rows must not matter either.
            let mut order = vec![0, 1, 2];
            if step % 2 == 1 {
                order.reverse();
            }
            let (mut rows, mut spans) = (Vec::new(), Vec::new());
            for which in order {
                let Some(count) = chunks[which].get(step) else { continue };
                let start = open[which].length as usize;
                let span = start..start + count;
                rows.push(open[which].row(&prompts[which][span.clone()], *count));
                spans.push((which, span));
            }
            for ((which, span), logits) in spans.into_iter().zip(forward(&mut model, rows)) {
                let expected = &expected[which][span.clone()];
                assert_eq!(rows_of(&logits), expected, "{name}: sequence {which}, {span:?}");
            }
        }
    }
}

#[test]
fn sequences_that_share_blocks_get_what_they_would_get_alone() {
    for (name, mut model) in models() {
        // Both begin with the same 48 tokens, three whole blocks, then part.
        let start = prompt(48, 9);
        let ends = [prompt(30, 1), prompt(25, 4)];
        let alone = ends.each_ref().map(|end| {
            let tokens = [start.as_slice(), end].concat();
            in_one_pass(&mut model, &tokens).split_off(48)
        });
        let mut first = Sequence::new(8, 5);
        forward(&mut model, vec![first.row(&start, 0)]);
        let shared = first.blocks[..3].to_vec();
        let blocks = [shared, vec![BlockId(20), BlockId(15)]].concat();
        let mut second = Sequence { blocks, length: 48 };
        let rows = vec![first.row(&ends[0], 30), second.row(&ends[1], 25)];
        let logits = forward(&mut model, rows);
        assert_eq!(rows_of(&logits[0]), alone[0], "{name}");
        assert_eq!(rows_of(&logits[1]), alone[1], "{name}");
    }
}

#[test]
fn what_a_block_held_before_does_not_matter() {
    for (name, mut model) in models() {
        let tokens = prompt(37, 6);
        let expected = in_one_pass(&mut model, &tokens);
        // Other tokens in the same blocks, also where the sequence will end inside one.
        in_one_pass(&mut model, &prompt(120, 13));
        assert_eq!(in_one_pass(&mut model, &tokens), expected, "{name}");
        // A draft that is not taken is written over.
        let mut sequence = Sequence::new(0, 8);
        forward(&mut model, vec![sequence.row(&tokens[..20], 0)]);
        forward(&mut model, vec![sequence.row(&[9, 8, 7, 6], 4)]);
        sequence.length = 20;
        let logits = forward(&mut model, vec![sequence.row(&tokens[20..], 17)]);
        assert_eq!(rows_of(&logits[0]), expected[20..], "{name}");
    }
}

#[test]
fn logits_do_not_depend_on_the_size_of_blocks() {
    let tokens = prompt(100, 3);
    let files = gguf("ministral3", "f.gguf");
    let mut logits = [16, 32, 48, 128].map(|block_tokens| {
        let mut model = load_with(&files, &LoadOptions { block_tokens, ..options(KvType::F16) });
        in_chunks(&mut model, &tokens, &[33, 50, 17])
    });
    let expected = std::mem::take(&mut logits[0]);
    assert!(logits[1..].iter().all(|logits| *logits == expected));
}

#[test]
fn wide_heads_in_q8_0_stay_near_f32() {
    let wide = WideHeads::write();
    for files in &wide.files {
        let tokens = prompt(60, 3);
        let [exact, rounded] = [KvType::F32, KvType::Q8_0]
            .map(|kv_type| in_one_pass(&mut load_with(files, &options(kv_type)), &tokens));
        let golden = Golden { tokens, positions: (0..60).collect(), logits: exact };
        check_mean("heads of 32", &rounded, &golden, Q8_0_TOLERANCE);
    }
}
