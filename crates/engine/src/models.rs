//! Keeps several generators: which are served, which are loaded, and which give way to others.
//!
//! A model is loaded when the first request for it comes, or at the start when it is pinned. Where
//! the memory does not suffice, the model that was not asked for longest is unloaded first. One
//! that anybody still waits for is never unloaded.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use intramuros_backend::{BackendError, TextModelInfo};
use intramuros_types::ModelId;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::{Distributions, EngineError, EngineStatus, TextEngine};
use slot::Slot;

mod slot;
#[cfg(test)]
mod tests;

/// Requests that may wait for a model to be loaded; one more is refused as overloaded.
const MAX_WAITING: usize = 64;
/// What a client is told to wait while a model is being loaded.
const LOADING: Duration = Duration::from_secs(10);

/// Loads a model into at most this many bytes (`None`: no limit). Blocks.
///
/// # Errors
/// [`BackendError::Memory`] when it does not fit; others when it cannot be loaded at all.
pub type LoadModel = Arc<dyn Fn(Option<u64>) -> Result<TextEngine, EngineError> + Send + Sync>;

/// A model that may be served.
#[derive(Clone)]
pub struct ModelSource {
    /// What requests call it.
    pub id: ModelId,
    /// Loaded at the start and never unloaded.
    pub pinned: bool,
    /// How it is loaded.
    pub load: LoadModel,
}

/// What the generators may take together.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelLimits {
    /// The most bytes of weights, KV caches and workspaces; `None` is no limit.
    pub memory_bytes: Option<u64>,
    /// How long a model that is not pinned stays loaded after it was last used; `None` is for
    /// ever.
    pub keep_alive: Option<Duration>,
}

/// A served model at a moment.
#[derive(Debug, Clone)]
pub struct ModelState {
    /// What requests call it.
    pub id: ModelId,
    /// Whether it is never unloaded.
    pub pinned: bool,
    /// What it is and how it does, while it is loaded.
    pub loaded: Option<(TextModelInfo, EngineStatus)>,
}

/// Handles to all served generators. Cloning is cheap.
#[derive(Clone)]
pub struct TextModels {
    shared: Arc<Shared>,
    /// The slot that this handle takes for the default one; `None` for the one of all.
    own_default: Option<usize>,
}

struct Shared {
    limits: ModelLimits,
    clock: Clock,
    /// The served models, in the order of the configuration.
    slots: Vec<Slot>,
    /// The slot of the default model.
    default: AtomicUsize,
    /// Held by whoever loads or unloads: one at a time, so that memory is counted once.
    loading: tokio::sync::Mutex<()>,
    /// Places of those who wait for `loading`.
    waiting: tokio::sync::Semaphore,
}

impl fmt::Debug for TextModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.shared.slots.iter().map(|slot| slot.id.as_str());
        f.debug_list().entries(ids).finish()
    }
}

impl TextModels {
    /// Serves `sources`, the first of them by default. Nothing is loaded yet.
    pub fn new(sources: Vec<ModelSource>, limits: ModelLimits) -> Self {
        Self::new_at(sources, limits, Clock::System)
    }

    fn new_at(sources: Vec<ModelSource>, limits: ModelLimits, clock: Clock) -> Self {
        let now = clock.now();
        let slots = sources.into_iter().map(|source| Slot::new(source, now)).collect();
        let shared = Shared {
            limits,
            clock,
            slots,
            default: AtomicUsize::new(0),
            loading: tokio::sync::Mutex::new(()),
            waiting: tokio::sync::Semaphore::new(MAX_WAITING),
        };
        Self { shared: Arc::new(shared), own_default: None }
    }

    /// The model that serves where none is named; `None` when there is no generator.
    pub fn default_model(&self) -> Option<&ModelId> {
        let at = self.own_default.unwrap_or_else(|| self.shared.default.load(Ordering::Relaxed));
        self.shared.slots.get(at).map(|slot| &slot.id)
    }

