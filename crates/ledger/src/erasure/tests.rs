//! Tests what erasures remove of the ledger, what they count, and what they must not.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use intramuros_types::{
    Access, Consumption, DocumentId, ErasureId, Limits, ReviewId, Scope, UserId, UserRole,
};
use serde_json::json;

use super::{
    ERASE, ErasedDocument, ErasureMatter, ErasureRecord, ErasureState, ErasureSubject, NewErasure,
    document_ids,
};
use crate::ledger::tests::Fixture;
use crate::user::tests::request;
use crate::{
    AuditEntry, AuditOutcome, Evidence, Filer, KeyRequest, Lease, Ledger, LedgerError, Lines,
    Member, NewItem, NewJob, NewReview, Password, Reviewer, SessionRules, TestQuestion, UsageEntry,
    UsageFilter, UsageGroup,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn begin(ledger: &Ledger, subject: ErasureSubject, texts: &[&str]) -> ErasureRecord {
    let matter = ErasureMatter {
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..ErasureMatter::default()
    };
    let new = NewErasure { subject, matter, requested_by: "user:usr_1".to_owned() };
    ledger.begin_erasure(new).await.unwrap().0
}

async fn lease(ledger: &Ledger) -> Lease {
    ledger.claim_job("runner", &[ERASE], MINUTE).await.unwrap().unwrap().0
}

async fn removed(ledger: &Ledger, id: &ErasureId) -> BTreeMap<String, u64> {
    ledger.erasure_report(id).await.unwrap().removed
}

async fn create_user(ledger: &Ledger, name: &str, role: UserRole) -> UserId {
    ledger.create_user(request(name, role)).await.unwrap().id
}

async fn note_usage(ledger: &Ledger, user: &str) {
    let usage = UsageEntry {
        key: Some("imk_app".into()),
        user: Some(user.to_owned()),
        model: Some("m".into()),
        use_case: "chat".to_owned(),
        requests: 1,
        consumption: Consumption { prompt_tokens: 10, ..Consumption::default() },
    };
    let journal = crate::Journal::start(ledger.clone());
    journal.write(Lines { usage: vec![usage], ..Lines::default() }).await.unwrap();
}

/// A review that a user filed.
async fn file_review(ledger: &Ledger, user: &UserId) -> ReviewId {
    let reviewer = Reviewer {
        who: user.to_string(),
        person: Some(user.clone()),
        role: UserRole::Reviewer,
        teams: Vec::new(),
        access: Access::EVERYTHING,
    };
    let new = NewReview::new("invoice", "Facture", json!({"total": 12}));
    ledger.file_review(new, Filer::Caller(&reviewer)).await.unwrap().review().summary.id
}

async fn usage_by_user(ledger: &Ledger) -> Vec<(String, u64)> {
    let rows = ledger.usage(&UsageFilter::default(), &[UsageGroup::User]).await.unwrap();
    rows.into_iter().map(|mut row| (row.group.remove(0), row.consumption.prompt_tokens)).collect()
}

fn entry(actor: &str, details: serde_json::Value, content: bool) -> AuditEntry {
    AuditEntry {
        actor: actor.to_owned(),
        action: "ask.answer".to_owned(),
        target: "knowledge-bases/support/ask".to_owned(),
        outcome: AuditOutcome::Done,
        request: None,
        details,
        content: content.then(|| "c2VhbGVk".to_owned()),
    }
}

#[tokio::test]
async fn an_erasure_is_queued_once_and_forgets_what_it_was_about() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let first = begin(ledger, ErasureSubject::Person, &["Hélène Dupré"]).await;
    let again = begin(ledger, ErasureSubject::Person, &["Hélène Dupré"]).await;
    let other = begin(ledger, ErasureSubject::Person, &["Jean Dupont"]).await;
    assert_eq!((&first.id, first.state), (&again.id, ErasureState::Running));
    assert_ne!(first.id, other.id);
    assert_eq!(first.fingerprints.len(), 1);
    assert_eq!(
        first.fingerprints,
        ledger.fingerprints(&["Hélène Dupré".to_owned()]).await.unwrap()
    );
    assert_ne!(first.fingerprints, other.fingerprints);
    assert_eq!(ledger.list_erasures(None, 10).await.unwrap().len(), 2);
    let job = ledger.get_job(&first.job).await.unwrap();
    assert!(!format!("{job:?}").contains("Dupré"), "{job:?}");

    let matter = ledger.erasure_matter(&first.id).await.unwrap().unwrap();
    assert_eq!(matter.texts, ["Hélène Dupré"]);
    // Stored, but not so that a search for it finds it.
    fixture.ledger.forget_removed().await;
    let bytes = std::fs::read(fixture.path()).unwrap();
    let stands = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!stands("Dupré") && stands(&hex::encode("Dupré")));

    let lease = lease(ledger).await;
    ledger.finish_erasure(&lease, &first.id).await.unwrap();
    assert_eq!(ledger.erasure_matter(&first.id).await.unwrap(), None);
    assert_eq!(ledger.get_erasure(&first.id).await.unwrap().state, ErasureState::Done);
    let bytes = std::fs::read(fixture.path()).unwrap();
    let stands = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!stands(&hex::encode("Dupré")));

    let lost = Lease { owner: "other".to_owned(), ..lease };
    let refused = ledger.finish_erasure(&lost, &other.id).await;
    assert!(matches!(refused, Err(LedgerError::LeaseLost { .. })), "{refused:?}");
    let unknown = ledger.get_erasure(&"era_none".into()).await;
    assert!(matches!(unknown, Err(LedgerError::NotFound { .. })));
    let wrong = ErasureMatter { texts: vec!["x".repeat(201)], ..ErasureMatter::default() };
    let new =
        NewErasure { subject: ErasureSubject::Person, matter: wrong, requested_by: "x".to_owned() };
    assert!(matches!(ledger.begin_erasure(new).await, Err(LedgerError::Invalid { .. })));
}

