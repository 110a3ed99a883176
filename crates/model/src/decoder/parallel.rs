//! Spreads independent pieces of work over the compute threads.
//!
//! The threads are those that candle's matrix products use: a second pool would fight with them
//! for the same cores.

use std::sync::{Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// Calls `f(index, chunk)` for each consecutive piece of `out` of `size` elements (the last may be
/// shorter), on several threads when there is more than one piece.
pub(super) fn for_each_chunk(out: &mut [f32], size: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    let chunks: Vec<&mut [f32]> = out.chunks_mut(size).collect();
    for_each(chunks, |index, chunk| f(index, chunk));
}

/// Calls `f(index, item)` for each item, on several threads when there are several items.
pub(super) fn for_each<T: Send>(mut items: Vec<T>, f: impl Fn(usize, &mut T) + Sync) {
    if let [item] = &mut items[..] {
        return f(0, item);
    }
    // The locks are never contended, each item is visited once: they only prove to the compiler
    // that no two threads hold the same item.
    let items: Vec<Mutex<T>> = items.into_iter().map(Mutex::new).collect();
    candle_core::utils::barrier_pool().execute_chunked(items.len(), |range| {
        for index in range {
            let mut item = items[index].lock().unwrap_or_else(PoisonError::into_inner);
            f(index, &mut item);
        }
    });
}
