//! Describes pilots: labelled sets, what runs over them gave, the thresholds that they vouch for.
//!
//! A set is filed once for each version of its items ([`Ledger::create_pilot_set`](crate::Ledger::create_pilot_set));
//! what the items mean is its job's business, here they are JSON. A run notes each item when it is
//! done and once ([`Ledger::note_pilot_item`](crate::Ledger::note_pilot_item)), so that one that a crash
//! interrupted goes on with the items that are left.
//!
//! Who may read a run may read its set and holds one of the run's own labels, which are those of what
//! its answers may quote. Sets and runs have customers' texts: an erasure empties items and results and leaves the
//! outcomes, so that figures stay what they were.
//!
//! A threshold is in force until another one takes its place or it is taken back; then the one before
//! it is in force again. All of them are kept: who accepted what, on whose word.

use intramuros_types::{
    DocumentId, JobId, KnowledgeBaseId, ModelSwitchId, PilotRunId, PilotSetId, ThresholdId,
};
use serde_json::Value;
use time::OffsetDateTime;

use crate::FailureReason;

mod check;
mod erase;
mod notes;
mod records;
mod runs;
mod sets;
mod switches;
mod thresholds;

pub(crate) use erase::{erase_of_base, erase_of_document, forget_person};
pub(crate) use thresholds::end_thresholds;

/// The kind of the jobs that run pilots.
pub const PILOT: &str = "pilot.run";

/// An item of a new set.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPilotItem {
    /// Its own name, once in the set, up to 500 characters.
    pub id: String,
    /// What is asked and what is right: JSON that is not null, up to 1 MiB.
    pub item: Value,
}

/// A set to be filed.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPilotSet {
    /// What people call it, up to 200 characters.
    pub name: String,
    /// What it measures: a letter, then letters, digits, `_`, `.` and `-`, lower case, up to 64.
    pub job: String,
    /// SHA-256 of its items, which tells its versions apart.
    pub sha256: String,
    /// Its items, 1 to 100,000, up to 128 MiB of JSON together.
    pub items: Vec<NewPilotItem>,
    /// Who may read it, as with documents; empty for everybody.
    pub labels: Vec<String>,
    /// Who files it: a user or a key's family.
    pub created_by: String,
}

/// What a filing led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PilotSetFiled {
    /// It is new.
    New(PilotSetRecord),
    /// The same version of the same set; nothing was changed.
    Existing(PilotSetRecord),
}

impl PilotSetFiled {
    /// The set, whichever.
    pub fn set(self) -> PilotSetRecord {
        match self {
            Self::New(set) | Self::Existing(set) => set,
        }
    }
}

/// A set without its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PilotSetRecord {
    /// `pls_` and a UUID v7, so that ids sort by time.
    pub id: PilotSetId,
    /// What people call it.
    pub name: String,
    /// What it measures.
    pub job: String,
    /// SHA-256 of its items as they were filed.
    pub sha256: String,
    /// How many items it has, the erased ones among them.
    pub items: u64,
    /// How many were erased.
    pub erased: u64,
    /// Who may read it.
    pub labels: Vec<String>,
    /// Who filed it.
    pub created_by: String,
    /// When.
    pub created: OffsetDateTime,
}

/// An item as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotItem {
    /// Its place in the set, from 0.
    pub ordinal: u64,
    /// Its own name.
    pub id: String,
    /// What is asked and what is right; null once it was erased.
    pub item: Value,
}

/// A part of the list of sets to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PilotSetPage {
    /// Only those that measure this.
    pub job: Option<String>,
    /// Only versions of this one.
    pub name: Option<String>,
    /// Continue after this set.
    pub after: Option<PilotSetId>,
    /// The most sets to return, 1 to [`PilotSetPage::MAX_LIMIT`].
    pub limit: u32,
}

impl PilotSetPage {
    /// The most sets that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// How an item of a run went. Wire names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PilotOutcome {
    /// It was right.
    Right,
    /// It was given to a person.
    HandedOver,
    /// It was wrong.
    Wrong,
    /// Nothing came of it.
    Failed,
}

impl PilotOutcome {
    /// Every outcome.
    pub const ALL: [PilotOutcome; 4] =
        [PilotOutcome::Right, PilotOutcome::HandedOver, PilotOutcome::Wrong, PilotOutcome::Failed];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            PilotOutcome::Right => "right",
            PilotOutcome::HandedOver => "handed_over",
            PilotOutcome::Wrong => "wrong",
            PilotOutcome::Failed => "failed",
        }
    }

    /// The outcome of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PilotRunState {
    /// Items are being done, or wait for that.
    Running,
    /// Every item is done.
    Finished,
    /// It was given up.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl PilotRunState {
    /// Every state.
    pub const ALL: [PilotRunState; 4] = [
        PilotRunState::Running,
        PilotRunState::Finished,
        PilotRunState::Failed,
        PilotRunState::Cancelled,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            PilotRunState::Running => "running",
            PilotRunState::Finished => "finished",
            PilotRunState::Failed => "failed",
            PilotRunState::Cancelled => "cancelled",
        }
    }
}

/// A run to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPilotRun {
    /// The set.
    pub set: PilotSetId,
    /// What it is run with: models, versions, settings; up to 256 KiB of JSON that is not null.
    pub meta: Value,
    /// The knowledge base that is asked; its end erases the results.
    pub knowledge_base: Option<KnowledgeBaseId>,
    /// Who may read it beside the labels of its set: those of what its answers may quote.
    pub labels: Vec<String>,
    /// Who begins it: a user or a key's family.
    pub created_by: String,
}

