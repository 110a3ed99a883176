//! Tests erasure, pruning, forgetting of people, and figures.

use super::*;
use crate::review::{ConfidenceBand, ReviewStatsFilter, VerdictCounts};

/// Texts that must be nowhere after an erasure.
const SECRETS: [&str; 7] = [
    "Dupontel-titre",
    "Dupontel-proposition",
    "Dupontel-citation",
    "Dupontel-raison",
    "Dupontel-correction",
    "Dupontel-commentaire",
    "Dupontel-schema",
];

fn secret(evidence: Vec<Evidence>) -> NewReview {
    NewReview {
        evidence,
        reason: FailureReason { code: "low".to_owned(), text: SECRETS[3].to_owned() },
        value_schema: Some(json!({"description": SECRETS[6]})),
        ..NewReview::new("invoice", SECRETS[0], json!({"name": SECRETS[1]}))
    }
}

async fn correct(fixture: &Fixture, id: &ReviewId, who: &Reviewer) {
    fixture.ledger.claim_review(id, who, LEASE).await.unwrap();
    fixture.advance(time::Duration::seconds(30));
    let new = NewDecision {
        version: fixture.ledger.review(id).await.unwrap().summary.version,
        decision: Decision::Correct(json!({"name": SECRETS[4]})),
        comment: SECRETS[5].to_owned(),
    };
    fixture.ledger.decide_review(id, new, who).await.unwrap();
}

/// The secrets that the ledger's files hold.
fn found_on_disk(fixture: &Fixture) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in SECRETS {
            if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                found.push(format!("{secret} in {}", path.display()));
            }
        }
    }
    found
}

#[tokio::test]
async fn erasing_a_document_erases_what_quotes_it() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let marie = person("marie");
    let (erased, kept) = (document(&fixture, 1, &[]).await, document(&fixture, 2, &[]).await);
    let decided = file(&fixture, secret(vec![quoting(&erased, SECRETS[2])])).await;
    correct(&fixture, &decided, &marie).await;
    let open = file(&fixture, secret(vec![quoting(&erased, SECRETS[2])])).await;
    ledger.claim_review(&open, &marie, LEASE).await.unwrap();
    let evidence = vec![quoting(&kept, "autre")];
    let other = file(&fixture, NewReview { evidence, ..new("other") }).await;
    let before = ledger.review(&decided).await.unwrap();
    assert_eq!(found_on_disk(&fixture).len(), SECRETS.len());

    // While it is being erased nobody can quote it any more.
    ledger.mark_deleting(&erased).await.unwrap();
    check_refused(&fixture, "evidence", secret(vec![quoting(&erased, "x")])).await;
    ledger.forget_document(&erased).await.unwrap();
    assert_eq!(found_on_disk(&fixture), [] as [String; 0]);
    let after = ledger.review(&decided).await.unwrap();
    assert_eq!(after.summary.erased, Some(fixture.now()));
    assert_eq!((after.summary.state, after.value()), (ReviewState::Decided, None));
    // What stays: that it was, when, by whom, how and in how long.
    assert_eq!(after.summary.verdict, before.summary.verdict);
    assert_eq!(after.summary.ended, before.summary.ended);
    assert_eq!(after.decisions[0].worked, Some(Duration::from_secs(30)));
    assert_eq!(after.decisions[0].reviewer, "usr_marie");
    assert_eq!(after.evidence[0].document, Some(erased));
    // One that waited waits no more.
    let open = ledger.review(&open).await.unwrap().summary;
    assert_eq!((open.state, open.claim), (ReviewState::Withdrawn, None));
    assert_eq!(ledger.review(&other).await.unwrap().summary.erased, None);
    // Its knowledge base takes the rest along.
    ledger.delete_knowledge_base(&"support".into()).await.unwrap();
    ledger.forget_knowledge_base(&"support".into()).await.unwrap();
    assert!(ledger.review(&other).await.unwrap().summary.erased.is_some());
}

