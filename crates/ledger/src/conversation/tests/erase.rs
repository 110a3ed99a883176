//! Tests what erasure, retention and deletion leave of conversations.

use std::time::Duration;

use intramuros_types::DocumentId;

use super::*;
use crate::{ERASE, ErasureMatter, ErasureSubject, Lease, NewErasure, NewGap};

/// Texts that must be nowhere after an erasure.
const SECRETS: [&str; 8] = [
    "Dupontel-question",
    "Dupontel-reponse",
    "Dupontel-details",
    "Dupontel-commentaire",
    "Dupontel-fiche",
    "Dupontel-courriel",
    "Dupontel-lacune",
    "Dupontel-nom",
];

/// The secrets that the ledger's files hold.
fn found_on_disk(fixture: &Fixture) -> Vec<&'static str> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let stands =
            |secret: &&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        found.extend(SECRETS.iter().filter(|secret| stands(secret)).copied());
    }
    found.sort_unstable();
    found.dedup();
    found
}

async fn document(fixture: &Fixture, content: u8) -> DocumentId {
    let new = new_document("support", content);
    fixture.ledger.insert_document(new).await.unwrap().record().id.clone()
}

fn cited(document: &DocumentId) -> Vec<CitedDocument> {
    vec![CitedDocument { knowledge_base: "support".into(), document: document.clone() }]
}

/// A conversation with every secret, whose answer quotes `documents`, and that waits for a person.
async fn secret(
    fixture: &Fixture,
    assistant: &AssistantId,
    documents: Vec<CitedDocument>,
) -> ConversationId {
    let ledger = &fixture.ledger;
    let wanted = NewConversation { external_id: Some(SECRETS[7].to_owned()), ..new(assistant) };
    let id = open(fixture, wanted).await;
    ledger.take_message(&id, &message(Some("1"), SECRETS[0]), None).await.unwrap();
    let said = BotAnswer {
        text: SECRETS[1].to_owned(),
        details: json!({"standalone": SECRETS[2]}),
        documents,
        ..answer(Some(1), AnswerOutcome::Answered)
    };
    ledger.add_bot_answer(&id, &said).await.unwrap();
    ledger.judge_answer(&id, 2, Some(false), SECRETS[3]).await.unwrap();
    let gap = NewGap {
        conversation: id.clone(),
        message: 1,
        reason: "low_evidence".to_owned(),
        question: SECRETS[6].to_owned(),
        embedding: None,
    };
    ledger.note_gap(&gap).await.unwrap();
    let mail = NewMail {
        to: "sav@example.lan".to_owned(),
        subject: SECRETS[5].to_owned(),
        text: SECRETS[4].to_owned(),
        html: None,
    };
    let over = NewHandOver {
        card: json!({"summary": SECRETS[4]}),
        mails: vec![mail],
        ..hand_over("anger")
    };
    ledger.hand_over_conversation(&id, &over).await.unwrap();
    id
}

async fn lease(fixture: &Fixture) -> (Lease, intramuros_types::ErasureId) {
    let subject = ErasureSubject::Person;
    let matter = ErasureMatter::default();
    let new = NewErasure { subject, matter, requested_by: "usr_1".to_owned() };
    let erasure = fixture.ledger.begin_erasure(new).await.unwrap().0.id;
    let minute = Duration::from_secs(60);
    let lease = fixture.ledger.claim_job("runner", &[ERASE], minute).await.unwrap().unwrap().0;
    (lease, erasure)
}

