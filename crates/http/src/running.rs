//! Counts the requests that are being answered, so that a stop can wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The requests that are being answered. Clones are the same count; whoever stops the server waits
/// for [`none_left`](Self::none_left).
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: AtomicUsize,
    /// Woken when the last one ends.
    ended: Notify,
}

/// One request; over when dropped.
#[derive(Debug)]
pub(crate) struct Place(Running);

impl Running {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }

    /// Completes when none is left. More may come later; the caller sees to it that they are
    /// refused.
    pub async fn none_left(&self) {
        loop {
            // Registered before the look, so that no end can slip between.
            let ended = self.0.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Notes that a request begins.
    pub(crate) fn begin(&self) -> Place {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        Place(self.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.0.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Running;

    #[tokio::test]
    async fn the_wait_ends_with_the_last_request() {
        let running = Running::default();
        running.none_left().await;
        let (first, second) = (running.begin(), running.begin());
        let waiting = tokio::spawn({
            let running = running.clone();
            async move { running.none_left().await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(running.count(), 1);
        drop(second);
        waiting.await.unwrap();
    }
}
