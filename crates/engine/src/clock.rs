//! Tells the time, or what a test says the time is.

use std::time::{Duration, Instant};

/// Where deadlines get the time from. Tests move it by hand instead of sleeping.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The machine's monotonic clock.
    System,
    /// A clock that stands still until it is told to move.
    #[cfg(test)]
    Manual(std::sync::Arc<std::sync::Mutex<Instant>>),
}

impl Clock {
    /// The time now.
    pub(crate) fn now(&self) -> Instant {
        match self {
            Clock::System => Instant::now(),
            #[cfg(test)]
            Clock::Manual(now) => *now.lock().unwrap(),
        }
    }

    /// The moment `after` from now; `None` when that is beyond what can be told, which is never
    /// reached.
    pub(crate) fn deadline(&self, after: Duration) -> Option<Instant> {
        self.now().checked_add(after)
    }

    /// Whether `deadline` has come.
    pub(crate) fn is_past(&self, deadline: Option<Instant>) -> bool {
        deadline.is_some_and(|deadline| self.now() >= deadline)
    }

    /// A clock that stands still.
    #[cfg(test)]
    pub(crate) fn manual() -> Self {
        Clock::Manual(std::sync::Arc::new(std::sync::Mutex::new(Instant::now())))
    }

    /// Moves a manual clock.
    #[cfg(test)]
    pub(crate) fn advance(&self, by: Duration) {
        match self {
            Clock::System => panic!("only a manual clock can be moved"),
            Clock::Manual(now) => *now.lock().unwrap() += by,
        }
    }
}
