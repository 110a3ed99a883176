//! Keeps the records that must survive everything, in SQL.
//!
//! The entry is [`Ledger::open`]. A [`Ledger`] is a cheap handle on a pool of SQLite connections;
//! clone it freely. What a method returned `Ok` for is on disk: the journal is a write-ahead log
//! with `synchronous = FULL`, so that it survives `kill -9` and a power cut.
//!
//! - **Keys, users, groups.** Secrets are kept as hashes; what a caller may do is a
//!   [`Principal`](intramuros_types::Principal).
//! - **Knowledge bases and documents** are deleted in two steps, because passages live elsewhere: mark,
//!   let the caller erase, forget. [`Ledger::recover`] takes up a crashed run's work.
//! - **Jobs** are leased to one attempt at a time, with items that are done once each.
//! - **The outbox.** Events and e-mails wait in the transaction of their cause.
//! - **Reviews** wait for a person; **conversations** are with an assistant or with a person, never with
//!   both; **tickets** are filed with all that follows from them; **pilots** are labelled sets and what
//!   runs over them gave.
//!
//! Migrations are plain SQL under `migrations/`, forward only, applied at open. A file that a
//! newer version wrote is refused, never guessed at.
//!
//! It holds no text, vectors or files of documents, and knows nothing of HTTP and models.

mod assistant;
mod audit;
mod conversation;
mod document;
mod erasure;
mod error;
mod event;
mod group;
mod index;
mod inventory;
mod job;
mod journal;
mod key;
mod knowledge_base;
mod ledger;
mod mail;
mod migrations;
mod moment;
mod outbox;
mod personal;
mod pilot;
mod principal;
mod retention;
mod review;
mod triage;
mod unanswered;
mod usage;
mod user;
mod validate;
mod webhook;

pub use assistant::{
    AssistantChanges, AssistantRecord, AssistantSummary, AssistantVersion, NewAssistant,
};
pub use audit::{
    AuditEntry, AuditFilter, AuditPage, AuditRecord, AuditVerifier, Fault as AuditFault,
    FaultKind as AuditFaultKind, Head as AuditHead, Outcome as AuditOutcome, Sealer, Unsealer,
    Verification,
};
pub use conversation::{
    Accepted, ActRecord, AnswerOutcome, BotAnswer, CitedDocument, ConversationChannel,
    ConversationPage, ConversationRecord, ConversationStats, ConversationSummary, FeedbackFilter,
    Gap, MessageRecord, MessageRole, NewConversation, NewGap, NewHandOver, NewWidget, Opened,
    SentMessage, WidgetCaps, WidgetSession,
};
pub use document::{
    DocumentCounts, DocumentDetails, DocumentFacts, DocumentPage, DocumentRecord, DocumentState,
    FailureReason, Inserted, NewDocument, Page, Recovery,
};
pub use erasure::{
    ERASE, ErasedDocument, ErasureMatter, ErasureRecord, ErasureReport, ErasureState,
    ErasureSubject, Leftovers, NewErasure, TextMatch, document_ids,
};
pub use error::LedgerError;
pub use event::{EventKind, NewEvent};
pub use group::{GroupChanges, GroupRecord, GroupRequest, Member};
pub use index::{
    Calibration, Chunking, IndexProgress, IndexRecord, IndexRole, TestQuestion, Verdict,
};
pub use inventory::{Inventory, InventoryBase, InventoryDocument};
pub use job::{
    CALIBRATE, Enqueued, INGEST, ItemState, JobCount, JobItem, JobPage, JobPriority, JobProgress,
    JobRecord, JobState, JobWish, Lease, LeasedJob, NewItem, NewJob, NewSchedule, REINDEX,
    ScheduleRecord,
};
pub use journal::{Journal, Lines};
pub use key::{Authentication, KeyChanges, KeyRecord, KeyRequest, NewKey};
pub use knowledge_base::{KnowledgeBase, KnowledgeBaseState, NewKnowledgeBase};
pub use ledger::{Ledger, LedgerSize};
pub use mail::{ClaimedMail, MailPage, MailRecord, NewMail};
pub use moment::Clock;
pub use outbox::{OutboxCounts, OutboxPage, OutboxState, Outcome};
pub use personal::SessionRecord;
pub use pilot::{
    ModelRole, ModelSwitchRecord, NewModelSwitch, NewPilotItem, NewPilotResult, NewPilotRun,
    NewPilotSet, NewThreshold, PILOT, PilotItem, PilotItemPage, PilotOutcome, PilotResult,
    PilotRunPage, PilotRunRecord, PilotRunState, PilotSetFiled, PilotSetPage, PilotSetRecord,
    ThresholdRecord,
};
pub use retention::{OldDocuments, RETENTION};
pub use review::{
    Claim, ConfidenceBand, Decision, DecisionRecord, Evidence, Filed, Filer, NewDecision,
    NewReview, NextReview, ReviewChanges, ReviewPage, ReviewRecord, ReviewState, ReviewStats,
    ReviewStatsFilter, ReviewSummary, Reviewer, ReviewerFigures, Verdict as ReviewVerdict,
    VerdictCounts, review_job_kind,
};
pub use triage::{
    AlertRecord, ExampleRecord, ExampleSource, ExamplesAdded, FiledTicket, NewAlert, NewExample,
    NewTicket, OutbreakRecord, OutbreakWish, Reading, RecentTicket, Settlement, TRIAGE,
    TicketFigures, TicketLabels, TicketOutcome, TicketPage, TicketRecord, TicketRoute, TicketState,
    TicketSummary, TriagePolicyRecord, TriageVersion,
};
pub use unanswered::Unanswered;
pub use usage::{Tariff, UsageEntry, UsageFilter, UsageGroup, UsageRow, csv_line, usage_csv};
pub use user::{Password, SessionRules, SignIn, UserChanges, UserRecord, UserRequest};
pub use webhook::{
    ClaimedDelivery, DeliveryPage, DeliveryRecord, NewWebhook, WebhookChange, WebhookRecord,
    WebhookSecret,
};
