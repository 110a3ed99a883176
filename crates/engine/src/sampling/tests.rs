//! Tests the sampler against exact sets, a plain reference and statistics.

use intramuros_types::{Penalties, SamplingParams};

use super::filter::Filter;
use super::{Sampler, SamplingError, Scratch};

fn params(change: impl FnOnce(&mut SamplingParams)) -> SamplingParams {
    let mut params = SamplingParams { seed: Some(7), ..SamplingParams::default() };
    change(&mut params);
    params
}

fn sample(params: &SamplingParams, logits: &[f32]) -> Result<u32, SamplingError> {
    Sampler::new(params, &[]).sample(logits, None, &mut Scratch::default())
}

/// Tokens that are left in the draw, ascending.
fn kept(params: &SamplingParams, logits: &[f32]) -> Vec<u32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut kept = Vec::new();
    Filter::new(params).select(logits, largest, &mut kept);
    let mut tokens: Vec<u32> = kept.iter().map(|candidate| candidate.token).collect();
    tokens.sort_unstable();
    tokens
}

#[track_caller]
fn check(change: impl FnOnce(&mut SamplingParams), logits: &[f32], expected: &[u32]) {
    assert_eq!(kept(&params(change), logits), expected);
}

/// Logits whose softmax is `shares`.
fn logits_of(shares: &[f32]) -> Vec<f32> {
    shares.iter().map(|share| share.ln()).collect()
}

#[test]
fn greedy_takes_the_largest_and_the_lowest_id_of_equals() {
    let greedy = SamplingParams::greedy(1);
    assert_eq!(sample(&greedy, &[0.0, 3.0, 1.0, 3.0]), Ok(1));
    assert_eq!(sample(&greedy, &[f32::NEG_INFINITY, -5.0]), Ok(1));
    assert_eq!(sample(&params(|p| p.top_k = 1), &[0.0, 3.0, 1.0, 3.0]), Ok(1));
}

#[test]
fn unusable_logits_are_errors() {
    for params in [SamplingParams::greedy(1), params(|p| p.top_p = 0.5)] {
        let nan = SamplingError::NotANumber { token: 1 };
        assert_eq!(sample(&params, &[0.0, f32::NAN, 1.0]), Err(nan));
        assert_eq!(sample(&params, &[0.0, f32::INFINITY, 1.0]), Err(nan));
        assert_eq!(sample(&params, &[f32::NEG_INFINITY; 3]), Err(SamplingError::NothingPossible));
        assert_eq!(sample(&params, &[]), Err(SamplingError::NothingPossible));
    }
}

#[test]
fn filters_keep_exactly_what_they_say() {
    let logits = logits_of(&[0.1, 0.4, 0.05, 0.3, 0.15]);
    check(|_| (), &logits, &[0, 1, 2, 3, 4]);
    check(|p| p.top_k = 2, &logits, &[1, 3]);
    check(|p| p.top_k = 99, &logits, &[0, 1, 2, 3, 4]);
    check(|p| p.top_p = 0.39, &logits, &[1]);
    check(|p| p.top_p = 0.41, &logits, &[1, 3]);
    check(|p| p.top_p = 0.84, &logits, &[1, 3, 4]);
    check(|p| p.top_p = f32::MIN_POSITIVE, &logits, &[1]);
    check(|p| p.min_p = 0.5, &logits, &[1, 3]);
    check(|p| p.min_p = 1.0, &logits, &[1]);
    // Top-p after top-k counts shares of what is left: 0.4/0.7 = 0.571.
    check(|p| (p.top_k, p.top_p) = (2, 0.57), &logits, &[1]);
    check(|p| (p.top_k, p.top_p) = (2, 0.58), &logits, &[1, 3]);
    check(|p| (p.top_k, p.min_p) = (3, 0.7), &logits, &[1, 3]);
}

#[test]
fn equals_at_the_border_are_kept_by_lowest_id() {
    check(|p| p.top_k = 2, &[1.0, 1.0, 1.0, 1.0], &[0, 1]);
    check(|p| p.top_p = 0.5, &[1.0, 1.0, 1.0, 1.0], &[0, 1]);
}

#[test]
fn excluded_tokens_are_never_kept() {
    let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 1.0];
    check(|_| (), &logits, &[1, 3]);
    check(|p| p.top_k = 3, &logits, &[1, 3]);
    check(|p| p.top_p = 0.999, &logits, &[1, 3]);
}

#[test]
fn temperature_acts_before_the_filters() {
    let logits = logits_of(&[0.5, 0.3, 0.2]);
    check(|p| (p.temperature, p.min_p) = (1.0, 0.5), &logits, &[0, 1]);
    check(|p| (p.temperature, p.min_p) = (2.0, 0.6), &logits, &[0, 1, 2]);
    check(|p| (p.temperature, p.min_p) = (0.1, 0.01), &logits, &[0]);
    check(|p| p.temperature = f32::MIN_POSITIVE, &[1000.0, 1001.0, -1000.0], &[1]);
}

/// Pseudo-random logits, peaked or flat.
fn random_logits(seed: u64, count: usize, spread: f32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1u32 << 24) as f32
    };
    (0..count).map(|_| spread * (next() + next() - next())).collect()
}

