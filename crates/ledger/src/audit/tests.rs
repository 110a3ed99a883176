//! Tests that nothing can be changed in the trail unnoticed.

use serde_json::json;
use time::Duration;

use super::{AuditEntry, AuditFilter, Fault, FaultKind, Head, Outcome, Sealer, Unsealer};
use crate::ledger::tests::Fixture;

fn entry(actor: &str, action: &str) -> AuditEntry {
    AuditEntry {
        actor: actor.to_owned(),
        action: action.to_owned(),
        target: "doc_1".to_owned(),
        outcome: Outcome::Done,
        request: Some("req_1".into()),
        details: json!({"model": "m"}),
        content: None,
    }
}

/// A trail of twelve entries, the fourth with content.
async fn trail() -> Fixture {
    let fixture = Fixture::new().await;
    for number in 1..=12 {
        let mut one = entry("key:a", &format!("documents.{number}"));
        one.content = (number == 4).then(|| "c2VhbGVk".to_owned());
        fixture.ledger.append_audit(&[one]).await.unwrap();
        fixture.advance(Duration::hours(1));
    }
    fixture
}

/// The faults after `statement` changed the database.
async fn faults(statement: &'static str, expected: Option<Head>) -> Vec<(u64, FaultKind)> {
    let fixture = trail().await;
    let head = fixture.ledger.audit_head().await.unwrap();
    sqlx::query(statement).execute(&fixture.ledger.pool).await.unwrap();
    let found = fixture.ledger.verify_audit(expected.or(Some(head))).await.unwrap();
    found.faults.into_iter().map(|Fault { seq, kind }| (seq, kind)).collect()
}

#[tokio::test]
async fn what_was_written_is_sound() {
    let fixture = trail().await;
    let head = fixture.ledger.audit_head().await.unwrap();
    let found = fixture.ledger.verify_audit(Some(head.clone())).await.unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.entries, found.first, found.contents), (12, 1, 1));
    assert_eq!((found.head.clone(), head.to_string().parse()), (head.clone(), Ok(head.clone())));
    // An older head fits too, and so does none.
    fixture.ledger.append_audit(&[entry("key:a", "x"), entry("key:b", "y")]).await.unwrap();
    assert!(fixture.ledger.verify_audit(Some(head)).await.unwrap().is_sound());
    assert!(fixture.ledger.verify_audit(None).await.unwrap().is_sound());
    let empty = Fixture::new().await;
    let none = empty.ledger.audit_head().await.unwrap();
    assert!(empty.ledger.verify_audit(Some(none)).await.unwrap().is_sound());
}

#[tokio::test]
async fn every_change_is_found() {
    use FaultKind::{Beginning, Changed, Content, Gap, Head, Unlinked};

    // Each field of an entry.
    for statement in [
        "UPDATE audit SET actor = 'key:b' WHERE seq = 5",
        "UPDATE audit SET action = 'documents.read' WHERE seq = 5",
        "UPDATE audit SET target = 'doc_2' WHERE seq = 5",
        "UPDATE audit SET outcome = 'refused' WHERE seq = 5",
        "UPDATE audit SET at = at + 1 WHERE seq = 5",
        "UPDATE audit SET request = '' WHERE seq = 5",
        "UPDATE audit SET details = '{}' WHERE seq = 5",
        "UPDATE audit SET content = 'x' WHERE seq = 5",
        // A character that moves from one field to the next.
        "UPDATE audit SET actor = 'key:', action = 'a' || action WHERE seq = 5",
    ] {
        assert_eq!(faults(statement, None).await, [(5, Changed)], "{statement}");
    }
    let removed = faults("DELETE FROM audit WHERE seq = 5", None).await;
    assert_eq!(removed, [(6, Gap), (6, Unlinked)]);
    let closed_up = faults(
        "UPDATE audit SET seq = seq - 100 WHERE seq > 5; DELETE FROM audit WHERE seq = 5; \
         UPDATE audit SET seq = seq + 99 WHERE seq < 0",
        None,
    )
    .await;
    assert!(closed_up.contains(&(5, Unlinked)) && closed_up.contains(&(5, Changed)));
    let swapped = faults(
        "UPDATE audit SET seq = 100 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = 6; \
         UPDATE audit SET seq = 6 WHERE seq = 100",
        None,
    )
    .await;
    assert!(swapped.contains(&(5, Changed)) && swapped.contains(&(6, Unlinked)), "{swapped:?}");
    let content = faults("UPDATE audit_contents SET sealed = 'YXV0cmU='", None).await;
    assert_eq!(content, [(4, Content)]);
    assert_eq!(faults("DELETE FROM audit_contents", None).await, [], "contents may be erased");

    // From both ends.
    assert_eq!(faults("DELETE FROM audit WHERE seq > 10", None).await, [(12, Head)]);
    assert_eq!(faults("DELETE FROM audit", None).await, [(12, Head)]);
    let beginning = faults("DELETE FROM audit WHERE seq < 4", None).await;
    assert_eq!(beginning, [(4, Beginning)]);
    // A trail that was written anew is sound in itself; the head tells.
    let other = super::Head { seq: 3, hash: "0".repeat(64) };
    assert_eq!(faults("SELECT 1", Some(other)).await, [(3, Head)]);
}

