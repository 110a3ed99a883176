//! Follows one admitted request from its first prompt token to its last generated one.

use std::time::{Duration, Instant};

use intramuros_backend::{BackendError, BatchRow, LogitsWanted, SequenceId, TextCodec};
use intramuros_types::{FinishReason, RequestId, Usage};

use super::scheduler::{EventSender, Job};
use crate::assemble::{Piece, TextAssembler};
use crate::sampling::{Sampler, Scratch};
use crate::{EngineError, GenerationEvent};

/// A request that has a sequence in the backend.
pub(super) struct Sequence {
    pub(super) id: SequenceId,
    pub(super) request: RequestId,
    pub(super) deadline: Option<Instant>,
    pub(super) timeout: Duration,
    pub(super) admitted: Instant,
    prompt: Vec<u32>,
    /// Prompt tokens that the backend has.
    prefilled: usize,
    /// The last generated token, which the backend has not yet seen; `None` during prefill.
    pending: Option<u32>,
    generated: u32,
    max_tokens: u32,
    sampler: Sampler,
    text: TextAssembler,
    events: EventSender,
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

/// What a sequence does in the next step.
pub(super) struct Planned {
    pub(super) row: BatchRow,
    /// Of the row's tokens, those of the prompt.
    pub(super) prompt_tokens: usize,
}

impl Sequence {
    /// Starts the sequence that the backend opened as `id`; the job's place in the queue is free
    /// from here on.
    pub(super) fn new(id: SequenceId, job: Job, admitted: Instant) -> Self {
        drop(job.place);
        Self {
            id,
            request: job.request,
            deadline: job.deadline,
            timeout: job.timeout,
            admitted,
            prompt: job.prompt,
            prefilled: 0,
            pending: None,
            generated: 0,
            max_tokens: job.max_tokens,
            sampler: job.sampler,
            text: job.text,
            events: job.events,
        }
    }

    /// Whether the client left.
    pub(super) fn is_gone(&self) -> bool {
        self.events.is_closed()
    }

    /// The row of the next step: the pending token, or the next chunk of the prompt of at most
    /// `prefill_budget` tokens. `None` when the budget is used up.
    pub(super) fn plan(&self, prefill_budget: usize) -> Option<Planned> {
        if let Some(token) = self.pending {
            let row =
                BatchRow { sequence: self.id, tokens: vec![token], logits: LogitsWanted::Last };
            return Some(Planned { row, prompt_tokens: 0 });
        }
        let rest = &self.prompt[self.prefilled..];
        let chunk = &rest[..rest.len().min(prefill_budget)];
        if chunk.is_empty() {
            return None;
        }
        let is_last = chunk.len() == rest.len();
        let logits = if is_last { LogitsWanted::Last } else { LogitsWanted::None };
        let row = BatchRow { sequence: self.id, tokens: chunk.to_vec(), logits };
        Some(Planned { row, prompt_tokens: chunk.len() })
    }

    /// Notes that the backend took `tokens` more of the prompt.
    pub(super) fn prefilled(&mut self, tokens: usize) {
        self.prefilled += tokens;
    }

    /// Chooses the next token from a row of logits and sends what it makes certain.
    pub(super) fn advance(
        &mut self,
        logits: &[f32],
        codec: &dyn TextCodec,
        scratch: &mut Scratch,
    ) -> Option<Ending> {
        let token = match self.sampler.sample(logits, scratch) {
            Ok(token) => token,
            Err(error) => {
                return Some(Ending::Failed(BackendError::Compute(error.to_string()).into()));
            }
        };
        if codec.stop_tokens().contains(&token) {
            let rest = self.text.finish();
            return Some(self.send_last(rest, FinishReason::Stop));
        }
        self.generated += 1;
        self.pending = Some(token);
        let piece = self.text.push(codec.token_bytes(token));
        if piece.stopped {
            return Some(self.send_last(piece, FinishReason::Stop));
        }
        if !self.send(piece.text) {
            return Some(Ending::Gone);
        }
        if self.generated < self.max_tokens {
            return None;
        }
        let rest = self.text.finish();
        Some(self.send_last(rest, FinishReason::Length))
    }

    /// Tokens generated so far, the end-of-turn token excluded.
    pub(super) fn generated(&self) -> u32 {
        self.generated
    }

    /// Tells the client how it ended.
    pub(super) fn end(self, ending: Ending) {
        let usage = Usage {
            prompt_tokens: u32::try_from(self.prompt.len()).unwrap_or(u32::MAX),
            completion_tokens: self.generated,
            cached_tokens: 0,
        };
        let event = match ending {
            Ending::Finished(reason) => Ok(GenerationEvent::Finished { reason, usage }),
            Ending::Failed(error) => Err(error),
            Ending::Gone => return,
        };
        // Fails when the client left just now, which changes nothing any more.
        let _ = self.events.send(event);
    }

    fn send_last(&self, piece: Piece, reason: FinishReason) -> Ending {
        let reason = if piece.stopped { FinishReason::Stop } else { reason };
        if self.send(piece.text) { Ending::Finished(reason) } else { Ending::Gone }
    }

    /// Sends text if there is some; false when the client left.
    fn send(&self, text: String) -> bool {
        text.is_empty() || self.events.send(Ok(GenerationEvent::Text(text))).is_ok()
    }
}
