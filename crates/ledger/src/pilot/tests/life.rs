//! Tests erasure, forgetting of people, and what is removed when it was kept long enough.

use intramuros_types::{DocumentId, UserId, UserRole};

use super::*;
use crate::ledger::tests::{new_base, new_document};
use crate::user::tests::request;
use crate::{ERASE, ErasureMatter, ErasureSubject, NewErasure, NewThreshold};

const SECRET: &str = "Dupontel";

fn is_on_disk(fixture: &Fixture) -> bool {
    std::fs::read_dir(fixture.folder.path()).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    })
}

fn secret(ordinal: u64, documents: Vec<DocumentId>) -> NewPilotResult {
    let result = json!({"answer": format!("Mme {SECRET}")});
    NewPilotResult { ordinal, outcome: PilotOutcome::Wrong, result, documents }
}

async fn document(fixture: &Fixture, content: u8) -> DocumentId {
    let new = new_document("support", content);
    let crate::Inserted::New(document) = fixture.ledger.insert_document(new).await.unwrap() else {
        panic!("the document was there")
    };
    document.id
}

#[tokio::test]
async fn erasing_a_document_erases_the_results_that_quote_it() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let (quoted, kept) = (document(&fixture, 1).await, document(&fixture, 2).await);
    let set = file(&fixture, new_set("faq", 4)).await;
    let run = begin(&fixture, &set.id).await.id;
    let both = vec![kept.clone(), quoted.clone()];
    ledger.note_pilot_item(None, &run, &secret(0, both)).await.unwrap();
    let other = NewPilotResult { documents: vec![kept], ..result(1, PilotOutcome::Right) };
    ledger.note_pilot_item(None, &run, &other).await.unwrap();
    assert!(is_on_disk(&fixture));
    ledger.mark_deleting(&quoted).await.unwrap();
    // From now on nothing that quotes it is kept, only how it went.
    ledger.note_pilot_item(None, &run, &secret(2, vec![quoted.clone()])).await.unwrap();
    ledger.forget_document(&quoted).await.unwrap();
    ledger.note_pilot_item(None, &run, &secret(3, vec![quoted])).await.unwrap();
    assert!(!is_on_disk(&fixture));
    let results = ledger.pilot_results(&run, &items(10), &ALL).await.unwrap();
    let kept: Vec<bool> = results.iter().map(|one| !one.result.is_null()).collect();
    assert_eq!(kept, [false, true, false, false]);
    let run = ledger.get_pilot_run(&run, &ALL).await.unwrap();
    assert_eq!((run.done, run.erased), ([1, 0, 3, 0], 3));
}

#[tokio::test]
async fn a_knowledge_base_takes_the_answers_from_it_along() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    ledger.create_knowledge_base(new_base("ventes")).await.unwrap();
    let set = file(&fixture, new_set("faq", 3)).await;
    let of = async |base: &str| {
        let new = NewPilotRun { knowledge_base: Some(base.into()), ..new_run(&set.id) };
        let run = ledger.begin_pilot_run(new, None, &ALL).await.unwrap().id;
        ledger.note_pilot_item(None, &run, &result(0, PilotOutcome::Right)).await.unwrap();
        run
    };
    let (erased, kept) = (of("support").await, of("ventes").await);
    ledger.delete_knowledge_base(&"support".into()).await.unwrap();
    // From now on no answer from it is kept, only how it went.
    ledger.note_pilot_item(None, &erased, &secret(1, Vec::new())).await.unwrap();
    ledger.forget_knowledge_base(&"support".into()).await.unwrap();
    ledger.note_pilot_item(None, &erased, &secret(2, Vec::new())).await.unwrap();
    assert!(!is_on_disk(&fixture));
    let late = NewPilotRun { knowledge_base: Some("support".into()), ..new_run(&set.id) };
    let late = ledger.begin_pilot_run(late, None, &ALL).await;
    assert!(matches!(late, Err(LedgerError::NotFound { what: "knowledge base", .. })), "{late:?}");
    let erased = ledger.get_pilot_run(&erased, &ALL).await.unwrap();
    assert_eq!((erased.erased, erased.done), (3, [1, 0, 2, 0]));
    assert_eq!(ledger.get_pilot_run(&kept, &ALL).await.unwrap().erased, 0);
}

