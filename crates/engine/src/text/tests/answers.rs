//! Tests what comes out: text, ends, counts, and that neighbours do not matter.

use intramuros_testkit::{FakeText, Reply};
use intramuros_types::{FinishReason, Message, Role, SamplingParams, Usage};

use super::{Bench, config, hashed, request, saying};
use crate::{EngineConfig, GenerationEvent, Prompt};

/// The answer to `prompt` from a model that says `reply`, as `text|reason|completion tokens`.
async fn check(reply: &str, change: impl FnOnce(&mut SamplingParams), expected: &str) {
    let bench = Bench::new(saying(reply), config());
    let mut sampling = SamplingParams::greedy(100);
    change(&mut sampling);
    let generation = bench.engine.submit(request("q", sampling)).await.unwrap();
    assert_eq!(generation.prompt_tokens(), 2);
    let done = generation.collect().await.unwrap();
    let Usage { prompt_tokens, completion_tokens, cached_tokens } = done.usage;
    assert_eq!((prompt_tokens, cached_tokens), (2, 0));
    let got = format!("{}|{:?}|{completion_tokens}", done.text, done.reason);
    assert_eq!(got, expected);
    assert_eq!(bench.used_blocks(), 0);
}

#[tokio::test]
async fn answer_ends_at_stop_token_stop_text_or_length() {
    check("bonjour", |_| (), "bonjour|Stop|7").await;
    check("", |_| (), "|Stop|0").await;
    check("bonjour", |s| s.max_tokens = Some(3), "bon|Length|3").await;
    check("bonjour", |s| s.max_tokens = Some(7), "bonjour|Length|7").await;
    check("bonjour", |s| s.stop = vec!["jo".into()], "bon|StopText|5").await;
    check("bonjour", |s| s.stop = vec!["ourson".into()], "bonjour|Stop|7").await;
    check("a STO", |s| s.stop = vec!["STOP".into()], "a STO|Stop|5").await;
    check("bonjour", |s| (s.stop, s.max_tokens) = (vec!["jour".into()], Some(7)), "bon|StopText|7")
        .await;
}

#[tokio::test]
async fn characters_split_across_tokens_come_out_whole() {
    check("é 👍 œ", |_| (), "é 👍 œ|Stop|10").await;
    check("é 👍", |s| s.stop = vec!["👍".into()], "é |StopText|7").await;
    // Cut within a character by max_tokens: the rest of it is certain never to come.
    check("é", |s| s.max_tokens = Some(1), "\u{FFFD}|Length|1").await;
}

#[tokio::test]
async fn events_are_pieces_then_one_end_then_nothing() {
    let bench = Bench::new(saying("aé"), config());
    let mut generation = bench.accept("q", 10).await;
    let mut events = Vec::new();
    while let Some(event) = generation.next().await {
        events.push(event.unwrap());
    }
    let usage = Usage { prompt_tokens: 2, completion_tokens: 3, cached_tokens: 0 };
    let text = |text: &str| GenerationEvent::Text { text: text.to_owned(), logprobs: Vec::new() };
    let end = GenerationEvent::Finished { reason: FinishReason::Stop, usage };
    assert_eq!(events, [text("a"), text("é"), end]);
    assert!(generation.next().await.is_none());
}

#[tokio::test]
async fn without_max_tokens_the_answer_goes_to_the_default_or_the_context_end() {
    let sampling = || SamplingParams { max_tokens: None, ..SamplingParams::greedy(1) };
    for (default_max_tokens, expected) in [(None, 26), (Some(5), 5), (Some(500), 26)] {
        let config = EngineConfig { default_max_tokens, ..config() };
        let bench = Bench::new(hashed().with_context_tokens(32), config);
        let generation = bench.engine.submit(request("12345", sampling())).await.unwrap();
        let done = generation.collect().await.unwrap();
        assert_eq!((done.usage.completion_tokens, done.reason), (expected, FinishReason::Length));
    }
}

#[tokio::test]
async fn chat_text_and_tokens_reach_the_model_as_the_codec_says() {
    let bench = Bench::new(FakeText::new(Reply::answer(|prompt| prompt.to_uppercase())), config());
    let cases = [
        (Prompt::Chat(vec![Message::new(Role::User, "hi")]), "USER\nHIASSISTANT\n", 21),
        (Prompt::Text("hi".to_owned()), "HI", 3),
        (Prompt::Tokens(vec![104, 105]), "HI", 2),
    ];
    for (prompt, expected, tokens) in cases {
        assert_eq!(bench.engine.count_prompt_tokens(&prompt).await.unwrap(), tokens);
        let mut request = request("", SamplingParams::greedy(100));
        request.prompt = prompt;
        let done = bench.engine.submit(request).await.unwrap().collect().await.unwrap();
        assert_eq!((done.text.as_str(), done.usage.prompt_tokens), (expected, tokens));
    }
}

