//! Owns the backend: admits requests, runs steps, and ends sequences.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use intramuros_backend::{TextBackend, TextCodec, TextModelInfo};

use super::queue::WaitingQueue;
use super::sequence::{Ending, Sequence};
use crate::clock::Clock;
use crate::cost::StepCost;
use crate::gate::ComputeGate;
use crate::kv::BlockPool;
use crate::pace::Pace;
use crate::sampling::Scratch;
use crate::status::Counters;
use crate::{EngineConfig, EngineError};

/// What handles tell the model thread.
pub(super) enum Command {
    /// Generate.
    Run(Box<Sequence>),
    /// Forget the beginnings that are kept for other requests.
    ForgetPrefixes,
    /// End waiting requests now and running ones at `deadline` (`None`: never).
    Stop {
        /// When the grace is over.
        deadline: Option<Instant>,
    },
}

/// What the scheduler shares with the handles.
pub(super) struct Parts {
    pub(super) inbox: Receiver<Command>,
    pub(super) codec: Arc<dyn TextCodec>,
    pub(super) config: EngineConfig,
    pub(super) clock: Clock,
    pub(super) gate: ComputeGate,
    pub(super) counters: Arc<Counters>,
    pub(super) pace: Arc<Pace>,
}

/// The model thread's state. Nothing else touches the backend.
pub(super) struct Scheduler {
    pub(super) backend: Box<dyn TextBackend>,
    pub(super) info: TextModelInfo,
    pub(super) parts: Parts,
    /// Accepted and not running: not yet admitted, or preempted.
    pub(super) queue: WaitingQueue,
    /// By standing: interactive before background, then in the order of admission. The last gives
    /// way first.
    pub(super) running: Vec<Sequence>,
    pub(super) pool: BlockPool,
    pub(super) cost: StepCost,
    pub(super) scratch: Scratch,
    /// Sequences that were admitted so far.
    pub(super) admissions: u64,
    /// When background work last gave way to another model.
    pub(super) gave_way: Option<Instant>,
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
            pool: BlockPool::new(info.kv),
            backend,
            info,
            parts,
            queue: WaitingQueue::default(),
            running: Vec::new(),
            cost: StepCost::default(),
            scratch: Scratch::default(),
            admissions: 0,
            gave_way: None,
            stopping: None,
            abandoned: false,
        }
    }

    /// Works until it is stopped, or until nobody can send work any more and all is done.
    pub(super) fn run(mut self) {
        while self.receive() {
            self.sweep();
            self.admit();
            self.publish();
            if !self.running.is_empty() {
                self.step();
            }
            self.publish();
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

    /// Leaves the cores to the others for a time; a person's request ends it.
    pub(super) fn rest(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while !self.queue.is_urgent() && self.stopping.is_none() && !self.abandoned {
            let left = until.saturating_duration_since(Instant::now());
            match self.parts.inbox.recv_timeout(left) {
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => self.abandoned = true,
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(sequence) => {
                let client = sequence.client.as_ref();
                let runs = self.running.iter().any(|other| other.client.as_ref() == client);
                self.queue.arrive(*sequence, runs);
            }
            Command::ForgetPrefixes => self.pool.forget_idle(),
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
        let grace_over = self.stopping.as_ref().is_some_and(|grace| clock.is_past(grace.0));
        let verdict = |sequence: &Sequence, stopped: bool| {
            if sequence.is_gone() {
                Some(Ending::Gone)
            } else if stopped {
                Some(Ending::Failed(EngineError::Stopped))
            } else if clock.is_past(sequence.deadline) {
                Some(Ending::Failed(EngineError::TimedOut { after: sequence.timeout }))
            } else {
                None
            }
        };
        // What was preempted has begun, and may end within the grace like what runs.
        let waits = |sequence: &Sequence| {
            verdict(sequence, grace_over || (stopping && sequence.admitted.is_none()))
        };
        let ended_waiting = self.queue.take_where(waits);
        let ended = self.running.iter().enumerate();
        let ended =
            ended.filter_map(|(at, sequence)| Some((at, verdict(sequence, grace_over)?))).collect();
        for (sequence, ending) in ended_waiting {
            self.end(sequence, ending);
        }
        self.retire(ended);
    }

    /// Ends running sequences, given by their position in ascending order.
    pub(super) fn retire(&mut self, ended: Vec<(usize, Ending)>) {
        for (at, ending) in ended.into_iter().rev() {
            let sequence = self.running.remove(at);
            self.end(sequence, ending);
        }
    }

    /// Frees a sequence's memory, counts how it ended and tells the client.
    pub(super) fn end(&mut self, mut sequence: Sequence, ending: Ending) {
        sequence.table.release(&mut self.pool);
        let client = sequence.client.clone();
        let runs = self.running.iter().any(|other| other.client == client);
        self.queue.leave(client.as_ref(), runs);
        let counters = &self.parts.counters;
        match &ending {
            Ending::Finished(_) => {
                Counters::add(&counters.completed, 1);
                if let Some(admitted) = sequence.admitted {
                    self.parts.pace.record(self.parts.clock.now().duration_since(admitted));
                }
            }
            Ending::Failed(_) => Counters::add(&counters.failed, 1),
            Ending::Gone => Counters::add(&counters.cancelled, 1),
        }
        // Before the client knows, so that who has an answer finds it accounted for, and does not
        // find itself running.
        sequence.account(&self.info.id);
        self.publish();
        sequence.end(ending);
    }

    /// Tells the handles how full everything is.
    fn publish(&self) {
        let counters = &self.parts.counters;
        counters.running.store(self.running.len(), Ordering::Relaxed);
        let blocks = self.pool.in_use();
        counters.kv_used_blocks.store(blocks.used, Ordering::Relaxed);
        counters.kv_idle_blocks.store(blocks.idle, Ordering::Relaxed);
    }
}
