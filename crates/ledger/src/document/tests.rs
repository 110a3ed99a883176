//! Tests the life of documents, from upload to erasure.

use std::collections::HashSet;

use intramuros_types::{Access, DocumentFormat, DocumentId, Fault, KnowledgeBaseId, ReadWarning};

use super::{
    DocumentCounts, DocumentDetails, DocumentFacts, DocumentRecord, DocumentState, FailureReason,
    Inserted, NewDocument, Page,
};
use crate::ledger::tests::{Fixture, new_base, new_document};
use crate::{Ledger, LedgerError};

async fn insert(ledger: &Ledger, content: u8) -> DocumentRecord {
    match ledger.insert_document(new_document("support", content)).await.unwrap() {
        Inserted::New(record) => record,
        Inserted::Duplicate(record) | Inserted::Replaced { record, .. } => {
            panic!("{} should be new", record.id)
        }
    }
}

async fn state(ledger: &Ledger, id: &DocumentId) -> DocumentState {
    ledger.get_document(id).await.unwrap().state
}

fn facts() -> DocumentFacts {
    DocumentFacts {
        title: "Guide\nde l'imprimante".to_owned(),
        language: Some("fr".to_owned()),
        pages: Some(12),
        chunks: 40,
        format: Some(DocumentFormat::Pdf),
        author: Some("Mme Petit".to_owned()),
        written: Some("2026-03-01".to_owned()),
        modified: None,
        warnings: vec![warning()],
    }
}

fn warning() -> ReadWarning {
    let text = "page 3 has no text layer".to_owned();
    ReadWarning { code: "page_without_text".to_owned(), text, page: Some(3) }
}

fn page(after: Option<DocumentId>, limit: u32) -> Page {
    Page { after, ..Page::of(limit) }
}

async fn claim(ledger: &Ledger) -> DocumentRecord {
    ledger.claim_next_document().await.unwrap().expect("a document waits")
}

fn reason() -> FailureReason {
    FailureReason { code: "encrypted".to_owned(), text: "the file is encrypted".to_owned() }
}

#[track_caller]
fn check_conflict(result: Result<(), LedgerError>, id: &DocumentId, expected: &str) {
    let error = result.expect_err("the step should be refused");
    assert_eq!(error.to_string(), format!("document `{id}` {expected}"));
    assert_eq!(error.fault(), Fault::User);
}

#[tokio::test]
async fn the_same_content_is_known_once_it_is_searchable() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let named = |name: &str| {
        let external_id = Some(name.to_owned());
        let details = DocumentDetails { external_id, ..DocumentDetails::default() };
        NewDocument { details, ..new_document("support", 1) }
    };
    let first = ledger.insert_document(named("a")).await.unwrap().record().clone();
    let second = ledger.insert_document(named("b")).await.unwrap().record().clone();
    assert_eq!(ledger.same_content(&second).await.unwrap(), None);
    assert!(ledger.same_content_waits(&second).await.unwrap());
    let claimed = claim(ledger).await;
    ledger.finish_document(&claimed, facts()).await.unwrap();
    assert_eq!(ledger.same_content(&second).await.unwrap(), Some(first.id.clone()));
    assert_eq!(ledger.same_content(&first).await.unwrap(), None);
    assert!(ledger.same_content_waits(&first).await.unwrap());
    assert!(!ledger.same_content_waits(&second).await.unwrap());
}

#[tokio::test]
async fn a_document_goes_from_upload_to_ready() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let new = insert(ledger, 1).await;
    assert!(new.id.as_str().starts_with("doc_"), "{}", new.id);
    assert_eq!((new.state, new.bytes, new.created), (DocumentState::Pending, 1001, fixture.now()));

    fixture.advance(time::Duration::seconds(5));
    let claimed = ledger.claim_next_document().await.unwrap().unwrap();
    assert_eq!((&claimed.id, claimed.state), (&new.id, DocumentState::Indexing));
    assert_eq!(ledger.claim_next_document().await.unwrap(), None);
    ledger.finish_document(&claimed, facts()).await.unwrap();

    let ready = ledger.get_document(&new.id).await.unwrap();
    let expected = DocumentRecord {
        state: DocumentState::Ready,
        title: Some("Guide de l'imprimante".to_owned()),
        language: Some("fr".to_owned()),
        pages: Some(12),
        chunks: Some(40),
        format: Some(DocumentFormat::Pdf),
        author: Some("Mme Petit".to_owned()),
        written: Some("2026-03-01".to_owned()),
        warnings: vec![warning()],
        updated: fixture.now(),
        ..new
    };
    assert_eq!(ready, expected);
}

