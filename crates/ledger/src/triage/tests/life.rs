//! Tests a ticket's life: filed, settled, learnt from, erased.

use super::*;

#[tokio::test]
async fn a_policy_keeps_its_versions_and_refuses_what_was_not_seen() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let second = json!({"categories": ["reseau", "compte", "autre"]});
    let changed = ledger.update_triage_policy(&id, 1, None, Some(&second), "usr_b").await.unwrap();
    assert_eq!((changed.version, changed.learnt), (2, 0));
    let stale = ledger.update_triage_policy(&id, 1, None, Some(&second), "usr_c").await;
    assert!(matches!(stale, Err(LedgerError::Conflict { .. })), "{stale:?}");
    // Who may read its tickets is a version too, and so it is for their reviews.
    let waiting = file(&fixture, doubtful("wifi")).await.summary.review.unwrap();
    let same = ledger.update_triage_policy(&id, 2, Some(Vec::new()), None, "usr_b").await.unwrap();
    assert_eq!(same.version, 2);
    let readers = Some(vec!["it".to_owned()]);
    let changed = ledger.update_triage_policy(&id, 2, readers, None, "usr_b").await.unwrap();
    assert_eq!((changed.version, changed.labels), (3, vec!["it".to_owned()]));
    assert_eq!(ledger.review(&waiting).await.unwrap().summary.labels, ["it"]);
    let versions = ledger.triage_versions(&id).await.unwrap();
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(versions[0].created_by, "usr_b");
    assert_eq!(ledger.triage_version(&id, None).await.unwrap().config, second);
    assert!(ledger.triage_version(&id, Some(4)).await.is_err());
    let again = ledger.create_triage_policy(&id, Vec::new(), &json!({}), "usr_a").await;
    assert!(matches!(again, Err(LedgerError::Conflict { .. })));
    let slug = ledger.create_triage_policy(&"Pas un nom".into(), Vec::new(), &json!({}), "x").await;
    assert!(matches!(slug, Err(LedgerError::Invalid { .. })));
    let large = Value::from("x".repeat(600 << 10));
    let large = ledger.create_triage_policy(&"gros".into(), Vec::new(), &large, "x").await;
    assert!(matches!(large, Err(LedgerError::Invalid { .. })));
    assert_eq!(ledger.list_triage_policies().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_ticket_of_the_same_name_is_filed_once() {
    let (fixture, id) = desk().await;
    let named = NewTicket { external_id: Some("SD-1".to_owned()), ..doubtful("wifi") };
    let first = file(&fixture, named.clone()).await;
    assert_eq!(first.summary.state, TicketState::Waiting);
    let again = fixture.ledger.file_ticket(named).await.unwrap();
    assert_eq!(again, FiledTicket::Existing(first.clone()));
    let review = first.summary.review.clone().unwrap();
    assert_eq!(fixture.ledger.ticket_of_review(&review).await.unwrap(), first);
    let (listed, next) = fixture.ledger.list_tickets(&id, &page()).await.unwrap();
    assert_eq!((listed, next), (vec![first.summary], None));
}

#[tokio::test]
async fn what_cannot_be_stored_is_named() {
    let (fixture, _) = desk().await;
    let refused = async |new: NewTicket| match fixture.ledger.file_ticket(new).await {
        Err(LedgerError::Invalid { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let empty = NewTicket { body: " ".to_owned(), ..ticket("\n") };
    assert_eq!(refused(empty).await, "body");
    assert_eq!(refused(NewTicket { body: "é".repeat(100_001), ..ticket("x") }).await, "body");
    assert_eq!(refused(ticket(&"x".repeat(1_001))).await, "subject");
    assert_eq!(refused(NewTicket { sender: "x".repeat(321), ..ticket("x") }).await, "from");
    let decision = Value::from("x".repeat(70_000));
    assert_eq!(refused(NewTicket { decision, ..ticket("x") }).await, "decision");
    let unknown = NewTicket { policy: "autre".into(), ..ticket("x") };
    let unknown = fixture.ledger.file_ticket(unknown).await;
    assert!(matches!(unknown, Err(LedgerError::NotFound { .. })));
}

#[tokio::test]
async fn what_a_person_says_counts_and_is_learnt() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let filed = file(&fixture, doubtful("wifi")).await.summary;
    let right = labels("compte", "haute");
    let settled = ledger.settle_ticket(&id, &filed.id, &says(right.clone(), "le wifi")).await;
    let settled = settled.unwrap().summary;
    assert_eq!(settled.state, TicketState::Settled);
    assert_eq!(settled.labels.category.as_deref(), Some("compte"));
    assert_eq!(settled.proposed.category.as_deref(), Some("reseau"));
    assert_eq!(settled.settled_by.as_deref(), Some("usr_b"));
    let review = ledger.review(&filed.review.unwrap()).await.unwrap().summary;
    assert_eq!(review.state, ReviewState::Withdrawn);

    let (policy, examples) = ledger.triage_examples(&id).await.unwrap();
    assert_eq!(policy.learnt, 1);
    assert_eq!(examples.len(), 1);
    assert_eq!(examples[0].labels, right);
    assert_eq!(examples[0].source.as_str(), "corrected");
    assert_eq!(examples[0].ticket.as_ref(), Some(&filed.id));
    // Read once, as a ticket.
    let readings = ledger.triage_readings(&id, READER).await.unwrap();
    assert_eq!(readings.get(&examples[0].id), Some(&vec![0.5, -1.25]));
    assert!(ledger.triage_unread(&id, READER, 99, 10).await.unwrap().is_empty());

    // The last word counts.
    let agreed = says(labels("reseau", "haute"), "le wifi");
    ledger.settle_ticket(&id, &filed.id, &agreed).await.unwrap();
    let (policy, examples) = ledger.triage_examples(&id).await.unwrap();
    assert_eq!((policy.learnt, examples.len()), (2, 1));
    assert_eq!(examples[0].source.as_str(), "approved");

    let figures = ledger.ticket_figures(&id, fixture.now(), time::OffsetDateTime::now_utc());
    let figures = figures.await.unwrap();
    assert_eq!(figures.tickets.get("settled/dispatcher"), Some(&1));
    assert_eq!(figures.settled[0].right.category.as_deref(), Some("reseau"));
    // Of what nobody said nothing is right.
    assert_eq!(figures.settled[0].right.team, None);
    let nothing = Settlement { labels: TicketLabels::default(), ..says(right, "x") };
    assert!(ledger.settle_ticket(&id, &filed.id, &nothing).await.is_err());
}

#[tokio::test]
async fn examples_are_added_changed_and_removed() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let example = |text: &str, category: &str| NewExample {
        text: text.into(),
        labels: labels(category, "basse"),
    };
    let two = [example("le wifi", "reseau"), example("mot de passe", "compte")];
    let added = ledger.add_triage_examples(&id, &two, "usr_a").await.unwrap();
    assert_eq!((added.added, added.changed, added.unchanged), (2, 0, 0));
    let changed = [example(" le wifi ", "compte"), example("mot de passe", "compte")];
    let added = ledger.add_triage_examples(&id, &changed, "usr_a").await.unwrap();
    assert_eq!((added.added, added.changed, added.unchanged), (0, 1, 1));
    assert_eq!(ledger.get_triage_policy(&id).await.unwrap().learnt, 2);

    let unread = ledger.triage_unread(&id, READER, 99, 1).await.unwrap();
    assert_eq!(unread[0].text, "mot de passe");
    let read = [(unread[0].id.clone(), vec![1.0]), ("exa_gone".into(), vec![2.0])];
    ledger.keep_triage_readings(&id, READER, &read).await.unwrap();
    assert_eq!(ledger.triage_readings(&id, READER).await.unwrap().len(), 1);
    assert_eq!(ledger.triage_unread(&id, READER, 99, 9).await.unwrap().len(), 1);
    assert!(ledger.triage_unread(&id, READER, 1, 9).await.unwrap().is_empty());
    assert_eq!(ledger.forget_triage_readers(&id, &["other".to_owned()]).await.unwrap(), 1);

    let (first, next) = ledger.list_triage_examples(&id, None, 1).await.unwrap();
    let (second, end) = ledger.list_triage_examples(&id, next.as_ref(), 1).await.unwrap();
    assert_eq!((first[0].text.as_str(), second[0].text.as_str()), ("mot de passe", "le wifi"));
    assert_eq!(end, None);
    assert_eq!(ledger.delete_triage_examples(&id, Some(&first[0].id)).await.unwrap(), 1);
    assert!(ledger.delete_triage_examples(&id, Some(&first[0].id)).await.is_err());
    assert_eq!(ledger.delete_triage_examples(&id, None).await.unwrap(), 1);
    let refused = ledger.add_triage_examples(&id, &[example(" ", "compte")], "usr_a").await;
    assert!(matches!(refused, Err(LedgerError::Invalid { .. })));
    let unlabelled = NewExample { text: "x".to_owned(), labels: TicketLabels::default() };
    assert!(ledger.add_triage_examples(&id, &[unlabelled], "usr_a").await.is_err());
}

#[tokio::test]
async fn what_is_erased_is_gone_from_the_file() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let marked = |subject: &str| NewTicket {
        body: "Zanzibar numéro 4711".to_owned(),
        decision: json!({"words": ["Zanzibar"]}),
        external_id: Some(format!("Zanzibar-{subject}")),
        review: Some(NewReview::new("triage", "Zanzibar", json!({"category": "Zanzibar"}))),
        ..doubtful("Zanzibar")
    };
    let first = file(&fixture, marked("a")).await.summary;
    let second = file(&fixture, marked("b")).await.summary;
    let right = says(labels("compte", "basse"), "Zanzibar");
    ledger.settle_ticket(&id, &second.id, &right).await.unwrap();
    ledger.erase_ticket(&id, &first.id).await.unwrap();
    ledger.erase_ticket(&id, &first.id).await.unwrap();
    let left = ledger.get_ticket(&id, &first.id).await.unwrap();
    assert_eq!((left.body.as_str(), &left.decision), ("", &Value::Null));
    assert_eq!(left.summary.labels.category.as_deref(), Some("reseau"));
    assert!(left.summary.erased.is_some());
    let late = ledger.settle_ticket(&id, &first.id, &right).await;
    assert!(matches!(late, Err(LedgerError::Conflict { .. })));

    // The other one goes by its age, with its example.
    assert_eq!(ledger.prune_tickets(fixture.now()).await.unwrap(), 0);
    fixture.advance(time::Duration::days(1));
    assert_eq!(ledger.prune_tickets(fixture.now()).await.unwrap(), 2);
    assert_eq!(ledger.triage_examples(&id).await.unwrap().1, []);
    assert!(ledger.get_ticket(&id, &second.id).await.is_err());
    let path = fixture.path();
    ledger.close().await;
    let folder = path.parent().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"Zanzibar"));
    }
}

