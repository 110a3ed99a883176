use std::time::Duration;

use intramuros_types::{Access, DocumentId, ReviewId, UserId, UserRole};
use serde_json::{Value, json};

use super::{
    Claim, Decision, Evidence, Filed, Filer, NewDecision, NewReview, NextReview, ReviewChanges,
    ReviewPage, ReviewRecord, ReviewState, Reviewer, Verdict,
};
use crate::ledger::tests::{Fixture, new_document};
use crate::{
    DocumentDetails, FailureReason, JobPage, JobPriority, LedgerError, NewDocument, NewWebhook,
    OutboxPage,
};

mod eyes;
mod life;
mod sight;

const LEASE: Duration = Duration::from_secs(900);

/// A person with every label and no team.
fn person(name: &str) -> Reviewer {
    let id = UserId::new(format!("usr_{name}"));
    Reviewer {
        who: id.to_string(),
        person: Some(id),
        role: UserRole::Reviewer,
        teams: Vec::new(),
        access: Access::EVERYTHING,
    }
}

fn admin() -> Reviewer {
    Reviewer { role: UserRole::Admin, ..person("admin") }
}

/// An application whose key has no owner.
fn application() -> Reviewer {
    Reviewer { who: "imk_12345678".to_owned(), person: None, ..person("") }
}

fn new(title: &str) -> NewReview {
    NewReview::new("invoice", title, json!({"total": 12.5, "currency": "EUR"}))
}

/// Files a review of the use case `invoice` and gives its id.
async fn file(fixture: &Fixture, new: NewReview) -> ReviewId {
    filed(fixture, new).await.review().summary.id
}

async fn filed(fixture: &Fixture, new: NewReview) -> Filed {
    fixture.ledger.file_review(new, Filer::Server("invoice")).await.unwrap()
}

fn says(version: u32, decision: Decision) -> NewDecision {
    NewDecision { version, decision, comment: String::new() }
}

async fn decide(
    fixture: &Fixture,
    id: &ReviewId,
    who: &Reviewer,
    decision: Decision,
) -> Result<ReviewRecord, LedgerError> {
    let version = fixture.ledger.review(id).await.unwrap().summary.version;
    fixture.ledger.decide_review(id, says(version, decision), who).await
}

async fn next(fixture: &Fixture, who: &Reviewer) -> Option<String> {
    let next = NextReview::default();
    let found = fixture.ledger.next_review(&next, who, LEASE).await.unwrap();
    found.map(|review| review.summary.title)
}