    /// The same models, of which `id` is the default one for this handle and its clones: to measure
    /// it before it serves everybody.
    ///
    /// # Errors
    /// [`EngineError::InvalidParameter`] when it is not served.
    pub fn with_default(&self, id: &str) -> Result<Self, EngineError> {
        Ok(Self { shared: self.shared.clone(), own_default: Some(self.slot(id)?) })
    }

    /// Makes `id` the default model, for every handle that has no default of its own, from the next
    /// request on.
    ///
    /// # Errors
    /// [`EngineError::InvalidParameter`] when it is not served.
    pub fn set_default(&self, id: &str) -> Result<(), EngineError> {
        self.shared.default.store(self.slot(id)?, Ordering::Relaxed);
        Ok(())
    }

    fn slot(&self, id: &str) -> Result<usize, EngineError> {
        let at = self.shared.slots.iter().position(|slot| slot.id.as_str() == id);
        at.ok_or_else(|| EngineError::InvalidParameter {
            name: "model",
            reason: format!("is '{id}', which is not served"),
        })
    }

    /// Ids of the served models.
    pub fn ids(&self) -> impl Iterator<Item = &ModelId> {
        self.shared.slots.iter().map(|slot| &slot.id)
    }

    /// The served models as they are now.
    pub fn states(&self) -> Vec<ModelState> {
        self.shared.slots.iter().map(Slot::state).collect()
    }

    /// How the waits and steps of the loaded models are distributed.
    pub fn distributions(&self) -> Vec<(ModelId, Distributions)> {
        let engines = self.shared.slots.iter().filter_map(Slot::loaded_engine);
        engines.map(|engine| (engine.info().id.clone(), engine.distributions())).collect()
    }

    /// What the generators may take together.
    pub fn limits(&self) -> ModelLimits {
        self.shared.limits
    }

    /// Whether no loaded model has failed for good.
    pub fn healthy(&self) -> bool {
        let states = self.states();
        states.iter().all(|state| state.loaded.as_ref().is_none_or(|(_, status)| status.healthy))
    }

    /// Loads the pinned models.
    ///
    /// # Errors
    /// The first that cannot be loaded.
    pub async fn load_pinned(&self) -> Result<(), EngineError> {
        let pinned = (0..self.shared.slots.len()).filter(|at| self.shared.slots[*at].pinned);
        for at in pinned {
            self.load(at).await?;
        }
        Ok(())
    }

    /// The engine of a served model, which is loaded if need be. It stays loaded as long as the
    /// handle or any generation of it is held.
    ///
    /// # Errors
    /// [`EngineError::InvalidParameter`] when it is not served; [`EngineError::Overloaded`] when
    /// too many wait for a model; [`EngineError::Backend`] when it does not fit beside what is in
    /// use, or cannot be loaded; [`EngineError::ModelTooLarge`] when it never fits.
    pub async fn get(&self, id: &str) -> Result<TextEngine, EngineError> {
        let at = self.slot(id)?;
        match self.shared.slots[at].engine(self.shared.clock.now()) {
            Some(engine) => Ok(engine),
            None => self.load(at).await,
        }
    }

    /// Unloads models that nobody has used for the keep-alive time, again and again.
    pub async fn run_keep_alive(self) {
        let Some(keep_alive) = self.shared.limits.keep_alive else { return };
        let period = (keep_alive / 4).max(Duration::from_secs(1));
        loop {
            tokio::time::sleep(period).await;
            self.unload_idle(keep_alive).await;
        }
    }

    /// Lets every loaded model forget what it keeps of prompts; see
    /// [`TextEngine::forget_prefixes`].
    pub fn forget_prefixes(&self) {
        self.shared.slots.iter().filter_map(Slot::loaded_engine).for_each(|engine| {
            engine.forget_prefixes();
        });
    }

    /// Stops all models at once; see [`TextEngine::stop`].
    pub async fn stop(&self, grace: Duration) {
        let engines: Vec<TextEngine> =
            self.shared.slots.iter().filter_map(Slot::loaded_engine).collect();
        let mut stops = tokio::task::JoinSet::new();
        for engine in engines {
            stops.spawn(async move { engine.stop(grace).await });
        }
        stops.join_all().await;
    }