#[tokio::test]
async fn a_failure_keeps_its_reason_until_the_content_comes_again() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let id = insert(ledger, 1).await.id;
    let claimed = claim(ledger).await;
    ledger.fail_document(&claimed, reason()).await.unwrap();
    let failed = ledger.get_document(&id).await.unwrap();
    assert_eq!((failed.state, failed.reason), (DocumentState::Failed, Some(reason())));
    assert_eq!(ledger.claim_next_document().await.unwrap(), None);

    // The name may have been what was wrong.
    let renamed = NewDocument { file_name: "copie.txt".to_owned(), ..new_document("support", 1) };
    let Inserted::New(again) = ledger.insert_document(renamed.clone()).await.unwrap() else {
        panic!("a failed document should be tried again");
    };
    assert_eq!((&again.id, again.file_name.as_str()), (&id, "copie.txt"));
    let claimed = ledger.claim_next_document().await.unwrap().unwrap();
    assert_eq!((&claimed.id, claimed.reason), (&id, None));
    // In work, it is a duplicate like any other.
    let twice = ledger.insert_document(renamed).await.unwrap();
    assert!(matches!(twice, Inserted::Duplicate(_)), "{twice:?}");
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_the_files() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let name = "contrat-secret-de-madame-martin.pdf";
    let new = NewDocument { file_name: name.to_owned(), ..new_document("support", 1) };
    let Inserted::New(record) = ledger.insert_document(new).await.unwrap() else { panic!() };
    ledger.mark_deleting(&record.id).await.unwrap();
    ledger.forget_document(&record.id).await.unwrap();
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(!found, "{} still has the name", path.display());
    }
}

#[tokio::test]
async fn the_same_content_is_held_once_per_knowledge_base() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    ledger.create_knowledge_base(new_base("autre")).await.unwrap();
    let first = insert(ledger, 1).await;
    let renamed = NewDocument { file_name: "copie.pdf".to_owned(), ..new_document("support", 1) };
    let again = ledger.insert_document(renamed.clone()).await.unwrap();
    assert_eq!(again, Inserted::Duplicate(first.clone()));
    let elsewhere = ledger.insert_document(new_document("autre", 1)).await.unwrap();
    assert!(matches!(elsewhere, Inserted::New(_)));

    // Once the first is on its way out, the content is new again.
    ledger.mark_deleting(&first.id).await.unwrap();
    let Inserted::New(second) = ledger.insert_document(renamed).await.unwrap() else {
        panic!("a document being deleted should not count");
    };
    // Its file is still needed.
    assert_eq!(ledger.forget_document(&first.id).await.unwrap(), None);
    assert_eq!(state(ledger, &second.id).await, DocumentState::Pending);
}

#[tokio::test]
async fn documents_are_claimed_once_and_oldest_first() {
    let fixture = Fixture::with_base("support").await;
    let second = fixture.second().await;
    let mut expected = Vec::new();
    for content in 0..20 {
        expected.push(insert(&fixture.ledger, content).await.id);
    }
    let claim_all = async |ledger: &Ledger| {
        let mut claimed = Vec::new();
        while let Some(document) = ledger.claim_next_document().await.unwrap() {
            claimed.push(document.id);
        }
        claimed
    };
    let (one, two) = tokio::join!(claim_all(&fixture.ledger), claim_all(&second));
    assert!(one.is_sorted() && two.is_sorted());
    let claimed: HashSet<_> = one.iter().chain(&two).cloned().collect();
    assert_eq!((one.len() + two.len(), claimed.len()), (20, 20));
    assert_eq!(claimed, expected.into_iter().collect());
}

