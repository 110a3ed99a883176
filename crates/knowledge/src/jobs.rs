//! Makes jobs of what takes long: indexing, making an index anew, calibrating.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_engine::EngineError;
use intramuros_jobs::{JobContext, JobError, JobKind, Slots};
use intramuros_ledger::{CALIBRATE, INGEST, LedgerError, REINDEX};
use intramuros_types::{Fault, KnowledgeBaseId};

use crate::{Knowledge, KnowledgeError};

/// Jobs of indexing that may run at the same time: one for each knowledge base that has something
/// to index. They share two lanes, so that more of them take no more of the machine.
const INGEST_SLOTS: usize = 256;

/// Wait for an encoder that is not served.
const ENCODER_AFTER: Duration = Duration::from_secs(60);

/// What a kind does with a job.
type Run = fn(Knowledge, JobContext) -> BoxFuture<'static, Result<(), JobError>>;

struct Kind {
    name: &'static str,
    slots: Slots,
    knowledge: Knowledge,
    run: Run,
}

impl JobKind for Kind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn slots(&self) -> Slots {
        self.slots
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        let (knowledge, run) = (self.knowledge.clone(), self.run);
        async move {
            // What a crash interrupted comes first; only then is it known what there is to do.
            tokio::select! {
                recovered = knowledge.recovered() => recovered?,
                _ = job.stopped() => return Err(JobError::Stopped),
            }
            run(knowledge, job).await
        }
        .boxed()
    }
}

impl Knowledge {
    /// The kinds of jobs that knowledge bases have, for the runner. Without one that runs, uploads
    /// stay pending.
    pub fn job_kinds(&self) -> Vec<Arc<dyn JobKind>> {
        let kind = |name, slots, run: Run| {
            Arc::new(Kind { name, slots, knowledge: self.clone(), run }) as Arc<dyn JobKind>
        };
        vec![
            kind(INGEST, Slots::Own(INGEST_SLOTS), |knowledge, job| {
                async move { knowledge.run_ingest(&job).await }.boxed()
            }),
            kind(REINDEX, Slots::Shared, |knowledge, job| {
                async move { knowledge.run_reindex(&job).await }.boxed()
            }),
            kind(CALIBRATE, Slots::Shared, |knowledge, job| {
                async move { knowledge.run_calibration(&job).await }.boxed()
            }),
        ]
    }
}

/// The knowledge base that a job is about.
pub(crate) fn base_of(job: &JobContext) -> Result<KnowledgeBaseId, JobError> {
    let missing = || JobError::failed("params", "it names no knowledge base");
    job.record().knowledge_base.clone().ok_or_else(missing)
}

impl From<KnowledgeError> for JobError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: KnowledgeError) -> Self {
        let text = error.to_string();
        match error {
            KnowledgeError::Ledger(LedgerError::NotFound { .. }) => Self::failed("not_found", text),
            KnowledgeError::Ledger(error) => error.into(),
            KnowledgeError::Engine(EngineError::Stopped) => Self::Stopped,
            KnowledgeError::Engine(EngineError::Overloaded { retry_after, .. }) => {
                Self::later("overloaded", text, retry_after)
            }
            KnowledgeError::OtherEncoder { .. } => {
                Self::later("encoder_missing", text, ENCODER_AFTER)
            }
            KnowledgeError::NoGenerator => Self::failed("no_generator", text),
            full if full.is_storage_full() => Self::retry("storage_full", text),
            other => match other.fault() {
                Fault::User => Self::failed("invalid", text),
                Fault::Capacity | Fault::Runtime | Fault::Bug => {
                    Self::retry("server_failure", text)
                }
            },
        }
    }
}
