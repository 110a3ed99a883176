//! Tests thresholds in force, taken back, and changes of models.

use super::*;
use crate::{ModelRole, NewModelSwitch, NewThreshold, ThresholdRecord};

fn threshold(run: &PilotRunId, at: f64) -> NewThreshold {
    NewThreshold {
        job: "chat".to_owned(),
        target: "support".to_owned(),
        threshold: at,
        promise: json!({"max_error": 0.05, "certainty": 0.95}),
        run: run.clone(),
        accepted_by: "usr_marie".to_owned(),
    }
}

async fn in_force(fixture: &Fixture) -> Option<f64> {
    let found = fixture.ledger.active_threshold("chat", "support").await.unwrap();
    found.map(|found| found.threshold)
}

async fn accept(fixture: &Fixture, run: &PilotRunId, at: f64) -> ThresholdRecord {
    fixture.ledger.accept_threshold(threshold(run, at), &ALL).await.unwrap()
}

#[tokio::test]
async fn a_threshold_ends_with_what_it_is_for() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 1)).await;
    let run = finished(&fixture, &set).await;
    accept(&fixture, &run, 0.8).await;
    let other = NewThreshold { target: "ventes".to_owned(), ..threshold(&run, 0.9) };
    ledger.accept_threshold(other, &ALL).await.unwrap();
    let mut transaction = ledger.begin_write("delete").await.unwrap();
    for _ in 0..2 {
        super::super::end_thresholds(&mut transaction, "chat", "support", 7).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(in_force(&fixture).await, None);
    assert_eq!(ledger.active_thresholds().await.unwrap().len(), 1);
    let history = ledger.threshold_history("chat", "support", 10).await.unwrap();
    assert_eq!((history[0].active, history[0].ended_by.as_deref()), (false, Some("server:chat")));
    // What there was before is not in force again when a later one is taken back.
    accept(&fixture, &run, 0.7).await;
    assert!(ledger.take_back_threshold("chat", "support", "usr_jean").await.unwrap().is_none());
}

#[tokio::test]
async fn a_threshold_takes_the_place_of_another_and_gives_it_back() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 1)).await;
    let run = finished(&fixture, &set).await;
    assert_eq!(in_force(&fixture).await, None);
    let first = accept(&fixture, &run, 0.8).await;
    assert_eq!((first.active, first.accepted), (true, fixture.now()));
    assert_eq!(first.promise["max_error"], 0.05);
    let second = accept(&fixture, &run, 0.7).await;
    assert_eq!(second.replaces, Some(first.id.clone()));
    let third = accept(&fixture, &run, 0.6).await;
    assert_eq!(in_force(&fixture).await, Some(0.6));
    let other = NewThreshold { target: "ventes".to_owned(), ..threshold(&run, 0.9) };
    ledger.accept_threshold(other, &ALL).await.unwrap();
    assert_eq!(ledger.active_thresholds().await.unwrap().len(), 2);

    let back = ledger.take_back_threshold("chat", "support", "usr_jean").await.unwrap();
    assert_eq!(back.map(|back| back.id), Some(second.id.clone()));
    let history = ledger.threshold_history("chat", "support", 10).await.unwrap();
    let shown: Vec<_> =
        history.iter().map(|one| (one.threshold, one.active, one.taken_back)).collect();
    assert_eq!(shown, [(0.6, false, true), (0.7, true, false), (0.8, false, false)]);
    assert_eq!((&history[0].id, history[0].ended_by.as_deref()), (&third.id, Some("usr_jean")));
    assert_eq!((history[1].ended, history[1].ended_by.as_deref()), (None, None));
    // A new one takes the place of the one that came back.
    let fourth = accept(&fixture, &run, 0.5).await;
    assert_eq!(fourth.replaces, Some(second.id));
    for expected in [Some(0.7), Some(0.8), None] {
        let back = ledger.take_back_threshold("chat", "support", "usr_jean").await.unwrap();
        assert_eq!(back.map(|back| back.threshold), expected);
    }
    let none = ledger.take_back_threshold("chat", "support", "usr_jean").await;
    assert!(matches!(none, Err(LedgerError::NotFound { .. })), "{none:?}");
    assert_eq!(ledger.active_thresholds().await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_a_finished_run_of_the_job_vouches() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 1)).await;
    let open = begin(&fixture, &set.id).await.id;
    let said = refused(ledger.accept_threshold(threshold(&open, 0.5), &ALL).await);
    assert!(said.ends_with("is running; only a finished one vouches"), "{said}");
    let run = finished(&fixture, &set).await;
    let other = NewThreshold { job: "search".to_owned(), ..threshold(&run, 0.5) };
    let said = refused(ledger.accept_threshold(other, &ALL).await);
    assert!(said.ends_with("measures chat, not search"), "{said}");
    for wrong in [f64::NAN, f64::INFINITY] {
        let said = refused(ledger.accept_threshold(threshold(&run, wrong), &ALL).await);
        assert_eq!(said, "threshold is no number");
    }
    let none = ledger.accept_threshold(threshold(&"plr_none".into(), 0.5), &ALL).await;
    assert!(matches!(none, Err(LedgerError::NotFound { .. })));
    assert_eq!(in_force(&fixture).await, None);
}