/// Eight requests of different lengths, parameters and seeds.
fn mixed_requests() -> Vec<(String, SamplingParams)> {
    let sampling = |seed| SamplingParams {
        temperature: 0.7 + 0.1 * seed as f32,
        top_p: 0.95,
        top_k: 5 * seed as u32,
        seed: Some(seed),
        max_tokens: Some(20 + seed as u32),
        ..SamplingParams::default()
    };
    (0..8).map(|n| ("question ".repeat(1 + 3 * n as usize), sampling(n))).collect()
}

#[tokio::test]
async fn eight_streams_together_say_what_each_says_alone() {
    let mut alone = Vec::new();
    for (prompt, sampling) in mixed_requests() {
        let bench = Bench::new(hashed(), EngineConfig { max_sequences: 1, ..config() });
        let generation = bench.engine.submit(request(&prompt, sampling)).await.unwrap();
        alone.push(generation.collect().await.unwrap());
    }
    for prefill_chunk_tokens in [1, 7, 1000] {
        let bench = Bench::new(hashed(), EngineConfig { prefill_chunk_tokens, ..config() });
        bench.control.hold();
        let mut generations = Vec::new();
        for (prompt, sampling) in mixed_requests() {
            generations.push(bench.engine.submit(request(&prompt, sampling)).await.unwrap());
        }
        bench.control.release();
        for (generation, alone) in generations.into_iter().zip(&alone) {
            let mut done = generation.collect().await.unwrap();
            // Together they may share the beginning of their prompts.
            done.usage.cached_tokens = 0;
            assert_eq!(&done, alone);
        }
        let widest = bench.control.batches().iter().map(|batch| batch.rows.len()).max();
        let together = if prefill_chunk_tokens == 1000 { 8 } else { 2 };
        assert!(widest >= Some(together), "they ran one after the other: {widest:?}");
    }
    assert!(alone.iter().all(|done| done.text.len() >= 20));
}

#[tokio::test]
async fn a_long_prompt_does_not_stall_a_stream() {
    let bench = Bench::new(hashed(), config());
    bench.control.hold();
    let short = bench.accept("1234567", 30).await;
    bench.control.wait_for_step(1);
    // BOS and 99 bytes: 100 tokens, in chunks of 16.
    let long = bench.accept(&"x".repeat(99), 5).await;
    bench.control.release();
    short.collect().await.unwrap();
    long.collect().await.unwrap();
    // The first has blocks 0 and 1 when the second comes, and takes 2 meanwhile.
    assert_eq!(bench.rows(1), [(0, 8)]);
    for step in 2..=7 {
        assert_eq!(bench.rows(step), [(0, 1), (3, 16)], "step {step}");
    }
    assert_eq!(bench.rows(8), [(0, 1), (3, 4)]);
    assert_eq!(bench.rows(9), [(0, 1), (3, 1)]);
}

#[tokio::test]
async fn prefill_is_first_come_first_served_within_the_budget() {
    let bench = Bench::new(hashed(), EngineConfig { max_sequences: 3, ..config() });
    bench.control.hold();
    let first = bench.accept("a", 3).await;
    bench.control.wait_for_step(1);
    let second = bench.accept(&"b".repeat(19), 3).await;
    let third = bench.accept(&"c".repeat(19), 3).await;
    bench.control.release();
    for generation in [first, second, third] {
        generation.collect().await.unwrap();
    }
    assert_eq!(bench.rows(2), [(0, 1), (1, 16)]);
    assert_eq!(bench.rows(3), [(0, 1), (1, 4), (6, 12)]);
    assert_eq!(bench.rows(4), [(1, 1), (6, 8)]);
}

#[tokio::test]
async fn warm_up_prefills_and_decodes_and_counters_add_up() {
    let bench = Bench::new(hashed(), config());
    bench.engine.warm_up().await.unwrap();
    let status = bench.engine.status();
    assert_eq!(bench.control.steps(), 2);
    assert_eq!((status.completed, status.prompt_tokens, status.generated_tokens), (1, 8, 2));
    assert_eq!((status.queued, status.running, status.limit), (0, 0, 16));
    assert!(status.healthy);
}
