//! Tests that what was computed once is not computed again, and changes no answer.

use intramuros_types::{KeyId, SamplingParams};

use super::{Bench, config, hashed, request, saying};
use crate::EngineConfig;

/// Tokens that were taken from the cache for `prompt`.
async fn cached(bench: &Bench, prompt: &str) -> u32 {
    bench.accept(prompt, 3).await.collect().await.unwrap().usage.cached_tokens
}

#[tokio::test]
async fn a_shared_beginning_is_computed_once() {
    let bench = Bench::new(hashed(), config());
    let system = "x".repeat(40);
    let prompt = format!("{system} Question?");
    assert_eq!(cached(&bench, &prompt).await, 0);
    // BOS and 50 bytes; the last token is always computed, and blocks are of four.
    assert_eq!(cached(&bench, &prompt).await, 48);
    assert_eq!(cached(&bench, &format!("{system} Autre")).await, 40);
    assert_eq!(cached(&bench, &format!("y{system}")).await, 0);
    let status = bench.engine.status();
    assert_eq!(status.cached_tokens, 88);
    assert_eq!(status.prompt_tokens, 51 + 3 + 7 + 42);
}

#[tokio::test]
async fn the_next_turn_finds_the_answer_of_the_last_one() {
    let bench = Bench::new(saying("reponse"), config());
    let first = bench.answer("question", 20).await;
    assert_eq!(first, "reponse");
    // Sixteen tokens were computed: BOS, the question, and the answer.
    assert_eq!(cached(&bench, "questionreponse et encore").await, 16);
}

#[tokio::test]
async fn answers_are_the_same_with_a_warm_cache() {
    let seeded = || SamplingParams { seed: Some(3), max_tokens: Some(30), ..Default::default() };
    let bench = Bench::new(hashed(), config());
    let mut texts = Vec::new();
    for _ in 0..3 {
        let generation = bench.engine.submit(request(&"q".repeat(21), seeded())).await.unwrap();
        texts.push(generation.collect().await.unwrap().text);
    }
    assert!(bench.engine.status().cached_tokens > 0);
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[tokio::test]
async fn those_who_come_together_compute_a_common_beginning_once() {
    let bench = Bench::new(hashed(), config());
    bench.control.hold();
    let blocker = bench.accept("b", 1).await;
    bench.control.wait_for_step(1);
    let mut together = Vec::new();
    for _ in 0..4 {
        together.push(bench.accept(&"x".repeat(99), 2).await);
    }
    bench.control.release();
    blocker.collect().await.unwrap();
    for generation in together {
        generation.collect().await.unwrap();
    }
    // 100 tokens once; the others compute at most the last block and the chunk's tail.
    assert!(bench.engine.status().prompt_tokens < 2 + 100 + 3 * 8);
}

#[tokio::test]
async fn keys_share_beginnings_unless_the_settings_say_no() {
    for (share_prefixes, expected) in [(true, 40), (false, 0)] {
        let bench = Bench::new(hashed(), EngineConfig { share_prefixes, ..config() });
        let mut told = Vec::new();
        for key in ["imk_a", "imk_b", "imk_a"] {
            let mut request = request(&"x".repeat(41), SamplingParams::greedy(1));
            request.client = Some(KeyId::new(key));
            let done = bench.engine.submit(request).await.unwrap().collect().await.unwrap();
            told.push(done.usage.cached_tokens);
        }
        assert_eq!(told, [0, expected, 40]);
    }
}
