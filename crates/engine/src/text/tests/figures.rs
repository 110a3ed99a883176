//! Tests what is measured of requests and steps.

use std::time::Duration;

use intramuros_types::SamplingParams;

use super::{Bench, config, hashed, request};
use crate::{EngineConfig, Meter, Tally};

#[track_caller]
fn check_sum(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-3, "{found} is not {expected}");
}

#[tokio::test]
async fn waits_and_gaps_are_those_of_the_clock() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let tally = Tally::default();
    let mut first = request("ab", SamplingParams::greedy(3));
    first.meter = Meter::default().with_tally(tally.clone());
    let first = bench.engine.submit(first).await.unwrap();
    bench.control.wait_for_step(1);
    let second = bench.accept("cd", 1).await;
    bench.clock.advance(Duration::from_secs(2));
    bench.control.allow(1);
    bench.control.wait_for_step(2);
    bench.clock.advance(Duration::from_millis(30));
    bench.control.release();
    let prompt_tokens = u64::from(first.prompt_tokens());
    assert_eq!(first.collect().await.unwrap().usage.completion_tokens, 3);
    second.collect().await.unwrap();

    let measured = bench.engine.distributions();
    assert_eq!(measured.queue_wait.count(), 2);
    check_sum(measured.queue_wait.sum, 2.03);
    assert_eq!(measured.first_token.count(), 2);
    check_sum(measured.first_token.sum, 4.03);
    assert_eq!(measured.token_gap.count(), 2, "three tokens have two gaps");
    check_sum(measured.token_gap.sum, 0.03);
    assert_eq!(measured.step_rows.count(), bench.engine.status().steps);

    let read = tally.read();
    assert_eq!(read.queue_wait, Some(Duration::ZERO));
    assert_eq!(read.first_token, Some(Duration::from_secs(2)));
    assert_eq!((read.prompt_tokens, read.generated_tokens), (prompt_tokens, 3));
}

#[tokio::test]
async fn a_request_that_never_ran_has_no_times() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let running = bench.accept("ab", 1).await;
    bench.control.wait_for_step(1);
    let tally = Tally::default();
    let mut waiting = request("cd", SamplingParams::greedy(1));
    waiting.meter = Meter::default().with_tally(tally.clone());
    drop(bench.engine.submit(waiting).await.unwrap());
    bench.control.release();
    running.collect().await.unwrap();
    bench.engine.stop(Duration::ZERO).await;
    assert_eq!((tally.read().queue_wait, tally.read().first_token), (None, None));
    assert_eq!(bench.engine.distributions().queue_wait.count(), 1);
}