#[tokio::test]
async fn a_policy_goes_with_all_that_is_its() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let filed = file(&fixture, doubtful("wifi")).await.summary;
    ledger
        .settle_ticket(&id, &filed.id, &says(labels("compte", "haute"), "le wifi"))
        .await
        .unwrap();
    ledger.delete_triage_policy(&id).await.unwrap();
    assert!(ledger.get_triage_policy(&id).await.is_err());
    assert!(ledger.list_tickets(&id, &page()).await.is_err());
    assert!(ledger.delete_triage_policy(&id).await.is_err());
    let review = ledger.review(&filed.review.unwrap()).await.unwrap();
    assert_eq!(review.proposal, Value::Null);
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn what_was_labelled_since_comes_with_what_models_made_of_it() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let example =
        |text: &str| NewExample { text: text.to_owned(), labels: labels("reseau", "basse") };
    let old = [example("le wifi"), example("le vpn")];
    ledger.add_triage_examples(&id, &old, "usr_a").await.unwrap();
    let before = fixture.now();
    fixture.advance(time::Duration::minutes(1));
    let since = fixture.now();
    let filed = file(&fixture, doubtful("mot de passe")).await.summary;
    let right = labels("compte", "haute");
    ledger.settle_ticket(&id, &filed.id, &says(right.clone(), "mot de passe")).await.unwrap();
    fixture.advance(time::Duration::minutes(1));
    let anew = NewExample { labels: right, ..example("le wifi") };
    ledger.add_triage_examples(&id, &[anew], "usr_a").await.unwrap();

    let changed = ledger.triage_changed(&id, since, 10).await.unwrap();
    let told = |(example, readings): &(ExampleRecord, Vec<Reading>)| {
        (example.text.clone(), readings.len())
    };
    let told: Vec<(String, usize)> = changed.iter().map(told).collect();
    assert_eq!(told, [("mot de passe".to_owned(), 1), ("le wifi".to_owned(), 0)]);
    assert_eq!(changed[0].1[0].vector, [0.5, -1.25]);
    let newest = ledger.triage_changed(&id, before, 1).await.unwrap();
    assert_eq!(newest[0].0.text, "le wifi");
}

