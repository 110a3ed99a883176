use std::time::Duration;

use intramuros_types::WebhookId;
use serde_json::json;

use crate::ledger::tests::Fixture;
use crate::{
    ClaimedDelivery, EventKind, LedgerError, NewEvent, NewWebhook, OutboxPage, OutboxState,
    Outcome, WebhookChange, WebhookSecret,
};

const LEASE: Duration = Duration::from_secs(60);

fn new_webhook(events: &[&str]) -> NewWebhook {
    NewWebhook {
        url: "https://hooks.example.lan/a".to_owned(),
        events: events.iter().map(|name| (*name).to_owned()).collect(),
        description: "ERP".to_owned(),
    }
}

fn event(kind: EventKind) -> NewEvent {
    let payload = json!({"document": "doc_1"});
    NewEvent { kind, payload: payload.as_object().unwrap().clone() }
}

async fn create(fixture: &Fixture, events: &[&str]) -> WebhookSecret {
    fixture.ledger.create_webhook(new_webhook(events)).await.unwrap()
}

async fn claim(fixture: &Fixture, most: usize) -> Vec<ClaimedDelivery> {
    fixture.ledger.claim_deliveries(fixture.now(), LEASE, most, 2).await.unwrap()
}

fn all() -> OutboxPage {
    OutboxPage { limit: 100, ..OutboxPage::default() }
}

fn retry(fixture: &Fixture, seconds: i64) -> Outcome {
    let at = fixture.now() + time::Duration::seconds(seconds);
    Outcome::Retry { at, status: Some(500), error: "answered 500".to_owned() }
}

async fn count(fixture: &Fixture, table: &str) -> i64 {
    let query = match table {
        "events" => "SELECT COUNT(*) FROM events",
        _ => "SELECT COUNT(*) FROM webhook_deliveries",
    };
    sqlx::query_scalar(query).fetch_one(&fixture.ledger.pool).await.unwrap()
}

