//! Orders inputs into batches: searches before indexing, and never for long.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use intramuros_backend::Embedding;
use intramuros_types::{Consumption, ModelId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{EngineError, Meter, Priority};

/// Where a job's answer goes. Dropping the receiver is how a client leaves.
pub(super) type Answer = oneshot::Sender<Result<Computed, EngineError>>;

/// What a job gives.
#[derive(Debug)]
pub(super) struct Computed {
    /// One an input, in order.
    pub(super) embeddings: Vec<Embedding>,
    /// Tokens of all inputs.
    pub(super) tokens: u32,
}

/// One input: its tokens, and the groups of them whose own vectors are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    pub(super) tokens: Vec<u32>,
    pub(super) groups: Vec<Range<usize>>,
    /// Where the second text of a pair begins; the length where there is one text.
    pub(super) second: usize,
}

/// After so many interactive batches in a row a waiting background batch gets its turn, so that
/// indexing cannot starve.
const INTERACTIVE_IN_A_ROW: u32 = 8;

/// A request that was accepted.
pub(super) struct Job {
    pub(super) priority: Priority,
    /// The inputs; taken when they go into a batch.
    inputs: Vec<Input>,
    /// The inputs by length, so that a batch holds similar ones; `next` is the first not computed.
    order: Vec<usize>,
    next: usize,
    submitted: Instant,
    /// One an input; empty until it is computed.
    embeddings: Vec<Embedding>,
    tokens: u32,
    /// One place an input that is not yet in a batch.
    places: OwnedSemaphorePermit,
    answer: Answer,
    meter: Meter,
}

impl Job {
    /// A job of at least one input, none empty, that holds a place for each.
    pub(super) fn new(
        inputs: Vec<Input>,
        priority: Priority,
        places: OwnedSemaphorePermit,
        answer: Answer,
    ) -> Self {
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|&input| inputs[input].tokens.len());
        let tokens: usize = inputs.iter().map(|input| input.tokens.len()).sum();
        Self {
            priority,
            embeddings: vec![Embedding::default(); inputs.len()],
            inputs,
            order,
            next: 0,
            submitted: Instant::now(),
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            places,
            answer,
            meter: Meter::default(),
        }
    }

    /// The same with a sum that what it takes is added to.
    pub(super) fn with_meter(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }

    /// Adds what inputs of it took to the request's sum.
    pub(super) fn account(&self, model: &ModelId, tokens: usize, compute: Duration) {
        let prompt_tokens = tokens as u64;
        self.meter.add(model, Consumption { prompt_tokens, compute, ..Consumption::default() });
    }

    /// Whether the client left.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    /// Whether a part of it was computed.
    pub(super) fn has_begun(&self) -> bool {
        self.next > 0
    }

    /// How long it waited until now.
    pub(super) fn waited(&self) -> Duration {
        self.submitted.elapsed()
    }

    /// Whether all of it was put into batches.
    fn is_taken(&self) -> bool {
        self.next == self.order.len()
    }

    /// Puts the next input into a batch if it has at most `budget` tokens; gives its position.
    fn take(&mut self, budget: usize) -> Option<(usize, Input)> {
        let input = *self.order.get(self.next)?;
        if self.inputs[input].tokens.len() > budget {
            return None;
        }
        self.next += 1;
        drop(self.places.split(1));
        Some((input, std::mem::take(&mut self.inputs[input])))
    }

    /// Notes the embedding of an input.
    pub(super) fn put(&mut self, input: usize, embedding: Embedding) {
        self.embeddings[input] = embedding;
    }

    /// Answers with the embeddings.
    pub(super) fn complete(self) {
        let Self { embeddings, tokens, answer, .. } = self;
        // Fails when the client left just now; nobody minds.
        let _ = answer.send(Ok(Computed { embeddings, tokens }));
    }

    /// Answers with an error.
    pub(super) fn fail(self, error: EngineError) {
        // Fails when the client left just now; nobody minds.
        let _ = self.answer.send(Err(error));
    }
}

