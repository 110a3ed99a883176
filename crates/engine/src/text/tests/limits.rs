//! Tests that nothing is cut, nothing is unbounded, and nothing lasts for ever.

use std::time::Duration;

use intramuros_testkit::FakeText;
use intramuros_types::SamplingParams;

use super::{Bench, config, hashed, request};
use crate::{ComputeGate, EngineConfig, EngineError, Prompt, TextEngine};

/// A prompt of `prompt_tokens` asked for `max_tokens` with a context of 32: the error, or `""`.
async fn check(prompt_tokens: usize, max_tokens: Option<u32>, expected: &str) {
    let bench = Bench::new(hashed().with_context_tokens(32), config());
    let sampling = SamplingParams { max_tokens, ..SamplingParams::greedy(1) };
    let mut request = request("", sampling);
    request.prompt = Prompt::Tokens(vec![1; prompt_tokens]);
    let told = match bench.engine.submit(request).await {
        Ok(generation) => generation.collect().await.err(),
        Err(error) => Some(error),
    };
    assert_eq!(told.map(|error| error.to_string()).unwrap_or_default(), expected);
    assert_eq!(bench.engine.status().queued, 0, "a refused request kept its place");
}

#[tokio::test]
async fn prompt_and_answer_fit_the_context_or_are_refused_with_the_counts() {
    let short = "shorten the prompt";
    check(31, Some(1), "").await;
    check(1, Some(31), "").await;
    check(31, None, "").await;
    check(32, None, &format!("prompt has 32 tokens, the model's context is 32; {short}")).await;
    check(5000, Some(1), &format!("prompt has 5,000 tokens, the model's context is 32; {short}"))
        .await;
    check(
        31,
        Some(2),
        "prompt has 31 tokens and max_tokens is 2, the model's context is 32; shorten the prompt \
         or ask for fewer tokens",
    )
    .await;
    check(0, Some(1), "prompt has no tokens; give at least one").await;
    check(3, Some(0), "max_tokens is 0; it must be at least 1").await;
    check(1, Some(u32::MAX), "prompt has 1 tokens and max_tokens is 4,294,967,295, the model's context is 32; shorten the prompt or ask for fewer tokens").await;
}

#[tokio::test]
async fn token_ids_outside_the_vocabulary_are_refused() {
    let bench = Bench::new(hashed(), config());
    let mut request = request("", SamplingParams::greedy(1));
    request.prompt = Prompt::Tokens(vec![5, 259]);
    let error = bench.engine.submit(request).await.unwrap_err();
    assert_eq!(error.to_string(), "prompt has token id 259; the model has ids below 259");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |change: fn(&mut EngineConfig)| {
        let mut config = config();
        change(&mut config);
        let load = || Ok(Box::new(hashed()) as Box<_>);
        let codec = std::sync::Arc::new(intramuros_testkit::FakeCodec);
        TextEngine::start(load, codec, config, ComputeGate::default()).unwrap_err().to_string()
    };
    for (told, name) in [
        (refused(|c| c.max_queue = 0), "max_queue"),
        (refused(|c| c.max_queue = usize::MAX), "max_queue"),
        (refused(|c| c.max_sequences = 0), "max_sequences"),
        (refused(|c| c.prefill_chunk_tokens = 0), "prefill_chunk_tokens"),
        (refused(|c| c.default_max_tokens = Some(0)), "default_max_tokens"),
        (refused(|c| c.request_timeout = Duration::ZERO), "request_timeout"),
    ] {
        assert!(told.starts_with(&format!("engine setting {name} is")), "{told}");
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_recovers() {
    let bench = Bench::new(hashed(), EngineConfig { max_queue: 2, max_sequences: 1, ..config() });
    bench.control.hold();
    let running = bench.accept("a", 3).await;
    bench.control.wait_for_step(1);
    let waiting = [bench.accept("b", 3).await, bench.accept("c", 3).await];
    let status = bench.engine.status();
    assert_eq!((status.queued, status.running, status.limit), (2, 1, 2));
    let error = bench.submit("d", 3).await.unwrap_err();
    let EngineError::Overloaded { what: "generation", queued: 2, limit: 2, retry_after } = error
    else {
        panic!("{error:?}")
    };
    assert!((1..=60).contains(&retry_after.as_secs()));
    bench.control.release();
    running.collect().await.unwrap();
    for generation in waiting {
        generation.collect().await.unwrap();
    }
    assert_eq!(bench.answer("d", 3).await.len(), 3);
}

#[tokio::test]
async fn no_more_sequences_run_than_allowed() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 2, ..config() });
    let mut generations = Vec::new();
    for prompt in ["a", "b", "c", "d", "e"] {
        generations.push(bench.accept(prompt, 5).await);
    }
    for generation in generations {
        generation.collect().await.unwrap();
    }
    assert!(bench.control.batches().iter().all(|batch| batch.rows.len() <= 2));
}

/// Lets time pass while `held` steps have run; the request must end with a time-out.
async fn check_timeout(model: FakeText, prompt: &str, allowed_steps: usize) {
    let bench = Bench::new(model, config());
    bench.control.hold();
    let mut request = request(prompt, SamplingParams::greedy(50));
    request.timeout = Some(Duration::from_secs(7));
    let generation = bench.engine.submit(request).await.unwrap();
    bench.control.allow(allowed_steps);
    bench.control.wait_for_step(allowed_steps + 1);
    bench.clock.advance(Duration::from_millis(7001));
    bench.control.release();
    let error = generation.collect().await.unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { after } if after.as_secs() == 7), "{error:?}");
    assert_eq!(bench.control.steps(), allowed_steps + 1, "it went on after its time");
    assert_eq!(bench.used_blocks(), 0);
    assert_eq!(bench.engine.status().failed, 1);
}

#[tokio::test]
async fn time_is_up_in_prefill_and_in_decode() {
    check_timeout(hashed(), &"x".repeat(100), 1).await;
    check_timeout(hashed(), "x", 4).await;
}

#[tokio::test]
async fn time_is_up_in_the_queue() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let mut slow = request("a", SamplingParams::greedy(9));
    slow.timeout = Some(Duration::MAX);
    let running = bench.engine.submit(slow).await.unwrap();
    bench.control.wait_for_step(1);
    let waiting = bench.accept("b", 9).await;
    bench.clock.advance(Duration::from_secs(601));
    bench.control.release();
    let error = waiting.collect().await.unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { after } if after.as_secs() == 600));
    assert_eq!(running.collect().await.unwrap().text.len(), 9);
    assert!(bench.control.batches().iter().all(|batch| batch.rows[0].blocks[0].0 == 0));
}
