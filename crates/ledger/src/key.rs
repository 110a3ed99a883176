//! Describes API keys: what is stored of them and what presenting one leads to.

use std::fmt;

use intramuros_types::{Access, KeyId, Limits, Principal, Scope, UserId};
use time::OffsetDateTime;

mod records;
pub(crate) mod secret;

pub(crate) use secret::KEY as KEY_PREFIX;

/// What a key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// What the operator calls it, up to 200 characters.
    pub name: String,
    /// What it allows; at least one.
    pub scopes: Vec<Scope>,
    /// Whose documents it opens beside those that are open to everybody; `*` for all.
    pub labels: Vec<String>,
    /// Labels whose documents it does not open, whatever else it opens.
    pub denied: Vec<String>,
    /// Whose it is: it then never does or reads more than they may.
    pub owner: Option<UserId>,
    /// How much it may do.
    pub limits: Limits,
    /// From when on it is refused.
    pub expires: Option<OffsetDateTime>,
}

/// What of a key can be changed; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// What the operator calls it.
    pub name: Option<String>,
    /// What it allows.
    pub scopes: Option<Vec<Scope>>,
    /// Whose documents it opens.
    pub labels: Option<Vec<String>>,
    /// Labels whose documents it does not open.
    pub denied: Option<Vec<String>>,
    /// How much it may do.
    pub limits: Option<Limits>,
    /// From when on it is refused; `Some(None)` for never.
    pub expires: Option<Option<OffsetDateTime>>,
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
    /// Labels whose documents it does not open, whatever else it opens.
    pub denied: Vec<String>,
    /// Whose it is; `None` for an application's.
    pub owner: Option<UserId>,
    /// The first of the keys of which it is a rotation; its own id without one.
    pub family: KeyId,
    /// How much it may do.
    pub limits: Limits,
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
    /// Which documents it opens by itself, without groups and owner.
    pub fn access(&self) -> Access {
        Access::of(&self.labels).without(&self.denied)
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

/// What presenting the secret of a key or a session leads to. Only who presents the whole secret
/// learns more than that it is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// It is good.
    Accepted(Box<Principal>),
    /// There is no such key or session.
    Unknown,
    /// It was good until some time ago.
    Expired,
    /// The key was revoked.
    Revoked,
    /// Its user, or the owner of the key, was disabled.
    Disabled,
}

#[cfg(test)]
mod tests;
