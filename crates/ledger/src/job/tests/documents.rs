//! Tests the jobs of knowledge bases, whose items are documents.

use intramuros_types::KnowledgeBaseId;

use super::{MINUTE, check_lost, claim_kind, reason};
use crate::job::{INGEST, JobPage, JobProgress, JobRecord, JobState, JobWish, REINDEX};
use crate::ledger::tests::{Fixture, new_base, new_document};
use crate::{Chunking, DocumentFacts, DocumentState, Ledger, LedgerError, NewDocument};

fn base() -> KnowledgeBaseId {
    "support".into()
}

async fn ingest(ledger: &Ledger) -> JobRecord {
    ledger.newest_job(INGEST, "support").await.unwrap().expect("there is a job")
}

#[tokio::test]
async fn a_pending_document_has_a_job_until_it_is_ready() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    assert_eq!(ledger.newest_job(INGEST, "support").await.unwrap(), None);
    for content in [1, 2, 2] {
        ledger.insert_document(new_document("support", content)).await.unwrap();
    }
    let job = ingest(ledger).await;
    assert_eq!((job.state, &job.knowledge_base), (JobState::Queued, &Some(base())));
    let lease = claim_kind(ledger, INGEST).await.unwrap();
    assert_eq!(claim_kind(ledger, INGEST).await, None, "one for both");
    ledger.count_waiting(&lease, &base()).await.unwrap();
    assert_eq!(ingest(ledger).await.progress.total, Some(2));

    assert_eq!(ledger.claim_document(&lease, &base(), Some(1000)).await.unwrap(), None);
    let first = ledger.claim_document(&lease, &base(), None).await.unwrap().unwrap();
    let second = ledger.claim_document(&lease, &base(), None).await.unwrap().unwrap();
    assert_eq!(first.claimed_by, Some(lease.owner.clone()));
    assert!(!ledger.finish_ingest(&lease, &base()).await.unwrap());
    ledger.finish_document(&first, DocumentFacts::default()).await.unwrap();
    ledger.fail_document(&second, reason()).await.unwrap();
    // One that comes at the last moment keeps the job.
    ledger.insert_document(new_document("support", 3)).await.unwrap();
    assert!(!ledger.finish_ingest(&lease, &base()).await.unwrap());
    let third = ledger.claim_document(&lease, &base(), None).await.unwrap().unwrap();
    ledger.finish_document(&third, DocumentFacts::default()).await.unwrap();
    assert!(ledger.finish_ingest(&lease, &base()).await.unwrap());
    let done = ingest(ledger).await;
    assert_eq!(done.state, JobState::Done);
    assert_eq!(done.progress, JobProgress { total: Some(3), done: 2, failed: 1 });

    // The next one has another; what failed is tried again with its own.
    let retried = ledger.retry_failed(&done.id).await.unwrap();
    assert_eq!((retried.state, retried.progress.failed), (JobState::Queued, 0));
    let lease = claim_kind(ledger, INGEST).await.unwrap();
    let again = ledger.claim_document(&lease, &base(), None).await.unwrap().unwrap();
    assert_eq!((again.id, again.reason), (second.id, None));
}

#[tokio::test]
async fn a_document_is_not_placed_by_an_attempt_that_lost_its_job() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    ledger.insert_document(new_document("support", 1)).await.unwrap();
    let old = claim_kind(ledger, INGEST).await.unwrap();
    let stale = ledger.claim_document(&old, &base(), None).await.unwrap().unwrap();
    fixture.advance(time::Duration::minutes(2));
    assert_eq!(ledger.take_back_jobs(&[]).await.unwrap(), 1);
    assert_eq!(ledger.get_document(&stale.id).await.unwrap().state, DocumentState::Pending);
    let new = claim_kind(ledger, INGEST).await.unwrap();
    assert_eq!(ledger.claim_document(&old, &base(), None).await.unwrap(), None);
    let fresh = ledger.claim_document(&new, &base(), None).await.unwrap().unwrap();
    let refused = ledger.finish_document(&stale, DocumentFacts::default()).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })), "{refused:?}");
    assert!(ledger.fail_document(&stale, reason()).await.is_err());
    ledger.finish_document(&fresh, DocumentFacts::default()).await.unwrap();
    assert!(ledger.finish_ingest(&new, &base()).await.unwrap());
    assert_eq!(ingest(ledger).await.progress.done, 1);
}

