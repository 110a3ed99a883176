//! Tests that a small KV cache makes requests wait or give way, and never changes an answer.

use intramuros_types::SamplingParams;

use super::{Bench, config, hashed, request};
use crate::{EngineConfig, Priority};

#[tokio::test]
async fn what_does_not_fit_now_waits_until_it_does() {
    // 12 blocks of 4 tokens; each prompt takes 8 of them and room for the first token.
    let bench = Bench::new(hashed().with_blocks(12), config());
    bench.control.hold();
    let first = bench.accept(&"a".repeat(31), 10).await;
    bench.control.wait_for_step(1);
    let second = bench.accept(&"b".repeat(31), 10).await;
    bench.control.release();
    assert_eq!(first.collect().await.unwrap().text.len(), 10);
    assert_eq!(second.collect().await.unwrap().text.len(), 10);
    assert!(bench.control.batches().iter().all(|batch| batch.rows.len() == 1));
    assert_eq!(bench.used_blocks(), 0);
}

#[tokio::test]
async fn the_context_is_what_the_cache_holds() {
    let bench = Bench::new(hashed().with_blocks(3), config());
    let error = bench.submit("abc", 9).await.unwrap_err().to_string();
    assert!(error.contains("the model's context is 12"), "{error}");
    assert_eq!(bench.answer("abc", 8).await.len(), 8);
}

#[tokio::test]
async fn sequences_that_outgrow_the_cache_give_way_and_say_the_same() {
    let prompts = ["un", "deux", "trois", "quatre"];
    let mut alone = Vec::new();
    for prompt in prompts {
        alone.push(Bench::new(hashed(), config()).answer(prompt, 60).await);
    }
    // 64 tokens each would be 64 blocks; there are 24.
    for max_draft_tokens in [0, 8] {
        let config = EngineConfig { max_draft_tokens, ..config() };
        let bench = Bench::new(hashed().with_blocks(24), config);
        bench.control.hold();
        let mut generations = Vec::new();
        for prompt in prompts {
            generations.push(bench.accept(prompt, 60).await);
        }
        bench.control.release();
        for (generation, alone) in generations.into_iter().zip(&alone) {
            let done = generation.collect().await.unwrap();
            assert_eq!((&done.text, done.usage.cached_tokens), (alone, 0));
        }
        assert!(bench.engine.status().preempted > 0, "nobody had to give way");
        assert_eq!(bench.used_blocks(), 0);
    }
}

#[tokio::test]
async fn background_work_gives_its_blocks_to_a_person() {
    let bench = Bench::new(hashed().with_blocks(12), config());
    bench.control.hold();
    let mut bulk = request(&"a".repeat(31), SamplingParams::greedy(10));
    bulk.priority = Priority::Background;
    let bulk = bench.engine.submit(bulk).await.unwrap();
    bench.control.wait_for_step(1);
    let person = bench.accept(&"b".repeat(31), 10).await;
    bench.control.release();
    assert_eq!(person.collect().await.unwrap().text.len(), 10);
    let alone = Bench::new(hashed(), config()).answer(&"a".repeat(31), 10).await;
    let bulk = bulk.collect().await.unwrap();
    // What it takes over after giving way was its own.
    assert_eq!((bulk.text, bulk.usage.cached_tokens), (alone, 0));
    assert_eq!(bench.engine.status().cached_tokens, 0);
    assert!(bench.engine.status().preempted > 0);
}
