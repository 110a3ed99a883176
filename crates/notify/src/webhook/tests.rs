use std::time::Duration as StdDuration;

use intramuros_ledger::{DeliveryRecord, EventKind, NewEvent, OutboxPage, OutboxState};
use intramuros_types::WebhookId;
use serde_json::{Value, json};
use time::Duration;
use tokio::sync::watch;

use crate::sign::signatures;
use crate::testing::{Fixture, Receiver, acceptor, never};
use crate::{Egress, EgressConfig};

fn event() -> NewEvent {
    let payload = json!({"document": "doc_1"}).as_object().unwrap().clone();
    NewEvent { kind: EventKind::DocumentReady, payload }
}

async fn deliveries(fixture: &Fixture, id: &WebhookId) -> Vec<DeliveryRecord> {
    let page = OutboxPage { limit: 100, ..OutboxPage::default() };
    fixture.ledger.list_deliveries(id, page).await.unwrap().deliveries
}

fn origin(receiver: &Receiver) -> String {
    format!("http://{}", receiver.address)
}

#[tokio::test]
async fn an_event_arrives_once_and_signed() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("204 No Content").await);
    let notifier = fixture.notifier(&[origin(&receiver)], None);
    let (id, secret) = fixture.webhook(&receiver.url()).await;
    fixture.ledger.emit(&event()).await.unwrap();
    let next = notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    assert_eq!(next, None);
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let request = &received[0];
    assert!(request.head.starts_with("POST /hook HTTP/1.1"), "{}", request.head);
    assert_eq!(request.header("content-type"), "application/json");
    assert!(request.header("user-agent").starts_with("intramuros/"));
    let (event_id, at) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let expected = signatures(&[secret], &event_id, at.parse().unwrap(), &request.body);
    assert_eq!(request.header("webhook-signature"), expected);
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["document"]),
        (&json!("document.ready"), &json!("doc_1"))
    );
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    let delivery = &deliveries(&fixture, &id).await[0];
    assert_eq!((delivery.state, delivery.status), (OutboxState::Delivered, Some(204)));
    assert_eq!(delivery.event.as_str(), event_id);
}

#[tokio::test]
async fn a_failure_is_tried_again_in_time_then_given_up_and_retried_by_hand() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("500 Oops").await);
    let notifier = fixture.notifier(&[origin(&receiver)], None);
    let (id, _) = fixture.webhook(&receiver.url()).await;
    fixture.ledger.emit(&event()).await.unwrap();
    let run = async || notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    for attempt in 1..=3 {
        let next = run().await.expect("another attempt");
        assert_eq!(run().await, Some(next), "nothing before its time");
        assert_eq!(receiver.received().len(), attempt);
        fixture.advance(Duration::seconds(67));
    }
    assert_eq!(run().await, None);
    let delivery = deliveries(&fixture, &id).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (OutboxState::Dead, 4));
    assert_eq!(delivery.error.as_deref(), Some("the receiver answered 500: because"));
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    for request in &received {
        assert_eq!(request.header("webhook-id"), received[0].header("webhook-id"));
        assert_eq!(request.body, received[0].body);
    }
    assert_ne!(received[3].header("webhook-timestamp"), received[0].header("webhook-timestamp"));

    receiver.answer_with("200 OK");
    fixture.ledger.retry_delivery(&id, &delivery.id).await.unwrap();
    assert_eq!(run().await, None);
    assert_eq!(deliveries(&fixture, &id).await[0].state, OutboxState::Delivered);
    assert_eq!(receiver.received().len(), 5);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (fixture, inner) = (Fixture::new().await, Receiver::start("200 OK").await);
    let outer = Receiver::start(&format!("302 Found\r\nlocation: {}", inner.url())).await;
    let notifier = fixture.notifier(&[origin(&inner), origin(&outer)], None);
    let (id, _) = fixture.webhook(&outer.url()).await;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        outer.answer_with(&format!("{status}\r\nlocation: {}", inner.url()));
        fixture.ledger.emit(&event()).await.unwrap();
    }
    notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    assert_eq!((outer.received().len(), inner.received().len()), (3, 0));
    let error = deliveries(&fixture, &id).await[0].error.clone().unwrap();
    assert!(error.contains("redirects are not followed"), "{error}");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_asked_no_more() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("410 Gone").await);
    let notifier = fixture.notifier(&[origin(&receiver)], None);
    let (id, _) = fixture.webhook(&receiver.url()).await;
    fixture.ledger.ping_webhook(&id).await.unwrap();
    notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    fixture.ledger.emit(&event()).await.unwrap();
    notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    assert_eq!(receiver.received().len(), 1);
    assert!(!fixture.ledger.get_webhook(&id).await.unwrap().enabled);
}

