//! Takes texts to embed, tokenises them and hands them to the encoder's thread.

mod queue;
#[cfg(test)]
mod tests;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use intramuros_backend::{
    BackendError, EmbedBackend, EmbedCodec, EmbedModelInfo, Embedding, EncodedPair, EncodedWords,
    InputKind,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::compute::{self, Finished};
use crate::gate::ComputeGate;
use crate::pace::Pace;
use crate::status::Counters;
use crate::{Caller, Distributions, EmbedConfig, Embeddings, EngineError, EngineStatus, Priority};
use queue::{Computed, Input, Job};
use worker::{Command, Worker};

/// Bytes of a text that is not cut further: no encoder takes less.
const SHORTEST_CUT: usize = 64;

/// A handle to one loaded encoder. Cloning is cheap; the encoder's thread ends after
/// [`stop`](Self::stop), or when the last handle is gone and all accepted work is done.
#[derive(Clone)]
pub struct EmbedEngine {
    shared: Arc<Shared>,
}

/// What all handles hold.
struct Shared {
    info: EmbedModelInfo,
    codec: Arc<dyn EmbedCodec>,
    config: EmbedConfig,
    /// Places for inputs, one semaphore a priority, so that bulk work cannot fill the queue that
    /// searches wait in. A place is held by the input: while it is tokenised, then by its job; it
    /// is free again when the input is computed or dropped.
    interactive: Arc<Semaphore>,
    background: Arc<Semaphore>,
    /// To the encoder's thread. Unbounded, since every input in it holds a place.
    commands: Sender<Command>,
    /// Set once by `stop`; new requests look at it first.
    stopping: AtomicBool,
    counters: Arc<Counters>,
    pace: Arc<Pace>,
    finished: Finished,
}

impl fmt::Debug for EmbedEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbedEngine").field("model", &self.shared.info.id).finish_non_exhaustive()
    }
}

