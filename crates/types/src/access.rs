//! Says what a caller may read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a caller may read. A document without labels is open to every caller; one with labels to
/// those who hold at least one of them. Who is denied one of its labels cannot read a document,
/// whatever else they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Whose documents are read beside those that are open to everybody; `None` for all.
    held: Option<BTreeSet<String>>,
    /// Labels whose documents are closed.
    denied: BTreeSet<String>,
}

impl Access {
    /// Every document.
    pub const EVERYTHING: Access = Access { held: None, denied: BTreeSet::new() };

    /// The label of a key or a user that stands for every label.
    pub const WILDCARD: &str = "*";

    /// What who holds `labels` may read.
    pub fn of<L: AsRef<str>>(labels: &[L]) -> Self {
        let everything = labels.iter().any(|label| label.as_ref() == Self::WILDCARD);
        let held = labels.iter().map(|label| label.as_ref().to_owned()).collect();
        Self { held: (!everything).then_some(held), denied: BTreeSet::new() }
    }

    /// The same without documents of these labels.
    #[must_use]
    pub fn without<L: AsRef<str>>(mut self, denied: &[L]) -> Self {
        self.denied.extend(denied.iter().map(|label| label.as_ref().to_owned()));
        self
    }

    /// Whether a document with `labels` may be read.
    pub fn allows<L: AsRef<str>>(&self, labels: &[L]) -> bool {
        if labels.iter().any(|label| self.denied.contains(label.as_ref())) {
            return false;
        }
        match &self.held {
            None => true,
            Some(held) => {
                labels.is_empty() || labels.iter().any(|label| held.contains(label.as_ref()))
            }
        }
    }

    /// Whether every one of `labels` is held: who may give a document these labels.
    pub fn holds<L: AsRef<str>>(&self, labels: &[L]) -> bool {
        labels.iter().all(|label| {
            let label = label.as_ref();
            !self.denied.contains(label)
                && self.held.as_ref().is_none_or(|held| held.contains(label))
        })
    }

    /// Whether no document is closed.
    pub fn is_everything(&self) -> bool {
        self.held.is_none() && self.denied.is_empty()
    }

    /// The labels that are held; `None` for all.
    pub fn held(&self) -> Option<&BTreeSet<String>> {
        self.held.as_ref()
    }

    /// The labels whose documents are closed.
    pub fn denied(&self) -> &BTreeSet<String> {
        &self.denied
    }

    /// What this caller may read on behalf of somebody who holds `labels`: never more than either.
    #[must_use]
    pub fn on_behalf_of(&self, labels: &[String]) -> Self {
        let asked = labels.iter().cloned().collect::<BTreeSet<_>>();
        let held = match &self.held {
            None => asked,
            Some(held) => held.intersection(&asked).cloned().collect(),
        };
        Self { held: Some(held), denied: self.denied.clone() }
    }

    /// Whether `other` reads nothing that this caller cannot read: who may give it.
    pub fn covers(&self, other: &Self) -> bool {
        let held = match (&self.held, &other.held) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => theirs.is_subset(ours),
        };
        held && self.denied.is_subset(&other.denied)
    }

    /// What is held by either, without what is denied to either: a member's own labels and those of
    /// a group.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let held = match (&self.held, &other.held) {
            (None, _) | (_, None) => None,
            (Some(ours), Some(theirs)) => Some(ours.union(theirs).cloned().collect()),
        };
        Self { held, denied: self.denied.union(&other.denied).cloned().collect() }
    }

    /// What both may read.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let held = match (&self.held, &other.held) {
            (None, held) | (held, None) => held.clone(),
            (Some(ours), Some(theirs)) => Some(ours.intersection(theirs).cloned().collect()),
        };
        Self { held, denied: self.denied.union(&other.denied).cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::Access;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn check(held: &[&str], document: &[&str], readable: bool) {
        assert_eq!(Access::of(held).allows(document), readable);
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
    fn what_is_denied_is_closed_whatever_else_is_held() {
        for held in [&["*"][..], &["rh", "paie"]] {
            let access = Access::of(held).without(&["paie"]);
            assert!(access.allows(&["rh"]) && access.allows::<&str>(&[]));
            assert!(!access.allows(&["paie"]) && !access.allows(&["rh", "paie"]));
            assert!(access.holds(&["rh"]) && !access.holds(&["rh", "paie"]));
            assert!(!access.is_everything());
            assert!(!access.on_behalf_of(&labels(&["paie"])).allows(&["paie"]));
        }
    }

    #[test]
    fn acting_for_somebody_never_widens() {
        let key = Access::of(&["rh", "achats"]);
        assert_eq!(key.on_behalf_of(&labels(&["rh", "paie"])), Access::of(&["rh"]));
        let all = Access::of(&["*"]);
        assert!(!all.on_behalf_of(&labels(&["rh"])).allows(&["paie"]));
        assert!(
            !all.on_behalf_of(&labels(&["*"])).allows(&["paie"]),
            "`*` is a key's, not a user's"
        );
        assert!(key.holds(&["rh"]) && !key.holds(&["rh", "paie"]) && all.holds(&["paie"]));
    }

    #[test]
    fn two_together_read_what_both_may() {
        let (key, owner) = (Access::of(&["rh", "achats"]), Access::of(&["*"]).without(&["paie"]));
        let both = key.and(&owner);
        assert_eq!(both, Access::of(&["rh", "achats"]).without(&["paie"]));
        assert_eq!(owner.and(&key), both);
        assert!(!key.and(&Access::of(&["direction"])).allows(&["rh"]));
        assert!(Access::EVERYTHING.and(&Access::EVERYTHING).is_everything());
    }

    #[test]
    fn a_group_adds_and_denies() {
        let own = Access::of(&["rh"]).without(&["paie"]);
        let both = own.or(&Access::of(&["achats", "paie"]).without(&["direction"]));
        assert_eq!(both, Access::of(&["achats", "paie", "rh"]).without(&["direction", "paie"]));
        assert!(!both.allows(&["paie"]) && both.allows(&["achats"]));
        assert!(own.or(&Access::EVERYTHING).allows(&["achats"]));
    }

    #[test]
    fn only_what_is_covered_can_be_given() {
        let giver = Access::of(&["rh", "achats"]).without(&["paie"]);
        assert!(giver.covers(&Access::of(&["rh"]).without(&["paie", "direction"])));
        // It reads what has both `rh` and `paie`, which the giver does not.
        assert!(!giver.covers(&Access::of(&["rh"])));
        assert!(!giver.covers(&Access::of(&["direction"]).without(&["paie"])));
        assert!(!giver.covers(&Access::of(&["*"]).without(&["paie"])));
        assert!(Access::EVERYTHING.covers(&giver) && !giver.covers(&Access::EVERYTHING));
    }
}
