//! Shows tickets and examples.

use intramuros_ledger::{ExampleRecord, TicketLabels, TicketRecord, TicketRoute, TicketSummary};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Labels of a ticket or an example.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketLabelsDto {
    /// What it is about.
    #[serde(default)]
    pub(super) category: Option<String>,
    /// How soon somebody must look.
    #[serde(default)]
    pub(super) urgency: Option<String>,
    /// Who takes it.
    #[serde(default)]
    pub(super) team: Option<String>,
    /// Whether somebody must be told at once.
    #[serde(default)]
    pub(super) alert: Option<bool>,
}

impl From<TicketLabels> for TicketLabelsDto {
    fn from(labels: TicketLabels) -> Self {
        let TicketLabels { category, urgency, team, alert } = labels;
        Self { category, urgency, team, alert }
    }
}

impl From<TicketLabelsDto> for TicketLabels {
    fn from(labels: TicketLabelsDto) -> Self {
        let TicketLabelsDto { category, urgency, team, alert } = labels;
        Self { category, urgency, team, alert }
    }
}

/// A ticket without its contents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketSummaryDto {
    /// `tkt_…`; ids sort by time. Null for one that was only tried.
    id: Option<String>,
    /// The version of the policy that decided.
    version: u32,
    /// The sender's own name for it.
    external_id: Option<String>,
    /// How it came.
    channel: String,
    /// When it came.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    created: Option<OffsetDateTime>,
    /// `routed` (sent on by itself), `waiting` (for a dispatcher) or `settled` (a person said what is
    /// right).
    state: &'static str,
    /// `auto`, `dispatcher`, or `shadow` where the category is on trial.
    route: &'static str,
    /// Its labels as they stand. Empty in shadow until a person said what is right.
    labels: TicketLabelsDto,
    /// Its labels as they were proposed. Empty in shadow until a person said what is right.
    proposed: TicketLabelsDto,
    /// How sure the least sure label is, 0 to 1.
    confidence: Option<f64>,
    /// When a person said what is right.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    settled: Option<OffsetDateTime>,
    /// Who did.
    settled_by: Option<String>,
    /// The review that waits, or waited, for a dispatcher.
    review: Option<String>,
    /// An earlier ticket that says the same.
    duplicate_of: Option<String>,
    /// The outbreak that it belongs to.
    outbreak: Option<String>,
    /// When its contents were erased.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    erased: Option<OffsetDateTime>,
    /// Its subject; empty once it was erased.
    subject: String,
}

impl From<TicketSummary> for TicketSummaryDto {
    fn from(ticket: TicketSummary) -> Self {
        let hidden = is_hidden(&ticket);
        let shown = |labels: TicketLabels| {
            if hidden { TicketLabelsDto::default() } else { labels.into() }
        };
        Self {
            id: Some(ticket.id.to_string()),
            version: ticket.version,
            external_id: ticket.external_id,
            channel: ticket.channel,
            created: Some(ticket.created),
            state: ticket.state.as_str(),
            route: ticket.route.as_str(),
            labels: shown(ticket.labels),
            proposed: shown(ticket.proposed),
            confidence: ticket.confidence.filter(|_| !hidden),
            settled: ticket.settled,
            settled_by: ticket.settled_by,
            review: ticket.review.map(|id| id.to_string()),
            duplicate_of: ticket.duplicate_of.map(|id| id.to_string()),
            outbreak: ticket.outbreak.map(|id| id.to_string()),
            erased: ticket.erased,
            subject: ticket.subject,
        }
    }
}

/// Whether who is to say what is right must not see what the machine thinks.
fn is_hidden(ticket: &TicketSummary) -> bool {
    ticket.route == TicketRoute::Shadow && ticket.settled.is_none()
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketDto {
    /// What lists show.
    #[serde(flatten)]
    summary: TicketSummaryDto,
    /// Whom it came from.
    from: String,
    /// What it says.
    body: String,
    /// Why it was decided so: `fields` with probabilities, the likeliest labels and the words that
    /// speak for them, `rules` that hold, `similar` examples, `doubt` where a dispatcher is asked, a
    /// `reason` in words, the `models`. Null in shadow until a person said what is right, and once it
    /// was erased.
    #[schema(value_type = Option<Object>)]
    decision: Value,
}

impl From<TicketRecord> for TicketDto {
    fn from(ticket: TicketRecord) -> Self {
        let decision = if is_hidden(&ticket.summary) { Value::Null } else { ticket.decision };
        Self { summary: ticket.summary.into(), from: ticket.sender, body: ticket.body, decision }
    }
}

/// A page of tickets, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketList {
    /// The tickets.
    pub(super) tickets: Vec<TicketSummaryDto>,
    /// The `cursor` of the next page; null at the end.
    pub(super) next: Option<String>,
}

/// An example.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExampleDto {
    /// `exa_…`
    id: String,
    /// The ticket that it was.
    ticket: Option<String>,
    /// What is right.
    labels: TicketLabelsDto,
    /// `imported`, `approved` or `corrected`.
    source: &'static str,
    /// When it was made or changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// By whom.
    created_by: String,
    /// What is learnt from.
    text: String,
}

impl From<ExampleRecord> for ExampleDto {
    fn from(example: ExampleRecord) -> Self {
        Self {
            id: example.id.to_string(),
            ticket: example.ticket.map(|id| id.to_string()),
            labels: example.labels.into(),
            source: example.source.as_str(),
            created: example.created,
            created_by: example.created_by,
            text: example.text,
        }
    }
}

/// A page of examples, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExampleList {
    /// The examples.
    pub(super) examples: Vec<ExampleDto>,
    /// The `cursor` of the next page; null at the end.
    pub(super) next: Option<String>,
}