#[tokio::test]
async fn a_deleted_conversation_leaves_nothing() {
    let (fixture, assistant, other) = begun().await;
    let ledger = &fixture.ledger;
    let id = secret(&fixture, &assistant, Vec::new()).await;
    assert_eq!(found_on_disk(&fixture).len(), SECRETS.len());
    ledger.delete_conversation(&id).await.unwrap();
    assert_eq!(found_on_disk(&fixture), [] as [&str; 0]);
    ledger.conversation(&other).await.unwrap();
    ledger.check().await.unwrap();

    // So does an assistant that is deleted.
    secret(&fixture, &assistant, Vec::new()).await;
    assert_eq!(ledger.delete_assistant(&assistant).await.unwrap(), 2);
    assert_eq!(found_on_disk(&fixture), [] as [&str; 0]);
    assert!(ledger.conversation(&other).await.is_err());
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn an_erased_document_takes_along_what_quotes_it() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let (erased, kept) = (document(&fixture, 1).await, document(&fixture, 2).await);
    let id = secret(&fixture, &assistant, cited(&erased)).await;
    let other = open(&fixture, new(&assistant)).await;
    let said = BotAnswer { documents: cited(&kept), ..answer(None, AnswerOutcome::Answered) };
    ledger.add_bot_answer(&other, &said).await.unwrap();
    let before = ledger.conversation(&other).await.unwrap();

    ledger.mark_deleting(&erased).await.unwrap();
    let late = BotAnswer { documents: cited(&erased), ..said.clone() };
    assert!(refused(ledger.add_bot_answer(&other, &late).await).starts_with("documents"));
    ledger.forget_document(&erased).await.unwrap();
    // What the customer wrote is theirs, and stays.
    assert_eq!(found_on_disk(&fixture), [SECRETS[6], SECRETS[7], SECRETS[0]]);
    let after = ledger.conversation(&id).await.unwrap();
    assert_eq!((after.summary.state, after.card), (ConversationState::Waiting, None));
    assert_eq!(after.summary.erased, Some(fixture.now()));
    let answer = &after.messages[1];
    assert_eq!((answer.text.as_str(), answer.thumb), ("", Some(false)));
    assert_eq!(answer.erased, Some(fixture.now()));
    assert_eq!(ledger.conversation(&other).await.unwrap(), before);

    // The knowledge base takes the rest along; a card alone, too.
    let of_card = open(&fixture, new(&assistant)).await;
    let over = NewHandOver { documents: cited(&kept), ..hand_over("anger") };
    ledger.hand_over_conversation(&of_card, &over).await.unwrap();
    ledger.delete_knowledge_base(&"support".into()).await.unwrap();
    ledger.forget_knowledge_base(&"support".into()).await.unwrap();
    assert!(ledger.conversation(&other).await.unwrap().messages[0].erased.is_some());
    assert_eq!(ledger.conversation(&of_card).await.unwrap().card, None);
}

#[tokio::test]
async fn traces_of_a_person_go_message_by_message() {
    let (fixture, assistant, _) = begun().await;
    let ledger = &fixture.ledger;
    let id = open(&fixture, new(&assistant)).await;
    says(&fixture, &id, "Bonjour").await;
    says(&fixture, &id, "Je suis Dupontel-question").await;
    let said = BotAnswer {
        details: json!({"standalone": SECRETS[2]}),
        ..answer(Some(1), AnswerOutcome::Answered)
    };
    ledger.add_bot_answer(&id, &said).await.unwrap();
    let over = NewHandOver { card: json!({"who": SECRETS[4]}), ..hand_over("anger") };
    ledger.hand_over_conversation(&id, &over).await.unwrap();
    let has = take(&fixture, &id, &person("marie")).await.unwrap();
    // All of one that is called by their name goes, and it is over.
    let whole = secret(&fixture, &assistant, Vec::new()).await;

    let (lease, erasure) = lease(&fixture).await;
    let matches = |text: &str| text.contains("Dupontel");
    for _ in 0..2 {
        ledger.erase_traces(&lease, &erasure, &matches).await.unwrap();
    }
    assert_eq!(found_on_disk(&fixture), [] as [&str; 0]);
    let removed = ledger.erasure_report(&erasure).await.unwrap().removed;
    assert_eq!((removed["conversation_messages"], removed["conversation_cards"]), (4, 1));
    let after = ledger.conversation(&id).await.unwrap();
    let texts: Vec<&str> = after.messages.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["Bonjour", "", ""]);
    assert_eq!((after.summary.state, after.summary.version), (has.state, has.version));
    assert_eq!(after.card, None);
    let after = ledger.conversation(&whole).await.unwrap();
    assert_eq!(after.summary.state, ConversationState::Closed);
    assert_eq!(after.summary.close_reason.as_deref(), Some("erased"));
    assert!(after.messages.iter().all(|one| one.text.is_empty() && one.message_id.is_none()));
    let reopened =
        ledger.reopen_conversation(&whole, after.summary.version, &person("marie")).await;
    assert!(refused(reopened).contains("was erased"));
    // An assistant that says so is told of, and stays.
    let said = crate::AssistantChanges {
        version: 1,
        config: Some(json!({"persona": "Dupontel"})),
        ..crate::AssistantChanges::default()
    };
    ledger.update_assistant(&assistant, said, "a").await.unwrap();
    let left = ledger.leftovers(&matches).await.unwrap();
    assert_eq!(left.assistants, [assistant.to_string()]);
}