#[tokio::test]
async fn who_vouches_stays_while_the_threshold_is_in_force() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 1)).await;
    let (first, second) = (finished(&fixture, &set).await, finished(&fixture, &set).await);
    accept(&fixture, &first, 0.8).await;
    let said = refused(ledger.delete_pilot_run(&first, &ALL).await);
    assert!(said.contains("vouches for a threshold"), "{said}");
    accept(&fixture, &second, 0.7).await;
    let said = refused(ledger.delete_pilot_set(&set.id, &ALL).await);
    assert!(said.contains("vouches for a threshold"), "{said}");
    // The first went with the attempt: nothing vouches for its threshold any more.
    assert!(ledger.get_pilot_run(&first, &ALL).await.is_err());
    let back = ledger.take_back_threshold("chat", "support", "usr_jean").await.unwrap();
    assert_eq!(back, None);
    ledger.delete_pilot_set(&set.id, &ALL).await.unwrap();
    assert_eq!(ledger.threshold_history("chat", "support", 10).await.unwrap().len(), 2);
}

fn switch(from: &str, to: &str) -> NewModelSwitch {
    NewModelSwitch {
        role: ModelRole::Generator,
        from: from.to_owned(),
        to: to.to_owned(),
        runs: None,
        by: "usr_marie".to_owned(),
    }
}

#[tokio::test]
async fn changes_of_models_are_undone_last_first() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 1)).await;
    let runs = (finished(&fixture, &set).await, finished(&fixture, &set).await);
    let new = NewModelSwitch { runs: Some(runs.clone()), ..switch("a", "b") };
    let first = ledger.note_model_switch(new, &ALL).await.unwrap();
    assert_eq!((first.runs.as_ref(), first.at), (Some(&runs), fixture.now()));
    let second = ledger.note_model_switch(switch("b", "c"), &ALL).await.unwrap();
    let said = refused(ledger.roll_back_model_switch(&first.id, "usr_jean").await);
    assert!(said.contains("is not the last one"), "{said}");
    let back = ledger.roll_back_model_switch(&second.id, "usr_jean").await.unwrap();
    assert_eq!(back.rolled_back, Some((fixture.now(), "usr_jean".to_owned())));
    let said = refused(ledger.roll_back_model_switch(&second.id, "usr_jean").await);
    assert!(said.ends_with("was undone before"), "{said}");
    ledger.roll_back_model_switch(&first.id, "usr_jean").await.unwrap();
    let all = ledger.model_switches(None, 10).await.unwrap();
    assert_eq!(all.iter().map(|one| one.to.as_str()).collect::<Vec<_>>(), ["c", "b"]);
    assert_eq!(ledger.model_switches(Some(ModelRole::Encoder), 10).await.unwrap(), []);
    let missing = ledger.roll_back_model_switch(&"swi_none".into(), "usr_jean").await;
    assert!(matches!(missing, Err(LedgerError::NotFound { .. })));
}

#[tokio::test]
async fn only_finished_runs_of_one_set_are_compared() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (one, two) =
        (file(&fixture, new_set("one", 1)).await, file(&fixture, new_set("two", 2)).await);
    let (first, other) = (finished(&fixture, &one).await, finished(&fixture, &two).await);
    let open = begin(&fixture, &one.id).await.id;
    for (after, says) in [(other, "is of another set"), (open, "is running, not finished")] {
        let new = NewModelSwitch { runs: Some((first.clone(), after)), ..switch("a", "b") };
        let said = refused(ledger.note_model_switch(new, &ALL).await);
        assert!(said.contains(says), "{said}");
    }
    let said = refused(ledger.note_model_switch(switch("a", "a"), &ALL).await);
    assert_eq!(said, "to is the model that is there");
}
