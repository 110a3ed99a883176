//! Describes assistants: chatbots as configuration, with a draft and published versions.
//!
//! The draft is what people work on; its version keeps two of them from overwriting each other.
//! Publishing copies it to a numbered version that nothing changes any more, and that answers from
//! then on. Going back to an earlier one publishes it again under a new number, so that the numbers
//! tell what answered when.
//!
//! What a configuration says is not known here: it is JSON that the caller has checked. Only how
//! long conversations are kept is told beside it, because the ledger holds to it.

use intramuros_types::AssistantId;
use serde_json::Value;
use time::OffsetDateTime;

mod records;
mod versions;

pub(crate) use records::not_found;

/// An assistant to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAssistant {
    /// In public addresses: `[a-z0-9][a-z0-9-]{0,62}`, of no other assistant.
    pub slug: String,
    /// What people read, up to 100 characters, of no other assistant.
    pub name: String,
    /// Its first draft: JSON of up to 256 KiB.
    pub config: Value,
    /// Days that conversations are kept after the last message, 1 to 3,650; `None` for ever.
    pub retention_days: Option<u32>,
    /// Who makes it.
    pub by: String,
}

/// What of an assistant is changed; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AssistantChanges {
    /// The version of the draft that was seen.
    pub version: u32,
    /// In public addresses; the old one leads nowhere any more.
    pub slug: Option<String>,
    /// What people read.
    pub name: Option<String>,
    /// The draft.
    pub config: Option<Value>,
    /// How long conversations are kept, once the draft is published; `Some(None)` for ever.
    pub retention_days: Option<Option<u32>>,
}

/// An assistant as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssistantSummary {
    /// `ast_` and a UUID v7.
    pub id: AssistantId,
    /// In public addresses.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// Counts the changes of the draft.
    pub version: u32,
    /// The number of the version that answers; `None` until one was published.
    pub published: Option<u32>,
    /// Days that conversations are kept: the published version's, or the draft's before there is
    /// one.
    pub retention_days: Option<u32>,
    /// Since when nobody begins a conversation any more.
    pub retired: Option<OffsetDateTime>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// By whom.
    pub created_by: String,
    /// When its draft was changed last.
    pub updated: OffsetDateTime,
    /// By whom.
    pub updated_by: String,
}

/// An assistant with its draft.
#[derive(Debug, Clone, PartialEq)]
pub struct AssistantRecord {
    /// What lists show.
    pub summary: AssistantSummary,
    /// The draft.
    pub draft: Value,
    /// The draft's retention, in days.
    pub draft_retention_days: Option<u32>,
}

/// A published version, which never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct AssistantVersion {
    /// The assistant.
    pub assistant: AssistantId,
    /// From 1.
    pub number: u32,
    /// What was published.
    pub config: Value,
    /// Days that conversations are kept.
    pub retention_days: Option<u32>,
    /// What was said about it.
    pub note: String,
    /// The earlier version that it brings back.
    pub restores: Option<u32>,
    /// When.
    pub published: OffsetDateTime,
    /// By whom.
    pub published_by: String,
}

#[cfg(test)]
mod tests;
