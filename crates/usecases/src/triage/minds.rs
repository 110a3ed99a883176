//! Keeps what is known for each policy: learns from its descriptions and examples when a ticket needs
//! it, and beside the tickets where that takes long.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use intramuros_engine::Caller;
use intramuros_ledger::{ExampleRecord, TriagePolicyRecord};
use intramuros_types::{TriageExampleId, TriagePolicyId};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::desk::{Effort, Triage};
use super::mind::{Labelled, Material, Mind};
use super::phrases::phrases;
use super::reader::Reader;
use super::reading::READ_BY_GENERATOR;
use super::{TriageError, common};

/// Examples that a ticket waits for to be read by the encoder; beyond, a job reads them.
const INLINE: u32 = 256;
/// How long a ticket waits for the latest examples to be learnt from.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of what people labelled since all was learnt from, what counts at once.
const AMENDED: u32 = 64;
/// Texts that the encoder is given at once.
const BATCH: usize = 64;

/// What is known for a policy.
enum Known {
    /// With all examples.
    Current(Arc<Mind>),
    /// Without the latest, or with them only added: learning from all takes longer than a ticket
    /// waits.
    Last(Arc<Mind>),
    /// Nothing, or what is made up anew in no time.
    Nothing,
}

impl Known {
    /// What `mind` is for a policy as it is now.
    fn of(mind: Option<&Arc<Mind>>, record: &TriagePolicyRecord) -> Self {
        let same =
            |mind: &&Arc<Mind>| (mind.created, mind.version) == (record.created, record.version);
        let Some(mind) = mind.filter(same) else { return Known::Nothing };
        if mind.learnt == record.learnt && !mind.is_amended {
            Known::Current(mind.clone())
        } else if mind.took > PATIENCE {
            Known::Last(mind.clone())
        } else {
            Known::Nothing
        }
    }
}

impl Triage {
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
                return self.amended(id, mind, record.learnt, caller).await;
            }
            Known::Nothing => {}
        }
        let _making = making.lock().await;
        let record = self.shared.ledger.get_triage_policy(id).await?;
        match self.known(id, &record) {
            Known::Current(mind) => Ok(mind),
            Known::Last(mind) => self.amended(id, mind, record.learnt, caller).await,
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
        let mind = Arc::new(tokio::task::spawn_blocking(move || Mind::of(material)).await?);
        let mut minds = self.shared.minds.lock().unwrap_or_else(PoisonError::into_inner);
        minds.insert(id.clone(), mind.clone());
        Ok(mind)
    }

    /// `mind` with what people have labelled since, so that a correction counts for the next ticket
    /// however long it takes to learn from all of them.
    async fn amended(
        &self,
        id: &TriagePolicyId,
        mind: Arc<Mind>,
        learnt: u64,
        caller: &Caller,
    ) -> Result<Arc<Mind>, TriageError> {
        if mind.learnt == learnt {
            return Ok(mind);
        }
        let reader = self.reader(Effort::Full).await?;
        let changed = self.shared.ledger.triage_changed(id, mind.newest, AMENDED).await?;
        let mut read = Vec::with_capacity(changed.len());
        for (example, answers) in changed {
            let encoding = reader.encoding();
            let vector = match answers.iter().find(|one| one.reader == encoding) {
                Some(reading) => reading.vector.clone(),
                None => self.encode(&reader, vec![example.text.clone()], caller).await?.concat(),
            };
            read.push(Labelled { example, vector, answers });
        }
        let amended = tokio::task::spawn_blocking({
            let mind = mind.clone();
            move || Arc::new(mind.amended(&read, learnt))
        })
        .await?;
        let mut minds = self.shared.minds.lock().unwrap_or_else(PoisonError::into_inner);
        // All may have been learnt from meanwhile.
        if minds.get(id).is_some_and(|known| Arc::ptr_eq(known, &mind)) {
            minds.insert(id.clone(), amended.clone());
        }
        Ok(amended)
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
        Known::of(minds.get(id), record)
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
        Ok(Material {
            policy,
            created: record.created,
            version,
            learnt: record.learnt,
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
}

#[cfg(test)]
mod tests;
