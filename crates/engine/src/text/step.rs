//! Runs one iteration: one ragged batch through the model, each sequence as far as that takes it.

use std::time::Duration;

use intramuros_backend::{BackendError, Logits, TextBatch};

use super::plan::Planned;
use super::scheduler::Scheduler;
use super::sequence::Ending;
use crate::compute::{StepFault, guarded};
use crate::status::{Counters, FAILURES_TO_UNHEALTHY};
use crate::{EngineError, Priority};

/// How much longer than a step took background work rests when a person waited for another model
/// meanwhile: one in so many of their short requests meets such a step at most.
const REST: u32 = 3;

/// What came of a step.
struct Computed {
    outcome: Result<Vec<Logits>, StepFault>,
    took: Duration,
    /// A person waited for another model when it ended.
    was_wanted: bool,
}

impl Scheduler {
    /// Computes the next tokens of the running sequences. Those whose turn has not come are left
    /// alone.
    pub(super) fn step(&mut self) {
        let plan = self.plan();
        if plan.is_empty() {
            return;
        }
        let batch = TextBatch { rows: self.rows(&plan) };
        let priority = self.priority();
        let Computed { outcome, took, was_wanted } = self.compute(&batch, priority);
        let ended = match outcome {
            Ok(logits) => {
                self.parts.counters.step_succeeded();
                Counters::add(&self.parts.counters.steps, 1);
                let tokens = batch.rows.iter().map(|row| row.tokens.len()).sum();
                self.cost.record(tokens, took);
                self.share(&plan, took, tokens);
                self.parts.counters.histograms.step(batch.rows.len(), tokens);
                self.advance(&plan, &logits)
            }
            Err(fault) => self.fail(&plan, &fault),
        };
        self.retire(ended);
        if was_wanted && priority == Priority::Background {
            self.gave_way = Some(self.parts.clock.now());
            self.rest(took * REST);
        }
    }

    /// Whether a person waits for what runs: who has the highest standing is first.
    pub(super) fn priority(&self) -> Priority {
        self.running.first().map_or(Priority::Background, |first| first.priority)
    }

    /// One forward pass, when it is this model's turn to have the cores.
    fn compute(&mut self, batch: &TextBatch, priority: Priority) -> Computed {
        let backend = &mut self.backend;
        let vocab_size = self.info.vocab_size;
        let turn = self.parts.gate.enter(priority);
        let begun = self.parts.clock.now();
        let outcome = guarded(|| {
            let logits = backend.forward(batch)?;
            check_shape(batch, &logits, vocab_size)?;
            Ok(logits)
        });
        let took = self.parts.clock.now().duration_since(begun);
        Computed { outcome, took, was_wanted: turn.is_wanted() }
    }

    /// Divides the time of a step among its sequences by their tokens, drafts included.
    fn share(&mut self, plan: &[Planned], took: Duration, tokens: usize) {
        for planned in plan {
            let own = planned.known + planned.drafts.len();
            self.running[planned.at].compute += took.mul_f64(own as f64 / tokens.max(1) as f64);
        }
    }

    /// Lets each sequence of the plan take in its logits; returns those that ended.
    fn advance(&mut self, plan: &[Planned], logits: &[Logits]) -> Vec<(usize, Ending)> {
        let codec = self.parts.codec.clone();
        let now = self.parts.clock.now();
        let mut ended = Vec::new();
        for (planned, logits) in plan.iter().zip(logits) {
            let sequence = &mut self.running[planned.at];
            let (before, from) = (sequence.answer.generated(), sequence.computed);
            // The codec is foreign code too: a panic in it must not end the thread.
            let scratch = &mut self.scratch;
            let advanced =
                guarded(|| Ok(sequence.advance(planned, logits, codec.as_ref(), scratch)));
            let ending = advanced.unwrap_or(Some(Ending::Failed(EngineError::StepFailed)));
            sequence.keep_blocks(&mut self.pool);
            let prompt = sequence.prompt_tokens.saturating_sub(from).min(planned.known);
            let answer = sequence.answer.generated() - before;
            let (drafted, accepted, forced) = sequence.answer.take_savings();
            let counters = &self.parts.counters;
            if answer > 0 {
                sequence.note_written(now, &counters.histograms);
            }
            Counters::add(&counters.prompt_tokens, prompt as u64);
            Counters::add(&counters.generated_tokens, u64::from(answer));
            Counters::add(&counters.drafted_tokens, drafted);
            Counters::add(&counters.accepted_tokens, accepted);
            Counters::add(&counters.forced_tokens, forced);
            Counters::add(&counters.cached_tokens, sequence.take_untold_cached() as u64);
            if let Some(Ending::Failed(error)) = &ending {
                tracing::error!(request = %sequence.request, %error, "no token could be chosen");
            }
            self.queue.charge(sequence.client.as_ref(), prompt, answer as usize);
            ended.extend(ending.map(|ending| (planned.at, ending)));
        }
        ended.sort_by_key(|(at, _)| *at);
        ended
    }

    /// Ends the sequences of a failed batch; those that were not in it go on.
    fn fail(&mut self, plan: &[Planned], fault: &StepFault) -> Vec<(usize, Ending)> {
        let in_a_row = self.parts.counters.step_failed();
        let requests: Vec<&str> =
            plan.iter().map(|planned| self.running[planned.at].request.as_str()).collect();
        tracing::error!(?requests, %fault, in_a_row, "a step failed");
        if in_a_row == FAILURES_TO_UNHEALTHY {
            tracing::error!(in_a_row, "the text engine is unhealthy");
        }
        let mut members: Vec<usize> = plan.iter().map(|planned| planned.at).collect();
        members.sort_unstable();
        let lost = |at| (at, Ending::Failed(EngineError::StepFailed));
        members.into_iter().map(lost).collect()
    }
}

/// Holds the backend to its contract, so that a wrong shape is an error and not a panic.
fn check_shape(
    batch: &TextBatch,
    logits: &[Logits],
    vocab_size: usize,
) -> Result<(), BackendError> {
    let mismatch = |what: String| Err(BackendError::Compute(what));
    if logits.len() != batch.rows.len() {
        return mismatch(format!("{} rows gave {} logits", batch.rows.len(), logits.len()));
    }
    for (row, logits) in batch.rows.iter().zip(logits) {
        let wrong_width = row.logits > 0 && logits.vocab_size != vocab_size;
        if wrong_width || logits.values.len() != row.logits * vocab_size {
            let got = logits.values.len();
            return mismatch(format!("{got} logits for {} rows of {vocab_size}", row.logits));
        }
    }
    Ok(())
}
