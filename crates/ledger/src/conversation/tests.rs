//! Tests conversations: who speaks, what is accepted once, what is told to whom.

use intramuros_types::{
    Access, AssistantId, ConversationId, ConversationState, GroupId, UserId, UserRole,
};
use serde_json::{Value, json};

use super::{
    Accepted, AnswerOutcome, BotAnswer, ConversationPage, ConversationSummary, FeedbackFilter,
    MessageRole, NewConversation, NewHandOver, Opened, SentMessage,
};
use crate::ledger::tests::{Fixture, new_document};
use crate::{
    CitedDocument, GroupRequest, LedgerError, NewAssistant, NewMail, NewWebhook, Reviewer,
};

mod erase;
mod figures;
mod people;
mod widget;

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

/// An assistant that was published once.
async fn assistant(fixture: &Fixture) -> AssistantId {
    let new = NewAssistant {
        slug: "sav".to_owned(),
        name: "SAV".to_owned(),
        config: json!({}),
        retention_days: Some(30),
        by: "usr_marie".to_owned(),
    };
    let id = fixture.ledger.create_assistant(new).await.unwrap().summary.id;
    fixture.ledger.publish_assistant(&id, 1, "", "usr_marie").await.unwrap();
    id
}

fn new(assistant: &AssistantId) -> NewConversation {
    NewConversation {
        assistant: assistant.clone(),
        config: 1,
        who: "imk_12345678".to_owned(),
        external_id: None,
        language: "fr".to_owned(),
        labels: Vec::new(),
        notices: Vec::new(),
    }
}

/// A ledger with an assistant and a conversation.
async fn begun() -> (Fixture, AssistantId, ConversationId) {
    let fixture = Fixture::with_base("support").await;
    let assistant = assistant(&fixture).await;
    let id = open(&fixture, new(&assistant)).await;
    (fixture, assistant, id)
}

async fn open(fixture: &Fixture, new: NewConversation) -> ConversationId {
    fixture.ledger.open_conversation(new).await.unwrap().conversation().id
}

fn message(id: Option<&str>, text: &str) -> SentMessage {
    SentMessage { message_id: id.map(str::to_owned), text: text.to_owned() }
}

async fn says(fixture: &Fixture, id: &ConversationId, text: &str) -> Accepted {
    fixture.ledger.take_message(id, &message(None, text), None).await.unwrap()
}

fn answer(answers: Option<u32>, outcome: AnswerOutcome) -> BotAnswer {
    BotAnswer {
        answers,
        text: "Sous 14 jours.".to_owned(),
        outcome,
        details: json!({"model": "m"}),
        documents: Vec::new(),
    }
}

fn hand_over(reason: &str) -> NewHandOver {
    NewHandOver {
        reason: reason.to_owned(),
        card: json!({"summary": "veut un remboursement"}),
        documents: Vec::new(),
        team: None,
        notice: None,
        mails: Vec::new(),
    }
}

async fn version(fixture: &Fixture, id: &ConversationId) -> u32 {
    fixture.ledger.conversation_summary(id).await.unwrap().version
}

async fn take(
    fixture: &Fixture,
    id: &ConversationId,
    who: &Reviewer,
) -> Result<ConversationSummary, LedgerError> {
    fixture.ledger.take_conversation(id, version(fixture, id).await, who).await
}

