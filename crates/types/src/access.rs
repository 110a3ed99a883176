//! Says what a caller may read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a caller may read. A document without labels is open to every caller; one with labels to
/// those who hold at least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Every document.
    Everything,
    /// Documents without labels, and those with at least one of these.
    Labels(BTreeSet<String>),
}

impl Access {
    /// The label of a key that stands for every label.
    pub const WILDCARD: &str = "*";

    /// What a key with these labels may read.
    pub fn of_key(labels: &[String]) -> Self {
        if labels.iter().any(|label| label == Self::WILDCARD) {
            return Self::Everything;
        }
        Self::Labels(labels.iter().cloned().collect())
    }

    /// Whether a document with `labels` may be read.
    pub fn allows<L: AsRef<str>>(&self, labels: &[L]) -> bool {
        match self {
            Self::Everything => true,
            Self::Labels(held) => {
                labels.is_empty() || labels.iter().any(|label| held.contains(label.as_ref()))
            }
        }
    }

    /// Whether every one of `labels` is held: who may give a document these labels.
    pub fn holds<L: AsRef<str>>(&self, labels: &[L]) -> bool {
        match self {
            Self::Everything => true,
            Self::Labels(held) => labels.iter().all(|label| held.contains(label.as_ref())),
        }
    }

    /// What this caller may read on behalf of somebody who holds `labels`: never more than either.
    #[must_use]
    pub fn on_behalf_of(&self, labels: &[String]) -> Self {
        let asked = labels.iter().cloned().collect::<BTreeSet<_>>();
        match self {
            Self::Everything => Self::Labels(asked),
            Self::Labels(held) => Self::Labels(held.intersection(&asked).cloned().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Access;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn check(key: &[&str], document: &[&str], readable: bool) {
        assert_eq!(Access::of_key(&labels(key)).allows(document), readable);
    }

    #[test]
    fn one_common_label_opens_a_document() {
        check(&[], &[], true);
        check(&[], &["rh"], false);
        check(&["rh"], &["rh", "direction"], true);
        check(&["achats"], &["rh", "direction"], false);
        check(&["*"], &["rh"], true);
    }

    #[test]
    fn acting_for_somebody_never_widens() {
        let key = Access::of_key(&labels(&["rh", "achats"]));
        assert_eq!(key.on_behalf_of(&labels(&["rh", "paie"])), Access::of_key(&labels(&["rh"])));
        let all = Access::of_key(&labels(&["*"]));
        assert!(!all.on_behalf_of(&labels(&["rh"])).allows(&["paie"]));
        assert!(
            !all.on_behalf_of(&labels(&["*"])).allows(&["paie"]),
            "`*` is a key's, not a user's"
        );
        assert!(key.holds(&["rh"]) && !key.holds(&["rh", "paie"]) && all.holds(&["paie"]));
    }
}
