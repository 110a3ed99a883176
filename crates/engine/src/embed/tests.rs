//! Tests batches, order, priorities and accidents of the embedding engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_backend::{BackendError, EmbedBatch, InputKind};
use intramuros_testkit::{Control, FakeEmbed, FakeEmbedCodec, Mishap};

use super::EmbedEngine;
use crate::testing::{eventually, poll_once};
use crate::{Caller, ComputeGate, EmbedConfig, Embeddings, EngineError, Priority};

const DIMENSION: usize = 16;

fn with(priority: Priority) -> Caller {
    Caller { priority, ..Caller::server("test") }
}

struct Bench {
    engine: EmbedEngine,
    gate: ComputeGate,
    control: Control<EmbedBatch>,
}

impl Bench {
    fn new(config: EmbedConfig) -> Self {
        let model = FakeEmbed::new(DIMENSION);
        let control = model.control();
        let load = move || Ok(Box::new(model) as Box<_>);
        let codec = Arc::new(FakeEmbedCodec::default());
        let gate = ComputeGate::default();
        let engine = EmbedEngine::start(load, codec, config, gate.clone()).unwrap();
        Self { engine, gate, control }
    }

    async fn embed(
        &self,
        texts: Vec<String>,
        priority: Priority,
    ) -> Result<Embeddings, EngineError> {
        self.engine.embed(texts, InputKind::Plain, &with(priority)).await
    }

    /// Embeds on another task.
    fn spawn(
        &self,
        texts: Vec<String>,
        priority: Priority,
    ) -> tokio::task::JoinHandle<Result<Embeddings, EngineError>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.embed(texts, InputKind::Plain, &with(priority)).await })
    }

    /// Waits until `requests` are queued, so that the next step knows of them.
    fn wait_for_accepted(&self, requests: u64) {
        eventually("queued", || self.engine.status().accepted == requests);
    }

    /// How many inputs each batch had.
    fn sizes(&self) -> Vec<usize> {
        self.control.batches().iter().map(|batch| batch.sequences.len()).collect()
    }
}

fn config() -> EmbedConfig {
    EmbedConfig { max_queue_inputs: 100, max_batch_tokens: 20 }
}

/// `count` texts of three tokens, all different.
fn texts(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name} {n}")).collect()
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_whatever_their_lengths() {
    let bench = Bench::new(config());
    let texts: Vec<String> = (0..30).map(|n| format!("mot{n} ").repeat(1 + n * 7 % 11)).collect();
    let together = bench.embed(texts.clone(), Priority::Interactive).await.unwrap();
    let mut tokens = 0;
    for (text, vector) in texts.into_iter().zip(&together.vectors) {
        let alone = bench.embed(vec![text], Priority::Interactive).await.unwrap();
        assert_eq!(&alone.vectors[0], vector);
        tokens += alone.tokens;
    }
    assert_eq!(together.tokens, tokens);
    assert_eq!(bench.engine.status().prompt_tokens, 2 * u64::from(tokens));
}

