//! Lets a test watch, hold up and disturb a fake backend from another thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a test waits for a step that never comes before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can go wrong in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The backend panics.
    Panic,
    /// The backend returns `BackendError::Compute`.
    Fail,
    /// All values are NaN.
    NotANumber,
    /// The result of the last row or input is missing.
    WrongShape,
}

/// A test's hold on a fake; clones hold the same fake. Steps are counted from 1.
#[derive(Debug)]
pub struct Control<B> {
    shared: Arc<Shared<B>>,
}

#[derive(Debug)]
struct Shared<B> {
    state: Mutex<State<B>>,
    /// Told whenever `state` changes; the fake and the test both wait on it.
    changed: Condvar,
}

#[derive(Debug)]
struct State<B> {
    batches: Vec<B>,
    mishaps: BTreeMap<usize, Mishap>,
    /// Steps from this one on are held up; `usize::MAX` holds none.
    held_from: usize,
}

impl<B> Clone for Control<B> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<B: Clone> Control<B> {
    /// A control of no fake yet.
    #[allow(clippy::new_without_default, reason = "what it controls must be named")]
    pub fn new() -> Self {
        let state = State { batches: Vec::new(), mishaps: BTreeMap::new(), held_from: usize::MAX };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// The batches of all steps that began.
    pub fn batches(&self) -> Vec<B> {
        self.state().batches.clone()
    }

    /// How many steps began.
    pub fn steps(&self) -> usize {
        self.state().batches.len()
    }

    /// Makes step `step` (from 1) go wrong.
    pub fn at_step(&self, step: usize, mishap: Mishap) {
        self.state().mishaps.insert(step, mishap);
    }

    /// Holds up every step that has not begun, at its beginning.
    pub fn hold(&self) {
        let mut state = self.state();
        state.held_from = state.batches.len() + 1;
    }

    /// Lets the next `steps` held-up steps run to their end.
    pub fn allow(&self, steps: usize) {
        let mut state = self.state();
        state.held_from = state.held_from.saturating_add(steps);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Lets all steps run.
    pub fn release(&self) {
        self.state().held_from = usize::MAX;
        self.shared.changed.notify_all();
    }

    /// Waits until step `step` (from 1) has begun, whether held up or not.
    ///
    /// # Panics
    /// When it does not begin within a minute.
    #[track_caller]
    pub fn wait_for_step(&self, step: usize) {
        let begun = self.wait(|state| state.batches.len() >= step);
        assert!(begun, "step {step} never began; {} did", self.steps());
    }

    /// Records a step, waits while it is held up, and tells what shall go wrong.
    ///
    /// # Panics
    /// When the mishap is a panic.
    pub(crate) fn begin_step(&self, batch: &B) -> Option<Mishap> {
        let mut state = self.state();
        state.batches.push(batch.clone());
        let step = state.batches.len();
        self.shared.changed.notify_all();
        let held = self.shared.changed.wait_while(state, |state| step >= state.held_from);
        let mishap = held.unwrap_or_else(PoisonError::into_inner).mishaps.get(&step).copied();
        // The lock is free again: a panic here must not poison it.
        assert!(mishap != Some(Mishap::Panic), "step {step} panics because a test asked for it");
        mishap
    }

    fn wait(&self, until: impl Fn(&State<B>) -> bool) -> bool {
        let changed = &self.shared.changed;
        let waited = changed.wait_timeout_while(self.state(), PATIENCE, |state| !until(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