#[tokio::test]
async fn pausing_and_cancelling_leave_documents_pending() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let document = ledger.insert_document(new_document("support", 1)).await.unwrap();
    let id = document.record().id.clone();
    let job = ingest(ledger).await.id;
    let lease = claim_kind(ledger, INGEST).await.unwrap();
    ledger.claim_document(&lease, &base(), None).await.unwrap().unwrap();
    ledger.pause_job(&job).await.unwrap();
    assert_eq!(ledger.claim_document(&lease, &base(), None).await.unwrap(), None);
    ledger.release_job(&lease).await.unwrap();
    assert_eq!(ledger.get_document(&id).await.unwrap().state, DocumentState::Pending);
    // An upload to a base whose job is paused waits with the others.
    ledger.insert_document(new_document("support", 2)).await.unwrap();
    assert_eq!(ingest(ledger).await.state, JobState::Paused);

    ledger.cancel_job(&job).await.unwrap();
    ledger.recover().await.unwrap();
    assert_eq!(ingest(ledger).await.state, JobState::Cancelled, "a start does not undo it");
    fixture.advance(time::Duration::weeks(100));
    assert_eq!(ledger.forget_finished_jobs(MINUTE).await.unwrap(), 0, "nor does time");
    ledger.insert_document(new_document("support", 3)).await.unwrap();
    let next = ingest(ledger).await;
    assert_eq!(next.state, JobState::Queued);
    let lease = claim_kind(ledger, INGEST).await.unwrap();
    let first = ledger.claim_document(&lease, &base(), None).await.unwrap().unwrap();
    assert_eq!(first.id, id, "it takes all that waits");
}

#[tokio::test]
async fn a_start_makes_jobs_of_what_waits_without_one() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    ledger.insert_document(new_document("support", 1)).await.unwrap();
    ledger.claim_next_document().await.unwrap();
    let chunking = Chunking { version: 1, target_tokens: 1, max_tokens: 2 };
    let index = ledger.begin_index(&base(), &"other".into(), 8, chunking).await.unwrap();
    let reindex = || ledger.newest_job(REINDEX, "support/1");
    assert_eq!(reindex().await.unwrap().unwrap().params["generation"], 1);
    // As an earlier version left it.
    sqlx::query("DELETE FROM jobs").execute(&ledger.pool).await.unwrap();
    ledger.recover().await.unwrap();
    ledger.recover().await.unwrap();
    assert_eq!(ingest(ledger).await.state, JobState::Queued);
    assert_eq!(reindex().await.unwrap().unwrap().state, JobState::Queued);
    let (jobs, _) = ledger.list_jobs(&JobPage { limit: 9, ..JobPage::default() }).await.unwrap();
    assert_eq!(jobs.len(), 2);

    // An index that is given up takes its job with it, a knowledge base takes all.
    ledger.forget_index(&index).await.unwrap();
    assert_eq!(reindex().await.unwrap().unwrap().state, JobState::Cancelled);
    let lease = claim_kind(ledger, INGEST).await.unwrap();
    ledger.delete_knowledge_base(&base()).await.unwrap();
    let told = ledger.look_at_leases(std::slice::from_ref(&lease)).await.unwrap();
    assert_eq!(told[0].wanted, JobWish::Cancel);
    ledger.forget_knowledge_base(&base()).await.unwrap();
    check_lost(ledger.release_job(&lease).await);
    let (jobs, _) = ledger.list_jobs(&JobPage { limit: 9, ..JobPage::default() }).await.unwrap();
    assert_eq!(jobs, []);
}

#[tokio::test]
async fn another_knowledge_base_has_another_job() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    ledger.create_knowledge_base(new_base("autre")).await.unwrap();
    for base in ["support", "autre"] {
        ledger.insert_document(new_document(base, 1)).await.unwrap();
    }
    let one = claim_kind(ledger, INGEST).await.unwrap();
    claim_kind(ledger, INGEST).await.expect("both run at the same time");
    let claimed = ledger.claim_document(&one, &base(), None).await.unwrap().unwrap();
    assert_eq!(claimed.knowledge_base, base());
    assert_eq!(ledger.claim_document(&one, &base(), None).await.unwrap(), None);
}

#[tokio::test]
async fn small_documents_can_be_claimed_past_large_ones() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let sized = |bytes, number| NewDocument { bytes, ..new_document("support", number) };
    ledger.insert_document(sized(1_000_001, 1)).await.unwrap();
    let lease = claim_kind(ledger, INGEST).await.unwrap();
    let claim = async |most| ledger.claim_document(&lease, &base(), most).await.unwrap();
    assert_eq!(claim(Some(1_000_000)).await, None);
    ledger.insert_document(sized(1_000_000, 2)).await.unwrap();
    assert_eq!(claim(Some(1_000_000)).await.unwrap().bytes, 1_000_000);
    assert_eq!(claim(None).await.unwrap().bytes, 1_000_001);
}
