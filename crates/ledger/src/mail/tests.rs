use std::time::Duration;

use crate::ledger::tests::Fixture;
use crate::{NewMail, OutboxPage, OutboxState, Outcome};

const LEASE: Duration = Duration::from_secs(60);

fn mail() -> NewMail {
    NewMail {
        to: "a.martin@example.lan".to_owned(),
        subject: "Budget".to_owned(),
        text: "Le budget est presque atteint.".to_owned(),
        html: Some("<p>Le budget est presque atteint.</p>".to_owned()),
    }
}

fn all() -> OutboxPage {
    OutboxPage { limit: 10, ..OutboxPage::default() }
}

#[tokio::test]
async fn a_mail_is_claimed_by_one_and_forgets_its_text_when_it_was_sent() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    ledger.queue_mail(&mail()).await.unwrap();
    let claim = ledger.claim_mail(fixture.now(), LEASE).await.unwrap().unwrap();
    assert_eq!((claim.mail.clone(), claim.attempt), (mail(), 1));
    assert!(ledger.claim_mail(fixture.now(), LEASE).await.unwrap().is_none());

    ledger.finish_mail(&claim, fixture.now(), &Outcome::Delivered { status: None }).await.unwrap();
    let listed = ledger.list_mails(all()).await.unwrap().mails;
    assert_eq!((listed[0].state, listed[0].attempts), (OutboxState::Delivered, 1));
    let text: String = sqlx::query_scalar("SELECT text || COALESCE(html, '') FROM mails")
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert_eq!(text, "");
    let error = ledger.retry_mail(&claim.id).await.unwrap_err().to_string();
    assert!(error.contains("was delivered already"), "{error}");
}

#[tokio::test]
async fn a_dead_mail_is_listed_and_can_be_tried_again() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let mut outbox = ledger.outbox();
    ledger.queue_mail(&mail()).await.unwrap();
    assert!(outbox.has_changed().unwrap());
    outbox.mark_unchanged();
    let claim = ledger.claim_mail(fixture.now(), LEASE).await.unwrap().unwrap();
    let dead = Outcome::Dead { status: None, error: "550\r\nno".to_owned(), disable: false };
    ledger.finish_mail(&claim, fixture.now(), &dead).await.unwrap();
    let page = OutboxPage { state: Some(OutboxState::Dead), ..all() };
    let listed = ledger.list_mails(page).await.unwrap().mails;
    assert_eq!(listed[0].error.as_deref(), Some("550  no"));
    assert!(ledger.claim_mail(fixture.now(), LEASE).await.unwrap().is_none());

    ledger.retry_mail(&claim.id).await.unwrap();
    assert!(outbox.has_changed().unwrap());
    let again = ledger.claim_mail(fixture.now(), LEASE).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempt), (claim.id, 1));
}

#[tokio::test]
async fn wrong_mails_are_refused() {
    let fixture = Fixture::new().await;
    for wrong in [
        NewMail { to: "a@example.lan\r\nBcc: x@evil.example".to_owned(), ..mail() },
        NewMail { subject: "Hello\nBcc: x@evil.example".to_owned(), ..mail() },
        NewMail { subject: String::new(), ..mail() },
        NewMail { text: "x".repeat(256 * 1024 + 1), ..mail() },
        NewMail { html: Some("x".repeat(256 * 1024 + 1)), ..mail() },
    ] {
        assert!(fixture.ledger.queue_mail(&wrong).await.is_err(), "{wrong:?}");
    }
    assert!(fixture.ledger.list_mails(OutboxPage::default()).await.is_err());
}