#[tokio::test]
async fn reviews_are_erased_by_document_and_one_by_one() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let quoted = document(&fixture, 1, &[]).await;
    let first = file(&fixture, secret(vec![quoting(&quoted, SECRETS[2])])).await;
    let second = file(&fixture, secret(vec![quoting(&quoted, SECRETS[2])])).await;
    correct(&fixture, &second, &person("marie")).await;
    let third = file(&fixture, secret(Vec::new())).await;
    assert_eq!(ledger.erase_reviews_of_document(&quoted).await.unwrap(), 2);
    assert_eq!(ledger.erase_reviews_of_document(&quoted).await.unwrap(), 0);
    assert!(!found_on_disk(&fixture).is_empty(), "the third is still there");
    ledger.erase_review(&third).await.unwrap();
    ledger.erase_review(&third).await.unwrap();
    assert_eq!(found_on_disk(&fixture), [] as [String; 0]);
    for id in [&first, &second, &third] {
        assert!(ledger.review(id).await.unwrap().summary.erased.is_some());
    }
    let missing = ledger.erase_review(&"rev_none".into()).await.unwrap_err();
    assert!(matches!(missing, LedgerError::NotFound { .. }));
}

#[tokio::test]
async fn old_reviews_are_pruned_and_open_ones_stay() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let marie = person("marie");
    let open = file(&fixture, secret(Vec::new())).await;
    let old = file(&fixture, secret(Vec::new())).await;
    correct(&fixture, &old, &marie).await;
    let withdrawn = file(&fixture, new("w")).await;
    ledger.withdraw_review(&withdrawn, &admin()).await.unwrap();
    let border = fixture.now() + time::Duration::milliseconds(1);
    fixture.advance(time::Duration::days(1));
    let young = file(&fixture, new("young")).await;
    decide(&fixture, &young, &marie, Decision::Approve).await.unwrap();
    assert_eq!(ledger.prune_reviews(border).await.unwrap(), 2);
    assert_eq!(ledger.prune_reviews(border).await.unwrap(), 0);
    for (id, is_there) in [(&open, true), (&old, false), (&withdrawn, false), (&young, true)] {
        assert_eq!(ledger.review(id).await.is_ok(), is_there);
    }
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM review_decisions")
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_person_is_told_what_they_decided_and_forgotten() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, paul) = (person("marie"), person("paul"));
    let marie_id = marie.person.clone().unwrap();
    let mut ids = Vec::new();
    for at in 0..3 {
        let new = NewReview { four_eyes: true, ..new(&at.to_string()) };
        let id = file(&fixture, new).await;
        decide(&fixture, &id, &marie, Decision::Approve).await.unwrap();
        ids.push(id);
    }
    let filed = ledger.file_review(new("hers"), Filer::Caller(&marie)).await.unwrap().review();
    ledger.claim_review(&filed.summary.id, &marie, LEASE).await.unwrap();
    let told = ledger.reviews_decided_by(&marie_id, None, 2).await.unwrap();
    assert_eq!(told.iter().map(|one| &one.review).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let told = ledger.reviews_decided_by(&marie_id, Some(&ids[1]), 2).await.unwrap();
    assert_eq!(told.len(), 1);

    assert_eq!(ledger.forget_reviewer(&marie_id).await.unwrap(), 4);
    assert_eq!(ledger.forget_reviewer(&marie_id).await.unwrap(), 0);
    assert!(ledger.reviews_decided_by(&marie_id, None, 10).await.unwrap().is_empty());
    let pseudonym = ledger.review(&ids[0]).await.unwrap().decisions[0].reviewer.clone();
    assert!(pseudonym.starts_with("person_"), "{pseudonym}");
    let other = ledger.review(&ids[1]).await.unwrap().decisions[0].reviewer.clone();
    assert_eq!(pseudonym, other, "the same everywhere");
    let filed = ledger.review(&filed.summary.id).await.unwrap().summary;
    assert_eq!((filed.filed_by, filed.claim), (pseudonym, None));
    // Four eyes go on: she was one of the two.
    let decided = decide(&fixture, &ids[0], &paul, Decision::Approve).await.unwrap();
    assert_eq!(decided.summary.state, ReviewState::Decided);
}