impl EmbedEngine {
    /// Starts the encoder's thread, calls `load` on it and returns when the model is loaded.
    /// Blocks: call it outside of async tasks. Models that share `gate` compute one at a time.
    ///
    /// # Errors
    /// [`EngineError::InvalidConfig`]; [`EngineError::Thread`]; [`EngineError::Backend`] when
    /// `load` fails or panics.
    pub fn start<F>(
        load: F,
        codec: Arc<dyn EmbedCodec>,
        config: EmbedConfig,
        gate: ComputeGate,
    ) -> Result<Self, EngineError>
    where
        F: FnOnce() -> Result<Box<dyn EmbedBackend>, BackendError> + Send + 'static,
    {
        config.validate()?;
        let (commands, inbox): (_, Receiver<Command>) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let pace = Arc::new(Pace::default());
        let work = {
            let (counters, pace) = (counters.clone(), pace.clone());
            let max_batch_tokens = config.max_batch_tokens;
            move |backend, info| {
                let parts = worker::Parts { inbox, max_batch_tokens, gate, counters, pace };
                Worker::new(backend, info, parts).run();
            }
        };
        let (info, finished) = compute::start(
            "embed-model",
            counters.clone(),
            load,
            |backend: &(dyn EmbedBackend + 'static)| backend.info().clone(),
            work,
        )?;
        let shared = Shared {
            info,
            codec,
            interactive: Arc::new(Semaphore::new(config.max_queue_inputs)),
            background: Arc::new(Semaphore::new(config.max_queue_inputs)),
            config,
            commands,
            stopping: AtomicBool::new(false),
            counters,
            pace,
            finished,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the model is.
    pub fn info(&self) -> &EmbedModelInfo {
        &self.shared.info
    }

    /// The text side of the model.
    pub fn codec(&self) -> &Arc<dyn EmbedCodec> {
        &self.shared.codec
    }

    /// Turns `texts` into vectors, all or none. Dropping the future skips what is not yet
    /// computed.
    ///
    /// # Errors
    /// [`EngineError::InvalidParameter`] when there is no text, or more than the queue could ever
    /// hold; [`EngineError::Overloaded`] when the queue has too few places now;
    /// [`EngineError::Backend`] when a text is refused (too long: both counts);
    /// [`EngineError::StepFailed`]; [`EngineError::Stopped`].
    pub async fn embed(
        &self,
        texts: Vec<String>,
        kind: InputKind,
        caller: &Caller,
    ) -> Result<Embeddings, EngineError> {
        let encode = move |codec: &dyn EmbedCodec, text: &str| {
            let tokens = codec.encode(text, kind)?;
            Ok(Input { second: tokens.len(), tokens, groups: Vec::new() })
        };
        Ok(vectors(self.run(texts, caller, encode).await?))
    }

    /// Turns texts into vectors; of one that is too long for the encoder its beginning. For texts whose
    /// beginning says what they are about, such as messages: nobody can send them in pieces.
    ///
    /// # Errors
    /// Those of [`embed`](Self::embed), but for long texts.
    pub async fn embed_beginnings(
        &self,
        texts: Vec<String>,
        kind: InputKind,
        caller: &Caller,
    ) -> Result<Embeddings, EngineError> {
        let encode = move |codec: &dyn EmbedCodec, text: &str| {
            let tokens = codec.encode(beginning(codec, text, kind)?, kind)?;
            Ok(Input { second: tokens.len(), tokens, groups: Vec::new() })
        };
        Ok(vectors(self.run(texts, caller, encode).await?))
    }

    /// The part of `text`, from its beginning on, that the encoder takes with the prefix of `kind`.
    ///
    /// # Errors
    /// [`EngineError::Backend`] where the tokenizer fails.
    pub fn beginning<'a>(&self, text: &'a str, kind: InputKind) -> Result<&'a str, EngineError> {
        beginning(self.shared.codec.as_ref(), text, kind).map_err(EngineError::Backend)
    }

    /// Turns `texts` into vectors and the vectors of their words, all or none, as late interaction
    /// needs them.
    ///
    /// # Errors
    /// Those of [`embed`](Self::embed).
    pub async fn embed_words(
        &self,
        texts: Vec<String>,
        kind: InputKind,
        caller: &Caller,
    ) -> Result<Vec<Embedding>, EngineError> {
        let encode = move |codec: &dyn EmbedCodec, text: &str| {
            let EncodedWords { tokens, words } = codec.encode_words(text, kind)?;
            let groups = words.into_iter().map(|word| word.tokens).collect();
            Ok(Input { second: tokens.len(), tokens, groups })
        };
        Ok(self.run(texts, caller, encode).await?.embeddings)
    }

    /// How well each of `passages` answers `query`: the numbers that a cross-encoder gives. What is
    /// too long for it is refused unless it may `shorten`.
    ///
    /// # Errors
    /// Those of [`embed`](Self::embed).
    pub(crate) async fn score(
        &self,
        query: String,
        passages: Vec<String>,
        shorten: bool,
        caller: &Caller,
    ) -> Result<(Vec<f32>, u32), EngineError> {
        let most = self.shared.info.max_tokens;
        let encode = move |codec: &dyn EmbedCodec, passage: &str| {
            let EncodedPair { tokens, second, shortened } = codec.encode_pair(&query, passage)?;
            if shortened && !shorten {
                return Err(BackendError::Input(format!(
                    "query and text together have more tokens than the model takes ({most}); send \
                     the text in pieces"
                )));
            }
            Ok(Input { tokens, groups: Vec::new(), second })
        };
        let Computed { embeddings, tokens } = self.run(passages, caller, encode).await?;
        let first = |one: Embedding| one.vector.first().copied().unwrap_or(f32::NEG_INFINITY);
        Ok((embeddings.into_iter().map(first).collect(), tokens))
    }

    /// Queues `texts`, tokenised by `encode`, and waits for what the encoder makes of them.
    async fn run(
        &self,
        texts: Vec<String>,
        caller: &Caller,
        encode: impl Fn(&dyn EmbedCodec, &str) -> Result<Input, BackendError> + Send + 'static,
    ) -> Result<Computed, EngineError> {
        let (priority, meter) = (caller.priority, caller.meter.clone());
        let places = self.reserve(texts.len(), priority)?;
        let (answer, receiver) = oneshot::channel();
        let (codec, max_tokens) = (self.shared.codec.clone(), self.shared.info.max_tokens);
        let task = move || {
            let encode = |text: &str| encode(codec.as_ref(), text);
            let inputs = encode_all(&encode, &texts, max_tokens, &answer)?;
            Ok(Job::new(inputs, priority, places, answer).with_meter(meter))
        };
        let job = tokio::task::spawn_blocking(task).await;
        let job = job.map_err(|_| EngineError::StepFailed)?.map_err(EngineError::Backend)?;
        let run = Command::Run(Box::new(job));
        self.shared.commands.send(run).map_err(|_| EngineError::Stopped)?;
        Counters::add(&self.shared.counters.accepted, 1);
        receiver.await.unwrap_or(Err(EngineError::Stopped))
    }

    /// Embeds one word.
    ///
    /// # Errors
    /// Those of [`embed`](Self::embed).
    pub async fn warm_up(&self) -> Result<(), EngineError> {
        let text = vec!["bonjour".to_owned()];
        self.embed(text, InputKind::Plain, &Caller::interactive("warm_up")).await.map(|_| ())
    }

    /// How the engine is doing; `queued` and `limit` count inputs of both priorities.
    pub fn status(&self) -> EngineStatus {
        let limit = self.shared.config.max_queue_inputs;
        let queued = self.queued(Priority::Interactive) + self.queued(Priority::Background);
        self.shared.counters.snapshot(queued, limit.saturating_mul(2))
    }

    /// How its waits and batches are distributed; what only a generator has stays empty.
    pub fn distributions(&self) -> Distributions {
        self.shared.counters.histograms.read()
    }

    /// Stops: new requests and those that have not begun get [`EngineError::Stopped`] at once,
    /// begun ones may end within `grace` and get it then. Returns when the thread has ended and
    /// the model's memory is free; may be called more than once.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let deadline = std::time::Instant::now().checked_add(grace);
        // Fails when the thread has already ended, which is what is asked for.
        let _ = self.shared.commands.send(Command::Stop { deadline });
        self.shared.finished.wait(grace).await;
    }

