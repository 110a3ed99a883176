//! Defines the vocabulary that every other crate speaks: ids, messages, documents, spans,
//! sampling parameters, usage and faults.
//!
//! Plain data only. Nothing here does I/O, knows about async, HTTP, candle or LanceDB; a type that
//! needs one of those belongs to the crate that owns it. Everything that travels between two
//! crates of different layers is defined here, so that the layer table (ARCHITECTURE.md) can stay
//! strict.
//!
//! Positions in documents are counted in Unicode scalar values (`char`), never in bytes, because
//! they leave the process: clients in any language can slice with them. See [`Span`].

mod access;
mod chunk;
mod constraint;
mod conversation;
mod document;
mod fault;
mod histogram;
mod id;
mod message;
mod place;
mod principal;
mod profile;
mod sampling;
mod scope;
mod span;
mod tool;
mod usage;

pub use access::Access;
pub use chunk::Chunk;
pub use constraint::Constraint;
pub use conversation::{ConversationAct, ConversationState, Forbidden};
pub use document::{Block, BlockKind, DocumentFormat, ExtractedDocument, ReadWarning};
pub use fault::Fault;
pub use histogram::{Distribution, Histogram};
pub use id::{
    AssistantId, ChunkId, ConversationId, DeliveryId, DocumentId, ErasureId, EventId, GroupId,
    JobId, KeyId, KnowledgeBaseId, MailId, ModelId, ModelSwitchId, OutbreakId, PilotRunId,
    PilotSetId, RequestId, ReviewId, ThresholdId, TicketAlertId, TicketId, TriageExampleId,
    TriagePolicyId, UserId, WebhookId,
};
pub use message::{Message, Role};
pub use place::{PageBox, PlacedWord};
pub use principal::{Limits, Principal};
pub use profile::{EncoderProfile, Pooling};
pub use sampling::{Penalties, SamplingParams};
pub use scope::{Scope, UnknownName, UserRole};
pub use span::Span;
pub use tool::{ToolCall, ToolChoice, ToolDefinition};
pub use usage::{Consumption, FinishReason, Usage};