#[tokio::test]
async fn a_deletion_during_indexing_wins() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let id = insert(ledger, 1).await.id;
    let claimed = claim(ledger).await;
    ledger.mark_deleting(&id).await.unwrap();
    check_conflict(ledger.finish_document(&claimed, facts()).await, &id, "is deleting");
    check_conflict(ledger.fail_document(&claimed, reason()).await, &id, "is deleting");
    assert_eq!(state(ledger, &id).await, DocumentState::Deleting);
}

#[tokio::test]
async fn erasure_has_two_steps_and_gives_up_the_file() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let new = insert(ledger, 1).await;
    let error = ledger.forget_document(&new.id).await.unwrap_err();
    check_conflict(Err(error), &new.id, "is pending; delete it first");
    ledger.mark_deleting(&new.id).await.unwrap();
    ledger.mark_deleting(&new.id).await.unwrap();
    assert_eq!(ledger.deleting_documents().await.unwrap()[0].id, new.id);
    assert_eq!(ledger.forget_document(&new.id).await.unwrap(), Some(new.sha256.clone()));
    assert_eq!(ledger.deleting_documents().await.unwrap(), []);
    for error in [
        ledger.get_document(&new.id).await.unwrap_err(),
        ledger.mark_deleting(&new.id).await.unwrap_err(),
        ledger.forget_document(&new.id).await.unwrap_err(),
        ledger.finish_document(&new, facts()).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), format!("document `{}` does not exist", new.id));
    }
}

#[tokio::test]
async fn recovery_takes_up_what_a_crash_left() {
    let fixture = Fixture::with_base("support").await;
    let [one, two, three] = [
        insert(&fixture.ledger, 1).await,
        insert(&fixture.ledger, 2).await,
        insert(&fixture.ledger, 3).await,
    ];
    fixture.ledger.claim_next_document().await.unwrap();
    fixture.ledger.mark_deleting(&three.id).await.unwrap();

    let restarted = fixture.second().await;
    let recovery = restarted.recover().await.unwrap();
    assert_eq!(recovery.requeued, 1);
    assert_eq!(recovery.deleting_knowledge_bases, []);
    let deleting: Vec<_> = recovery.deleting.into_iter().map(|document| document.id).collect();
    assert_eq!(deleting, [three.id]);
    for expected in [one.id, two.id] {
        assert_eq!(restarted.claim_next_document().await.unwrap().unwrap().id, expected);
    }
}

#[tokio::test]
async fn lists_are_paged_without_gaps_or_repetitions() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let base = KnowledgeBaseId::new("support");
    let mut expected = Vec::new();
    for content in 0..7 {
        expected.push(insert(ledger, content).await.id);
    }
    ledger.mark_deleting(&expected.remove(5)).await.unwrap();

    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    let mut after = None;
    loop {
        let found =
            ledger.list_documents(&base, page(after, 3), &Access::EVERYTHING).await.unwrap();
        sizes.push(found.documents.len());
        listed.extend(found.documents.into_iter().map(|document| document.id));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
    assert_eq!(sizes, [3, 3]);
    for limit in [0, Page::MAX_LIMIT + 1] {
        let listed = ledger.list_documents(&base, page(None, limit), &Access::EVERYTHING).await;
        let error = listed.unwrap_err();
        assert!(error.to_string().contains("it must be 1 to 1000"), "{error}");
    }
    let hostile = page(Some("' OR 1=1 --".into()), 10);
    let found = ledger.list_documents(&base, hostile, &Access::EVERYTHING).await.unwrap();
    assert_eq!(found.documents.len(), 6);
    let counts = ledger.count_documents(&base, &Access::EVERYTHING).await.unwrap();
    assert_eq!(counts, DocumentCounts { pending: 6, deleting: 1, ..Default::default() });
}