/// One forward pass: inputs of the first jobs of one priority.
pub(super) struct Batch {
    pub(super) priority: Priority,
    /// How many jobs, from the front of the queue, have inputs in it.
    pub(super) jobs: usize,
    /// For each sequence its job (from the front) and its position there.
    pub(super) members: Vec<(usize, usize)>,
    pub(super) sequences: Vec<Vec<u32>>,
    /// The groups of each sequence.
    pub(super) groups: Vec<Vec<Range<usize>>>,
    /// Where the second text of each sequence begins.
    pub(super) seconds: Vec<usize>,
    pub(super) tokens: usize,
    /// How long the jobs waited that begin with it.
    pub(super) waits: Vec<Duration>,
}

/// The jobs that wait, each priority first come first served.
#[derive(Default)]
pub(super) struct Queue {
    interactive: VecDeque<Job>,
    background: VecDeque<Job>,
    interactive_in_a_row: u32,
}

impl Queue {
    pub(super) fn push(&mut self, job: Job) {
        self.lane(job.priority).push_back(job);
    }

    /// Whether somebody waits for an answer.
    pub(super) fn is_urgent(&self) -> bool {
        !self.interactive.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.interactive.is_empty() && self.background.is_empty()
    }

    /// Keeps the jobs that `keep` gives back.
    pub(super) fn sweep(&mut self, mut keep: impl FnMut(Job) -> Option<Job>) {
        for lane in [&mut self.interactive, &mut self.background] {
            *lane = std::mem::take(lane).into_iter().filter_map(&mut keep).collect();
        }
    }

    /// The next batch: inputs in order while they fit into `max_tokens`, at least one. Priorities
    /// are not mixed, so that a search never computes longer than searches take.
    pub(super) fn next_batch(&mut self, max_tokens: usize) -> Option<Batch> {
        let priority = self.turn()?;
        let (mut members, mut tokens, mut jobs) = (Vec::new(), 0, 0);
        let (mut sequences, mut groups, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        let mut waits = Vec::new();
        for (at, job) in self.lane(priority).iter_mut().enumerate() {
            loop {
                let first = sequences.is_empty();
                let budget = if first { usize::MAX } else { max_tokens.saturating_sub(tokens) };
                let begins = !job.has_begun();
                let Some((number, input)) = job.take(budget) else { break };
                if begins {
                    let waited = job.waited();
                    job.meter.tally.began(waited);
                    waits.push(waited);
                }
                tokens += input.tokens.len();
                members.push((at, number));
                sequences.push(input.tokens);
                groups.push(input.groups);
                seconds.push(input.second);
                jobs = at + 1;
            }
            if !job.is_taken() {
                break;
            }
        }
        Some(Batch { priority, jobs, members, sequences, groups, seconds, tokens, waits })
    }

    /// The job that is `at` from the front.
    pub(super) fn job(&mut self, priority: Priority, at: usize) -> Option<&mut Job> {
        self.lane(priority).get_mut(at)
    }

    /// Removes the first `jobs`, as far as all their inputs were taken; the last may have more.
    pub(super) fn remove_taken(&mut self, priority: Priority, jobs: usize) -> Vec<Job> {
        let lane = self.lane(priority);
        let taken = lane.iter().take(jobs).take_while(|job| job.is_taken()).count();
        lane.drain(..taken).collect()
    }

    /// Removes the first `jobs`, however far they are.
    pub(super) fn remove(&mut self, priority: Priority, jobs: usize) -> Vec<Job> {
        let lane = self.lane(priority);
        let jobs = jobs.min(lane.len());
        lane.drain(..jobs).collect()
    }

    /// Whose turn it is; `None` when nothing waits.
    fn turn(&mut self) -> Option<Priority> {
        let starved = self.interactive_in_a_row >= INTERACTIVE_IN_A_ROW;
        let background = !self.background.is_empty() && (self.interactive.is_empty() || starved);
        if background {
            self.interactive_in_a_row = 0;
            return Some(Priority::Background);
        }
        if self.interactive.is_empty() {
            return None;
        }
        self.interactive_in_a_row = self.interactive_in_a_row.saturating_add(1);
        Some(Priority::Interactive)
    }

    fn lane(&mut self, priority: Priority) -> &mut VecDeque<Job> {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Background => &mut self.background,
        }
    }
}
