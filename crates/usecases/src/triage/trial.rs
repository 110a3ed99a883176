//! Tries a policy on tickets whose labels are known, without filing any of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_engine::Caller;
use intramuros_ledger::{ExampleRecord, ExampleSource, Reading, TicketLabels};
use intramuros_types::TriageExampleId;
use time::OffsetDateTime;

use super::decide::{Found, alert_from, bar, decide};
use super::mind::{Material, Mind, Read};
use super::phrases::phrases;
use super::rules::spelt;
use super::{Decision, Effort, Policy, Triage, TriageError, text_of};

/// A ticket whose labels are known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownTicket {
    /// The set's own name for it.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// What it says.
    pub body: String,
    /// What is right.
    pub labels: TicketLabels,
}

/// How a policy is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialRequest {
    /// Parts: each is decided with the other parts as examples; 0 for no examples at all.
    pub folds: usize,
    /// Who reads.
    pub effort: Effort,
}

/// What was decided about a known ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The set's own name for it.
    pub id: String,
    /// What was decided.
    pub decision: Decision,
    /// What would have been proposed.
    pub proposed: TicketLabels,
    /// What is right.
    pub right: TicketLabels,
    /// How long reading and deciding took.
    pub time: Duration,
}

/// What the models made of a known ticket.
struct Page {
    text: String,
    vector: Vec<f32>,
    answers: Vec<Reading>,
    time: Duration,
}

impl Triage {
    /// Decides about known tickets, each without its own labels; in the order of the tickets. `progress`
    /// hears of each that was read.
    ///
    /// # Errors
    /// A policy that cannot be used; fewer tickets than parts; an overloaded encoder.
    pub async fn trial(
        &self,
        policy: &Policy,
        tickets: &[KnownTicket],
        request: TrialRequest,
        caller: &Caller,
        progress: impl Fn(usize),
    ) -> Result<Vec<Tried>, TriageError> {
        policy.check()?;
        if request.folds == 1 || request.folds > tickets.len() {
            let reason = format!("is {}; it takes 2 to the number of tickets, or 0", request.folds);
            return Err(TriageError::Invalid { name: "folds", reason });
        }
        let reader = self.reader(request.effort).await?;
        let mut pages = Vec::with_capacity(tickets.len());
        for (at, ticket) in tickets.iter().enumerate() {
            let start = Instant::now();
            let text = text_of(&ticket.subject, &ticket.body);
            let vector = reader.encode(vec![text.clone()], caller).await?.pop();
            let answers = reader.question(&text, caller).await?;
            let (vector, time) = (vector.unwrap_or_default(), start.elapsed());
            pages.push(Page { text, vector, answers, time });
            progress(at + 1);
        }
        let phrases = phrases(policy);
        let texts = phrases.iter().map(|phrase| phrase.text.clone()).collect();
        let phrase_vectors = self.encode(&reader, texts, caller).await?;
        let common = self.common(&reader, caller).await?.to_vec();
        let material = Material {
            policy: policy.clone(),
            created: OffsetDateTime::UNIX_EPOCH,
            version: 0,
            learnt: 0,
            phrases,
            phrase_vectors,
            common,
            examples: Vec::new(),
            vectors: Vec::new(),
            answers: reader.questions().into_iter().map(|name| (name, Vec::new())).collect(),
        };
        let models = reader.names();
        let (pages, known) = (Arc::new(pages), tickets.to_vec());
        let work = move || try_all(&material, &pages, &known, request.folds, &models);
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}

fn try_all(
    material: &Material,
    pages: &[Page],
    tickets: &[KnownTicket],
    folds: usize,
    models: &[String],
) -> Vec<Tried> {
    let parts = parts(tickets, folds);
    let mut tried: Vec<Option<Tried>> = tickets.iter().map(|_| None).collect();
    for part in 0..folds.max(1) {
        let others: Vec<usize> =
            (0..tickets.len()).filter(|at| folds > 0 && parts[*at] != part).collect();
        let mind = Mind::of(with(material, pages, tickets, &others));
        let with_generator = pages.iter().any(|page| !page.answers.is_empty());
        let (bar, from) = (bar(&mind, with_generator, None), alert_from(&mind, with_generator));
        for (at, ticket) in tickets.iter().enumerate().filter(|(at, _)| parts[*at] == part) {
            let (start, page) = (Instant::now(), &pages[at]);
            let read = Read { text: &page.text, vector: &page.vector, answers: &page.answers };
            let rules = spelt(&mind.policy.rules, &page.text);
            let found = Found { rules, alert_from: from, models: models.to_vec() };
            let (decision, proposed) = decide(&mind, &read, found, bar);
            tried[at] = Some(Tried {
                id: ticket.id.clone(),
                decision,
                proposed,
                right: ticket.labels.clone(),
                time: page.time + start.elapsed(),
            });
        }
    }
    tried.into_iter().flatten().collect()
}

/// Which part each ticket is in: every category is spread over the parts.
fn parts(tickets: &[KnownTicket], folds: usize) -> Vec<usize> {
    let mut seen: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut parts = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        let seen = seen.entry(ticket.labels.category.as_deref()).or_default();
        *seen += 1;
        parts.push(*seen % folds.max(1));
    }
    parts
}

/// The material with some of the tickets as examples.
fn with(
    material: &Material,
    pages: &[Page],
    tickets: &[KnownTicket],
    chosen: &[usize],
) -> Material {
    let example = |at: &usize| ExampleRecord {
        id: TriageExampleId::new(tickets[*at].id.clone()),
        ticket: None,
        labels: tickets[*at].labels.clone(),
        source: ExampleSource::Imported,
        created: OffsetDateTime::UNIX_EPOCH,
        created_by: String::new(),
        text: pages[*at].text.clone(),
    };
    let answer = |name: &String, at: &usize| {
        let found = pages[*at].answers.iter().find(|answer| answer.reader == *name);
        found.map(|answer| answer.vector.clone())
    };
    let answers = material
        .answers
        .iter()
        .map(|(name, _)| (name.clone(), chosen.iter().map(|at| answer(name, at)).collect()));
    Material {
        policy: material.policy.clone(),
        phrases: material.phrases.clone(),
        phrase_vectors: material.phrase_vectors.clone(),
        common: material.common.clone(),
        examples: chosen.iter().map(example).collect(),
        vectors: chosen.iter().map(|at| pages[*at].vector.clone()).collect(),
        answers: answers.collect(),
        created: material.created,
        version: material.version,
        learnt: material.learnt,
    }
}
