//! Tests the life of an index beside another one.

use intramuros_types::KnowledgeBaseId;

use crate::ledger::tests::{Fixture, new_document};
use crate::{
    CALIBRATE, Calibration, Chunking, DocumentFacts, DocumentRecord, DocumentState, IndexRecord,
    IndexRole, Ledger, LedgerError, NewJob, TestQuestion, Verdict,
};

const CHUNKING: Chunking = Chunking { version: 1, target_tokens: 100, max_tokens: 200 };

fn base() -> KnowledgeBaseId {
    "support".into()
}

async fn ready(ledger: &Ledger, content: u8) -> DocumentRecord {
    let inserted = ledger.insert_document(new_document("support", content)).await.unwrap();
    let claimed = ledger.claim_next_document().await.unwrap().unwrap();
    assert_eq!(claimed.id, inserted.record().id);
    ledger.finish_document(&claimed, DocumentFacts::default()).await.unwrap();
    claimed
}

async fn begin(ledger: &Ledger) -> Result<IndexRecord, LedgerError> {
    ledger.begin_index(&base(), &"other-encoder".into(), 8, CHUNKING).await
}

async fn roles(ledger: &Ledger) -> Vec<(u32, IndexRole)> {
    let all = ledger.indexes(&base()).await.unwrap();
    all.into_iter().map(|index| (index.generation, index.role)).collect()
}

#[tokio::test]
async fn an_index_is_made_beside_the_other_and_takes_its_place() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let first = ready(ledger, 1).await;
    let second = ready(ledger, 2).await;
    assert_eq!(roles(ledger).await, [(0, IndexRole::Active)]);
    let new = begin(ledger).await.unwrap();
    assert!(matches!(begin(ledger).await, Err(LedgerError::Conflict { .. })));
    assert_eq!(ledger.indexes(&base()).await.unwrap()[1], new);

    // It gets one document after the other; one that changes is wanted again.
    assert_eq!(ledger.next_for_index(&new, None).await.unwrap().unwrap().id, first.id);
    ledger.note_in_index(&new, &first, None).await.unwrap();
    assert_eq!(ledger.next_for_index(&new, None).await.unwrap().unwrap().id, second.id);
    ledger.note_in_index(&new, &second, Some("cannot be read")).await.unwrap();
    assert_eq!(ledger.next_for_index(&new, None).await.unwrap(), None);
    let details = crate::DocumentDetails { labels: vec!["rh".into()], ..first.details.clone() };
    let changed = ledger.update_details(&first.id, details).await.unwrap();
    ledger.note_placed(&changed.id, changed.revision).await.unwrap();
    assert_eq!(ledger.next_for_index(&new, None).await.unwrap().unwrap().id, first.id);
    assert_eq!(ledger.next_for_index(&new, Some(&first.id)).await.unwrap(), None);
    assert_eq!(ledger.stale_in_index(&new).await.unwrap()[0], first.id);
    ledger.note_in_index(&new, &changed, None).await.unwrap();
    let progress = ledger.index_progress(&new).await.unwrap();
    assert_eq!((progress.documents, progress.done, progress.failed), (2, 2, 1));

    let verdict = Verdict { questions: 3, recall_at_5_before: 0.5, recall_at_5: 1.0 };
    ledger.judge_index(&new, IndexRole::Building, Some(verdict)).await.unwrap();
    ledger.swap_indexes(&new).await.unwrap();
    assert_eq!(roles(ledger).await, [(1, IndexRole::Active), (0, IndexRole::Previous)]);
    let now = ledger.get_knowledge_base(&base()).await.unwrap();
    assert_eq!(now.embedding_model.as_str(), "other-encoder");
    let active = &ledger.indexes(&base()).await.unwrap()[0];
    assert_eq!((active.chunking, active.verdict), (CHUNKING, Some(verdict)));
    assert_eq!(ledger.active_index(&base()).await.unwrap(), *active);
    assert_eq!(active.dimension, Some(8));
    // What it could not read is tried again.
    let state = |id| async move { ledger.get_document(id).await.unwrap().state };
    assert_eq!(state(&first.id).await, DocumentState::Ready);
    assert_eq!(state(&second.id).await, DocumentState::Pending);
    assert!(ledger.misplaced_documents().await.unwrap().is_empty());

    // Back: what was added since is not in the old one.
    let claimed = ledger.claim_next_document().await.unwrap().unwrap();
    ledger.finish_document(&claimed, DocumentFacts::default()).await.unwrap();
    let third = ready(ledger, 3).await;
    let old = ledger.indexes(&base()).await.unwrap()[1].clone();
    ledger.swap_indexes(&old).await.unwrap();
    assert_eq!(roles(ledger).await, [(0, IndexRole::Active), (1, IndexRole::Previous)]);
    assert_eq!(state(&first.id).await, DocumentState::Ready);
    assert_eq!(state(&second.id).await, DocumentState::Ready);
    assert_eq!(state(&third.id).await, DocumentState::Pending);

    let beside = ledger.indexes(&base()).await.unwrap()[1].clone();
    assert_eq!(ledger.index_progress(&beside).await.unwrap().done, 2);
    ledger.clear_index(&beside).await.unwrap();
    assert_eq!(ledger.index_progress(&beside).await.unwrap().done, 0);
    ledger.forget_index(&beside).await.unwrap();
    assert_eq!(roles(ledger).await, [(0, IndexRole::Active)]);
    assert!(matches!(ledger.swap_indexes(&beside).await, Err(LedgerError::NotFound { .. })));
    ledger.delete_knowledge_base(&base()).await.unwrap();
    ledger.forget_knowledge_base(&base()).await.unwrap();
}

