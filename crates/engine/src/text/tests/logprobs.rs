//! Tests that log-probabilities are those of the tokens that were sent.

use intramuros_types::SamplingParams;

use super::{Bench, config, hashed, request, saying};
use crate::{Completion, EngineConfig, GenerateRequest, PromptToken};

async fn complete(bench: &Bench, request: GenerateRequest) -> Completion {
    bench.engine.submit(request).await.unwrap().collect().await.unwrap()
}

fn told(stop: &[&str], max_tokens: u32) -> SamplingParams {
    SamplingParams {
        logprobs: Some(2),
        stop: stop.iter().map(|stop| (*stop).to_owned()).collect(),
        ..SamplingParams::greedy(max_tokens)
    }
}

/// The bytes of the tokens that come with an answer.
async fn check(reply: &str, stop: &[&str], max_tokens: u32, expected: &str) {
    for max_draft_tokens in [0, 8] {
        let bench = Bench::new(saying(reply), EngineConfig { max_draft_tokens, ..config() });
        let done = complete(&bench, request("bonjour", told(stop, max_tokens))).await;
        let bytes: Vec<u8> = done.logprobs.iter().flat_map(|t| t.token.bytes.clone()).collect();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        for token in &done.logprobs {
            assert_eq!(token.top.len(), 2);
            assert_eq!((&token.top[0].0, token.top[0].1), (&token.token, token.logprob));
        }
    }
}

#[tokio::test]
async fn every_token_that_was_sent_is_told_and_no_other() {
    check("bonjour", &[], 99, "bonjour").await;
    check("bonjour", &[], 3, "bon").await;
    check("été", &[], 99, "été").await;
    check("bonjour", &["jo"], 99, "bon").await;
    check("abSTabSTOP", &["STOP"], 99, "abSTab").await;
}

#[tokio::test]
async fn logprobs_are_the_models_own_whatever_changes_the_draw() {
    let bench = Bench::new(hashed(), config());
    let mut sampling = told(&[], 1);
    let plain = complete(&bench, request("q", sampling.clone())).await;
    sampling.logit_bias = vec![(u32::from(b'z'), 50.0)];
    let biased = complete(&bench, request("q", sampling)).await;
    assert_eq!(biased.text, "z");
    assert_eq!(biased.logprobs[0].top, plain.logprobs[0].top);
    assert!(biased.logprobs[0].logprob <= plain.logprobs[0].logprob);
}

#[tokio::test]
async fn a_prompts_own_tokens_are_told_in_whatever_pieces_it_is_computed() {
    let prompt = "q".repeat(70);
    let mut answers = Vec::new();
    for (prefill_chunk_tokens, max_tokens) in [(1, 0), (7, 0), (1000, 0), (1000, 4)] {
        let config = EngineConfig { prefill_chunk_tokens, ..config() };
        let bench = Bench::new(hashed(), config);
        // A warm cache must not hide tokens.
        bench.answer(&prompt, 1).await;
        let mut request = request(&prompt, told(&[], max_tokens));
        request.prompt_logprobs = usize::MAX;
        let done = complete(&bench, request).await;
        assert_eq!(done.text.len(), max_tokens as usize);
        answers.push(done.prompt);
    }
    assert_eq!(answers[0].len(), 71);
    assert!(matches!(&answers[0][0], PromptToken::First(token) if token.text() == "<begin>"));
    assert!(answers[0][1..].iter().all(|token| matches!(token, PromptToken::Next(_))));
    assert!(answers.iter().all(|prompt| *prompt == answers[0]));
}

#[tokio::test]
async fn a_prompts_hidden_state_is_told_in_whatever_pieces_it_is_computed() {
    let prompt: String = ('a'..='z').cycle().take(70).collect();
    let mut states = Vec::new();
    for (prefill_chunk_tokens, max_tokens) in [(1, 0), (7, 0), (1000, 0), (1000, 4)] {
        let config = EngineConfig { prefill_chunk_tokens, ..config() };
        let bench = Bench::new(hashed(), config);
        // A warm cache must not hide it.
        bench.answer(&prompt, 1).await;
        let mut request = request(&prompt, SamplingParams::greedy(max_tokens));
        request.hidden = true;
        let done = complete(&bench, request).await;
        assert_eq!(done.text.len(), max_tokens as usize);
        states.push(done.hidden);
    }
    assert_eq!(states[0].len(), 71, "of the whole prompt");
    assert!(states.iter().all(|state| *state == states[0]));
    let bench = Bench::new(hashed(), config());
    let plain = complete(&bench, request(&prompt, SamplingParams::greedy(1))).await;
    assert!(plain.hidden.is_empty());
}

#[tokio::test]
async fn the_last_tokens_of_a_prompt_are_told_without_computing_the_others_anew() {
    let prompt: String = ('a'..='z').cycle().take(70).collect();
    for prefill_chunk_tokens in [256, 7] {
        let bench = Bench::new(hashed(), EngineConfig { prefill_chunk_tokens, ..config() });
        let ask = async |last: usize| {
            let mut request = request(&prompt, told(&[], 2));
            request.prompt_logprobs = last;
            complete(&bench, request).await
        };
        let all = ask(usize::MAX).await;
        let some = ask(5).await;
        assert_eq!(some.prompt, all.prompt[all.prompt.len() - 5..]);
        assert_eq!((some.text, some.logprobs), (all.text, all.logprobs));
        assert!(some.usage.cached_tokens > 0, "{:?}", some.usage);
        let all_but_one = ask(all.prompt.len() - 1).await;
        assert_eq!(all_but_one.prompt, all.prompt[1..]);
    }
}

#[tokio::test]
async fn an_answer_of_no_tokens_is_for_those_who_ask_about_the_prompt() {
    let bench = Bench::new(hashed(), config());
    let error = bench.submit("q", 0).await.unwrap_err();
    assert_eq!(error.to_string(), "max_tokens is 0; it must be at least 1");
    let mut request = request("q", SamplingParams::greedy(1));
    request.prompt_logprobs = usize::MAX;
    assert!(bench.engine.submit(request).await.is_err(), "without logprobs");
}

#[tokio::test]
async fn more_logprobs_of_a_prompt_than_can_be_held_are_refused() {
    let bench = Bench::new(hashed().with_context_tokens(100_000).with_blocks(30_000), config());
    let mut long = request(&"q".repeat(30_000), told(&[], 1));
    long.prompt_logprobs = usize::MAX;
    let error = bench.engine.submit(long).await.unwrap_err().to_string();
    assert!(error.starts_with("logprobs asks for 90003 log-probabilities"), "{error}");
}