#[tokio::test]
async fn what_is_too_old_goes_and_says_so() {
    let fixture = trail().await;
    let ledger = &fixture.ledger;
    let old = ledger.audit_head().await.unwrap();
    let before = fixture.now() - Duration::minutes(90) - Duration::hours(2);
    assert_eq!(ledger.prune_audit(before, "server:retention").await.unwrap(), 9);
    let found = ledger.verify_audit(Some(old)).await.unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!((found.first, found.entries, found.contents), (10, 4, 0));
    // Nothing to remove: nothing is said.
    assert_eq!(ledger.prune_audit(before, "server:retention").await.unwrap(), 0);

    // A second time, and all of it: the last entry stays, for the chain goes on from it.
    fixture.advance(Duration::days(400));
    assert_eq!(ledger.prune_audit(fixture.now(), "server:retention").await.unwrap(), 3);
    let found = ledger.verify_audit(None).await.unwrap();
    assert_eq!((found.is_sound(), found.first, found.entries), (true, 13, 2));
    ledger.append_audit(&[entry("key:a", "x")]).await.unwrap();
    assert!(ledger.verify_audit(None).await.unwrap().is_sound());

    // Who removes more than was said is found out.
    sqlx::query("DELETE FROM audit WHERE seq = 13").execute(&ledger.pool).await.unwrap();
    let found = ledger.verify_audit(None).await.unwrap();
    assert_eq!(found.faults, [Fault { seq: 14, kind: FaultKind::Beginning }]);
}

#[tokio::test]
async fn two_writers_make_one_chain() {
    let fixture = Fixture::new().await;
    let second = fixture.second().await;
    let write = |ledger: crate::Ledger, actor: &'static str| async move {
        for _ in 0..50 {
            ledger.append_audit(&[entry(actor, "x")]).await.unwrap();
        }
    };
    let (first, other) =
        (tokio::spawn(write(fixture.ledger.clone(), "a")), tokio::spawn(write(second, "b")));
    first.await.unwrap();
    other.await.unwrap();
    let found = fixture.ledger.verify_audit(None).await.unwrap();
    assert_eq!((found.is_sound(), found.entries), (true, 100));
}

