//! Tests that drafts save passes and change nothing else.

use intramuros_testkit::{FakeText, Reply};
use intramuros_types::SamplingParams;

use super::{Bench, config, hashed, request, saying};
use crate::{Completion, EngineConfig};

fn drafting(max_draft_tokens: usize) -> EngineConfig {
    EngineConfig { max_draft_tokens, ..config() }
}

/// The answer with drafts of at most `drafts` tokens, and how many passes it took.
async fn answer(
    model: FakeText,
    drafts: usize,
    prompt: &str,
    sampling: SamplingParams,
) -> (Completion, u64) {
    let bench = Bench::new(model, drafting(drafts));
    let generation = bench.engine.submit(request(prompt, sampling)).await.unwrap();
    let done = generation.collect().await.unwrap();
    (done, bench.engine.status().steps)
}

const CONTRACT: &str = "Le loueur remet le materiel en bon etat de marche.";

#[tokio::test]
async fn an_answer_that_copies_takes_fewer_passes() {
    let prompt = format!("{CONTRACT} Cite :");
    let greedy = || SamplingParams::greedy(100);
    let (plain, slow) = answer(saying(CONTRACT), 0, &prompt, greedy()).await;
    let (drafted, fast) = answer(saying(CONTRACT), 8, &prompt, greedy()).await;
    assert_eq!((&plain, plain.text.as_str()), (&drafted, CONTRACT));
    assert!(fast * 3 < slow, "{fast} passes instead of {slow}");
}

#[tokio::test]
async fn seeded_answers_are_the_same_with_and_without_drafts() {
    // 26 letters, all possible: drafts are wrong nearly always, and sometimes right.
    for seed in 0..20 {
        let sampling = || SamplingParams {
            seed: Some(seed),
            max_tokens: Some(120),
            top_k: 3,
            penalties: intramuros_types::Penalties { frequency: 0.1, ..Default::default() },
            stop: vec!["zz".to_owned()],
            ..SamplingParams::default()
        };
        let (plain, _) = answer(hashed(), 0, "abcabcabc", sampling()).await;
        let (drafted, _) = answer(hashed(), 8, "abcabcabc", sampling()).await;
        assert_eq!(plain, drafted);
    }
}

#[tokio::test]
async fn sampled_tokens_have_the_distribution_of_the_model() {
    // After the prompt, "ab" is drafted to go on with "c". The model says otherwise: d and e, one
    // of them three times as likely. Draws without a seed, with drafts on.
    let bench = Bench::new(FakeText::new(Reply::answer(|_| "ab".to_owned())), drafting(4));
    let mut ends = [0u32; 2];
    for _ in 0..600 {
        let sampling = SamplingParams {
            temperature: 1.0,
            logit_bias: vec![(100, 30.0 + 3f32.ln()), (101, 30.0)],
            max_tokens: Some(3),
            ..SamplingParams::default()
        };
        let generation = bench.engine.submit(request("dddddeddddd", sampling)).await.unwrap();
        let text = generation.collect().await.unwrap().text;
        text.bytes().for_each(|byte| ends[usize::from(byte == b'e')] += 1);
    }
    let share = f64::from(ends[1]) / f64::from(ends[0] + ends[1]);
    // 1,800 draws: five standard deviations are 0.05.
    assert!((share - 0.25).abs() < 0.05, "{share}");
    assert!(bench.engine.status().accepted_tokens > 100, "no draft was ever right");
}

#[tokio::test]
async fn drafts_stop_where_they_are_never_right() {
    let bench = Bench::new(saying(&"abcd".repeat(3)), drafting(8));
    for _ in 0..3 {
        bench.answer("xabyabzabwab", 50).await;
    }
    let status = bench.engine.status();
    assert!(status.accepted_tokens <= status.drafted_tokens);
    let poor = Bench::new(hashed(), drafting(8));
    poor.answer(&"ab".repeat(20), 400).await;
    let status = poor.engine.status();
    assert!(status.drafted_tokens < 200, "{} drafts for 400 tokens", status.drafted_tokens);
}

#[tokio::test]
async fn a_draft_never_goes_past_the_answers_length() {
    for max_tokens in 1..12 {
        let (done, _) =
            answer(saying(CONTRACT), 8, CONTRACT, SamplingParams::greedy(max_tokens)).await;
        assert_eq!(done.text, CONTRACT[..max_tokens as usize]);
        assert_eq!(done.usage.completion_tokens, max_tokens);
    }
}
