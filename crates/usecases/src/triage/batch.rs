//! Takes in many tickets at once, in the background.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_engine::{Caller, Priority};
use intramuros_jobs::{Item, ItemError, ItemPolicy, JobContext, JobError, JobKind, Slots};
use intramuros_ledger::{
    Enqueued, FiledTicket, JobRecord, NewItem, NewJob, TicketRecord, TicketRoute,
};
use intramuros_types::{Fault, TriagePolicyId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::inbound::{MAX_ROWS, Sent};
use super::{Effort, TicketRequest, Triage, TriageError};

/// The kind of the jobs.
const BATCH: &str = "triage.batch";

/// What a job is about.
#[derive(Debug, Serialize, Deserialize)]
struct Params {
    policy: TriagePolicyId,
    effort: Effort,
    filed_by: String,
}

struct Batches(Triage);

impl JobKind for Batches {
    fn name(&self) -> &'static str {
        BATCH
    }

    fn slots(&self) -> Slots {
        Slots::Shared
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        let triage = self.0.clone();
        async move { triage.run_batch(&job).await }.boxed()
    }
}

impl Triage {
    /// The kind that takes in many tickets.
    pub(super) fn batch_kind(&self) -> Arc<dyn JobKind> {
        Arc::new(Batches(self.clone()))
    }

    /// Queues tickets; each is an item of the job, and its result says what was decided. A ticket
    /// without a name of its sender's is named after its job and place, so that it is filed once.
    ///
    /// # Errors
    /// Not found; no ticket, or more than 10,000; one that is empty or too long; a failure of the
    /// ledger.
    pub async fn submit_many(
        &self,
        policy: &TriagePolicyId,
        tickets: Vec<Sent>,
        effort: Effort,
        filed_by: &str,
    ) -> Result<JobRecord, TriageError> {
        self.shared.ledger.get_triage_policy(policy).await?;
        if tickets.is_empty() || tickets.len() > MAX_ROWS {
            let reason = format!("are {}; it takes 1 to {MAX_ROWS}", tickets.len());
            return Err(TriageError::Invalid { name: "tickets", reason });
        }
        let item = |(at, ticket): (usize, Sent)| NewItem {
            key: format!("{}", at + 1),
            payload: json!(ticket),
        };
        let items: Vec<NewItem> = tickets.into_iter().enumerate().map(item).collect();
        let params =
            json!(Params { policy: policy.clone(), effort, filed_by: filed_by.to_owned() });
        let job = NewJob {
            created_by: filed_by.to_owned(),
            ..NewJob::new(BATCH, format!("{} tickets of {policy}", items.len()), params)
        };
        Ok(match self.shared.ledger.create_job(job, &items).await? {
            Enqueued::New(job) | Enqueued::Existing(job) => job,
        })
    }

    async fn run_batch(&self, job: &JobContext) -> Result<(), JobError> {
        let Params { policy, effort, filed_by } = job.params()?;
        let work = |item: Item<Sent>| {
            let name = format!("{}:{}", job.id(), item.key);
            let (triage, policy, filed_by) = (self.clone(), policy.clone(), filed_by.clone());
            async move {
                let sent = item.payload;
                let request = TicketRequest {
                    caller: Caller { priority: Priority::Background, ..Caller::server("triage") },
                    external_id: Some(sent.external_id.unwrap_or(name)),
                    channel: sent.channel,
                    sender: sent.from,
                    subject: sent.subject,
                    body: sent.body,
                    effort,
                    filed_by,
                };
                match triage.submit(&policy, request).await {
                    Ok(FiledTicket::New(ticket) | FiledTicket::Existing(ticket)) => {
                        Ok(result(&ticket))
                    }
                    Err(error) if error.fault() == Fault::User => {
                        Err(ItemError::failed("ticket", error.to_string()))
                    }
                    Err(error) => Err(ItemError::retry("triage", error.to_string())),
                }
            }
        };
        job.for_each_item(ItemPolicy::of(2), work).await.map(drop)
    }
}

/// What an item's result says: ids and labels, no contents, and nothing that is proposed in silence.
fn result(ticket: &TicketRecord) -> Value {
    let ticket = &ticket.summary;
    if ticket.route == TicketRoute::Shadow {
        return json!({
            "ticket": ticket.id.as_str(),
            "external_id": ticket.external_id,
            "route": ticket.route.as_str(),
        });
    }
    json!({
        "ticket": ticket.id.as_str(),
        "external_id": ticket.external_id,
        "route": ticket.route.as_str(),
        "labels": ticket.labels,
        "confidence": ticket.confidence,
    })
}
