//! Runs the items of a pilot, in the background.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_engine::{Caller, Priority};
use intramuros_jobs::{JobContext, JobError, JobKind, Slots};
use intramuros_knowledge::{AskRequest, Ranking, Scope, SearchRequest};
use intramuros_ledger::{
    AnswerOutcome, FailureReason, MessageRole, NewPilotResult, PILOT, PilotItem, PilotOutcome,
    PilotRunState, TicketLabels,
};
use intramuros_types::{Access, AssistantId, DocumentId, Fault};
use serde_json::json;

use super::models::Jobs;
use super::{PAGE, Params, PilotError, PilotSettings, Pilots, millis, rules};
use crate::chat::PreviewRequest;
use crate::pilot::{
    ChatGiven, ChatItem, Content, Given, Guess, Item, Outcome, SearchGiven, SearchItem, Speaker,
    TriageGiven, TriageItem, Turn, judge,
};
use crate::triage::{Field, KnownTicket, TrialRequest, Tried};

/// Passages of a search.
const PASSAGES: usize = 10;

struct Runs(Pilots);

/// The kind of the jobs.
pub(super) fn kind(pilots: Pilots) -> Arc<dyn JobKind> {
    Arc::new(Runs(pilots))
}

impl JobKind for Runs {
    fn name(&self) -> &'static str {
        PILOT
    }

    fn slots(&self) -> Slots {
        Slots::Shared
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        let pilots = self.0.clone();
        async move { pilots.run_job(&job).await }.boxed()
    }
}

/// What came of an item, before it is compared with its labels.
struct Came {
    given: Given,
    documents: Vec<DocumentId>,
    took_ms: u64,
}

impl Pilots {
    async fn run_job(&self, job: &JobContext) -> Result<(), JobError> {
        let params: Params = job.params()?;
        let ledger = &self.shared.ledger;
        match self.run_items(&params, job).await {
            Ok(()) => {
                let done = PilotRunState::Finished;
                ledger.end_pilot_run(Some(job.lease()), &params.run, done, None).await?;
                Ok(())
            }
            Err(JobError::Stopped) => Err(JobError::Stopped),
            Err(error) => {
                let text = error.to_string().chars().take(500).collect();
                let reason = FailureReason { code: "pilot".to_owned(), text };
                let failed = PilotRunState::Failed;
                let lease = Some(job.lease());
                ledger.end_pilot_run(lease, &params.run, failed, Some(&reason)).await?;
                Err(error)
            }
        }
    }

    async fn run_items(&self, params: &Params, job: &JobContext) -> Result<(), JobError> {
        let jobs = self.jobs(params.settings.model.as_deref());
        let jobs = jobs.map_err(|error| JobError::failed("pilot", error.to_string()))?;
        let mut after = None;
        let mut tickets = Vec::new();
        loop {
            let left = self.shared.ledger.pilot_items_left(&params.run, after, PAGE).await?;
            let Some(last) = left.last() else { break };
            after = Some(last.ordinal);
            for one in left {
                job.check()?;
                let Ok(item) = serde_json::from_value::<Item>(one.item.clone()) else { continue };
                let came = match &item.content {
                    Content::Search(search) => self.search(search, params, &jobs).await,
                    Content::Chat(chat) => self.ask(chat, params, &jobs).await,
                    Content::Triage(_) => {
                        tickets.push((one, item));
                        continue;
                    }
                    Content::Extraction(_) => failed("no_job"),
                };
                self.note(params, job, &one, &item, came).await?;
            }
        }
        if tickets.is_empty() {
            return Ok(());
        }
        self.triage((params, &jobs), job, tickets).await
    }

