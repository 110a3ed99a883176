//! Tests who goes first.

use std::time::Duration;

use intramuros_backend::TextBatch;
use intramuros_types::{KeyId, SamplingParams};

use super::{Bench, config, hashed, request};
use crate::testing::eventually;
use crate::{EngineConfig, GenerateRequest, Generation, Priority};

fn of(client: &str, prompt: &str, max_tokens: u32) -> GenerateRequest {
    let mut request = request(prompt, SamplingParams::greedy(max_tokens));
    request.client = Some(KeyId::new(client));
    request
}

async fn accept(bench: &Bench, request: GenerateRequest) -> Generation {
    bench.engine.submit(request).await.unwrap()
}

/// The order in which prompts begin, by their second token.
fn order(bench: &Bench) -> String {
    let mut begun = String::new();
    for row in bench.control.batches().iter().flat_map(|batch| &batch.rows) {
        if row.position == 0 {
            begun.extend(row.tokens.get(1).and_then(|token| char::from_u32(*token)));
        }
    }
    begun
}

#[tokio::test]
async fn a_key_with_many_requests_does_not_hold_up_one_with_few() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let mut generations = vec![accept(&bench, of("many", "0", 3)).await];
    bench.control.wait_for_step(1);
    for prompt in ["1", "2", "3"] {
        generations.push(accept(&bench, of("many", prompt, 3)).await);
    }
    for prompt in ["a", "b"] {
        generations.push(accept(&bench, of("few", prompt, 3)).await);
    }
    bench.control.release();
    for generation in generations {
        generation.collect().await.unwrap();
    }
    assert_eq!(order(&bench), "0a1b23");
}

#[tokio::test]
async fn a_key_that_was_idle_has_saved_nothing_up() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    accept(&bench, of("early", "e", 1)).await.collect().await.unwrap();
    bench.control.hold();
    let steps = bench.control.steps();
    let mut generations = vec![accept(&bench, of("busy", "0", 40)).await];
    bench.control.allow(30);
    bench.control.wait_for_step(steps + 31);
    generations.push(accept(&bench, of("busy", "1", 8)).await);
    for prompt in ["a", "b", "c"] {
        generations.push(accept(&bench, of("early", prompt, 8)).await);
    }
    bench.control.release();
    for generation in generations {
        generation.collect().await.unwrap();
    }
    // "early" comes back at the count of "busy", who then gets nine tokens more, 36 by count. Each
    // small request counts 34.
    assert_eq!(order(&bench), "e0ab1c");
}

#[tokio::test]
async fn people_go_before_bulk_work_and_take_its_slot() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let bulk =
        |prompt| GenerateRequest { priority: Priority::Background, ..of("bulk", prompt, 20) };
    let first = accept(&bench, bulk("1")).await;
    bench.control.wait_for_step(1);
    let second = accept(&bench, bulk("2")).await;
    let person = accept(&bench, of("person", "p", 3)).await;
    bench.control.release();
    let alone = Bench::new(hashed(), config()).answer("1", 20).await;
    assert_eq!(person.collect().await.unwrap().text.len(), 3);
    assert_eq!(first.collect().await.unwrap().text, alone);
    second.collect().await.unwrap();
    assert_eq!(order(&bench), "1p12");
    assert_eq!(bench.engine.status().preempted, 1);
}

#[tokio::test]
async fn a_key_that_has_all_slots_gives_some_up_to_another() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 4, ..config() });
    bench.control.hold();
    let mut generations = Vec::new();
    for prompt in ["1", "2", "3", "4"] {
        generations.push(accept(&bench, of("many", prompt, 50)).await);
    }
    bench.control.wait_for_step(1);
    for prompt in ["a", "b", "c"] {
        generations.push(accept(&bench, of("few", prompt, 5)).await);
    }
    bench.control.release();
    let few = generations.split_off(4);
    for generation in few {
        assert_eq!(generation.collect().await.unwrap().text.len(), 5);
    }
    let status = bench.engine.status();
    assert!((1..=2).contains(&status.preempted), "{} gave way", status.preempted);
    for (generation, prompt) in generations.into_iter().zip(["1", "2", "3", "4"]) {
        let alone = Bench::new(hashed(), config()).answer(prompt, 50).await;
        assert_eq!(generation.collect().await.unwrap().text, alone);
    }
}

#[tokio::test]
async fn a_short_prompt_overtakes_a_long_one_but_not_for_ever() {
    let bench = Bench::new(hashed(), config());
    bench.control.hold();
    let blocker = bench.accept("b", 30).await;
    bench.control.wait_for_step(1);
    let long = bench.accept(&"x".repeat(200), 2).await;
    let short = bench.accept("yz", 2).await;
    bench.control.release();
    for generation in [blocker, long, short] {
        generation.collect().await.unwrap();
    }
    assert_eq!(&order(&bench)[..3], "byx");
}

#[tokio::test]
async fn the_position_in_the_queue_is_told() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
    bench.control.hold();
    let running = bench.accept("a", 1).await;
    bench.control.wait_for_step(1);
    let waiting = [bench.accept("b", 1).await, bench.accept("c", 1).await];
    assert_eq!(waiting.each_ref().map(Generation::queue_position), [1, 2]);
    bench.control.release();
    running.collect().await.unwrap();
    for generation in waiting {
        generation.collect().await.unwrap();
    }
}

/// A person waits for another model while the first step of bulk work is computed, which takes `took`.
async fn meet_a_person(bench: &Bench, bulk: GenerateRequest, took: Duration) -> Generation {
    bench.control.hold();
    let bulk = accept(bench, bulk).await;
    bench.control.wait_for_step(1);
    let gate = bench.gate.clone();
    let person = std::thread::spawn(move || drop(gate.enter(Priority::Interactive)));
    eventually("the person waits", || bench.gate.present() == 2);
    bench.clock.advance(took);
    bench.control.release();
    tokio::task::spawn_blocking(move || person.join().unwrap()).await.unwrap();
    bulk
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_work_takes_short_steps_after_a_person_waited_for_it() {
    // No token fits the time: eight are what is always taken.
    let bench = Bench::new(hashed(), EngineConfig { max_token_gap: Duration::ZERO, ..config() });
    let bulk = GenerateRequest { priority: Priority::Background, ..of("a", &"a".repeat(40), 1) };
    let bulk = meet_a_person(&bench, bulk, Duration::from_millis(50)).await;
    assert_eq!(bulk.collect().await.unwrap().text.len(), 1);
    let sizes = |bench: &Bench| -> Vec<usize> {
        let rows = |batch: &TextBatch| batch.rows.iter().map(|row| row.tokens.len()).sum();
        bench.control.batches().iter().map(rows).collect()
    };
    assert_eq!(sizes(&bench)[..3], [16, 8, 8]);
    // Nobody waited for a while.
    bench.clock.advance(Duration::from_secs(60));
    let before = sizes(&bench).len();
    let next = GenerateRequest { priority: Priority::Background, ..of("a", &"b".repeat(40), 1) };
    accept(&bench, next).await.collect().await.unwrap();
    assert_eq!(sizes(&bench)[before..before + 2], [16, 16]);
}

/// The bulk work would rest for minutes otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_ends_the_rest_of_bulk_work() {
    let bench = Bench::new(hashed(), config());
    let bulk = GenerateRequest { priority: Priority::Background, ..of("a", &"a".repeat(40), 1) };
    let _bulk = meet_a_person(&bench, bulk, Duration::from_secs(60)).await;
    let start = std::time::Instant::now();
    accept(&bench, of("b", "b", 1)).await.collect().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
