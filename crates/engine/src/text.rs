//! Takes text requests, tokenises them and hands them to the scheduler's thread.

mod admit;
mod answer;
mod plan;
mod prepare;
mod prompt;
mod queue;
mod scheduler;
mod sequence;
mod step;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use intramuros_backend::{BackendError, TextBackend, TextCodec, TextModelInfo};
use intramuros_types::{KeyId, RequestId, SamplingParams};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::clock::Clock;
use crate::compute::{self, Finished};
use crate::constraint::{Grammar, Grammars};
use crate::draft::Drafter;
use crate::gate::ComputeGate;
use crate::kv::BlockTable;
use crate::pace::Pace;
use crate::status::Counters;
use crate::{
    Distributions, EngineConfig, EngineError, EngineStatus, GenerateRequest, Generation, Prompt,
    validate,
};
use answer::Answer;
use prepare::Prepared;
use prompt::PromptLogprobs;
use scheduler::{Command, Scheduler};
use sequence::Sequence;

/// Texts that are tokenised at once for the sake of their tokens.
const MAX_TOKENIZING: usize = 2;
/// Log-probabilities that may be told of a prompt, alternatives included: some 10 MB.
const MAX_PROMPT_LOGPROBS: usize = 65_536;

/// A handle to one loaded text model. Cloning is cheap; the model thread ends after
/// [`stop`](Self::stop), or when the last handle is gone and all accepted work is done.
#[derive(Clone)]
pub struct TextEngine {
    shared: Arc<Shared>,
}

/// What all handles hold.
struct Shared {
    info: TextModelInfo,
    codec: Arc<dyn TextCodec>,
    grammars: Grammars,
    /// Places to tokenise for the sake of the tokens.
    tokenizing: Arc<Semaphore>,
    config: EngineConfig,
    clock: Clock,
    /// The places of the queue. A semaphore because a place is held by whoever has the request:
    /// the task that tokenises, then the job; it is free again when the job is admitted or gone.
    places: Arc<Semaphore>,
    /// To the model thread. Unbounded, since every job in it holds a place.
    commands: Sender<Command>,
    /// Set once by `stop`; new requests look at it first.
    stopping: AtomicBool,
    counters: Arc<Counters>,
    pace: Arc<Pace>,
    finished: Finished,
}

impl fmt::Debug for TextEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextEngine").field("model", &self.shared.info.id).finish_non_exhaustive()
    }
}

impl TextEngine {
    /// Starts the model thread, calls `load` on it and returns when the model is loaded. Blocks:
    /// call it outside of async tasks. Models that share `gate` compute one at a time.
    ///
    /// # Errors
    /// [`EngineError::InvalidConfig`]; [`EngineError::Thread`]; [`EngineError::Backend`] when
    /// `load` fails or panics.
    pub fn start<F>(
        load: F,
        codec: Arc<dyn TextCodec>,
        config: EngineConfig,
        gate: ComputeGate,
    ) -> Result<Self, EngineError>
    where
        F: FnOnce() -> Result<Box<dyn TextBackend>, BackendError> + Send + 'static,
    {
        Self::start_at(load, codec, config, (gate, Clock::System))
    }

