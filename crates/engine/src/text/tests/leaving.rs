//! Tests that clients who leave cost nothing any more, wherever their request is.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use intramuros_backend::{BackendError, ChatOptions, TextCodec, ToolFormat};
use intramuros_testkit::FakeCodec;
use intramuros_types::{Message, SamplingParams};

use super::{Bench, config, eventually, hashed, poll_once, request};
use crate::{ComputeGate, EngineConfig, EngineError, TextEngine};

/// The client of a request with `prompt` leaves in the step after `allowed_steps`.
async fn check(prompt: &str, allowed_steps: usize) {
    let bench = Bench::new(hashed(), config());
    bench.control.hold();
    let generation = bench.accept(prompt, 50).await;
    bench.control.allow(allowed_steps);
    bench.control.wait_for_step(allowed_steps + 1);
    drop(generation);
    bench.control.release();
    eventually("the blocks are free", || bench.used_blocks() == 0);
    bench.answer("next", 1).await;
    assert_eq!(bench.control.steps(), allowed_steps + 2, "it was computed for nobody");
    let status = bench.engine.status();
    assert_eq!((status.cancelled, status.completed, status.failed), (1, 1, 0));
}

#[tokio::test]
async fn leaving_in_prefill_frees_the_sequence_at_the_next_step() {
    check(&"x".repeat(100), 0).await;
    check(&"x".repeat(100), 3).await;
}

#[tokio::test]
async fn leaving_in_decode_frees_the_sequence_at_the_next_step() {
    check("x", 1).await;
    check("x", 20).await;
}

#[tokio::test]
async fn leaving_in_the_queue_frees_the_place_and_opens_nothing() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, max_queue: 1, ..config() });
    bench.control.hold();
    let running = bench.accept("a", 5).await;
    bench.control.wait_for_step(1);
    drop(bench.accept("b", 5).await);
    bench.control.allow(1);
    bench.control.wait_for_step(2);
    eventually("the place is free", || bench.engine.status().queued == 0);
    let next = bench.accept("c", 5).await;
    bench.control.release();
    running.collect().await.unwrap();
    next.collect().await.unwrap();
    // Each has a prefill and four more steps; the one that left has none.
    assert_eq!((bench.control.steps(), bench.engine.status().cancelled), (10, 1));
}

#[tokio::test]
async fn one_leaves_and_its_neighbours_go_on_unchanged() {
    let alone = Bench::new(hashed(), config()).answer("stays", 20).await;
    let bench = Bench::new(hashed(), config());
    bench.control.hold();
    let leaves = bench.accept("leaves", 40).await;
    let stays = bench.accept("stays", 20).await;
    bench.control.allow(5);
    bench.control.wait_for_step(6);
    drop(leaves);
    bench.control.release();
    assert_eq!(stays.collect().await.unwrap().text, alone);
}

/// A codec that says when it is called and waits until it may go on.
struct SlowCodec {
    called: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl TextCodec for SlowCodec {
    fn encode_chat(&self, _: &[Message], _: &ChatOptions) -> Result<Vec<u32>, BackendError> {
        Ok(vec![1])
    }

    fn encode(&self, text: &str, _: bool) -> Result<Vec<u32>, BackendError> {
        self.called.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        FakeCodec.encode(text, false)
    }

    fn token_bytes(&self, _: u32) -> &[u8] {
        b"x"
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
async fn leaving_while_tokenising_keeps_the_place_until_that_is_over() {
    let ((called, was_called), (go_on, may_go_on)) = (channel(), channel());
    let codec = SlowCodec { called: Mutex::new(called), go_on: Mutex::new(may_go_on) };
    let config = EngineConfig { max_queue: 1, ..config() };
    let load = || Ok(Box::new(hashed()) as Box<_>);
    let engine = TextEngine::start(load, Arc::new(codec), config, ComputeGate::default()).unwrap();
    let submit = || engine.submit(request("a", SamplingParams::greedy(2)));
    let mut leaves = Box::pin(submit());
    poll_once(&mut leaves).await;
    was_called.recv().unwrap();
    drop(leaves);
    // Otherwise clients who come and go could keep every thread of the machine tokenising.
    assert!(matches!(submit().await, Err(EngineError::Overloaded { .. })));
    go_on.send(()).unwrap();
    eventually("the place is free", || engine.status().queued == 0);
    go_on.send(()).unwrap();
    assert_eq!(submit().await.unwrap().collect().await.unwrap().text, "xx");
}
