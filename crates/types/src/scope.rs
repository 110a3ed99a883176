//! Names what a caller may do: scopes, and the roles that bundle them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a key or a user may do: one thing (`knowledge`) and one verb (`read`). Which documents
/// that reaches is another matter ([`Access`](crate::Access)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Chat completions, embeddings, tokens.
    #[serde(rename = "inference")]
    Inference,
    /// Search, questions, reading of documents.
    #[serde(rename = "knowledge:read")]
    KnowledgeRead,
    /// Knowledge bases, upload and erasure of documents.
    #[serde(rename = "knowledge:write")]
    KnowledgeWrite,
    /// What waits for a person's decision, and what was decided.
    #[serde(rename = "reviews:read")]
    ReviewsRead,
    /// Proposals for review, and decisions about them.
    #[serde(rename = "reviews:write")]
    ReviewsWrite,
    /// Tickets, what was decided of them, and alerts.
    #[serde(rename = "triage:read")]
    TriageRead,
    /// Tickets to take in, and what people say of them.
    #[serde(rename = "triage:write")]
    TriageWrite,
    /// The policies that sort tickets, and their examples.
    #[serde(rename = "triage:manage")]
    TriageManage,
    /// Assistants with their drafts and versions.
    #[serde(rename = "assistants:read")]
    AssistantsRead,
    /// Assistants to configure, publish and delete.
    #[serde(rename = "assistants:write")]
    AssistantsWrite,
    /// Conversations of customers, what people are told of them, and figures.
    #[serde(rename = "conversations:read")]
    ConversationsRead,
    /// Conversations to open, and to speak in as a customer or for one.
    #[serde(rename = "conversations:write")]
    ConversationsWrite,
    /// Conversations to take from assistants, to answer in and to close.
    #[serde(rename = "conversations:answer")]
    ConversationsAnswer,
    /// Labelled sets, what runs over them gave, and reports.
    #[serde(rename = "pilots:read")]
    PilotsRead,
    /// Labelled sets to file, and runs to begin.
    #[serde(rename = "pilots:write")]
    PilotsWrite,
    /// The job queue and the schedules.
    #[serde(rename = "jobs:read")]
    JobsRead,
    /// Pausing, cancelling and repeating jobs.
    #[serde(rename = "jobs:write")]
    JobsWrite,
    /// Consumption and cost of all keys and users.
    #[serde(rename = "usage:read")]
    UsageRead,
    /// Metrics and the state of the engines.
    #[serde(rename = "metrics:read")]
    MetricsRead,
    /// The audit trail.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Keys, users, groups, webhooks, erasure of persons. Allows nothing else by itself.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope, in the order of their declaration.
    pub const ALL: [Scope; 21] = [
        Scope::Inference,
        Scope::KnowledgeRead,
        Scope::KnowledgeWrite,
        Scope::ReviewsRead,
        Scope::ReviewsWrite,
        Scope::TriageRead,
        Scope::TriageWrite,
        Scope::TriageManage,
        Scope::AssistantsRead,
        Scope::AssistantsWrite,
        Scope::ConversationsRead,
        Scope::ConversationsWrite,
        Scope::ConversationsAnswer,
        Scope::PilotsRead,
        Scope::PilotsWrite,
        Scope::JobsRead,
        Scope::JobsWrite,
        Scope::UsageRead,
        Scope::MetricsRead,
        Scope::AuditRead,
        Scope::Admin,
    ];

    /// The name in the API, the configuration and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Inference => "inference",
            Scope::KnowledgeRead => "knowledge:read",
            Scope::KnowledgeWrite => "knowledge:write",
            Scope::ReviewsRead => "reviews:read",
            Scope::ReviewsWrite => "reviews:write",
            Scope::TriageRead => "triage:read",
            Scope::TriageWrite => "triage:write",
            Scope::TriageManage => "triage:manage",
            Scope::AssistantsRead => "assistants:read",
            Scope::AssistantsWrite => "assistants:write",
            Scope::ConversationsRead => "conversations:read",
            Scope::ConversationsWrite => "conversations:write",
            Scope::ConversationsAnswer => "conversations:answer",
            Scope::PilotsRead => "pilots:read",
            Scope::PilotsWrite => "pilots:write",
            Scope::JobsRead => "jobs:read",
            Scope::JobsWrite => "jobs:write",
            Scope::UsageRead => "usage:read",
            Scope::MetricsRead => "metrics:read",
            Scope::AuditRead => "audit:read",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a scope or a role that does not exist, with those that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The names there are.
    pub known: Vec<&'static str>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be one of `{}`", self.known.join("`, `"))
    }
}

