//! Tests log-probabilities against numbers that can be computed by hand.

use super::of;
use crate::TokenText;

fn text(id: u32) -> TokenText {
    TokenText { id, bytes: id.to_string().into_bytes(), special: None }
}

/// `chosen|token:probability …` with the `count` likeliest.
#[track_caller]
fn check(logits: &[f32], token: u32, count: usize, expected: &str) {
    let told = of(logits, token, count, text);
    let mut got = format!("{:.3}|", told.logprob.exp());
    for (token, logprob) in &told.top {
        got.push_str(&format!("{}:{:.3} ", token.id, logprob.exp()));
    }
    assert_eq!(got.trim_end(), expected);
}

#[test]
fn probabilities_are_those_of_the_softmax() {
    let logits = [1f32, 2.0, 5.0, 2.0].map(f32::ln);
    check(&logits, 0, 0, "0.100|");
    check(&logits, 0, 2, "0.100|2:0.500 1:0.200");
    check(&logits, 2, 9, "0.500|2:0.500 1:0.200 3:0.200 0:0.100");
}

#[test]
fn large_and_impossible_logits_are_no_trouble() {
    check(&[1000.0, 1000.0, f32::NEG_INFINITY], 2, 1, "0.000|0:0.500");
    check(&[-1000.0, -1000.0], 1, 1, "0.500|0:0.500");
}
