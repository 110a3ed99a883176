//! Takes tickets in: reads, decides, files; and learns from what people say of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use intramuros_engine::{Caller, EmbedEngine, Encoders, EngineError, TextModels};
use intramuros_ledger::{
    ExampleRecord, FiledTicket, Ledger, NewTicket, Reading, Settlement, TicketLabels, TicketRecord,
    TicketRoute, TriagePolicyRecord,
};
use intramuros_types::{Fault, TicketId, TriageExampleId, TriagePolicyId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::decide::{Bar, Found, alert_from, bar, decide};
use super::mind::{Material, Mind, Read};
use super::outbreak::{LOOK_AT, LOOK_BACK, look};
use super::phrases::phrases;
use super::reader::Reader;
use super::reading::READ_BY_GENERATOR;
use super::rules::spelt;
use super::{Decision, Mode, Policy, TriageError, alarm, common, review, text_of};

/// Examples that a ticket waits for to be read by the encoder; beyond, a job reads them.
const INLINE: u32 = 256;
/// How long a ticket waits for the latest examples to be learnt from.
const PATIENCE: Duration = Duration::from_secs(2);
/// Texts that the encoder is given at once.
const BATCH: usize = 64;

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
    encoders: Encoders,
    text: TextModels,
    /// What is known for each policy, and how long it took to make up. Held for a look only.
    minds: Mutex<HashMap<TriagePolicyId, (Arc<Mind>, Duration)>>,
    /// One for each policy, held while its mind is made up, so that it is done once and keeps no other
    /// policy waiting.
    making: Mutex<HashMap<TriagePolicyId, Arc<AsyncMutex<()>>>>,
    /// Vectors of the sentences that every policy shares.
    common: AsyncMutex<Option<Arc<Vec<Vec<f32>>>>>,
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

/// What is known for a policy.
enum Known {
    /// With all examples.
    Current(Arc<Mind>),
    /// Without the latest: learning from all takes longer than a ticket waits.
    Last(Arc<Mind>),
    /// Nothing, or what is made up anew in no time.
    Nothing,
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
        let decided = self.read((policy, &mind), &text, request.effort, &request.caller).await?;
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
        let decided = self.read((policy, &mind), &text, request.effort, &request.caller).await?;
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
        let ledger = &self.shared.ledger;
        let (config, _) = self.policy(policy).await?;
        check_labels(&config, &labels)?;
        let ticket = ledger.get_ticket(policy, id).await?;
        let text = text_of(&ticket.summary.subject, &ticket.body);
        let settlement = Settlement { labels, text: Some(text), by: by.to_owned() };
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
        let accepted = self.accepted(policy, !answers.is_empty()).await?;
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

    /// The threshold that somebody accepted for a policy from a pilot that decided as it is decided
    /// now, with the generator or without.
    pub(super) async fn accepted(
        &self,
        policy: &TriagePolicyId,
        with_generator: bool,
    ) -> Result<Option<f64>, TriageError> {
        let found = self.shared.ledger.active_threshold("triage", policy.as_str()).await?;
        let fits = |with: Option<&serde_json::Value>| with.and_then(|one| one.as_bool());
        let found = found.filter(|one| fits(one.promise.get("generator")) == Some(with_generator));
        Ok(found.map(|found| found.threshold))
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

    /// What is known for a policy now.
    pub(super) async fn mind(
        &self,
        id: &TriagePolicyId,
        caller: &Caller,
    ) -> Result<Arc<Mind>, TriageError> {
        let record = self.shared.ledger.get_triage_policy(id).await?;
        let making = self.making(id);
        match self.known(id, &record) {
            Known::Current(mind) => return Ok(mind),
            Known::Last(mind) => {
                if let Ok(making) = making.try_lock_owned() {
                    self.make_later(id, making);
                }
                return Ok(mind);
            }
            Known::Nothing => {}
        }
        let _making = making.lock().await;
        let record = self.shared.ledger.get_triage_policy(id).await?;
        match self.known(id, &record) {
            Known::Current(mind) | Known::Last(mind) => Ok(mind),
            Known::Nothing => self.make(id, caller).await,
        }
    }

    fn making(&self, id: &TriagePolicyId) -> Arc<AsyncMutex<()>> {
        let mut making = self.shared.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.entry(id.clone()).or_default().clone()
    }

    async fn make(&self, id: &TriagePolicyId, caller: &Caller) -> Result<Arc<Mind>, TriageError> {
        let material = self.material(id, caller).await?;
        self.read_later(id).await?;
        let start = Instant::now();
        let mind = Arc::new(tokio::task::spawn_blocking(move || Mind::of(material)).await?);
        let mut minds = self.shared.minds.lock().unwrap_or_else(PoisonError::into_inner);
        minds.insert(id.clone(), (mind.clone(), start.elapsed()));
        Ok(mind)
    }

    /// Makes up a mind while tickets are decided by the last one.
    fn make_later(&self, id: &TriagePolicyId, making: OwnedMutexGuard<()>) {
        let (triage, id) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let _making = making;
            if let Err(error) = triage.make(&id, &Caller::server("triage")).await {
                tracing::warn!(%error, policy = id.as_str(), "triage goes on with what it knew");
            }
        });
    }

    fn known(&self, id: &TriagePolicyId, record: &TriagePolicyRecord) -> Known {
        let minds = self.shared.minds.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((mind, took)) = minds.get(id).filter(|(mind, _)| mind.version == record.version)
        else {
            return Known::Nothing;
        };
        if mind.learnt == record.learnt {
            Known::Current(mind.clone())
        } else if *took > PATIENCE {
            Known::Last(mind.clone())
        } else {
            Known::Nothing
        }
    }

    /// Makes the next ticket make up a mind anew: models have read more.
    pub(super) fn forget_mind(&self, id: &TriagePolicyId) {
        self.shared.minds.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// All that a mind is made of; texts that the encoder has not read are read.
    async fn material(
        &self,
        id: &TriagePolicyId,
        caller: &Caller,
    ) -> Result<Material, TriageError> {
        let ledger = &self.shared.ledger;
        let (policy, version) = self.policy(id).await?;
        let reader = self.reader(Effort::Full).await?;
        let phrases = phrases(&policy);
        let texts = phrases.iter().map(|phrase| phrase.text.clone()).collect();
        let phrase_vectors = self.encode(&reader, texts, caller).await?;
        let common = self.common(&reader, caller).await?;
        self.read_examples(id, &reader, caller).await?;
        let (record, mut examples) = ledger.triage_examples(id).await?;
        let mut known = ledger.triage_readings(id, &reader.encoding()).await?;
        // Those that came meanwhile are left to the next mind.
        examples.retain(|example| known.contains_key(&example.id));
        let vectors = examples.iter().filter_map(|example| known.remove(&example.id)).collect();
        let mut answers = Vec::new();
        let old = examples.len().saturating_sub(READ_BY_GENERATOR as usize);
        for question in reader.questions() {
            let mut read = ledger.triage_readings(id, &question).await?;
            let newest = |(at, example): (usize, &ExampleRecord)| {
                if at < old { None } else { read.remove(&example.id) }
            };
            let read = examples.iter().enumerate().map(newest).collect();
            answers.push((question, read));
        }
        let learnt = record.learnt;
        Ok(Material {
            policy,
            version,
            learnt,
            phrases,
            phrase_vectors,
            common: common.to_vec(),
            examples,
            vectors,
            answers,
        })
    }

    /// Lets the encoder read the examples that it has not read.
    async fn read_examples(
        &self,
        id: &TriagePolicyId,
        reader: &Reader,
        caller: &Caller,
    ) -> Result<(), TriageError> {
        let (ledger, name) = (&self.shared.ledger, reader.encoding());
        loop {
            let unread: Vec<ExampleRecord> =
                ledger.triage_unread(id, &name, u32::MAX, INLINE).await?;
            if unread.is_empty() {
                return Ok(());
            }
            let texts = unread.iter().map(|example| example.text.clone()).collect();
            let vectors = self.encode(reader, texts, caller).await?;
            let ids = unread.into_iter().map(|example| example.id);
            let read: Vec<(TriageExampleId, Vec<f32>)> = ids.zip(vectors).collect();
            ledger.keep_triage_readings(id, &name, &read).await?;
        }
    }

    pub(super) async fn encode(
        &self,
        reader: &Reader,
        texts: Vec<String>,
        caller: &Caller,
    ) -> Result<Vec<Vec<f32>>, TriageError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(reader.encode(batch.to_vec(), caller).await?);
        }
        Ok(vectors)
    }

    pub(super) async fn common(
        &self,
        reader: &Reader,
        caller: &Caller,
    ) -> Result<Arc<Vec<Vec<f32>>>, TriageError> {
        let mut common = self.shared.common.lock().await;
        if let Some(known) = &*common {
            return Ok(known.clone());
        }
        let texts = common::SENTENCES.map(str::to_owned).to_vec();
        let vectors = Arc::new(self.encode(reader, texts, caller).await?);
        *common = Some(vectors.clone());
        Ok(vectors)
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
