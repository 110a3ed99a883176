//! Receives the text of one request.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use intramuros_types::{FinishReason, ToolCall};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::constraint::{Grammar, Verifier};
use crate::signal::Signal;
use crate::tools::{ToolDelta, ToolParser};
use crate::{Completion, EngineError, GenerationEvent, TextEngine};

/// A request that was accepted. Dropping it frees its place or sequence at the next step.
pub struct Generation {
    prompt_tokens: u32,
    position: usize,
    signals: Signals,
    /// Events that are certain and were not yet taken.
    ready: VecDeque<GenerationEvent>,
    tools: Option<ToolParser>,
    check: Option<Check>,
    /// Keeps the model loaded.
    _engine: TextEngine,
    ended: bool,
}

/// The way of the text from the model thread to the client. Unbounded, so that the model thread
/// never waits for a slow client; what can pile up is still bounded, because there are at most two
/// signals a token and at most as many tokens as the context holds. The model thread holds the
/// sender; dropping the receiver is how a client leaves.
pub(crate) type Signals = UnboundedReceiver<Result<Signal, EngineError>>;

/// The second look at a constrained answer, with code that did not draw it.
struct Check {
    grammar: Arc<Grammar>,
    /// What the arguments of each tool's calls are held to.
    arguments: Arc<HashMap<String, Verifier>>,
    text: String,
    /// Runs on a blocking thread; kept here, so that a dropped future loses nothing.
    running: Option<(JoinHandle<Result<(), String>>, GenerationEvent)>,
}

