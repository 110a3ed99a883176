//! Tests that a failing step, loader or codec harms only its own requests, and that stops end.

use std::sync::Arc;
use std::time::Duration;

use intramuros_backend::{BackendError, ChatOptions, TextCodec, ToolFormat};
use intramuros_testkit::{FakeCodec, Mishap};
use intramuros_types::{Fault, Message, SamplingParams};

use super::{Bench, config, hashed, poll_once, request};
use crate::{ComputeGate, EngineConfig, EngineError, TextEngine};

/// What a request gets whose third step goes wrong; the next request must work.
async fn check(mishap: Mishap, expected: &str) {
    let bench = Bench::new(hashed(), config());
    bench.control.at_step(3, mishap);
    let error = bench.accept("a", 10).await.collect().await.unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.fault(), Fault::Bug);
    assert_eq!(bench.used_blocks(), 0);
    let alone = Bench::new(hashed(), config()).answer("b", 10).await;
    assert_eq!(bench.answer("b", 10).await, alone);
    let status = bench.engine.status();
    assert_eq!((status.failed, status.completed, status.healthy), (1, 1, true));
}

#[tokio::test]
async fn a_step_that_goes_wrong_fails_its_request_and_the_engine_goes_on() {
    let failed = "the model failed while it computed this request; it may be sent again";
    check(Mishap::Panic, failed).await;
    check(Mishap::Fail, failed).await;
    check(Mishap::WrongShape, failed).await;
    let nan = "forward pass failed: the logit of token 0 is not a finite number";
    check(Mishap::NotANumber, nan).await;
}

#[tokio::test]
async fn sequences_outside_of_the_failed_batch_go_on() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 2, ..config() });
    bench.control.hold();
    bench.control.at_step(2, Mishap::Panic);
    // The first takes the whole prefill budget of two steps; the others, of the same length and
    // due after it, are not in the batch.
    let first = bench.accept(&"x".repeat(40), 5).await;
    bench.control.wait_for_step(1);
    let second = bench.accept(&"y".repeat(40), 5).await;
    let third = bench.accept(&"z".repeat(40), 5).await;
    bench.control.release();
    assert!(matches!(first.collect().await, Err(EngineError::StepFailed)));
    assert_eq!(second.collect().await.unwrap().text.len(), 5);
    assert_eq!(third.collect().await.unwrap().text.len(), 5);
}

#[tokio::test]
async fn three_failures_in_a_row_are_unhealthy_until_a_step_succeeds() {
    let bench = Bench::new(hashed(), config());
    for step in [1, 2, 4, 5, 6] {
        bench.control.at_step(step, Mishap::Panic);
    }
    let mut health = Vec::new();
    for _ in 1..=7 {
        let _ = bench.accept("a", 1).await.collect().await;
        health.push(bench.engine.status().healthy);
    }
    assert_eq!(health, [true, true, true, true, true, false, true]);
}

#[tokio::test]
async fn a_loader_that_fails_or_panics_is_an_error() {
    let start = |load: fn() -> Result<Box<_>, BackendError>| {
        TextEngine::start(load, Arc::new(FakeCodec), config(), ComputeGate::default()).unwrap_err()
    };
    let failed = start(|| Err(BackendError::Model("file is short".to_owned())));
    assert_eq!((failed.to_string().as_str(), failed.fault()), ("file is short", Fault::Runtime));
    let panicked = start(|| panic!("a test asked for it"));
    assert!(matches!(panicked, EngineError::Backend(BackendError::Model(_))));
}

struct PanickingCodec;

impl TextCodec for PanickingCodec {
    fn encode_chat(&self, _: &[Message], _: &ChatOptions) -> Result<Vec<u32>, BackendError> {
        panic!("a test asked for it")
    }

    fn encode(&self, _: &str, _: bool) -> Result<Vec<u32>, BackendError> {
        panic!("a test asked for it")
    }

    fn token_bytes(&self, _: u32) -> &[u8] {
        &[]
    }

    fn stop_tokens(&self) -> &[u32] {
        &[]
    }

    fn special_text(&self, _: u32) -> Option<&str> {
        None
    }

