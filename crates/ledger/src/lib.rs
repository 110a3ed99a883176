//! Keeps the records that must survive everything: API keys, knowledge bases, documents and jobs,
//! in SQL.
//!
//! The entry is [`Ledger::open`]. A [`Ledger`] is a cheap handle on a pool of SQLite connections;
//! clone it freely. What a method returned `Ok` for is on disk: the journal is a write-ahead log
//! with `synchronous = FULL`, so that it survives `kill -9` and a power cut.
//!
//! - **Keys, users, groups.** Secrets are kept as hashes ([`Ledger::authenticate`],
//!   [`Ledger::sign_in`]); what a caller may do is a [`Principal`](intramuros_types::Principal).
//! - **Audit and usage.** A chain of entries that shows if it was changed, and what every key
//!   consumed; requests write both through a [`Journal`].
//! - **Knowledge bases** are deleted in two steps, because passages live elsewhere: mark, let the
//!   caller erase, forget. Indexes say how passages were made; one may take another's place.
//! - **Documents** are the items of the indexing queue: `pending` → `indexing` → `ready` or `failed`;
//!   from every state to `deleting`, then gone. [`Ledger::recover`] takes up a crashed run's work.
//! - **Jobs** are work that outlives its request: queued, leased to one attempt at a time, with items
//!   that are done once each ([`Ledger::claim_job`], [`Ledger::claim_items`]).
//! - **The outbox.** Events ([`Ledger::emit`]) and e-mails wait in the transaction of their cause; who
//!   sends them claims each for a time, and says how it went.
//! - **Reviews** wait for a person's decision ([`Ledger::file_review`], [`Ledger::decide_review`]).
//! - **Assistants** are configuration with a draft and numbered versions. **Conversations** are with
//!   an assistant or with a person, never with both ([`Ledger::hand_over_conversation`]).
//! - **Erasures** are remembered by ids, hashes and numbers ([`Ledger::begin_erasure`]); what is too
//!   old goes a few rows at a time ([`Ledger::old_documents`]).
//! - **Copies.** [`Ledger::copy_to`] makes one while others write; [`Ledger::open_copy`] reads one and
//!   changes nothing, [`Ledger::inventory`] says what must be beside it.
//!
//! Migrations are plain SQL under `migrations/`, forward only, applied at open. A file that a
//! newer version wrote is refused, never guessed at.
//!
//! The ledger does not hold document text, vectors or file contents, and it knows nothing of HTTP,
//! of models or of the vector store.

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
mod principal;
mod retention;
mod review;
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
    ConversationPage, ConversationRecord, ConversationStats, ConversationSummary, CustomerMessage,
    FeedbackFilter, Gap, MessageRecord, MessageRole, NewConversation, NewGap, NewHandOver,
    NewWidget, Opened, WidgetCaps, WidgetSession,
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
pub use retention::{OldDocuments, RETENTION};
pub use review::{
    Claim, ConfidenceBand, Decision, DecisionRecord, Evidence, Filed, Filer, NewDecision,
    NewReview, NextReview, ReviewChanges, ReviewPage, ReviewRecord, ReviewState, ReviewStats,
    ReviewStatsFilter, ReviewSummary, Reviewer, ReviewerFigures, Verdict as ReviewVerdict,
    VerdictCounts, review_job_kind,
};
pub use unanswered::Unanswered;
pub use usage::{Tariff, UsageEntry, UsageFilter, UsageGroup, UsageRow, csv_line, usage_csv};
pub use user::{Password, SessionRules, SignIn, UserChanges, UserRecord, UserRequest};
pub use webhook::{
    ClaimedDelivery, DeliveryPage, DeliveryRecord, NewWebhook, WebhookChange, WebhookRecord,
    WebhookSecret,
};