/// What a refused operation says.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_review_is_filed_read_claimed_and_decided() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let evidence = Evidence {
        page: Some(2),
        span: Some(intramuros_types::Span::new(10, 40)),
        quote: "Total TTC : 12,50 EUR".to_owned(),
        ..Evidence::default()
    };
    let due = fixture.now() + time::Duration::hours(4);
    let wanted = NewReview {
        external_id: Some("facture-7".to_owned()),
        evidence: vec![evidence.clone()],
        reason: FailureReason { code: "low".to_owned(), text: "deux totaux".to_owned() },
        confidence: Some(0.42),
        priority: JobPriority::High,
        due: Some(due),
        ..new("Facture 7")
    };
    let review = filed(&fixture, wanted.clone()).await.review();
    assert_eq!(review.proposal, wanted.proposal);
    assert_eq!(review.evidence, [evidence]);
    let summary = &review.summary;
    assert_eq!((summary.state, summary.version), (ReviewState::Open, 1));
    assert_eq!((summary.due, summary.is_overdue), (Some(due), false));
    assert_eq!((summary.confidence, summary.reason.text.as_str()), (Some(0.42), "deux totaux"));
    assert_eq!(summary.filed_by, "server:invoice");

    let id = &summary.id;
    let marie = person("marie");
    let claimed = ledger.claim_review(id, &marie, LEASE).await.unwrap();
    let claim = Claim {
        by: "usr_marie".to_owned(),
        since: fixture.now(),
        until: fixture.now() + time::Duration::minutes(15),
    };
    assert_eq!((claimed.summary.state, claimed.summary.claim), (ReviewState::Claimed, Some(claim)));
    fixture.advance(time::Duration::seconds(90));
    let correction = json!({"total": 15.0, "currency": "EUR"});
    let new = NewDecision {
        comment: "le total est en bas".to_owned(),
        ..says(1, Decision::Correct(correction.clone()))
    };
    let decided = ledger.decide_review(id, new, &marie).await.unwrap();
    assert_eq!(decided.summary.state, ReviewState::Decided);
    assert_eq!(decided.summary.verdict, Some(Verdict::Corrected));
    assert_eq!(decided.summary.ended, Some(fixture.now()));
    assert_eq!(decided.summary.claim, None);
    assert_eq!(decided.value(), Some(&correction));
    let decision = &decided.decisions[0];
    assert_eq!((decision.reviewer.as_str(), decision.is_final), ("usr_marie", true));
    assert_eq!(decision.worked, Some(Duration::from_secs(90)));
    assert_eq!(decision.patch, Some(json!([{"op": "replace", "path": "/total", "value": 15.0}])));
    assert_eq!(decision.comment, "le total est en bas");
    assert_eq!(ledger.review(id).await.unwrap(), decided);
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn what_was_filed_is_given_back_while_it_is_open() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let named = || NewReview { external_id: Some("7".to_owned()), ..new("a") };
    let first = file(&fixture, named()).await;
    let again = filed(&fixture, NewReview { title: "b".to_owned(), ..named() }).await;
    assert!(matches!(&again, Filed::Existing(same) if same.summary.id == first), "{again:?}");
    assert_eq!(again.review().summary.title, "a");
    // Another kind, another filer: another review.
    let other = NewReview { kind: "ticket".to_owned(), ..named() };
    assert_ne!(file(&fixture, other).await, first);
    let application = application();
    let theirs = ledger.file_review(named(), Filer::Caller(&application)).await.unwrap();
    assert!(matches!(theirs, Filed::New(_)));
    decide(&fixture, &first, &person("a"), Decision::Approve).await.unwrap();
    assert_ne!(file(&fixture, named()).await, first);
}

