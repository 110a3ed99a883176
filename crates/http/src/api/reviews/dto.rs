//! Shows reviews.

use intramuros_ledger::{Claim, DecisionRecord, Evidence, ReviewRecord, ReviewSummary};
use intramuros_types::{Span, UserRole};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A page of reviews, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewList {
    /// The reviews.
    pub(super) reviews: Vec<ReviewSummaryDto>,
    /// The `cursor` of the next page; null at the end.
    pub(super) next: Option<String>,
}

/// A page of reviews with their contents, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewExport {
    /// The reviews.
    pub(super) reviews: Vec<ReviewDto>,
    /// The `cursor` of the next page; null at the end.
    pub(super) next: Option<String>,
}

/// A review without its contents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewSummaryDto {
    /// `rev_…`; ids sort by time.
    id: String,
    /// The use case.
    kind: String,
    /// The filer's own name for it.
    external_id: Option<String>,
    /// What people read; empty once it was erased.
    title: String,
    /// Why a person is asked.
    reason: ReviewReasonDto,
    /// `open`, `claimed`, `decided` or `withdrawn`.
    state: &'static str,
    /// What a decision must name.
    version: u32,
    /// `high`, `normal` or `low`.
    priority: &'static str,
    /// When it should be decided.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    due: Option<OffsetDateTime>,
    /// Whether that has passed and it still waits.
    overdue: bool,
    /// How sure the machine is, 0 to 1.
    confidence: Option<f64>,
    /// Who may see it; empty for every reviewer.
    labels: Vec<String>,
    /// Only members of this group, and administrators.
    team: Option<String>,
    /// The least role.
    #[schema(value_type = String)]
    role: UserRole,
    /// Only this user, for the first decision.
    assignee: Option<String>,
    /// Whether two people must agree.
    four_eyes: bool,
    /// How many people gave their opinion.
    opinions: u32,
    /// Who has it now.
    claim: Option<ClaimDto>,
    /// `approved`, `corrected` or `rejected`, once it is decided.
    verdict: Option<&'static str>,
    /// Who filed it: a user, a key's family, or `server:` and a use case.
    filed_by: String,
    /// When it was filed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When it was decided or withdrawn.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    ended: Option<OffsetDateTime>,
    /// When its contents were erased.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    erased: Option<OffsetDateTime>,
}

/// A review.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewDto {
    #[serde(flatten)]
    summary: ReviewSummaryDto,
    /// What is proposed; null once it was erased.
    proposal: Value,
    /// What a decided value must be like.
    #[schema(value_type = Option<Object>)]
    value_schema: Option<Value>,
    /// What it stands on.
    evidence: Vec<EvidenceDto>,
    /// What people decided, in order; the last one counts.
    decisions: Vec<DecisionDto>,
    /// What is right according to the decision: the proposal, or the correction.
    value: Option<Value>,
}

/// Why a person is asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewReasonDto {
    /// A stable name.
    code: String,
    /// What people read.
    text: String,
}

/// Who has a review.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimDto {
    /// A user or a key's family.
    by: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    since: OffsetDateTime,
    /// Until when, if it is not prolonged.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    until: OffsetDateTime,
}

/// Something that a proposal stands on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceDto {
    /// The knowledge base of the document.
    knowledge_base: Option<String>,
    /// The document.
    document: Option<String>,
    /// The page, from 1.
    page: Option<u32>,
    /// Where in the document's text, in characters.
    #[schema(value_type = Option<Object>)]
    span: Option<Span>,
    /// What stands there.
    quote: String,
}

/// What one person decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionDto {
    /// A user, a key's family, or what is left of a user who was forgotten.
    reviewer: String,
    /// `approved`, `corrected` or `rejected`.
    verdict: &'static str,
    /// Whether the review was decided by it.
    #[serde(rename = "final")]
    is_final: bool,
    /// The version of the review that was seen.
    version: u32,
    /// When the reviewer took it up first.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    claimed: Option<OffsetDateTime>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    decided: OffsetDateTime,
    /// How long the reviewer had the review; null for who never claimed it.
    seconds: Option<f64>,
    /// What is right, of a correction.
    value: Option<Value>,
    /// The changes from the proposal to it, a JSON Patch (RFC 6902).
    #[schema(value_type = Option<Vec<Object>>)]
    patch: Option<Value>,
    /// What was said about it.
    comment: String,
}

impl From<ReviewSummary> for ReviewSummaryDto {
    fn from(review: ReviewSummary) -> Self {
        Self {
            id: review.id.to_string(),
            kind: review.kind,
            external_id: review.external_id,
            title: review.title,
            reason: ReviewReasonDto { code: review.reason.code, text: review.reason.text },
            state: review.state.as_str(),
            version: review.version,
            priority: review.priority.as_str(),
            due: review.due,
            overdue: review.is_overdue,
            confidence: review.confidence,
            labels: review.labels,
            team: review.team.map(|id| id.to_string()),
            role: review.role,
            assignee: review.assignee.map(|id| id.to_string()),
            four_eyes: review.four_eyes,
            opinions: review.opinions,
            claim: review.claim.map(|Claim { by, since, until }| ClaimDto { by, since, until }),
            verdict: review.verdict.map(|verdict| verdict.as_str()),
            filed_by: review.filed_by,
            created: review.created,
            ended: review.ended,
            erased: review.erased,
        }
    }
}

impl From<ReviewRecord> for ReviewDto {
    fn from(review: ReviewRecord) -> Self {
        Self {
            value: review.value().cloned(),
            summary: review.summary.into(),
            proposal: review.proposal,
            value_schema: review.value_schema,
            evidence: review.evidence.into_iter().map(EvidenceDto::from).collect(),
            decisions: review.decisions.into_iter().map(DecisionDto::from).collect(),
        }
    }
}

impl From<Evidence> for EvidenceDto {
    fn from(one: Evidence) -> Self {
        Self {
            knowledge_base: one.knowledge_base.map(|id| id.to_string()),
            document: one.document.map(|id| id.to_string()),
            page: one.page,
            span: one.span,
            quote: one.quote,
        }
    }
}

impl From<DecisionRecord> for DecisionDto {
    fn from(decision: DecisionRecord) -> Self {
        Self {
            reviewer: decision.reviewer,
            verdict: decision.verdict.as_str(),
            is_final: decision.is_final,
            version: decision.version,
            claimed: decision.claimed,
            decided: decision.decided,
            seconds: decision.worked.map(|worked| worked.as_secs_f64()),
            value: decision.value,
            patch: decision.patch,
            comment: decision.comment,
        }
    }
}
