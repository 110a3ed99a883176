//! Describes reviews: what a use case or an application proposes and a person decides.
//!
//! A review is `open` until it is `decided` or `withdrawn`. Who works on it claims it for a time
//! ([`Ledger::claim_review`](crate::Ledger::claim_review)), so that no two people do the same one
//! unknowingly; a claim is dropped by hand or runs out, and keeps nobody from deciding afterwards,
//! because a correction must not be lost over it. What keeps decisions apart is the version, which
//! each of them names.
//!
//! With four eyes two different people give their opinion. Where they agree it is decided; where
//! they do not, a third person decides. None of the three can be one of the others, or who filed it,
//! whatever their role: else one person alone would settle what two disagreed about.
//!
//! A decision is written together with its event and the job that brings it to its use case, so that
//! none of the three is there without the others.

use std::time::Duration;

use intramuros_types::{
    Access, DocumentId, GroupId, KnowledgeBaseId, ReviewId, Span, UserId, UserRole,
};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{FailureReason, JobPriority};

mod check;
mod claims;
mod decide;
mod diff;
mod erase;
mod file;
mod list;
mod records;
mod reviewer;
mod stats;

pub(crate) use erase::{erase_of_base, erase_of_document, erase_one, forget_reviewer};
pub(crate) use file::{checked, withdraw_within};
pub use stats::{ConfidenceBand, ReviewStats, ReviewStatsFilter, ReviewerFigures, VerdictCounts};

/// The kind of the job that brings decisions about reviews of `kind` to their use case. A use case
/// runs jobs of that kind; the parameter `review` has the id.
pub fn review_job_kind(kind: &str) -> String {
    format!("review.{kind}")
}

/// Who files, sees and decides reviews: a caller as far as reviews are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer {
    /// The user who signed in or whose key it is, else the key's family.
    pub who: String,
    /// The user who signed in; `None` for a key, whoever owns it.
    pub person: Option<UserId>,
    /// The user's role; an application counts as a reviewer, or as an administrator where its key
    /// may administer.
    pub role: UserRole,
    /// The groups that they are in.
    pub teams: Vec<GroupId>,
    /// What they may read.
    pub access: Access,
}

/// Who files a review.
#[derive(Debug, Clone, Copy)]
pub enum Filer<'a> {
    /// A use case of this server, such as `extraction`, for nobody in particular.
    Server(&'a str),
    /// A caller, who can file only under labels that they hold and about what they may read.
    Caller(&'a Reviewer),
}

/// What waits for a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReview {
    /// The use case: a letter, then letters, digits, `_`, `.` and `-`, lower case, up to 64.
    pub kind: String,
    /// The filer's own name for it, up to 500 characters: while one is open, filing it again gives
    /// that one back.
    pub external_id: Option<String>,
    /// What people read in lists, up to 200 characters.
    pub title: String,
    /// What is proposed: any JSON, up to 256 KiB and 32 levels.
    pub proposal: Value,
    /// What a decided value must be like: a JSON Schema without references, up to 64 KiB.
    pub value_schema: Option<Value>,
    /// What it stands on, up to 64.
    pub evidence: Vec<Evidence>,
    /// Why a person is asked: a code of up to 64 characters and a text of up to 1,000.
    pub reason: FailureReason,
    /// How sure the machine is, 0 to 1.
    pub confidence: Option<f64>,
    /// Its place among those that wait.
    pub priority: JobPriority,
    /// When it should be decided. One that has passed is overdue at once.
    pub due: Option<OffsetDateTime>,
    /// Who may see it, as with documents; empty for every reviewer.
    pub labels: Vec<String>,
    /// Only members of this group, and administrators.
    pub team: Option<GroupId>,
    /// The least role: reviewer, operator or admin.
    pub role: UserRole,
    /// Only this user, for the first decision.
    pub assignee: Option<UserId>,
    /// Whether two people must agree.
    pub four_eyes: bool,
    /// Whether the decision becomes a job of the kind [`review_job_kind`].
    pub queues_job: bool,
}

