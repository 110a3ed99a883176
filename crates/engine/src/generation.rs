//! Receives the text of one request.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::{Completion, EngineError, GenerationEvent};

/// A request that was accepted. Dropping it frees its place or sequence at the next step.
#[derive(Debug)]
pub struct Generation {
    prompt_tokens: u32,
    position: usize,
    events: Events,
    ended: bool,
}

/// The way of the text from the model thread to the client. Unbounded, so that the model thread
/// never waits for a slow client; what can pile up is still bounded, because there is at most one
/// event a token and at most as many tokens as the context holds. The model thread holds the
/// sender; dropping the receiver is how a client leaves.
pub(crate) type Events = UnboundedReceiver<Result<GenerationEvent, EngineError>>;

impl Generation {
    pub(crate) fn new(prompt_tokens: u32, position: usize, events: Events) -> Self {
        Self { prompt_tokens, position, events, ended: false }
    }

    /// Requests that waited when this one was accepted, itself included: 1 is the next to run.
    pub fn queue_position(&self) -> usize {
        self.position
    }

    /// Tokens of the prompt, template included.
    pub fn prompt_tokens(&self) -> u32 {
        self.prompt_tokens
    }

    /// Waits for the next event; `None` after [`GenerationEvent::Finished`] or an error. Cancel
    /// safe: no event is lost when the returned future is dropped.
    ///
    /// # Errors
    /// [`EngineError::TimedOut`], [`EngineError::Stopped`], [`EngineError::StepFailed`], or
    /// [`EngineError::Backend`] when the sequence does not fit the memory or the logits are not
    /// numbers.
    pub async fn next(&mut self) -> Option<Result<GenerationEvent, EngineError>> {
        if self.ended {
            return None;
        }
        // A channel that closes before the end means that the model thread is gone.
        let event = self.events.recv().await.unwrap_or(Err(EngineError::Stopped));
        self.ended =
            !matches!(event, Ok(GenerationEvent::Text { .. } | GenerationEvent::Prompt(_)));
        Some(event)
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Completion, EngineError> {
        let (mut prompt, mut text, mut logprobs) = (Vec::new(), String::new(), Vec::new());
        while let Some(event) = self.next().await {
            match event? {
                GenerationEvent::Prompt(tokens) => prompt = tokens,
                GenerationEvent::Text { text: piece, logprobs: told } => {
                    text.push_str(&piece);
                    logprobs.extend(told);
                }
                GenerationEvent::Finished { reason, usage } => {
                    return Ok(Completion { prompt, text, logprobs, reason, usage });
                }
            }
        }
        Err(EngineError::Stopped)
    }
}