#[tokio::test]
async fn what_the_settings_no_longer_allow_is_not_connected_to() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("200 OK").await);
    let (id, _) = fixture.webhook(&receiver.url()).await;
    fixture.ledger.emit(&event()).await.unwrap();
    let port = receiver.address.port();
    for allow in ["http://127.0.0.1:1".to_owned(), format!("https://127.0.0.1:{port}")] {
        let notifier = fixture.notifier(&[allow], None);
        notifier.deliverer().deliver_due(&mut never()).await.unwrap();
        fixture.advance(Duration::seconds(67));
        let error = deliveries(&fixture, &id).await[0].error.clone().unwrap();
        assert!(error.contains("egress.allow does not name http://127.0.0.1:"), "{error}");
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_name_is_resolved_once_and_every_address_checked() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("200 OK").await);
    let port = receiver.address.port();
    let allow = vec![format!("http://rebinding.lan:{port}")];
    let config = EgressConfig { allow, ..EgressConfig::default() };
    // The first look-up is innocent, the second one is not, as an attacker's name server would do it.
    let looked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = looked.clone();
    let lookup = move |_: &str, port: u16| {
        let nth = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let address = if nth == 0 { [127, 0, 0, 1] } else { [169, 254, 169, 254] };
        Ok(vec![std::net::SocketAddr::from((address, port))])
    };
    let egress = Egress::with_lookup(&config, std::sync::Arc::new(lookup)).unwrap();
    let notifier = fixture.with_egress(egress, None);
    let (id, _) = fixture.webhook(&format!("http://rebinding.lan:{port}/hook")).await;
    fixture.ledger.emit(&event()).await.unwrap();
    notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    assert_eq!(looked.load(std::sync::atomic::Ordering::SeqCst), 1);
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header("host"), format!("rebinding.lan:{port}"));

    fixture.ledger.emit(&event()).await.unwrap();
    notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    assert_eq!(receiver.received().len(), 1);
    let error = deliveries(&fixture, &id).await[0].error.clone().unwrap();
    assert!(error.contains("169.254.169.254, which is link-local"), "{error}");
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let fixture = Fixture::new().await;
    let (slow, quick) = (Receiver::start("200 OK").await, Receiver::start("200 OK").await);
    slow.gate.forget_permits(1_000);
    let notifier = fixture.notifier(&[origin(&slow), origin(&quick)], None);
    let (slow_id, _) = fixture.webhook(&slow.url()).await;
    let (quick_id, _) = fixture.webhook(&quick.url()).await;
    for _ in 0..6 {
        fixture.ledger.emit(&event()).await.unwrap();
    }
    let running = tokio::spawn({
        let notifier = notifier.clone();
        async move { notifier.deliverer().deliver_due(&mut never()).await.unwrap() }
    });
    until(|| quick.received().len() == 6).await;
    assert_eq!(slow.received().len(), 2, "two at once for a webhook");
    // What comes meanwhile is taken up at once.
    fixture.ledger.ping_webhook(&quick_id).await.unwrap();
    until(|| quick.received().len() == 7).await;
    slow.gate.add_permits(100);
    running.await.unwrap();
    assert_eq!(slow.received().len(), 6);
    let left = deliveries(&fixture, &slow_id).await;
    assert!(left.iter().all(|delivery| delivery.state == OutboxState::Delivered), "{left:?}");
}

