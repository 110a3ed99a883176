//! Tests what the cache keeps and how it grows.

use super::*;

#[test]
fn rows_are_kept_in_order_and_dropped_from_the_end() {
    let mut cache = KvCache::new(2, 2, 8);
    for layer in 0..2 {
        let new = cache.layer(layer).append(&[1.0, 2.0], &[10.0, 20.0]);
        assert_eq!(new, [1.0, 2.0]);
        let new = cache.layer(layer).append(&[3.0, 4.0, 5.0, 6.0], &[30.0, 40.0, 50.0, 60.0]);
        assert_eq!(new, [3.0, 4.0, 5.0, 6.0]);
    }
    assert_eq!(cache.length(), 3);
    cache.truncate(2);
    assert_eq!(cache.length(), 2);
    cache.truncate(7);
    assert_eq!(cache.length(), 2);
    assert_eq!(cache.layer(0).keys(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(cache.layer(1).values(), [10.0, 20.0, 30.0, 40.0]);
}

#[test]
fn buffers_never_outgrow_the_reservation() {
    let (max_tokens, width) = (100, 3);
    let mut cache = KvCache::new(1, width, max_tokens);
    let mut moves = 0;
    let mut capacity = 0;
    for _ in 0..max_tokens {
        cache.layer(0).append(&[0.0; 3], &[0.0; 3]);
        let now = cache.layers[0].keys.capacity();
        moves += usize::from(now != capacity);
        capacity = now;
    }
    assert_eq!(capacity, max_tokens * width);
    assert!(moves <= 8, "the buffer moved {moves} times for {max_tokens} tokens");
}