#[tokio::test]
async fn traces_of_a_person_go_from_sets_and_runs() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let mut new = new_set("faq", 1_200);
    for at in [3, 700] {
        new.items[at].item = json!({"question": format!("Où est Mme {SECRET} ?")});
    }
    new.items[9].id = format!("{SECRET}-1");
    let set = file(&fixture, new.clone()).await;
    let named = file(&fixture, new_set(SECRET, 1)).await;
    let begun = NewPilotRun { meta: json!({"set": SECRET}), ..new_run(&set.id) };
    let run = ledger.begin_pilot_run(begun, None, &ALL).await.unwrap().id;
    for ordinal in [2, 3] {
        ledger.note_pilot_item(None, &run, &result(ordinal, PilotOutcome::Right)).await.unwrap();
    }
    ledger.note_pilot_item(None, &run, &secret(5, Vec::new())).await.unwrap();

    let matter = ErasureMatter { texts: vec![SECRET.to_owned()], ..ErasureMatter::default() };
    let asked = NewErasure {
        subject: ErasureSubject::Person,
        matter,
        requested_by: "user:usr_1".to_owned(),
    };
    let erasure = ledger.begin_erasure(asked).await.unwrap().0;
    let lease = ledger.claim_job("runner", &[ERASE], MINUTE).await.unwrap().unwrap().0;
    for _ in 0..2 {
        ledger.erase_traces(&lease, &erasure.id, &|text| text.contains(SECRET)).await.unwrap();
    }
    assert!(!is_on_disk(&fixture));
    let removed = ledger.erasure_report(&erasure.id).await.unwrap().removed;
    let expected = [("pilot_items", 3), ("pilot_results", 1), ("pilot_runs", 1), ("pilot_sets", 1)];
    assert_eq!(removed, expected.map(|(place, count)| (place.to_owned(), count)).into());
    assert_eq!(ledger.get_pilot_set(&named.id, &ALL).await.unwrap().name, named.id.as_str());
    assert_eq!(ledger.get_pilot_set(&set.id, &ALL).await.unwrap().erased, 3);
    let shown = ledger.pilot_set_items(&set.id, &items(10), &ALL).await.unwrap();
    assert!(shown[3].item.is_null() && shown[9].item.is_null() && !shown[4].item.is_null());
    // The answer to an erased question is about the same person.
    let results = ledger.pilot_results(&run, &items(10), &ALL).await.unwrap();
    let kept: Vec<bool> = results.iter().map(|one| !one.result.is_null()).collect();
    assert_eq!(kept, [true, false, false]);

    // The run goes on without the erased items, also where an answer was on its way.
    let late = ledger.note_pilot_item(None, &run, &secret(700, Vec::new())).await.unwrap();
    assert!(!late && !is_on_disk(&fixture));
    let left = ledger.pilot_items_left(&run, None, 2_000).await.unwrap();
    assert_eq!(left.len(), 1_200 - 3 - 2);
    // The same file is another set now.
    let again = file(&fixture, new).await;
    assert_ne!(again.id, set.id);
}

