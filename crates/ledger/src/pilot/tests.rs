//! Tests sets, runs, thresholds and changes of models.

use std::time::Duration;

use intramuros_types::{Access, PilotRunId, PilotSetId};
use serde_json::json;

use super::{
    NewPilotItem, NewPilotResult, NewPilotRun, NewPilotSet, PILOT, PilotItemPage, PilotOutcome,
    PilotRunPage, PilotRunRecord, PilotRunState, PilotSetFiled, PilotSetPage, PilotSetRecord,
};
use crate::ledger::tests::Fixture;
use crate::{FailureReason, Lease, LedgerError, NewJob};

mod choices;
mod life;
mod sight;

const ALL: Access = Access::EVERYTHING;
const MINUTE: Duration = Duration::from_secs(60);

fn new_set(name: &str, items: usize) -> NewPilotSet {
    let item = |at: usize| NewPilotItem {
        id: format!("Q{at}"),
        item: json!({"question": format!("question {at}"), "answerable": true}),
    };
    NewPilotSet {
        name: name.to_owned(),
        job: "chat".to_owned(),
        sha256: format!("{items:064x}"),
        items: (0..items).map(item).collect(),
        labels: Vec::new(),
        created_by: "usr_marie".to_owned(),
    }
}

async fn file(fixture: &Fixture, new: NewPilotSet) -> PilotSetRecord {
    fixture.ledger.create_pilot_set(new, &ALL).await.unwrap().set()
}

fn new_run(set: &PilotSetId) -> NewPilotRun {
    NewPilotRun {
        set: set.clone(),
        meta: json!({"versions": {"generator": "petit"}}),
        knowledge_base: None,
        labels: Vec::new(),
        created_by: "usr_marie".to_owned(),
    }
}

async fn begin(fixture: &Fixture, set: &PilotSetId) -> PilotRunRecord {
    fixture.ledger.begin_pilot_run(new_run(set), None, &ALL).await.unwrap()
}

fn result(ordinal: u64, outcome: PilotOutcome) -> NewPilotResult {
    NewPilotResult {
        ordinal,
        outcome,
        result: json!({"answer": format!("réponse {ordinal}")}),
        documents: Vec::new(),
    }
}

/// A finished run whose items were all right.
async fn finished(fixture: &Fixture, set: &PilotSetRecord) -> PilotRunId {
    let run = begin(fixture, &set.id).await.id;
    for ordinal in 0..set.items {
        let done = result(ordinal, PilotOutcome::Right);
        assert!(fixture.ledger.note_pilot_item(None, &run, &done).await.unwrap());
    }
    fixture.ledger.end_pilot_run(None, &run, PilotRunState::Finished, None).await.unwrap();
    run
}

fn items(limit: u32) -> PilotItemPage {
    PilotItemPage { limit, ..PilotItemPage::default() }
}

/// What a refused operation says.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_set_is_filed_once_for_each_version() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let first = file(&fixture, new_set("faq", 3)).await;
    assert_eq!((first.items, first.erased, first.created), (3, 0, fixture.now()));
    let again = ledger.create_pilot_set(new_set("faq", 3), &ALL).await.unwrap();
    assert!(matches!(&again, PilotSetFiled::Existing(same) if *same == first), "{again:?}");
    let second = file(&fixture, new_set("faq", 4)).await;
    let other = file(&fixture, NewPilotSet { job: "search".to_owned(), ..new_set("faq", 3) }).await;
    assert!(first.id != second.id && first.id != other.id);
    assert_eq!(ledger.get_pilot_set(&first.id, &ALL).await.unwrap(), first);

    let list = async |page: PilotSetPage| ledger.list_pilot_sets(&page, &ALL).await.unwrap();
    let page = PilotSetPage { job: Some("chat".to_owned()), limit: 1, ..PilotSetPage::default() };
    let (newest, next) = list(page.clone()).await;
    assert_eq!(newest, [second]);
    let (rest, end) = list(PilotSetPage { after: next, ..page }).await;
    assert_eq!((rest, end), (vec![first.clone()], None));

    let page = |after: Option<u64>| PilotItemPage { after, ..items(2) };
    let shown = ledger.pilot_set_items(&first.id, &page(None), &ALL).await.unwrap();
    assert_eq!((shown[1].id.as_str(), shown[1].ordinal), ("Q1", 1));
    assert_eq!(shown[1].item["question"], "question 1");
    let shown = ledger.pilot_set_items(&first.id, &page(Some(1)), &ALL).await.unwrap();
    assert_eq!(shown.len(), 1);
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn many_items_are_filed_in_order() {
    let fixture = Fixture::new().await;
    let set = file(&fixture, new_set("large", 2_500)).await;
    let all = fixture.ledger.pilot_set_items(&set.id, &items(10_000), &ALL).await.unwrap();
    assert_eq!(all.len(), 2_500);
    assert!(all.iter().enumerate().all(|(at, item)| item.id == format!("Q{at}")));
}

