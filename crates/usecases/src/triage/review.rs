//! Puts tickets that are not sent on by themselves before a dispatcher, and takes what they say.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_jobs::{JobContext, JobError, JobKind, Slots};
use intramuros_ledger::{
    Evidence, FailureReason, JobPriority, LedgerError, NewReview, NewTicket, ReviewRecord, TRIAGE,
    TicketLabels, TicketRoute, TriagePolicyRecord, review_job_kind,
};
use intramuros_types::GroupId;
use serde_json::{Map, Value, json};

use super::{Decision, Doubt, Field, Policy, Triage, TriageError};

const TITLE_CHARS: usize = 200;
/// Of a ticket, the bytes that its review quotes.
const QUOTE_BYTES: usize = 4_000;

/// The review of a ticket.
pub(super) fn of(
    policy: &Policy,
    record: &TriagePolicyRecord,
    ticket: &NewTicket,
    decision: &Decision,
) -> NewReview {
    let shadow = ticket.route == TicketRoute::Shadow;
    // Senders write what they like; a title is one line of text.
    let title = ticket.subject.replace(char::is_control, " ");
    let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let title: String = title.chars().take(TITLE_CHARS).collect();
    let untitled = policy.language.pick("Ticket sans objet", "Ticket without subject");
    let title = if title.is_empty() { untitled.to_owned() } else { title };
    // Who is to say what is right must not be told what the machine thinks.
    let labels = if shadow { TicketLabels::default() } else { ticket.proposed.clone() };
    let code = decision.doubt.map_or("review", Doubt::as_str).to_owned();
    let text = if shadow {
        let silent = policy.language.pick(
            "Catégorie à l'essai : classez ce ticket.",
            "Category on trial: sort this ticket.",
        );
        silent.to_owned()
    } else {
        decision.reason.clone()
    };
    NewReview {
        value_schema: Some(schema(policy)),
        evidence: evidence(ticket),
        reason: FailureReason { code, text: text.chars().take(1_000).collect() },
        confidence: if shadow { None } else { ticket.confidence },
        priority: if ticket.alert.is_some() { JobPriority::High } else { JobPriority::Normal },
        labels: record.labels.clone(),
        team: policy.dispatchers.as_deref().map(GroupId::new),
        queues_job: true,
        ..NewReview::new(TRIAGE, title, json!(labels))
    }
}

/// The beginning of what the ticket says: who decides has the review alone.
fn evidence(ticket: &NewTicket) -> Vec<Evidence> {
    let said = ticket.body.replace(|letter: char| letter.is_control() && letter != '\n', " ");
    let mut quote = String::new();
    for letter in said.trim().chars() {
        if quote.len() + letter.len_utf8() > QUOTE_BYTES {
            break;
        }
        quote.push(letter);
    }
    if quote.is_empty() {
        return Vec::new();
    }
    vec![Evidence { knowledge_base: None, document: None, page: None, span: None, quote }]
}

/// What a dispatcher may decide: labels of the policy.
fn schema(policy: &Policy) -> Value {
    let mut properties = Map::new();
    for field in Field::ALL {
        let names: Vec<&str> =
            policy.choices(field).iter().map(|choice| choice.name.as_str()).collect();
        if !names.is_empty() {
            properties.insert(field.as_str().to_owned(), json!({"enum": names}));
        }
    }
    properties.insert("alert".to_owned(), json!({"type": "boolean"}));
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// Brings what dispatchers decide to their tickets.
struct Decisions(Triage);

impl JobKind for Decisions {
    fn name(&self) -> &'static str {
        "review.triage"
    }

    fn slots(&self) -> Slots {
        Slots::Shared
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        let triage = self.0.clone();
        async move {
            let review = job.decided_review().await?;
            match triage.take_decision(&review).await {
                // Erased or removed meanwhile: nothing is left to be right about.
                Err(TriageError::Ledger(
                    LedgerError::NotFound { .. } | LedgerError::Conflict { .. },
                ))
                | Ok(()) => Ok(()),
                Err(error) => Err(JobError::retry("triage", error.to_string())),
            }
        }
        .boxed()
    }
}

impl Triage {
    /// The kinds of jobs that triage has, for the runner.
    pub fn job_kinds(&self) -> Vec<Arc<dyn JobKind>> {
        debug_assert_eq!(review_job_kind(TRIAGE), "review.triage");
        vec![Arc::new(Decisions(self.clone())), self.reading_kind(), self.batch_kind()]
    }

    async fn take_decision(&self, review: &ReviewRecord) -> Result<(), TriageError> {
        let ledger = &self.shared.ledger;
        let ticket = ledger.ticket_of_review(&review.summary.id).await?.summary;
        let by = review.decisions.iter().find(|one| one.is_final);
        let by = by.map_or("", |decision| decision.reviewer.as_str());
        let labels = review.value().cloned().unwrap_or_default();
        let labels: TicketLabels = serde_json::from_value(labels).unwrap_or_default();
        if labels == TicketLabels::default() {
            return Ok(ledger.ticket_was_rejected(&review.summary.id, by).await?);
        }
        self.settle_as((&ticket.policy, &ticket.id), labels, by, true).await.map(drop)
    }
}