    /// Decides about all tickets, those of an attempt before included: each needs the others.
    async fn triage(
        &self,
        (params, jobs): (&Params, &Jobs),
        job: &JobContext,
        items: Vec<(PilotItem, Item)>,
    ) -> Result<(), JobError> {
        let failed = |error: PilotError| JobError::failed("pilot", error.to_string());
        let PilotSettings { policy, folds, effort, .. } = &params.settings;
        let Some(policy) = policy else {
            return Err(JobError::failed("pilot", "the run names no policy"));
        };
        let triage = &jobs.triage;
        let (policy, _) = triage.policy(policy).await.map_err(|error| failed(error.into()))?;
        let tickets: Vec<KnownTicket> = items.iter().filter_map(|(_, item)| known(item)).collect();
        let request = TrialRequest { folds: *folds, effort: *effort };
        let total = Some(tickets.len() as u64);
        let (sender, mut read) = tokio::sync::watch::channel(0_usize);
        let caller = caller();
        let trial = triage.trial(&policy, &tickets, request, &caller, |done| {
            sender.send_replace(done);
        });
        tokio::pin!(trial);
        let tried: Vec<Tried> = loop {
            tokio::select! {
                done = &mut trial => break done.map_err(|error| failed(error.into()))?,
                _ = job.stopped() => return Err(JobError::Stopped),
                Ok(()) = read.changed() => {
                    let done = *read.borrow_and_update() as u64;
                    job.progress(total, done, 0).await?;
                }
            }
        };
        for ((one, item), tried) in items.iter().zip(tried) {
            let came = Came {
                took_ms: millis(tried.time),
                given: Given::Triage(given(tried)),
                documents: Vec::new(),
            };
            self.note(params, job, one, item, came).await?;
        }
        Ok(())
    }

    async fn search(&self, item: &SearchItem, params: &Params, jobs: &Jobs) -> Came {
        let Some(base) = &params.settings.knowledge_base else { return failed("no_base") };
        let start = Instant::now();
        let request = SearchRequest {
            query: item.query.clone(),
            limit: PASSAGES,
            per_document: None,
            scope: scope(&params.access),
            ranking: Ranking::Hybrid,
            caller: caller(),
        };
        let knowledge = &jobs.knowledge;
        let found = if params.settings.judged {
            let found = knowledge.search_judged(base, &request).await;
            found.map(|(hits, judged)| (hits, !judged.answers(), Some(f64::from(judged.score))))
        } else {
            knowledge.search(base, &request).await.map(|hits| (hits, false, None))
        };
        let (hits, refused, confidence) = match found {
            Ok(found) => found,
            Err(error) => return failed(code(error.fault())),
        };
        let took_ms = millis(start.elapsed());
        let documents = once(hits.iter().map(|hit| hit.passage.document.clone()));
        let found = self.names(&documents).await;
        Came {
            given: Given::Search(SearchGiven { found, refused, confidence }),
            documents,
            took_ms,
        }
    }

    /// What an assistant would answer.
    async fn consult(&self, item: &ChatItem, assistant: &AssistantId, jobs: &Jobs) -> Came {
        let start = Instant::now();
        let said = |turn: &Turn| {
            let role = match turn.role {
                Speaker::User => MessageRole::Customer,
                Speaker::Assistant => MessageRole::Assistant,
            };
            (role, turn.content.clone())
        };
        let request = PreviewRequest {
            assistant: assistant.clone(),
            draft: false,
            text: item.question.clone(),
            history: item.history.iter().map(said).collect(),
            language: None,
        };
        let preview = match jobs.chat.preview(request, &caller()).await {
            Ok(preview) => preview,
            Err(error) => return failed(code(error.fault())),
        };
        let took_ms = millis(start.elapsed());
        let documents = once(preview.citations.iter().map(|citation| citation.document.clone()));
        let is_answer =
            matches!(preview.outcome, Some(AnswerOutcome::Answered | AnswerOutcome::Fixed));
        // What was kept back is what a person would have been spared.
        let answer = if is_answer { preview.text } else { preview.draft };
        let given = ChatGiven {
            answer: answer.unwrap_or_default(),
            handed_over: !is_answer,
            sources: self.names(&documents).await,
            confidence: preview.judgement.map(|judged| f64::from(judged.score)),
        };
        Came { given: Given::Chat(given), documents, took_ms }
    }

