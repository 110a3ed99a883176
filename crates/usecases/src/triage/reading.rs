//! Lets the generator read examples that it has not read, in the background.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_engine::Caller;
use intramuros_jobs::{JobContext, JobError, JobKind, Slots};
use intramuros_ledger::{ExamplesAdded, JobPriority, NewExample, NewJob};
use intramuros_types::TriagePolicyId;
use serde::{Deserialize, Serialize};

use super::desk::check_labels;
use super::{Effort, Triage, TriageError};

/// The kind of the jobs.
const READ: &str = "triage.read";
/// The newest examples are read by the generator: a second each, and what it makes of them is kept in
/// memory. Older ones teach by the encoder and their words.
pub(super) const READ_BY_GENERATOR: u32 = 2_000;
/// Examples that are read before what was learnt is renewed.
const AT_ONCE: u32 = 32;

/// What a job is about.
#[derive(Debug, Serialize, Deserialize)]
struct Params {
    policy: TriagePolicyId,
}

/// Reads examples.
struct ReadExamples(Triage);

impl JobKind for ReadExamples {
    fn name(&self) -> &'static str {
        READ
    }

    fn slots(&self) -> Slots {
        Slots::Shared
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        let triage = self.0.clone();
        async move {
            let Params { policy } = job.params()?;
            triage.read_all(&policy, &job).await
        }
        .boxed()
    }
}

impl Triage {
    /// The kind that lets the generator read examples.
    pub(super) fn reading_kind(&self) -> Arc<dyn JobKind> {
        Arc::new(ReadExamples(self.clone()))
    }

    /// Adds examples, all or none; the models read them afterwards.
    ///
    /// # Errors
    /// Not found, a label that the policy does not have, a text that is empty or too long, too many
    /// examples, a failure of the ledger.
    pub async fn add_examples(
        &self,
        id: &TriagePolicyId,
        examples: &[NewExample],
        by: &str,
    ) -> Result<ExamplesAdded, TriageError> {
        let (policy, _) = self.policy(id).await?;
        for example in examples {
            check_labels(&policy, &example.labels)?;
        }
        let added = self.shared.ledger.add_triage_examples(id, examples, by).await?;
        self.read_later(id).await?;
        Ok(added)
    }

    /// Queues the reading of what the generator has not read, unless it is queued.
    pub(super) async fn read_later(&self, id: &TriagePolicyId) -> Result<(), TriageError> {
        let reader = self.reader(Effort::Full).await?;
        let Some(last) = reader.questions().pop() else { return Ok(()) };
        if self.shared.ledger.triage_unread(id, &last, READ_BY_GENERATOR, 1).await?.is_empty() {
            return Ok(());
        }
        let params = serde_json::json!(Params { policy: id.clone() });
        let job = NewJob {
            priority: JobPriority::Low,
            created_by: "server:triage".to_owned(),
            unique_key: Some(id.to_string()),
            ..NewJob::new(READ, format!("examples of {id}"), params)
        };
        self.shared.ledger.create_job(job, &[]).await?;
        Ok(())
    }

    async fn read_all(&self, id: &TriagePolicyId, job: &JobContext) -> Result<(), JobError> {
        let ledger = &self.shared.ledger;
        let failed = |error: TriageError| JobError::retry("triage", error.to_string());
        let reader = self.reader(Effort::Full).await.map_err(failed)?;
        let questions = reader.questions();
        let Some(last) = questions.last() else { return Ok(()) };
        let caller = Caller::server("triage");
        loop {
            // The last question is answered last, so who has its answer has all.
            let unread = ledger.triage_unread(id, last, READ_BY_GENERATOR, AT_ONCE).await?;
            if unread.is_empty() {
                return Ok(());
            }
            for example in unread {
                job.check()?;
                let answers = reader.question(&example.text, &caller).await;
                let answers = answers.map_err(|error| failed(error.into()))?;
                for answer in answers {
                    let read = [(example.id.clone(), answer.vector)];
                    ledger.keep_triage_readings(id, &answer.reader, &read).await?;
                }
            }
            self.forget_mind(id);
        }
    }
}