#[tokio::test]
async fn a_run_is_finished_without_what_was_erased_and_vouches_for_nothing() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let quoted = document(&fixture, 1).await;
    let set = file(&fixture, new_set("faq", 1)).await;
    let run = begin(&fixture, &set.id).await.id;
    ledger.note_pilot_item(None, &run, &secret(0, vec![quoted.clone()])).await.unwrap();
    ledger.end_pilot_run(None, &run, PilotRunState::Finished, None).await.unwrap();
    ledger.mark_deleting(&quoted).await.unwrap();
    ledger.forget_document(&quoted).await.unwrap();
    let new = NewThreshold {
        job: "chat".to_owned(),
        target: String::new(),
        threshold: 0.5,
        promise: json!({}),
        run,
        accepted_by: "usr_marie".to_owned(),
    };
    let said = refused(ledger.accept_threshold(new, &ALL).await);
    assert!(said.ends_with("has erased results; run the set again"), "{said}");
}

#[tokio::test]
async fn who_made_pilots_is_forgotten() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let user: UserId = ledger.create_user(request("marie", UserRole::Reader)).await.unwrap().id;
    let created_by = user.to_string();
    let set = file(&fixture, NewPilotSet { created_by, ..new_set("faq", 1) }).await;
    let run = finished(&fixture, &set).await;
    let new = NewThreshold {
        job: "chat".to_owned(),
        target: String::new(),
        threshold: 0.5,
        promise: json!({}),
        run,
        accepted_by: user.to_string(),
    };
    ledger.accept_threshold(new, &ALL).await.unwrap();
    let asked = NewErasure {
        subject: ErasureSubject::User(user.clone()),
        matter: ErasureMatter::default(),
        requested_by: "user:usr_1".to_owned(),
    };
    let erasure = ledger.begin_erasure(asked).await.unwrap().0;
    let lease = ledger.claim_job("runner", &[ERASE], MINUTE).await.unwrap().unwrap().0;
    ledger.erase_user(&lease, &erasure.id, &user).await.unwrap();
    let report = ledger.erasure_report(&erasure.id).await.unwrap();
    assert_eq!(report.removed["pilots_under_a_pseudonym"], 2);
    let set = ledger.get_pilot_set(&set.id, &ALL).await.unwrap();
    let threshold = ledger.active_threshold("chat", "").await.unwrap().unwrap();
    assert!(set.created_by.starts_with("erased-"), "{set:?}");
    assert_eq!(threshold.accepted_by, set.created_by);
}

#[tokio::test]
async fn old_runs_go_first_then_their_sets() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let large = file(&fixture, new_set("large", 2_100)).await;
    let old = finished(&fixture, &large).await;
    let set = file(&fixture, new_set("faq", 1)).await;
    let vouching = finished(&fixture, &set).await;
    let running = begin(&fixture, &set.id).await.id;
    let new = NewThreshold {
        job: "chat".to_owned(),
        target: String::new(),
        threshold: 0.5,
        promise: json!({}),
        run: vouching.clone(),
        accepted_by: "usr_marie".to_owned(),
    };
    ledger.accept_threshold(new, &ALL).await.unwrap();
    fixture.advance(time::Duration::days(30));
    let young = file(&fixture, new_set("young", 1)).await;
    let before = fixture.now() - time::Duration::days(1);
    assert_eq!(ledger.prune_pilot_sets(before).await.unwrap(), 0);
    assert_eq!(ledger.prune_pilot_runs(before).await.unwrap(), 2_000);
    // What is half gone vouches for nothing.
    let half = ledger.get_pilot_run(&old, &ALL).await.unwrap();
    assert_eq!((half.state, half.error.unwrap().code.as_str()), (PilotRunState::Failed, "pruned"));
    assert_eq!(ledger.prune_pilot_runs(before).await.unwrap(), 101);
    assert_eq!(ledger.prune_pilot_runs(before).await.unwrap(), 0);
    assert_eq!(ledger.prune_pilot_sets(before).await.unwrap(), 1);
    assert_eq!(ledger.prune_pilot_sets(before).await.unwrap(), 0);
    for id in [&vouching, &running] {
        ledger.get_pilot_run(id, &ALL).await.unwrap();
    }
    for id in [&set.id, &young.id] {
        ledger.get_pilot_set(id, &ALL).await.unwrap();
    }
    ledger.check().await.unwrap();
}
