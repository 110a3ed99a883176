//! Tests what blocks keep.

use super::*;

fn shape(kv_type: KvType, block_tokens: usize) -> KvShape {
    KvShape { layers: 2, kv_heads: 3, head_dim: 64, block_tokens, kv_type }
}

fn noise(length: usize, seed: usize) -> Vec<f32> {
    (0..length).map(|at| ((at * 31 + seed * 17) as f32 * 12.9898).sin()).collect()
}

/// Writes positions 0..70 to scattered blocks and reads every group of every head.
#[track_caller]
fn check(kv_type: KvType, block_tokens: usize, tolerance: f32) {
    let shape = shape(kv_type, block_tokens);
    let mut cache = KvCache::new(shape, 9);
    let blocks: Vec<BlockId> = [8, 0, 5, 3, 7].map(BlockId).to_vec();
    let row = |position: usize, layer: usize| {
        (noise(3 * 64, position + 1_000 * layer), noise(3 * 64, position + 1_000 * layer + 500))
    };
    for layer in 0..2 {
        for position in 0..70 {
            let (keys, values) = row(position, layer);
            cache.layer(layer).write(&blocks, position, &keys, &values);
        }
    }
    let (mut keys, mut values) = (vec![0.0; LANES * 64], vec![0.0; LANES * 64]);
    for layer in 0..2 {
        for kv_head in 0..3 {
            for position in 0..70 {
                let (lane, start) = (position % LANES, position / LANES * LANES);
                let target = (&mut keys[..], &mut values[..]);
                cache.layer(layer).read(&blocks, start, kv_head, target);
                let (key, value) = row(position, layer);
                for at in 0..64 {
                    let difference = (keys[at * LANES + lane] - key[kv_head * 64 + at]).abs();
                    assert!(difference <= tolerance, "key of {position}, head {kv_head}");
                    let difference = (values[lane * 64 + at] - value[kv_head * 64 + at]).abs();
                    assert!(difference <= tolerance, "value of {position}, head {kv_head}");
                }
            }
        }
    }
}

#[test]
fn blocks_keep_what_is_written_to_them() {
    for block_tokens in [16, 32, 48] {
        check(KvType::F32, block_tokens, 0.0);
        check(KvType::F16, block_tokens, 1.0 / 4_096.0);
        check(KvType::Q8_0, block_tokens, 0.5 / 127.0 + 1e-3);
    }
}

#[test]
fn the_greatest_number_of_a_scale_is_kept_and_zeros_stay_zeros() {
    let mut cache = KvCache::new(shape(KvType::Q8_0, 16), 1);
    let mut row = vec![0.0; 3 * 64];
    row[5] = 127.0;
    row[6] = -64.0;
    cache.layer(0).write(&[BlockId(0)], 0, &row, &row);
    let (mut keys, mut values) = (vec![1.0; LANES * 64], vec![1.0; LANES * 64]);
    cache.layer(0).read(&[BlockId(0)], 0, 0, (&mut keys, &mut values));
    assert_eq!(values[..64], row[..64]);
    assert_eq!((keys[5 * LANES], keys[6 * LANES], keys[40 * LANES]), (127.0, -64.0, 0.0));
}
