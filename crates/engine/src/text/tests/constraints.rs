//! Tests that answers belong to their language, whatever the model would rather say, and that what
//! is certain costs no pass.

use intramuros_testkit::FakeText;
use intramuros_types::{Constraint, FinishReason, SamplingParams};
use serde_json::{Value, json};

use super::{Bench, config, hashed, request, saying};
use crate::{Completion, ConstraintError, EngineConfig, EngineError, GenerateRequest};

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "fournisseur": {"type": "string", "maxLength": 12},
            "montant_total_ttc": {"type": "integer", "minimum": 0, "maximum": 999},
            "devise": {"enum": ["EUR", "USD"]},
        },
        "required": ["fournisseur", "montant_total_ttc", "devise"],
        "additionalProperties": false,
    })
}

fn constrained(constraint: Constraint, sampling: SamplingParams) -> GenerateRequest {
    GenerateRequest { constraint: Some(constraint), ..request("question", sampling) }
}

async fn complete(bench: &Bench, request: GenerateRequest) -> Result<Completion, EngineError> {
    bench.engine.submit(request).await?.collect().await
}

/// What a model that wants to say `reply` says under `constraint`.
async fn check(reply: &str, constraint: Constraint, expected: &str) {
    for max_draft_tokens in [0, 8] {
        let bench = Bench::new(saying(reply), EngineConfig { max_draft_tokens, ..config() });
        let request = constrained(constraint.clone(), SamplingParams::greedy(200));
        let done = complete(&bench, request).await.unwrap();
        assert_eq!((done.text.as_str(), done.reason), (expected, FinishReason::Stop));
        assert_eq!(bench.used_blocks(), 0);
    }
}

#[tokio::test]
async fn a_model_that_says_the_right_thing_is_let_be() {
    let text = r#"{"fournisseur": "Bastiral", "montant_total_ttc": 540, "devise": "EUR"}"#;
    check(text, Constraint::JsonSchema(schema()), text).await;
    check("oui", Constraint::Choice(vec!["oui".into(), "non".into()]), "oui").await;
    check("FT-2041", Constraint::Regex(r"[A-Z]{2}-\d{4}".into()), "FT-2041").await;
    check("a1", Constraint::Lark("start: \"a\" /[0-9]/".into()), "a1").await;
}

#[tokio::test]
async fn what_is_certain_is_not_asked_of_the_model() {
    let text = r#"{"fournisseur": "Bastiral", "montant_total_ttc": 540, "devise": "EUR"}"#;
    let bench = Bench::new(saying(text), config());
    let request = constrained(Constraint::JsonSchema(schema()), SamplingParams::greedy(200));
    let done = complete(&bench, request).await.unwrap();
    let status = bench.engine.status();
    assert_eq!(done.usage.completion_tokens as usize, text.len());
    assert!(status.forced_tokens > 40, "{}", status.forced_tokens);
    assert!(status.steps < 30, "{} passes for {} tokens", status.steps, text.len());
}

#[tokio::test]
async fn drawn_answers_are_valid_and_the_same_with_drafts_and_beside_others() {
    let mut answers = Vec::new();
    for (max_draft_tokens, max_sequences) in [(0, 1), (8, 8), (3, 2)] {
        let config = EngineConfig { max_draft_tokens, max_sequences, ..config() };
        let bench = Bench::new(saying("?"), config);
        let mut generations = Vec::new();
        for seed in 0..8 {
            let sampling =
                SamplingParams { seed: Some(seed), max_tokens: Some(300), ..Default::default() };
            let request = constrained(Constraint::JsonSchema(schema()), sampling);
            generations.push(bench.engine.submit(request).await.unwrap());
        }
        let mut texts = Vec::new();
        for generation in generations {
            let done = generation.collect().await.unwrap();
            let value: Value = serde_json::from_str(&done.text).unwrap();
            assert!(value["montant_total_ttc"].as_u64().unwrap() <= 999);
            texts.push(done.text);
        }
        answers.push(texts);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn an_answer_that_is_cut_says_so() {
    let bench = Bench::new(saying("{\"fournisseur\": \"Bastiral\"}"), config());
    let request = constrained(Constraint::JsonSchema(schema()), SamplingParams::greedy(20));
    let done = complete(&bench, request).await.unwrap();
    assert_eq!((done.reason, done.usage.completion_tokens), (FinishReason::Length, 20));
}

#[tokio::test]
async fn logprobs_come_for_every_token_of_a_constrained_answer() {
    let bench = Bench::new(saying("oui"), config());
    let sampling = SamplingParams { logprobs: Some(0), ..SamplingParams::greedy(50) };
    let choice = Constraint::Choice(vec!["certainement".into(), "oui".into()]);
    let done = complete(&bench, constrained(choice, sampling)).await.unwrap();
    assert_eq!((done.text.as_str(), done.logprobs.len()), ("oui", 3));
}

#[tokio::test]
async fn what_cannot_be_enforced_is_refused_by_name() {
    let bench = Bench::new(hashed(), config());
    let schema = json!({"type": "object", "properties": {"a": {"not": {"type": "string"}}}});
    let request = constrained(Constraint::JsonSchema(schema), SamplingParams::greedy(5));
    let error = complete(&bench, request).await.unwrap_err();
    let EngineError::Constraint(ConstraintError::Unsupported { keyword, path, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((keyword.as_str(), path.as_str()), ("not", "#/properties/a/not"));
    assert_eq!(bench.engine.status().queued, 0, "a refused request kept its place");
}

#[tokio::test]
async fn a_stop_text_ends_a_constrained_answer_too() {
    let bench =
        Bench::new(FakeText::new(intramuros_testkit::Reply::Bytes(b"oui".into())), config());
    let sampling = SamplingParams { stop: vec!["ui".to_owned()], ..SamplingParams::greedy(50) };
    let choice = Constraint::Choice(vec!["non".into(), "oui".into()]);
    let done = complete(&bench, constrained(choice, sampling)).await.unwrap();
    assert_eq!((done.text.as_str(), done.reason), ("o", FinishReason::StopText));
}
