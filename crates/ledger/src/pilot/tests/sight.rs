//! Tests who sees which sets and runs.

use super::*;

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn sees_set(fixture: &Fixture, id: &PilotSetId, access: &Access) -> bool {
    let ledger = &fixture.ledger;
    let found = ledger.get_pilot_set(id, access).await.is_ok();
    let page = PilotSetPage { limit: 10, ..PilotSetPage::default() };
    let (listed, _) = ledger.list_pilot_sets(&page, access).await.unwrap();
    assert_eq!(listed.iter().any(|set| set.id == *id), found);
    assert_eq!(ledger.pilot_set_items(id, &items(1), access).await.is_ok(), found);
    assert_eq!(ledger.begin_pilot_run(new_run(id), None, access).await.is_ok(), found);
    found
}

async fn sees_run(fixture: &Fixture, id: &PilotRunId, access: &Access) -> bool {
    let ledger = &fixture.ledger;
    let found = ledger.get_pilot_run(id, access).await.is_ok();
    let page = PilotRunPage { limit: 100, ..PilotRunPage::default() };
    let (listed, _) = ledger.list_pilot_runs(&page, access).await.unwrap();
    assert_eq!(listed.iter().any(|run| run.id == *id), found);
    assert_eq!(ledger.pilot_results(id, &items(1), access).await.is_ok(), found);
    if !found {
        let hidden = ledger.delete_pilot_run(id, access).await;
        assert!(matches!(hidden, Err(LedgerError::NotFound { .. })), "{hidden:?}");
    }
    found
}

#[tokio::test]
async fn labels_of_sets_and_of_runs_open_and_deny() {
    let fixture = Fixture::new().await;
    let set_with =
        |name: &str, names: &[&str]| NewPilotSet { labels: labels(names), ..new_set(name, 1) };
    let open = file(&fixture, set_with("open", &[])).await.id;
    let rh = file(&fixture, set_with("rh", &["rh"])).await.id;
    let run_of = async |set: &PilotSetId, names: &[&str]| {
        let new = NewPilotRun { labels: labels(names), ..new_run(set) };
        fixture.ledger.begin_pilot_run(new, None, &ALL).await.unwrap().id
    };
    let open_run = run_of(&open, &[]).await;
    // Its answers quote what only some may read.
    let paie_run = run_of(&open, &["paie"]).await;
    let both_run = run_of(&rh, &["paie"]).await;
    for (access, sees) in [
        (Access::of::<&str>(&[]), [true, false, true, false, false]),
        (Access::of(&["rh"]), [true, true, true, false, false]),
        (Access::of(&["paie"]), [true, false, true, true, false]),
        (Access::of(&["rh", "paie"]), [true, true, true, true, true]),
        (Access::of(&["*"]).without(&["paie"]), [true, true, true, false, false]),
        (Access::of(&["*"]), [true, true, true, true, true]),
    ] {
        assert_eq!(sees_set(&fixture, &open, &access).await, sees[0], "{access:?}");
        assert_eq!(sees_set(&fixture, &rh, &access).await, sees[1], "{access:?}");
        assert_eq!(sees_run(&fixture, &open_run, &access).await, sees[2], "{access:?}");
        assert_eq!(sees_run(&fixture, &paie_run, &access).await, sees[3], "{access:?}");
        assert_eq!(sees_run(&fixture, &both_run, &access).await, sees[4], "{access:?}");
    }
}

#[tokio::test]
async fn nobody_files_under_labels_that_they_do_not_hold() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let rh = NewPilotSet { labels: labels(&["rh"]), ..new_set("faq", 1) };
    let access = Access::of(&["achats"]);
    let said = refused(ledger.create_pilot_set(rh.clone(), &access).await);
    assert_eq!(said, "labels names labels that you do not hold");
    let set = file(&fixture, rh).await;
    // The same set is there, and they do not learn what it is.
    let said = refused(ledger.create_pilot_set(new_set("faq", 1), &access).await);
    assert_eq!(said, "set `faq` is there with labels that you do not hold");
    let open = file(&fixture, new_set("open", 1)).await;
    let run = NewPilotRun { labels: labels(&["rh"]), ..new_run(&open.id) };
    let said = refused(ledger.begin_pilot_run(run, None, &access).await);
    assert_eq!(said, "labels names labels that you do not hold");
    let hidden = ledger.delete_pilot_set(&set.id, &access).await;
    assert!(matches!(hidden, Err(LedgerError::NotFound { .. })), "{hidden:?}");
}

#[tokio::test]
async fn a_set_with_runs_that_are_hidden_stays() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 1)).await;
    let seen = finished(&fixture, &set).await;
    let new = NewPilotRun { labels: labels(&["rh"]), ..new_run(&set.id) };
    let hidden = ledger.begin_pilot_run(new, None, &ALL).await.unwrap().id;
    ledger.end_pilot_run(None, &hidden, PilotRunState::Cancelled, None).await.unwrap();
    let said = refused(ledger.delete_pilot_set(&set.id, &Access::of::<&str>(&[])).await);
    assert!(said.ends_with("has runs that you may not see"), "{said}");
    let gone = ledger.get_pilot_run(&seen, &ALL).await;
    assert!(matches!(gone, Err(LedgerError::NotFound { .. })));
    ledger.delete_pilot_set(&set.id, &ALL).await.unwrap();
    let gone = ledger.get_pilot_set(&set.id, &ALL).await;
    assert!(matches!(gone, Err(LedgerError::NotFound { .. })));
    ledger.check().await.unwrap();
}
