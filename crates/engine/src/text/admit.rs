//! Decides who runs: slots, memory, priorities, and equal shares for clients.
//!
//! A preempted sequence loses its blocks, not its tokens: what it had in full blocks stays in the
//! prefix cache as long as there is room, and the rest is computed again when it goes on. Nobody
//! can tell from the answer.

use std::collections::HashMap;

use intramuros_types::KeyId;

use super::scheduler::Scheduler;
use super::sequence::Sequence;
use crate::status::Counters;

/// A client may have this many sequences more than one who waits for a slot.
const FAIR_LEAD: usize = 1;

impl Scheduler {
    /// Lets waiting requests run as long as there are slots and blocks for their tokens. One that
    /// does not fit now waits for running ones to end, and those behind it wait too, so that a
    /// large one is not overtaken for ever.
    pub(super) fn admit(&mut self) {
        while let Some(mut candidate) = self.queue.pop_next() {
            if !self.make_slot(&candidate) || !self.make_room(&mut candidate) {
                self.queue.put_back(candidate);
                break;
            }
            self.start(candidate);
        }
    }

    /// Whether there is a slot for `candidate`, if need be one that another gives up: a background
    /// sequence for an interactive request, or one of a client who has more than its share.
    fn make_slot(&mut self, candidate: &Sequence) -> bool {
        if self.running.len() < self.parts.config.max_sequences {
            return true;
        }
        let last = self.running.len().saturating_sub(1);
        let background = self.running.last().is_some_and(|s| s.priority > candidate.priority);
        let victim = if background { Some(last) } else { self.over_share(candidate) };
        let Some(victim) = victim else { return false };
        let sequence = self.running.remove(victim);
        self.preempt(sequence);
        true
    }

    /// The youngest sequence of the client that has most of them, when those are more than the
    /// client of `candidate` would have with one more. None of a higher priority.
    fn over_share(&self, candidate: &Sequence) -> Option<usize> {
        let mut counts: HashMap<Option<&KeyId>, usize> = HashMap::new();
        for sequence in &self.running {
            *counts.entry(sequence.client.as_ref()).or_insert(0) += 1;
        }
        let count =
            |sequence: &Sequence| counts.get(&sequence.client.as_ref()).copied().unwrap_or(0);
        let own = count(candidate);
        let victims = self.running.iter().enumerate().filter(|(_, sequence)| {
            sequence.priority >= candidate.priority && count(sequence) > own + FAIR_LEAD
        });
        victims.max_by_key(|(_, sequence)| (count(sequence), sequence.order)).map(|(at, _)| at)
    }

    /// Whether the blocks suffice for the tokens of `candidate` and for those that the running
    /// ones still have to compute, if need be without the background ones.
    fn make_room(&mut self, candidate: &mut Sequence) -> bool {
        loop {
            candidate.adopt(&mut self.pool);
            let running = self.running.iter().map(|s| s.missing_blocks(&self.pool));
            let needed = running.sum::<usize>() + candidate.missing_blocks(&self.pool);
            if needed <= self.pool.available() || self.running.is_empty() {
                return true;
            }
            candidate.give_blocks_back(&mut self.pool);
            match self.running.pop_if(|last| last.priority > candidate.priority) {
                Some(victim) => self.preempt(victim),
                None => return false,
            }
        }
    }

    fn start(&mut self, mut sequence: Sequence) {
        self.admissions += 1;
        let now = self.parts.clock.now();
        if sequence.admitted.is_none() {
            let waited = now.saturating_duration_since(sequence.submitted);
            self.parts.counters.histograms.queue_wait.observe_time(waited);
            sequence.meter.tally.began(waited);
        }
        sequence.start(self.admissions, now);
        let standing = |s: &Sequence| (s.priority, s.order);
        let place = self.running.partition_point(|other| standing(other) < standing(&sequence));
        self.running.insert(place, sequence);
    }

    /// Makes a sequence wait again.
    pub(super) fn preempt(&mut self, mut sequence: Sequence) {
        Counters::add(&self.parts.counters.preempted, 1);
        tracing::debug!(request = %sequence.request, "preempted");
        sequence.give_blocks_back(&mut self.pool);
        self.queue.put_back(sequence);
    }
}