#[tokio::test]
async fn bad_values_are_refused_by_name() {
    let fixture = Fixture::with_base("support").await;
    let good = || new_document("support", 1);
    for (new, name) in [
        (NewDocument { file_name: "a\u{0}b".to_owned(), ..good() }, "file_name"),
        (NewDocument { file_name: "a".repeat(256), ..good() }, "file_name"),
        (NewDocument { media_type: String::new(), ..good() }, "media_type"),
        (NewDocument { sha256: "../../etc/passwd".to_owned(), ..good() }, "sha256"),
        (NewDocument { bytes: u64::MAX, ..good() }, "bytes"),
    ] {
        let error = fixture.ledger.insert_document(new).await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn long_titles_and_reasons_are_cut_not_refused() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    insert(ledger, 1).await;
    insert(ledger, 2).await;
    let (one, two) = (claim(ledger).await, claim(ledger).await);
    let title = "é".repeat(10_000);
    ledger.finish_document(&one, DocumentFacts { title, ..facts() }).await.unwrap();
    let long = FailureReason { code: "c".repeat(100), text: "t\n".repeat(10_000) };
    ledger.fail_document(&two, long).await.unwrap();
    let title = ledger.get_document(&one.id).await.unwrap().title.unwrap();
    assert_eq!(title, "é".repeat(500));
    let reason = ledger.get_document(&two.id).await.unwrap().reason.unwrap();
    assert_eq!(reason.code.len(), 64);
    assert_eq!(reason.text, "t ".repeat(500));
}

fn labelled(content: u8, external_id: Option<&str>, labels: &[&str]) -> NewDocument {
    let details = DocumentDetails {
        external_id: external_id.map(str::to_owned),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..DocumentDetails::default()
    };
    NewDocument { details, ..new_document("support", content) }
}

fn reader(labels: &[&str]) -> Access {
    Access::of(labels)
}

#[tokio::test]
async fn a_known_external_id_takes_new_content_under_the_same_document() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let first = ledger.insert_document(labelled(1, Some("procédures/a.pdf"), &[])).await.unwrap();
    let same = ledger.insert_document(labelled(1, Some("procédures/a.pdf"), &[])).await.unwrap();
    assert_eq!(same, Inserted::Duplicate(first.record().clone()));
    // The same content under another name is another document.
    let copy = ledger.insert_document(labelled(1, Some("archives/a.pdf"), &[])).await.unwrap();
    assert!(matches!(copy, Inserted::New(_)), "{copy:?}");

    let claimed = claim(ledger).await;
    let changed = ledger.insert_document(labelled(2, Some("procédures/a.pdf"), &[])).await.unwrap();
    let Inserted::Replaced { record, previous } = changed else { panic!("{changed:?}") };
    assert_eq!((&record.id, record.state), (&first.record().id, DocumentState::Pending));
    assert_eq!(previous, first.record().sha256);
    // What was read of the old content is not taken for the new one's.
    let late = ledger.finish_document(&claimed, facts()).await;
    check_conflict(late, &record.id, "is pending");
}

#[tokio::test]
async fn labels_decide_what_is_listed_and_counted() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let base = KnowledgeBaseId::new("support");
    for (content, labels) in [(1, vec![]), (2, vec!["rh"]), (3, vec!["rh", "direction"])] {
        ledger.insert_document(labelled(content, None, &labels)).await.unwrap();
    }
    // The same content for other readers is another document; for the same ones it is not.
    let other = ledger.insert_document(labelled(2, None, &["achats"])).await.unwrap();
    assert!(matches!(other, Inserted::New(_)));
    let same = ledger.insert_document(labelled(3, None, &["direction", "rh", "rh"])).await.unwrap();
    assert!(matches!(same, Inserted::Duplicate(_)));

    for (access, expected) in [
        (reader(&[]), 1),
        (reader(&["direction"]), 2),
        (reader(&["rh", "achats"]), 4),
        (Access::EVERYTHING, 4),
    ] {
        let listed = ledger.list_documents(&base, page(None, 10), &access).await.unwrap();
        assert_eq!(listed.documents.len(), expected, "{access:?}");
        let counts = ledger.count_documents(&base, &access).await.unwrap();
        assert_eq!(counts.pending, expected as u64, "{access:?}");
    }
}

