//! Tests lists, alerts and outbreaks.

use intramuros_types::WebhookId;

use super::*;

async fn webhook(fixture: &Fixture) -> WebhookId {
    let events = [EventKind::TicketAlert, EventKind::TicketOutbreak];
    let new = NewWebhook {
        url: "http://10.0.0.1/".to_owned(),
        description: String::new(),
        events: events.map(|kind| kind.as_str().to_owned()).to_vec(),
    };
    fixture.ledger.create_webhook(new).await.unwrap().record.id
}

fn all() -> OutboxPage {
    OutboxPage { state: None, before: None, limit: 100 }
}

async fn events(fixture: &Fixture, webhook: &WebhookId) -> usize {
    fixture.ledger.list_deliveries(webhook, all()).await.unwrap().deliveries.len()
}

#[tokio::test]
async fn lists_are_narrowed_and_paged() {
    let (fixture, id) = desk().await;
    let first = file(&fixture, ticket("un")).await.summary;
    fixture.advance(time::Duration::hours(1));
    let second = file(&fixture, doubtful("deux")).await.summary;
    let listed = async |page: TicketPage| {
        let (found, next) = fixture.ledger.list_tickets(&id, &page).await.unwrap();
        (found.into_iter().map(|one| one.subject).collect::<Vec<_>>(), next)
    };
    assert_eq!(listed(page()).await.0, ["deux", "un"]);
    let one = TicketPage { limit: 1, ..page() };
    assert_eq!(listed(one.clone()).await, (vec!["deux".to_owned()], Some(second.id.clone())));
    let after = TicketPage { after: Some(second.id.clone()), ..one };
    assert_eq!(listed(after).await, (vec!["un".to_owned()], None));
    let waiting = TicketPage { state: Some(TicketState::Waiting), ..page() };
    assert_eq!(listed(waiting).await.0, ["deux"]);
    let auto = TicketPage { route: Some(TicketRoute::Auto), ..page() };
    assert_eq!(listed(auto).await.0, ["un"]);
    let none = TicketPage { category: Some("compte".to_owned()), ..page() };
    assert!(listed(none).await.0.is_empty());
    let later = TicketPage { from: Some(second.created), ..page() };
    assert_eq!(listed(later).await.0, ["deux"]);
    let earlier = TicketPage { before: Some(second.created), ..page() };
    assert_eq!(listed(earlier).await.0, ["un"]);
    let none = fixture.ledger.list_tickets(&id, &TicketPage { limit: 0, ..page() }).await;
    assert!(matches!(none, Err(LedgerError::Invalid { .. })));

    let recent = fixture.ledger.recent_tickets(&id, READER, first.created, 10).await.unwrap();
    assert_eq!(recent.iter().map(|one| &one.id).collect::<Vec<_>>(), [&second.id, &first.id]);
    assert_eq!(recent[0].vector, [0.5, -1.25]);
    let newest = fixture.ledger.recent_tickets(&id, READER, second.created, 10).await.unwrap();
    assert_eq!(newest.len(), 1);
    assert!(fixture.ledger.recent_tickets(&id, "x", first.created, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_alert_is_repeated_until_somebody_has_seen_it() {
    let (fixture, id) = desk().await;
    let hook = webhook(&fixture).await;
    let ledger = &fixture.ledger;
    let mail = NewMail {
        to: "astreinte@example.fr".to_owned(),
        subject: "Alerte".to_owned(),
        text: "Le serveur.".to_owned(),
        html: None,
    };
    let mails_again = [mail.clone()];
    let soon = fixture.now() + Duration::from_secs(600);
    let alert =
        NewAlert { rule: Some("R1".to_owned()), mails: vec![mail], next_reminder: Some(soon) };
    let filed = file(&fixture, NewTicket { alert: Some(alert), ..ticket("serveur") }).await.summary;
    assert_eq!(events(&fixture, &hook).await, 1);
    let mails = async || ledger.list_mails(all()).await.unwrap().mails;
    assert_eq!(mails().await.len(), 1);
    let open = async || -> Vec<AlertRecord> { ledger.list_ticket_alerts(&id, true).await.unwrap() };
    let raised = open().await;
    let waiting = async || ledger.count_waiting_tickets(9).await.unwrap();
    assert_eq!(waiting().await, [(id.clone(), 0, 1)]);
    assert_eq!((raised.len(), &raised[0].ticket), (1, &filed.id));
    assert!(ledger.due_alerts().await.unwrap().is_empty());

    fixture.advance(time::Duration::minutes(10));
    let due = ledger.due_alerts().await.unwrap();
    assert_eq!(due.len(), 1);
    assert!(ledger.remind_of_alert(&due[0], &mails_again, Some(soon)).await.unwrap());
    // Once, whoever else looked at the same time.
    assert!(!ledger.remind_of_alert(&due[0], &mails_again, Some(soon)).await.unwrap());
    assert_eq!((events(&fixture, &hook).await, mails().await.len()), (2, 2));

    let seen = ledger.acknowledge_alert(&id, &raised[0].id, "usr_b", "j'y vais").await.unwrap();
    assert_eq!((seen.reminders, seen.next_reminder), (1, None));
    assert_eq!(seen.acknowledged_by.as_deref(), Some("usr_b"));
    let again = ledger.acknowledge_alert(&id, &raised[0].id, "usr_c", "moi").await.unwrap();
    assert_eq!(again, seen);
    assert!(!ledger.remind_of_alert(&seen, &mails_again, None).await.unwrap());
    assert!(open().await.is_empty());
    file(&fixture, doubtful("wifi")).await;
    assert_eq!(waiting().await, [(id.clone(), 1, 0)]);
    assert_eq!(ledger.list_ticket_alerts(&id, false).await.unwrap(), [seen]);
    assert!(ledger.acknowledge_alert(&id, &"alt_x".into(), "usr_b", "").await.is_err());
}

#[tokio::test]
async fn tickets_about_one_thing_become_an_outbreak() {
    let (fixture, id) = desk().await;
    let hook = webhook(&fixture).await;
    let ledger = &fixture.ledger;
    let mut others: Vec<TicketId> = Vec::new();
    for number in 0..3 {
        fixture.advance(time::Duration::minutes(1));
        others.push(file(&fixture, ticket(&format!("mail {number}"))).await.summary.id);
    }
    let begins = NewTicket { outbreak: OutbreakWish::Begin(others.clone()), ..ticket("mail") };
    let outbreak = file(&fixture, begins).await.summary.outbreak.unwrap();
    assert_eq!(events(&fixture, &hook).await, 1);
    fixture.advance(time::Duration::minutes(1));
    let joins = NewTicket { outbreak: OutbreakWish::Join(outbreak.clone()), ..ticket("mail") };
    assert_eq!(file(&fixture, joins).await.summary.outbreak, Some(outbreak.clone()));
    let found = &ledger.list_outbreaks(&id).await.unwrap()[0];
    assert_eq!((found.tickets, found.category.as_deref()), (5, Some("reseau")));
    assert_eq!(found.latest - found.began, time::Duration::minutes(3));
    let members = TicketPage { outbreak: Some(outbreak), ..page() };
    assert_eq!(ledger.list_tickets(&id, &members).await.unwrap().0.len(), 5);
    // One that is gone is joined by nobody.
    let joins = NewTicket { outbreak: OutbreakWish::Join("out_x".into()), ..ticket("mail") };
    assert_eq!(file(&fixture, joins).await.summary.outbreak, None);
}