/// What a refused operation says.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_conversation_is_opened_written_in_and_answered() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let assistant = assistant(&fixture).await;
    let wanted = NewConversation {
        labels: vec!["b".to_owned(), "a".to_owned(), "a".to_owned()],
        notices: vec!["Bonjour !".to_owned(), "Une IA vous répond.".to_owned()],
        ..new(&assistant)
    };
    let opened = ledger.open_conversation(wanted).await.unwrap().conversation();
    assert!(opened.id.as_str().starts_with("conv_"));
    assert_eq!((opened.state, opened.version), (ConversationState::Bot, 1));
    assert_eq!((opened.labels.len(), opened.messages), (2, 2));
    let id = &opened.id;

    fixture.advance(time::Duration::seconds(5));
    let accepted = says(&fixture, id, "Quel délai de rétractation ?").await;
    assert_eq!((accepted.is_new, accepted.message.ordinal), (true, 3));
    assert_eq!(accepted.message.role, MessageRole::Customer);
    assert_eq!(accepted.conversation.touched, fixture.now());
    let (answered, _) =
        ledger.add_bot_answer(id, &answer(Some(3), AnswerOutcome::Answered)).await.unwrap();
    assert_eq!((answered.ordinal, answered.answers), (4, Some(3)));
    assert_eq!(answered.details, Some(json!({"model": "m"})));

    let whole = ledger.get_conversation(id, &person("marie")).await.unwrap();
    assert_eq!(whole, ledger.conversation(id).await.unwrap());
    let roles: Vec<&str> = whole.messages.iter().map(|one| one.role.as_str()).collect();
    assert_eq!(roles, ["notice", "notice", "customer", "assistant"]);
    assert_eq!(ledger.messages_after(id, 2, 1).await.unwrap(), [accepted.message]);
    assert_eq!(ledger.messages_after(id, 4, 10).await.unwrap(), []);
    assert_eq!(ledger.last_messages(id, 2).await.unwrap(), whole.messages[2..]);
    ledger.own_conversation(id, "imk_12345678").await.unwrap();
    assert!(refused(ledger.own_conversation(id, "imk_other").await).contains("does not exist"));
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn what_is_beyond_its_limits_is_refused_by_name() {
    let (fixture, assistant, id) = begun().await;
    let ledger = &fixture.ledger;
    let named = |error: LedgerError| {
        let LedgerError::Invalid { name, .. } = error else { panic!("{error}") };
        name
    };
    let text = |text: String| message(None, &text);
    for wrong in [text("x".repeat(8_001)), text(" ".to_owned()), text("a\u{0}b".to_owned())] {
        assert_eq!(named(ledger.take_message(&id, &wrong, None).await.unwrap_err()), "text");
    }
    ledger.take_message(&id, &text("x".repeat(8_000)), None).await.unwrap();
    let long = message(Some(&"i".repeat(101)), "a");
    assert_eq!(named(ledger.take_message(&id, &long, None).await.unwrap_err()), "message_id");
    let details =
        BotAnswer { details: json!("x".repeat(64 << 10)), ..answer(None, AnswerOutcome::Answered) };
    assert_eq!(named(ledger.add_bot_answer(&id, &details).await.unwrap_err()), "details");
    let unknown = CitedDocument { knowledge_base: "support".into(), document: "doc_1".into() };
    let quoting = BotAnswer { documents: vec![unknown], ..answer(None, AnswerOutcome::Answered) };
    assert_eq!(named(ledger.add_bot_answer(&id, &quoting).await.unwrap_err()), "documents");
    let nobody = answer(Some(9), AnswerOutcome::Answered);
    assert!(refused(ledger.add_bot_answer(&id, &nobody).await).contains("message `9 of"));
    let card = NewHandOver { card: json!("x".repeat(64 << 10)), ..hand_over("anger") };
    assert_eq!(named(ledger.hand_over_conversation(&id, &card).await.unwrap_err()), "card");
    let wrong = hand_over("Parce que");
    assert_eq!(named(ledger.hand_over_conversation(&id, &wrong).await.unwrap_err()), "reason");

    for (name, wrong) in [
        ("config", NewConversation { config: 2, ..new(&assistant) }),
        ("who", NewConversation { who: String::new(), ..new(&assistant) }),
        ("language", NewConversation { language: "français".to_owned(), ..new(&assistant) }),
        ("notices", NewConversation { notices: vec!["a".to_owned(); 6], ..new(&assistant) }),
    ] {
        assert_eq!(named(ledger.open_conversation(wrong).await.unwrap_err()), name);
    }
    let missing = NewConversation { assistant: "ast_none".into(), ..new(&assistant) };
    assert_eq!(
        refused(ledger.open_conversation(missing).await),
        "assistant `ast_none` does not exist"
    );
    ledger.retire_assistant(&assistant, true).await.unwrap();
    assert!(refused(ledger.open_conversation(new(&assistant)).await).contains("is retired"));
    // What has begun goes on.
    says(&fixture, &id, "encore là ?").await;
}