#[tokio::test]
async fn a_stop_leaves_what_runs_for_the_next_start() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("200 OK").await);
    receiver.gate.forget_permits(1_000);
    let notifier = fixture.notifier(&[origin(&receiver)], None);
    let (id, _) = fixture.webhook(&receiver.url()).await;
    fixture.ledger.emit(&event()).await.unwrap();
    let stop = watch::Sender::new(false);
    let running = tokio::spawn({
        let (notifier, stop) = (notifier.clone(), stop.subscribe());
        async move { notifier.run(stop).await }
    });
    until(|| receiver.received().len() == 1).await;
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(deliveries(&fixture, &id).await[0].state, OutboxState::Pending);

    receiver.gate.add_permits(100);
    let stop = watch::Sender::new(false);
    let running = tokio::spawn({
        let stop = stop.subscribe();
        async move { notifier.run(stop).await }
    });
    until(|| receiver.received().len() == 2).await;
    // Noted before a stop is obeyed.
    stop.send_replace(true);
    running.await.unwrap();
    let delivery = &deliveries(&fixture, &id).await[0];
    assert_eq!((delivery.state, delivery.attempts), (OutboxState::Delivered, 2));
}

#[tokio::test]
async fn answers_are_bounded() {
    let (fixture, receiver) = (Fixture::new().await, Receiver::start("500 Oops").await);
    let notifier = fixture.notifier(&[origin(&receiver)], None);
    let (id, _) = fixture.webhook(&receiver.url()).await;
    let error = async |answer: String| {
        *receiver.answer.lock().unwrap() = answer;
        fixture.ledger.emit(&event()).await.unwrap();
        notifier.deliverer().deliver_due(&mut never()).await.unwrap();
        deliveries(&fixture, &id).await[0].error.clone().unwrap()
    };
    let body = format!("HTTP/1.1 500 Oops\r\n\r\n{}", "é".repeat(1_000_000));
    let said = error(body).await;
    assert!(said.chars().count() <= 1_000 && said.contains("éé"), "{said}");
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    error(head).await;
    error("SSH-2.0-OpenSSH_9.2\r\n".to_owned()).await;
    error(String::new()).await;
}

#[tokio::test]
async fn certificates_are_checked() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start_with("200 OK", Some(acceptor())).await;
    let port = receiver.address.port();
    let allow = vec![format!("https://localhost:{port}"), format!("https://127.0.0.1:{port}")];
    let (named, _) = fixture.webhook(&format!("https://localhost:{port}/")).await;
    let (numbered, _) = fixture.webhook(&format!("https://127.0.0.1:{port}/")).await;
    fixture.ledger.emit(&event()).await.unwrap();

    let without = EgressConfig { allow: allow.clone(), ..EgressConfig::default() };
    let notifier = fixture.with_egress(Egress::new(&without).unwrap(), None);
    notifier.deliverer().deliver_due(&mut never()).await.unwrap();
    let error = deliveries(&fixture, &named).await[0].error.clone().unwrap();
    assert!(error.to_lowercase().contains("certificate"), "{error}");
    assert!(receiver.received().is_empty());

    fixture.advance(Duration::seconds(67));
    fixture.notifier(&allow, None).deliverer().deliver_due(&mut never()).await.unwrap();
    for id in [named, numbered] {
        let delivery = &deliveries(&fixture, &id).await[0];
        assert_eq!(delivery.state, OutboxState::Delivered, "{:?}", delivery.error);
    }
}

#[tokio::test]
async fn a_receiver_that_never_ends_its_answer_is_given_up() {
    let fixture = Fixture::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // A byte every now and then: each read succeeds, the whole never ends.
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut piece: &[u8] = b"HTTP/1.1 200 OK\r\nx: ";
        while stream.write_all(piece).await.is_ok() {
            piece = b"y";
            tokio::time::sleep(StdDuration::from_millis(20)).await;
        }
    });
    let allow = vec![format!("http://{address}")];
    let egress = EgressConfig { allow, ..EgressConfig::default() };
    let egress = Egress::new(&egress).unwrap();
    let client = crate::client::WebhookClient::new(egress, StdDuration::from_millis(300));
    let url = format!("http://{address}/");
    let posted = tokio::task::spawn_blocking(move || client.post(&url, &[], "{}")).await.unwrap();
    assert!(posted.unwrap_err().contains("timeout"));
    drop(fixture);
}

/// Waits for what another task brings about; the test's own time limit is the runner's.
async fn until(holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + StdDuration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "not in time");
        tokio::time::sleep(StdDuration::from_millis(5)).await;
    }
}
