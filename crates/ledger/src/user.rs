//! Keeps users: who may sign in, with which role, and what they may read.

use intramuros_types::{UserId, UserRole};
use time::OffsetDateTime;

mod password;
mod records;
mod sessions;

pub use password::Password;
pub use sessions::{SessionRules, SignIn};

/// A user without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The id, which stays when the name changes.
    pub id: UserId,
    /// What they sign in with, lower case.
    pub name: String,
    /// What people call them.
    pub full_name: String,
    /// What they may do.
    pub role: UserRole,
    /// Whose documents they read beside those that are open to everybody; `*` for all.
    pub labels: Vec<String>,
    /// Labels whose documents they do not read.
    pub denied: Vec<String>,
    /// Whether the password was given by somebody else and must be changed before anything else.
    pub must_change: bool,
    /// When they were made.
    pub created: OffsetDateTime,
    /// Since when they cannot sign in.
    pub disabled: Option<OffsetDateTime>,
    /// When they signed in last.
    pub last_sign_in: Option<OffsetDateTime>,
}

/// What a user is to be.
#[derive(Debug, Clone)]
pub struct UserRequest {
    /// What they sign in with: 2 to 100 characters without spaces; case does not matter.
    pub name: String,
    /// What people call them, up to 200 characters.
    pub full_name: String,
    /// What they may do.
    pub role: UserRole,
    /// Whose documents they read beside those that are open to everybody; `*` for all.
    pub labels: Vec<String>,
    /// Labels whose documents they do not read.
    pub denied: Vec<String>,
    /// The first password.
    pub password: Password,
    /// Whether they must change it at the first sign-in.
    pub must_change: bool,
}

/// What of a user can be changed; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// What people call them.
    pub full_name: Option<String>,
    /// What they may do.
    pub role: Option<UserRole>,
    /// Whose documents they read.
    pub labels: Option<Vec<String>>,
    /// Labels whose documents they do not read.
    pub denied: Option<Vec<String>>,
    /// Whether they cannot sign in, nor their keys be used.
    pub disabled: Option<bool>,
}

#[cfg(test)]
pub(crate) mod tests;
