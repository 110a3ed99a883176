//! Says who calls, and what they may do.

use serde::{Deserialize, Serialize};

use crate::{Access, KeyId, Scope, UserId};

/// A caller whose key or session was checked. Every permission check asks it: [`may`](Self::may)
/// for what is done, [`access`](Self::access) for the documents that it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The key that was presented; `None` for a session.
    pub key: Option<KeyId>,
    /// The first of the keys of which it is a rotation, itself without one; limits and consumption
    /// go on across rotations.
    pub family: Option<KeyId>,
    /// Who signed in, or the owner of the key.
    pub user: Option<UserId>,
    /// What they may do.
    pub scopes: Vec<Scope>,
    /// Which documents that reaches.
    pub access: Access,
    /// How much they may do.
    pub limits: Limits,
}

impl Principal {
    /// Whether they may do `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether they may let somebody else do and read that: nobody gives more than they have.
    pub fn may_give(&self, scopes: &[Scope], access: &Access) -> bool {
        scopes.iter().all(|scope| self.may(*scope)) && self.access.covers(access)
    }

    /// Whom limits and consumption are counted for: a key with its rotations, or a user.
    pub fn account(&self) -> &str {
        match (&self.family, &self.user) {
            (Some(family), _) => family.as_str(),
            (None, Some(user)) => user.as_str(),
            (None, None) => "",
        }
    }

    /// The name in the audit trail and in logs: `key:imk_…` or `user:usr_…`.
    pub fn name(&self) -> String {
        match (&self.key, &self.user) {
            (Some(key), _) => format!("key:{key}"),
            (None, Some(user)) => format!("user:{user}"),
            (None, None) => "nobody".to_owned(),
        }
    }
}

/// How much a caller may do; `None` for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests that a minute brings.
    pub requests_per_minute: Option<u32>,
    /// Tokens that a minute brings, of prompts and answers together.
    pub tokens_per_minute: Option<u32>,
    /// Requests at the same time.
    pub concurrent_requests: Option<u32>,
    /// Tokens of a calendar month (UTC), of prompts and answers together.
    pub monthly_tokens: Option<u64>,
}

impl Limits {
    /// These, with `default` where there is none.
    #[must_use]
    pub fn or(self, default: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(default.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(default.tokens_per_minute),
            concurrent_requests: self.concurrent_requests.or(default.concurrent_requests),
            monthly_tokens: self.monthly_tokens.or(default.monthly_tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Principal};
    use crate::{Access, Scope};

    #[test]
    fn nobody_gives_more_than_they_have() {
        let giver = Principal {
            key: Some("imk_12345678".into()),
            family: None,
            user: None,
            scopes: vec![Scope::KnowledgeRead, Scope::Admin],
            access: Access::of(&["rh"]),
            limits: Limits::default(),
        };
        assert!(giver.may_give(&[Scope::KnowledgeRead], &Access::of(&["rh"])));
        assert!(!giver.may_give(&[Scope::KnowledgeWrite], &Access::of(&["rh"])));
        assert!(!giver.may_give(&[Scope::KnowledgeRead], &Access::of(&["paie"])));
        assert_eq!(giver.name(), "key:imk_12345678");
    }

    #[test]
    fn a_limit_of_its_own_counts_before_the_default() {
        let own = Limits { requests_per_minute: Some(5), ..Limits::default() };
        let default =
            Limits { requests_per_minute: Some(9), monthly_tokens: Some(1), ..Limits::default() };
        let both = own.or(default);
        assert_eq!((both.requests_per_minute, both.monthly_tokens), (Some(5), Some(1)));
    }
}
