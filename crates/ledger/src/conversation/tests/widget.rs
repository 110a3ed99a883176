//! Tests what visitors of web pages hold, and how much they may write.

use std::time::Duration;

use super::*;
use crate::{NewWidget, WidgetCaps, WidgetSession};

const HOUR: Duration = Duration::from_secs(3600);

fn widget(assistant: &AssistantId, visitor: &str, caps: &WidgetCaps) -> NewWidget {
    NewWidget {
        conversation: NewConversation { who: visitor.to_owned(), ..new(assistant) },
        caps: caps.clone(),
        lifetime: HOUR,
    }
}

async fn visit(fixture: &Fixture, assistant: &AssistantId, visitor: &str) -> WidgetSession {
    let new = widget(assistant, visitor, &WidgetCaps::default());
    fixture.ledger.open_widget_conversation(new).await.unwrap()
}

#[tokio::test]
async fn a_token_opens_one_conversation_and_is_stored_as_its_hash() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let session = visit(&fixture, &assistant, "v1").await;
    assert!(session.token.starts_with("imw_") && session.token.len() == 47);
    assert!(!format!("{session:?}").contains(&session.token));
    assert_eq!(session.conversation.channel.as_str(), "widget");
    let found = ledger.widget_conversation(&session.token).await.unwrap().unwrap();
    assert_eq!(found, session.conversation);
    let other = visit(&fixture, &assistant, "v1").await;
    assert_ne!((&other.token, &other.conversation.id), (&session.token, &session.conversation.id));
    for wrong in ["", "imw_short", &"imw_".repeat(12)[..47]] {
        assert_eq!(ledger.widget_conversation(wrong).await.unwrap(), None);
    }
    ledger.forget_removed().await;
    let bytes = std::fs::read(fixture.path()).unwrap();
    assert!(!bytes.windows(47).any(|window| window == session.token.as_bytes()));

    // Deleted by its visitor, it is gone, and the token opens nothing.
    ledger.delete_conversation(&found.id).await.unwrap();
    assert_eq!(ledger.widget_conversation(&session.token).await.unwrap(), None);
    assert!(refused(ledger.delete_conversation(&found.id).await).contains("does not exist"));
    fixture.advance(time::Duration::minutes(61));
    assert_eq!(ledger.widget_conversation(&other.token).await.unwrap(), None);
    ledger.conversation(&other.conversation.id).await.unwrap();
}

#[tokio::test]
async fn a_day_has_so_many_messages_of_a_visitor_and_of_all() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let caps = WidgetCaps { messages_per_visitor: Some(3), messages: Some(5), conversations: None };
    let one = visit(&fixture, &assistant, "v1").await.conversation.id;
    let two = visit(&fixture, &assistant, "v1").await.conversation.id;
    let other = visit(&fixture, &assistant, "v2").await.conversation.id;
    let write = async |id: &ConversationId, name: &str| {
        ledger.take_message(id, &message(Some(name), "a"), Some(&caps)).await.map(|_| ())
    };
    write(&one, "1").await.unwrap();
    write(&two, "1").await.unwrap();
    write(&one, "2").await.unwrap();
    // What is repeated, and what was refused, is not counted.
    write(&one, "2").await.unwrap();
    let full = write(&two, "2").await.unwrap_err();
    assert_eq!(
        full.to_string(),
        "messages of a visitor are at their limit of 3 a day; it begins anew at midnight, UTC"
    );
    assert_eq!(full.fault(), intramuros_types::Fault::Capacity);
    assert_eq!(ledger.conversation_summary(&two).await.unwrap().messages, 1);
    write(&other, "1").await.unwrap();
    write(&other, "2").await.unwrap();
    let full = write(&other, "3").await.unwrap_err().to_string();
    assert!(full.starts_with("messages are at their limit of 5"), "{full}");
    fixture.advance(time::Duration::days(1));
    write(&other, "3").await.unwrap();
    ledger.prune_conversations().await.unwrap();
    let days: i64 = sqlx::query_scalar("SELECT COUNT(DISTINCT day) FROM widget_counts")
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert_eq!(days, 1);
}

#[tokio::test]
async fn many_at_once_do_not_go_beyond_a_day() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let caps = WidgetCaps { conversations: Some(7), ..WidgetCaps::default() };
    let opening = (0..20).map(|at| {
        let new = widget(&assistant, &format!("v{at}"), &caps);
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.open_widget_conversation(new).await.is_ok() })
    });
    let mut opened = 0;
    for task in opening.collect::<Vec<_>>() {
        opened += u32::from(task.await.unwrap());
    }
    assert_eq!(opened, 7);
    let sessions: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM widget_sessions")
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert_eq!(sessions, 7);
    let named = NewWidget {
        conversation: NewConversation { external_id: Some("a".to_owned()), ..new(&assistant) },
        ..widget(&assistant, "v", &WidgetCaps::default())
    };
    assert!(refused(ledger.open_widget_conversation(named).await).contains("external_id"));
}

#[tokio::test]
async fn a_visitor_is_the_same_with_one_assistant_and_another_with_the_next() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let other = AssistantId::new("ast_other");
    let one = ledger.visitor(&assistant, "192.0.2.1").await.unwrap();
    assert!(one.starts_with("vis_") && one.len() == 36, "{one}");
    assert_eq!(ledger.visitor(&assistant, "192.0.2.1").await.unwrap(), one);
    assert_ne!(ledger.visitor(&assistant, "192.0.2.2").await.unwrap(), one);
    assert_ne!(ledger.visitor(&other, "192.0.2.1").await.unwrap(), one);
    // With the key of another ledger it is another one.
    let (elsewhere, _, _) = begun().await;
    assert_ne!(elsewhere.ledger.visitor(&assistant, "192.0.2.1").await.unwrap(), one);
}
