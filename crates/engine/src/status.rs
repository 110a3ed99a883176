//! Counts what an engine did and tells whether it can go on.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::distributions::Histograms;

/// A snapshot of an engine. The fields are read one after the other, so that sums of a moment may
/// be off by the requests that moved meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineStatus {
    /// Places of the queue that are taken: requests (text) or inputs (embedding) that wait or are
    /// being tokenised.
    pub queued: usize,
    /// Requests that are being computed.
    pub running: usize,
    /// Places of the queue there are.
    pub limit: usize,
    /// Requests that were queued since the start.
    pub accepted: u64,
    /// Requests that were answered in full.
    pub completed: u64,
    /// Requests that ended with an error after they were accepted.
    pub failed: u64,
    /// Requests whose client left before the end.
    pub cancelled: u64,
    /// Tokens of prompts (or of embedded inputs) that were computed.
    pub prompt_tokens: u64,
    /// Tokens that were generated; 0 for an embedding engine.
    pub generated_tokens: u64,
    /// Tokens of prompts that were taken from the prefix cache instead of computed.
    pub cached_tokens: u64,
    /// Draft tokens that were checked.
    pub drafted_tokens: u64,
    /// Draft tokens that were right.
    pub accepted_tokens: u64,
    /// Tokens that a grammar left no choice about.
    pub forced_tokens: u64,
    /// Forward passes.
    pub steps: u64,
    /// Times that a sequence gave way and waited again.
    pub preempted: u64,
    /// Blocks of the KV cache that sequences have.
    pub kv_used_blocks: usize,
    /// Blocks that are kept for whoever begins alike, and used by nobody now.
    pub kv_idle_blocks: usize,
    /// Whether the engine can be given work: the thread lives, and the last three steps did not
    /// all fail. A step that succeeds makes it healthy again.
    pub healthy: bool,
}

/// Steps that may fail in a row before the engine calls itself unhealthy.
pub(crate) const FAILURES_TO_UNHEALTHY: u32 = 3;

/// The live counters behind an [`EngineStatus`]. Atomics because the compute thread writes them
/// at every step and must never wait for a reader; each is independent of the others, so relaxed
/// order is enough.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) running: AtomicUsize,
    pub(crate) accepted: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) prompt_tokens: AtomicU64,
    pub(crate) generated_tokens: AtomicU64,
    pub(crate) cached_tokens: AtomicU64,
    pub(crate) drafted_tokens: AtomicU64,
    pub(crate) accepted_tokens: AtomicU64,
    pub(crate) forced_tokens: AtomicU64,
    pub(crate) steps: AtomicU64,
    pub(crate) preempted: AtomicU64,
    pub(crate) kv_used_blocks: AtomicUsize,
    pub(crate) kv_idle_blocks: AtomicUsize,
    pub(crate) histograms: Histograms,
    failures_in_a_row: AtomicU32,
    /// True until the compute thread ended; then for ever false.
    alive: AtomicBool,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            running: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            prompt_tokens: AtomicU64::new(0),
            generated_tokens: AtomicU64::new(0),
            cached_tokens: AtomicU64::new(0),
            drafted_tokens: AtomicU64::new(0),
            accepted_tokens: AtomicU64::new(0),
            forced_tokens: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            preempted: AtomicU64::new(0),
            kv_used_blocks: AtomicUsize::new(0),
            kv_idle_blocks: AtomicUsize::new(0),
            histograms: Histograms::default(),
            failures_in_a_row: AtomicU32::new(0),
            alive: AtomicBool::new(true),
        }
    }
}

impl Counters {
    /// The counters as they are now, with the queue's figures that are kept elsewhere.
    pub(crate) fn snapshot(&self, queued: usize, limit: usize) -> EngineStatus {
        EngineStatus {
            queued,
            running: self.running.load(Ordering::Relaxed),
            limit,
            accepted: self.accepted.load(Ordering::Relaxed),
            completed: self.completed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            cancelled: self.cancelled.load(Ordering::Relaxed),
            prompt_tokens: self.prompt_tokens.load(Ordering::Relaxed),
            generated_tokens: self.generated_tokens.load(Ordering::Relaxed),
            cached_tokens: self.cached_tokens.load(Ordering::Relaxed),
            drafted_tokens: self.drafted_tokens.load(Ordering::Relaxed),
            accepted_tokens: self.accepted_tokens.load(Ordering::Relaxed),
            forced_tokens: self.forced_tokens.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            preempted: self.preempted.load(Ordering::Relaxed),
            kv_used_blocks: self.kv_used_blocks.load(Ordering::Relaxed),
            kv_idle_blocks: self.kv_idle_blocks.load(Ordering::Relaxed),
            healthy: self.alive.load(Ordering::Relaxed)
                && self.failures_in_a_row.load(Ordering::Relaxed) < FAILURES_TO_UNHEALTHY,
        }
    }

    /// Adds `amount` to one of the counters.
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// Notes that a step succeeded.
    pub(crate) fn step_succeeded(&self) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Notes that a step failed; returns how many did in a row.
    pub(crate) fn step_failed(&self) -> u32 {
        self.failures_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Notes that the compute thread is gone.
    pub(crate) fn thread_ended(&self) {
        self.alive.store(false, Ordering::Relaxed);
        self.running.store(0, Ordering::Relaxed);
        self.kv_used_blocks.store(0, Ordering::Relaxed);
        self.kv_idle_blocks.store(0, Ordering::Relaxed);
    }
}