/// What came of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPilotResult {
    /// Which item of the set.
    pub ordinal: u64,
    /// How it went.
    pub outcome: PilotOutcome,
    /// What was given: JSON that is not null, up to 256 KiB.
    pub result: Value,
    /// The documents that it quotes, up to 64: who erases one of them erases the result.
    pub documents: Vec<DocumentId>,
}

/// A run without its items.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotRunRecord {
    /// `plr_` and a UUID v7, so that ids sort by time.
    pub id: PilotRunId,
    /// The set.
    pub set: PilotSetId,
    /// What it measures.
    pub job: String,
    /// Where it is in its life.
    pub state: PilotRunState,
    /// The job that does it, which may be gone.
    pub job_id: Option<JobId>,
    /// The knowledge base that was asked, which may be gone.
    pub knowledge_base: Option<KnowledgeBaseId>,
    /// Its own labels.
    pub labels: Vec<String>,
    /// Who began it.
    pub created_by: String,
    /// When.
    pub created: OffsetDateTime,
    /// When it ended.
    pub ended: Option<OffsetDateTime>,
    /// Why it failed.
    pub error: Option<FailureReason>,
    /// What it is run with; null once it was erased.
    pub meta: Value,
    /// Items of the set.
    pub total: u64,
    /// Items that are done, by outcome, in the order of [`PilotOutcome::ALL`].
    pub done: [u64; 4],
    /// Results that were erased.
    pub erased: u64,
}

/// A result as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotResult {
    /// The item's place in the set.
    pub ordinal: u64,
    /// The item's own name.
    pub id: String,
    /// How it went.
    pub outcome: PilotOutcome,
    /// What was given; null once it was erased.
    pub result: Value,
}

/// A part of the list of runs to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PilotRunPage {
    /// Only those of this set.
    pub set: Option<PilotSetId>,
    /// Only those that measure this.
    pub job: Option<String>,
    /// Continue after this run.
    pub after: Option<PilotRunId>,
    /// The most runs to return, 1 to [`PilotRunPage::MAX_LIMIT`].
    pub limit: u32,
}

impl PilotRunPage {
    /// The most runs that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// A part of the results of a run, or of the items of a set, to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PilotItemPage {
    /// Only results of this outcome; of items of sets it says nothing.
    pub outcome: Option<PilotOutcome>,
    /// Continue after this place.
    pub after: Option<u64>,
    /// The most to return, 1 to [`PilotItemPage::MAX_LIMIT`].
    pub limit: u32,
}

impl PilotItemPage {
    /// The most items that one page may have.
    pub const MAX_LIMIT: u32 = 10_000;
}

/// A threshold to be put in force.
#[derive(Debug, Clone, PartialEq)]
pub struct NewThreshold {
    /// The job whose results it accepts.
    pub job: String,
    /// What of the job, such as a field or a knowledge base; empty for all of it, up to 200
    /// characters.
    pub target: String,
    /// Results at least as confident are accepted. A number.
    pub threshold: f64,
    /// What is promised: the bound, its certainty, the coverage; up to 16 KiB of JSON.
    pub promise: Value,
    /// The run that vouches for it, which is finished and of the same job.
    pub run: PilotRunId,
    /// Who accepts it: a user or a key's family.
    pub accepted_by: String,
}

/// A threshold as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdRecord {
    /// `thr_` and a UUID v7, so that ids sort by time.
    pub id: ThresholdId,
    /// The job whose results it accepts.
    pub job: String,
    /// What of the job.
    pub target: String,
    /// Results at least as confident are accepted.
    pub threshold: f64,
    /// What is promised.
    pub promise: Value,
    /// The run that vouches for it; of one that is not in force it may be gone.
    pub run: PilotRunId,
    /// The one that was in force before it.
    pub replaces: Option<ThresholdId>,
    /// Who accepted it.
    pub accepted_by: String,
    /// When.
    pub accepted: OffsetDateTime,
    /// Whether it is in force.
    pub active: bool,
    /// When it was replaced or taken back.
    pub ended: Option<OffsetDateTime>,
    /// By whom.
    pub ended_by: Option<String>,
    /// Whether it was taken back, not replaced.
    pub taken_back: bool,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelRole {
    /// It writes.
    Generator,
    /// It makes vectors of texts.
    Encoder,
    /// It orders what was found.
    Reranker,
}

impl ModelRole {
    /// Every role.
    pub const ALL: [ModelRole; 3] = [ModelRole::Generator, ModelRole::Encoder, ModelRole::Reranker];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ModelRole::Generator => "generator",
            ModelRole::Encoder => "encoder",
            ModelRole::Reranker => "reranker",
        }
    }
}

/// A model that takes another one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModelSwitch {
    /// What the models do.
    pub role: ModelRole,
    /// The one that goes, up to 200 characters.
    pub from: String,
    /// The one that comes.
    pub to: String,
    /// The run with the one that goes and the run with the one that comes, where they were compared.
    pub runs: Option<(PilotRunId, PilotRunId)>,
    /// Who switches: a user or a key's family.
    pub by: String,
}

/// A change of models as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSwitchRecord {
    /// `swi_` and a UUID v7, so that ids sort by time.
    pub id: ModelSwitchId,
    /// What the models do.
    pub role: ModelRole,
    /// The one that went.
    pub from: String,
    /// The one that came.
    pub to: String,
    /// The runs that were compared, which may be gone.
    pub runs: Option<(PilotRunId, PilotRunId)>,
    /// Who switched.
    pub by: String,
    /// When.
    pub at: OffsetDateTime,
    /// When it was undone, and by whom.
    pub rolled_back: Option<(OffsetDateTime, String)>,
}

#[cfg(test)]
mod tests;
