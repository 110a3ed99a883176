//! Tests that each bad parameter is refused by name.

use intramuros_types::{Penalties, SamplingParams};

use intramuros_types::RequestId;

use super::request;
use crate::{GenerateRequest, Prompt};

/// `expected`: the name of the refused field, or `""` when all is well.
#[track_caller]
fn check(change: impl FnOnce(&mut SamplingParams), expected: &str) {
    let mut params = SamplingParams::default();
    change(&mut params);
    let prompt = Prompt::Text("a".to_owned());
    let told = request(&GenerateRequest::new(RequestId::new("req_test"), prompt, params));
    let told = told.err().map(|error| error.to_string()).unwrap_or_default();
    let name = told.split(' ').next().unwrap_or_default();
    assert_eq!(name, expected, "{told}");
}

#[test]
fn neutral_and_extreme_values_pass() {
    check(|_| (), "");
    check(|p| p.temperature = 0.0, "");
    check(|p| p.temperature = 2.0, "");
    check(|p| p.temperature = f32::MIN_POSITIVE, "");
    check(|p| p.top_p = f32::MIN_POSITIVE, "");
    check(|p| p.min_p = 1.0, "");
    check(|p| p.top_k = u32::MAX, "");
    check(|p| p.penalties = Penalties { frequency: -2.0, presence: 2.0, repetition: 1.1 }, "");
    check(|p| p.stop = vec!["x".repeat(1024); 16], "");
    check(|p| p.max_tokens = Some(1), "");
    check(|p| p.logit_bias = (0..1024).map(|token| (token, -100.0)).collect(), "");
    check(|p| p.logprobs = Some(20), "");
}

#[test]
fn bad_values_are_named() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.1, 2.1] {
        check(|p| p.temperature = bad, "temperature");
        check(|p| p.top_p = bad, "top_p");
        check(|p| p.min_p = bad, "min_p");
    }
    for bad in [f32::NAN, f32::INFINITY, -2.1, 2.1] {
        check(|p| p.penalties.frequency = bad, "frequency_penalty");
        check(|p| p.penalties.presence = bad, "presence_penalty");
    }
    for bad in [f32::NAN, 0.0, -1.0, f32::INFINITY] {
        check(|p| p.penalties.repetition = bad, "repetition_penalty");
    }
    check(|p| p.top_p = 0.0, "top_p");
    check(|p| p.logit_bias = vec![(1, 101.0)], "logit_bias");
    check(|p| p.logit_bias = vec![(1, f32::NAN)], "logit_bias");
    check(|p| p.logit_bias = vec![(1, 0.0); 1025], "logit_bias");
    check(|p| p.logprobs = Some(21), "top_logprobs");
    check(|p| p.max_tokens = Some(0), "max_tokens");
    check(|p| p.stop = vec!["x".to_owned(); 17], "stop");
    check(|p| p.stop = vec!["x".to_owned(), String::new()], "stop");
    check(|p| p.stop = vec!["x".repeat(1025)], "stop");
}
