//! Shows assistants, and reads what is to be made of them.

use intramuros_ledger::{AssistantRecord, AssistantSummary, AssistantVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::body::RequestBody;

/// An assistant to create.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CreateAssistant {
    /// In public addresses: `[a-z0-9][a-z0-9-]{0,62}`, of no other assistant.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    pub(super) slug: String,
    /// What people read in lists; that of the configuration when left out.
    #[schema(max_length = 100)]
    pub(super) name: Option<String>,
    /// What it is: `name` and `knowledge_bases`, and all else that docs/assistants.md lists.
    #[schema(value_type = Object)]
    pub(super) config: Value,
}

impl RequestBody for CreateAssistant {
    const FIELDS: &'static [&'static str] = &["slug", "name", "config"];
}

/// What to change of an assistant; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UpdateAssistant {
    /// The version of the draft that you saw; another one by now is a conflict.
    pub(super) version: u32,
    /// Another slug; the old one leads nowhere any more.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    pub(super) slug: Option<String>,
    /// What people read in lists.
    #[schema(max_length = 100)]
    pub(super) name: Option<String>,
    /// Another draft, whole.
    #[schema(value_type = Option<Object>)]
    pub(super) config: Option<Value>,
    /// Whether nobody begins a conversation with it any more; those that have begun go on.
    pub(super) retired: Option<bool>,
}

impl RequestBody for UpdateAssistant {
    const FIELDS: &'static [&'static str] = &["version", "slug", "name", "config", "retired"];
}

/// A draft to publish.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PublishBody {
    /// The version of the draft that you saw; another one by now is a conflict.
    pub(super) version: u32,
    /// What is to be said about it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub(super) note: String,
}

impl RequestBody for PublishBody {
    const FIELDS: &'static [&'static str] = &["version", "note"];
}

/// An earlier version to publish again.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RestoreBody {
    /// Its number.
    pub(super) number: u32,
    /// What is to be said about it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub(super) note: String,
}

impl RequestBody for RestoreBody {
    const FIELDS: &'static [&'static str] = &["number", "note"];
}

/// An assistant without its draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantSummaryDto {
    /// `ast_…`
    id: String,
    /// In public addresses.
    slug: String,
    /// What people read.
    name: String,
    /// Counts the changes of the draft.
    version: u32,
    /// The number of the version that answers; null until one was published.
    published: Option<u32>,
    /// Days that conversations are kept after the last message; null for ever.
    retention_days: Option<u32>,
    /// Since when nobody begins a conversation any more.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    retired: Option<OffsetDateTime>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// By whom.
    created_by: String,
    /// When its draft was changed last.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    updated: OffsetDateTime,
    /// By whom.
    updated_by: String,
}

impl From<AssistantSummary> for AssistantSummaryDto {
    fn from(assistant: AssistantSummary) -> Self {
        Self {
            id: assistant.id.to_string(),
            slug: assistant.slug,
            name: assistant.name,
            version: assistant.version,
            published: assistant.published,
            retention_days: assistant.retention_days,
            retired: assistant.retired,
            created: assistant.created,
            created_by: assistant.created_by,
            updated: assistant.updated,
            updated_by: assistant.updated_by,
        }
    }
}

/// The assistants.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantList {
    /// By name; there are 200 at the most.
    pub(super) assistants: Vec<AssistantSummaryDto>,
}

/// An assistant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantDto {
    /// What lists show.
    #[serde(flatten)]
    summary: AssistantSummaryDto,
    /// The draft, with what was left out.
    #[schema(value_type = Object)]
    draft: Value,
}

impl From<AssistantRecord> for AssistantDto {
    fn from(record: AssistantRecord) -> Self {
        Self { summary: record.summary.into(), draft: record.draft }
    }
}

/// A published version without its configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantVersionSummary {
    /// From 1.
    number: u32,
    /// Days that conversations are kept.
    retention_days: Option<u32>,
    /// What was said about it.
    note: String,
    /// The earlier version that it brings back.
    restores: Option<u32>,
    /// When it was published.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    published: OffsetDateTime,
    /// By whom.
    published_by: String,
}

/// A published version, which never changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantVersionDto {
    /// What lists show.
    #[serde(flatten)]
    summary: AssistantVersionSummary,
    /// What was published.
    #[schema(value_type = Object)]
    config: Value,
}

/// A page of published versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssistantVersionList {
    /// Newest first.
    pub(super) versions: Vec<AssistantVersionSummary>,
}

impl From<AssistantVersion> for AssistantVersionSummary {
    fn from(version: AssistantVersion) -> Self {
        AssistantVersionDto::from(version).summary
    }
}

impl From<AssistantVersion> for AssistantVersionDto {
    fn from(version: AssistantVersion) -> Self {
        let summary = AssistantVersionSummary {
            number: version.number,
            retention_days: version.retention_days,
            note: version.note,
            restores: version.restores,
            published: version.published,
            published_by: version.published_by,
        };
        Self { summary, config: version.config }
    }
}
