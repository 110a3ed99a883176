//! Keeps the tokens that temperature, top-k, top-p and min-p leave in the draw.

use std::cmp::Ordering;

use intramuros_types::SamplingParams;

use super::Candidate;

/// Below this share of the most likely token a candidate is looked at for top-p only when the
/// likelier ones do not suffice. A first guess that usually leaves a few hundred of 150,000.
const TOP_P_FIRST_LOOK: f32 = 1e-4;

/// The filters of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    temperature: f32,
    top_k: usize,
    top_p: f32,
    min_p: f32,
}

impl Filter {
    /// From validated parameters.
    pub(crate) fn new(params: &SamplingParams) -> Self {
        let SamplingParams { temperature, top_k, top_p, min_p, .. } = *params;
        let top_k = usize::try_from(top_k).unwrap_or(usize::MAX);
        Self { temperature, top_k, top_p, min_p }
    }

    /// Whether the most likely token is taken without a draw.
    pub(crate) fn is_greedy(&self) -> bool {
        self.temperature == 0.0 || self.top_k == 1
    }

    /// Fills `kept` with the tokens in the draw, never none: the most likely one passes every
    /// filter. `largest` is the largest of `logits`.
    ///
    /// Weights are `exp((l − largest) / temperature)`, which cannot overflow. The whole vocabulary
    /// is never sorted: top-k selects and then sorts k; top-p sorts the head of the distribution
    /// only, unless that is too flat.
    pub(crate) fn select(&self, logits: &[f32], largest: f32, kept: &mut Vec<Candidate>) {
        kept.clear();
        let weigh = |(token, &logit): (usize, &f32)| Candidate {
            token: token as u32,
            weight: ((logit - largest) / self.temperature).exp(),
        };
        let all = logits.iter().enumerate().map(weigh);
        kept.extend(all.filter(|candidate| candidate.weight > 0.0));
        let mut sorted = false;
        if self.top_k > 0 && self.top_k < kept.len() {
            kept.select_nth_unstable_by(self.top_k - 1, likelier_first);
            kept.truncate(self.top_k);
            kept.sort_unstable_by(likelier_first);
            sorted = true;
        }
        if self.top_p < 1.0 {
            keep_nucleus(kept, self.top_p, sorted);
        }
        if self.min_p > 0.0 {
            // The most likely weight is 1, before and after the filters above.
            kept.retain(|candidate| candidate.weight >= self.min_p);
        }
    }
}

/// Keeps the shortest run of likeliest tokens whose share reaches `top_p`, likelier first.
fn keep_nucleus(kept: &mut Vec<Candidate>, top_p: f32, sorted: bool) {
    let total: f64 = sum(kept);
    let enough = f64::from(top_p) * total;
    if !sorted {
        // The likely ones alone suffice nearly always; what they exclude cannot be in the nucleus,
        // since every one of them is likelier than every one of the others.
        let is_likely = |candidate: &Candidate| candidate.weight >= TOP_P_FIRST_LOOK;
        let likely = kept.iter().filter(|candidate| is_likely(candidate));
        if likely.map(|candidate| f64::from(candidate.weight)).sum::<f64>() >= enough {
            kept.retain(is_likely);
        }
        kept.sort_unstable_by(likelier_first);
    }
    let mut reached = 0.0;
    let nucleus = kept.iter().position(|candidate| {
        reached += f64::from(candidate.weight);
        reached >= enough
    });
    // Rounding may leave the sum a crumb short; then all are in.
    kept.truncate(nucleus.map_or(kept.len(), |last| last + 1));
}

fn sum(candidates: &[Candidate]) -> f64 {
    candidates.iter().map(|candidate| f64::from(candidate.weight)).sum()
}

/// Likelier first, the lower id among equals: a total order, since no weight is NaN.
fn likelier_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.weight.total_cmp(&a.weight).then(a.token.cmp(&b.token))
}
