//! Tests feedback, figures, and questions without answer.

use std::time::Duration;

use super::*;
use crate::{ConversationStats, NewGap};

#[tokio::test]
async fn the_last_word_of_a_customer_counts() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    says(&fixture, &id, "Bonjour").await;
    ledger.add_bot_answer(&id, &answer(Some(1), AnswerOutcome::Answered)).await.unwrap();
    let judged = ledger.judge_answer(&id, 2, Some(true), "parfait").await.unwrap();
    assert_eq!((judged.thumb, judged.comment.as_str()), (Some(true), "parfait"));
    let judged = ledger.judge_answer(&id, 2, Some(false), "").await.unwrap();
    assert_eq!((judged.thumb, judged.comment.as_str()), (Some(false), ""));
    assert_eq!(ledger.judge_answer(&id, 2, None, "").await.unwrap().thumb, None);
    assert!(refused(ledger.judge_answer(&id, 1, None, "").await).contains("is no answer"));
    assert!(refused(ledger.judge_answer(&id, 9, None, "").await).contains("does not exist"));
    let long = "c".repeat(2_001);
    assert!(refused(ledger.judge_answer(&id, 2, None, &long).await).starts_with("comment"));
    for resolved in [Some(true), Some(false), None] {
        let judged = ledger.judge_conversation(&id, resolved).await.unwrap();
        assert_eq!(judged.resolved, resolved);
    }
    assert!(ledger.judge_conversation(&"conv_none".into(), None).await.is_err());
}

#[tokio::test]
async fn figures_add_up() {
    let (fixture, assistant, answered) = begun().await;
    let ledger = &fixture.ledger;
    let marie = person("marie");
    let from = fixture.now();
    says(&fixture, &answered, "Quel délai ?").await;
    ledger.add_bot_answer(&answered, &answer(Some(1), AnswerOutcome::Fixed)).await.unwrap();
    ledger.judge_answer(&answered, 2, Some(true), "").await.unwrap();
    ledger.judge_conversation(&answered, Some(true)).await.unwrap();
    // Nothing but an abstention is no answer.
    let abstained = open(&fixture, new(&assistant)).await;
    ledger.add_bot_answer(&abstained, &answer(None, AnswerOutcome::Abstained)).await.unwrap();
    // Three waits, of which the middle one is ten minutes.
    for (minutes, reason) in [(10, "anger"), (2, "asks_for_human"), (60, "anger")] {
        let id = open(&fixture, new(&assistant)).await;
        ledger.add_bot_answer(&id, &answer(None, AnswerOutcome::Answered)).await.unwrap();
        ledger.hand_over_conversation(&id, &hand_over(reason)).await.unwrap();
        take(&fixture, &id, &marie).await.unwrap();
        fixture.advance(time::Duration::minutes(minutes));
        ledger.add_human_answer(&id, &message(None, "Bonjour"), &marie).await.unwrap();
        fixture.advance(time::Duration::minutes(1));
        ledger.add_human_answer(&id, &message(None, "Au revoir"), &marie).await.unwrap();
        ledger.judge_conversation(&id, Some(false)).await.unwrap();
    }
    // One that was handed back before anybody answered is no wait.
    let back = open(&fixture, new(&assistant)).await;
    ledger.hand_over_conversation(&back, &hand_over("low_evidence")).await.unwrap();
    let waiting = async || ledger.count_waiting_conversations(9).await.unwrap();
    assert_eq!(waiting().await, [(assistant.clone(), 1)]);
    ledger.hand_back_conversation(&back, 2, &marie).await.unwrap();
    assert_eq!(waiting().await, [(assistant.clone(), 0)]);
    take(&fixture, &back, &marie).await.unwrap();
    fixture.advance(time::Duration::hours(2));
    ledger.add_human_answer(&back, &message(None, "Bonjour"), &marie).await.unwrap();
    // Who tries the draft is not counted.
    let draft = open(&fixture, NewConversation { config: 0, ..new(&assistant) }).await;
    says(&fixture, &draft, "essai").await;
    fixture.advance(time::Duration::seconds(1));
    let to = fixture.now();
    open(&fixture, new(&assistant)).await;

    let stats = ledger.conversation_stats(&assistant, from, to).await.unwrap();
    let reasons = [("anger", 2), ("asks_for_human", 1), ("low_evidence", 1), ("taken", 1)];
    let expected = ConversationStats {
        conversations: 6,
        answered_by_bot: 1,
        handed_over: 4,
        reasons: reasons.map(|(reason, count)| (reason.to_owned(), count)).into(),
        resolved: 1,
        unresolved: 3,
        thumbs_up: 1,
        thumbs_down: 0,
        median_wait: Some(Duration::from_secs(600)),
        customer_messages: 1,
    };
    assert_eq!(stats, expected);
    let none = ledger.conversation_stats(&assistant, to, to).await.unwrap();
    assert_eq!(none, ConversationStats::default());
    assert!(ledger.conversation_stats(&"ast_none".into(), from, to).await.is_err());
}

#[tokio::test]
async fn questions_without_answer_are_kept_once_each() {
    let (fixture, assistant, id) = begun().await;
    let ledger = &fixture.ledger;
    let from = fixture.now();
    says(&fixture, &id, "Et le samedi ?").await;
    says(&fixture, &id, "Autre ?").await;
    let gap = |message: u32, question: &str| NewGap {
        conversation: id.clone(),
        message,
        reason: "low_evidence".to_owned(),
        question: question.to_owned(),
        embedding: Some(("e5".to_owned(), vec![0, 255, 7])),
    };
    ledger.note_gap(&gap(1, "Le samedi ?")).await.unwrap();
    ledger.note_gap(&gap(1, "Êtes-vous ouverts le samedi ?")).await.unwrap();
    fixture.advance(time::Duration::hours(1));
    let plain = NewGap { embedding: None, ..gap(2, "Autre ?") };
    ledger.note_gap(&plain).await.unwrap();
    let to = fixture.now() + time::Duration::hours(1);
    let listed = ledger.list_gaps(&assistant, (from, to), 10, &person("a")).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].question.as_str(), &listed[0].embedding), ("Autre ?", &None));
    assert_eq!(listed[1].question, "Êtes-vous ouverts le samedi ?");
    assert_eq!(listed[1].embedding, Some(("e5".to_owned(), vec![0, 255, 7])));
    assert_eq!((listed[1].language.as_str(), listed[1].at), ("fr", from));
    let early = (from, fixture.now());
    assert_eq!(ledger.list_gaps(&assistant, early, 10, &admin()).await.unwrap().len(), 1);
    assert!(refused(ledger.note_gap(&gap(9, "?")).await).contains("does not exist"));
    let huge = NewGap { embedding: Some(("e5".to_owned(), vec![0; 16_385])), ..gap(1, "?") };
    assert!(refused(ledger.note_gap(&huge).await).starts_with("embedding"));
    // They go with their conversation.
    ledger.delete_conversation(&id).await.unwrap();
    assert_eq!(ledger.list_gaps(&assistant, (from, to), 10, &admin()).await.unwrap(), []);
}
