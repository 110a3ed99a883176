//! Grows an answer token by token and sends what becomes certain.

use intramuros_backend::{BackendError, TextCodec};
use intramuros_types::{FinishReason, SamplingParams};

use super::sequence::{Ending, EventSender};
use crate::assemble::{Piece, TextAssembler};
use crate::sampling::{Sampler, Scratch};
use crate::{GenerationEvent, TokenLogprob, TokenText, logprobs};

/// The answer of one request.
pub(super) struct Answer {
    sampler: Sampler,
    text: TextAssembler,
    generated: u32,
    max_tokens: u32,
    logprobs: Option<PendingLogprobs>,
    drafted: u64,
    accepted: u64,
}

/// Log-probabilities of tokens whose text has not been sent yet.
struct PendingLogprobs {
    /// Alternatives for each token.
    count: usize,
    /// Each with the bytes of text before and after it.
    tokens: Vec<(usize, usize, TokenLogprob)>,
}

impl Answer {
    /// An empty answer to `prompt` of at most `max_tokens`.
    pub(super) fn new(sampling: &SamplingParams, prompt: &[u32], max_tokens: u32) -> Self {
        let pending = |count: u32| PendingLogprobs { count: count as usize, tokens: Vec::new() };
        Self {
            sampler: Sampler::new(sampling, prompt),
            text: TextAssembler::new(sampling.stop.clone()),
            generated: 0,
            max_tokens,
            logprobs: sampling.logprobs.map(pending),
            drafted: 0,
            accepted: 0,
        }
    }

    /// Tokens so far, the end-of-turn token excluded.
    pub(super) fn generated(&self) -> u32 {
        self.generated
    }

    /// Tokens that may follow.
    pub(super) fn left(&self) -> u32 {
        self.max_tokens.saturating_sub(self.generated)
    }

    /// Draft tokens that were checked and those that were right, since the last call.
    pub(super) fn take_drafts(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.drafted), std::mem::take(&mut self.accepted))
    }

    pub(super) fn note_drafts(&mut self, drafted: usize, accepted: usize) {
        self.drafted += drafted as u64;
        self.accepted += accepted as u64;
    }

    /// Chooses the next token from a row of logits, appends it to `tokens` and sends what it makes
    /// certain.
    pub(super) fn draw(
        &mut self,
        logits: &[f32],
        tokens: &mut Vec<u32>,
        events: &EventSender,
        (codec, scratch): (&dyn TextCodec, &mut Scratch),
    ) -> Option<Ending> {
        let token = match self.sampler.sample(logits, None, scratch) {
            Ok(token) => token,
            Err(error) => {
                return Some(Ending::Failed(BackendError::Compute(error.to_string()).into()));
            }
        };
        if codec.stop_tokens().contains(&token) {
            let rest = self.text.finish();
            return Some(self.send_last(rest, FinishReason::Stop, events));
        }
        tokens.push(token);
        self.sampler.remember(token);
        self.append(token, logits, events, codec)
    }

    fn append(
        &mut self,
        token: u32,
        logits: &[f32],
        events: &EventSender,
        codec: &dyn TextCodec,
    ) -> Option<Ending> {
        self.generated += 1;
        let before = self.text.decoded_bytes();
        let piece = self.text.push(codec.token_bytes(token));
        if let Some(pending) = &mut self.logprobs {
            let text = |token| spell(codec, token);
            let told = logprobs::of(logits, token, pending.count, text);
            pending.tokens.push((before, self.text.decoded_bytes(), told));
        }
        if piece.stopped {
            return Some(self.send_last(piece, FinishReason::Stop, events));
        }
        if !piece.text.is_empty() {
            let logprobs = self.settled();
            if !send(events, piece.text, logprobs) {
                return Some(Ending::Gone);
            }
        }
        if self.left() > 0 {
            return None;
        }
        let rest = self.text.finish();
        Some(self.send_last(rest, FinishReason::Length, events))
    }

    fn send_last(&mut self, piece: Piece, reason: FinishReason, events: &EventSender) -> Ending {
        let reason = if piece.stopped { FinishReason::Stop } else { reason };
        let logprobs = self.rest(piece.stopped);
        let nothing = piece.text.is_empty() && logprobs.is_empty();
        let sent = nothing || send(events, piece.text, logprobs);
        if sent { Ending::Finished(reason) } else { Ending::Gone }
    }

    /// Tokens whose text has gone out whole.
    fn settled(&mut self) -> Vec<TokenLogprob> {
        let released = self.text.released_bytes();
        let Some(pending) = &mut self.logprobs else { return Vec::new() };
        let count = pending.tokens.iter().take_while(|(_, end, _)| *end <= released).count();
        pending.tokens.drain(..count).map(|(_, _, told)| told).collect()
    }

    /// The tokens that are left at the end; without those of which a stop text cut off everything.
    fn rest(&mut self, stopped: bool) -> Vec<TokenLogprob> {
        let released = self.text.released_bytes();
        let Some(pending) = &mut self.logprobs else { return Vec::new() };
        let rest = pending.tokens.drain(..);
        rest.filter(|(begin, _, _)| !stopped || *begin < released)
            .map(|(_, _, told)| told)
            .collect()
    }
}

/// A token as a client can read it.
pub(super) fn spell(codec: &dyn TextCodec, token: u32) -> TokenText {
    TokenText {
        id: token,
        bytes: codec.token_bytes(token).to_vec(),
        special: codec.special_text(token).map(str::to_owned),
    }
}

/// Sends a piece; false when the client left.
fn send(events: &EventSender, text: String, logprobs: Vec<TokenLogprob>) -> bool {
    events.send(Ok(GenerationEvent::Text { text, logprobs })).is_ok()
}
