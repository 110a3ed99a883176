//! Tests when a mind stands and when another one is made.

use std::sync::Arc;
use std::time::Duration;

use intramuros_ledger::TriagePolicyRecord;

use super::{Known, Mind, PATIENCE};
use crate::triage::mind::tests::mind;

/// A policy as the mind knows it, with this many changes of its examples.
fn record(mind: &Mind, learnt: u64) -> TriagePolicyRecord {
    let (version, created) = (mind.version, mind.created);
    TriagePolicyRecord {
        id: "support".into(),
        version,
        labels: Vec::new(),
        learnt,
        created,
        updated: created,
    }
}

fn that_took(time: Duration) -> Mind {
    let mut mind = mind();
    mind.took = time;
    mind
}

fn name(mind: Option<Mind>, record: &TriagePolicyRecord) -> &'static str {
    match Known::of(mind.map(Arc::new).as_ref(), record) {
        Known::Current(_) => "current",
        Known::Last(_) => "last",
        Known::Nothing => "nothing",
    }
}

#[test]
fn the_last_mind_stands_where_learning_takes_long() {
    let quick = that_took(Duration::ZERO);
    let slow = that_took(PATIENCE + Duration::from_secs(1));
    let (now, later) = (record(&quick, quick.learnt), record(&quick, quick.learnt + 1));
    assert_eq!(name(None, &now), "nothing");
    for mind in [&quick, &slow] {
        assert_eq!(name(Some(mind.clone()), &now), "current");
    }
    assert_eq!(name(Some(quick.clone()), &later), "nothing");
    assert_eq!(name(Some(slow.clone()), &later), "last");
    // What was only added to it is learnt from with all others.
    let amended = |mind: &Mind| {
        let mut mind = mind.clone();
        mind.is_amended = true;
        mind
    };
    assert_eq!(name(Some(amended(&slow)), &now), "last");
    assert_eq!(name(Some(amended(&quick)), &now), "nothing");
}

#[test]
fn a_mind_is_of_one_policy_and_version() {
    let slow = that_took(PATIENCE + Duration::from_secs(1));
    let mut other = record(&slow, slow.learnt);
    other.version += 1;
    assert_eq!(name(Some(slow.clone()), &other), "nothing");
    let mut other = record(&slow, slow.learnt);
    other.created += time::Duration::seconds(1);
    assert_eq!(name(Some(slow), &other), "nothing");
}
