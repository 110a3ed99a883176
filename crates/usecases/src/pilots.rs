//! Runs pilots: gives the items of a labelled set to a job of this server, notes what came of each,
//! and makes the report.
//!
//! It knows every job that it runs; none of them knows it. Search and answers are run item by item and
//! go on after a crash where they were; triage decides each ticket with the others as examples, so it
//! reads all of them first.

use std::collections::BTreeMap;
use std::sync::Arc;

use intramuros_engine::{Encoders, TextModels};
use intramuros_jobs::JobKind;
use intramuros_knowledge::Knowledge;
use intramuros_ledger::{
    Ledger, LedgerError, NewJob, NewPilotItem, NewPilotRun, NewPilotSet, PILOT, PilotItemPage,
    PilotRunRecord, PilotSetFiled,
};
use intramuros_types::{
    Access, AssistantId, KnowledgeBaseId, PilotRunId, PilotSetId, TriagePolicyId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::chat::Chat;
use crate::pilot::{
    Format, Item, ItemResult, Job, JudgeRules, LabelledSet, Run, RunMeta, SetName, Versions,
};
use crate::triage::{Effort, Triage};

mod error;
mod execute;
mod models;
mod thresholds;

pub use error::PilotError;
pub use thresholds::AcceptRequest;

/// Results that are read at a time.
const PAGE: u32 = 5_000;

/// What pilots are run with.
pub struct PilotParts {
    /// Sets and runs.
    pub ledger: Ledger,
    /// Search and answers.
    pub knowledge: Knowledge,
    /// Assistants.
    pub chat: Chat,
    /// Tickets.
    pub triage: Triage,
    /// The encoders.
    pub encoders: Encoders,
    /// The generators.
    pub text: TextModels,
    /// The server's version.
    pub version: &'static str,
}

/// Runs pilots. Clones share everything.
#[derive(Clone)]
pub struct Pilots {
    shared: Arc<PilotParts>,
}

/// What a run of a search or a chat lacks.
const MISSING_BASE: &str = "is missing; a run of a search needs one, of a chat one or an assistant";

/// What is measured, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PilotSettings {
    /// Of search and chat: where to look.
    pub knowledge_base: Option<KnowledgeBaseId>,
    /// Of chat: the assistant that answers, by what is published of it; in place of a knowledge base.
    pub assistant: Option<AssistantId>,
    /// The generator, one that is served, in place of the default one.
    pub model: Option<String>,
    /// Of triage: the policy.
    pub policy: Option<TriagePolicyId>,
    /// Of triage: parts, each of which is decided with the others as examples; 0 for no examples.
    pub folds: usize,
    /// Of triage: how much a ticket may take.
    pub effort: Effort,
    /// Of search: a relevant document among so many first ones is right; 5 where it is 0.
    pub first: usize,
    /// Of search: whether the generator judges what was found.
    pub judged: bool,
}

/// What a run's job knows.
#[derive(Debug, Serialize, Deserialize)]
struct Params {
    run: PilotRunId,
    access: Access,
    settings: PilotSettings,
}

impl Pilots {
    /// Ties the parts together.
    pub fn new(parts: PilotParts) -> Self {
        Self { shared: Arc::new(parts) }
    }

    /// The kind of jobs that pilots have, for the runner.
    pub fn job_kinds(&self) -> Vec<Arc<dyn JobKind>> {
        vec![execute::kind(self.clone())]
    }

    /// Files a labelled set from a file.
    ///
    /// # Errors
    /// A file that is no such set, with the line; labels that the caller does not hold; a failure of
    /// the ledger.
    pub async fn create_set(
        &self,
        (name, job): (&str, Job),
        (file_name, bytes): (&str, Vec<u8>),
        labels: Vec<String>,
        access: &Access,
        by: &str,
    ) -> Result<PilotSetFiled, PilotError> {
        let format = Format::guess(file_name, &bytes);
        let read = move || LabelledSet::read(job, format, &bytes).map(|set| (set.sha256(), set));
        let (sha256, set) = tokio::task::spawn_blocking(read).await??;
        let item = |item: &Item| NewPilotItem { id: item.id.clone(), item: json!(item) };
        let new = NewPilotSet {
            name: name.to_owned(),
            job: job.as_str().to_owned(),
            sha256,
            items: set.items.iter().map(item).collect(),
            labels,
            created_by: by.to_owned(),
        };
        Ok(self.shared.ledger.create_pilot_set(new, access).await?)
    }