#[tokio::test]
async fn figures_add_up() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, paul) = (person("marie"), person("paul"));
    let filter = ReviewStatsFilter::default();
    let empty = ledger.review_stats(&filter, &marie).await.unwrap();
    assert_eq!((empty.decided.total(), empty.median, empty.agreement()), (0, None, None));
    assert_eq!(empty.decided.approved_share(), None);

    // Ten that took 1 to 10 minutes, with confidences 0.05 to 0.95; those above a half are right.
    for at in 0..10_u32 {
        let confidence = Some(f64::from(at) / 10.0 + 0.05);
        let id = file(&fixture, NewReview { confidence, ..new("a") }).await;
        ledger.claim_review(&id, &marie, LEASE).await.unwrap();
        fixture.advance(time::Duration::minutes(i64::from(at) + 1));
        let decision = match at {
            0 => Decision::Reject,
            1..=4 => Decision::Correct(json!(at)),
            _ => Decision::Approve,
        };
        decide(&fixture, &id, &marie, decision).await.unwrap();
    }
    // Pairs: two that agree, one that does not.
    for at in 0..3 {
        let id = file(&fixture, NewReview { four_eyes: true, ..new("b") }).await;
        decide(&fixture, &id, &marie, Decision::Approve).await.unwrap();
        let second = if at == 0 { Decision::Reject } else { Decision::Approve };
        decide(&fixture, &id, &paul, second).await.unwrap();
        if at == 0 {
            decide(&fixture, &id, &person("zoé"), Decision::Reject).await.unwrap();
        }
    }
    let late = Some(fixture.now() - time::Duration::hours(1));
    let overdue = file(&fixture, NewReview { due: late, ..new("c") }).await;
    ledger.claim_review(&overdue, &paul, LEASE).await.unwrap();
    file(&fixture, NewReview { kind: "ticket".to_owned(), ..new("d") }).await;
    let withdrawn = file(&fixture, new("e")).await;
    ledger.withdraw_review(&withdrawn, &admin()).await.unwrap();

    let stats = ledger.review_stats(&filter, &marie).await.unwrap();
    assert_eq!((stats.open, stats.claimed, stats.overdue, stats.withdrawn), (1, 1, 1, 1));
    assert_eq!(stats.decided, VerdictCounts { approved: 7, corrected: 4, rejected: 2 });
    assert_eq!(stats.decided.corrected_share(), Some(4.0 / 13.0));
    assert_eq!(stats.median, Some(Duration::from_secs(5 * 60)));
    assert_eq!(stats.p90, Some(Duration::from_secs(9 * 60)));
    assert_eq!((stats.pairs, stats.agreed), (3, 2));
    assert_eq!(stats.bands.len(), 10);
    let right = VerdictCounts { approved: 1, ..VerdictCounts::default() };
    assert_eq!(stats.bands[9], ConfidenceBand { from: 0.9, to: 1.0, verdicts: right });
    assert_eq!(stats.bands[2].verdicts.approved_share(), Some(0.0));
    assert!(stats.reviewers.is_empty(), "who decided how is for administrators");

    let stats = ledger.review_stats(&filter, &admin()).await.unwrap();
    let of = |who: &str| stats.reviewers.iter().find(|one| one.reviewer == who).unwrap();
    assert_eq!(of("usr_marie").verdicts.total(), 13);
    assert_eq!(of("usr_marie").median, Some(Duration::from_secs(5 * 60)));
    assert_eq!((of("usr_paul").verdicts.total(), of("usr_paul").median), (3, None));
    let ticket = ReviewStatsFilter { kind: Some("ticket".to_owned()), ..filter.clone() };
    let stats = ledger.review_stats(&ticket, &marie).await.unwrap();
    assert_eq!((stats.open, stats.decided.total()), (1, 0));
    let before = Some(fixture.now() - time::Duration::days(9));
    let stats = ledger.review_stats(&ReviewStatsFilter { before, ..filter }, &marie).await.unwrap();
    assert_eq!((stats.decided.total(), stats.withdrawn, stats.claimed), (0, 0, 1));
}