#[tokio::test]
async fn nothing_of_a_user_stays_but_sums_and_ids() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let user = create_user(ledger, "h.dupre", UserRole::Reader).await;
    let other = create_user(ledger, "j.dupont", UserRole::Admin).await;
    let rules = SessionRules { idle: MINUTE, longest: DAY };
    let password = || Password::new("correct cheval pile agrafe");
    ledger.sign_in("h.dupre", password(), rules).await.unwrap();
    ledger.sign_in("h.dupre", Password::new("wrong wrong wrong"), rules).await.unwrap();
    ledger.sign_in("j.dupont", password(), rules).await.unwrap();
    let key = |owner: &UserId| KeyRequest {
        name: "Clé d'Hélène".to_owned(),
        scopes: vec![Scope::Inference],
        labels: Vec::new(),
        denied: Vec::new(),
        owner: Some(owner.clone()),
        limits: Limits::default(),
        expires: None,
    };
    let own = ledger.create_key(key(&user)).await.unwrap().record;
    let theirs = ledger.create_key(key(&other)).await.unwrap().record;
    let group = crate::GroupRequest {
        id: "rh".into(),
        title: "RH".to_owned(),
        labels: Vec::new(),
        denied: Vec::new(),
    };
    ledger.create_group(group).await.unwrap();
    for member in [Member::User(user.clone()), Member::Key(own.id.clone())] {
        ledger.add_member(&"rh".into(), &member).await.unwrap();
    }
    note_usage(ledger, user.as_str()).await;
    note_usage(ledger, other.as_str()).await;
    let actors = [format!("user:{user}"), format!("key:{}", own.id), format!("user:{other}")];
    let entries = actors.iter().map(|actor| entry(actor, json!({}), true)).collect::<Vec<_>>();
    ledger.append_audit(&entries).await.unwrap();
    let begun =
        NewJob { created_by: actors[0].clone(), ..NewJob::new("letters", "a title", json!({})) };
    let begun = ledger.create_job(begun, &[]).await.unwrap().job();

    let review = file_review(ledger, &user).await;

    let erasure = begin(ledger, ErasureSubject::User(user.clone()), &[]).await;
    let lease = lease(ledger).await;
    for _ in 0..2 {
        // A second attempt finds nothing, and counts nothing.
        ledger.erase_user(&lease, &erasure.id, &user).await.unwrap();
    }
    let expected = [
        ("audit_contents", 2),
        ("group_memberships", 2),
        ("jobs_begun", 1),
        ("keys", 1),
        ("reviews_under_a_pseudonym", 1),
        ("sessions", 1),
        ("sign_in_failures", 1),
        ("usage_lines_under_a_pseudonym", 1),
        ("users", 1),
    ];
    let expected: BTreeMap<String, u64> =
        expected.into_iter().map(|(place, count)| (place.to_owned(), count)).collect();
    assert_eq!(removed(ledger, &erasure.id).await, expected);

    assert!(matches!(ledger.get_user(&user).await, Err(LedgerError::NotFound { .. })));
    let own = ledger.get_key(&own.id).await.unwrap();
    assert!(own.revoked.is_some() && own.owner.is_none() && own.name == "erased", "{own:?}");
    let theirs = ledger.get_key(&theirs.id).await.unwrap();
    assert!(theirs.revoked.is_none() && theirs.owner.is_some(), "{theirs:?}");
    assert_eq!(ledger.sessions_of(&other).await.unwrap().len(), 1);
    assert_eq!(ledger.get_job(&begun.id).await.unwrap().created_by, "erased");
    let review = ledger.review(&review).await.unwrap();
    assert!(review.summary.filed_by.starts_with("erased-"), "{review:?}");
    let usage = usage_by_user(ledger).await;
    assert_eq!(usage.iter().map(|(_, tokens)| tokens).sum::<u64>(), 20);
    assert!(usage[0].0.starts_with("erased-") && usage[1].0 == other.as_str(), "{usage:?}");
    assert!(ledger.verify_audit(None).await.unwrap().faults.is_empty());
    assert_eq!(ledger.audit_content(3).await.unwrap().as_deref(), Some("c2VhbGVk"));
    let bytes = std::fs::read(fixture.path()).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"h.dupre"), "the name is still there");
}

