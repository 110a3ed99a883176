//! Holds one served model, loaded or not.

use std::sync::Mutex;
use std::time::Instant;

use intramuros_types::ModelId;

use super::{LoadModel, ModelSource, ModelState, locked};
use crate::TextEngine;

/// The place of one model.
pub(super) struct Slot {
    pub(super) id: ModelId,
    pub(super) pinned: bool,
    pub(super) load: LoadModel,
    /// Locked for moments only, by requests, by whoever loads and by the keep-alive task.
    state: Mutex<State>,
}

struct State {
    engine: Option<TextEngine>,
    /// When it was last asked for.
    used: Instant,
}

impl Slot {
    pub(super) fn new(source: ModelSource, now: Instant) -> Self {
        let ModelSource { id, pinned, load } = source;
        Self { id, pinned, load, state: Mutex::new(State { engine: None, used: now }) }
    }

    /// The engine for a request, when it is loaded.
    pub(super) fn engine(&self, now: Instant) -> Option<TextEngine> {
        let mut state = locked(&self.state);
        state.used = now;
        state.engine.clone()
    }

    /// The engine for somebody who does not use it.
    pub(super) fn loaded_engine(&self) -> Option<TextEngine> {
        locked(&self.state).engine.clone()
    }

    pub(super) fn put(&self, engine: TextEngine, now: Instant) {
        *locked(&self.state) = State { engine: Some(engine), used: now };
    }

    pub(super) fn used(&self) -> Instant {
        locked(&self.state).used
    }

    /// Whether it could be unloaded now.
    pub(super) fn is_idle(&self) -> bool {
        let state = locked(&self.state);
        !self.pinned && state.engine.as_ref().is_some_and(TextEngine::is_idle)
    }

    /// Takes the engine out when it could be unloaded. Requests clone the engine under the same
    /// lock, so that none can come between the look and the taking.
    pub(super) fn take_idle(&self) -> Option<TextEngine> {
        let mut state = locked(&self.state);
        let idle = !self.pinned && state.engine.as_ref().is_some_and(TextEngine::is_idle);
        if idle { state.engine.take() } else { None }
    }

    /// Counts work that goes on as use.
    pub(super) fn touch_if_busy(&self, now: Instant) {
        let mut state = locked(&self.state);
        if state.engine.as_ref().is_some_and(|engine| !engine.is_idle()) {
            state.used = now;
        }
    }

    pub(super) fn state(&self) -> ModelState {
        let engine = self.loaded_engine();
        let loaded = engine.map(|engine| (engine.info().clone(), engine.status()));
        ModelState { id: self.id.clone(), pinned: self.pinned, loaded }
    }
}