#[tokio::test]
async fn what_is_beyond_its_limits_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let check = async |name: &'static str, new: NewPilotSet| {
        let error = fixture.ledger.create_pilot_set(new, &ALL).await.unwrap_err();
        let is_it = matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name);
        assert!(is_it, "{error}");
    };
    check("name", NewPilotSet { name: " ".to_owned(), ..new_set("a", 1) }).await;
    check("job", NewPilotSet { job: "Chat".to_owned(), ..new_set("a", 1) }).await;
    check("sha256", NewPilotSet { sha256: "x".to_owned(), ..new_set("a", 1) }).await;
    check("items", new_set("a", 0)).await;
    check("created_by", NewPilotSet { created_by: String::new(), ..new_set("a", 1) }).await;
    let with = |item: NewPilotItem| NewPilotSet { items: vec![item; 2], ..new_set("a", 1) };
    check("id", with(NewPilotItem { id: "same".to_owned(), item: json!(1) })).await;
    check("id", with(NewPilotItem { id: "a\tb".to_owned(), item: json!(1) })).await;
    check("item", with(NewPilotItem { id: "a".to_owned(), item: json!(null) })).await;
    let long = json!("x".repeat(1 << 20));
    check("item", with(NewPilotItem { id: "a".to_owned(), item: long })).await;

    let set = file(&fixture, new_set("a", 1)).await;
    let null = NewPilotRun { meta: json!(null), ..new_run(&set.id) };
    assert!(refused(fixture.ledger.begin_pilot_run(null, None, &ALL).await).starts_with("meta"));
    let run = begin(&fixture, &set.id).await.id;
    for wrong in [json!(null), json!("x".repeat(256 << 10))] {
        let wrong = NewPilotResult { result: wrong, ..result(0, PilotOutcome::Right) };
        let said = refused(fixture.ledger.note_pilot_item(None, &run, &wrong).await);
        assert!(said.starts_with("result"), "{said}");
    }
    let page = items(0);
    let said = refused(fixture.ledger.pilot_results(&run, &page, &ALL).await);
    assert_eq!(said, "limit is 0, it must be 1 to 10000");
}

#[tokio::test]
async fn a_run_goes_on_after_a_crash_and_notes_each_item_once() {
    let fixture = Fixture::new().await;
    let set = file(&fixture, new_set("faq", 5)).await;
    let job = NewJob::new(PILOT, "Pilote", json!({"texts": false}));
    let run = fixture.ledger.begin_pilot_run(new_run(&set.id), Some(job), &ALL).await.unwrap();
    let (lease, job) = lease(&fixture).await;
    assert_eq!(job, json!({"texts": false, "run": run.id.as_str()}));
    assert_eq!(run.job_id.as_ref(), Some(&lease.job));
    assert_eq!((run.state, run.total, run.done), (PilotRunState::Running, 5, [0; 4]));
    for (ordinal, outcome) in [(3, PilotOutcome::Wrong), (0, PilotOutcome::Right)] {
        let done = result(ordinal, outcome);
        assert!(fixture.ledger.note_pilot_item(Some(&lease), &run.id, &done).await.unwrap());
    }
    // The process dies; another handle goes on.
    let ledger = fixture.second().await;
    let left = ledger.pilot_items_left(&run.id, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|item| item.ordinal).collect::<Vec<_>>(), [1, 2, 4]);
    let left = ledger.pilot_items_left(&run.id, Some(1), 1).await.unwrap();
    assert_eq!(left.iter().map(|item| item.ordinal).collect::<Vec<_>>(), [2]);
    let twice = result(3, PilotOutcome::Right);
    assert!(!ledger.note_pilot_item(Some(&lease), &run.id, &twice).await.unwrap());
    let said = refused(ledger.end_pilot_run(None, &run.id, PilotRunState::Finished, None).await);
    assert!(said.ends_with("has 3 items left"), "{said}");
    let lost = Lease { owner: "other".to_owned(), ..lease.clone() };
    let said = ledger.note_pilot_item(Some(&lost), &run.id, &result(1, PilotOutcome::Right)).await;
    assert!(matches!(said, Err(LedgerError::LeaseLost { .. })), "{said:?}");
    for ordinal in [1, 2, 4] {
        let done = result(ordinal, PilotOutcome::HandedOver);
        assert!(ledger.note_pilot_item(Some(&lease), &run.id, &done).await.unwrap());
    }
    fixture.advance(time::Duration::minutes(3));
    let end = ledger.end_pilot_run(Some(&lease), &run.id, PilotRunState::Finished, None).await;
    let run = end.unwrap();
    assert_eq!((run.state, run.ended), (PilotRunState::Finished, Some(fixture.now())));
    // What was noted first stays.
    assert_eq!(run.done, [1, 3, 1, 0]);

    let wrong = PilotItemPage { outcome: Some(PilotOutcome::Wrong), ..items(10) };
    let wrong = ledger.pilot_results(&run.id, &wrong, &ALL).await.unwrap();
    assert_eq!((wrong.len(), wrong[0].id.as_str()), (1, "Q3"));
    assert_eq!(wrong[0].result["answer"], "réponse 3");
    let over = PilotOutcome::HandedOver;
    let page = PilotItemPage { outcome: Some(over), after: Some(1), limit: 1 };
    let page = ledger.pilot_results(&run.id, &page, &ALL).await.unwrap();
    assert_eq!((page.len(), page[0].ordinal), (1, 2));
    ledger.check().await.unwrap();
}

