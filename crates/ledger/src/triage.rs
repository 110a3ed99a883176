//! Describes tickets: the policies that sort them, what was decided, and what people made of it.
//!
//! A ticket is `routed` when the decision was sure enough, `waiting` for a dispatcher when it was not
//! or when the category is in shadow, and `settled` once a person said what is right. Settling makes
//! an example of it in the same transaction, so that the next ticket is decided with it.
//!
//! What is decided, and how, is the use case's; the ledger keeps the labels that lists need in
//! columns, everything else as it was given.

use intramuros_types::{
    OutbreakId, ReviewId, TicketAlertId, TicketId, TriageExampleId, TriagePolicyId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{NewMail, NewReview};

mod alerts;
mod check;
mod erase;
mod examples;
mod figures;
mod list;
mod policies;
mod readings;
mod records;
mod settle;
mod tickets;

pub(crate) use erase::{erase_example, erase_ticket, forget_settler};
pub use figures::{TicketFigures, TicketOutcome};

/// The kind of reviews of tickets that wait for a dispatcher.
pub const TRIAGE: &str = "triage";

/// The labels of a ticket. A field that a policy does not decide has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketLabels {
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How soon somebody must look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// Who takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Whether somebody must be told at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<bool>,
}

/// A policy as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriagePolicyRecord {
    /// A slug, `[a-z0-9][a-z0-9-]{0,62}`, that names it for good.
    pub id: TriagePolicyId,
    /// The configuration in force, from 1.
    pub version: u32,
    /// Who may read its tickets; empty for everybody.
    pub labels: Vec<String>,
    /// Counts changes of its examples: what was learnt from them is tied to it.
    pub learnt: u64,
    /// When it was created.
    pub created: OffsetDateTime,
    /// When it was changed last.
    pub updated: OffsetDateTime,
}

/// One configuration of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct TriageVersion {
    /// From 1.
    pub version: u32,
    /// When it was made.
    pub created: OffsetDateTime,
    /// By whom: a user or a key's family.
    pub created_by: String,
    /// What it says.
    pub config: Value,
}

/// Where an example comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExampleSource {
    /// Was brought in with its labels.
    Imported,
    /// A person found the decision right.
    Approved,
    /// A person said what is right instead.
    Corrected,
}

impl ExampleSource {
    /// Every source.
    pub const ALL: [ExampleSource; 3] =
        [ExampleSource::Imported, ExampleSource::Approved, ExampleSource::Corrected];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            ExampleSource::Imported => "imported",
            ExampleSource::Approved => "approved",
            ExampleSource::Corrected => "corrected",
        }
    }
}

/// A text whose labels are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExample {
    /// What is learnt from, 1 to 8,000 characters.
    pub text: String,
    /// What is right.
    pub labels: TicketLabels,
}

/// An example as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRecord {
    /// `exa_` and a UUID v7.
    pub id: TriageExampleId,
    /// The ticket that it was.
    pub ticket: Option<TicketId>,
    /// What is right.
    pub labels: TicketLabels,
    /// Where it comes from.
    pub source: ExampleSource,
    /// When it was made or changed.
    pub created: OffsetDateTime,
    /// By whom: a user or a key's family.
    pub created_by: String,
    /// What is learnt from.
    pub text: String,
}

/// How many examples an import added or changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExamplesAdded {
    /// New texts.
    pub added: u64,
    /// Texts that were there, with other labels now.
    pub changed: u64,
    /// Texts that were there with the same labels.
    pub unchanged: u64,
}

/// What a model made of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which model, asked what.
    pub reader: String,
    /// What it made of it; any length.
    pub vector: Vec<f32>,
}

/// How a ticket was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketRoute {
    /// By itself.
    Auto,
    /// To a dispatcher, with what is proposed.
    Dispatcher,
    /// To a dispatcher, who does not see what is proposed: the category is being tried.
    Shadow,
}

impl TicketRoute {
    /// Every route.
    pub const ALL: [TicketRoute; 3] =
        [TicketRoute::Auto, TicketRoute::Dispatcher, TicketRoute::Shadow];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            TicketRoute::Auto => "auto",
            TicketRoute::Dispatcher => "dispatcher",
            TicketRoute::Shadow => "shadow",
        }
    }
}

/// Where a ticket is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketState {
    /// Was sent on by itself.
    Routed,
    /// Waits for a dispatcher.
    Waiting,
    /// A person said what is right.
    Settled,
}

impl TicketState {
    /// Every state.
    pub const ALL: [TicketState; 3] =
        [TicketState::Routed, TicketState::Waiting, TicketState::Settled];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            TicketState::Routed => "routed",
            TicketState::Waiting => "waiting",
            TicketState::Settled => "settled",
        }
    }
}

/// What somebody is told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// The rule that holds.
    pub rule: Option<String>,
    /// E-mails that go out with it.
    pub mails: Vec<NewMail>,
    /// When it is sent again, if nobody acknowledges it.
    pub next_reminder: Option<OffsetDateTime>,
}

/// What a ticket has to do with others that came shortly before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OutbreakWish {
    /// Nothing.
    #[default]
    None,
    /// It is one more of an outbreak.
    Join(OutbreakId),
    /// It makes these and itself an outbreak.
    Begin(Vec<TicketId>),
}

