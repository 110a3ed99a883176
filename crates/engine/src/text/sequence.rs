//! Follows one request from the queue to its last token.
//!
//! A sequence is its tokens and how many of them the KV cache holds. Whatever is not yet computed
//! is computed next: a prompt, the token that was just drawn, a run that a grammar made certain,
//! or everything again after a preemption.

use std::time::{Duration, Instant};

use intramuros_backend::{BatchRow, Logits, TextCodec};
use intramuros_types::{Consumption, FinishReason, KeyId, ModelId, RequestId, Usage};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::answer::Answer;
use super::plan::Planned;
use super::prompt::PromptLogprobs;
use crate::config::STREAM_TOKENS;
use crate::distributions::Histograms;
use crate::draft::Drafter;
use crate::kv::{BlockPool, BlockTable, Edge};
use crate::sampling::Scratch;
use crate::signal::Signal;
use crate::{EngineError, Meter, Priority};

pub(super) type SignalSender = UnboundedSender<Result<Signal, EngineError>>;

/// A request that was accepted.
pub(super) struct Sequence {
    pub(super) request: RequestId,
    pub(super) client: Option<KeyId>,
    pub(super) meter: Meter,
    /// Its share of the time of the steps that it was in.
    pub(super) compute: Duration,
    pub(super) priority: Priority,
    pub(super) submitted: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) timeout: Duration,
    /// When it began to run, the first time.
    pub(super) admitted: Option<Instant>,
    /// When a step last gave it tokens.
    pub(super) wrote: Option<Instant>,
    /// Number of its arrival in the queue.
    pub(super) arrival: u64,
    /// Number of its last admission.
    pub(super) order: u64,
    /// Prompt and answer.
    pub(super) tokens: Vec<u32>,
    pub(super) prompt_tokens: usize,
    /// Of `tokens`, those whose keys and values are in its blocks.
    pub(super) computed: usize,
    /// The most that `computed` ever was before a preemption.
    pub(super) reached: usize,
    /// Of the prompt, those that were taken over from others.
    pub(super) cached: usize,
    /// Of those, the ones that the counters know.
    pub(super) cached_told: usize,
    pub(super) table: BlockTable,
    pub(super) drafter: Drafter,
    pub(super) prompt_logprobs: Option<PromptLogprobs>,
    /// Whether the prompt's hidden state is still to be told.
    pub(super) hidden: bool,
    pub(super) answer: Answer,
    pub(super) signals: SignalSender,
    /// Frees its place in the queue when it begins to run, or is dropped.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// How a sequence ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// The answer is complete.
    Finished(FinishReason),
    /// There will be no more of it.
    Failed(EngineError),
    /// The client left.
    Gone,
}

impl Sequence {
    /// Whether the client left.
    pub(super) fn is_gone(&self) -> bool {
        self.signals.is_closed()
    }

    /// Begins to run, or goes on after a preemption.
    pub(super) fn start(&mut self, order: u64, now: Instant) {
        self.place = None;
        self.order = order;
        self.admitted.get_or_insert(now);
    }

    /// Notes how long its reader waited for the tokens of the step that ended at `now`.
    pub(super) fn note_written(&mut self, now: Instant, histograms: &Histograms) {
        let before = self.wrote.replace(now);
        let waited = now.saturating_duration_since(before.unwrap_or(self.submitted));
        if before.is_some() {
            histograms.token_gap.observe_time(waited);
        } else {
            histograms.first_token.observe_time(waited);
            self.meter.tally.wrote(waited);
        }
    }

