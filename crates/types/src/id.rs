//! Names the things that cross crate borders, one type each, so that they cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares a string id. A macro because seven identical newtypes would hide the one that differs.
macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps `id` as it is; callers validate what comes from outside.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self::new(id)
            }
        }
    };
}

string_id!(
    /// A model of the catalogue or of the local models directory, such as
    /// `qwen2.5-coder-1.5b-instruct-q4_k_m`.
    ModelId
);
string_id!(
    /// A knowledge base: a slug chosen by the operator (`[a-z0-9][a-z0-9-]{0,62}`).
    KnowledgeBaseId
);
string_id!(
    /// A document of a knowledge base, `doc_` and a UUID v7.
    DocumentId
);
string_id!(
    /// A passage of a document: `<document id>:<ordinal>`, stable while the document is unchanged.
    ChunkId
);
string_id!(
    /// An API key's public part, the visible prefix of the secret.
    KeyId
);
string_id!(
    /// A person with a password, `usr_` and a UUID v7.
    UserId
);
string_id!(
    /// A group of users and keys: a slug chosen by the operator (`[a-z0-9][a-z0-9-]{0,62}`).
    GroupId
);
string_id!(
    /// A piece of work in the queue, `job_` and a UUID v7.
    JobId
);
string_id!(
    /// Something that waits for a person's decision, `rev_` and a UUID v7.
    ReviewId
);
string_id!(
    /// What tickets are sorted by: a slug chosen by the operator (`[a-z0-9][a-z0-9-]{0,62}`).
    TriagePolicyId
);
string_id!(
    /// A ticket, `tkt_` and a UUID v7.
    TicketId
);
string_id!(
    /// A text whose labels are known, `exa_` and a UUID v7.
    TriageExampleId
);
string_id!(
    /// A ticket that cannot wait, `alt_` and a UUID v7.
    TicketAlertId
);
string_id!(
    /// Many tickets about one thing, `out_` and a UUID v7.
    OutbreakId
);
string_id!(
    /// One HTTP request, `req_` and a UUID v7; every log line about it carries this id.
    RequestId
);
string_id!(
    /// Something that happened and that webhooks tell of, `evt_` and a UUID v7.
    EventId
);
string_id!(
    /// An address that is told of events, `whk_` and a UUID v7.
    WebhookId
);
string_id!(
    /// One event on its way to one webhook, `dlv_` and a UUID v7.
    DeliveryId
);
string_id!(
    /// One e-mail on its way, `eml_` and a UUID v7.
    MailId
);
string_id!(
    /// What was erased for whom, `era_` and a UUID v7.
    ErasureId
);
string_id!(
    /// Labelled items that a job is measured on, `pls_` and a UUID v7.
    PilotSetId
);
string_id!(
    /// One measurement, `plr_` and a UUID v7.
    PilotRunId
);
string_id!(
    /// A threshold that a measurement vouches for, `thr_` and a UUID v7.
    ThresholdId
);
string_id!(
    /// A model that took another one's place, `swi_` and a UUID v7.
    ModelSwitchId
);
string_id!(
    /// A configured chatbot, `ast_` and a UUID v7.
    AssistantId
);
string_id!(
    /// A conversation of a customer with an assistant, `conv_` and a UUID v7.
    ConversationId
);