#[tokio::test]
async fn the_last_administrator_is_not_erased() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let admin = create_user(ledger, "admin", UserRole::Admin).await;
    let reader = create_user(ledger, "reader", UserRole::Reader).await;
    let second = create_user(ledger, "second", UserRole::Admin).await;
    ledger.check_erasable(&admin).await.unwrap();
    let off = crate::UserChanges { disabled: Some(true), ..crate::UserChanges::default() };
    ledger.update_user(&second, off).await.unwrap();
    let refused = ledger.check_erasable(&admin).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })), "{refused:?}");
    // One who cannot sign in is not the last who can.
    ledger.check_erasable(&second).await.unwrap();
    ledger.check_erasable(&reader).await.unwrap();
    let missing = ledger.check_erasable(&"usr_none".into()).await;
    assert!(matches!(missing, Err(LedgerError::NotFound { .. })), "{missing:?}");
}

#[tokio::test]
async fn traces_of_a_person_go_and_those_of_others_stay() {
    let fixture = Fixture::with_base("support").await;
    let (ledger, base) = (&fixture.ledger, "support".into());
    for (id, question) in [("a", "Où est le dossier de Mme Dupré ?"), ("b", "Où est la clé ?")]
    {
        ledger.note_unanswered(&base, id, question, DAY).await.unwrap();
    }
    let question = |id: &str, query: &str| TestQuestion {
        id: id.to_owned(),
        query: query.to_owned(),
        relevant: vec!["a.txt".to_owned()],
    };
    let questions = [question("1", "La caution de Dupré ?"), question("2", "La caution ?")];
    ledger.set_test_questions(&base, &questions).await.unwrap();
    for user in ["dupré@exemple.fr", "autre@exemple.fr"] {
        note_usage(ledger, user).await;
    }
    let items: Vec<NewItem> = (0..1_200)
        .map(|at| NewItem { key: format!("item {at}"), payload: json!({"name": format!("n{at}")}) })
        .collect();
    let job = NewJob::new("letters", "a title", json!({}));
    let job = ledger.create_job(job, &items).await.unwrap().job().id;
    let letters = ledger.claim_job("runner", &["letters"], MINUTE).await.unwrap().unwrap().0;
    for item in ledger.claim_items(&letters, 1_200).await.unwrap() {
        let text = if item.ordinal % 600 == 7 { "Dupré" } else { "Durand" };
        ledger.complete_item(&letters, item.ordinal, &json!({"to": text})).await.unwrap();
    }
    ledger.append_audit(&[entry("local:root", json!({"target": "Dupré"}), false)]).await.unwrap();
    create_user(ledger, "dupré", UserRole::Reader).await;
    let review = |title: &str, proposal, quote: &str| {
        let evidence = vec![Evidence { quote: quote.to_owned(), ..Evidence::default() }];
        NewReview { evidence, ..NewReview::new("invoice", title, proposal) }
    };
    let mut reviews = Vec::new();
    for new in [
        review("Facture 1", json!({"customer": "Mme Dupré"}), "Total 12"),
        review("Facture 2", json!({"total": 12}), "Doit : Dupré"),
        review("Facture 3", json!({"total": 12}), "Doit : Durand"),
    ] {
        let filed = ledger.file_review(new, Filer::Server("invoice")).await.unwrap();
        reviews.push(filed.review().summary.id);
    }

    let erasure = begin(ledger, ErasureSubject::Person, &["Dupré"]).await;
    let lease = lease(ledger).await;
    let matches = |text: &str| text.contains("Dupré") || text.contains("dupré");
    for _ in 0..2 {
        ledger.erase_traces(&lease, &erasure.id, &matches).await.unwrap();
    }
    let expected = [
        ("job_items", 2),
        ("reviews", 2),
        ("test_questions", 1),
        ("unanswered_questions", 1),
        ("usage_lines_under_a_pseudonym", 1),
    ];
    let expected: BTreeMap<String, u64> =
        expected.into_iter().map(|(place, count)| (place.to_owned(), count)).collect();
    assert_eq!(removed(ledger, &erasure.id).await, expected);
    for (id, is_erased) in reviews.iter().zip([true, true, false]) {
        let review = ledger.review(id).await.unwrap();
        assert_eq!(review.summary.erased.is_some(), is_erased, "{review:?}");
        assert_eq!(format!("{review:?}").contains("Doit"), !is_erased, "{review:?}");
    }
    let left = ledger.unanswered(&base, DAY, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(ledger.test_questions(&base).await.unwrap(), questions[1..]);
    let items = ledger.list_items(&job, None, 600, 10).await.unwrap();
    assert_eq!(items.len(), 10, "the items are still counted");
    assert_eq!(items[7].key, "erased 607");
    assert_eq!((&items[7].payload, &items[7].result), (&json!(null), &None));
    assert_eq!(items[8].result, Some(json!({"to": "Durand"})));
    let usage = usage_by_user(ledger).await;
    assert!(usage.iter().any(|(user, _)| user == "autre@exemple.fr"), "{usage:?}");

    // The same person consumes again on the same day, and is erased again.
    note_usage(ledger, "dupré@exemple.fr").await;
    ledger.erase_traces(&lease, &erasure.id, &matches).await.unwrap();
    let usage = usage_by_user(ledger).await;
    assert_eq!(usage.len(), 2);
    assert!(usage.iter().any(|(user, tokens)| user.starts_with("erased-") && *tokens == 20));

    let leftovers = ledger.leftovers(&matches).await.unwrap();
    assert_eq!((leftovers.audit_entries, leftovers.users.len(), leftovers.keys.len()), (1, 1, 0));
}

#[tokio::test]
async fn contents_that_stand_on_an_erased_document_go() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let id = |letter: &str| format!("doc_{}", letter.repeat(32));
    let entries: Vec<AuditEntry> = (0..1_100)
        .map(|at| {
            let documents = if at % 500 == 3 { vec![id("a"), id("b")] } else { vec![id("b")] };
            entry("key:imk_1", json!({"documents": documents}), true)
        })
        .collect();
    ledger.append_audit(&entries).await.unwrap();
    let erasure = begin(ledger, ErasureSubject::Documents, &[]).await;
    let lease = lease(ledger).await;
    let documents = HashSet::from([id("a")]);
    ledger.erase_contents_about(&lease, &erasure.id, &documents).await.unwrap();
    assert_eq!(removed(ledger, &erasure.id).await["audit_contents"], 3);
    assert_eq!(ledger.audit_content(4).await.unwrap(), None);
    assert!(ledger.audit_content(5).await.unwrap().is_some());
    assert!(ledger.verify_audit(None).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn documents_are_noted_once_and_settled_once() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let erasure = begin(ledger, ErasureSubject::Documents, &[]).await;
    let lease = lease(ledger).await;
    let document = |passages: u64| ErasedDocument {
        id: DocumentId::new("doc_1"),
        knowledge_base: "support".into(),
        parent: None,
        sha256: "ab".repeat(32),
        bytes: 10,
        passages,
        indexes: 1,
        outcome: None,
    };
    let matter = ErasureMatter { phrases: vec!["une phrase".to_owned()], ..Default::default() };
    for passages in [7, 0] {
        let documents = [document(passages)];
        ledger.note_erasure_documents(&lease, &erasure.id, &documents, &matter).await.unwrap();
    }
    let outcome = |outcome| [(DocumentId::new("doc_1"), outcome)];
    for what in ["erased", "file_kept"] {
        ledger.settle_erasure_documents(&lease, &erasure.id, &outcome(what)).await.unwrap();
    }
    let report = ledger.erasure_report(&erasure.id).await.unwrap();
    assert_eq!(report.documents[0].passages, 7);
    assert_eq!(report.documents[0].outcome.as_deref(), Some("erased"));
    assert_eq!(report.findings["surveyed"], json!(true));
    let stored = ledger.erasure_matter(&erasure.id).await.unwrap().unwrap();
    assert_eq!(stored.phrases, ["une phrase"]);
}

#[test]
fn ids_are_found_in_text() {
    let id = format!("doc_{}", "0".repeat(32));
    let text = format!("[\"{id}\"] doc_short knowledge-bases/a/documents/{id}/file doc_");
    assert_eq!(document_ids(&text).filter(|found| *found == id).count(), 2);
    assert_eq!(document_ids("ndoc_é").count(), 0);
}