    /// Begins a run of a set, as a job.
    ///
    /// # Errors
    /// Not found; settings that the set's job cannot be run with; a failure of the ledger.
    pub async fn begin(
        &self,
        set: &PilotSetId,
        settings: PilotSettings,
        access: &Access,
        by: &str,
    ) -> Result<PilotRunRecord, PilotError> {
        let ledger = &self.shared.ledger;
        let record = ledger.get_pilot_set(set, access).await?;
        let job = Job::parse(&record.job).ok_or(PilotError::Unreadable { what: "job" })?;
        let versions = self.versions(job, &settings, access).await?;
        if job == Job::Triage && settings.folds > record.items as usize {
            let reason =
                format!("is {}, more than the set's {} items", settings.folds, record.items);
            return Err(PilotError::invalid("folds", reason));
        }
        let meta = RunMeta {
            job,
            set: SetName {
                name: record.name.clone(),
                sha256: record.sha256.clone(),
                items: record.items as usize,
            },
            versions,
            thresholds: BTreeMap::new(),
            settings: BTreeMap::from([("run".to_owned(), json!(settings))]),
            started: ledger.now(),
            finished: None,
            machine: String::new(),
        };
        let new = NewPilotRun {
            set: set.clone(),
            meta: serde_json::to_value(meta).unwrap_or_default(),
            knowledge_base: settings.knowledge_base.clone(),
            labels: record.labels,
            created_by: by.to_owned(),
        };
        let params = json!({"access": access, "settings": settings});
        let job = NewJob {
            created_by: by.to_owned(),
            ..NewJob::new(PILOT, format!("pilot of {}", record.name), params)
        };
        Ok(ledger.begin_pilot_run(new, Some(job), access).await?)
    }

    /// A run with the results that it has.
    ///
    /// # Errors
    /// Not found; a failure of the ledger.
    pub async fn run(&self, id: &PilotRunId, access: &Access) -> Result<Run, PilotError> {
        let ledger = &self.shared.ledger;
        let record = ledger.get_pilot_run(id, access).await?;
        let mut meta: RunMeta = serde_json::from_value(record.meta)
            .map_err(|_| PilotError::Unreadable { what: "run" })?;
        meta.finished = record.ended;
        let mut items: Vec<ItemResult> = Vec::new();
        let mut page = PilotItemPage { limit: PAGE, ..PilotItemPage::default() };
        loop {
            let results = ledger.pilot_results(id, &page, access).await?;
            let Some(last) = results.last() else { break };
            page.after = Some(last.ordinal);
            // What was erased has no result any more.
            let read = |value: Value| serde_json::from_value(value).ok();
            items.extend(results.into_iter().filter_map(|result| read(result.result)));
        }
        Ok(Run { meta, items })
    }

    /// The items of a run's set, for a report with texts.
    ///
    /// # Errors
    /// Not found; a failure of the ledger.
    pub async fn set_of(
        &self,
        run: &PilotRunId,
        access: &Access,
    ) -> Result<LabelledSet, PilotError> {
        let ledger = &self.shared.ledger;
        let record = ledger.get_pilot_run(run, access).await?;
        let job = Job::parse(&record.job).ok_or(PilotError::Unreadable { what: "job" })?;
        let mut items: Vec<Item> = Vec::new();
        let mut page = PilotItemPage { limit: PAGE, ..PilotItemPage::default() };
        loop {
            let some = ledger.pilot_set_items(&record.set, &page, access).await?;
            let Some(last) = some.last() else { break };
            page.after = Some(last.ordinal);
            items.extend(some.into_iter().filter_map(|one| serde_json::from_value(one.item).ok()));
        }
        Ok(LabelledSet { job, items })
    }

