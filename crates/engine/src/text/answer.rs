//! Grows an answer token by token and sends what becomes certain.

use intramuros_backend::{BackendError, TextCodec};
use intramuros_types::{FinishReason, SamplingParams};

use super::sequence::{Ending, SignalSender};
use crate::EngineError;
use crate::assemble::{Piece, TextAssembler};
use crate::constraint::Matcher;
use crate::sampling::{Sampler, SamplingError, Scratch};
use crate::signal::Signal;
use crate::{TokenLogprob, TokenText, logprobs};

/// The answer of one request.
pub(super) struct Answer {
    sampler: Sampler,
    text: TextAssembler,
    generated: u32,
    max_tokens: u32,
    logprobs: Option<PendingLogprobs>,
    matcher: Option<Matcher>,
    /// Whether special tokens are passed on: tool calls are marked by them.
    specials: bool,
    drafted: u64,
    accepted: u64,
    forced: u64,
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
    pub(super) fn new(
        sampling: &SamplingParams,
        prompt: &[u32],
        max_tokens: u32,
        (matcher, specials): (Option<Matcher>, bool),
    ) -> Self {
        let pending = |count: u32| PendingLogprobs { count: count as usize, tokens: Vec::new() };
        Self {
            sampler: Sampler::new(sampling, prompt),
            text: TextAssembler::new(sampling.stop.clone()),
            generated: 0,
            max_tokens,
            logprobs: sampling.logprobs.map(pending),
            matcher,
            specials,
            drafted: 0,
            accepted: 0,
            forced: 0,
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

    /// Draft tokens that were checked, those that were right, and tokens that the grammar left no
    /// choice about, since the last call.
    pub(super) fn take_savings(&mut self) -> (u64, u64, u64) {
        let take = std::mem::take::<u64>;
        (take(&mut self.drafted), take(&mut self.accepted), take(&mut self.forced))
    }

    pub(super) fn note_drafts(&mut self, drafted: usize, accepted: usize) {
        self.drafted += drafted as u64;
        self.accepted += accepted as u64;
    }

    /// Shortens a draft to what the grammar allows.
    pub(super) fn cut_draft(&mut self, draft: &mut Vec<u32>) {
        if let Some(matcher) = &mut self.matcher {
            // A matcher that fails here fails at the next draw too, where it is told.
            draft.truncate(matcher.valid_prefix(draft).unwrap_or(0));
        }
    }

    /// Chooses the next token from a row of logits, appends it and what it makes certain to
    /// `tokens`, and sends the text.
    pub(super) fn draw(
        &mut self,
        logits: &[f32],
        tokens: &mut Vec<u32>,
        signals: &SignalSender,
        (codec, scratch): (&dyn TextCodec, &mut Scratch),
    ) -> Option<Ending> {
        let token = match self.choose(logits, scratch) {
            Ok(token) => token,
            Err(error) => return Some(Ending::Failed(error)),
        };
        if codec.stop_tokens().contains(&token) {
            let rest = self.text.finish();
            return Some(self.send_last(rest, FinishReason::Stop, signals));
        }
        let ending = self.append(token, Some(logits), tokens, (signals, codec));
        if ending.is_some() {
            return ending;
        }
        self.append_forced(tokens, signals, codec)
    }

    fn choose(&mut self, logits: &[f32], scratch: &mut Scratch) -> Result<u32, EngineError> {
        let Self { sampler, matcher, .. } = self;
        let unusable = |error: SamplingError| BackendError::Compute(error.to_string());
        let Some(matcher) = matcher else {
            return Ok(sampler.sample(logits, None, scratch).map_err(unusable)?);
        };
        let mut masked = Ok(());
        let mut mask = |logits: &mut [f32]| masked = matcher.mask(logits);
        let token = sampler.sample(logits, Some(&mut mask), scratch);
        masked?;
        Ok(token.map_err(unusable)?)
    }

    /// Appends what the grammar leaves no choice about, without asking the model. Where
    /// log-probabilities are wanted the model is asked all the same.
    fn append_forced(
        &mut self,
        tokens: &mut Vec<u32>,
        signals: &SignalSender,
        codec: &dyn TextCodec,
    ) -> Option<Ending> {
        let matcher = self.matcher.as_mut()?;
        if !matcher.is_finished() && self.logprobs.is_none() {
            for token in matcher.forced() {
                let ending = self.append(token, None, tokens, (signals, codec));
                if ending.is_some() {
                    return ending;
                }
                self.forced += 1;
            }
        }
        if self.matcher.as_ref().is_some_and(Matcher::is_finished) {
            let rest = self.text.finish();
            return Some(self.send_last(rest, FinishReason::Stop, signals));
        }
        None
    }

    fn append(
        &mut self,
        token: u32,
        logits: Option<&[f32]>,
        tokens: &mut Vec<u32>,
        (signals, codec): (&SignalSender, &dyn TextCodec),
    ) -> Option<Ending> {
        if let Some(matcher) = &mut self.matcher
            && let Err(error) = matcher.accept(token)
        {
            return Some(Ending::Failed(error.into()));
        }
        tokens.push(token);
        self.sampler.remember(token);
        self.generated += 1;
        if self.specials
            && let Some(special) = codec.special_text(token)
            && !self.send_special(special, signals)
        {
            return Some(Ending::Gone);
        }
        let before = self.text.decoded_bytes();
        let piece = self.text.push(codec.token_bytes(token));
        if let (Some(pending), Some(logits)) = (&mut self.logprobs, logits) {
            let text = |token| spell(codec, token);
            let told = logprobs::of(logits, token, pending.count, text);
            pending.tokens.push((before, self.text.decoded_bytes(), told));
        }
        if piece.stopped {
            return Some(self.send_last(piece, FinishReason::StopText, signals));
        }
        if !piece.text.is_empty() {
            let logprobs = self.settled();
            if !send(signals, piece.text, logprobs) {
                return Some(Ending::Gone);
            }
        }
        if self.left() > 0 {
            return None;
        }
        // An answer that is complete with its last token is complete.
        let complete = self.matcher.as_ref().is_some_and(Matcher::is_finished);
        let reason = if complete { FinishReason::Stop } else { FinishReason::Length };
        let rest = self.text.finish();
        Some(self.send_last(rest, reason, signals))
    }

    /// Sends a special token, behind all the text before it.
    fn send_special(&mut self, special: &str, signals: &SignalSender) -> bool {
        let piece = self.text.finish();
        let logprobs = self.settled();
        let nothing = piece.text.is_empty() && logprobs.is_empty();
        (nothing || send(signals, piece.text, logprobs))
            && signals.send(Ok(Signal::Special(special.to_owned()))).is_ok()
    }

    fn send_last(&mut self, piece: Piece, reason: FinishReason, signals: &SignalSender) -> Ending {
        let reason = if piece.stopped { FinishReason::StopText } else { reason };
        let logprobs = self.rest(piece.stopped);
        let nothing = piece.text.is_empty() && logprobs.is_empty();
        let sent = nothing || send(signals, piece.text, logprobs);
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
fn send(signals: &SignalSender, text: String, logprobs: Vec<TokenLogprob>) -> bool {
    signals.send(Ok(Signal::Text { text, logprobs })).is_ok()
}
