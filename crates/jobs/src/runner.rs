//! Runs jobs until the server stops.
//!
//! One task owns what runs: it looks at the ledger when it is told of a change, when an attempt
//! ends, and once a second for what other processes do and for the clock. Attempts are tasks of
//! their own, which hear of the runner through a channel each.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use intramuros_ledger::{JobPriority, Lease, Ledger};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::context::{Stop, Told};
use crate::kind::causes;
use crate::{Cron, JobContext, JobKind, Slots};

mod attempt;
mod schedules;

/// Wait after a failure of the ledger.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Knobs of a [`Runner`].
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// Jobs of kinds with shared slots that run at the same time.
    pub concurrency: usize,
    /// How long a lease holds without being renewed.
    pub lease: Duration,
    /// Time between two renewals.
    pub renew_every: Duration,
    /// Time between two looks at what other processes did.
    pub look_every: Duration,
    /// What attempts have left when the server stops.
    pub grace: Duration,
    /// Whether no other process runs jobs of this ledger, so that a start takes back every job that
    /// is said to run.
    pub is_alone: bool,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            concurrency: 2,
            lease: Duration::from_secs(60),
            renew_every: Duration::from_secs(15),
            look_every: Duration::from_secs(1),
            grace: Duration::from_secs(10),
            is_alone: true,
        }
    }
}

/// What begins by the clock.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// What it is called.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// The title of its jobs.
    pub title: String,
    /// The parameters of its jobs.
    pub params: Value,
    /// The priority of its jobs.
    pub priority: JobPriority,
    /// When it runs.
    pub cron: Cron,
}

/// Runs the jobs of a ledger.
pub struct Runner {
    ledger: Ledger,
    config: RunnerConfig,
    /// In the ledger's leases.
    name: String,
    kinds: HashMap<&'static str, Arc<dyn JobKind>>,
    schedules: Vec<Schedule>,
}

impl Runner {
    /// A runner that knows no kind yet.
    pub fn new(ledger: Ledger, config: RunnerConfig) -> Self {
        let name = Uuid::now_v7().simple().to_string();
        Self { ledger, config, name, kinds: HashMap::new(), schedules: Vec::new() }
    }

    /// Knows one kind more.
    #[must_use]
    pub fn with_kind(mut self, kind: Arc<dyn JobKind>) -> Self {
        self.kinds.insert(kind.name(), kind);
        self
    }

    /// Begins jobs by the clock. The schedules of a ledger are those of its runner.
    #[must_use]
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// Runs jobs until `stop` turns true, or its sender is gone; then tells the attempts, gives
    /// them [`RunnerConfig::grace`] and puts back what is left of them.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut work = Work {
            runner: Arc::new(self),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            renewed: Instant::now(),
            has_begun: false,
        };
        let runner = Arc::clone(&work.runner);
        // A sender that is gone without a word is a stop too: waiting for it would never wait.
        while !*stop.borrow() && stop.has_changed().is_ok() {
            let mut wait = runner.config.look_every;
            if let Err(error) = work.turn().await {
                tracing::error!(error = causes(&error), "the jobs could not be looked after");
                wait = RETRY_AFTER;
            }
            tokio::select! {
                // One waiter: a word that comes while nobody waits is kept.
                () = runner.ledger.jobs_changed().notified() => {}
                Some(ended) = work.tasks.join_next() => work.forget_attempt(ended),
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
        work.wind_down().await;
    }
}

/// What runs.
struct Work {
    runner: Arc<Runner>,
    /// The attempts by the owners of their leases.
    running: HashMap<String, Running>,
    /// Each gives back the owner of its lease.
    tasks: JoinSet<String>,
    /// When the leases were renewed last.
    renewed: Instant,
    /// Whether the ledger knows of this start.
    has_begun: bool,
}

struct Running {
    lease: Lease,
    kind: &'static str,
    told: watch::Sender<Told>,
}