    /// What a run is run with, and whether its settings fit its job.
    async fn versions(
        &self,
        job: Job,
        settings: &PilotSettings,
        access: &Access,
    ) -> Result<Versions, PilotError> {
        let ledger = &self.shared.ledger;
        let models = self.shared.triage.models();
        let generator = match &settings.model {
            // One that is not served is told now and not in an hour.
            Some(model) => {
                self.shared.text.with_default(model)?;
                Some(model.clone())
            }
            None => models.1,
        };
        let mut versions = Versions {
            server: self.shared.version.to_owned(),
            generator,
            encoder: Some(models.0),
            reranker: None,
            index: None,
            prompt: None,
        };
        match job {
            Job::Chat if settings.assistant.is_some() => {
                self.of_assistant(settings, access, &mut versions).await?;
            }
            Job::Search | Job::Chat => {
                let base = settings.knowledge_base.as_ref();
                let base =
                    base.ok_or_else(|| PilotError::invalid("knowledge_base", MISSING_BASE))?;
                let index = ledger.active_index(base).await?;
                versions.encoder = Some(index.embedding_model.to_string());
                versions.index = Some(format!("{base}, index {}", index.generation));
            }
            Job::Triage => {
                let policy = settings.policy.as_ref();
                let policy = policy.ok_or_else(|| PilotError::invalid("policy", "is missing"))?;
                let record = ledger.get_triage_policy(policy).await?;
                if !access.allows(&record.labels) {
                    let id = policy.to_string();
                    return Err(LedgerError::NotFound { what: "triage policy", id }.into());
                }
                if settings.folds == 1 {
                    return Err(PilotError::invalid("folds", "is 1; it takes 0, or 2 and more"));
                }
                let (config, _) = self.shared.triage.policy(policy).await?;
                versions.prompt = Some(config.fingerprint());
                versions.index = Some(format!("policy {policy}, version {}", record.version));
                if settings.effort == Effort::Quick {
                    versions.generator = None;
                }
            }
            Job::Extraction => {
                return Err(PilotError::invalid("set", "is of a job that cannot be run yet"));
            }
        }
        Ok(versions)
    }
}

impl Pilots {
    /// What an assistant answers with.
    async fn of_assistant(
        &self,
        settings: &PilotSettings,
        access: &Access,
        versions: &mut Versions,
    ) -> Result<(), PilotError> {
        let ledger = &self.shared.ledger;
        let Some(id) = &settings.assistant else { return Ok(()) };
        if settings.knowledge_base.is_some() {
            let reason = "is given beside 'assistant', which has its own; leave one out";
            return Err(PilotError::invalid("knowledge_base", reason));
        }
        let assistant = ledger.get_assistant(id).await?.summary;
        let (_, version) = ledger.published_assistant(&assistant.slug).await?;
        let config = self.shared.chat.check(&version.config).await?;
        // What it may read is read with its answers.
        if !access.holds(&config.labels) {
            let reason = "reads labels that you do not hold";
            return Err(PilotError::invalid("assistant", reason));
        }
        let mut indexes = Vec::new();
        for base in config.knowledge_bases.iter().map(KnowledgeBaseId::new) {
            let index = ledger.active_index(&base).await?;
            versions.encoder = Some(index.embedding_model.to_string());
            indexes.push(format!("{base}, index {}", index.generation));
        }
        versions.index = Some(indexes.join("; "));
        versions.prompt = Some(format!("{id}, version {}", version.number));
        Ok(())
    }
}

/// How items are judged.
fn rules(settings: &PilotSettings) -> JudgeRules {
    let default = JudgeRules::default();
    if settings.first == 0 { default } else { JudgeRules { first: settings.first } }
}

/// A moment's distance in milliseconds.
fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