#[tokio::test]
async fn an_event_goes_to_those_who_want_it() {
    let fixture = Fixture::new().await;
    let one = create(&fixture, &["document.ready", "document.ready", "job.failed"]).await;
    assert_eq!(one.record.events, ["job.failed", "document.ready"]);
    let two = create(&fixture, &["*", "ping"]).await;
    assert_eq!(two.record.events, ["*"]);
    let off = create(&fixture, &["*"]).await.record.id;
    let change = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
    fixture.ledger.update_webhook(&off, change).await.unwrap();

    fixture.ledger.emit(&event(EventKind::DocumentReady)).await.unwrap();
    fixture.ledger.emit(&event(EventKind::TicketAlert)).await.unwrap();
    let got = async |id: &WebhookId| {
        let page = fixture.ledger.list_deliveries(id, all()).await.unwrap();
        page.deliveries.into_iter().map(|delivery| delivery.kind).collect::<Vec<_>>()
    };
    assert_eq!(got(&one.record.id).await, ["document.ready"]);
    assert_eq!(got(&two.record.id).await, ["ticket.alert", "document.ready"]);
    assert!(got(&off).await.is_empty());
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_not_stored_nor_one_whose_cause_fails() {
    let fixture = Fixture::new().await;
    create(&fixture, &["job.failed"]).await;
    fixture.ledger.emit(&event(EventKind::DocumentReady)).await.unwrap();
    assert_eq!(count(&fixture, "events").await, 0);

    let mut transaction = fixture.ledger.begin_write("test").await.unwrap();
    let failed = event(EventKind::JobFailed);
    fixture.ledger.emit_within(&mut transaction, &failed).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!((count(&fixture, "events").await, count(&fixture, "").await), (0, 0));

    let mut big = failed;
    big.payload.insert("x".to_owned(), json!("x".repeat(64 * 1024)));
    let error = fixture.ledger.emit(&big).await.unwrap_err();
    assert!(matches!(error, LedgerError::Invalid { name: "payload", .. }), "{error}");
}

#[tokio::test]
async fn a_claim_is_one_callers_for_a_time_and_carries_what_an_attempt_needs() {
    let fixture = Fixture::new().await;
    let made = create(&fixture, &["*"]).await;
    fixture.ledger.emit(&event(EventKind::DocumentReady)).await.unwrap();
    let claimed = claim(&fixture, 5).await;
    assert_eq!(claimed.len(), 1);
    let first = &claimed[0];
    assert_eq!((first.url.as_str(), first.attempt), ("https://hooks.example.lan/a", 1));
    assert_eq!(
        (first.kind.as_str(), first.payload.as_str()),
        ("document.ready", r#"{"document":"doc_1"}"#)
    );
    assert_eq!(first.secrets, [made.secret]);
    assert!(claim(&fixture, 5).await.is_empty());

    // The lease is over: somebody else has it, and what the first one says no longer counts.
    fixture.advance(time::Duration::seconds(61));
    let again = claim(&fixture, 5).await;
    assert_eq!((again[0].event.clone(), again[0].attempt), (first.event.clone(), 2));
    let done = Outcome::Delivered { status: Some(204) };
    fixture.ledger.finish_delivery(first, fixture.now(), &done).await.unwrap();
    let page = fixture.ledger.list_deliveries(&made.record.id, all()).await.unwrap();
    assert_eq!(page.deliveries[0].state, OutboxState::Pending);
    fixture.ledger.finish_delivery(&again[0], fixture.now(), &done).await.unwrap();
    let page = fixture.ledger.list_deliveries(&made.record.id, all()).await.unwrap();
    let delivery = &page.deliveries[0];
    assert_eq!((delivery.state, delivery.status), (OutboxState::Delivered, Some(204)));
    let webhook = fixture.ledger.get_webhook(&made.record.id).await.unwrap();
    assert_eq!((webhook.delivered, webhook.dead, webhook.failures), (1, 0, 0));
}

#[tokio::test]
async fn a_start_takes_up_what_a_crash_left_claimed() {
    let fixture = Fixture::new().await;
    create(&fixture, &["*"]).await;
    fixture.ledger.emit(&event(EventKind::JobFinished)).await.unwrap();
    assert_eq!(claim(&fixture, 5).await.len(), 1);
    let second = fixture.second().await;
    second.release_claims().await.unwrap();
    assert_eq!(claim(&fixture, 5).await.len(), 1);
}

#[tokio::test]
async fn a_webhook_with_many_deliveries_does_not_hold_up_the_others() {
    let fixture = Fixture::new().await;
    let slow = create(&fixture, &["job.failed"]).await.record.id;
    for _ in 0..5 {
        fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    }
    fixture.advance(time::Duration::seconds(1));
    let other = create(&fixture, &["ticket.alert"]).await.record.id;
    fixture.ledger.emit(&event(EventKind::TicketAlert)).await.unwrap();
    let claimed = claim(&fixture, 10).await;
    let of = |id: &WebhookId| claimed.iter().filter(|claim| claim.webhook == *id).count();
    assert_eq!((of(&slow), of(&other)), (2, 1));
    assert!(claim(&fixture, 10).await.is_empty());
    let done = Outcome::Delivered { status: Some(200) };
    fixture.ledger.finish_delivery(&claimed[0], fixture.now(), &done).await.unwrap();
    assert_eq!(claim(&fixture, 10).await.len(), 1);
}

#[tokio::test]
async fn a_failed_attempt_waits_and_a_dead_one_waits_for_somebody() {
    let fixture = Fixture::new().await;
    let id = create(&fixture, &["*"]).await.record.id;
    fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    let first = claim(&fixture, 1).await.remove(0);
    fixture.ledger.finish_delivery(&first, fixture.now(), &retry(&fixture, 10)).await.unwrap();
    assert!(claim(&fixture, 1).await.is_empty());
    let next = fixture.ledger.next_delivery(fixture.now()).await.unwrap();
    assert_eq!(next, Some(fixture.now() + time::Duration::seconds(10)));

    fixture.advance(time::Duration::seconds(10));
    let second = claim(&fixture, 1).await.remove(0);
    assert_eq!((second.attempt, second.event.clone()), (2, first.event));
    let error = format!("answered 500\n{}", "x".repeat(5_000));
    let dead = Outcome::Dead { status: Some(500), error, disable: false };
    fixture.ledger.finish_delivery(&second, fixture.now(), &dead).await.unwrap();
    assert_eq!(fixture.ledger.next_delivery(fixture.now()).await.unwrap(), None);
    let page = OutboxPage { state: Some(OutboxState::Dead), ..all() };
    let listed = fixture.ledger.list_deliveries(&id, page).await.unwrap().deliveries;
    let kept = listed[0].error.clone().unwrap();
    assert_eq!((kept.chars().count(), kept.contains('\n')), (1_000, false));
    let webhook = fixture.ledger.get_webhook(&id).await.unwrap();
    assert_eq!((webhook.dead, webhook.failures, webhook.enabled), (1, 2, true));

    let retried = fixture.ledger.retry_delivery(&id, &second.id).await.unwrap();
    assert_eq!((retried.state, retried.attempts), (OutboxState::Pending, 0));
    let third = claim(&fixture, 1).await.remove(0);
    let done = Outcome::Delivered { status: Some(200) };
    fixture.ledger.finish_delivery(&third, fixture.now(), &done).await.unwrap();
    let error = fixture.ledger.retry_delivery(&id, &second.id).await.unwrap_err().to_string();
    assert!(error.contains("was delivered already"), "{error}");
    let unknown = fixture.ledger.retry_delivery(&id, &"dlv_x".into()).await.unwrap_err();
    assert!(matches!(unknown, LedgerError::NotFound { .. }), "{unknown}");
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_its_webhook() {
    let fixture = Fixture::new().await;
    let id = create(&fixture, &["*"]).await.record.id;
    for _ in 0..2 {
        fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    }
    let first = claim(&fixture, 1).await.remove(0);
    let error = "answered 410".to_owned();
    let gone = Outcome::Dead { status: Some(410), error, disable: true };
    fixture.ledger.finish_delivery(&first, fixture.now(), &gone).await.unwrap();
    let webhook = fixture.ledger.get_webhook(&id).await.unwrap();
    assert_eq!(
        (webhook.enabled, webhook.disabled_reason.as_deref()),
        (false, Some("answered 410"))
    );
    assert!(claim(&fixture, 1).await.is_empty());
    assert!(fixture.ledger.ping_webhook(&id).await.is_err());
    assert!(fixture.ledger.retry_delivery(&id, &first.id).await.is_err());

    // What waited is taken up when it is enabled again.
    let change = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    let webhook = fixture.ledger.update_webhook(&id, change).await.unwrap();
    assert_eq!((webhook.enabled, webhook.disabled_reason), (true, None));
    assert_eq!(claim(&fixture, 1).await.len(), 1);
}

#[tokio::test]
async fn both_secrets_sign_for_a_day_after_a_rotation() {
    let fixture = Fixture::new().await;
    let made = create(&fixture, &["*"]).await;
    let id = &made.record.id;
    assert!(made.secret.starts_with("whsec_") && made.secret.len() == 50, "{}", made.secret.len());
    let rotated = fixture.ledger.rotate_webhook(id).await.unwrap();
    assert_ne!(rotated.secret, made.secret);
    assert!(rotated.record.rotating_until.is_some());
    fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    let first = claim(&fixture, 1).await.remove(0);
    assert_eq!(first.secrets, [rotated.secret.clone(), made.secret]);
    fixture.ledger.finish_delivery(&first, fixture.now(), &retry(&fixture, 10)).await.unwrap();
    fixture.advance(time::Duration::hours(24));
    assert_eq!(claim(&fixture, 1).await[0].secrets, [rotated.secret]);
    assert_eq!(fixture.ledger.get_webhook(id).await.unwrap().rotating_until, None);
}

#[tokio::test]
async fn a_ping_goes_to_one_webhook_whatever_it_takes() {
    let fixture = Fixture::new().await;
    let one = create(&fixture, &["job.failed"]).await.record.id;
    let two = create(&fixture, &["*"]).await.record.id;
    let ping = fixture.ledger.ping_webhook(&one).await.unwrap();
    assert_eq!((ping.kind.as_str(), ping.state), ("ping", OutboxState::Pending));
    assert!(fixture.ledger.list_deliveries(&two, all()).await.unwrap().deliveries.is_empty());
}

#[tokio::test]
async fn what_waits_is_bounded_and_counted() {
    let fixture = Fixture::new().await;
    let id = create(&fixture, &["*"]).await.record.id;
    fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO events SELECT 'evt_' || i, 'ping', '{}', 0 FROM n",
    )
    .execute(&fixture.ledger.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO webhook_deliveries SELECT 'dlv_' || id, $1, id, 'pending', 0, 0, 0, NULL, \
         NULL, 0, 0 FROM events WHERE payload = '{}'",
    )
    .bind(id.as_str())
    .execute(&fixture.ledger.pool)
    .await
    .unwrap();
    assert_eq!(count(&fixture, "").await, 10_000);
    fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    assert!(fixture.ledger.ping_webhook(&id).await.is_err());
    assert_eq!(count(&fixture, "").await, 10_000);
    assert_eq!(fixture.ledger.get_webhook(&id).await.unwrap().dropped, 2);
}

#[tokio::test]
async fn deliveries_are_listed_in_pages_and_forgotten_in_time() {
    let fixture = Fixture::new().await;
    let id = create(&fixture, &["*"]).await.record.id;
    for _ in 0..3 {
        fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    }
    let page = OutboxPage { limit: 2, ..OutboxPage::default() };
    let first = fixture.ledger.list_deliveries(&id, page.clone()).await.unwrap();
    let before = first.next.map(|id| id.to_string());
    let second = fixture.ledger.list_deliveries(&id, OutboxPage { before, ..page }).await.unwrap();
    assert_eq!((first.deliveries.len(), second.deliveries.len(), second.next), (2, 1, None));
    assert!(first.deliveries[1].id > second.deliveries[0].id);

    let kept = Duration::from_secs(3600);
    fixture.advance(time::Duration::minutes(50));
    fixture.ledger.emit(&event(EventKind::JobFailed)).await.unwrap();
    fixture.advance(time::Duration::minutes(20));
    assert_eq!(fixture.ledger.forget_outbox(fixture.now(), kept).await.unwrap(), 3);
    assert_eq!((count(&fixture, "events").await, count(&fixture, "").await), (1, 1));
    fixture.ledger.delete_webhook(&id).await.unwrap();
    assert_eq!((count(&fixture, "events").await, count(&fixture, "").await), (0, 0));
    assert!(fixture.ledger.delete_webhook(&id).await.is_err());
}

#[tokio::test]
async fn wrong_webhooks_are_refused_and_their_number_is_bounded() {
    let fixture = Fixture::new().await;
    for wrong in [
        NewWebhook { url: String::new(), ..new_webhook(&["*"]) },
        NewWebhook { url: format!("https://x/{}", "x".repeat(2_048)), ..new_webhook(&["*"]) },
        NewWebhook { description: "x".repeat(201), ..new_webhook(&["*"]) },
        new_webhook(&[]),
        new_webhook(&["document.read"]),
    ] {
        let error = fixture.ledger.create_webhook(wrong).await.unwrap_err();
        assert!(matches!(error, LedgerError::Invalid { .. }), "{error}");
    }
    for _ in 0..100 {
        create(&fixture, &["*"]).await;
    }
    let error = fixture.ledger.create_webhook(new_webhook(&["*"])).await.unwrap_err();
    assert!(matches!(error, LedgerError::Conflict { .. }), "{error}");
    assert_eq!(fixture.ledger.list_webhooks().await.unwrap().len(), 100);
    assert!(!format!("{:?}", create_debug(&fixture).await).contains("whsec_"));
}

async fn create_debug(fixture: &Fixture) -> WebhookSecret {
    let id = fixture.ledger.list_webhooks().await.unwrap()[0].id.clone();
    fixture.ledger.rotate_webhook(&id).await.unwrap()
}
