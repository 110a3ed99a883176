//! Owns the backend: admits requests, runs steps, and ends sequences.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use intramuros_backend::{BackendError, TextBackend, TextCodec, TextModelInfo};
use intramuros_types::RequestId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::sequence::{Ending, Sequence};
use crate::assemble::TextAssembler;
use crate::clock::Clock;
use crate::compute::{StepFault, guarded};
use crate::pace::Pace;
use crate::sampling::{Sampler, Scratch};
use crate::status::Counters;
use crate::{EngineConfig, EngineError, GenerationEvent};

/// What handles tell the model thread.
pub(super) enum Command {
    /// Generate.
    Run(Box<Job>),
    /// End waiting requests now and running ones at `deadline` (`None`: never).
    Stop {
        /// When the grace is over.
        deadline: Option<Instant>,
    },
}

pub(super) type EventSender = UnboundedSender<Result<GenerationEvent, EngineError>>;

/// A request that was accepted and waits.
pub(super) struct Job {
    pub(super) request: RequestId,
    pub(super) prompt: Vec<u32>,
    pub(super) max_tokens: u32,
    pub(super) sampler: Sampler,
    pub(super) text: TextAssembler,
    pub(super) deadline: Option<Instant>,
    pub(super) timeout: Duration,
    pub(super) events: EventSender,
    /// Frees its place in the queue when the job is dropped.
    pub(super) place: OwnedSemaphorePermit,
}

/// What the scheduler shares with the handles.
pub(super) struct Parts {
    pub(super) inbox: Receiver<Command>,
    pub(super) codec: Arc<dyn TextCodec>,
    pub(super) config: EngineConfig,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Counters>,
    pub(super) pace: Arc<Pace>,
}

/// The model thread's state. Nothing else touches the backend.
pub(super) struct Scheduler {
    pub(super) backend: Box<dyn TextBackend>,
    pub(super) info: TextModelInfo,
    pub(super) parts: Parts,
    /// Accepted and not yet admitted, first come first served.
    queue: VecDeque<Job>,
    /// In the order of admission, which is the order of prefill.
    pub(super) running: Vec<Sequence>,
    pub(super) scratch: Scratch,
    /// Set by the first [`Command::Stop`].
    stopping: Option<Grace>,
    /// All handles are gone.
    abandoned: bool,
}

/// How long running sequences may go on after a stop; `None`: until they end.
struct Grace(Option<Instant>);

impl Scheduler {
    pub(super) fn new(backend: Box<dyn TextBackend>, info: TextModelInfo, parts: Parts) -> Self {
        Self {
            backend,
            info,
            parts,
            queue: VecDeque::new(),
            running: Vec::new(),
            scratch: Scratch::default(),
            stopping: None,
            abandoned: false,
        }
    }

    /// Works until it is stopped, or until nobody can send work any more and all is done.
    pub(super) fn run(mut self) {
        while self.receive() {
            self.sweep();
            self.admit();
            if !self.running.is_empty() {
                self.step();
            }
        }
    }

    /// Takes in all commands; waits for one when there is nothing to do. False at the end.
    fn receive(&mut self) -> bool {
        if self.queue.is_empty() && self.running.is_empty() {
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
            Command::Run(job) => self.queue.push_back(*job),
            Command::Stop { deadline } => {
                // A second stop may shorten the grace, never prolong it.
                let sooner = match self.stopping.take() {
                    Some(Grace(Some(first))) => Some(deadline.map_or(first, |d| d.min(first))),
                    Some(Grace(None)) | None => deadline,
                };
                self.stopping = Some(Grace(sooner));
            }
        }
    }

    /// Drops whose client left, whose time is over, and what a stop ends.
    fn sweep(&mut self) {
        let clock = &self.parts.clock;
        let stopping = self.stopping.is_some();
        let counters = &self.parts.counters;
        self.queue.retain(|job| {
            let error = if job.events.is_closed() {
                Counters::add(&counters.cancelled, 1);
                return false;
            } else if stopping {
                EngineError::Stopped
            } else if clock.is_past(job.deadline) {
                EngineError::TimedOut { after: job.timeout }
            } else {
                return true;
            };
            refuse(counters, job, error);
            false
        });
        let grace_over = self.stopping.as_ref().is_some_and(|grace| clock.is_past(grace.0));
        let verdict = |sequence: &Sequence| {
            if sequence.is_gone() {
                Some(Ending::Gone)
            } else if grace_over {
                Some(Ending::Failed(EngineError::Stopped))
            } else if clock.is_past(sequence.deadline) {
                Some(Ending::Failed(EngineError::TimedOut { after: sequence.timeout }))
            } else {
                None
            }
        };
        let ended = self.running.iter().enumerate();
        let ended = ended.filter_map(|(at, sequence)| Some((at, verdict(sequence)?))).collect();
        self.retire(ended);
    }

    /// Opens sequences for waiting requests, in order, as long as there are slots and memory. A
    /// request that does not fit now waits for running ones to end, and those behind it wait too,
    /// so that a large one is not overtaken for ever.
    fn admit(&mut self) {
        while self.running.len() < self.parts.config.max_sequences {
            let Some(job) = self.queue.front() else { break };
            let length = u32::try_from(job.prompt.len()).unwrap_or(u32::MAX);
            let length = length.saturating_add(job.max_tokens);
            let opened = guarded(|| self.backend.open(length));
            if let Err(StepFault::Failed(BackendError::Memory { .. })) = opened
                && !self.running.is_empty()
            {
                break;
            }
            let Some(job) = self.queue.pop_front() else { break };
            match opened {
                Ok(id) => self.running.push(Sequence::new(id, job, self.parts.clock.now())),
                Err(StepFault::Failed(error)) => {
                    refuse(&self.parts.counters, &job, error.into());
                }
                Err(StepFault::Panicked) => {
                    let in_a_row = self.parts.counters.step_failed();
                    tracing::error!(request = %job.request, in_a_row, "opening a sequence panicked");
                    refuse(&self.parts.counters, &job, EngineError::StepFailed);
                }
            }
        }
        self.parts.counters.running.store(self.running.len(), Ordering::Relaxed);
    }

    /// Ends sequences, given by their position in ascending order, and frees their memory.
    pub(super) fn retire(&mut self, ended: Vec<(usize, Ending)>) {
        for (at, ending) in ended.into_iter().rev() {
            let sequence = self.running.remove(at);
            let backend = &mut self.backend;
            let closed = guarded(|| {
                backend.close(sequence.id);
                Ok(())
            });
            if closed.is_err() {
                tracing::error!(request = %sequence.request, "closing a sequence panicked");
            }
            let counters = &self.parts.counters;
            match &ending {
                Ending::Finished(_) => {
                    Counters::add(&counters.completed, 1);
                    let took = self.parts.clock.now().duration_since(sequence.admitted);
                    self.parts.pace.record(took);
                }
                Ending::Failed(_) => Counters::add(&counters.failed, 1),
                Ending::Gone => Counters::add(&counters.cancelled, 1),
            }
            counters.running.store(self.running.len(), Ordering::Relaxed);
            sequence.end(ending);
        }
    }
}

/// Tells a waiting client that nothing comes. Fails when it left just now; nobody minds.
fn refuse(counters: &Counters, job: &Job, error: EngineError) {
    Counters::add(&counters.failed, 1);
    let _ = job.events.send(Err(error));
}
