//! Reads what is filed, changed and decided.

use intramuros_ledger::{
    Evidence, FailureReason, JobPriority, NewReview, NextReview, ReviewChanges,
};
use intramuros_types::{DocumentId, GroupId, KnowledgeBaseId, Span, UserId, UserRole};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::super::jobs::named;
use crate::body::RequestBody;
use crate::error::ApiError;

/// What `due` is for no time.
const NEVER: &str = "never";

/// Something for a person to decide.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateReview {
    /// The use case: a letter, then letters, digits, `_`, `.` and `-`, lower case.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z][a-z0-9_.-]*$")]
    kind: String,
    /// What people read in lists.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// What is proposed: any JSON but null, up to 256 KiB and 32 levels.
    proposal: Value,
    /// What a decided value must be like: a JSON Schema without `$ref`, up to 64 KiB.
    #[schema(value_type = Option<Object>)]
    value_schema: Option<Value>,
    /// What it stands on, up to 64. Who may not read one of the documents does not see the review.
    evidence: Option<Vec<EvidenceBody>>,
    /// Why a person is asked.
    reason: Option<ReasonBody>,
    /// How sure the machine is, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    confidence: Option<f64>,
    /// `high`, `normal` or `low`; default `normal`.
    priority: Option<String>,
    /// When it should be decided.
    #[schema(format = "date-time")]
    due: Option<String>,
    /// Who may see it, as with documents: empty for every reviewer. The caller must hold them.
    labels: Option<Vec<String>>,
    /// Only members of this group, and administrators.
    team: Option<String>,
    /// The least role: `reviewer` (the default), `operator` or `admin`.
    #[schema(value_type = Option<String>)]
    role: Option<UserRole>,
    /// Only this user (`usr_…`), for the first decision.
    assignee: Option<String>,
    /// Whether two people must agree; where they do not, a third decides.
    four_eyes: Option<bool>,
    /// The caller's own name for it: while one is open, filing it again gives that one back.
    #[schema(min_length = 1, max_length = 500)]
    external_id: Option<String>,
}

impl RequestBody for CreateReview {
    const FIELDS: &'static [&'static str] = &[
        "kind",
        "title",
        "proposal",
        "value_schema",
        "evidence",
        "reason",
        "confidence",
        "priority",
        "due",
        "labels",
        "team",
        "role",
        "assignee",
        "four_eyes",
        "external_id",
    ];
}

/// Something that a proposal stands on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EvidenceBody {
    /// The knowledge base of the document.
    knowledge_base: Option<String>,
    /// A document of that knowledge base, which the caller may read.
    document: Option<String>,
    /// The page, from 1.
    #[schema(minimum = 1)]
    page: Option<u32>,
    /// Where in the document's text, in characters.
    #[schema(value_type = Option<Object>)]
    span: Option<Span>,
    /// What stands there, up to 4 KiB.
    quote: Option<String>,
}

/// Why a person is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReasonBody {
    /// A stable name, such as `low_confidence`.
    #[schema(min_length = 1, max_length = 64)]
    code: String,
    /// What people read.
    #[schema(max_length = 1000)]
    text: Option<String>,
}

impl CreateReview {
    pub(super) fn into_new(self) -> Result<NewReview, ApiError> {
        let plain = NewReview::new(&self.kind, self.title, self.proposal);
        let reason = self.reason.map_or(plain.reason, |reason| FailureReason {
            code: reason.code,
            text: reason.text.unwrap_or_default(),
        });
        let evidence = self.evidence.unwrap_or_default().into_iter().map(Evidence::from);
        Ok(NewReview {
            external_id: self.external_id,
            value_schema: self.value_schema,
            evidence: evidence.collect(),
            reason,
            confidence: self.confidence,
            priority: priority(self.priority.as_deref())?.unwrap_or(plain.priority),
            due: self.due.as_deref().map(moment).transpose()?,
            labels: self.labels.unwrap_or_default(),
            team: self.team.map(GroupId::new),
            role: self.role.unwrap_or(plain.role),
            assignee: self.assignee.map(UserId::new),
            four_eyes: self.four_eyes.unwrap_or(false),
            // Applications hear of it by webhook; jobs are for use cases of this server.
            queues_job: false,
            kind: plain.kind,
            title: plain.title,
            proposal: plain.proposal,
        })
    }
}

impl From<EvidenceBody> for Evidence {
    fn from(body: EvidenceBody) -> Self {
        Self {
            knowledge_base: body.knowledge_base.map(KnowledgeBaseId::new),
            document: body.document.map(DocumentId::new),
            page: body.page,
            span: body.span,
            quote: body.quote.unwrap_or_default(),
        }
    }
}

/// Which review to take up next.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextBody {
    /// Only one of this kind.
    kind: Option<String>,
    /// Only one of this team.
    team: Option<String>,
}

impl RequestBody for NextBody {
    const FIELDS: &'static [&'static str] = &["kind", "team"];
}

impl NextBody {
    pub(super) fn into_next(self) -> NextReview {
        NextReview { kind: self.kind, team: self.team.map(GroupId::new) }
    }
}

/// What of a review is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateReview {
    /// `high`, `normal` or `low`.
    priority: Option<String>,
    /// When it should be decided; `never` for no time.
    due: Option<String>,
    /// Only members of this group; empty for everybody.
    team: Option<String>,
    /// Only this user (`usr_…`); empty for everybody.
    assignee: Option<String>,
}

impl RequestBody for UpdateReview {
    const FIELDS: &'static [&'static str] = &["priority", "due", "team", "assignee"];
}

impl UpdateReview {
    pub(super) fn into_changes(self) -> Result<ReviewChanges, ApiError> {
        let named = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(ReviewChanges {
            priority: priority(self.priority.as_deref())?,
            due: match self.due.as_deref() {
                None => None,
                Some(NEVER) => Some(None),
                Some(text) => Some(Some(moment(text)?)),
            },
            team: self.team.map(|team| named(team).map(GroupId::new)),
            assignee: self.assignee.map(|user| named(user).map(UserId::new)),
        })
    }
}

/// A decision about a proposal as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideBody {
    /// The `version` of the review that was seen.
    pub(super) version: u32,
    /// What there is to say about it.
    #[schema(max_length = 4000)]
    pub(super) comment: Option<String>,
}

impl RequestBody for DecideBody {
    const FIELDS: &'static [&'static str] = &["version", "comment"];
}

/// A correction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorrectBody {
    /// The `version` of the review that was seen.
    pub(super) version: u32,
    /// What is right, whole: any JSON but null, up to 256 KiB and 32 levels.
    pub(super) value: Value,
    /// What there is to say about it.
    #[schema(max_length = 4000)]
    pub(super) comment: Option<String>,
}

impl RequestBody for CorrectBody {
    const FIELDS: &'static [&'static str] = &["version", "value", "comment"];
}

fn priority(name: Option<&str>) -> Result<Option<JobPriority>, ApiError> {
    name.map(|name| named("priority", name, &JobPriority::ALL, JobPriority::as_str)).transpose()
}

fn moment(text: &str) -> Result<OffsetDateTime, ApiError> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        let message = "'due' must be a moment such as 2027-01-31T17:00:00Z";
        ApiError::invalid("due", message)
    })
}