#[tokio::test]
async fn nobody_goes_past_who_decides_in_the_queue() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let ticket = file(&fixture, doubtful("wifi")).await.summary;
    let review = ticket.review.unwrap();
    let lease = std::time::Duration::from_secs(600);
    ledger.claim_review(&review, &reviewer("usr_a"), lease).await.unwrap();
    let other = says(labels("compte", "haute"), "le wifi");
    let refused = ledger.settle_ticket(&id, &ticket.id, &other).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })), "{refused:?}");
    // Who has it may settle it either way, and everybody may once the claim is over.
    fixture.advance(time::Duration::hours(1));
    ledger.settle_ticket(&id, &ticket.id, &other).await.unwrap();
    let own = file(&fixture, doubtful("toner")).await.summary;
    ledger.claim_review(&own.review.unwrap(), &reviewer("usr_b"), lease).await.unwrap();
    ledger.settle_ticket(&id, &own.id, &other).await.unwrap();
}

#[tokio::test]
async fn what_is_rejected_has_no_labels_and_teaches_nothing() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let ticket = file(&fixture, doubtful("wifi")).await.summary;
    ledger.ticket_was_rejected(&ticket.review.unwrap(), "usr_a").await.unwrap();
    let rejected = ledger.get_ticket(&id, &ticket.id).await.unwrap().summary;
    assert_eq!(rejected.state, TicketState::Settled);
    assert_eq!((rejected.labels.category, rejected.labels.urgency), (None, None));
    assert_eq!(ledger.triage_examples(&id).await.unwrap().1, []);
    let before = fixture.now() + time::Duration::days(1);
    let figures = ledger.ticket_figures(&id, fixture.now(), before).await.unwrap();
    assert_eq!(figures.settled[0].right, TicketLabels::default());
}

#[tokio::test]
async fn a_silent_proposal_is_not_told_by_a_list() {
    let (fixture, id) = desk().await;
    let ledger = &fixture.ledger;
    let silent = NewTicket { route: TicketRoute::Shadow, ..doubtful("wifi") };
    let ticket = file(&fixture, silent).await.summary;
    let named = TicketPage { category: Some("reseau".to_owned()), ..page() };
    assert_eq!(ledger.list_tickets(&id, &named).await.unwrap().0, []);
    assert_eq!(ledger.list_tickets(&id, &page()).await.unwrap().0.len(), 1);
    let right = says(labels("reseau", "haute"), "le wifi");
    ledger.settle_ticket(&id, &ticket.id, &right).await.unwrap();
    assert_eq!(ledger.list_tickets(&id, &named).await.unwrap().0.len(), 1);
}

fn reviewer(who: &str) -> crate::Reviewer {
    crate::Reviewer {
        who: who.to_owned(),
        person: None,
        role: intramuros_types::UserRole::Reviewer,
        teams: Vec::new(),
        access: intramuros_types::Access::EVERYTHING,
    }
}
