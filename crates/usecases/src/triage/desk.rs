//! Takes tickets in: reads, decides, files; and learns from what people say of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use intramuros_engine::{Caller, EmbedEngine, Encoders, EngineError, TextModels};
use intramuros_ledger::{
    FiledTicket, Ledger, NewTicket, Reading, Settlement, ThresholdRecord, TicketLabels,
    TicketRecord, TicketRoute,
};
use intramuros_types::{Fault, TicketId, TriagePolicyId};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as AsyncMutex;

use super::decide::{Bar, Found, alert_from, bar, decide};
use super::extract::{by_generator, by_pattern, wanted_of};
use super::mind::{Mind, Read};
use super::outbreak::{LOOK_AT, LOOK_BACK, look};
use super::reader::Reader;
use super::rules::spelt;
use super::{Decision, Extracted, Mode, Policy, TriageError, Wanted, alarm, review, text_of};

/// What triage works with.
pub struct TriageParts {
    /// Policies, tickets, examples.
    pub ledger: Ledger,
    /// The encoders, of which the default one reads tickets.
    pub encoders: Encoders,
    /// The generators, of which the default one reads tickets.
    pub text: TextModels,
}

/// Sorts tickets. Clones share everything.
#[derive(Clone)]
pub struct Triage {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) encoders: Encoders,
    pub(super) text: TextModels,
    /// What is known for each policy, and how long it took to make up. Held for a look only.
    pub(super) minds: Mutex<HashMap<TriagePolicyId, Arc<Mind>>>,
    /// One for each policy, held while its mind is made up, so that it is done once and keeps no other
    /// policy waiting.
    pub(super) making: Mutex<HashMap<TriagePolicyId, Arc<AsyncMutex<()>>>>,
    /// Vectors of the sentences that every policy shares.
    pub(super) common: AsyncMutex<Option<Arc<Vec<Vec<f32>>>>>,
}

/// How much a ticket may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Encoder and generator: the most that can be known, in a second or two on a processor.
    #[default]
    Full,
    /// The encoder alone: some hundredths of a second.
    Quick,
}

/// A ticket that comes in.
#[derive(Debug, Clone)]
pub struct TicketRequest {
    /// For whom.
    pub caller: Caller,
    /// The sender's own name for it: the same one is filed once.
    pub external_id: Option<String>,
    /// How it came: `email`, `form`, `phone`, …
    pub channel: String,
    /// Whom it came from.
    pub sender: String,
    /// Its subject.
    pub subject: String,
    /// What it says, quoted mails and signatures included.
    pub body: String,
    /// How much it may take.
    pub effort: Effort,
    /// A user or a key's family.
    pub filed_by: String,
}

/// What came of reading a ticket.
pub(super) struct Decided {
    pub(super) decision: Decision,
    pub(super) proposed: TicketLabels,
    pub(super) readings: Vec<Reading>,
    pub(super) vector: Vec<f32>,
}

impl Triage {
    /// Ties the parts together.
    pub fn new(parts: TriageParts) -> Self {
        let TriageParts { ledger, encoders, text } = parts;
        Self {
            shared: Arc::new(Shared {
                ledger,
                encoders,
                text,
                minds: Mutex::default(),
                making: Mutex::default(),
                common: AsyncMutex::new(None),
            }),
        }
    }

