//! Removes what was kept long enough, as a job by the clock.
//!
//! Each kind of data, and each rule for documents, is an item of the job: its result says how much
//! went, and an interruption costs the work on one item, which only removes what is still there.

use std::time::Duration;

use intramuros_jobs::{Item, ItemError, ItemPolicy, JobContext, JobError};
use intramuros_ledger::{
    Enqueued, JobPriority, JobRecord, LedgerError, NewItem, NewJob, OldDocuments, RETENTION,
};
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{DataLife, DataLifeError, DocumentRule, RetentionConfig};

const ACTOR: &str = "server:retention";
/// Documents that are erased together: building indexes anew is most of what it costs.
const DOCUMENTS: u32 = 500;
/// Documents that a count without erasure names.
const NAMED: u32 = 100;
/// Between two steps: who waits for the ledger comes first.
const BREATH: Duration = Duration::from_millis(20);

/// What a job is told.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Params {
    /// Whether documents are only counted; `None`: as the settings say.
    #[serde(default)]
    dry_run: Option<bool>,
}

/// One part of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    AuditContents,
    Audit,
    Usage,
    Jobs,
    Outbox,
    Questions,
    Reviews,
    Tickets,
    Conversations,
    PilotRuns,
    PilotSets,
    Sessions,
    SignInFailures,
    Keys,
    Erasures,
    /// The rule of this number.
    Documents(usize),
    /// Last: says in the audit trail what the others did.
    Report,
}

impl Part {
    const FIXED: [(Part, &'static str); 15] = [
        (Part::AuditContents, "audit_contents"),
        (Part::Audit, "audit"),
        (Part::Usage, "usage"),
        (Part::Jobs, "jobs"),
        (Part::Outbox, "deliveries_and_mails"),
        (Part::Questions, "unanswered_questions"),
        (Part::Reviews, "reviews"),
        (Part::Tickets, "tickets"),
        (Part::Conversations, "conversations"),
        // Sets after their runs, which they wait for.
        (Part::PilotRuns, "pilot_runs"),
        (Part::PilotSets, "pilot_sets"),
        (Part::Sessions, "sessions"),
        (Part::SignInFailures, "sign_in_failures"),
        (Part::Keys, "keys"),
        (Part::Erasures, "erasures"),
    ];
}

impl DataLife {
    /// Queues a run now; the one that runs or waits is given back where there is one. `dry_run`: as
    /// the settings say when left out.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn begin_retention(
        &self,
        dry_run: Option<bool>,
        by: String,
    ) -> Result<(JobRecord, bool), DataLifeError> {
        let new = NewJob {
            priority: JobPriority::Normal,
            created_by: by,
            unique_key: Some(RETENTION.to_owned()),
            ..NewJob::new(RETENTION, RETENTION, json!(Params { dry_run }))
        };
        Ok(match self.shared.ledger.create_job(new, &[]).await? {
            Enqueued::New(job) => (job, true),
            Enqueued::Existing(job) => (job, false),
        })
    }