    fn vocab_size(&self) -> usize {
        FakeCodec::VOCAB_SIZE
    }

    fn tool_format(&self) -> Option<ToolFormat> {
        None
    }
}

#[tokio::test]
async fn a_codec_that_panics_fails_the_request_and_frees_its_place() {
    let load = || Ok(Box::new(hashed()) as Box<_>);
    let engine =
        TextEngine::start(load, Arc::new(PanickingCodec), config(), ComputeGate::default())
            .unwrap();
    let error = engine.submit(request("a", SamplingParams::greedy(1))).await.unwrap_err();
    assert!(matches!(error, EngineError::StepFailed));
    assert_eq!(engine.status().queued, 0);
}

/// A codec that tokenises and then knows no token.
struct HalfCodec;

impl TextCodec for HalfCodec {
    fn encode_chat(&self, _: &[Message], _: &ChatOptions) -> Result<Vec<u32>, BackendError> {
        Ok(vec![1])
    }

    fn encode(&self, _: &str, _: bool) -> Result<Vec<u32>, BackendError> {
        Ok(vec![1])
    }

    fn token_bytes(&self, token: u32) -> &[u8] {
        panic!("token {token} is unknown because a test asked for it")
    }

    fn stop_tokens(&self) -> &[u32] {
        &[]
    }

    fn special_text(&self, _: u32) -> Option<&str> {
        None
    }

    fn vocab_size(&self) -> usize {
        FakeCodec::VOCAB_SIZE
    }

    fn tool_format(&self) -> Option<ToolFormat> {
        None
    }
}

#[tokio::test]
async fn a_codec_that_panics_on_a_token_fails_the_request_and_not_the_thread() {
    let load = || Ok(Box::new(hashed()) as Box<_>);
    let engine =
        TextEngine::start(load, Arc::new(HalfCodec), config(), ComputeGate::default()).unwrap();
    for failed in 1..=2 {
        let generation = engine.submit(request("a", SamplingParams::greedy(1))).await.unwrap();
        assert!(matches!(generation.collect().await, Err(EngineError::StepFailed)));
        assert_eq!(engine.status().failed, failed);
    }
}

#[tokio::test]
async fn stop_refuses_new_and_waiting_requests_and_lets_running_ones_end() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let running = bench.accept("a", 5).await;
    bench.control.wait_for_step(1);
    let waiting = bench.accept("b", 5).await;
    let mut stop = Box::pin(bench.engine.stop(Duration::from_secs(10)));
    poll_once(&mut stop).await;
    assert!(matches!(bench.submit("c", 5).await, Err(EngineError::Stopped)));
    bench.control.release();
    stop.await;
    assert_eq!(running.collect().await.unwrap().text.len(), 5);
    assert!(matches!(waiting.collect().await, Err(EngineError::Stopped)));
    assert!(!bench.engine.status().healthy);
    bench.engine.stop(Duration::ZERO).await;
    assert!(matches!(bench.submit("d", 5).await, Err(EngineError::Stopped)));
}

#[tokio::test]
async fn stop_cancels_what_still_runs_after_the_grace() {
    let bench = Bench::new(hashed(), config());
    bench.control.hold();
    let running = bench.accept("a", 50).await;
    bench.control.wait_for_step(1);
    let mut stop = Box::pin(bench.engine.stop(Duration::from_secs(10)));
    poll_once(&mut stop).await;
    bench.control.allow(2);
    bench.control.wait_for_step(3);
    bench.clock.advance(Duration::from_secs(10));
    bench.control.release();
    stop.await;
    assert!(matches!(running.collect().await, Err(EngineError::Stopped)));
    assert_eq!((bench.control.steps(), bench.used_blocks()), (3, 0));
}

#[tokio::test]
async fn accepted_work_is_done_after_the_last_handle_is_gone() {
    let Bench { engine, control, .. } = Bench::new(hashed(), config());
    control.hold();
    let generation = engine.submit(request("a", SamplingParams::greedy(6))).await.unwrap();
    drop(engine);
    control.release();
    assert_eq!(generation.collect().await.unwrap().text.len(), 6);
}