impl NewReview {
    /// One of normal priority, for every reviewer, with nothing beside the proposal.
    pub fn new(kind: &str, title: impl Into<String>, proposal: Value) -> Self {
        Self {
            kind: kind.to_owned(),
            external_id: None,
            title: title.into(),
            proposal,
            value_schema: None,
            evidence: Vec::new(),
            reason: FailureReason { code: "review".to_owned(), text: String::new() },
            confidence: None,
            priority: JobPriority::Normal,
            due: None,
            labels: Vec::new(),
            team: None,
            role: UserRole::Reviewer,
            assignee: None,
            four_eyes: false,
            queues_job: false,
        }
    }
}

/// Something that a proposal stands on. Who may not read its document does not see the review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The knowledge base of the document.
    pub knowledge_base: Option<KnowledgeBaseId>,
    /// The document, one of that knowledge base.
    pub document: Option<DocumentId>,
    /// The page, from 1.
    pub page: Option<u32>,
    /// Where in the document's text, in characters.
    pub span: Option<Span>,
    /// What stands there, up to 4 KiB; empty once it was erased.
    pub quote: String,
}

/// What a filing led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Filed {
    /// It is new.
    New(ReviewRecord),
    /// An open one of the same filer, kind and external id; nothing was changed.
    Existing(ReviewRecord),
}

impl Filed {
    /// The review, whichever.
    pub fn review(self) -> ReviewRecord {
        match self {
            Self::New(review) | Self::Existing(review) => review,
        }
    }
}

/// Where a review is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewState {
    /// Waits for somebody.
    Open,
    /// Somebody works on it.
    Claimed,
    /// Was decided.
    Decided,
    /// Is not wanted any more.
    Withdrawn,
}

impl ReviewState {
    /// Every state.
    pub const ALL: [ReviewState; 4] =
        [ReviewState::Open, ReviewState::Claimed, ReviewState::Decided, ReviewState::Withdrawn];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ReviewState::Open => "open",
            ReviewState::Claimed => "claimed",
            ReviewState::Decided => "decided",
            ReviewState::Withdrawn => "withdrawn",
        }
    }
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is right as proposed.
    Approved,
    /// It is right once corrected.
    Corrected,
    /// It is of no use.
    Rejected,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 3] = [Verdict::Approved, Verdict::Corrected, Verdict::Rejected];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Approved => "approved",
            Verdict::Corrected => "corrected",
            Verdict::Rejected => "rejected",
        }
    }
}

/// What a person decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is right as proposed.
    Approve,
    /// This is right instead, up to 256 KiB and 32 levels.
    Correct(Value),
    /// It is of no use.
    Reject,
}

impl Decision {
    /// Its verdict.
    pub fn verdict(&self) -> Verdict {
        match self {
            Decision::Approve => Verdict::Approved,
            Decision::Correct(_) => Verdict::Corrected,
            Decision::Reject => Verdict::Rejected,
        }
    }
}

/// A decision on its way into the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDecision {
    /// The version of the review that the person saw.
    pub version: u32,
    /// What they decide.
    pub decision: Decision,
    /// What they say about it, up to 4,000 characters.
    pub comment: String,
}

/// What one person decided, as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// The review.
    pub review: ReviewId,
    /// A user, a key's family, or what is left of a user who was forgotten.
    pub reviewer: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the review was decided by it.
    pub is_final: bool,
    /// The version of the review that was seen.
    pub version: u32,
    /// When the reviewer took it up first.
    pub claimed: Option<OffsetDateTime>,
    /// When it was made.
    pub decided: OffsetDateTime,
    /// How long the reviewer had the review; unknown for who never claimed it.
    pub worked: Option<Duration>,
    /// What is right, of a correction; `None` once it was erased.
    pub value: Option<Value>,
    /// The changes from the proposal to it, RFC 6902.
    pub patch: Option<Value>,
    /// What was said about it.
    pub comment: String,
}

/// Who has a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// A user or a key's family.
    pub by: String,
    /// Since when.
    pub since: OffsetDateTime,
    /// Until when, if it is not prolonged.
    pub until: OffsetDateTime,
}

