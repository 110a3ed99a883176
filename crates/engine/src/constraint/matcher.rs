//! Follows one sequence through a grammar, token by token.

use llguidance::toktrie::SimpleVob;

use super::ConstraintError;

/// Where one sequence stands in its grammar. Made by [`Grammar::matcher`](super::Grammar::matcher);
/// the model thread owns it.
///
/// llguidance catches its own panics; a failed matcher gives the same error from then on.
pub(crate) struct Matcher {
    inner: llguidance::Matcher,
    vocab_size: usize,
    stop_tokens: Vec<u32>,
}

impl Matcher {
    pub(super) fn new(
        inner: llguidance::Matcher,
        vocab_size: usize,
        stop_tokens: Vec<u32>,
    ) -> Self {
        Matcher { inner, vocab_size, stop_tokens }
    }

    /// Sets the logits of every token that may not come next to minus infinity. `logits` may be
    /// longer than the vocabulary; what is past its end is never allowed. Stop tokens are
    /// allowed, all of them, exactly when the answer may end here. While [`forced`](Self::forced)
    /// has tokens, the first of them is the only one allowed.
    ///
    /// # Errors
    /// [`ConstraintError::TooComplex`] when the step costs more than a request may,
    /// [`ConstraintError::DeadEnd`] when no token is left.
    pub(crate) fn mask(&mut self, logits: &mut [f32]) -> Result<(), ConstraintError> {
        let allowed = self.inner.compute_mask_or_eos().map_err(|e| step(&e))?;
        apply(&allowed, self.vocab_size, logits);
        Ok(())
    }

    /// Takes the token that was drawn.
    ///
    /// # Errors
    /// [`ConstraintError::Rejected`] when the grammar forbids it (a bug of the caller; the
    /// matcher is unchanged), [`ConstraintError::TooComplex`] as for [`mask`](Self::mask).
    pub(crate) fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        if self.is_finished() && self.stop_tokens.contains(&token) {
            return Ok(());
        }
        if self.valid_prefix(&[token])? == 0 {
            return Err(ConstraintError::Rejected { token });
        }
        self.inner.consume_token(token).map_err(|e| step(&e))
    }

    /// Tokens that are certain to follow, as the model's tokenizer writes them; none of them is
    /// taken yet. Empty when the next token is open.
    pub(crate) fn forced(&mut self) -> Vec<u32> {
        if self.is_finished() { Vec::new() } else { self.inner.compute_ff_tokens() }
    }

    /// How many of `tokens` the grammar allows one after the other; the matcher is unchanged.
    /// The same as taking them one by one with [`accept`](Self::accept). (Text that is certain
    /// but spelled with other tokens than [`forced`](Self::forced) gives counts as allowed.)
    ///
    /// # Errors
    /// As for [`mask`](Self::mask).
    pub(crate) fn valid_prefix(&mut self, tokens: &[u32]) -> Result<usize, ConstraintError> {
        // An unknown id would put llguidance's matcher out of order.
        let known = tokens.iter().take_while(|&&token| (token as usize) < self.vocab_size).count();
        if self.inner.is_error() {
            return Err(ConstraintError::step(&self.inner.get_error().unwrap_or_default()));
        }
        self.inner.validate_tokens(&tokens[..known]).map_err(|e| step(&e))
    }

    /// Whether nothing more may follow.
    pub(crate) fn is_finished(&self) -> bool {
        self.inner.is_stopped() && !self.inner.is_error()
    }

    /// Whether the answer may end here.
    ///
    /// # Errors
    /// As for [`mask`](Self::mask).
    #[cfg(test)]
    pub(crate) fn is_accepting(&mut self) -> Result<bool, ConstraintError> {
        if self.is_finished() {
            return Ok(true);
        }
        self.inner.is_accepting().map_err(|e| step(&e))
    }
}

fn step(error: &impl ToString) -> ConstraintError {
    ConstraintError::step(&error.to_string())
}

/// Rejects what `allowed` does not hold, a word of 32 tokens at a time.
fn apply(allowed: &SimpleVob, vocab_size: usize, logits: &mut [f32]) {
    let known = vocab_size.min(logits.len());
    let (logits, past) = logits.split_at_mut(known);
    past.fill(f32::NEG_INFINITY);
    for (group, &word) in logits.chunks_mut(32).zip(allowed.as_slice()) {
        match word {
            u32::MAX => {}
            0 => group.fill(f32::NEG_INFINITY),
            _ => {
                for (bit, logit) in group.iter_mut().enumerate() {
                    if word & (1 << bit) == 0 {
                        *logit = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }
}
