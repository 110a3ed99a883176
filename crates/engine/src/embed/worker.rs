//! Owns the encoder: one batch after the other until it is stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use intramuros_backend::{BackendError, EmbedBackend, EmbedBatch, EmbedModelInfo, Embedding};

use super::queue::{Batch, Job, Queue};
use crate::compute::{StepFault, guarded};
use crate::gate::ComputeGate;
use crate::pace::Pace;
use crate::status::{Counters, FAILURES_TO_UNHEALTHY};
use crate::{EngineError, Priority};

/// How much longer than a background batch took its encoder rests when a person waited for another
/// model meanwhile: while an answer is written, indexing has a third of the time at most.
const REST: u32 = 2;

/// What handles tell the encoder's thread.
pub(super) enum Command {
    /// Embed.
    Run(Box<Job>),
    /// End jobs that have not begun now and begun ones at `deadline` (`None`: never).
    Stop {
        /// When the grace is over.
        deadline: Option<Instant>,
    },
}

/// What the worker shares with the handles.
pub(super) struct Parts {
    pub(super) inbox: Receiver<Command>,
    pub(super) max_batch_tokens: usize,
    pub(super) gate: ComputeGate,
    pub(super) counters: Arc<Counters>,
    pub(super) pace: Arc<Pace>,
}

/// The encoder thread's state. Nothing else touches the backend.
pub(super) struct Worker {
    backend: Box<dyn EmbedBackend>,
    info: EmbedModelInfo,
    parts: Parts,
    queue: Queue,
    /// Set by a stop; the end of the grace.
    stopping: Option<Option<Instant>>,
    /// All handles are gone.
    abandoned: bool,
}

impl Worker {
    pub(super) fn new(backend: Box<dyn EmbedBackend>, info: EmbedModelInfo, parts: Parts) -> Self {
        Self { backend, info, parts, queue: Queue::default(), stopping: None, abandoned: false }
    }

    /// Works until it is stopped, or until nobody can send work any more and all is done.
    pub(super) fn run(mut self) {
        while self.receive() {
            self.sweep();
            if let Some(batch) = self.queue.next_batch(self.parts.max_batch_tokens) {
                self.compute(batch);
            }
        }
    }

    /// Takes in all commands; waits for one when there is nothing to do. False at the end.
    fn receive(&mut self) -> bool {
        if self.queue.is_empty() {
            if self.stopping.is_some() || self.abandoned {
                return false;
            }
            match self.parts.inbox.recv() {
                Ok(command) => self.obey(command),
                Err(_) => return false,
            }
        }
        loop {
            match self.parts.inbox.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {
                    self.abandoned = true;
                    return true;
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(job) => self.queue.push(*job),
            Command::Stop { deadline } => {
                // A second stop may shorten the grace, never prolong it.
                let sooner = match self.stopping.flatten() {
                    Some(first) => Some(deadline.map_or(first, |deadline| deadline.min(first))),
                    None => deadline,
                };
                self.stopping = Some(sooner);
            }
        }
    }

    /// Drops jobs whose client left and what a stop ends.
    fn sweep(&mut self) {
        let counters = &self.parts.counters;
        let stopping = self.stopping.is_some();
        let grace_over = self.stopping.flatten().is_some_and(|end| Instant::now() >= end);
        self.queue.sweep(|job| {
            if job.is_gone() {
                Counters::add(&counters.cancelled, 1);
                return None;
            }
            if grace_over || (stopping && !job.has_begun()) {
                Counters::add(&counters.failed, 1);
                job.fail(EngineError::Stopped);
                return None;
            }
            Some(job)
        });
    }

    fn compute(&mut self, mut batch: Batch) {
        let counters = self.parts.counters.clone();
        counters.running.store(batch.jobs, Ordering::Relaxed);
        let turn = self.parts.gate.enter(batch.priority);
        let begun = Instant::now();
        let inputs = EmbedBatch {
            sequences: std::mem::take(&mut batch.sequences),
            groups: std::mem::take(&mut batch.groups),
            seconds: std::mem::take(&mut batch.seconds),
        };
        let (rows, histograms) = (inputs.sequences.len(), &counters.histograms);
        if batch.priority == Priority::Interactive {
            batch.waits.iter().for_each(|wait| histograms.queue_wait.observe_time(*wait));
        }
        let (backend, dimension) = (&mut self.backend, self.info.dimension);
        let outcome = guarded(|| {
            let embeddings = backend.embed(&inputs)?;
            check_shape(&inputs, dimension, &embeddings)?;
            Ok(embeddings)
        });
        let gives_way = batch.priority == Priority::Background && turn.is_wanted();
        drop(turn);
        let rest = begun.elapsed() * REST;
        // Before the answers, so that who has one does not find itself among the running.
        counters.running.store(0, Ordering::Relaxed);
        match outcome {
            Ok(embeddings) => {
                let took = begun.elapsed();
                let each = took / u32::try_from(embeddings.len()).unwrap_or(u32::MAX);
                self.parts.pace.record(each);
                counters.histograms.step(rows, batch.tokens);
                Counters::add(&counters.steps, 1);
                self.account(&batch, &inputs, took);
                self.deliver(batch, embeddings);
            }
            Err(fault) => self.fail(&batch, &fault),
        }
        if gives_way {
            self.rest(rest);
        }
    }

    /// Leaves the cores to the others for a time; what comes in meanwhile is taken in, and whoever
    /// waits for an answer ends it.
    fn rest(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while !self.queue.is_urgent() && self.stopping.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            match self.parts.inbox.recv_timeout(left) {
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => {
                    self.abandoned = true;
                    return;
                }
            }
        }
    }

