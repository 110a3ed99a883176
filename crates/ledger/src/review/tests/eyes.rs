//! Tests claims, races and four eyes.

use super::*;

fn four_eyes(title: &str) -> NewReview {
    NewReview { four_eyes: true, queues_job: true, ..new(title) }
}

async fn jobs(fixture: &Fixture) -> usize {
    let page = JobPage { limit: 100, ..JobPage::default() };
    fixture.ledger.list_jobs(&page).await.unwrap().0.len()
}

#[tokio::test]
async fn a_claim_keeps_others_away_until_it_ends() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, paul) = (person("marie"), person("paul"));
    let id = file(&fixture, new("a")).await;
    ledger.claim_review(&id, &marie, LEASE).await.unwrap();
    for refusal in [
        refused(ledger.claim_review(&id, &paul, LEASE).await),
        refused(decide(&fixture, &id, &paul, Decision::Approve).await),
        refused(ledger.release_review(&id, &paul).await),
    ] {
        assert!(
            refusal.contains("is claimed by usr_marie until 2026-01-01T00:15:00Z"),
            "{refusal}"
        );
    }
    assert_eq!(next(&fixture, &paul).await, None);
    // Prolonged while she works, then released by her.
    fixture.advance(time::Duration::minutes(14));
    ledger.claim_review(&id, &marie, LEASE).await.unwrap();
    fixture.advance(time::Duration::minutes(14));
    refused(ledger.claim_review(&id, &paul, LEASE).await);
    ledger.release_review(&id, &marie).await.unwrap();
    assert!(refused(ledger.release_review(&id, &marie).await).contains("is not claimed"));
    // Paul lets it run out; Marie has it again, and both times are hers together.
    assert_eq!(next(&fixture, &paul).await.as_deref(), Some("a"));
    fixture.advance(time::Duration::minutes(16));
    assert_eq!(next(&fixture, &marie).await.as_deref(), Some("a"));
    fixture.advance(time::Duration::minutes(1));
    let decided = decide(&fixture, &id, &marie, Decision::Approve).await.unwrap();
    assert_eq!(decided.decisions[0].worked, Some(Duration::from_secs((28 + 1) * 60)));
    let worked: i64 = sqlx::query_scalar("SELECT worked FROM review_work WHERE reviewer = $1")
        .bind(&paul.who)
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert_eq!(worked, 15 * 60_000, "no longer than the claim held");
}

#[tokio::test]
async fn an_administrator_takes_a_claim_from_who_left() {
    let fixture = Fixture::new().await;
    let id = file(&fixture, new("a")).await;
    fixture.ledger.claim_review(&id, &person("marie"), LEASE).await.unwrap();
    fixture.ledger.release_review(&id, &admin()).await.unwrap();
    assert_eq!(next(&fixture, &person("paul")).await.as_deref(), Some("a"));
}

#[tokio::test]
async fn a_decision_after_the_claim_ran_out_counts_unless_somebody_else_was_there() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, paul) = (person("marie"), person("paul"));
    let id = file(&fixture, new("a")).await;
    ledger.claim_review(&id, &marie, LEASE).await.unwrap();
    fixture.advance(time::Duration::hours(1));
    let decided = ledger.decide_review(&id, says(1, Decision::Approve), &marie).await.unwrap();
    assert_eq!(decided.decisions[0].worked, Some(LEASE));

    let id = file(&fixture, new("b")).await;
    ledger.claim_review(&id, &marie, LEASE).await.unwrap();
    fixture.advance(time::Duration::hours(1));
    ledger.claim_review(&id, &paul, LEASE).await.unwrap();
    let late = ledger.decide_review(&id, says(1, Decision::Approve), &marie).await;
    assert!(refused(late).contains("is claimed by usr_paul"));
    ledger.decide_review(&id, says(1, Decision::Reject), &paul).await.unwrap();
    let late = ledger.decide_review(&id, says(1, Decision::Approve), &marie).await;
    assert!(refused(late).contains("is decided already"));
}

#[tokio::test]
async fn a_decision_about_what_changed_is_refused() {
    let fixture = Fixture::new().await;
    let id = file(&fixture, four_eyes("a")).await;
    let first = says(1, Decision::Approve);
    fixture.ledger.decide_review(&id, first.clone(), &person("marie")).await.unwrap();
    let stale = refused(fixture.ledger.decide_review(&id, first, &person("paul")).await);
    assert!(stale.contains("is at version 2, you saw 1"), "{stale}");
    for version in [0, 3, u32::MAX] {
        let new = says(version, Decision::Approve);
        refused(fixture.ledger.decide_review(&id, new, &person("paul")).await);
    }
}