#[tokio::test]
async fn a_message_that_is_sent_twice_is_accepted_and_answered_once() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    let first = message(Some("m-1"), "Où est ma commande ?");
    let sending = (0..20).map(|_| {
        let (ledger, id, first) = (ledger.clone(), id.clone(), first.clone());
        tokio::spawn(async move { ledger.take_message(&id, &first, None).await.unwrap() })
    });
    let mut new = 0;
    for task in sending.collect::<Vec<_>>() {
        let accepted = task.await.unwrap();
        assert_eq!(accepted.message.ordinal, 1);
        new += u32::from(accepted.is_new);
    }
    assert_eq!(new, 1);
    let twice = answer(Some(1), AnswerOutcome::Answered);
    let (one, two) =
        tokio::join!(ledger.add_bot_answer(&id, &twice), ledger.add_bot_answer(&id, &twice));
    assert_ne!(one.is_ok(), two.is_ok());
    let again = ledger.take_message(&id, &first, None).await.unwrap();
    assert_eq!(again.answer.unwrap().ordinal, 2);
    assert_eq!(ledger.conversation_summary(&id).await.unwrap().messages, 2);
    let other = ledger.take_message(&id, &message(Some("m-1"), "Autre chose"), None).await;
    assert!(refused(other).contains("give each text its own id"));
    // Even once it is over.
    ledger.end_conversation(&id, "done", "imk_12345678").await.unwrap();
    assert!(!ledger.take_message(&id, &first, None).await.unwrap().is_new);
    let late = ledger.take_message(&id, &message(Some("m-2"), "encore"), None).await;
    assert!(refused(late).ends_with("is closed; start a new conversation"));
}

#[tokio::test]
async fn an_open_conversation_of_the_same_name_is_given_back() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let named = || NewConversation { external_id: Some("client 7".to_owned()), ..new(&assistant) };
    let first = open(&fixture, named()).await;
    let again = ledger.open_conversation(named()).await.unwrap();
    assert!(matches!(&again, Opened::Existing(same) if same.id == first), "{again:?}");
    let other = NewConversation { who: "imk_other".to_owned(), ..named() };
    assert_ne!(open(&fixture, other).await, first);
    ledger.end_conversation(&first, "done", "imk_12345678").await.unwrap();
    let second = open(&fixture, named()).await;
    assert_ne!(second, first);
    // Two of the same name are never open at once.
    let closed = version(&fixture, &first).await;
    let reopened = ledger.reopen_conversation(&first, closed, &person("marie")).await;
    assert!(refused(reopened).contains(second.as_str()));
    ledger.end_conversation(&second, "done", "imk_12345678").await.unwrap();
    ledger.reopen_conversation(&first, closed, &person("marie")).await.unwrap();
}

#[tokio::test]
async fn failures_in_a_row_are_counted() {
    let (fixture, _, id) = begun().await;
    let mut counted = Vec::new();
    for outcome in [
        AnswerOutcome::Abstained,
        AnswerOutcome::Other,
        AnswerOutcome::Abstained,
        AnswerOutcome::Fixed,
        AnswerOutcome::Abstained,
        AnswerOutcome::Answered,
    ] {
        let answer = answer(None, outcome);
        counted.push(fixture.ledger.add_bot_answer(&id, &answer).await.unwrap().1.failures);
    }
    assert_eq!(counted, [1, 1, 2, 0, 1, 0]);
}

#[tokio::test]
async fn a_conversation_is_not_filled_without_end() {
    let (fixture, _, id) = begun().await;
    sqlx::query("UPDATE conversations SET messages = 2000")
        .execute(&fixture.ledger.pool)
        .await
        .unwrap();
    let full = fixture.ledger.take_message(&id, &message(None, "a"), None).await;
    assert!(refused(full).contains("2000 messages, the limit; start a new one"));
}
