//! Runs one iteration: one ragged batch through the model, one token further for each sequence.

use intramuros_backend::{BackendError, Logits, LogitsWanted, TextBatch};

use super::scheduler::Scheduler;
use super::sequence::{Ending, Planned};
use crate::EngineError;
use crate::compute::{StepFault, guarded};
use crate::status::{Counters, FAILURES_TO_UNHEALTHY};

impl Scheduler {
    /// Decodes one token of every running sequence and prefills at most `prefill_chunk_tokens` of
    /// the others, first admitted first. Sequences whose prefill is not due are left alone.
    pub(super) fn step(&mut self) {
        let planned = self.plan();
        let mut batch = TextBatch::default();
        let mut members = Vec::with_capacity(planned.len());
        for (at, Planned { row, prompt_tokens }) in planned {
            members.push((at, prompt_tokens));
            batch.rows.push(row);
        }
        let backend = &mut self.backend;
        let vocab_size = self.info.vocab_size;
        let outcome = guarded(|| {
            let logits = backend.forward(&batch)?;
            check_shape(&batch, &logits, vocab_size)?;
            Ok(logits)
        });
        let ended = match outcome {
            Ok(logits) => {
                self.parts.counters.step_succeeded();
                self.advance(&members, &logits)
            }
            Err(fault) => self.fail(&members, &fault),
        };
        self.retire(ended);
    }

    /// The rows of the next batch with the positions of their sequences, ascending.
    fn plan(&self) -> Vec<(usize, Planned)> {
        let mut prefill_budget = self.parts.config.prefill_chunk_tokens;
        let mut rows = Vec::with_capacity(self.running.len());
        for (at, sequence) in self.running.iter().enumerate() {
            let Some(planned) = sequence.plan(prefill_budget) else { continue };
            prefill_budget -= planned.prompt_tokens;
            rows.push((at, planned));
        }
        rows
    }

    /// Takes the next token of each member from its logits; returns those that ended.
    fn advance(&mut self, members: &[(usize, usize)], logits: &[Logits]) -> Vec<(usize, Ending)> {
        let codec = self.parts.codec.clone();
        let counters = &self.parts.counters;
        let mut ended = Vec::new();
        for (&(at, prompt_tokens), logits) in members.iter().zip(logits) {
            let sequence = &mut self.running[at];
            sequence.prefilled(prompt_tokens);
            Counters::add(&counters.prompt_tokens, prompt_tokens as u64);
            if logits.values.is_empty() {
                continue;
            }
            let before = sequence.generated();
            // The codec is foreign code too: a panic in it must not end the thread.
            let scratch = &mut self.scratch;
            let advanced = guarded(|| Ok(sequence.advance(logits.row(0), codec.as_ref(), scratch)));
            let ending = advanced.unwrap_or(Some(Ending::Failed(EngineError::StepFailed)));
            Counters::add(&counters.generated_tokens, u64::from(sequence.generated() - before));
            if let Some(Ending::Failed(error)) = &ending {
                tracing::error!(request = %sequence.request, %error, "no token could be chosen");
            }
            ended.extend(ending.map(|ending| (at, ending)));
        }
        ended
    }

    /// Ends the sequences of a failed batch; those that were not in it go on.
    fn fail(&mut self, members: &[(usize, usize)], fault: &StepFault) -> Vec<(usize, Ending)> {
        let in_a_row = self.parts.counters.step_failed();
        let requests: Vec<&str> =
            members.iter().map(|&(at, _)| self.running[at].request.as_str()).collect();
        tracing::error!(?requests, %fault, in_a_row, "a step failed");
        if in_a_row == FAILURES_TO_UNHEALTHY {
            tracing::error!(in_a_row, "the text engine is unhealthy");
        }
        let lost = |&(at, _): &(usize, usize)| (at, Ending::Failed(EngineError::StepFailed));
        members.iter().map(lost).collect()
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
        let rows = match row.logits {
            LogitsWanted::None => 0,
            LogitsWanted::Last => 1,
            LogitsWanted::All => row.tokens.len(),
        };
        let wrong_width = rows > 0 && logits.vocab_size != vocab_size;
        if wrong_width || logits.values.len() != rows * vocab_size {
            let got = logits.values.len();
            return mismatch(format!("{got} logits for {rows} rows of {vocab_size}"));
        }
    }
    Ok(())
}