/// A ticket with its decision.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTicket {
    /// The policy that decided.
    pub policy: TriagePolicyId,
    /// Its version.
    pub version: u32,
    /// The sender's own name for it, up to 500 characters: filing it again gives the first one back.
    pub external_id: Option<String>,
    /// How it came, up to 40 characters.
    pub channel: String,
    /// Whom it came from, up to 320 characters.
    pub sender: String,
    /// Up to 1,000 characters.
    pub subject: String,
    /// Up to 100,000 characters.
    pub body: String,
    /// What was proposed.
    pub proposed: TicketLabels,
    /// How sure the least sure label of it is, 0 to 1.
    pub confidence: Option<f64>,
    /// How it is sent on.
    pub route: TicketRoute,
    /// Everything else about the decision, up to 64 KiB of JSON.
    pub decision: Value,
    /// What models made of its text.
    pub readings: Vec<Reading>,
    /// An earlier ticket that says the same.
    pub duplicate_of: Option<TicketId>,
    /// What it has to do with others.
    pub outbreak: OutbreakWish,
    /// Whom to tell.
    pub alert: Option<NewAlert>,
    /// What the dispatcher decides.
    pub review: Option<NewReview>,
    /// A user or a key's family.
    pub filed_by: String,
}

/// A ticket as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketSummary {
    /// `tkt_` and a UUID v7, so that ids sort by time.
    pub id: TicketId,
    /// The policy that decided.
    pub policy: TriagePolicyId,
    /// Its version then.
    pub version: u32,
    /// The sender's own name for it.
    pub external_id: Option<String>,
    /// How it came.
    pub channel: String,
    /// When it came.
    pub created: OffsetDateTime,
    /// Where it is in its life.
    pub state: TicketState,
    /// How it was sent on.
    pub route: TicketRoute,
    /// Its labels as they stand: proposed, or what a person said.
    pub labels: TicketLabels,
    /// Its labels as they were proposed.
    pub proposed: TicketLabels,
    /// How sure that was.
    pub confidence: Option<f64>,
    /// When a person said what is right.
    pub settled: Option<OffsetDateTime>,
    /// Who did.
    pub settled_by: Option<String>,
    /// What waits, or waited, for the dispatcher.
    pub review: Option<ReviewId>,
    /// An earlier ticket that says the same.
    pub duplicate_of: Option<TicketId>,
    /// The outbreak that it belongs to.
    pub outbreak: Option<OutbreakId>,
    /// When its contents were erased.
    pub erased: Option<OffsetDateTime>,
    /// Who filed it.
    pub filed_by: String,
    /// Its subject; empty once it was erased.
    pub subject: String,
}

/// A ticket with its contents.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketRecord {
    /// What lists show.
    pub summary: TicketSummary,
    /// Whom it came from.
    pub sender: String,
    /// What it says.
    pub body: String,
    /// Everything else about the decision.
    pub decision: Value,
}

/// What filing a ticket led to.
#[derive(Debug, Clone, PartialEq)]
pub enum FiledTicket {
    /// It is new.
    New(TicketRecord),
    /// One of the same policy and external id was there; nothing was changed.
    Existing(TicketRecord),
}

/// A ticket that came lately, to compare another one with.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentTicket {
    /// Which.
    pub id: TicketId,
    /// When it came.
    pub created: OffsetDateTime,
    /// Its labels as they stand.
    pub labels: TicketLabels,
    /// The outbreak that it belongs to.
    pub outbreak: Option<OutbreakId>,
    /// What the reader made of it.
    pub vector: Vec<f32>,
}

/// What a person says about a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// What is right.
    pub labels: TicketLabels,
    /// What is learnt from it: its text without noise. `None` to learn nothing.
    pub text: Option<String>,
    /// A user or a key's family.
    pub by: String,
    /// Whether it is the decision of the ticket's review, and not beside it.
    pub of_review: bool,
}

/// A part of the list of tickets to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketPage {
    /// Only those in this state.
    pub state: Option<TicketState>,
    /// Only those sent on like this.
    pub route: Option<TicketRoute>,
    /// Only those with this category, as it stands.
    pub category: Option<String>,
    /// Only those with this urgency.
    pub urgency: Option<String>,
    /// Only those of this team.
    pub team: Option<String>,
    /// Only those of this outbreak.
    pub outbreak: Option<OutbreakId>,
    /// Only those with this name.
    pub external_id: Option<String>,
    /// Only those that came at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Only those that came before this moment.
    pub before: Option<OffsetDateTime>,
    /// Continue after this ticket.
    pub after: Option<TicketId>,
    /// The most tickets to return, 1 to [`TicketPage::MAX_LIMIT`].
    pub limit: u32,
}

impl TicketPage {
    /// The most tickets that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRecord {
    /// `alt_` and a UUID v7.
    pub id: TicketAlertId,
    /// The policy that raised it.
    pub policy: TriagePolicyId,
    /// The ticket that it is about.
    pub ticket: TicketId,
    /// The rule that holds.
    pub rule: Option<String>,
    /// When it was raised.
    pub created: OffsetDateTime,
    /// How often it was sent again.
    pub reminders: u32,
    /// When it is sent again.
    pub next_reminder: Option<OffsetDateTime>,
    /// When somebody acknowledged it.
    pub acknowledged: Option<OffsetDateTime>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// What they said about it.
    pub comment: String,
}

/// Many tickets about one thing in a short time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutbreakRecord {
    /// `out_` and a UUID v7.
    pub id: OutbreakId,
    /// The policy of its tickets.
    pub policy: TriagePolicyId,
    /// What they are about.
    pub category: Option<String>,
    /// When its first ticket came.
    pub began: OffsetDateTime,
    /// When its last ticket came.
    pub latest: OffsetDateTime,
    /// How many there are.
    pub tickets: u64,
}

#[cfg(test)]
mod tests;