#[tokio::test]
async fn batches_are_full_and_within_the_token_limit() {
    let bench = Bench::new(config());
    bench.embed(texts("a", 14), Priority::Background).await.unwrap();
    // Three tokens each, twenty a batch.
    assert_eq!(bench.sizes(), [6, 6, 2]);
    let long = "mot ".repeat(50);
    bench.embed(vec![long, "court".to_owned()], Priority::Background).await.unwrap();
    assert_eq!(bench.sizes(), [6, 6, 2, 1, 1], "a longer input goes alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_requests_share_a_batch() {
    let bench = Bench::new(config());
    bench.control.hold();
    let first = bench.spawn(texts("a", 1), Priority::Interactive);
    bench.control.wait_for_step(1);
    let others: Vec<_> =
        (0..4).map(|n| bench.spawn(texts(&format!("b{n}"), 1), Priority::Interactive)).collect();
    bench.wait_for_accepted(5);
    bench.control.release();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(bench.sizes(), [1, 4]);
}

/// Only lower bounds of times: a slow machine cannot break them.
#[tokio::test(flavor = "multi_thread")]
async fn bulk_work_rests_twice_as_long_as_it_kept_another_model_waiting() {
    const HELD: Duration = Duration::from_millis(150);
    let bench = Bench::new(config());
    bench.control.hold();
    let bulk = bench.spawn(texts("bulk", 12), Priority::Background);
    bench.control.wait_for_step(1);
    let gate = bench.gate.clone();
    let other = std::thread::spawn(move || drop(gate.enter(Priority::Interactive)));
    eventually("the other model waits", || bench.gate.present() == 2);
    std::thread::sleep(HELD);
    let released = Instant::now();
    bench.control.release();
    assert_eq!(bulk.await.unwrap().unwrap().vectors.len(), 12);
    assert!(released.elapsed() >= 2 * HELD, "{:?}", released.elapsed());
    assert_eq!(bench.sizes(), [6, 6]);
    other.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_waits_for_one_batch_of_bulk_work_at_most() {
    let bench = Bench::new(config());
    bench.control.hold();
    let bulk = bench.spawn(texts("bulk", 60), Priority::Background);
    bench.control.wait_for_step(1);
    let search = bench.spawn(texts("search", 1), Priority::Interactive);
    bench.wait_for_accepted(2);
    bench.control.allow(2);
    // Broken, it would wait behind the steps that are held up.
    let search = tokio::time::timeout(Duration::from_secs(60), search).await;
    assert_eq!(search.unwrap().unwrap().unwrap().vectors.len(), 1);
    assert!(!bulk.is_finished());
    bench.control.release();
    assert_eq!(bulk.await.unwrap().unwrap().vectors.len(), 60);
    assert_eq!(bench.sizes()[..3], [6, 1, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_work_does_not_take_the_places_of_searches() {
    let bench = Bench::new(config());
    bench.control.hold();
    let bulk = bench.spawn(texts("bulk", 100), Priority::Background);
    bench.control.wait_for_step(1);
    let error = bench.embed(texts("more", 7), Priority::Background).await.unwrap_err();
    assert!(
        matches!(error, EngineError::Overloaded { what: "embedding", queued: 94, limit: 100, .. }),
        "{error:?}"
    );
    let search = bench.spawn(texts("search", 100), Priority::Interactive);
    bench.wait_for_accepted(2);
    assert_eq!(bench.engine.status().queued, 194);
    bench.control.release();
    assert_eq!(search.await.unwrap().unwrap().vectors.len(), 100);
    assert_eq!(bulk.await.unwrap().unwrap().vectors.len(), 100);
    assert_eq!(bench.engine.status().queued, 0);
}

#[tokio::test]
async fn what_can_never_work_is_refused() {
    let bench = Bench::new(config());
    let told = |result: Result<Embeddings, EngineError>| result.unwrap_err().to_string();
    let none = told(bench.embed(vec![], Priority::Interactive).await);
    assert_eq!(none, "input has no text; give at least one");
    let many = told(bench.embed(texts("a", 101), Priority::Interactive).await);
    assert_eq!(many, "input has 101 texts; at most 100 are taken at once, send fewer");
    let long = vec!["ok".to_owned(), "mot ".repeat(600)];
    let long = told(bench.embed(long, Priority::Interactive).await);
    assert_eq!(long, "input 1: text has 601 tokens, the model takes 512");
    assert_eq!(bench.engine.status().queued, 0);
    assert_eq!(bench.control.steps(), 0);
    let zero = EmbedConfig { max_batch_tokens: 0, ..config() };
    let load = || Ok(Box::new(FakeEmbed::new(DIMENSION)) as Box<_>);
    let refused =
        EmbedEngine::start(load, Arc::new(FakeEmbedCodec::default()), zero, ComputeGate::default());
    assert_eq!(told_config(refused), "engine setting max_batch_tokens is 0; give at least 1");
}

fn told_config(result: Result<EmbedEngine, EngineError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_codec_that_lets_long_texts_through_does_not_harm_others() {
    let model = FakeEmbed::new(DIMENSION).with_max_tokens(4);
    let load = move || Ok(Box::new(model) as Box<_>);
    let codec = Arc::new(FakeEmbedCodec::default());
    let engine = EmbedEngine::start(load, codec, config(), ComputeGate::default()).unwrap();
    let long = vec!["un deux trois quatre".to_owned()];
    let error =
        engine.embed(long, InputKind::Plain, &with(Priority::Interactive)).await.unwrap_err();
    let EngineError::Backend(BackendError::Input(reason)) = error else { panic!("{error:?}") };
    assert_eq!(reason, "text has 5 tokens, the model takes 4; send it in pieces");
}

#[tokio::test]
async fn of_a_long_text_the_beginning_is_taken() {
    let bench = Bench::new(EmbedConfig { max_batch_tokens: 2_000, ..config() });
    let caller = with(Priority::Interactive);
    let long = vec!["é ".repeat(4_000), "ok".to_owned()];
    let embedded = bench.engine.embed_beginnings(long, InputKind::Query, &caller).await.unwrap();
    assert_eq!(embedded.vectors.len(), 2);
    let text = "mot ".repeat(600);
    let part = bench.engine.beginning(&text, InputKind::Query).unwrap();
    let taken = part.split_whitespace().count();
    assert!((440..=510).contains(&taken), "{taken} words");
    assert_eq!(bench.engine.beginning("court", InputKind::Query).unwrap(), "court");
}

/// The first of two requests meets `mishap`; the second must work.
async fn check_mishap(mishap: Mishap) {
    let bench = Bench::new(config());
    bench.control.at_step(2, mishap);
    let error = bench.embed(texts("a", 20), Priority::Background).await.unwrap_err();
    assert!(matches!(error, EngineError::StepFailed), "{error:?}");
    assert_eq!(bench.embed(texts("b", 2), Priority::Background).await.unwrap().vectors.len(), 2);
    assert_eq!(bench.sizes(), [6, 6, 2], "the rest of the failed request is skipped");
    let status = bench.engine.status();
    assert_eq!((status.queued, status.failed, status.completed), (0, 1, 1));
}

#[tokio::test]
async fn a_batch_that_goes_wrong_fails_its_requests_and_the_engine_goes_on() {
    for mishap in [Mishap::Panic, Mishap::Fail, Mishap::WrongShape, Mishap::NotANumber] {
        check_mishap(mishap).await;
    }
}

#[tokio::test]
async fn three_failures_in_a_row_are_unhealthy() {
    let bench = Bench::new(config());
    for step in 1..=3 {
        bench.control.at_step(step, Mishap::Panic);
        assert!(bench.engine.status().healthy);
        assert!(bench.engine.warm_up().await.is_err());
    }
    assert!(!bench.engine.status().healthy);
    bench.engine.warm_up().await.unwrap();
    assert!(bench.engine.status().healthy);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_request_is_skipped_when_its_client_left() {
    let bench = Bench::new(config());
    bench.control.hold();
    let leaves = bench.spawn(texts("a", 60), Priority::Background);
    bench.control.wait_for_step(1);
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    bench.control.release();
    bench.embed(texts("b", 1), Priority::Background).await.unwrap();
    assert_eq!(bench.sizes(), [6, 1]);
    let status = bench.engine.status();
    assert_eq!((status.queued, status.cancelled, status.completed), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_begun_work_within_the_grace_and_the_rest_at_once() {
    let bench = Bench::new(config());
    bench.control.hold();
    let begun = bench.spawn(texts("a", 20), Priority::Background);
    bench.control.wait_for_step(1);
    let waiting = bench.spawn(texts("b", 1), Priority::Background);
    bench.wait_for_accepted(2);
    let mut stop = Box::pin(bench.engine.stop(Duration::from_secs(600)));
    poll_once(&mut stop).await;
    assert!(matches!(bench.engine.warm_up().await, Err(EngineError::Stopped)));
    bench.control.release();
    stop.await;
    assert!(matches!(waiting.await.unwrap(), Err(EngineError::Stopped)));
    assert_eq!(begun.await.unwrap().unwrap().vectors.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_cancels_begun_work_after_the_grace() {
    let bench = Bench::new(config());
    bench.control.hold();
    let begun = bench.spawn(texts("a", 20), Priority::Background);
    bench.control.wait_for_step(1);
    let mut stop = Box::pin(bench.engine.stop(Duration::ZERO));
    poll_once(&mut stop).await;
    bench.control.release();
    stop.await;
    assert!(matches!(begun.await.unwrap(), Err(EngineError::Stopped)));
    assert_eq!(bench.sizes(), [6]);
}