    async fn ask(&self, item: &ChatItem, params: &Params, jobs: &Jobs) -> Came {
        if let Some(assistant) = &params.settings.assistant {
            return self.consult(item, assistant, jobs).await;
        }
        let Some(base) = &params.settings.knowledge_base else { return failed("no_base") };
        let start = Instant::now();
        let request = AskRequest {
            caller: caller(),
            question: item.question.clone(),
            passages: None,
            ranking: Ranking::Hybrid,
            scope: scope(&params.access),
        };
        let answer = match jobs.knowledge.ask(base, request).await {
            Ok(answering) => answering.collect().await,
            Err(error) => Err(error),
        };
        let answer = match answer {
            Ok((answer, _)) => answer,
            Err(error) => return failed(code(error.fault())),
        };
        let took_ms = millis(start.elapsed());
        let documents = once(answer.citations.iter().map(|citation| citation.document.clone()));
        let handed_over = answer.abstention.is_some();
        let given = ChatGiven {
            answer: if handed_over { String::new() } else { answer.text },
            handed_over,
            sources: self.names(&documents).await,
            confidence: answer.judgement.map(|judged| f64::from(judged.score)),
        };
        Came { given: Given::Chat(given), documents, took_ms }
    }

    /// What documents are called by those who brought them.
    async fn names(&self, documents: &[DocumentId]) -> Vec<String> {
        let mut names = Vec::with_capacity(documents.len());
        for id in documents {
            let Ok(document) = self.shared.ledger.get_document(id).await else { continue };
            let name = document.details.external_id.unwrap_or(document.file_name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    async fn note(
        &self,
        params: &Params,
        job: &JobContext,
        one: &PilotItem,
        item: &Item,
        came: Came,
    ) -> Result<(), JobError> {
        let result = judge(item, came.given, came.took_ms, rules(&params.settings));
        let outcome = match result.outcome {
            Outcome::Right => PilotOutcome::Right,
            Outcome::HandedOver => PilotOutcome::HandedOver,
            Outcome::Wrong => PilotOutcome::Wrong,
            Outcome::Failed => PilotOutcome::Failed,
        };
        let new = NewPilotResult {
            ordinal: one.ordinal,
            outcome,
            result: json!(result),
            documents: came.documents,
        };
        self.shared.ledger.note_pilot_item(Some(job.lease()), &params.run, &new).await?;
        Ok(())
    }
}

fn failed(code: &str) -> Came {
    Came { given: Given::Failed { code: code.to_owned() }, documents: Vec::new(), took_ms: 0 }
}

fn code(fault: Fault) -> &'static str {
    match fault {
        Fault::User => "refused",
        Fault::Capacity => "overloaded",
        Fault::Runtime | Fault::Bug => "failed",
    }
}

/// As for somebody who waits, so that times are those of people.
fn caller() -> Caller {
    Caller { priority: Priority::Interactive, ..Caller::server("pilot") }
}

fn scope(access: &Access) -> Scope {
    Scope {
        documents: None,
        metadata: BTreeMap::new(),
        written_from: None,
        written_to: None,
        access: access.clone(),
    }
}

fn once(all: impl Iterator<Item = DocumentId>) -> Vec<DocumentId> {
    let mut documents = Vec::new();
    for document in all {
        if !documents.contains(&document) {
            documents.push(document);
        }
    }
    documents
}

fn known(item: &Item) -> Option<KnownTicket> {
    let Content::Triage(ticket) = &item.content else { return None };
    let TriageItem { subject, body, category, urgency, team, alert, .. } = ticket.clone();
    let labels = TicketLabels { category, urgency, team, alert };
    Some(KnownTicket { id: item.id.clone(), subject, body, labels })
}

/// What triage decided, as the pilot compares it.
fn given(tried: Tried) -> TriageGiven {
    let mut labels: BTreeMap<String, Guess> = BTreeMap::new();
    for field in Field::ALL {
        if let Some(decided) = tried.decision.field(field) {
            let guess = Guess {
                label: Some(decided.label.clone()),
                confidence: Some(f64::from(decided.probability)),
            };
            labels.insert(field.as_str().to_owned(), guess);
        }
    }
    let alert = tried.proposed.alert.unwrap_or(false);
    let probability = f64::from(tried.decision.alert);
    let confidence = Some(if alert { probability } else { 1.0 - probability });
    labels.insert("alert".to_owned(), Guess { label: Some(alert.to_string()), confidence });
    let category = tried.decision.field(Field::Category);
    TriageGiven {
        labels,
        handed_over: tried.decision.doubt.is_some(),
        confidence: category.map(|category| f64::from(category.probability)),
    }
}