    fn places(&self, priority: Priority) -> &Arc<Semaphore> {
        match priority {
            Priority::Interactive => &self.shared.interactive,
            Priority::Background => &self.shared.background,
        }
    }

    fn queued(&self, priority: Priority) -> usize {
        let free = self.places(priority).available_permits();
        self.shared.config.max_queue_inputs.saturating_sub(free)
    }

    fn reserve(
        &self,
        inputs: usize,
        priority: Priority,
    ) -> Result<OwnedSemaphorePermit, EngineError> {
        let limit = self.shared.config.max_queue_inputs;
        let invalid = |reason| EngineError::InvalidParameter { name: "input", reason };
        if inputs == 0 {
            return Err(invalid("has no text; give at least one".to_owned()));
        }
        let places = u32::try_from(inputs).ok().filter(|_| inputs <= limit).ok_or_else(|| {
            invalid(format!("has {inputs} texts; at most {limit} are taken at once, send fewer"))
        })?;
        if self.shared.stopping.load(Ordering::Relaxed) {
            return Err(EngineError::Stopped);
        }
        let reserved = self.places(priority).clone().try_acquire_many_owned(places);
        reserved.map_err(|error| match error {
            TryAcquireError::Closed => EngineError::Stopped,
            TryAcquireError::NoPermits => {
                let queued = self.queued(priority);
                let retry_after = self.shared.pace.retry_after(queued, 1);
                EngineError::Overloaded { what: "embedding", queued, limit, retry_after }
            }
        })
    }
}

fn vectors(Computed { embeddings, tokens }: Computed) -> Embeddings {
    let vectors = embeddings.into_iter().map(|embedding| embedding.vector).collect();
    Embeddings { vectors, tokens }
}

/// The part of `text`, from its beginning on, that an encoder takes; at least seven eighths of what it
/// could.
fn beginning<'a>(
    codec: &dyn EmbedCodec,
    text: &'a str,
    kind: InputKind,
) -> Result<&'a str, BackendError> {
    let mut part = text;
    loop {
        match codec.encode(part, kind) {
            Ok(_) => return Ok(part),
            // Too short to be too long.
            Err(error) if part.len() < SHORTEST_CUT => return Err(error),
            Err(_) => {
                let end = part.floor_char_boundary(part.len() / 8 * 7);
                part = &part[..end];
            }
        }
    }
}

/// Tokenises all texts, or stops half-way when nobody waits for the answer any more.
fn encode_all<T>(
    encode: &dyn Fn(&str) -> Result<Input, BackendError>,
    texts: &[String],
    max_tokens: u32,
    answer: &oneshot::Sender<T>,
) -> Result<Vec<Input>, BackendError> {
    let mut inputs = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        if answer.is_closed() {
            return Err(BackendError::Input("the request was cancelled".to_owned()));
        }
        let place = |reason: String| match texts.len() {
            1 => BackendError::Input(reason),
            _ => BackendError::Input(format!("input {at}: {reason}")),
        };
        let input = encode(text).map_err(|error| {
            if let BackendError::Input(reason) = error { place(reason) } else { error }
        })?;
        if input.tokens.is_empty() {
            return Err(place("the text has no tokens".to_owned()));
        }
        if input.tokens.len() > max_tokens as usize {
            let count = input.tokens.len();
            let reason =
                format!("text has {count} tokens, the model takes {max_tokens}; send it in pieces");
            return Err(place(reason));
        }
        inputs.push(input);
    }
    Ok(inputs)
}