#[tokio::test]
async fn details_change_without_the_file_and_restart_work_in_progress() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let id = insert(ledger, 1).await.id;
    let claimed = claim(ledger).await;
    let secret = labelled(1, None, &["rh"]).details;
    let changed = ledger.update_details(&id, secret.clone()).await.unwrap();
    assert_eq!((changed.state, &changed.details), (DocumentState::Pending, &secret));
    check_conflict(ledger.finish_document(&claimed, facts()).await, &id, "is pending");

    let again = claim(ledger).await;
    ledger.finish_document(&again, facts()).await.unwrap();
    let mut metadata = secret.clone();
    metadata.metadata.insert("service".to_owned(), "paie".to_owned());
    let ready = ledger.update_details(&id, metadata.clone()).await.unwrap();
    assert_eq!((ready.state, &ready.details), (DocumentState::Ready, &metadata));
    assert_eq!(ledger.misplaced_documents().await.unwrap(), std::slice::from_ref(&ready));
    ledger.note_placed(&id, ready.revision).await.unwrap();
    assert_eq!(ledger.misplaced_documents().await.unwrap(), []);

    for (details, name) in [
        (labelled(1, None, &["*"]).details, "labels"),
        (labelled(1, None, &[" rh"]).details, "labels"),
        (labelled(1, Some(""), &[]).details, "external_id"),
    ] {
        let error = ledger.update_details(&id, details).await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn the_files_within_a_document_go_with_it() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let mail = insert(ledger, 1).await;
    let part = |content, parent: &DocumentRecord| NewDocument {
        parent: Some(parent.id.clone()),
        ..new_document("support", content)
    };
    let archive = ledger.insert_document(part(2, &mail)).await.unwrap().record().clone();
    let inner = ledger.insert_document(part(3, &archive)).await.unwrap().record().clone();
    let again = ledger.insert_document(part(3, &archive)).await.unwrap();
    assert_eq!(again, Inserted::Duplicate(inner.clone()));

    let marked = ledger.mark_deleting(&mail.id).await.unwrap();
    assert_eq!(marked.len(), 3);
    for document in marked {
        let unneeded = ledger.forget_document(&document.id).await.unwrap();
        assert_eq!(unneeded, Some(document.sha256));
    }
    let error = ledger.insert_document(part(4, &mail)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("document `{}` does not exist", mail.id));
}

#[tokio::test]
async fn documents_go_their_way_while_the_clock_jumps() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let mut ids = HashSet::new();
    for (content, jump) in [0_i64, 3650, -7300, 40, 3650].into_iter().enumerate() {
        fixture.advance(time::Duration::days(jump));
        let content = u8::try_from(content).unwrap();
        assert!(ids.insert(insert(ledger, content).await.id), "an id came twice");
        let record = claim(ledger).await;
        fixture.advance(time::Duration::days(-1));
        ledger.finish_document(&record, facts()).await.unwrap();
        assert_eq!(ledger.get_document(&record.id).await.unwrap().updated, fixture.now());
    }
    let base = KnowledgeBaseId::new("support");
    let list = ledger.list_documents(&base, page(None, 10), &Access::EVERYTHING).await;
    let listed: HashSet<DocumentId> =
        list.unwrap().documents.into_iter().map(|record| record.id).collect();
    assert_eq!(listed, ids);
    assert_eq!(ledger.recover().await.unwrap().requeued, 0);
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn all_documents_are_counted_by_knowledge_base_and_state() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    assert_eq!(ledger.count_all_documents().await.unwrap(), []);
    for base in ["support", "ventes"] {
        ledger.create_knowledge_base(new_base(base)).await.unwrap();
    }
    for content in 0..4 {
        insert(ledger, content).await;
    }
    ledger.insert_document(new_document("ventes", 9)).await.unwrap();
    let ready = claim(ledger).await;
    ledger.finish_document(&ready, facts()).await.unwrap();
    let failed = claim(ledger).await;
    ledger.fail_document(&failed, reason()).await.unwrap();
    claim(ledger).await;
    let support = DocumentCounts {
        pending: 1,
        indexing: 1,
        ready: 1,
        failed: 1,
        ..DocumentCounts::default()
    };
    let ventes = DocumentCounts { pending: 1, ..DocumentCounts::default() };
    let expected =
        [(KnowledgeBaseId::new("support"), support), (KnowledgeBaseId::new("ventes"), ventes)];
    assert_eq!(ledger.count_all_documents().await.unwrap(), expected);
    // They are the counts that each has for itself.
    for (base, counts) in expected {
        let own = ledger.count_documents(&base, &Access::EVERYTHING).await.unwrap();
        assert_eq!(own, counts, "{base}");
    }
}