    fn start_at(
        load: impl FnOnce() -> Result<Box<dyn TextBackend>, BackendError> + Send + 'static,
        codec: Arc<dyn TextCodec>,
        config: EngineConfig,
        (gate, clock): (ComputeGate, Clock),
    ) -> Result<Self, EngineError> {
        config.validate()?;
        let (commands, inbox): (_, Receiver<Command>) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let pace = Arc::new(Pace::default());
        let work = {
            let (config, codec, clock) = (config.clone(), codec.clone(), clock.clone());
            let (counters, pace) = (counters.clone(), pace.clone());
            move |backend, info| {
                let parts = scheduler::Parts { inbox, codec, config, clock, gate, counters, pace };
                Scheduler::new(backend, info, parts).run();
            }
        };
        let (info, finished) = compute::start(
            "text-model",
            counters.clone(),
            load,
            |backend: &(dyn TextBackend + 'static)| backend.info().clone(),
            work,
        )?;
        let places = Arc::new(Semaphore::new(config.max_queue));
        let grammars = Grammars::new(codec.clone(), info.vocab_size);
        let stopping = AtomicBool::new(false);
        let shared = Shared {
            info,
            codec,
            grammars,
            tokenizing: Arc::new(Semaphore::new(MAX_TOKENIZING)),
            config,
            clock,
            places,
            commands,
            stopping,
            counters,
            pace,
            finished,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the model is.
    pub fn info(&self) -> &TextModelInfo {
        &self.shared.info
    }

    /// The text side of the model.
    pub fn codec(&self) -> &Arc<dyn TextCodec> {
        &self.shared.codec
    }

    /// Accepts a request: checks it, reserves a place in the queue, tokenises on a blocking
    /// thread, checks the length, and queues it. The time limit counts from here.
    ///
    /// # Errors
    /// [`EngineError::InvalidParameter`]; [`EngineError::Overloaded`] when no place is free;
    /// [`EngineError::PromptTooLong`]; [`EngineError::Backend`] when the codec refuses the prompt;
    /// [`EngineError::Constraint`]; [`EngineError::NoTools`]; [`EngineError::ToolParameters`];
    /// [`EngineError::StepFailed`] when the codec panics; [`EngineError::Stopped`].
    pub async fn submit(&self, request: GenerateRequest) -> Result<Generation, EngineError> {
        validate::request(&request)?;
        let timeout = request.timeout.unwrap_or(self.shared.config.request_timeout);
        let submitted = self.shared.clock.now();
        let deadline = self.shared.clock.deadline(timeout);
        let place = self.reserve()?;
        let position = self.queued();
        let (prepared, request, place) = self.prepare(request, place).await?;
        let GenerateRequest {
            id, sampling, priority, client, meter, prompt_logprobs, hidden, ..
        } = request;
        let Prepared { tokens, grammar, reading } = prepared;
        let max_tokens = self.answer_length(&tokens, sampling.max_tokens)?;
        self.check_vocabulary(&tokens, &sampling)?;
        check_prompt_logprobs(&tokens, &sampling, prompt_logprobs)?;
        let prompt_tokens = count(&tokens);
        let (signals, receiver) = tokio::sync::mpsc::unbounded_channel();
        let prompt_logprobs = sampling.logprobs.filter(|_| prompt_logprobs > 0).map(|count| {
            PromptLogprobs::new(&tokens, prompt_logprobs, count, self.shared.codec.as_ref())
        });
        let constrained = (grammar.as_deref().map(Grammar::matcher), reading.tools.is_some());
        let sequence = Sequence {
            request: id,
            table: BlockTable::new(self.scope(client.as_ref())),
            client,
            meter,
            compute: Duration::ZERO,
            priority,
            submitted,
            deadline,
            timeout,
            admitted: None,
            wrote: None,
            arrival: 0,
            order: 0,
            answer: Answer::new(&sampling, &tokens, max_tokens, constrained),
            prompt_tokens: tokens.len(),
            tokens,
            computed: 0,
            reached: 0,
            cached: 0,
            cached_told: 0,
            drafter: Drafter::default(),
            prompt_logprobs,
            hidden,
            signals,
            place: Some(place),
        };
        let run = Command::Run(Box::new(sequence));
        self.shared.commands.send(run).map_err(|_| EngineError::Stopped)?;
        Counters::add(&self.shared.counters.accepted, 1);
        Ok(Generation::new(prompt_tokens, position, receiver, (reading, self.clone())))
    }

    /// Tokens of `prompt`, template included; of any length.
    ///
    /// # Errors
    /// [`EngineError::Backend`] when the codec refuses; [`EngineError::StepFailed`] when it
    /// panics.
    pub async fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let prompt = prompt.clone();
        self.with_codec(move |codec| prepare::encode(codec, &prompt, &[])).await
    }

    /// Tokens of plain text; `add_special` adds what the model wants around a text (BOS).
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode).
    pub async fn tokenize(&self, text: String, add_special: bool) -> Result<Vec<u32>, EngineError> {
        self.with_codec(move |codec| codec.encode(&text, add_special)).await
    }

    /// The text of each token, as [`decode`](Self::decode) writes it alone.
    ///
    /// # Errors
    /// [`EngineError::StepFailed`] when the codec panics.
    pub async fn spell(&self, tokens: Vec<u32>) -> Result<Vec<String>, EngineError> {
        let spell = move |codec: &dyn TextCodec| {
            Ok(tokens.iter().map(|token| prepare::decode(codec, &[*token])).collect())
        };
        self.with_codec(spell).await
    }

    /// Works on a blocking thread, a few at a time: whoever asks for more waits, and the model
    /// keeps its cores.
    async fn with_codec<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn TextCodec) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let places = self.shared.tokenizing.clone();
        let place = places.acquire_owned().await.map_err(|_| EngineError::Stopped)?;
        let codec = self.shared.codec.clone();
        let task = move || {
            let done = work(codec.as_ref());
            // Not before: a client that leaves ends nothing here.
            drop(place);
            done
        };
        let done = tokio::task::spawn_blocking(task).await;
        Ok(done.map_err(|_| EngineError::StepFailed)??)
    }

    /// The text of tokens, special ones as they are written. Bytes that are no whole character are
    /// U+FFFD; unknown tokens are left out.
    pub fn decode(&self, tokens: &[u32]) -> String {
        prepare::decode(self.shared.codec.as_ref(), tokens)
    }

    /// Number of tokens of `prompt`, template included.
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode).
    pub async fn count_prompt_tokens(&self, prompt: &Prompt) -> Result<u32, EngineError> {
        match prompt {
            Prompt::Tokens(tokens) => Ok(count(tokens)),
            Prompt::Chat(_) | Prompt::Text(_) => Ok(count(&self.encode(prompt).await?)),
        }
    }

    /// Generates two tokens, so that a prefill and a decode step have been through the model.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit) and of [`Generation::next`].
    pub async fn warm_up(&self) -> Result<(), EngineError> {
        let prompt = Prompt::Text("Bonjour".to_owned());
        let id = RequestId::new("req_warm_up");
        let request = GenerateRequest::new(id, prompt, SamplingParams::greedy(2));
        self.submit(request).await?.collect().await.map(|_| ())
    }

    /// Whether nobody holds a handle but the caller, no generation is held, and nothing is queued or
    /// running.
    pub(crate) fn is_idle(&self) -> bool {
        let status = self.status();
        Arc::strong_count(&self.shared) == 1 && status.queued == 0 && status.running == 0
    }

    /// How the engine is doing.
    pub fn status(&self) -> EngineStatus {
        self.shared.counters.snapshot(self.queued(), self.shared.config.max_queue)
    }

    /// How its waits and steps are distributed.
    pub fn distributions(&self) -> Distributions {
        self.shared.counters.histograms.read()
    }

    /// Stops: new and waiting requests get [`EngineError::Stopped`] at once, running ones may end
    /// within `grace` and get it then. Returns when the model thread has ended and the model's
    /// memory is free; may be called more than once.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let deadline = self.shared.clock.deadline(grace);
        // Fails when the thread has already ended, which is what is asked for.
        let _ = self.shared.commands.send(Command::Stop { deadline });
        self.shared.finished.wait(grace).await;
    }

    /// Forgets the beginnings of prompts that are kept for other requests, before the next step:
    /// they may hold passages that were erased.
    pub fn forget_prefixes(&self) {
        // Fails when the thread has ended, and its memory with it.
        let _ = self.shared.commands.send(Command::ForgetPrefixes);
    }

    fn queued(&self) -> usize {
        self.shared.config.max_queue.saturating_sub(self.shared.places.available_permits())
    }

    fn reserve(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        if self.shared.stopping.load(Ordering::Relaxed) {
            return Err(EngineError::Stopped);
        }
        self.shared.places.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::Closed => EngineError::Stopped,
            TryAcquireError::NoPermits => {
                let (queued, config) = (self.queued(), &self.shared.config);
                EngineError::Overloaded {
                    what: "generation",
                    queued,
                    limit: config.max_queue,
                    retry_after: self.shared.pace.retry_after(queued, config.max_sequences),
                }
            }
        })
    }

    /// Tokenises and compiles the constraint on a blocking thread. The place goes along, so that
    /// clients who leave meanwhile cannot have more prompts tokenised at once than the queue has
    /// places.
    async fn prepare(
        &self,
        request: GenerateRequest,
        place: OwnedSemaphorePermit,
    ) -> Result<(Prepared, GenerateRequest, OwnedSemaphorePermit), EngineError> {
        let shared = self.shared.clone();
        let task = move || {
            let model = prepare::Model {
                info: &shared.info,
                codec: &shared.codec,
                grammars: &shared.grammars,
            };
            prepare::prepare(&model, &request).map(|prepared| (prepared, request, place))
        };
        let prepared = tokio::task::spawn_blocking(task).await;
        prepared.map_err(|_| EngineError::StepFailed)?
    }

    /// The most tokens of the answer. Nothing is cut: what was asked for fits or is refused.
    fn answer_length(&self, prompt: &[u32], asked: Option<u32>) -> Result<u32, EngineError> {
        let prompt_tokens = count(prompt);
        let context_tokens = self.shared.info.context_tokens;
        let too_long =
            |max_tokens| EngineError::PromptTooLong { prompt_tokens, context_tokens, max_tokens };
        let room = context_tokens.saturating_sub(prompt_tokens);
        if prompt.is_empty() {
            let reason = "has no tokens; give at least one".to_owned();
            return Err(EngineError::InvalidParameter { name: "prompt", reason });
        }
        let is_full = room == 0 && asked != Some(0);
        if is_full || prompt_tokens > context_tokens {
            return Err(too_long(None));
        }
        match asked {
            Some(most) if most > room => Err(too_long(Some(most))),
            Some(most) => Ok(most),
            None => Ok(self.shared.config.default_max_tokens.unwrap_or(room).min(room)),
        }
    }

    fn check_vocabulary(
        &self,
        prompt: &[u32],
        sampling: &SamplingParams,
    ) -> Result<(), EngineError> {
        let vocabulary = self.shared.info.vocab_size;
        let unknown = |token: &&u32| **token as usize >= vocabulary;
        let refuse = |name, token| {
            let reason = format!("has token id {token}; the model has ids below {vocabulary}");
            Err(EngineError::InvalidParameter { name, reason })
        };
        if let Some(token) = prompt.iter().find(unknown) {
            return refuse("prompt", token);
        }
        match sampling.logit_bias.iter().map(|(token, _)| token).find(unknown) {
            Some(token) => refuse("logit_bias", token),
            None => Ok(()),
        }
    }

    /// Whom a client shares the prefix cache with: everybody, or nobody but itself.
    fn scope(&self, client: Option<&KeyId>) -> u64 {
        use std::hash::{Hash, Hasher};
        match client {
            Some(client) if !self.shared.config.share_prefixes => {
                let mut hasher = std::hash::DefaultHasher::new();
                client.hash(&mut hasher);
                // Leaves the upper half to the nodes of the tree, and 0 to those who share.
                (hasher.finish() >> 1).max(1)
            }
            _ => 0,
        }
    }
}

/// Refuses more log-probabilities of a prompt than it is sensible to hold and to send.
fn check_prompt_logprobs(
    prompt: &[u32],
    sampling: &SamplingParams,
    last: usize,
) -> Result<(), EngineError> {
    let alternatives = sampling.logprobs.unwrap_or(0) as usize;
    let told = prompt.len().min(last).saturating_mul(alternatives + 1);
    if told <= MAX_PROMPT_LOGPROBS {
        return Ok(());
    }
    let reason = format!(
        "asks for {told} log-probabilities of the prompt, {MAX_PROMPT_LOGPROBS} are possible; ask \
         for fewer alternatives or send the prompt in pieces"
    );
    Err(EngineError::InvalidParameter { name: "logprobs", reason })
}

/// The length as the API counts; beyond 32 bits nothing fits any context anyway.
fn count(tokens: &[u32]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}
