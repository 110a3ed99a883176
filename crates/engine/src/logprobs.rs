//! Tells how likely the model itself thought a token, and what it thought likelier.

use crate::{TokenLogprob, TokenText};

#[cfg(test)]
mod tests;

/// The log-probability of `token` under `logits`, and the `count` likeliest tokens, likelier
/// first, the lowest id among equals. `text` spells a token.
///
/// Log-probabilities are natural logarithms of the softmax, summed in f64; −∞ is a token that
/// cannot occur.
pub(crate) fn of(
    logits: &[f32],
    token: u32,
    count: usize,
    text: impl Fn(u32) -> TokenText,
) -> TokenLogprob {
    let normaliser = normaliser(logits);
    let logprob = |token: u32| {
        let logit = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        (f64::from(logit) - normaliser) as f32
    };
    let top = likeliest(logits, count);
    TokenLogprob {
        token: text(token),
        logprob: logprob(token),
        top: top.into_iter().map(|token| (text(token), logprob(token))).collect(),
    }
}

/// ln Σ exp(logit).
fn normaliser(logits: &[f32]) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - largest).exp()).sum();
    largest + sum.ln()
}

fn likeliest(logits: &[f32], count: usize) -> Vec<u32> {
    let likelier =
        |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if count == 0 {
        return Vec::new();
    }
    let mut tokens: Vec<u32> = (0..logits.len() as u32).collect();
    if count < tokens.len() {
        tokens.select_nth_unstable_by(count - 1, likelier);
        tokens.truncate(count);
    }
    tokens.sort_unstable_by(likelier);
    tokens
}