#[tokio::test]
async fn many_who_file_the_same_at_once_get_one() {
    let fixture = Fixture::new().await;
    let filing = (0..40).map(|_| {
        let ledger = fixture.ledger.clone();
        tokio::spawn(async move {
            let new = NewReview { external_id: Some("7".to_owned()), ..new("a") };
            ledger.file_review(new, Filer::Server("invoice")).await.unwrap().review().summary.id
        })
    });
    let mut ids: Vec<ReviewId> = Vec::new();
    for task in filing.collect::<Vec<_>>() {
        ids.push(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

async fn check_refused(fixture: &Fixture, name: &'static str, new: NewReview) {
    let error = fixture.ledger.file_review(new, Filer::Server("invoice")).await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_beyond_its_limits_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for confidence in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
        let new = NewReview { confidence: Some(confidence), ..new("a") };
        check_refused(&fixture, "confidence", new).await;
    }
    for kind in ["", "Invoice", "1a", "a b", "a/b", &"k".repeat(65)] {
        check_refused(&fixture, "kind", NewReview { kind: kind.to_owned(), ..new("a") }).await;
    }
    check_refused(&fixture, "title", new("")).await;
    check_refused(&fixture, "title", new(&"t".repeat(201))).await;
    check_refused(&fixture, "proposal", NewReview { proposal: deep(33), ..new("a") }).await;
    file(&fixture, NewReview { proposal: deep(32), ..new("a") }).await;
    let huge = Value::String("x".repeat(256 << 10));
    check_refused(&fixture, "proposal", NewReview { proposal: huge, ..new("a") }).await;
    check_refused(&fixture, "role", NewReview { role: UserRole::Reader, ..new("a") }).await;
    check_refused(&fixture, "team", NewReview { team: Some("none".into()), ..new("a") }).await;
    let nobody = Some(UserId::from("usr_none"));
    check_refused(&fixture, "assignee", NewReview { assignee: nobody, ..new("a") }).await;
    for labels in [vec!["*".to_owned()], vec![String::new()], vec!["l".repeat(101)]] {
        check_refused(&fixture, "labels", NewReview { labels, ..new("a") }).await;
    }
    let quote = |bytes: usize| Evidence { quote: "q".repeat(bytes), ..Evidence::default() };
    for evidence in [
        vec![quote(4097)],
        vec![quote(1); 65],
        vec![Evidence { page: Some(0), ..quote(1) }],
        vec![Evidence { document: Some("doc_1".into()), ..quote(1) }],
        vec![Evidence {
            document: Some("doc_1".into()),
            knowledge_base: Some("support".into()),
            ..quote(1)
        }],
    ] {
        check_refused(&fixture, "evidence", NewReview { evidence, ..new("a") }).await;
    }
    let external_id = Some("e".repeat(501));
    check_refused(&fixture, "external_id", NewReview { external_id, ..new("a") }).await;
    // What is late already is filed, and overdue at once.
    let due = Some(fixture.now() - time::Duration::days(3));
    let review = filed(&fixture, NewReview { due, ..new("late") }).await.review();
    assert!(review.summary.is_overdue);
}

#[tokio::test]
async fn a_schema_holds_corrections_and_approvals() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    for schema in [
        json!([1]),
        json!({"type": 7}),
        json!({"$ref": "#"}),
        json!({"properties": {"a": {"$ref": "https://example.org/schema"}}}),
        json!({"$schema": "https://example.org/draft"}),
        json!({"pattern": "("}),
        json!({"pattern": "(?:a{1000}){1000}"}),
        json!({"allOf": vec![json!({"pattern": "a"}); 65]}),
        json!({"title": "t".repeat(64 << 10)}),
    ] {
        let new = NewReview { value_schema: Some(schema), ..new("a") };
        check_refused(&fixture, "value_schema", new).await;
    }
    let schema = json!({
        "type": "object",
        "properties": {"total": {"type": "number", "minimum": 0}, "currency": {"enum": ["EUR"]}},
        "required": ["total", "currency"],
        "additionalProperties": false,
    });
    let with_schema =
        |proposal: Value| NewReview { proposal, value_schema: Some(schema.clone()), ..new("a") };
    let id = file(&fixture, with_schema(json!({"total": -3, "currency": "EUR"}))).await;
    let marie = person("marie");
    let approved = refused(decide(&fixture, &id, &marie, Decision::Approve).await);
    assert!(approved.contains("/total"), "{approved}");
    for wrong in [json!({"total": "SECRET", "currency": "EUR"}), json!({"total": 1}), json!(null)] {
        let error = refused(decide(&fixture, &id, &marie, Decision::Correct(wrong)).await);
        assert!(error.starts_with("value ") && !error.contains("SECRET"), "{error}");
    }
    // Too much to be checked in a moment.
    let items: Vec<Value> = (0..120).map(|at| json!({"not": {"const": at}})).collect();
    let wide = NewReview { value_schema: Some(json!({"allOf": items})), ..new("a") };
    let wide = file(&fixture, wide).await;
    let long = vec![1; 50_000];
    let error = refused(decide(&fixture, &wide, &marie, Decision::Correct(json!(long))).await);
    assert!(error.contains("too large"), "{error}");

    let same = json!({"total": -3, "currency": "EUR"});
    let error = refused(decide(&fixture, &id, &marie, Decision::Correct(same)).await);
    assert!(error.contains("approve it instead"), "{error}");
    let right = json!({"total": 3, "currency": "EUR"});
    decide(&fixture, &id, &marie, Decision::Correct(right)).await.unwrap();
    // What is of no use need not fit.
    let id = file(&fixture, with_schema(json!("?"))).await;
    let rejected = ledger.decide_review(&id, says(1, Decision::Reject), &marie).await.unwrap();
    assert_eq!((rejected.summary.verdict, rejected.value()), (Some(Verdict::Rejected), None));
}

#[tokio::test]
async fn a_decision_its_event_and_its_job_are_there_together_or_not_at_all() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let webhook = NewWebhook {
        url: "https://erp.example.lan/a".to_owned(),
        events: vec!["review.created".to_owned(), "review.decided".to_owned()],
        description: String::new(),
    };
    let webhook = ledger.create_webhook(webhook).await.unwrap().record.id;
    let events = async || {
        let page = OutboxPage { limit: 100, ..OutboxPage::default() };
        let listed = ledger.list_deliveries(&webhook, page).await.unwrap().deliveries;
        listed.into_iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    let jobs = async || {
        let page = JobPage { limit: 100, ..JobPage::default() };
        ledger.list_jobs(&page).await.unwrap().0
    };
    let wanted = NewReview {
        external_id: Some("7".to_owned()),
        queues_job: true,
        kind: "doc_extraction.v2".to_owned(),
        ..new("secret title")
    };
    let id = file(&fixture, wanted).await;
    assert_eq!(events().await, ["review.created"]);
    let payloads: Vec<String> =
        sqlx::query_scalar("SELECT payload FROM events").fetch_all(&ledger.pool).await.unwrap();
    let expected = json!({"review": id, "kind": "doc_extraction.v2", "external_id": "7"});
    assert_eq!(payloads, [expected.to_string()]);

    // The job cannot be written: nothing of the decision stays.
    sqlx::query(
        "CREATE TRIGGER no_jobs BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .execute(&ledger.pool)
    .await
    .unwrap();
    let marie = person("marie");
    ledger.claim_review(&id, &marie, LEASE).await.unwrap();
    decide(&fixture, &id, &marie, Decision::Approve).await.unwrap_err();
    let review = ledger.review(&id).await.unwrap();
    assert_eq!((review.summary.state, review.decisions.len()), (ReviewState::Claimed, 0));
    assert_eq!((events().await.len(), jobs().await.len()), (1, 0));
    sqlx::query("DROP TRIGGER no_jobs").execute(&ledger.pool).await.unwrap();

    decide(&fixture, &id, &marie, Decision::Approve).await.unwrap();
    assert_eq!(events().await, ["review.decided", "review.created"]);
    let queued = jobs().await;
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].kind, "review.doc_extraction.v2");
    assert_eq!(queued[0].params, json!({"review": id}));
    assert!(!queued[0].title.contains("secret"));
    // Once decided it is decided: no second job.
    refused(decide(&fixture, &id, &person("b"), Decision::Reject).await);
    assert_eq!((events().await.len(), jobs().await.len()), (2, 1));
    // What `kill -9` leaves has both.
    let copy = tempfile::tempdir().unwrap();
    for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
        std::fs::copy(fixture.path().with_file_name(name), copy.path().join(name)).unwrap();
    }
    let other = crate::Ledger::open(&copy.path().join("ledger.sqlite")).await.unwrap();
    assert_eq!(other.review(&id).await.unwrap().summary.state, ReviewState::Decided);
    let page = JobPage { limit: 10, ..JobPage::default() };
    assert_eq!(other.list_jobs(&page).await.unwrap().0.len(), 1);
    other.close().await;
    // Who did not ask for a job gets none.
    let id = file(&fixture, new("b")).await;
    decide(&fixture, &id, &marie, Decision::Approve).await.unwrap();
    assert_eq!(jobs().await.len(), 1);
}

