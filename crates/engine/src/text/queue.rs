//! Keeps the requests that wait and tells who is next: interactive ones first, then the client who
//! was served least, then the one who came first.
//!
//! Service is counted in tokens, an answer's more than a prompt's. A client who comes (back) starts
//! at the least count of those who are active, so that idling earns no claims.
//!
//! Source: Sheng et al. 2024 (Fairness in Serving Large Language Models, arXiv 2401.00588),
//! algorithm 2 (virtual token counter).

use std::collections::HashMap;

use intramuros_types::KeyId;

use super::sequence::{Ending, Sequence};
use crate::Priority;

/// What a token of the answer counts, against 1 for a token of the prompt. A decoded token reads
/// all weights for itself, a prompt's tokens share them.
const ANSWER_TOKEN: u64 = 4;

/// Requests that wait. Clients without a key count as one.
#[derive(Default)]
pub(super) struct WaitingQueue {
    /// In the order of arrival.
    waiting: Vec<Sequence>,
    /// Service that active clients had.
    served: HashMap<Option<KeyId>, u64>,
    /// Requests that arrived so far.
    arrivals: u64,
}

impl WaitingQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a person waits.
    pub(super) fn is_urgent(&self) -> bool {
        self.waiting.iter().any(|sequence| sequence.priority == Priority::Interactive)
    }

    /// Adds a new request; `runs`: another one of its client is running.
    pub(super) fn arrive(&mut self, mut sequence: Sequence, runs: bool) {
        if !runs && !self.waits(sequence.client.as_ref()) {
            let least = self.served.values().min().copied().unwrap_or(0);
            let own = self.served.entry(sequence.client.clone()).or_insert(least);
            *own = least.max(*own);
        }
        self.arrivals += 1;
        sequence.arrival = self.arrivals;
        self.put_back(sequence);
    }

    /// Puts back a request that cannot run now, or not any longer, at its old place.
    pub(super) fn put_back(&mut self, sequence: Sequence) {
        let place = self.waiting.partition_point(|other| other.arrival <= sequence.arrival);
        self.waiting.insert(place, sequence);
    }

    /// Removes the request that is next.
    pub(super) fn pop_next(&mut self) -> Option<Sequence> {
        let rank = |(at, sequence): &(usize, &Sequence)| {
            let served = self.served.get(&sequence.client).copied().unwrap_or(0);
            (sequence.priority, served, *at)
        };
        let (at, _) = self.waiting.iter().enumerate().min_by_key(rank)?;
        Some(self.waiting.remove(at))
    }

    /// Removes those that `verdict` ends.
    pub(super) fn take_where(
        &mut self,
        verdict: impl Fn(&Sequence) -> Option<Ending>,
    ) -> Vec<(Sequence, Ending)> {
        let mut ended = Vec::new();
        let mut at = 0;
        while at < self.waiting.len() {
            match verdict(&self.waiting[at]) {
                Some(ending) => ended.push((self.waiting.remove(at), ending)),
                None => at += 1,
            }
        }
        ended
    }

    /// Counts tokens that were computed for a client.
    pub(super) fn charge(&mut self, client: Option<&KeyId>, prompt: usize, answer: usize) {
        if let Some(served) = self.served.get_mut(&client.cloned()) {
            *served = served.saturating_add(prompt as u64 + ANSWER_TOKEN * answer as u64);
        }
    }

    /// Notes that a request of `client` is over; `runs`: another one of its is running. Clients
    /// who have no request any more are forgotten, so that their number is bounded.
    pub(super) fn leave(&mut self, client: Option<&KeyId>, runs: bool) {
        if !runs && !self.waits(client) {
            self.served.remove(&client.cloned());
        }
    }

    fn waits(&self, client: Option<&KeyId>) -> bool {
        self.waiting.iter().any(|other| other.client.as_ref() == client)
    }
}