#[tokio::test]
async fn entries_are_found_by_what_they_say() {
    let fixture = trail().await;
    let ledger = &fixture.ledger;
    let mut other = entry("user:b", "keys.create");
    other.target = "imk_' OR 1=1".to_owned();
    other.request = Some("req_2".into());
    ledger.append_audit(&[other]).await.unwrap();
    let seqs = async |filter: &AuditFilter, newest, after, limit| {
        let page = ledger.audit(filter, newest, after, limit).await.unwrap();
        (page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), page.next)
    };
    let all = AuditFilter::default();
    assert_eq!(seqs(&all, false, None, 3).await, (vec![1, 2, 3], Some(3)));
    assert_eq!(seqs(&all, false, Some(11), 3).await, (vec![12, 13], None));
    assert_eq!(seqs(&all, true, None, 2).await, (vec![13, 12], Some(12)));
    assert_eq!(seqs(&all, true, Some(2), 2).await, (vec![1], None));
    let text = |text: &str| Some(text.to_owned());
    for filter in [
        AuditFilter { actor: text("user:b"), ..AuditFilter::default() },
        AuditFilter { action: text("keys.create"), ..AuditFilter::default() },
        AuditFilter { target: text("imk_' OR 1=1"), ..AuditFilter::default() },
        AuditFilter { request: text("req_2"), ..AuditFilter::default() },
        AuditFilter { from: Some(fixture.now()), ..AuditFilter::default() },
    ] {
        assert_eq!(seqs(&filter, false, None, 10).await, (vec![13], None), "{filter:?}");
    }
    let early = AuditFilter { to: Some(fixture.now() - Duration::hours(11)), ..all };
    assert_eq!(seqs(&early, false, None, 10).await, (vec![1], None));
    assert!(ledger.audit(&AuditFilter::default(), false, None, 0).await.is_err());
}

#[tokio::test]
async fn what_is_too_long_is_cut_and_never_refused() {
    let fixture = Fixture::new().await;
    let mut huge = entry(&"a".repeat(10_000), "x\0y");
    huge.details = json!({"documents": vec!["doc_0123456789"; 10_000]});
    fixture.ledger.append_audit(&[huge]).await.unwrap();
    let page = fixture.ledger.audit(&AuditFilter::default(), false, None, 1).await.unwrap();
    let written = &page.entries[0];
    assert_eq!((written.actor.len(), written.action.as_str()), (500, "xy"));
    assert!(written.details.starts_with("{\"left_out_bytes\":1"), "{}", written.details);
    assert!(fixture.ledger.verify_audit(None).await.unwrap().is_sound());
}

#[tokio::test]
async fn contents_are_for_the_holder_of_the_key() {
    let operator = Unsealer::generate().unwrap();
    let sealer = Sealer::new(&operator.public_key()).unwrap();
    let sealed = sealer.seal("Quel est le salaire ?".as_bytes()).unwrap();
    assert_ne!(sealer.seal("Quel est le salaire ?".as_bytes()).unwrap(), sealed);
    let again = Unsealer::new(&operator.private_key()).unwrap();
    assert_eq!(again.unseal(&sealed).unwrap(), "Quel est le salaire ?".as_bytes());
    assert_eq!(Unsealer::generate().unwrap().unseal(&sealed), None);
    for damaged in ["", "AAAA", &sealed[4..], "é"] {
        assert_eq!(operator.unseal(damaged), None);
    }
    for wrong in ["", "AAAA", "é", &"A".repeat(100)] {
        assert!(Sealer::new(wrong).is_err() && Unsealer::new(wrong).is_err());
    }
    let printed = format!("{operator:?} {sealer:?}");
    assert!(!printed.contains(&operator.private_key()), "{printed}");

    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    for actor in ["key:a", "key:b"] {
        let with = AuditEntry { content: Some(sealed.clone()), ..entry(actor, "ask") };
        ledger.append_audit(&[with]).await.unwrap();
        fixture.advance(Duration::days(1));
    }
    assert_eq!(ledger.audit_content(1).await.unwrap(), Some(sealed));
    assert_eq!(ledger.erase_audit_contents_of("key:b").await.unwrap(), 1);
    assert_eq!(ledger.audit_content(2).await.unwrap(), None);
    let yesterday = fixture.now() - Duration::days(1);
    assert_eq!(ledger.forget_audit_contents(yesterday).await.unwrap(), 1);
    assert!(ledger.verify_audit(None).await.unwrap().is_sound());
}