    /// Tokens that are to be computed.
    pub(super) fn uncomputed(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// Whether the prompt is done, so that the client sees every step.
    pub(super) fn is_stream(&self) -> bool {
        self.computed >= self.prompt_tokens && self.uncomputed() <= STREAM_TOKENS
    }

    /// When a prompt should be done, were it alone and had twice the time that it needs. A short
    /// prompt is due soon, and a long one is not put off for ever.
    pub(super) fn due(&self, seconds_per_token: f64) -> (Priority, Option<Instant>) {
        let seconds = 2.0 * seconds_per_token * self.tokens.len() as f64;
        let needs = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        (self.priority, self.submitted.checked_add(needs))
    }

    /// Takes over what others have computed of its tokens, but for those whose logits are wanted:
    /// the last one's always are.
    pub(super) fn adopt(&mut self, pool: &mut BlockPool) {
        let last = self.tokens.len().saturating_sub(1);
        let wanted = self.logits_from().unwrap_or(last).min(last);
        let adopted = self.table.adopt(pool, &self.tokens[..wanted]);
        if adopted > self.computed {
            // What it had before a preemption was its own.
            self.cached += adopted.saturating_sub(self.computed.max(self.reached));
            self.computed = adopted;
        }
    }

    /// Tokens that were taken over since this was last asked.
    pub(super) fn take_untold_cached(&mut self) -> usize {
        self.cached - std::mem::replace(&mut self.cached_told, self.cached)
    }

    /// The block that it computes next, when its tokens fill that.
    pub(super) fn next_edge(&self, pool: &BlockPool) -> Option<Edge> {
        self.table.next_edge(pool, &self.tokens)
    }

    /// Keeps full blocks for others.
    pub(super) fn keep_blocks(&mut self, pool: &mut BlockPool) {
        self.table.keep(pool, &self.tokens, self.computed);
    }

    /// Blocks that are missing for its tokens and the next one.
    pub(super) fn missing_blocks(&self, pool: &BlockPool) -> usize {
        self.table.missing(pool, self.tokens.len() + 1)
    }

    /// Gives all blocks back; everything must be computed again.
    pub(super) fn give_blocks_back(&mut self, pool: &mut BlockPool) {
        self.table.release(pool);
        self.reached = self.reached.max(self.computed);
        self.computed = 0;
    }

    /// Takes the blocks for a stream's next step; a prompt only needs to know that there are some.
    pub(super) fn secure(&mut self, pool: &mut BlockPool) -> bool {
        if self.is_stream() {
            self.has_room(pool, self.uncomputed())
        } else {
            self.table.missing(pool, self.computed + 1) <= pool.available()
        }
    }

    /// Takes the blocks for `tokens` more; false, and nothing is taken, when there are too few.
    pub(super) fn has_room(&mut self, pool: &mut BlockPool, tokens: usize) -> bool {
        self.table.extend(pool, self.computed + tokens)
    }

    /// Takes the blocks for the next `most` tokens of a prompt, or as many as there are; returns
    /// for how many tokens.
    pub(super) fn take_room(&mut self, pool: &mut BlockPool, most: usize) -> usize {
        let held = (self.table.blocks().len() + pool.available()) * pool.block_tokens();
        let tokens = self.uncomputed().min(most).min(held.saturating_sub(self.computed));
        if tokens > 0 && self.has_room(pool, tokens) { tokens } else { 0 }
    }

    /// Guesses at the next tokens, at most `most` and within the answer's length, and how likely
    /// each is right when those before it are.
    pub(super) fn offer_draft(&mut self, most: usize) -> (Vec<u32>, f64) {
        let room = (self.answer.left() as usize).saturating_sub(1);
        let mut draft = self.drafter.draft(&self.tokens, most.min(room));
        self.answer.cut_draft(&mut draft);
        (draft, self.drafter.acceptance())
    }

    /// The first token of the prompt whose logits are wanted, where more than the last one's are.
    pub(super) fn logits_from(&self) -> Option<usize> {
        self.prompt_logprobs.as_ref().map(PromptLogprobs::from)
    }

    /// The batch row of a plan.
    pub(super) fn row(&self, planned: &Planned) -> BatchRow {
        let end = self.computed + planned.known;
        let mut tokens = self.tokens[self.computed..end].to_vec();
        tokens.extend_from_slice(&planned.drafts);
        let logits = if let Some(from) = self.logits_from() {
            end.saturating_sub(from.max(self.computed))
        } else if end == self.tokens.len() {
            planned.drafts.len() + 1
        } else {
            0
        };
        let position = u32::try_from(self.computed).unwrap_or(u32::MAX);
        let hidden = self.hidden && end == self.prompt_tokens;
        BatchRow { tokens, position, blocks: self.table.blocks().to_vec(), logits, hidden }
    }

    /// Takes in what a step computed: draws as many tokens as there are logits for.
    pub(super) fn advance(
        &mut self,
        planned: &Planned,
        logits: &Logits,
        codec: &dyn TextCodec,
        scratch: &mut Scratch,
    ) -> Option<Ending> {
        if let Some(prompt) = &mut self.prompt_logprobs {
            let rows = logits.values.len() / logits.vocab_size.max(1);
            let from = self.computed + planned.known - rows;
            prompt.take(&self.tokens[..self.prompt_tokens], from, logits, codec);
        }
        self.computed += planned.known;
        if self.computed < self.tokens.len() {
            return None;
        }
        if let Some(prompt) = self.prompt_logprobs.take() {
            let event = Signal::Prompt(prompt.into_tokens());
            if self.signals.send(Ok(event)).is_err() {
                return Some(Ending::Gone);
            }
        }
        if std::mem::take(&mut self.hidden) {
            let event = Signal::Hidden(logits.hidden.clone());
            if self.signals.send(Ok(event)).is_err() {
                return Some(Ending::Gone);
            }
        }
        if self.answer.left() == 0 {
            return Some(Ending::Finished(FinishReason::Length));
        }
        let first = logits.values.len() / logits.vocab_size.max(1) - 1 - planned.drafts.len();
        let mut accepted = 0;
        let mut ending = None;
        while ending.is_none() && self.computed == self.tokens.len() {
            let row = logits.row(first + accepted);
            ending = self.answer.draw(row, &mut self.tokens, &self.signals, (codec, &mut *scratch));
            while let (Some(token), Some(guess)) =
                (self.tokens.get(self.computed), planned.drafts.get(accepted))
                && token == guess
            {
                self.computed += 1;
                accepted += 1;
            }
        }
        self.drafter.record(planned.drafts.len(), accepted);
        self.answer.note_drafts(planned.drafts.len(), accepted);
        ending
    }

    /// Adds what it took to the request's sum: of a prompt that was not finished, what was computed.
    pub(super) fn account(&self, model: &ModelId) {
        let computed = self.computed.max(self.reached).min(self.prompt_tokens);
        self.meter.add(
            model,
            Consumption {
                prompt_tokens: computed as u64,
                cached_tokens: self.cached as u64,
                completion_tokens: u64::from(self.answer.generated()),
                compute: self.compute,
            },
        );
    }

    /// Tells the client how it ended.
    pub(super) fn end(self, ending: Ending) {
        let usage = Usage {
            prompt_tokens: u32::try_from(self.prompt_tokens).unwrap_or(u32::MAX),
            completion_tokens: self.answer.generated(),
            cached_tokens: u32::try_from(self.cached).unwrap_or(u32::MAX),
        };
        let event = match ending {
            Ending::Finished(reason) => Ok(Signal::Finished { reason, usage }),
            Ending::Failed(error) => Err(error),
            Ending::Gone => return,
        };
        // Fails when the client left just now, which changes nothing any more.
        let _ = self.signals.send(event);
    }
}