/// A review as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewSummary {
    /// `rev_` and a UUID v7, so that ids sort by time.
    pub id: ReviewId,
    /// The use case.
    pub kind: String,
    /// The filer's own name for it.
    pub external_id: Option<String>,
    /// What people read; empty once it was erased.
    pub title: String,
    /// Why a person is asked; the text is empty once it was erased.
    pub reason: FailureReason,
    /// Where it is in its life.
    pub state: ReviewState,
    /// What a decision must have seen.
    pub version: u32,
    /// Its place among those that wait.
    pub priority: JobPriority,
    /// When it should be decided.
    pub due: Option<OffsetDateTime>,
    /// Whether that has passed and it still waits.
    pub is_overdue: bool,
    /// How sure the machine is.
    pub confidence: Option<f64>,
    /// Who may see it.
    pub labels: Vec<String>,
    /// Only members of this group.
    pub team: Option<GroupId>,
    /// The least role.
    pub role: UserRole,
    /// Only this user, for the first decision.
    pub assignee: Option<UserId>,
    /// Whether two people must agree.
    pub four_eyes: bool,
    /// How many people gave their opinion.
    pub opinions: u32,
    /// Who has it now.
    pub claim: Option<Claim>,
    /// What was decided.
    pub verdict: Option<Verdict>,
    /// Who filed it: a user, a key's family, or `server:` and a use case.
    pub filed_by: String,
    /// When it was filed.
    pub created: OffsetDateTime,
    /// When it was decided or withdrawn.
    pub ended: Option<OffsetDateTime>,
    /// When its contents were erased.
    pub erased: Option<OffsetDateTime>,
}

/// A review with its contents.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewRecord {
    /// What lists show.
    pub summary: ReviewSummary,
    /// What is proposed; null once it was erased.
    pub proposal: Value,
    /// What a decided value must be like.
    pub value_schema: Option<Value>,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
    /// What people decided, in order.
    pub decisions: Vec<DecisionRecord>,
}

impl ReviewRecord {
    /// What is right according to the decision: the proposal where it was approved, the correction
    /// where it was corrected; `None` for one that was rejected, erased, or not decided.
    pub fn value(&self) -> Option<&Value> {
        let last = self.decisions.iter().find(|decision| decision.is_final)?;
        match last.verdict {
            Verdict::Approved if self.summary.erased.is_none() => Some(&self.proposal),
            Verdict::Corrected => last.value.as_ref(),
            Verdict::Approved | Verdict::Rejected => None,
        }
    }
}

/// A part of the list of reviews to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewPage {
    /// Only those in this state; `Open` leaves out those that somebody has.
    pub state: Option<ReviewState>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those of this team.
    pub team: Option<GroupId>,
    /// Only those that were decided so.
    pub verdict: Option<Verdict>,
    /// Only the filer's own ones of this name.
    pub external_id: Option<String>,
    /// Only those that the caller has, or that are assigned to them.
    pub mine: bool,
    /// Only those whose time has passed and that still wait.
    pub overdue: bool,
    /// Only those decided or withdrawn at this moment or later.
    pub ended_from: Option<OffsetDateTime>,
    /// Only those decided or withdrawn before this moment.
    pub ended_before: Option<OffsetDateTime>,
    /// Continue after this review.
    pub after: Option<ReviewId>,
    /// The most reviews to return, 1 to [`ReviewPage::MAX_LIMIT`].
    pub limit: u32,
}

impl ReviewPage {
    /// The most reviews that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// Which review to take up next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NextReview {
    /// Only one of this kind.
    pub kind: Option<String>,
    /// Only one of this team.
    pub team: Option<GroupId>,
}

/// What of an open review can be changed; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewChanges {
    /// Its place among those that wait.
    pub priority: Option<JobPriority>,
    /// When it should be decided; `Some(None)` for no time.
    pub due: Option<Option<OffsetDateTime>>,
    /// The group that it is for; `Some(None)` for all.
    pub team: Option<Option<GroupId>>,
    /// The user that it is for; `Some(None)` for all.
    pub assignee: Option<Option<UserId>>,
}

#[cfg(test)]
mod tests;
