//! Holds the parts together.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_jobs::{JobContext, JobError, JobKind, Schedule, Slots};
use intramuros_knowledge::Knowledge;
use intramuros_ledger::{AuditEntry, AuditOutcome, ERASE, JobPriority, Ledger, RETENTION};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{DataLifeError, RetentionConfig};

/// Exports that are written at the same time: each holds a thread for as long as its reader takes.
pub(crate) const MAX_EXPORTS: usize = 2;

/// What a [`DataLife`] works with.
pub struct DataLifeParts {
    /// Everything but documents.
    pub ledger: Ledger,
    /// The documents.
    pub knowledge: Knowledge,
    /// What the disk is searched in after an erasure.
    pub data_dir: PathBuf,
}

/// Knobs of a [`DataLife`].
#[derive(Debug, Clone)]
pub struct DataLifeConfig {
    /// How long what is kept.
    pub retention: RetentionConfig,
    /// Whether there is an audit trail.
    pub audits: bool,
}

/// The life of this server's data. Clones share everything.
#[derive(Clone)]
pub struct DataLife {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) knowledge: Knowledge,
    pub(crate) data_dir: PathBuf,
    pub(crate) config: DataLifeConfig,
    /// Places for exports; a writer has one until its reader has the end, or leaves.
    pub(crate) exports: Arc<Semaphore>,
}

/// What a kind does with a job.
type Run = fn(DataLife, JobContext) -> BoxFuture<'static, Result<(), JobError>>;

struct Kind {
    name: &'static str,
    data_life: DataLife,
    run: Run,
}

impl JobKind for Kind {
    fn name(&self) -> &'static str {
        self.name
    }

    /// One at a time of each: two erasures of the same person do not meet, and whatever else runs
    /// does not keep them waiting.
    fn slots(&self) -> Slots {
        Slots::Own(1)
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        let (data_life, run) = (self.data_life.clone(), self.run);
        async move {
            // What a crash interrupted comes first.
            tokio::select! {
                recovered = data_life.shared.knowledge.recovered() => recovered?,
                _ = job.stopped() => return Err(JobError::Stopped),
            }
            run(data_life, job).await
        }
        .boxed()
    }
}

impl DataLife {
    /// Ties the parts together.
    pub fn new(parts: DataLifeParts, config: DataLifeConfig) -> Self {
        let DataLifeParts { ledger, knowledge, data_dir } = parts;
        let exports = Arc::new(Semaphore::new(MAX_EXPORTS));
        Self { shared: Arc::new(Shared { ledger, knowledge, data_dir, config, exports }) }
    }

    /// How long what is kept.
    pub fn retention(&self) -> &RetentionConfig {
        &self.shared.config.retention
    }

    /// The kinds of jobs, for the runner.
    pub fn job_kinds(&self) -> Vec<Arc<dyn JobKind>> {
        let kind = |name, run: Run| {
            Arc::new(Kind { name, data_life: self.clone(), run }) as Arc<dyn JobKind>
        };
        vec![
            kind(ERASE, |data_life, job| async move { data_life.run_erasure(&job).await }.boxed()),
            kind(RETENTION, |data_life, job| {
                async move { data_life.run_retention(&job).await }.boxed()
            }),
        ]
    }

    /// When retention runs, for the runner.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            name: RETENTION.to_owned(),
            kind: RETENTION.to_owned(),
            title: RETENTION.to_owned(),
            params: json!({}),
            priority: JobPriority::Low,
            cron: self.shared.config.retention.schedule.clone(),
        }
    }

    /// Says in the audit trail what the server did by itself.
    pub(crate) async fn note(
        &self,
        actor: &str,
        action: &str,
        target: &str,
        details: Value,
    ) -> Result<(), DataLifeError> {
        if !self.shared.config.audits {
            return Ok(());
        }
        let entry = AuditEntry {
            actor: actor.to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            outcome: AuditOutcome::Done,
            request: None,
            details,
            content: None,
        };
        self.shared.ledger.append_audit(&[entry]).await?;
        Ok(())
    }
}