#[tokio::test]
async fn test_questions_are_replaced_as_a_whole() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let question = |id: &str, relevant: &[&str]| TestQuestion {
        id: id.to_owned(),
        query: "Où est la caution ?".to_owned(),
        relevant: relevant.iter().map(|name| (*name).to_owned()).collect(),
    };
    let all = [question("a", &["tarifs.pdf"]), question("b", &["x", "y"])];
    ledger.set_test_questions(&base(), &all).await.unwrap();
    ledger.set_test_questions(&base(), &all).await.unwrap();
    assert_eq!(ledger.test_questions(&base()).await.unwrap(), all);
    for wrong in [vec![question("a", &["x"]), question("a", &["y"])], vec![question("", &["x"])]] {
        let refused = ledger.set_test_questions(&base(), &wrong).await;
        assert!(matches!(refused, Err(LedgerError::Invalid { .. })), "{wrong:?}");
    }
    assert_eq!(ledger.test_questions(&base()).await.unwrap(), all);
    let missing = ledger.set_test_questions(&"none".into(), &all).await;
    assert!(matches!(missing, Err(LedgerError::NotFound { .. })));
    ledger.set_test_questions(&base(), &[]).await.unwrap();
    assert_eq!(ledger.test_questions(&base()).await.unwrap(), []);
}

#[tokio::test]
async fn a_calibration_replaces_the_one_before_and_goes_with_its_knowledge_base() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    assert_eq!(ledger.calibration(&base()).await.unwrap(), None);
    let learnt = Calibration {
        judge: "model".to_owned(),
        threshold: 0.25,
        kept: 0.5,
        answerable: 20,
        answerable_kept: 10,
        not_found: 3,
        unanswerable: 4,
        unanswerable_kept: 1,
        measured: time::OffsetDateTime::UNIX_EPOCH,
    };
    let begin = async || {
        let new = NewJob::new(CALIBRATE, "support", serde_json::json!({}));
        ledger.create_job(new, &[]).await.unwrap();
        let time = std::time::Duration::from_secs(60);
        ledger.claim_job("runner", &[CALIBRATE], time).await.unwrap().unwrap().0
    };
    for judge in ["first", "second"] {
        let lease = begin().await;
        let learnt = Calibration { judge: judge.to_owned(), ..learnt.clone() };
        ledger.finish_calibration(&lease, &base(), &learnt).await.unwrap();
        let mut stored = ledger.calibration(&base()).await.unwrap().unwrap();
        assert!(stored.measured > learnt.measured);
        stored.measured = learnt.measured;
        assert_eq!(stored, learnt);
        // The attempt has ended; what it says later is not heard.
        let late = Calibration { judge: "late".to_owned(), ..learnt.clone() };
        let refused = ledger.finish_calibration(&lease, &base(), &late).await;
        assert!(matches!(refused, Err(LedgerError::LeaseLost { .. })), "{refused:?}");
    }
    assert_eq!(ledger.calibration(&base()).await.unwrap().unwrap().judge, "second");
    let unnamed = Calibration { judge: String::new(), ..learnt };
    let lease = begin().await;
    assert!(ledger.finish_calibration(&lease, &base(), &unnamed).await.is_err());
    ledger.delete_knowledge_base(&base()).await.unwrap();
    ledger.forget_knowledge_base(&base()).await.unwrap();
    assert_eq!(ledger.calibration(&base()).await.unwrap(), None);
}
