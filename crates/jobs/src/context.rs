//! Gives a running job what it needs of its surroundings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_ledger::{
    JobItem, JobPriority, JobProgress, JobRecord, JobWish, Lease, LeasedJob, Ledger, LedgerError,
    NewItem, ReviewRecord,
};
use intramuros_types::{JobId, ReviewId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};

use crate::JobError;

mod items;

pub(crate) use items::message;
pub use items::{Item, ItemPolicy};

/// Progress is written this often at most: people look at it, and each time costs a write.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Items read at a time.
const PAGE: u32 = 500;

/// Why an attempt must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody paused the job.
    Paused,
    /// Somebody cancelled it.
    Cancelled,
    /// The server stops; the job goes on at the next start.
    Shutdown,
    /// Another attempt has the job, or it is gone: nothing more can be written.
    LeaseLost,
}

/// What the runner tells an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) stop: Option<Stop>,
    pub(crate) priority: JobPriority,
}

impl Told {
    /// What a look at the ledger says; `None` for a lease that is lost. An attempt that was told
    /// to stop stays told.
    pub(crate) fn update(&mut self, found: Option<&LeasedJob>) -> bool {
        let before = *self;
        let stop = match found {
            None => Some(Stop::LeaseLost),
            Some(LeasedJob { wanted: JobWish::Pause, .. }) => Some(Stop::Paused),
            Some(LeasedJob { wanted: JobWish::Cancel, .. }) => Some(Stop::Cancelled),
            Some(LeasedJob { wanted: JobWish::Run, .. }) => None,
        };
        self.stop = if stop == Some(Stop::LeaseLost) { stop } else { self.stop.or(stop) };
        self.priority = found.map_or(self.priority, |found| found.priority);
        *self != before
    }
}

/// The parameters of a job that brings a decision.
#[derive(Deserialize)]
struct Decided {
    review: ReviewId,
}

/// What a running job has of its surroundings. Clones share everything.
#[derive(Clone)]
pub struct JobContext {
    ledger: Ledger,
    lease: Lease,
    record: Arc<JobRecord>,
    /// Written by the runner only, which outlives the attempt.
    told: watch::Receiver<Told>,
    /// When progress was written last; held while it is written, so that none overtakes another.
    noted: Arc<Mutex<Option<Instant>>>,
}

impl JobContext {
    pub(crate) fn new(
        ledger: Ledger,
        lease: Lease,
        record: JobRecord,
        told: watch::Receiver<Told>,
    ) -> Self {
        Self { ledger, lease, record: Arc::new(record), told, noted: Arc::default() }
    }

    /// The job's id.
    pub fn id(&self) -> &JobId {
        &self.lease.job
    }

    /// The job as it was when this attempt began.
    pub fn record(&self) -> &JobRecord {
        &self.record
    }

    /// The ledger that has the job.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What the ledger's methods ask for.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The job's parameters.
    ///
    /// # Errors
    /// [`JobError::Failed`] for parameters of another shape.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_value(self.record.params.clone())
            .map_err(|error| JobError::failed("params", format!("its parameters: {error}")))
    }

    /// The review whose decision this job brings, for the kinds that
    /// [`review_job_kind`](intramuros_ledger::review_job_kind) names. What it holds may have been
    /// erased since.
    ///
    /// # Errors
    /// [`JobError::Failed`] for a job of another kind, and for a review that is gone; the ledger's.
    pub async fn decided_review(&self) -> Result<ReviewRecord, JobError> {
        let Decided { review } = self.params()?;
        match self.ledger.review(&review).await {
            Err(LedgerError::NotFound { .. }) => {
                Err(JobError::failed("not_found", format!("the review {review} is gone")))
            }
            found => Ok(found?),
        }
    }

    /// The job's place among others, as it is now.
    pub fn priority(&self) -> JobPriority {
        self.told.borrow().priority
    }

    /// Why the attempt must stop; `None` while it need not.
    pub fn stop(&self) -> Option<Stop> {
        self.told.borrow().stop
    }

    /// Waits until the attempt must stop.
    pub async fn stopped(&self) -> Stop {
        let mut told = self.told.clone();
        match told.wait_for(|told| told.stop.is_some()).await {
            Ok(told) => told.stop.unwrap_or(Stop::Shutdown),
            // The runner is gone.
            Err(_) => Stop::Shutdown,
        }
    }

    /// Ends the attempt if it must stop.
    ///
    /// # Errors
    /// [`JobError::Stopped`].
    pub fn check(&self) -> Result<(), JobError> {
        if self.stop().is_some() { Err(JobError::Stopped) } else { Ok(()) }
    }

    /// Tells how far the job is, for kinds that count by themselves; those with items need not.
    /// Cheap to call often: it is written about once a second, and at the end.
    ///
    /// # Errors
    /// [`JobError::Stopped`] when the lease is lost; the ledger's.
    pub async fn progress(
        &self,
        total: Option<u64>,
        done: u64,
        failed: u64,
    ) -> Result<(), JobError> {
        let mut noted = self.noted.lock().await;
        let is_last = total == Some(done.saturating_add(failed));
        if !is_last && noted.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
            return Ok(());
        }
        self.ledger.note_progress(&self.lease, JobProgress { total, done, failed }).await?;
        *noted = Some(Instant::now());
        Ok(())
    }

    /// Adds items to the job.
    ///
    /// # Errors
    /// [`JobError::Stopped`] when the lease is lost; the ledger's.
    pub async fn add_items(&self, items: &[NewItem]) -> Result<(), JobError> {
        Ok(self.ledger.add_items(&self.lease, items).await?)
    }

    /// All items of the job, in their order.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn items(&self) -> Result<Vec<JobItem>, JobError> {
        let mut all: Vec<JobItem> = Vec::new();
        loop {
            let from = all.last().map_or(0, |last| last.ordinal + 1);
            let page = self.ledger.list_items(self.id(), None, from, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Takes items that are done up again: what came of them does not hold any more.
    ///
    /// # Errors
    /// [`JobError::Stopped`] when the lease is lost; the ledger's.
    pub async fn redo_items(&self, ordinals: &[u64]) -> Result<(), JobError> {
        Ok(self.ledger.redo_items(&self.lease, ordinals).await?)
    }
}