    /// Reads, decides and files a ticket, with what follows from it.
    ///
    /// # Errors
    /// Not found, an empty or too long field, an overloaded encoder, a failure of the ledger.
    pub async fn submit(
        &self,
        policy: &TriagePolicyId,
        request: TicketRequest,
    ) -> Result<FiledTicket, TriageError> {
        let ledger = &self.shared.ledger;
        let record = ledger.get_triage_policy(policy).await?;
        if let Some(filed) = self.same(policy, &request).await? {
            return Ok(FiledTicket::Existing(filed));
        }
        check(&request)?;
        let text = text_of(&request.subject, &request.body);
        let mind = self.mind(policy, &request.caller).await?;
        let mut decided =
            self.read((policy, &mind), &text, request.effort, &request.caller).await?;
        self.extract(&mind.policy, &request, &mut decided).await?;
        let reader = self.reader(Effort::Quick).await?;
        let now = ledger.now();
        let recent =
            ledger.recent_tickets(policy, &reader.encoding(), now - LOOK_BACK, LOOK_AT).await?;
        let category = decided.proposed.category.as_deref();
        let company =
            look(&decided.vector, category, (&recent, now), &mind.common, mind.policy.outbreaks);
        let route = route(&mind.policy, &decided);
        let alert = decided.proposed.alert == Some(true);
        let mut new = NewTicket {
            policy: policy.clone(),
            version: mind.version,
            external_id: request.external_id,
            channel: request.channel,
            sender: request.sender,
            subject: request.subject,
            body: request.body,
            confidence: confidence(&decided.decision),
            route,
            decision: serde_json::to_value(&decided.decision).unwrap_or_default(),
            proposed: decided.proposed,
            readings: decided.readings,
            duplicate_of: company.duplicate_of,
            outbreak: company.outbreak,
            alert: None,
            review: None,
            filed_by: request.filed_by,
        };
        // One trouble rings once.
        if alert && !company.has_rung {
            new.alert = Some(alarm::of(&mind.policy, &new, &decided.decision, now));
        }
        if route != TicketRoute::Auto {
            new.review = Some(review::of(&mind.policy, &record, &new, &decided.decision));
        }
        Ok(ledger.file_ticket(new).await?)
    }

    /// Decides about a ticket without filing it.
    ///
    /// # Errors
    /// As [`Triage::submit`].
    pub async fn preview(
        &self,
        policy: &TriagePolicyId,
        request: &TicketRequest,
    ) -> Result<(Decision, TicketLabels), TriageError> {
        check(request)?;
        let text = text_of(&request.subject, &request.body);
        let mind = self.mind(policy, &request.caller).await?;
        let mut decided =
            self.read((policy, &mind), &text, request.effort, &request.caller).await?;
        self.extract(&mind.policy, request, &mut decided).await?;
        Ok((decided.decision, decided.proposed))
    }

    /// Writes down what is right about a ticket, which counts from the next one on.
    ///
    /// # Errors
    /// Not found, a label that the policy does not have, an erased ticket, a failure of the ledger.
    pub async fn settle(
        &self,
        policy: &TriagePolicyId,
        id: &TicketId,
        labels: TicketLabels,
        by: &str,
    ) -> Result<TicketRecord, TriageError> {
        self.settle_as((policy, id), labels, by, false).await
    }

    /// Settles a ticket, by the decision of its review or beside it.
    pub(super) async fn settle_as(
        &self,
        (policy, id): (&TriagePolicyId, &TicketId),
        labels: TicketLabels,
        by: &str,
        of_review: bool,
    ) -> Result<TicketRecord, TriageError> {
        let ledger = &self.shared.ledger;
        let (config, _) = self.policy(policy).await?;
        check_labels(&config, &labels)?;
        let ticket = ledger.get_ticket(policy, id).await?;
        let text = text_of(&ticket.summary.subject, &ticket.body);
        let settlement = Settlement { labels, text: Some(text), by: by.to_owned(), of_review };
        Ok(ledger.settle_ticket(policy, id, &settlement).await?)
    }

    /// A policy with its version, as it is in force.
    ///
    /// # Errors
    /// Not found, one that cannot be read, a failure of the ledger.
    pub async fn policy(&self, id: &TriagePolicyId) -> Result<(Policy, u32), TriageError> {
        let version = self.shared.ledger.triage_version(id, None).await?;
        let policy = serde_json::from_value(version.config).map_err(|error| {
            TriageError::Unreadable { id: id.to_string(), reason: error.to_string() }
        })?;
        Ok((policy, version.version))
    }

