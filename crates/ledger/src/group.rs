//! Keeps groups: labels that several users and keys have together.

use intramuros_types::{GroupId, KeyId, UserId};
use time::OffsetDateTime;

mod records;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its id.
    pub id: GroupId,
    /// What people call it.
    pub title: String,
    /// Whose documents it opens to its members; `*` for all.
    pub labels: Vec<String>,
    /// Labels whose documents it closes to its members.
    pub denied: Vec<String>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// Who is in it.
    pub members: Vec<Member>,
}

/// What a group is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRequest {
    /// Its id, a slug.
    pub id: GroupId,
    /// What people call it, up to 200 characters.
    pub title: String,
    /// Whose documents it opens to its members; `*` for all.
    pub labels: Vec<String>,
    /// Labels whose documents it closes to its members.
    pub denied: Vec<String>,
}

/// What of a group can be changed; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChanges {
    /// What people call it.
    pub title: Option<String>,
    /// Whose documents it opens.
    pub labels: Option<Vec<String>>,
    /// Labels whose documents it closes.
    pub denied: Option<Vec<String>>,
}

/// Who is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A user.
    User(UserId),
    /// A key with its rotations.
    Key(KeyId),
}

impl Member {
    /// The id.
    pub fn as_str(&self) -> &str {
        match self {
            Member::User(id) => id.as_str(),
            Member::Key(id) => id.as_str(),
        }
    }

    /// Reads what is stored; ids say by their beginning what they are of.
    fn of(stored: String) -> Self {
        if stored.starts_with(crate::key::KEY_PREFIX) {
            Member::Key(KeyId::new(stored))
        } else {
            Member::User(UserId::new(stored))
        }
    }
}

#[cfg(test)]
mod tests;
