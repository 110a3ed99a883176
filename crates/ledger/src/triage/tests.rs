use std::time::Duration;

use intramuros_types::{TicketId, TriagePolicyId};
use serde_json::{Value, json};

use super::{
    AlertRecord, ExampleRecord, FiledTicket, NewAlert, NewExample, NewTicket, OutbreakWish,
    Reading, Settlement, TicketLabels, TicketPage, TicketRecord, TicketRoute, TicketState,
};
use crate::ledger::tests::Fixture;
use crate::{EventKind, LedgerError, NewMail, NewReview, NewWebhook, OutboxPage, ReviewState};

mod life;
mod order;

const READER: &str = "e5";

async fn desk() -> (Fixture, TriagePolicyId) {
    let fixture = Fixture::new().await;
    let id = TriagePolicyId::new("support");
    let config = json!({"categories": ["reseau", "compte"]});
    fixture.ledger.create_triage_policy(&id, Vec::new(), &config, "usr_a").await.unwrap();
    (fixture, id)
}

fn labels(category: &str, urgency: &str) -> TicketLabels {
    TicketLabels {
        category: Some(category.to_owned()),
        urgency: Some(urgency.to_owned()),
        ..TicketLabels::default()
    }
}

/// A ticket that was sent on by itself.
fn ticket(subject: &str) -> NewTicket {
    NewTicket {
        policy: "support".into(),
        version: 1,
        external_id: None,
        channel: "email".to_owned(),
        sender: "marie@example.fr".to_owned(),
        subject: subject.to_owned(),
        body: "Le wifi est coupé.".to_owned(),
        proposed: labels("reseau", "haute"),
        confidence: Some(0.9),
        route: TicketRoute::Auto,
        decision: json!({"reason": "wifi"}),
        readings: vec![Reading { reader: READER.to_owned(), vector: vec![0.5, -1.25] }],
        duplicate_of: None,
        outbreak: OutbreakWish::None,
        alert: None,
        review: None,
        filed_by: "usr_a".to_owned(),
    }
}

/// One that waits for a dispatcher.
fn doubtful(subject: &str) -> NewTicket {
    let review = NewReview::new("triage", subject, json!({"category": "reseau"}));
    NewTicket { route: TicketRoute::Dispatcher, review: Some(review), ..ticket(subject) }
}

async fn file(fixture: &Fixture, new: NewTicket) -> TicketRecord {
    match fixture.ledger.file_ticket(new).await.unwrap() {
        FiledTicket::New(ticket) => ticket,
        FiledTicket::Existing(ticket) => panic!("{} was there", ticket.summary.id),
    }
}

fn says(right: TicketLabels, text: &str) -> Settlement {
    Settlement {
        labels: right,
        text: Some(text.to_owned()),
        by: "usr_b".to_owned(),
        of_review: false,
    }
}

fn page() -> TicketPage {
    TicketPage { limit: 100, ..TicketPage::default() }
}