    /// The models that read tickets: the encoder, and the generator where there is one.
    pub fn models(&self) -> (String, Option<String>) {
        let encoder = self.shared.encoders.default_encoder().info().id.to_string();
        (encoder, self.shared.text.default_model().map(ToString::to_string))
    }

    /// What the models make of a text, and what follows from it.
    pub(super) async fn read(
        &self,
        (policy, mind): (&TriagePolicyId, &Arc<Mind>),
        text: &str,
        effort: Effort,
        caller: &Caller,
    ) -> Result<Decided, TriageError> {
        let reader = self.reader(effort).await?;
        let mut vectors = reader.encode(vec![text.to_owned()], caller).await?;
        let vector = vectors.pop().unwrap_or_default();
        let answers = match reader.question(text, caller).await {
            Ok(answers) => answers,
            // The encoder alone decides rather than nobody.
            Err(error) if matches!(error.fault(), Fault::Capacity | Fault::Runtime) => {
                tracing::warn!(%error, "a ticket is decided without the generator");
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        let mut models = reader.names();
        models.truncate(if answers.is_empty() { 1 } else { models.len() });
        let accepted = self.accepted(policy, &mind.policy, !answers.is_empty()).await?;
        let (mind, text) = (mind.clone(), text.to_owned());
        let (of_text, answers_of) = (vector.clone(), answers.clone());
        let judged = move || {
            let read = Read { text: &text, vector: &of_text, answers: &answers_of };
            let asked = !read.answers.is_empty();
            let found = Found {
                rules: spelt(&mind.policy.rules, &text),
                alert_from: alert_from(&mind, asked),
                models,
            };
            let bar: Bar = bar(&mind, asked, accepted);
            decide(&mind, &read, found, bar)
        };
        let (decision, proposed) = tokio::task::spawn_blocking(judged).await?;
        let mut readings = answers;
        readings.push(Reading { reader: reader.encoding(), vector: vector.clone() });
        Ok(Decided { decision, proposed, readings, vector })
    }

    /// Takes from a ticket what the policy wants to have of it.
    async fn extract(
        &self,
        policy: &Policy,
        request: &TicketRequest,
        decided: &mut Decided,
    ) -> Result<(), TriageError> {
        let wanted = wanted_of(&policy.extract, decided.proposed.category.as_deref());
        if wanted.is_empty() {
            return Ok(());
        }
        let text = format!("{}\n{}", request.subject, request.body);
        let mut found = by_pattern(&wanted, &text);
        let has = |found: &[Extracted], name: &str| found.iter().any(|one| one.name == name);
        let left: Vec<&Wanted> =
            wanted.iter().copied().filter(|one| !has(&found, &one.name)).collect();
        if let Some(generator) = self.reader(request.effort).await?.generator {
            match by_generator(&generator, &left, &text, &request.caller).await {
                Ok(more) => found.extend(more),
                // What patterns found is there, and the rest is told to be missing.
                Err(error) if matches!(error.fault(), Fault::Capacity | Fault::Runtime) => {
                    tracing::warn!(%error, "patterns alone look for what a ticket says");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let decision = &mut decided.decision;
        let lacks = |one: &&&Wanted| one.required && !has(&found, &one.name);
        decision.missing = wanted.iter().filter(lacks).map(|one| one.name.clone()).collect();
        if !decision.missing.is_empty() {
            let missing = decision.missing.join(", ");
            let lacks = policy
                .language
                .pick(format!(" Il manque : {missing}."), format!(" Missing: {missing}."));
            decision.reason.push_str(&lacks);
        }
        // In the order of the policy.
        decision.extracted = wanted
            .iter()
            .filter_map(|one| found.iter().find(|found| found.name == one.name).cloned())
            .collect();
        Ok(())
    }

    /// The threshold that somebody accepted for a policy from a pilot that decided as it is decided
    /// now, with the generator or without.
    pub(super) async fn accepted(
        &self,
        id: &TriagePolicyId,
        policy: &Policy,
        with_generator: bool,
    ) -> Result<Option<f64>, TriageError> {
        let found = self.shared.ledger.active_threshold("triage", id.as_str()).await?;
        // Other categories than those that were measured keep no promise.
        let measured = |one: &ThresholdRecord| {
            one.promise.get("categories").and_then(|one| one.as_str())
                == Some(policy.fingerprint().as_str())
        };
        let found = found.filter(measured);
        let fits = |with: Option<&serde_json::Value>| with.and_then(|one| one.as_bool());
        let found = found.filter(|one| fits(one.promise.get("generator")) == Some(with_generator));
        Ok(found.map(|found| found.threshold))
    }

    /// Removes a policy with all that is its, and what was learnt for it.
    ///
    /// # Errors
    /// Not found, a failure of the ledger.
    pub async fn delete_policy(&self, id: &TriagePolicyId) -> Result<(), TriageError> {
        self.shared.ledger.delete_triage_policy(id).await?;
        self.forget_mind(id);
        Ok(())
    }

    /// Forgets what was made up for every policy: another generator reads from now on.
    pub fn forget_all(&self) {
        self.shared.minds.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The models that read.
    pub(super) async fn reader(&self, effort: Effort) -> Result<Reader, TriageError> {
        let encoder: EmbedEngine = self.shared.encoders.default_encoder().clone();
        let generator = match (effort, self.shared.text.default_model()) {
            (Effort::Full, Some(model)) => match self.shared.text.get(model.as_str()).await {
                Ok(engine) => Some(engine),
                Err(EngineError::Stopped) => return Err(EngineError::Stopped.into()),
                Err(error) => {
                    tracing::warn!(%error, "tickets are decided without the generator");
                    None
                }
            },
            (Effort::Full, None) | (Effort::Quick, _) => None,
        };
        Ok(Reader { encoder, generator })
    }

    async fn same(
        &self,
        policy: &TriagePolicyId,
        request: &TicketRequest,
    ) -> Result<Option<TicketRecord>, TriageError> {
        let Some(name) = &request.external_id else { return Ok(None) };
        let page = intramuros_ledger::TicketPage {
            external_id: Some(name.clone()),
            limit: 1,
            ..Default::default()
        };
        let (found, _) = self.shared.ledger.list_tickets(policy, &page).await?;
        let Some(found) = found.first() else { return Ok(None) };
        Ok(Some(self.shared.ledger.get_ticket(policy, &found.id).await?))
    }
}

fn check(request: &TicketRequest) -> Result<(), TriageError> {
    if request.subject.trim().is_empty() && request.body.trim().is_empty() {
        let reason = "is empty, and so is the subject; a ticket needs one of them".to_owned();
        return Err(TriageError::Invalid { name: "body", reason });
    }
    Ok(())
}

/// Refuses labels that the policy does not have.
pub(super) fn check_labels(policy: &Policy, labels: &TicketLabels) -> Result<(), TriageError> {
    for field in super::Field::ALL {
        if let Some(label) = super::mind::of(labels, field)
            && policy.position(field, label).is_none()
        {
            let known: Vec<&str> =
                policy.choices(field).iter().map(|choice| choice.name.as_str()).collect();
            let reason = match known.as_slice() {
                [] => format!("is '{label}', and the policy decides no {}", field.as_str()),
                _ => format!("is '{label}'; it takes one of: {}", known.join(", ")),
            };
            return Err(TriageError::Invalid { name: field.as_str(), reason });
        }
    }
    Ok(())
}

fn route(policy: &Policy, decided: &Decided) -> TicketRoute {
    match (policy.mode(decided.proposed.category.as_deref()), decided.decision.doubt) {
        (Mode::Shadow, _) => TicketRoute::Shadow,
        (_, None) => TicketRoute::Auto,
        (_, Some(_)) => TicketRoute::Dispatcher,
    }
}

/// The least probability of its fields.
fn confidence(decision: &Decision) -> Option<f64> {
    let all = decision.fields.iter().map(|field| f64::from(field.probability));
    all.reduce(f64::min)
}