/// What [`Generation`] needs to know of its request.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) tools: Option<ToolParser>,
    pub(crate) grammar: Option<Arc<Grammar>>,
    /// What the arguments of each tool's calls are held to.
    pub(crate) arguments: HashMap<String, Verifier>,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Generation {
    pub(crate) fn new(
        prompt_tokens: u32,
        position: usize,
        signals: Signals,
        (reading, engine): (Reading, TextEngine),
    ) -> Self {
        let arguments = Arc::new(reading.arguments);
        let check = |grammar| Check { grammar, arguments, text: String::new(), running: None };
        Self {
            prompt_tokens,
            position,
            signals,
            ready: VecDeque::new(),
            tools: reading.tools,
            check: reading.grammar.map(check),
            _engine: engine,
            ended: false,
        }
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
    /// [`EngineError::TimedOut`], [`EngineError::Stopped`], [`EngineError::StepFailed`];
    /// [`EngineError::Backend`] when the logits are not numbers; [`EngineError::Constraint`] when
    /// the constraint became too much work; [`EngineError::ConstraintViolated`].
    pub async fn next(&mut self) -> Option<Result<GenerationEvent, EngineError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            if let Some(verdict) = self.verified().await {
                self.ended = true;
                return Some(verdict);
            }
            // A channel that closes before the end means that the model thread is gone.
            match self.signals.recv().await.unwrap_or(Err(EngineError::Stopped)) {
                Ok(signal) => self.take(signal),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Completion, EngineError> {
        let (mut prompt, mut text, mut logprobs) = (Vec::new(), String::new(), Vec::new());
        let mut hidden = Vec::new();
        while let Some(event) = self.next().await {
            match event? {
                GenerationEvent::Prompt(tokens) => prompt = tokens,
                GenerationEvent::Hidden(state) => hidden = state,
                GenerationEvent::Text { text: piece, logprobs: told } => {
                    text.push_str(&piece);
                    logprobs.extend(told);
                }
                GenerationEvent::ToolCall { .. } | GenerationEvent::ToolArguments { .. } => {}
                GenerationEvent::Finished { reason, usage } => {
                    let calls = self.tools.as_ref().map(|tools| tools.calls().to_vec());
                    let tool_calls = calls.unwrap_or_default();
                    return Ok(Completion {
                        prompt,
                        hidden,
                        text,
                        tool_calls,
                        logprobs,
                        reason,
                        usage,
                    });
                }
            }
        }
        Err(EngineError::Stopped)
    }

    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Prompt(tokens) => self.ready.push_back(GenerationEvent::Prompt(tokens)),
            Signal::Hidden(state) => self.ready.push_back(GenerationEvent::Hidden(state)),
            Signal::Text { text, logprobs } => {
                if let Some(check) = &mut self.check {
                    check.text.push_str(&text);
                }
                match &mut self.tools {
                    None => self.ready.push_back(GenerationEvent::Text { text, logprobs }),
                    Some(tools) => {
                        let deltas = tools.push(&text);
                        self.ready.extend(deltas.into_iter().map(event));
                        self.tell(logprobs);
                    }
                }
            }
            Signal::Special(text) => {
                let deltas = self.tools.as_mut().map(|tools| tools.push_special(&text));
                self.ready.extend(deltas.into_iter().flatten().map(event));
            }
            Signal::Finished { reason, usage } => self.finish(reason, usage),
        }
    }

    /// Passes log-probabilities on where the tokens' text was no content of its own.
    fn tell(&mut self, logprobs: Vec<crate::TokenLogprob>) {
        if logprobs.is_empty() {
            return;
        }
        match self.ready.back_mut() {
            Some(GenerationEvent::Text { logprobs: told, .. }) => told.extend(logprobs),
            _ => self.ready.push_back(GenerationEvent::Text { text: String::new(), logprobs }),
        }
    }

    fn finish(&mut self, reason: FinishReason, usage: intramuros_types::Usage) {
        let mut reason = reason;
        if let Some(tools) = &mut self.tools {
            let deltas = tools.finish();
            if reason == FinishReason::Stop && !tools.calls().is_empty() {
                reason = FinishReason::ToolCalls;
            }
            self.ready.extend(deltas.into_iter().map(event));
        }
        let finished = GenerationEvent::Finished { reason, usage };
        match &mut self.check {
            Some(check) if matches!(reason, FinishReason::Stop | FinishReason::ToolCalls) => {
                let calls = self.tools.as_ref().map(|tools| tools.calls().to_vec());
                let verify = check.verify(calls.unwrap_or_default());
                check.running = Some((tokio::task::spawn_blocking(verify), finished));
            }
            _ => {
                self.ready.push_back(finished);
                self.ended = true;
            }
        }
    }

    /// The end of a constrained answer, when the second look at it is over.
    async fn verified(&mut self) -> Option<Result<GenerationEvent, EngineError>> {
        let check = self.check.as_mut()?;
        let (running, _) = check.running.as_mut()?;
        let verdict = running.await;
        let (_, finished) = check.running.take()?;
        Some(match verdict {
            Ok(Ok(())) => Ok(finished),
            Ok(Err(reason)) => Err(EngineError::ConstraintViolated { reason }),
            Err(_) => Err(EngineError::StepFailed),
        })
    }
}

impl Check {
    /// The look at the whole answer and at the arguments of its calls.
    fn verify(
        &mut self,
        calls: Vec<ToolCall>,
    ) -> impl FnOnce() -> Result<(), String> + Send + 'static {
        let (grammar, arguments) = (self.grammar.clone(), self.arguments.clone());
        let text = std::mem::take(&mut self.text);
        move || {
            grammar.verifier().verify(&text)?;
            calls.iter().try_for_each(|call| {
                let Some(verifier) = arguments.get(&call.name) else { return Ok(()) };
                let named = |reason| format!("calls '{}' with arguments: {reason}", call.name);
                verifier.verify(&call.arguments).map_err(named)
            })
        }
    }
}

fn event(delta: ToolDelta) -> GenerationEvent {
    match delta {
        ToolDelta::Text(text) => GenerationEvent::Text { text, logprobs: Vec::new() },
        ToolDelta::CallStarted { index, id, name } => GenerationEvent::ToolCall { index, id, name },
        ToolDelta::Arguments { index, fragment } => {
            GenerationEvent::ToolArguments { index, fragment }
        }
    }
}
