//! Tests what is too old, and that it goes a few rows at a time.

use intramuros_types::KnowledgeBaseId;
use time::Duration;

use super::OldDocuments;
use crate::ledger::tests::{Fixture, new_document};
use crate::{AuditEntry, AuditOutcome, DocumentDetails, DocumentFacts, Inserted, NewDocument};

fn details(labels: &[&str], source: Option<&str>, external_id: Option<&str>) -> DocumentDetails {
    DocumentDetails {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        source: source.map(str::to_owned),
        external_id: external_id.map(str::to_owned),
        ..DocumentDetails::default()
    }
}

async fn add(fixture: &Fixture, content: u8, details: DocumentDetails) -> String {
    let new = NewDocument { details, ..new_document("support", content) };
    let inserted = fixture.ledger.insert_document(new).await.unwrap();
    let record = inserted.record().clone();
    // Ready, so that what it says of its own date counts.
    let claimed = fixture.ledger.claim_next_document().await.unwrap().unwrap();
    let written = (content == 3).then(|| "2019-05-01".to_owned());
    let facts = DocumentFacts { title: "x".to_owned(), written, ..DocumentFacts::default() };
    fixture.ledger.finish_document(&claimed, facts).await.unwrap();
    record.id.to_string()
}

fn old(fixture: &Fixture, days: i64) -> OldDocuments {
    OldDocuments {
        knowledge_base: KnowledgeBaseId::new("support"),
        label: None,
        source: None,
        except_sources: Vec::new(),
        before: fixture.now() - Duration::days(days),
        by_own_date: false,
    }
}

async fn found(fixture: &Fixture, old: &OldDocuments) -> Vec<String> {
    let ids = fixture.ledger.old_documents(old, 100).await.unwrap();
    assert_eq!(fixture.ledger.count_old_documents(old).await.unwrap(), ids.len() as u64);
    ids.into_iter().map(|id| id.to_string()).collect()
}

#[tokio::test]
async fn documents_are_old_by_arrival_or_by_their_own_date() {
    let fixture = Fixture::with_base("support").await;
    let first = add(&fixture, 1, details(&["rh", "a\"b_%"], None, Some("one"))).await;
    fixture.advance(Duration::days(10));
    let second = add(&fixture, 2, details(&[], Some("share"), None)).await;
    let dated = add(&fixture, 3, details(&["rh"], None, None)).await;
    fixture.advance(Duration::days(10));

    assert_eq!(found(&fixture, &old(&fixture, 30)).await, Vec::<String>::new());
    assert_eq!(found(&fixture, &old(&fixture, 15)).await, [first.as_str()]);
    let all = [first.clone(), second.clone(), dated.clone()];
    assert_eq!(found(&fixture, &old(&fixture, 5)).await, all);
    let by_date = OldDocuments { by_own_date: true, ..old(&fixture, 15) };
    assert_eq!(found(&fixture, &by_date).await, [first.clone(), dated.clone()]);

    let labelled = |label: &str| OldDocuments { label: Some(label.to_owned()), ..old(&fixture, 5) };
    assert_eq!(found(&fixture, &labelled("rh")).await, [first.clone(), dated.clone()]);
    assert_eq!(found(&fixture, &labelled("a\"b_%")).await, [first.as_str()]);
    for none in ["r", "h", "%", "a\"bx%", "RH\\"] {
        assert_eq!(found(&fixture, &labelled(none)).await, Vec::<String>::new(), "{none}");
    }
    let brought = OldDocuments { source: Some("share".to_owned()), ..old(&fixture, 5) };
    assert_eq!(found(&fixture, &brought).await, [second.as_str()]);
    let except = OldDocuments { except_sources: vec!["share".to_owned()], ..old(&fixture, 5) };
    assert_eq!(found(&fixture, &except).await, [first.clone(), dated.clone()]);
    let elsewhere = OldDocuments { knowledge_base: "other".into(), ..old(&fixture, 5) };
    assert_eq!(found(&fixture, &elsewhere).await, Vec::<String>::new());

    // A new file under the same external id begins anew; the same file does not.
    let new = |content: u8| NewDocument {
        details: details(&["rh", "a\"b_%"], None, Some("one")),
        ..new_document("support", content)
    };
    let same = fixture.ledger.insert_document(new(1)).await.unwrap();
    assert!(matches!(same, Inserted::Duplicate(_)));
    assert_eq!(found(&fixture, &old(&fixture, 15)).await, [first]);
    let replaced = fixture.ledger.insert_document(new(9)).await.unwrap();
    assert!(matches!(replaced, Inserted::Replaced { .. }));
    assert_eq!(found(&fixture, &old(&fixture, 15)).await, Vec::<String>::new());
    assert_eq!(found(&fixture, &old(&fixture, 5)).await, [second, dated]);
}

#[tokio::test]
async fn old_rows_go_a_few_at_a_time() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let entry = AuditEntry {
        actor: "key:imk_1".to_owned(),
        action: "ask.answer".to_owned(),
        target: String::new(),
        outcome: AuditOutcome::Done,
        request: None,
        details: serde_json::json!({}),
        content: Some("c2VhbGVk".to_owned()),
    };
    ledger.append_audit(&vec![entry.clone(); 1_200]).await.unwrap();
    for number in 0..700 {
        let (base, id) = ("support".into(), format!("q{number}"));
        ledger.note_unanswered(&base, &id, "x", std::time::Duration::MAX).await.unwrap();
    }
    fixture.advance(Duration::days(40));
    ledger.append_audit(&[entry]).await.unwrap();
    let before = fixture.now() - Duration::days(30);
    let contents = [
        ledger.forget_audit_contents(before).await.unwrap(),
        ledger.forget_audit_contents(before).await.unwrap(),
        ledger.forget_audit_contents(before).await.unwrap(),
        ledger.forget_audit_contents(before).await.unwrap(),
    ];
    assert_eq!(contents, [500, 500, 200, 0]);
    assert!(ledger.audit_content(1_201).await.unwrap().is_some());
    let questions = [
        ledger.forget_old_questions(before).await.unwrap(),
        ledger.forget_old_questions(before).await.unwrap(),
        ledger.forget_old_questions(before).await.unwrap(),
    ];
    assert_eq!(questions, [500, 200, 0]);
    assert_eq!(ledger.forget_sessions().await.unwrap(), 0);
    assert_eq!(ledger.forget_sign_in_failures().await.unwrap(), 0);
    assert_eq!(ledger.forget_keys(before).await.unwrap(), 0);
    assert_eq!(ledger.forget_erasures(before).await.unwrap(), 0);
}

#[tokio::test]
async fn a_long_trail_is_pruned_in_several_steps() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let entry = AuditEntry {
        actor: "key:imk_1".to_owned(),
        action: "search.run".to_owned(),
        target: String::new(),
        outcome: AuditOutcome::Done,
        request: None,
        details: serde_json::json!({}),
        content: None,
    };
    ledger.append_audit(&vec![entry.clone(); 12_000]).await.unwrap();
    fixture.advance(Duration::days(40));
    ledger.append_audit(&[entry]).await.unwrap();
    let before = fixture.now() - Duration::days(30);
    let mut removed = Vec::new();
    for _ in 0..3 {
        removed.push(ledger.prune_audit(before, "server:retention").await.unwrap());
    }
    assert_eq!(removed, [10_000, 2_000, 0]);
    let verified = ledger.verify_audit(None).await.unwrap();
    assert!(verified.faults.is_empty(), "{verified:?}");
}