/// A document with these labels in the knowledge base `support`.
async fn document(fixture: &Fixture, content: u8, labels: &[&str]) -> DocumentId {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let details = DocumentDetails { labels, ..DocumentDetails::default() };
    let new = NewDocument { details, ..new_document("support", content) };
    fixture.ledger.insert_document(new).await.unwrap().record().id.clone()
}

fn quoting(document: &DocumentId, quote: &str) -> Evidence {
    Evidence {
        knowledge_base: Some("support".into()),
        document: Some(document.clone()),
        quote: quote.to_owned(),
        ..Evidence::default()
    }
}

/// The titles of a page, newest first.
async fn listed(fixture: &Fixture, page: ReviewPage, who: &Reviewer) -> Vec<String> {
    let page = ReviewPage { limit: 100, ..page };
    let found = fixture.ledger.list_reviews(&page, who).await.unwrap().0;
    found.into_iter().map(|review| review.title).collect()
}

#[tokio::test]
async fn lists_are_narrowed_and_paged_while_others_write() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let marie = person("marie");
    for at in 0..30 {
        let kind = if at % 2 == 0 { "invoice" } else { "ticket" };
        let due = (at < 5).then(|| fixture.now() - time::Duration::hours(1));
        file(&fixture, NewReview { kind: kind.to_owned(), due, ..new(&at.to_string()) }).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    for round in 0.. {
        let page = ReviewPage { limit: 7, after: after.clone(), ..ReviewPage::default() };
        let (found, next) = ledger.list_reviews(&page, &marie).await.unwrap();
        seen.extend(found.iter().map(|review| review.title.parse::<u32>().unwrap()));
        // One comes and one is decided between two pages.
        file(&fixture, new("999")).await;
        decide(&fixture, &found[0].id, &marie, Decision::Approve).await.unwrap();
        after = next;
        if after.is_none() {
            assert_eq!(round, 4);
            break;
        }
    }
    assert_eq!(seen, (0..30).rev().collect::<Vec<_>>());

    let of = async |page: ReviewPage| listed(&fixture, page, &marie).await.len();
    let all = ReviewPage::default();
    assert_eq!(of(ReviewPage { state: Some(ReviewState::Decided), ..all.clone() }).await, 5);
    assert_eq!(of(ReviewPage { verdict: Some(Verdict::Corrected), ..all.clone() }).await, 0);
    assert_eq!(of(ReviewPage { verdict: Some(Verdict::Approved), ..all.clone() }).await, 5);
    assert_eq!(of(ReviewPage { kind: Some("ticket".to_owned()), ..all.clone() }).await, 15);
    assert_eq!(of(ReviewPage { state: Some(ReviewState::Open), ..all.clone() }).await, 30);
    assert_eq!(of(ReviewPage { overdue: true, ..all.clone() }).await, 4);
    assert_eq!(of(ReviewPage { mine: true, ..all.clone() }).await, 0);
    next(&fixture, &marie).await.unwrap();
    assert_eq!(of(ReviewPage { mine: true, ..all.clone() }).await, 1);
    assert_eq!(of(ReviewPage { state: Some(ReviewState::Claimed), ..all.clone() }).await, 1);
    assert_eq!(of(ReviewPage { ended_from: Some(fixture.now()), ..all.clone() }).await, 5);
    assert_eq!(of(ReviewPage { ended_before: Some(fixture.now()), ..all.clone() }).await, 0);
    for limit in [0, 1001] {
        let page = ReviewPage { limit, ..all.clone() };
        assert!(refused(ledger.list_reviews(&page, &marie).await).starts_with("limit "));
    }
    // An export is the same with contents, in pieces.
    let page = ReviewPage { limit: 100, ..all };
    let (some, next) = ledger.export_reviews(&page, &marie, 3_000).await.unwrap();
    assert_eq!((some.len(), next), (3, Some(some[2].summary.id.clone())));
    let (rest, next) = ledger.export_reviews(&page, &marie, 1 << 20).await.unwrap();
    assert_eq!((rest.len(), next), (35, None));
}