#[tokio::test]
async fn a_user_who_is_erased_is_a_pseudonym_where_they_answered() {
    let (fixture, assistant, answered) = begun().await;
    let ledger = &fixture.ledger;
    let user = |name, role| ledger.create_user(crate::user::tests::request(name, role));
    let marie = user("marie", UserRole::Reviewer).await.unwrap().id;
    user("admin", UserRole::Admin).await.unwrap();
    let who = Reviewer { who: marie.to_string(), person: Some(marie.clone()), ..person("") };
    take(&fixture, &answered, &who).await.unwrap();
    ledger.add_human_answer(&answered, &message(None, "Bonjour"), &who).await.unwrap();
    let answers = ledger.answers_written_by(marie.as_str(), None, 10).await.unwrap();
    assert_eq!((answers.len(), answers[0].1.text.as_str()), (1, "Bonjour"));
    let after = Some((&answers[0].0, answers[0].1.ordinal));
    assert_eq!(ledger.answers_written_by(marie.as_str(), after, 10).await.unwrap(), []);
    let own = NewConversation { who: marie.to_string(), ..new(&assistant) };
    let own = open(&fixture, own).await;
    says(&fixture, &own, SECRETS[0]).await;

    let (lease, erasure) = lease(&fixture).await;
    ledger.erase_user(&lease, &erasure, &marie).await.unwrap();
    let removed = ledger.erasure_report(&erasure).await.unwrap().removed;
    assert_eq!(removed["conversations_under_a_pseudonym"], 2);
    let after = ledger.conversation(&answered).await.unwrap();
    // Somebody else is needed now.
    assert_eq!(after.summary.state, ConversationState::Waiting);
    assert_eq!((after.summary.assignee, after.messages[0].text.as_str()), (None, "Bonjour"));
    let author = after.messages[0].author.clone().unwrap();
    assert!(author.starts_with("erased-") && after.acts[0].actor == author, "{author}");
    let after = ledger.conversation(&own).await.unwrap();
    assert_eq!((after.summary.who, after.summary.state), (author, ConversationState::Closed));
    assert_eq!(found_on_disk(&fixture), [] as [&str; 0]);
    let bytes = std::fs::read(fixture.path()).unwrap();
    let id = marie.as_str();
    // Its own erasure names it no more than it must.
    let named = bytes.windows(id.len()).filter(|window| *window == id.as_bytes()).count();
    assert_eq!(named, 0, "the user is still named");
}

#[tokio::test]
async fn conversations_are_kept_as_long_as_their_assistant_says() {
    let (fixture, assistant, closed) = begun().await;
    let ledger = &fixture.ledger;
    let left = secret(&fixture, &assistant, Vec::new()).await;
    ledger.end_conversation(&closed, "done", "imk_12345678").await.unwrap();
    fixture.advance(time::Duration::days(20));
    let young = open(&fixture, new(&assistant)).await;
    // A thumb afterwards prolongs nothing.
    ledger.judge_answer(&left, 2, Some(true), "").await.unwrap();
    fixture.advance(time::Duration::days(10));
    assert_eq!(ledger.prune_conversations().await.unwrap(), 0);
    fixture.advance(time::Duration::seconds(1));
    assert_eq!(ledger.prune_conversations().await.unwrap(), 2);
    assert_eq!(ledger.prune_conversations().await.unwrap(), 0);
    for (id, is_there) in [(&closed, false), (&left, false), (&young, true)] {
        assert_eq!(ledger.conversation(id).await.is_ok(), is_there);
    }
    assert_eq!(found_on_disk(&fixture), [] as [&str; 0]);
    // For ever, once that is published.
    let ever = crate::AssistantChanges {
        version: 1,
        retention_days: Some(None),
        ..crate::AssistantChanges::default()
    };
    ledger.update_assistant(&assistant, ever, "a").await.unwrap();
    ledger.publish_assistant(&assistant, 2, "", "a").await.unwrap();
    fixture.advance(time::Duration::days(1_000));
    assert_eq!(ledger.prune_conversations().await.unwrap(), 0);
}
