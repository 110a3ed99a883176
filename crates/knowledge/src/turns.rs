//! Lets one at a time work, those of higher priority first, then in the order in which they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use intramuros_ledger::JobPriority;
use tokio::sync::oneshot;

/// A lane of work that many share. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Turns {
    /// A lock of the standard library: it is held for a few instructions, never across a wait.
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    /// Counts those who came.
    came: u64,
    waiting: BTreeMap<(JobPriority, u64), oneshot::Sender<Turn>>,
}

/// The right to work; dropping it passes it on.
pub(crate) struct Turn {
    turns: Turns,
}

impl Turns {
    /// Waits for a turn. Giving up at any moment loses none: one that was passed on and not taken
    /// is dropped, and so passed on again.
    pub(crate) async fn take(&self, priority: JobPriority) -> Turn {
        let passed = {
            let mut state = self.lock();
            if !state.is_taken {
                state.is_taken = true;
                return Turn { turns: self.clone() };
            }
            let (sender, passed) = oneshot::channel();
            let place = (priority, state.came);
            state.came += 1;
            state.waiting.insert(place, sender);
            passed
        };
        match passed.await {
            Ok(turn) => turn,
            // Senders are dropped with their turn sent, or with the lane itself.
            Err(_) => std::future::pending().await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.turns.lock();
            let next = state.waiting.pop_first();
            state.is_taken = next.is_some();
            next
        };
        if let Some((_, sender)) = next {
            // One whose receiver is gone comes back, and is dropped here: the next in line is asked.
            drop(sender.send(Turn { turns: self.turns.clone() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use intramuros_ledger::JobPriority::{High, Low, Normal};

    use super::Turns;

    #[tokio::test]
    async fn turns_go_by_priority_then_by_arrival_and_none_is_lost() {
        let turns = Turns::default();
        let first = turns.take(Low).await;
        let mut low = Box::pin(turns.take(Low));
        let mut normal = Box::pin(turns.take(Normal));
        let mut later = Box::pin(turns.take(Normal));
        let mut high = Box::pin(turns.take(High));
        for waiting in [&mut low, &mut normal, &mut later, &mut high] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(first);
        // The turn is on its way to one that gives up before it takes it, and to one that gave up
        // before.
        drop(normal);
        drop(high);
        assert!((&mut low).now_or_never().is_none());
        let turn = later.now_or_never().expect("the turn was passed on");
        assert!((&mut low).now_or_never().is_none());
        drop(turn);
        drop(low.now_or_never().expect("the turn was passed on"));
        assert!(turns.take(Low).now_or_never().is_some(), "nobody has it");
    }
}
