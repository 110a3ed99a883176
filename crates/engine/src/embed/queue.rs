//! Orders inputs into batches: searches before indexing, and never for long.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{Embeddings, EngineError, Priority};

/// Where a job's answer goes. Dropping the receiver is how a client leaves.
pub(super) type Answer = oneshot::Sender<Result<Embeddings, EngineError>>;

/// After so many interactive batches in a row a waiting background batch gets its turn, so that
/// indexing cannot starve.
const INTERACTIVE_IN_A_ROW: u32 = 8;

/// A request that was accepted.
pub(super) struct Job {
    pub(super) priority: Priority,
    /// Tokens of each input; taken when the input goes into a batch.
    sequences: Vec<Vec<u32>>,
    /// The inputs by length, so that a batch holds similar ones; `next` is the first not computed.
    order: Vec<usize>,
    next: usize,
    /// One an input; empty until it is computed.
    vectors: Vec<Vec<f32>>,
    tokens: u32,
    /// One place an input that is not yet in a batch.
    places: OwnedSemaphorePermit,
    answer: Answer,
}

impl Job {
    /// A job of at least one input, none empty, that holds a place for each.
    pub(super) fn new(
        sequences: Vec<Vec<u32>>,
        priority: Priority,
        places: OwnedSemaphorePermit,
        answer: Answer,
    ) -> Self {
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&input| sequences[input].len());
        let tokens: usize = sequences.iter().map(Vec::len).sum();
        Self {
            priority,
            vectors: vec![Vec::new(); sequences.len()],
            sequences,
            order,
            next: 0,
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            places,
            answer,
        }
    }

    /// Whether the client left.
    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    /// Whether a part of it was computed.
    pub(super) fn has_begun(&self) -> bool {
        self.next > 0
    }

    /// Whether all of it was put into batches.
    fn is_taken(&self) -> bool {
        self.next == self.order.len()
    }

    /// Puts the next input into a batch if it has at most `budget` tokens; gives its position.
    fn take(&mut self, budget: usize) -> Option<(usize, Vec<u32>)> {
        let input = *self.order.get(self.next)?;
        if self.sequences[input].len() > budget {
            return None;
        }
        self.next += 1;
        drop(self.places.split(1));
        Some((input, std::mem::take(&mut self.sequences[input])))
    }

    /// Notes the vector of an input.
    pub(super) fn put(&mut self, input: usize, vector: Vec<f32>) {
        self.vectors[input] = vector;
    }

    /// Answers with the vectors.
    pub(super) fn complete(self) {
        let Self { vectors, tokens, answer, .. } = self;
        // Fails when the client left just now; nobody minds.
        let _ = answer.send(Ok(Embeddings { vectors, tokens }));
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
    pub(super) tokens: usize,
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
        let (mut members, mut sequences, mut tokens, mut jobs) = (Vec::new(), Vec::new(), 0, 0);
        for (at, job) in self.lane(priority).iter_mut().enumerate() {
            loop {
                let first = sequences.is_empty();
                let budget = if first { usize::MAX } else { max_tokens.saturating_sub(tokens) };
                let Some((input, sequence)) = job.take(budget) else { break };
                tokens += sequence.len();
                members.push((at, input));
                sequences.push(sequence);
                jobs = at + 1;
            }
            if !job.is_taken() {
                break;
            }
        }
        Some(Batch { priority, jobs, members, sequences, tokens })
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