    /// Divides the time of a batch among its jobs by their tokens.
    fn account(&mut self, batch: &Batch, inputs: &EmbedBatch, took: Duration) {
        for ((at, _), sequence) in batch.members.iter().zip(&inputs.sequences) {
            let share = took.mul_f64(sequence.len() as f64 / batch.tokens.max(1) as f64);
            if let Some(job) = self.queue.job(batch.priority, *at) {
                job.account(&self.info.id, sequence.len(), share);
            }
        }
    }

    fn deliver(&mut self, batch: Batch, embeddings: Vec<Embedding>) {
        let counters = &self.parts.counters;
        counters.step_succeeded();
        Counters::add(&counters.prompt_tokens, batch.tokens as u64);
        for ((at, input), embedding) in batch.members.into_iter().zip(embeddings) {
            if let Some(job) = self.queue.job(batch.priority, at) {
                job.put(input, embedding);
            }
        }
        for job in self.queue.remove_taken(batch.priority, batch.jobs) {
            let counter = if job.is_gone() { &counters.cancelled } else { &counters.completed };
            Counters::add(counter, 1);
            job.complete();
        }
    }

    /// Ends the jobs that had inputs in a failed batch; the others go on.
    fn fail(&mut self, batch: &Batch, fault: &StepFault) {
        let counters = &self.parts.counters;
        let in_a_row = counters.step_failed();
        let inputs = batch.members.len();
        tracing::error!(inputs, %fault, in_a_row, "an embedding batch failed");
        if in_a_row == FAILURES_TO_UNHEALTHY {
            tracing::error!(in_a_row, "the embedding engine is unhealthy");
        }
        for job in self.queue.remove(batch.priority, batch.jobs) {
            Counters::add(&counters.failed, 1);
            job.fail(EngineError::StepFailed);
        }
    }
}

/// Holds the backend to its contract. A vector that is not made of numbers would poison an index
/// unnoticed.
fn check_shape(
    inputs: &EmbedBatch,
    dimension: usize,
    embeddings: &[Embedding],
) -> Result<(), BackendError> {
    let (wanted, got) = (inputs.sequences.len(), embeddings.len());
    if wanted != got {
        return Err(BackendError::Compute(format!("{wanted} inputs gave {got} vectors")));
    }
    let whole = |(input, embedding): (usize, &Embedding)| {
        let mut values = embedding.vector.iter().chain(&embedding.groups);
        embedding.vector.len() == dimension
            && embedding.groups.len() == inputs.groups_of(input).len() * dimension
            && values.all(|value| value.is_finite())
    };
    if embeddings.iter().enumerate().all(whole) {
        return Ok(());
    }
    Err(BackendError::Compute(format!("a vector has not {dimension} finite numbers")))
}