/// Top-p as its definition says: sort everything, take until the share is reached.
fn nucleus_by_sorting(logits: &[f32], top_p: f32) -> Vec<u32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut all: Vec<(u32, f32)> =
        (0..).zip(logits.iter().map(|logit| (logit - largest).exp())).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let total: f64 = all.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mut reached = 0.0;
    let mut tokens = Vec::new();
    for (token, weight) in all {
        tokens.push(token);
        reached += f64::from(weight);
        if reached >= f64::from(top_p) * total {
            break;
        }
    }
    tokens.sort_unstable();
    tokens
}

#[test]
fn the_short_way_to_the_nucleus_equals_sorting_everything() {
    for seed in 0..20 {
        for spread in [0.0, 0.5, 4.0, 30.0] {
            let logits = random_logits(seed, 3000, spread);
            for top_p in [0.01, 0.5, 0.9, 0.999_999] {
                let expected = nucleus_by_sorting(&logits, top_p);
                check(|p| p.top_p = top_p, &logits, &expected);
            }
        }
    }
}

/// Pearson's chi-square of `draws` draws against `shares`.
fn chi_square(params: &SamplingParams, logits: &[f32], shares: &[f64], draws: u32) -> f64 {
    let mut counts = vec![0u32; shares.len()];
    let mut sampler = Sampler::new(params, &[]);
    let mut scratch = Scratch::default();
    for _ in 0..draws {
        counts[sampler.sample(logits, None, &mut scratch).unwrap() as usize] += 1;
    }
    let deviation = |(&count, &share): (&u32, &f64)| {
        let expected = share * f64::from(draws);
        if share == 0.0 {
            return if count == 0 { 0.0 } else { f64::INFINITY };
        }
        (f64::from(count) - expected).powi(2) / expected
    };
    counts.iter().zip(shares).map(deviation).sum()
}

#[test]
fn draws_follow_the_distribution() {
    let logits = logits_of(&[0.1, 0.4, 0.05, 0.3, 0.15]);
    // 4 degrees of freedom: 18.47 is exceeded once in a thousand times by chance.
    let plain = chi_square(&params(|_| ()), &logits, &[0.1, 0.4, 0.05, 0.3, 0.15], 50_000);
    assert!(plain < 18.47, "{plain}");
    let top_k = params(|p| p.top_k = 2);
    let two = chi_square(&top_k, &logits, &[0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0, 0.0], 50_000);
    assert!(two < 10.83, "{two}");
    // Temperature 2 takes the square root of every share.
    let hot = params(|p| p.temperature = 2.0);
    let roots = [0.1f64, 0.4, 0.05, 0.3, 0.15].map(f64::sqrt);
    let total: f64 = roots.iter().sum();
    let shares = roots.map(|root| root / total);
    let warm = chi_square(&hot, &logits, &shares, 50_000);
    assert!(warm < 18.47, "{warm}");
    let cold = chi_square(&params(|_| ()), &logits, &shares, 50_000);
    assert!(cold > 18.47, "the test cannot tell distributions apart: {cold}");
}

/// Tokens of a request that always sees the same logits.
fn stream(seed: Option<u64>) -> Vec<u32> {
    let mut sampler = Sampler::new(&SamplingParams { seed, ..SamplingParams::default() }, &[]);
    let logits = random_logits(1, 1000, 2.0);
    (0..50).map(|_| sampler.sample(&logits, None, &mut Scratch::default()).unwrap()).collect()
}

#[test]
fn the_seed_decides() {
    assert_eq!(stream(Some(1)), stream(Some(1)));
    assert_ne!(stream(Some(1)), stream(Some(2)));
    assert_ne!(stream(None), stream(None));
}

/// Greedy tokens with penalties after `prompt`, from constant logits.
#[track_caller]
fn check_penalties(penalties: Penalties, prompt: &[u32], logits: &[f32], expected: &[u32]) {
    let params = SamplingParams { penalties, ..SamplingParams::greedy(9) };
    let mut sampler = Sampler::new(&params, prompt);
    let got: Vec<u32> = expected
        .iter()
        .map(|_| {
            let token = sampler.sample(logits, None, &mut Scratch::default()).unwrap();
            sampler.remember(token);
            token
        })
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn penalties_follow_their_formulas() {
    let none = Penalties::default();
    check_penalties(none, &[1], &[1.0, 2.0], &[1, 1, 1]);
    // 2.0, 1.4, 0.8: token 1 falls below token 0 after its second time.
    check_penalties(Penalties { frequency: 0.6, ..none }, &[1, 1], &[1.0, 2.0], &[1, 1, 0, 1]);
    // 2.0 then 1.4 for good; 1.0 then 0.4.
    check_penalties(Penalties { presence: 0.6, ..none }, &[1, 1], &[1.0, 2.0], &[1, 1, 1, 1]);
    check_penalties(Penalties { presence: 1.5, ..none }, &[1, 1], &[1.0, 2.0], &[1, 0, 1]);
    // Divides positive logits, multiplies negative ones, and counts the prompt.
    check_penalties(Penalties { repetition: 3.0, ..none }, &[1], &[1.0, 2.0], &[0, 1, 1]);
    check_penalties(Penalties { repetition: 3.0, ..none }, &[1], &[-2.0, -1.0], &[0, 1, 1]);
    check_penalties(Penalties { repetition: 0.5, ..none }, &[0], &[1.0, 1.5], &[0, 0]);
    // Prompt tokens outside of the vocabulary are ignored.
    check_penalties(Penalties { repetition: 3.0, ..none }, &[77], &[1.0, 2.0], &[1]);
}
