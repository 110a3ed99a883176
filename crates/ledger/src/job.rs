//! Describes jobs: work that outlives the request that asked for it, and the process.
//!
//! A job is run under a lease, which one attempt holds and renews. Whatever an attempt writes is
//! written only while its lease holds, so that an attempt that was given up for dead cannot apply
//! anything a second time.

use std::time::Duration;

use intramuros_types::{JobId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::FailureReason;

mod control;
mod counts;
mod ending;
mod ingest;
mod items;
mod lease;
mod records;
mod schedules;

pub(crate) use control::{Cancelled, cancel_jobs};
pub(crate) use ending::finish;
pub(crate) use ingest::{queue_ingest, queue_waiting, reindex_job};
pub(crate) use lease::holds;
pub(crate) use records::{enqueue, job, priority};

/// The kind of the jobs that make documents searchable; the documents are their items.
pub const INGEST: &str = "ingest";
/// The kind of the jobs that make an index anew; its placements are their items.
pub const REINDEX: &str = "reindex";
/// The kind of the jobs that learn from test questions.
pub const CALIBRATE: &str = "calibrate";

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which code runs it: lower-case letters, digits, `-`, `_` and `.`.
    pub kind: String,
    /// What people read, up to 200 characters. No content of documents.
    pub title: String,
    /// The knowledge base that it is about; it is deleted with that.
    pub knowledge_base: Option<KnowledgeBaseId>,
    /// Its place among those that wait.
    pub priority: JobPriority,
    /// What the kind wants to know, up to 256 KiB of JSON.
    pub params: Value,
    /// Who asked: a key, a user, `server`; up to 100 characters.
    pub created_by: String,
    /// Not to be begun before.
    pub not_before: Option<OffsetDateTime>,
    /// Attempts without getting on after which it has failed; `None` without end.
    pub max_attempts: Option<u32>,
    /// At most one unfinished job of a kind has a key; up to 300 characters.
    pub unique_key: Option<String>,
}

impl NewJob {
    /// A job of normal priority, to be begun at once, with three attempts.
    pub fn new(kind: &str, title: impl Into<String>, params: Value) -> Self {
        Self {
            kind: kind.to_owned(),
            title: title.into(),
            knowledge_base: None,
            priority: JobPriority::Normal,
            params,
            created_by: "server".to_owned(),
            not_before: None,
            max_attempts: Some(3),
            unique_key: None,
        }
    }
}

/// One of the things that a job does.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// What it is called within its job, up to 300 characters.
    pub key: String,
    /// What the kind wants to know of it, up to 256 KiB of JSON.
    pub payload: Value,
}

/// The job that an order led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Enqueued {
    /// It is new.
    New(JobRecord),
    /// An unfinished one of the same kind and key; nothing was changed.
    Existing(JobRecord),
}

impl Enqueued {
    /// The job, whichever.
    pub fn job(self) -> JobRecord {
        match self {
            Self::New(job) | Self::Existing(job) => job,
        }
    }
}

/// A job's place among those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobPriority {
    /// Before all others.
    High,
    /// In the order of their ids.
    Normal,
    /// When nothing else waits.
    Low,
}

impl JobPriority {
    /// Every priority, in the order of their numbers in the ledger.
    pub const ALL: [JobPriority; 3] = [JobPriority::High, JobPriority::Normal, JobPriority::Low];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            JobPriority::High => "high",
            JobPriority::Normal => "normal",
            JobPriority::Low => "low",
        }
    }
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for its turn, or for another attempt.
    Queued,
    /// An attempt holds its lease.
    Running,
    /// Waits until somebody resumes it.
    Paused,
    /// Has done what it was to do, if not for all of its items.
    Done,
    /// Gave up; the reason is in the record.
    Failed,
    /// Somebody stopped it for good.
    Cancelled,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    /// Which code runs them.
    pub kind: String,
    /// The state.
    pub state: JobState,
    /// How many.
    pub jobs: u64,
}

impl JobState {
    /// Every state.
    pub const ALL: [JobState; 6] = [
        JobState::Queued,
        JobState::Running,
        JobState::Paused,
        JobState::Done,
        JobState::Failed,
        JobState::Cancelled,
    ];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Paused => "paused",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether it will not change any more by itself.
    pub fn is_finished(self) -> bool {
        matches!(self, JobState::Done | JobState::Failed | JobState::Cancelled)
    }
}