async fn lease(fixture: &Fixture) -> (Lease, serde_json::Value) {
    let claimed = fixture.ledger.claim_job("runner", &[PILOT], MINUTE).await.unwrap().unwrap();
    (claimed.0, claimed.1.params)
}

#[tokio::test]
async fn many_who_note_the_same_item_at_once_note_it_once() {
    let fixture = Fixture::new().await;
    let set = file(&fixture, new_set("faq", 1)).await;
    let run = begin(&fixture, &set.id).await.id;
    let noting = (0..20).map(|_| {
        let (ledger, run) = (fixture.ledger.clone(), run.clone());
        tokio::spawn(async move {
            ledger.note_pilot_item(None, &run, &result(0, PilotOutcome::Right)).await.unwrap()
        })
    });
    let mut noted = 0;
    for task in noting.collect::<Vec<_>>() {
        noted += usize::from(task.await.unwrap());
    }
    assert_eq!(noted, 1);
}

#[tokio::test]
async fn a_run_ends_with_its_job() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 2)).await;
    let begin = async || {
        let job = NewJob::new(PILOT, "Pilote", json!({}));
        ledger.begin_pilot_run(new_run(&set.id), Some(job), &ALL).await.unwrap()
    };
    let state = async |run: &PilotRunRecord| ledger.get_pilot_run(&run.id, &ALL).await.unwrap();
    // One that waits is cancelled at once,
    let waits = begin().await;
    ledger.cancel_job(waits.job_id.as_ref().unwrap()).await.unwrap();
    let ended = state(&waits).await;
    assert_eq!((ended.state, ended.ended), (PilotRunState::Cancelled, Some(fixture.now())));
    // one that runs when its attempt stops,
    let runs = begin().await;
    let (held, _) = lease(&fixture).await;
    ledger.cancel_job(&held.job).await.unwrap();
    assert_eq!(state(&runs).await.state, PilotRunState::Running);
    ledger.release_job(&held).await.unwrap();
    assert_eq!(state(&runs).await.state, PilotRunState::Cancelled);
    // and one whose job fails for good says why.
    let fails = begin().await;
    let (held, _) = lease(&fixture).await;
    let reason = FailureReason { code: "lost".to_owned(), text: "perdu".to_owned() };
    ledger.fail_job(&held, &reason).await.unwrap();
    let ended = state(&fails).await;
    assert_eq!((ended.state, ended.error.unwrap().code.as_str()), (PilotRunState::Failed, "lost"));
    ledger.delete_pilot_set(&set.id, &ALL).await.unwrap();
}

#[tokio::test]
async fn a_run_that_ended_takes_nothing_more() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let set = file(&fixture, new_set("faq", 2)).await;
    let run = begin(&fixture, &set.id).await.id;
    let said = refused(ledger.delete_pilot_run(&run, &ALL).await);
    assert!(said.contains("is running; cancel its job first"), "{said}");
    let reason = FailureReason { code: "model".to_owned(), text: "parti\nloin".to_owned() };
    let end = ledger.end_pilot_run(None, &run, PilotRunState::Failed, Some(&reason)).await.unwrap();
    assert_eq!(end.error.unwrap().text, "parti loin");
    let done = result(0, PilotOutcome::Right);
    let said = refused(ledger.note_pilot_item(None, &run, &done).await);
    assert!(said.ends_with("has ended: it is failed"), "{said}");
    let said = refused(ledger.end_pilot_run(None, &run, PilotRunState::Cancelled, None).await);
    assert!(said.ends_with("has ended: it is failed"), "{said}");
    let said = refused(ledger.end_pilot_run(None, &run, PilotRunState::Running, None).await);
    assert_eq!(said, "state is running, which is no end");
    let unknown = ledger.note_pilot_item(None, &"plr_none".into(), &done).await;
    assert!(matches!(unknown, Err(LedgerError::NotFound { what: "run", .. })));
    let second = begin(&fixture, &set.id).await.id;
    let beyond = ledger.note_pilot_item(None, &second, &result(2, PilotOutcome::Right)).await;
    assert!(matches!(beyond, Err(LedgerError::NotFound { what: "item", .. })));
    let unknown = ledger.begin_pilot_run(new_run(&"pls_none".into()), None, &ALL).await;
    assert!(matches!(unknown, Err(LedgerError::NotFound { what: "set", .. })));

    let page = PilotRunPage { set: Some(set.id.clone()), limit: 1, ..PilotRunPage::default() };
    let (runs, next) = ledger.list_pilot_runs(&page, &ALL).await.unwrap();
    assert_eq!((&runs[0].id, next.as_ref()), (&second, Some(&second)));
    let page = PilotRunPage { after: next, job: Some("chat".to_owned()), ..page };
    let (runs, next) = ledger.list_pilot_runs(&page, &ALL).await.unwrap();
    assert_eq!((&runs[0].id, next), (&run, None));
}
