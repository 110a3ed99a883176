//! Lets several models take turns on the same cores.
//!
//! Every compute thread uses all cores during a step. Two at once would fight for them, and a step
//! that is ready in 20 ms alone would wait for one of 500 ms anyway. So a step enters the gate,
//! and the gate serves in the order of arrival: an embedding waits for one step of the generator
//! at most, and a stream for one batch of the encoder. Background work learns whether a person waited
//! for it, and rests then.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::Priority;

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
    /// Of those who wait, the ones for whom a person waits.
    urgent: u64,
}

/// The turn of one step; over when dropped.
pub(crate) struct Turn<'a> {
    gate: &'a ComputeGate,
}

impl ComputeGate {
    /// Waits for the turn of the calling thread, whose step is of `priority`. Whoever holds a turn
    /// must not enter again.
    pub(crate) fn enter(&self, priority: Priority) -> Turn<'_> {
        let urgent = u64::from(priority == Priority::Interactive);
        let mut tickets = self.tickets();
        let mine = tickets.next;
        tickets.next += 1;
        tickets.urgent += urgent;
        let waited = self.shared.turned.wait_while(tickets, |tickets| tickets.serving != mine);
        waited.unwrap_or_else(PoisonError::into_inner).urgent -= urgent;
        Turn { gate: self }
    }

    /// Threads that wait or compute.
    #[cfg(test)]
    pub(crate) fn present(&self) -> u64 {
        let tickets = self.tickets();
        tickets.next - tickets.serving
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.shared.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Whether a person waits for this turn to end, for the step of another model.
    pub(crate) fn is_wanted(&self) -> bool {
        self.gate.tickets().urgent > 0
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gate.tickets().serving += 1;
        self.gate.shared.turned.notify_all();
    }
}
