//! Lets several models take turns on the same cores.
//!
//! Every compute thread uses all cores during a step. Two at once would fight for them, and a step
//! that is ready in 20 ms alone would wait for one of 500 ms anyway. So a step enters the gate,
//! and the gate serves in the order of arrival: an embedding waits for one step of the generator
//! at most, and a stream for one batch of the encoder.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// A gate that steps of all models pass one at a time. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct ComputeGate {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for moments only; compute threads wait on `turned`, not on the lock.
    tickets: Mutex<Tickets>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Tickets {
    /// The next ticket to hand out.
    next: u64,
    /// The ticket whose turn it is.
    serving: u64,
}

/// The turn of one step; over when dropped.
pub(crate) struct Turn<'a> {
    gate: &'a ComputeGate,
}

impl ComputeGate {
    /// Waits for the turn of the calling thread. Whoever holds a turn must not enter again.
    pub(crate) fn enter(&self) -> Turn<'_> {
        let mut tickets = self.tickets();
        let mine = tickets.next;
        tickets.next += 1;
        let waited = self.shared.turned.wait_while(tickets, |tickets| tickets.serving != mine);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        Turn { gate: self }
    }

    /// Threads that wait or compute.
    #[cfg(test)]
    pub(crate) fn present(&self) -> u64 {
        let tickets = self.tickets();
        tickets.next - tickets.serving
    }

    /// Whether somebody waits for the turn in progress to end.
    fn is_wanted(&self) -> bool {
        let tickets = self.tickets();
        tickets.next - tickets.serving > 1
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.shared.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Whether another model waits for this turn to end.
    pub(crate) fn is_wanted(&self) -> bool {
        self.gate.is_wanted()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gate.tickets().serving += 1;
        self.gate.shared.turned.notify_all();
    }
}