    /// Loads the model of the slot `at`, in a task of its own: a client that leaves must not leave
    /// a load behind that nobody waits for and nobody counts.
    async fn load(&self, at: usize) -> Result<TextEngine, EngineError> {
        let models = self.clone();
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let loaded = models.load_in_turn(at, &answer).await;
            // Fails when the client has left.
            let _ = answer.send(loaded);
        });
        answered.await.map_err(|_| EngineError::StepFailed)?
    }

    async fn load_in_turn(
        &self,
        at: usize,
        answer: &oneshot::Sender<Result<TextEngine, EngineError>>,
    ) -> Result<TextEngine, EngineError> {
        let slot = &self.shared.slots[at];
        let overloaded = |_| EngineError::Overloaded {
            what: "model loading",
            queued: MAX_WAITING,
            limit: MAX_WAITING,
            retry_after: LOADING,
        };
        let _place = self.shared.waiting.try_acquire().map_err(overloaded)?;
        let _turn = self.shared.loading.lock().await;
        // Another may have loaded it while this one waited, or its client may have left.
        if let Some(engine) = slot.engine(self.shared.clock.now()) {
            return Ok(engine);
        }
        if answer.is_closed() {
            return Err(EngineError::Stopped);
        }
        loop {
            let loaded = self.try_load(slot).await;
            let Err(EngineError::Backend(BackendError::Memory { needed_bytes, .. })) = &loaded
            else {
                return loaded;
            };
            if *needed_bytes > self.most_bytes() {
                return loaded.map_err(|error| self.never_fits(slot, error));
            }
            let Some(victim) = self.take_least_recent() else { return loaded };
            tracing::info!(model = %victim.info().id, r#for = %slot.id, "unloaded to make room");
            victim.stop(Duration::ZERO).await;
        }
    }

    /// What a model could get if all others were unloaded that can be. Nothing is unloaded for one
    /// that needs more.
    fn most_bytes(&self) -> u64 {
        let states = self.states();
        let pinned = states.iter().filter(|state| state.pinned).filter_map(ModelState::bytes);
        let limit = self.shared.limits.memory_bytes.unwrap_or(u64::MAX);
        limit.saturating_sub(pinned.sum())
    }

    fn never_fits(&self, slot: &Slot, error: EngineError) -> EngineError {
        tracing::error!(model = %slot.id, %error, "the model never fits");
        let EngineError::Backend(needs) = error else { return error };
        let (model, available_bytes) = (slot.id.to_string(), self.most_bytes());
        EngineError::ModelTooLarge { model, available_bytes, needs }
    }

    async fn try_load(&self, slot: &Slot) -> Result<TextEngine, EngineError> {
        let taken: u64 = self.states().iter().filter_map(ModelState::bytes).sum();
        let budget = self.shared.limits.memory_bytes.map(|limit| limit.saturating_sub(taken));
        let load = slot.load.clone();
        let loaded = tokio::task::spawn_blocking(move || load(budget)).await;
        let engine = loaded.map_err(|_| EngineError::StepFailed)??;
        slot.put(engine.clone(), self.shared.clock.now());
        Ok(engine)
    }

    /// Takes out the idle model that was used longest ago.
    fn take_least_recent(&self) -> Option<TextEngine> {
        let mut idle: Vec<&Slot> = self.shared.slots.iter().filter(|slot| slot.is_idle()).collect();
        idle.sort_by_key(|slot| slot.used());
        idle.into_iter().find_map(Slot::take_idle)
    }

    async fn unload_idle(&self, keep_alive: Duration) {
        let _turn = self.shared.loading.lock().await;
        let now = self.shared.clock.now();
        for slot in &self.shared.slots {
            slot.touch_if_busy(now);
            if now.duration_since(slot.used()) < keep_alive {
                continue;
            }
            if let Some(engine) = slot.take_idle() {
                tracing::info!(model = %slot.id, "unloaded after keep-alive");
                engine.stop(Duration::ZERO).await;
            }
        }
    }
}

impl ModelState {
    fn bytes(&self) -> Option<u64> {
        self.loaded.as_ref().map(|(info, _)| info.memory.total_bytes())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