    /// The last job, and what came of its parts by name.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn last_retention(&self) -> Result<Option<(JobRecord, Value)>, DataLifeError> {
        let ledger = &self.shared.ledger;
        let Some(job) = ledger.newest_job(RETENTION, RETENTION).await? else { return Ok(None) };
        let items = match ledger.list_items(&job.id, None, 0, 1_000).await {
            Err(LedgerError::NotFound { .. }) => return Ok(None),
            items => items?,
        };
        let results = items.into_iter().filter_map(|item| Some((item.key, item.result?)));
        Ok(Some((job, Value::Object(results.collect::<Map<_, _>>()))))
    }

    pub(crate) async fn run_retention(&self, job: &JobContext) -> Result<(), JobError> {
        let Params { dry_run } = job.params()?;
        let dry_run = dry_run.unwrap_or(self.retention().dry_run);
        if job.items().await?.is_empty() {
            job.add_items(&items(self.retention())).await?;
        }
        let (data_life, context) = (self.clone(), job.clone());
        let work = move |item: Item<Part>| {
            let (data_life, context) = (data_life.clone(), context.clone());
            async move { data_life.part(&context, item.payload, dry_run).await }
        };
        let done = job.for_each_item(ItemPolicy::of(1), work).await?;
        self.shared.ledger.forget_removed().await;
        if done.failed > 0 {
            tracing::error!(parts = done.failed, "some of what is too old could not be removed");
        }
        Ok(())
    }

    async fn part(&self, job: &JobContext, part: Part, dry_run: bool) -> Result<Value, ItemError> {
        match part {
            Part::Documents(number) => return self.documents(job, number, dry_run).await,
            Part::Report => return self.report(job).await,
            Part::AuditContents
            | Part::Audit
            | Part::Usage
            | Part::Jobs
            | Part::Outbox
            | Part::Questions
            | Part::Reviews
            | Part::Tickets
            | Part::Conversations
            | Part::PilotRuns
            | Part::PilotSets
            | Part::Sessions
            | Part::SignInFailures
            | Part::Keys
            | Part::Erasures => {}
        }
        let mut removed = 0;
        loop {
            job.check()?;
            match self.remove_some(part).await? {
                0 => return Ok(json!({"removed": removed})),
                some => removed += some,
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Removes some of what is too old; 0 when nothing is.
    async fn remove_some(&self, part: Part) -> Result<u64, LedgerError> {
        let ledger = &self.shared.ledger;
        let config = self.retention();
        let kept = match part {
            Part::AuditContents => config.audit_contents,
            Part::Audit => config.audit,
            Part::Usage => config.usage,
            Part::Jobs => config.jobs,
            Part::Outbox => Some(config.outbox),
            Part::Questions => config.questions,
            Part::Reviews => config.reviews,
            Part::Tickets => config.tickets,
            Part::PilotRuns | Part::PilotSets => config.pilots,
            Part::Keys => config.keys,
            Part::Erasures => config.erasures,
            // What is over has no use.
            Part::Sessions => return ledger.forget_sessions().await,
            // Each assistant says how long its own are kept.
            Part::Conversations => return ledger.prune_conversations().await,
            Part::SignInFailures => return ledger.forget_sign_in_failures().await,
            Part::Documents(_) | Part::Report => None,
        };
        let Some(kept) = kept else { return Ok(0) };
        let Some(before) = moment(ledger.now(), kept) else { return Ok(0) };
        match part {
            Part::AuditContents => ledger.forget_audit_contents(before).await,
            Part::Audit => ledger.prune_audit(before, ACTOR).await,
            Part::Usage => ledger.forget_usage_day(before).await,
            Part::Jobs => ledger.forget_finished_jobs(kept).await,
            Part::Outbox => ledger.forget_outbox(ledger.now(), kept).await,
            Part::Questions => ledger.forget_old_questions(before).await,
            Part::Reviews => ledger.prune_reviews(before).await,
            Part::Tickets => ledger.prune_tickets(before).await,
            Part::PilotRuns => ledger.prune_pilot_runs(before).await,
            Part::PilotSets => ledger.prune_pilot_sets(before).await,
            Part::Keys => ledger.forget_keys(before).await,
            Part::Erasures => ledger.forget_erasures(before).await,
            Part::Sessions
            | Part::Conversations
            | Part::SignInFailures
            | Part::Documents(_)
            | Part::Report => Ok(0),
        }
    }

    async fn documents(
        &self,
        job: &JobContext,
        number: usize,
        dry_run: bool,
    ) -> Result<Value, ItemError> {
        // The settings changed since the job was begun.
        let Some(rule) = self.retention().documents.get(number) else { return Ok(json!({})) };
        let ledger = &self.shared.ledger;
        let Some(old) = old(rule, self.retention(), ledger.now()) else { return Ok(json!({})) };
        let base = &old.knowledge_base;
        let due = ledger.count_old_documents(&old).await?;
        if dry_run {
            let documents = ledger.old_documents(&old, NAMED).await?;
            let documents: Vec<String> = documents.into_iter().map(|id| id.to_string()).collect();
            return Ok(json!({"due": due, "documents": documents}));
        }
        let mut removed = 0;
        loop {
            job.check()?;
            let ids = ledger.old_documents(&old, DOCUMENTS).await?;
            if ids.is_empty() {
                break;
            }
            let erased =
                self.shared.knowledge.delete_documents(base, &ids, &Access::EVERYTHING).await;
            let missing = match erased {
                Ok(missing) => missing,
                Err(error) => return Err(ItemError::Job(error.into())),
            };
            if missing.len() == ids.len() {
                break;
            }
            removed += (ids.len() - missing.len()) as u64;
            let named: Vec<&str> = ids.iter().take(NAMED as usize).map(|id| id.as_str()).collect();
            let details = json!({"job": job.id().as_str(), "rule": rule, "documents": named,
                "document_count": ids.len()});
            self.note(ACTOR, "documents.delete", base.as_str(), details)
                .await
                .map_err(|error| ItemError::Job(error.into()))?;
        }
        Ok(json!({"removed": removed}))
    }

    async fn report(&self, job: &JobContext) -> Result<Value, ItemError> {
        let results = job.items().await?.into_iter().filter_map(|item| {
            let result = item.result.filter(|result| result["removed"] != json!(0))?;
            Some((item.key, result))
        });
        let results: Map<String, Value> = results.collect();
        tracing::info!(parts = results.len(), "what was kept long enough was removed");
        self.note(ACTOR, "retention.run", job.id().as_str(), json!({"removed": results}))
            .await
            .map_err(|error| ItemError::Job(error.into()))?;
        Ok(json!({}))
    }
}

/// The parts of a job.
fn items(config: &RetentionConfig) -> Vec<NewItem> {
    let fixed = Part::FIXED.iter().map(|(part, name)| ((*name).to_owned(), *part));
    let rules = config.documents.iter().enumerate().map(|(number, rule)| {
        let name = format!("documents {}: {}", number + 1, rule.knowledge_base);
        (name, Part::Documents(number))
    });
    let report = std::iter::once(("report".to_owned(), Part::Report));
    let all = fixed.chain(rules).chain(report);
    all.map(|(key, part)| NewItem { key, payload: json!(part) }).collect()
}

fn moment(now: OffsetDateTime, kept: Duration) -> Option<OffsetDateTime> {
    now.checked_sub(time::Duration::try_from(kept).ok()?)
}

fn old(rule: &DocumentRule, config: &RetentionConfig, now: OffsetDateTime) -> Option<OldDocuments> {
    let kept = Duration::from_secs(u64::from(rule.days) * 24 * 3600);
    let of_base =
        |(base, source): &(String, String)| (*base == rule.knowledge_base).then(|| source.clone());
    Some(OldDocuments {
        knowledge_base: KnowledgeBaseId::new(rule.knowledge_base.clone()),
        label: rule.label.clone(),
        source: rule.source.clone(),
        except_sources: config.watched.iter().filter_map(of_base).collect(),
        before: moment(now, kept)?,
        by_own_date: rule.by_own_date,
    })
}