impl std::error::Error for UnknownName {}

impl FromStr for Scope {
    type Err = UnknownName;

    /// Reads a scope's name.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
        found.ok_or_else(|| UnknownName { known: Scope::ALL.map(Scope::as_str).to_vec() })
    }
}

/// What a user is, which decides what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Asks, also assistants, and reads.
    Reader,
    /// Decides what waits for a person, and answers customers, too.
    Reviewer,
    /// Manages documents and jobs, and sees what is consumed, too.
    Operator,
    /// Manages keys and users and reads the audit trail, too. Which documents an administrator
    /// reads is decided by labels, as for everybody.
    Admin,
}

impl UserRole {
    /// Every role, each with all that the one before may do.
    pub const ALL: [UserRole; 4] =
        [UserRole::Reader, UserRole::Reviewer, UserRole::Operator, UserRole::Admin];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            UserRole::Reader => "reader",
            UserRole::Reviewer => "reviewer",
            UserRole::Operator => "operator",
            UserRole::Admin => "admin",
        }
    }

    /// Whether a user with this role may do `scope`.
    pub fn allows(self, scope: Scope) -> bool {
        self >= Self::least(scope)
    }

    /// What a user with this role may do.
    pub fn scopes(self) -> Vec<Scope> {
        Scope::ALL.into_iter().filter(|scope| self.allows(*scope)).collect()
    }

    /// The least role that a scope needs.
    fn least(scope: Scope) -> Self {
        match scope {
            Scope::Inference | Scope::KnowledgeRead | Scope::ConversationsWrite => UserRole::Reader,
            Scope::ReviewsRead
            | Scope::ReviewsWrite
            | Scope::TriageRead
            | Scope::TriageWrite
            | Scope::AssistantsRead
            | Scope::ConversationsRead
            | Scope::ConversationsAnswer => UserRole::Reviewer,
            Scope::KnowledgeWrite
            | Scope::TriageManage
            | Scope::AssistantsWrite
            | Scope::PilotsRead
            | Scope::PilotsWrite
            | Scope::JobsRead
            | Scope::JobsWrite
            | Scope::UsageRead
            | Scope::MetricsRead => UserRole::Operator,
            Scope::AuditRead | Scope::Admin => UserRole::Admin,
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UserRole {
    type Err = UnknownName;

    /// Reads a role's name.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = UserRole::ALL.into_iter().find(|role| role.as_str() == name);
        found.ok_or_else(|| UnknownName { known: UserRole::ALL.map(UserRole::as_str).to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, UserRole};

    #[test]
    fn names_are_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        for role in UserRole::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!("".parse::<Scope>().is_err() && "Admin".parse::<UserRole>().is_err());
    }

    #[test]
    fn each_role_may_do_what_the_one_before_may() {
        for pair in UserRole::ALL.windows(2) {
            let (less, more) = (pair[0].scopes(), pair[1].scopes());
            assert!(less.len() < more.len() && less.iter().all(|scope| more.contains(scope)));
        }
        let reader = [Scope::Inference, Scope::KnowledgeRead, Scope::ConversationsWrite];
        assert_eq!(UserRole::Reader.scopes(), reader);
        assert_eq!(UserRole::Admin.scopes(), Scope::ALL);
    }
}
