//! Waits in tests without sleeping.

use std::time::{Duration, Instant};

/// Polls a future once; it must not be ready yet.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) {
    tokio::select! {
        biased;
        _ = future => panic!("ready too early"),
        () = std::future::ready(()) => {}
    }
}

/// Waits for a condition that another thread is about to bring about.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never happened: {what}");
        std::thread::yield_now();
    }
}