#[tokio::test]
async fn withdrawn_is_withdrawn_also_from_who_has_it() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, filer) = (person("marie"), application());
    let review = ledger.file_review(new("a"), Filer::Caller(&filer)).await.unwrap().review();
    let id = review.summary.id;
    ledger.claim_review(&id, &marie, LEASE).await.unwrap();
    assert!(refused(ledger.withdraw_review(&id, &marie).await).contains("by imk_12345678"));
    let withdrawn = ledger.withdraw_review(&id, &filer).await.unwrap();
    assert_eq!((withdrawn.summary.state, withdrawn.summary.claim), (ReviewState::Withdrawn, None));
    for refusal in [
        refused(ledger.decide_review(&id, says(1, Decision::Approve), &marie).await),
        refused(ledger.claim_review(&id, &marie, LEASE).await),
        refused(ledger.withdraw_review(&id, &filer).await),
        refused(ledger.update_review(&id, ReviewChanges::default(), &marie).await),
    ] {
        assert!(refusal.contains("is withdrawn already"), "{refusal}");
    }
}

#[tokio::test]
async fn what_is_most_urgent_comes_next() {
    let fixture = Fixture::new().await;
    let hours = |hours: i64| Some(fixture.now() + time::Duration::hours(hours));
    for (title, priority, due) in [
        ("5 old", JobPriority::Normal, None),
        ("6 young", JobPriority::Normal, None),
        ("7 low", JobPriority::Low, hours(1)),
        ("4 due", JobPriority::Normal, hours(2)),
        ("3 high", JobPriority::High, None),
        ("2 overdue low", JobPriority::Low, hours(-1)),
        ("1 overdue", JobPriority::Normal, hours(-1)),
        ("0 overdue longer", JobPriority::Normal, hours(-2)),
    ] {
        file(&fixture, NewReview { priority, due, ..new(title) }).await;
    }
    let marie = person("marie");
    let mut order = Vec::new();
    while let Some(title) = next(&fixture, &marie).await {
        order.push(title[..1].parse::<u32>().unwrap());
    }
    assert_eq!(order, (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn next_can_be_told_what_of() {
    let fixture = Fixture::new().await;
    file(&fixture, new("a")).await;
    file(&fixture, NewReview { kind: "ticket".to_owned(), ..new("b") }).await;
    let only = NextReview { kind: Some("ticket".to_owned()), team: None };
    let marie = person("marie");
    let next =
        async |only: &NextReview| fixture.ledger.next_review(only, &marie, LEASE).await.unwrap();
    assert_eq!(next(&only).await.unwrap().summary.title, "b");
    assert_eq!(next(&only).await, None);
    let team = NextReview { kind: None, team: Some("none".into()) };
    assert_eq!(next(&team).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_who_ask_at_once_no_two_get_the_same() {
    let fixture = Fixture::new().await;
    for at in 0..150 {
        file(&fixture, new(&at.to_string())).await;
    }
    let second = fixture.second().await;
    let asking = (0..200).map(|at| {
        let ledger = if at % 2 == 0 { fixture.ledger.clone() } else { second.clone() };
        tokio::spawn(async move {
            let who = person(&(at % 20).to_string());
            let found = ledger.next_review(&NextReview::default(), &who, LEASE).await.unwrap();
            found.map(|review| review.summary.title)
        })
    });
    let mut given = Vec::new();
    for task in asking.collect::<Vec<_>>() {
        given.extend(task.await.unwrap());
    }
    assert_eq!(given.len(), 150);
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 150);
}

#[tokio::test]
async fn nobody_hoards() {
    let fixture = Fixture::new().await;
    for at in 0..201 {
        file(&fixture, new(&at.to_string())).await;
    }
    let marie = person("marie");
    for _ in 0..200 {
        next(&fixture, &marie).await.unwrap();
    }
    let more = fixture.ledger.next_review(&NextReview::default(), &marie, LEASE).await;
    assert!(refused(more).contains("200"));
    fixture.advance(time::Duration::minutes(16));
    next(&fixture, &marie).await.unwrap();
}

#[tokio::test]
async fn two_who_agree_decide() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, paul) = (person("marie"), person("paul"));
    let right = json!({"total": 15, "currency": "EUR"});
    for decision in [Decision::Approve, Decision::Reject, Decision::Correct(right)] {
        let before = jobs(&fixture).await;
        let id = file(&fixture, four_eyes("a")).await;
        assert_eq!(next(&fixture, &marie).await.as_deref(), Some("a"));
        let half = decide(&fixture, &id, &marie, decision.clone()).await.unwrap();
        assert_eq!((half.summary.state, half.summary.opinions), (ReviewState::Open, 1));
        assert_eq!((half.summary.verdict, half.decisions[0].is_final), (None, false));
        assert_eq!(jobs(&fixture).await, before);
        // Not the same person twice, by whichever way.
        assert_eq!(next(&fixture, &marie).await, None);
        let key = Reviewer { role: UserRole::Operator, ..marie.clone() };
        for refusal in [
            refused(decide(&fixture, &id, &key, decision.clone()).await),
            refused(ledger.claim_review(&id, &marie, LEASE).await),
        ] {
            assert!(refusal.contains("somebody else"), "{refusal}");
        }
        // The second sees what the first said.
        assert_eq!(next(&fixture, &paul).await.as_deref(), Some("a"));
        let seen = ledger.get_review(&id, &paul).await.unwrap();
        assert_eq!(seen.decisions[0].verdict, decision.verdict());
        let decided = decide(&fixture, &id, &paul, decision.clone()).await.unwrap();
        assert_eq!(decided.summary.state, ReviewState::Decided);
        assert_eq!(decided.summary.verdict, Some(decision.verdict()));
        assert_eq!(decided.decisions.iter().filter(|one| one.is_final).count(), 1);
        assert_eq!(jobs(&fixture).await, before + 1);
    }
}

#[tokio::test]
async fn where_two_disagree_a_third_decides() {
    let fixture = Fixture::new().await;
    let correct = |total: u32| Decision::Correct(json!({"total": total, "currency": "EUR"}));
    for (round, (first, second)) in [
        (Decision::Approve, Decision::Reject),
        (correct(1), correct(2)),
        (correct(1), Decision::Approve),
    ]
    .into_iter()
    .enumerate()
    {
        let id = file(&fixture, four_eyes("a")).await;
        // The first is an administrator, which does not make two of one person.
        let (one, two) = (admin(), person("paul"));
        decide(&fixture, &id, &one, first).await.unwrap();
        let open = decide(&fixture, &id, &two, second).await.unwrap();
        assert_eq!((open.summary.state, open.summary.opinions), (ReviewState::Open, 2));
        assert_eq!(jobs(&fixture).await, round);
        for same in [&one, &two] {
            refused(decide(&fixture, &id, same, Decision::Approve).await);
            assert_eq!(next(&fixture, same).await, None);
        }
        let decided = decide(&fixture, &id, &person("zoé"), correct(3)).await.unwrap();
        assert_eq!(decided.summary.verdict, Some(Verdict::Corrected));
        assert_eq!(decided.value(), Some(&json!({"total": 3, "currency": "EUR"})));
        assert_eq!(decided.decisions.len(), 3, "all of them are kept");
        assert_eq!(jobs(&fixture).await, round + 1);
    }
}

#[tokio::test]
async fn four_eyes_are_of_two_people_and_not_of_who_filed() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let (marie, application) = (person("marie"), application());
    let review = ledger.file_review(four_eyes("a"), Filer::Caller(&marie)).await.unwrap().review();
    let id = review.summary.id;
    let own = refused(decide(&fixture, &id, &marie, Decision::Approve).await);
    assert!(own.contains("than who filed it"), "{own}");
    let no_person = refused(decide(&fixture, &id, &application, Decision::Approve).await);
    assert!(no_person.contains("two people who signed in"), "{no_person}");
    for who in [&marie, &application] {
        assert_eq!(next(&fixture, who).await, None);
    }
    // Without four eyes both may.
    for who in [&marie, &application] {
        let review = ledger.file_review(new("b"), Filer::Caller(who)).await.unwrap().review();
        decide(&fixture, &review.summary.id, who, Decision::Approve).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_decide_at_once_one_does() {
    let fixture = Fixture::new().await;
    let id = file(&fixture, NewReview { queues_job: true, ..new("a") }).await;
    let deciding = (0..40).map(|at| {
        let (ledger, id) = (fixture.ledger.clone(), id.clone());
        tokio::spawn(async move {
            let new = says(1, Decision::Reject);
            ledger.decide_review(&id, new, &person(&at.to_string())).await.is_ok()
        })
    });
    let mut decided = 0;
    for task in deciding.collect::<Vec<_>>() {
        decided += usize::from(task.await.unwrap());
    }
    assert_eq!((decided, jobs(&fixture).await), (1, 1));
}