/// What people want of a job that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobWish {
    /// That it goes on.
    Run,
    /// That it stops until it is resumed.
    Pause,
    /// That it stops for good.
    Cancel,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// How much there is; `None` while that is unknown.
    pub total: Option<u64>,
    /// How much of it is done.
    pub done: u64,
    /// How much of it failed for good.
    pub failed: u64,
}

/// A job as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// `job_` and a UUID v7, so that ids sort by time.
    pub id: JobId,
    /// Which code runs it.
    pub kind: String,
    /// What people read.
    pub title: String,
    /// The knowledge base that it is about.
    pub knowledge_base: Option<KnowledgeBaseId>,
    /// Its place among those that wait.
    pub priority: JobPriority,
    /// Where it is in its life.
    pub state: JobState,
    /// What people want of it.
    pub wanted: JobWish,
    /// What the kind wants to know.
    pub params: Value,
    /// When it was asked for.
    pub created: OffsetDateTime,
    /// Who asked.
    pub created_by: String,
    /// Not to be begun before, where that is still to come.
    pub not_before: Option<OffsetDateTime>,
    /// When it was begun first.
    pub started: Option<OffsetDateTime>,
    /// When it ended.
    pub finished: Option<OffsetDateTime>,
    /// Attempts since it last got on, the one that runs included.
    pub attempts: u32,
    /// How many it may have.
    pub max_attempts: Option<u32>,
    /// How far it is.
    pub progress: JobProgress,
    /// How long it will take at the pace of this attempt; `None` while that is unknown.
    pub remaining: Option<Duration>,
    /// Why it failed, or why the last attempt did.
    pub failure: Option<FailureReason>,
    /// The schedule that began it.
    pub schedule: Option<String>,
    /// What it is the only unfinished one of.
    pub unique_key: Option<String>,
}

/// The right of one attempt to work on a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The attempt; no two are called alike.
    pub owner: String,
}

/// What is wanted of a job whose lease holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedJob {
    /// The lease.
    pub lease: Lease,
    /// What people want.
    pub wanted: JobWish,
    /// Its place among others.
    pub priority: JobPriority,
}

/// Where an item is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemState {
    /// Waits for its turn, or for another attempt.
    Pending,
    /// Is in work.
    Running,
    /// Is done; its result is in the record.
    Done,
    /// Failed for good; the reason is in the record.
    Failed,
}

impl ItemState {
    /// Every state.
    pub const ALL: [ItemState; 4] =
        [ItemState::Pending, ItemState::Running, ItemState::Done, ItemState::Failed];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            ItemState::Pending => "pending",
            ItemState::Running => "running",
            ItemState::Done => "done",
            ItemState::Failed => "failed",
        }
    }
}

/// One of the things that a job does, as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobItem {
    /// Its place in the job, from 0.
    pub ordinal: u64,
    /// What it is called.
    pub key: String,
    /// What the kind wants to know of it.
    pub payload: Value,
    /// Where it is in its life.
    pub state: ItemState,
    /// How often it was begun, without those that ended with their process.
    pub attempts: u32,
    /// Not to be begun before, where that is still to come.
    pub not_before: Option<OffsetDateTime>,
    /// What came of it.
    pub result: Option<Value>,
    /// Why it failed, or why the last attempt did.
    pub failure: Option<FailureReason>,
}

/// A part of the list of jobs to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobPage {
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Continue after this job.
    pub after: Option<JobId>,
    /// The most jobs to return, 1 to [`JobPage::MAX_LIMIT`].
    pub limit: u32,
}

impl JobPage {
    /// The most jobs or items that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// What begins by the clock.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    /// What it is called; also the unique key of its jobs, so that none runs beside another.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// The title of its jobs.
    pub title: String,
    /// The parameters of its jobs.
    pub params: Value,
    /// The priority of its jobs.
    pub priority: JobPriority,
    /// The attempts of its jobs.
    pub max_attempts: Option<u32>,
    /// When it runs; the ledger compares it and does not read it.
    pub cron: String,
    /// The first run, for one that is new or whose `cron` is another one.
    pub next_run: OffsetDateTime,
}

/// A schedule as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleRecord {
    /// What it is called.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// The title of its jobs.
    pub title: String,
    /// When it runs.
    pub cron: String,
    /// When it runs next.
    pub next_run: OffsetDateTime,
    /// When it ran last.
    pub last_run: Option<OffsetDateTime>,
    /// The job of that run.
    pub last_job: Option<JobId>,
}

#[cfg(test)]
mod tests;
