//! Describes API keys: what is stored of them and what presenting one leads to.

use std::fmt;
use std::str::FromStr;

use intramuros_types::{Access, KeyId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::LedgerError;

mod records;
mod secret;

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Chat completions and embeddings.
    #[serde(rename = "inference")]
    Inference,
    /// Search and reading of documents.
    #[serde(rename = "knowledge:read")]
    KnowledgeRead,
    /// Upload and deletion of documents.
    #[serde(rename = "knowledge:write")]
    KnowledgeWrite,
    /// Figures of the server, for monitoring.
    #[serde(rename = "metrics:read")]
    MetricsRead,
    /// Keys and knowledge bases. Allows nothing else by itself.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope, in the order of their declaration.
    pub const ALL: [Scope; 5] = [
        Scope::Inference,
        Scope::KnowledgeRead,
        Scope::KnowledgeWrite,
        Scope::MetricsRead,
        Scope::Admin,
    ];

    /// The name in the API, the configuration and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Inference => "inference",
            Scope::KnowledgeRead => "knowledge:read",
            Scope::KnowledgeWrite => "knowledge:write",
            Scope::MetricsRead => "metrics:read",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = LedgerError;

    /// Reads a scope's name.
    ///
    /// # Errors
    /// `Invalid` with the list of the names.
    fn from_str(name: &str) -> Result<Self, LedgerError> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(|| {
            let names = Scope::ALL.map(Scope::as_str).join("`, `");
            LedgerError::Invalid { name: "scope", reason: format!("must be one of `{names}`") }
        })
    }
}

/// What a key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// What the operator calls it, up to 200 characters.
    pub name: String,
    /// What it allows; at least one.
    pub scopes: Vec<Scope>,
    /// Whose documents it opens beside those that are open to everybody; `*` for all.
    pub labels: Vec<String>,
    /// From when on it is refused.
    pub expires: Option<OffsetDateTime>,
}

/// What the ledger knows of a key; the secret is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The visible prefix of the secret (`imk_` and 8 characters).
    pub id: KeyId,
    /// What the operator called it.
    pub name: String,
    /// What it allows, without repetition, in the order of [`Scope::ALL`].
    pub scopes: Vec<Scope>,
    /// Whose documents it opens beside those that are open to everybody; `*` for all.
    pub labels: Vec<String>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// From when on it is refused.
    pub expires: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked: Option<OffsetDateTime>,
    /// When it was last accepted, exact to a minute.
    pub last_used: Option<OffsetDateTime>,
}

impl KeyRecord {
    /// Whether the key allows `scope`.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Which documents it opens.
    pub fn access(&self) -> Access {
        Access::of_key(&self.labels)
    }
}

/// A key at the only moment when its secret is known.
#[derive(Clone)]
pub struct NewKey {
    /// `imk_` and 32 random bytes in base64url; shown once, stored nowhere.
    pub secret: String,
    /// What is stored.
    pub record: KeyRecord,
}

/// Leaves the secret out, so that it cannot reach a log.
impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("record", &self.record).finish_non_exhaustive()
    }
}

/// What presenting a secret leads to. Only who presents the whole secret learns that a key has
/// expired or was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The key is good.
    Accepted(KeyRecord),
    /// No such key.
    Unknown,
    /// The key was good until its `expires`.
    Expired,
    /// The key was revoked.
    Revoked,
}

#[cfg(test)]
mod tests;
