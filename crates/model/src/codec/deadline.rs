//! Bounds the time of work that cannot be interrupted.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Runs work on a thread of its own and stops waiting when it takes too long.
///
/// The template engine is built without its step counter, so a template that loops for ever can
/// only be left behind. To keep that at one thread a template, nothing further is started while
/// one is left behind.
#[derive(Debug)]
pub(super) struct Deadline {
    limit: Duration,
    /// The thread that nobody waits for any more. A mutex because callers come from many threads;
    /// it is held for a look or a store, never while work runs.
    left_behind: Mutex<Option<JoinHandle<()>>>,
}

impl Deadline {
    /// Waits at most `limit` for each piece of work.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, left_behind: Mutex::new(None) }
    }

    /// What `work` returns.
    ///
    /// # Errors
    /// The end of a sentence whose subject is the work: it did not end in time, an earlier piece
    /// still has not, or it panicked.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let seconds = self.limit.as_secs_f32();
        if self.is_stuck() {
            return Err(format!(
                "still runs on an earlier conversation (limit {seconds} s); use another template"
            ));
        }
        let (sender, receiver) = sync_channel(1);
        let thread = thread::Builder::new().name("chat-template".to_owned()).spawn(move || {
            // A failed send means that nobody waits any more.
            let _ = sender.send(work());
        });
        let thread = thread.map_err(|e| format!("cannot get a thread: {e}"))?;
        match receiver.recv_timeout(self.limit) {
            Ok(result) => Ok(result),
            Err(RecvTimeoutError::Disconnected) => Err("made the template engine panic".to_owned()),
            Err(RecvTimeoutError::Timeout) => {
                let mut left = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
                *left = Some(thread);
                Err(format!("did not end within {seconds} s; use another template"))
            }
        }
    }

    fn is_stuck(&self) -> bool {
        let left = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
        left.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}
