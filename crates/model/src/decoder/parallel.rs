//! Spreads independent pieces of an output over the compute threads.
//!
//! The threads are those that candle's matrix products use: a second pool would fight with them
//! for the same cores.

use std::sync::{Mutex, PoisonError};

/// Calls `f(index, chunk)` for each consecutive piece of `out` of `size` elements (the last may be
/// shorter), on several threads when there is more than one piece.
pub(super) fn for_each_chunk(out: &mut [f32], size: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() <= size {
        if !out.is_empty() {
            f(0, out);
        }
        return;
    }
    // The locks are never contended, each piece is visited once: they only prove to the compiler
    // that no two threads hold the same piece.
    let chunks: Vec<Mutex<&mut [f32]>> = out.chunks_mut(size).map(Mutex::new).collect();
    candle_core::utils::barrier_pool().execute_chunked(chunks.len(), |range| {
        for index in range {
            let mut chunk = chunks[index].lock().unwrap_or_else(PoisonError::into_inner);
            f(index, &mut chunk);
        }
    });
}

#[cfg(test)]
mod tests;
