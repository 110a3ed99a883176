//! Decides what the next step computes.
//!
//! First the streams: every sequence that is past its prompt gets its next token, and drafts as
//! far as they pay. Then prompts, as much of them as fits the time that the streams may wait. The
//! sizes follow measured times; answers do not depend on them.

use std::collections::HashSet;
use std::time::Duration;

use intramuros_backend::{BackendError, BatchRow};

use super::scheduler::Scheduler;
use super::sequence::{Ending, Sequence};
use crate::config::MOST_PROMPT_LOGITS;
use crate::kv::Edge;
use crate::{EngineError, Priority};

/// Prompt tokens that a step takes at least, however slow: a prompt must get on.
const LEAST_PREFILL: usize = 8;
/// Prompt tokens that a step beside streams takes before anything was measured.
const FIRST_PREFILL: usize = 32;
/// Seconds that a prompt token takes, before anything was measured.
const FIRST_SECONDS: f64 = 0.02;
/// What a draft token must at least be worth before anything was measured.
const FIRST_WORTH: f64 = 0.3;
/// How long after it has given way background work takes short steps.
const CONSIDERATE: Duration = Duration::from_secs(10);

/// What one sequence does in the next step.
pub(super) struct Planned {
    /// Its position in `running`.
    pub(super) at: usize,
    /// How many of its own tokens are computed.
    pub(super) known: usize,
    /// Guesses that follow them.
    pub(super) drafts: Vec<u32>,
}

impl Scheduler {
    /// The rows of the next batch, at least one when anything runs.
    pub(super) fn plan(&mut self) -> Vec<Planned> {
        self.secure_blocks();
        let mut plan = self.plan_streams();
        self.plan_drafts(&mut plan);
        self.plan_prompts(&mut plan);
        plan
    }

    /// The batch of a plan.
    pub(super) fn rows(&self, plan: &[Planned]) -> Vec<BatchRow> {
        plan.iter().map(|planned| self.running[planned.at].row(planned)).collect()
    }

    /// Sees to it that every stream has room for its next token and every prompt for at least one
    /// more: the sequence of the least standing gives way. One that is alone always has room,
    /// because no request may need more blocks than there are.
    fn secure_blocks(&mut self) {
        let mut at = 0;
        while at < self.running.len() {
            let alone = self.running.len() == 1;
            if self.running[at].secure(&mut self.pool) {
                at += 1;
            } else if alone {
                let lost = self.running.remove(at);
                let error = BackendError::Compute("the KV cache has lost blocks".to_owned());
                tracing::error!(request = %lost.request, %error, "no block for a lone sequence");
                self.end(lost, Ending::Failed(EngineError::StepFailed));
            } else if let Some(victim) = self.running.pop() {
                self.preempt(victim);
            }
        }
    }

    fn plan_streams(&self) -> Vec<Planned> {
        let streams = self.running.iter().enumerate().filter(|(_, s)| s.is_stream());
        let planned =
            |(at, s): (usize, &Sequence)| Planned { at, known: s.uncomputed(), drafts: Vec::new() };
        streams.map(planned).collect()
    }

    /// Adds drafts, the likeliest tokens first, as long as a draft token yields more answer in the
    /// time that it takes than the streams yield without it.
    fn plan_drafts(&mut self, plan: &mut [Planned]) {
        let most = self.parts.config.max_draft_tokens;
        if most == 0 || plan.is_empty() {
            return;
        }
        let mut offers = Vec::with_capacity(plan.len());
        for planned in plan.iter() {
            offers.push(self.running[planned.at].offer_draft(most));
        }
        let mut rows: usize = plan.iter().map(|planned| planned.known).sum();
        let rate = self.cost.seconds(rows).map(|seconds| plan.len() as f64 / seconds);
        let worth = |offer: &(Vec<u32>, f64), taken: usize| {
            if taken < offer.0.len() { offer.1.powi(taken as i32 + 1) } else { 0.0 }
        };
        loop {
            let best = (0..plan.len())
                .map(|at| (at, worth(&offers[at], plan[at].drafts.len())))
                .max_by(|a, b| a.1.total_cmp(&b.1));
            let Some((at, gain)) = best else { break };
            let price = match (rate, self.cost.seconds(rows + 1), self.cost.seconds(rows)) {
                (Some(rate), Some(with), Some(without)) => rate * (with - without),
                _ => FIRST_WORTH,
            };
            if gain <= 0.0 || gain < price {
                break;
            }
            let next = offers[at].0[plan[at].drafts.len()];
            plan[at].drafts.push(next);
            rows += 1;
        }
        for planned in plan.iter_mut() {
            let sequence = &mut self.running[planned.at];
            if !sequence.has_room(&mut self.pool, planned.known + planned.drafts.len()) {
                planned.drafts.clear();
            }
        }
    }

    /// Adds prompt tokens: the prompt that should be done first goes first. A sequence waits while
    /// another one computes the same block, and takes it over in the step after.
    fn plan_prompts(&mut self, plan: &mut Vec<Planned>) {
        let mut prompts: Vec<usize> =
            (0..self.running.len()).filter(|at| !self.running[*at].is_stream()).collect();
        if prompts.is_empty() {
            return;
        }
        let per_token = self.cost.seconds(256).map_or(FIRST_SECONDS, |seconds| seconds / 256.0);
        let due = |at: &usize| self.running[*at].due(per_token);
        prompts.sort_by_key(due);
        let mut budget = self.prefill_budget(plan);
        let mut logits = MOST_PROMPT_LOGITS;
        let mut claimed: HashSet<Edge> = HashSet::new();
        for at in prompts {
            if budget == 0 {
                break;
            }
            let sequence = &mut self.running[at];
            sequence.adopt(&mut self.pool);
            if let Some(edge) = sequence.next_edge(&self.pool)
                && !claimed.insert(edge)
            {
                continue;
            }
            // Tokens before those whose logits are wanted go in steps of their own.
            let before = sequence.logits_from().map(|from| from.saturating_sub(sequence.computed));
            let most = match before {
                None => budget,
                Some(0) => budget.min(logits),
                Some(before) => budget.min(before),
            };
            let known = sequence.take_room(&mut self.pool, most);
            if before == Some(0) {
                logits -= known;
            }
            if known > 0 {
                budget -= known;
                plan.push(Planned { at, known, drafts: Vec::new() });
            }
        }
    }

    /// Prompt tokens of the next step: all that the settings allow, or, beside streams and where
    /// background work has given way lately, as many as fit the time that others may wait.
    fn prefill_budget(&self, plan: &[Planned]) -> usize {
        let most = self.parts.config.prefill_chunk_tokens;
        if plan.is_empty() && !self.is_considerate() {
            return most;
        }
        let streams: usize = plan.iter().map(|p| p.known + p.drafts.len()).sum();
        let limit = self.parts.config.max_token_gap;
        let fits = self.cost.tokens_within(limit, streams + most);
        let fits = fits.map_or(FIRST_PREFILL, |tokens| tokens.saturating_sub(streams));
        fits.max(LEAST_PREFILL).min(most)
    }

    /// Whether only background work runs, and a person has waited for it a moment ago.
    fn is_considerate(&self) -> bool {
        let now = self.parts.clock.now();
        self.priority() == Priority::Background
            && self.gave_way.is_some_and(|then| now.duration_since(then) < CONSIDERATE)
    }
}