impl Work {
    async fn turn(&mut self) -> Result<(), intramuros_ledger::LedgerError> {
        while let Some(ended) = self.tasks.try_join_next() {
            self.forget_attempt(ended);
        }
        let runner = Arc::clone(&self.runner);
        if !self.has_begun {
            if runner.config.is_alone {
                let jobs = runner.ledger.take_back_every_job().await?;
                if jobs > 0 {
                    tracing::info!(jobs, "jobs go on after an interruption");
                }
            }
            runner.set_schedules().await?;
            self.has_begun = true;
        }
        self.tell().await?;
        let own: Vec<Lease> = self.running.values().map(|one| one.lease.clone()).collect();
        let lost = runner.ledger.take_back_jobs(&own).await?;
        if lost > 0 {
            tracing::warn!(jobs = lost, "jobs whose process is gone are queued again");
        }
        runner.begin_due().await?;
        self.begin_attempts().await
    }

    /// Renews the leases when it is time, and passes on what is wanted of the jobs.
    async fn tell(&mut self) -> Result<(), intramuros_ledger::LedgerError> {
        let leases: Vec<Lease> = self.running.values().map(|one| one.lease.clone()).collect();
        let RunnerConfig { lease: time, renew_every, .. } = self.runner.config;
        let ledger = &self.runner.ledger;
        let is_time = self.renewed.elapsed() >= renew_every;
        let found = match is_time {
            true => ledger.renew_leases(&leases, time).await?,
            false => ledger.look_at_leases(&leases).await?,
        };
        if is_time {
            self.renewed = Instant::now();
        }
        for running in self.running.values() {
            let now = found.iter().find(|one| one.lease == running.lease);
            running.told.send_if_modified(|told| told.update(now));
        }
        Ok(())
    }

    /// Begins what is due, as far as there are slots.
    async fn begin_attempts(&mut self) -> Result<(), intramuros_ledger::LedgerError> {
        let runner = Arc::clone(&self.runner);
        loop {
            let open = self.open_kinds();
            let time = runner.config.lease;
            let claimed = runner.ledger.claim_job(&runner.name, &open, time).await?;
            let Some((lease, record)) = claimed else { return Ok(()) };
            let Some((name, kind)) = runner.kinds.get_key_value(record.kind.as_str()) else {
                return Ok(());
            };
            let (told, hears) = watch::channel(Told { stop: None, priority: record.priority });
            let running = Running { lease: lease.clone(), kind: name, told };
            self.running.insert(lease.owner.clone(), running);
            let context = JobContext::new(runner.ledger.clone(), lease, record, hears);
            self.tasks.spawn(attempt::run(Arc::clone(kind), context));
        }
    }

    /// The kinds of which another job may begin.
    fn open_kinds(&self) -> Vec<&'static str> {
        let kinds = &self.runner.kinds;
        let is_shared =
            |name: &str| kinds.get(name).is_some_and(|kind| kind.slots() == Slots::Shared);
        let shared = self.running.values().filter(|one| is_shared(one.kind)).count();
        let is_open = |(name, kind): (&&'static str, &Arc<dyn JobKind>)| match kind.slots() {
            Slots::Shared => shared < self.runner.config.concurrency,
            Slots::Own(most) => {
                self.running.values().filter(|one| one.kind == *name).count() < most
            }
        };
        kinds.iter().filter(|one| is_open(*one)).map(|(name, _)| *name).collect()
    }

    fn forget_attempt(&mut self, ended: Result<String, tokio::task::JoinError>) {
        match ended {
            Ok(owner) => drop(self.running.remove(&owner)),
            // Attempts catch their panics; what is left of one that did not is its lease.
            Err(error) => tracing::error!(%error, "an attempt at a job was lost"),
        }
    }

    /// Tells the attempts that the server stops, waits a bounded time, and puts back what is left.
    async fn wind_down(mut self) {
        for running in self.running.values() {
            running.told.send_if_modified(|told| {
                let is_new = told.stop.is_none();
                told.stop = told.stop.or(Some(Stop::Shutdown));
                is_new
            });
        }
        let until = Instant::now() + self.runner.config.grace;
        while let Ok(Some(ended)) = tokio::time::timeout_at(until, self.tasks.join_next()).await {
            self.forget_attempt(ended);
        }
        self.tasks.shutdown().await;
        for (_, running) in self.running.drain() {
            tracing::warn!(job = running.lease.job.as_str(), "a job did not stop in time");
            if let Err(error) = self.runner.ledger.release_job(&running.lease).await {
                tracing::warn!(
                    error = causes(&error),
                    "a job was not put back; the next start does"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
