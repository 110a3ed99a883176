//! Tests hand-overs, and people who take, answer, release and close.

use super::*;

/// A webhook that takes everything about conversations; what it was told so far, oldest first.
async fn webhook(fixture: &Fixture) -> intramuros_types::WebhookId {
    let kinds = ["conversation.handed_over", "conversation.message", "conversation.closed"];
    let webhook = NewWebhook {
        url: "https://helpdesk.example.lan/a".to_owned(),
        events: kinds.map(str::to_owned).to_vec(),
        description: String::new(),
    };
    fixture.ledger.create_webhook(webhook).await.unwrap().record.id
}

async fn told(fixture: &Fixture) -> Vec<(String, Value)> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, payload FROM events ORDER BY id")
            .fetch_all(&fixture.ledger.pool)
            .await
            .unwrap();
    let read = |(kind, payload): (String, String)| (kind, serde_json::from_str(&payload).unwrap());
    rows.into_iter().map(read).collect()
}

#[tokio::test]
async fn a_hand_over_its_card_its_event_and_its_mails_are_there_together() {
    let (fixture, assistant, id) = begun().await;
    let ledger = &fixture.ledger;
    webhook(&fixture).await;
    says(&fixture, &id, "Je veux un conseiller").await;
    let mail = |to: &str| NewMail {
        to: to.to_owned(),
        subject: "Une conversation attend".to_owned(),
        text: "veut un remboursement".to_owned(),
        html: None,
    };
    let wanted = NewHandOver {
        notice: Some("Un conseiller va vous répondre.".to_owned()),
        mails: vec![mail("sav@example.lan"), mail("chef@example.lan")],
        team: Some("gone".into()),
        ..hand_over("asks_for_human")
    };
    sqlx::query(
        "CREATE TRIGGER no_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .execute(&ledger.pool)
    .await
    .unwrap();
    ledger.hand_over_conversation(&id, &wanted).await.unwrap_err();
    let before = ledger.conversation(&id).await.unwrap();
    assert_eq!((before.summary.state, before.card), (ConversationState::Bot, None));
    assert_eq!(ledger.count_outbox().await.unwrap().pending_mails, 0);
    sqlx::query("DROP TRIGGER no_events").execute(&ledger.pool).await.unwrap();

    let outbox = ledger.outbox();
    let waits = ledger.hand_over_conversation(&id, &wanted).await.unwrap();
    assert!(outbox.has_changed().unwrap());
    assert_eq!((waits.state, waits.version), (ConversationState::Waiting, 2));
    assert_eq!(waits.reason.as_deref(), Some("asks_for_human"));
    assert_eq!(
        (waits.waiting_since, waits.handed_over),
        (Some(fixture.now()), Some(fixture.now()))
    );
    // Nobody is in a team that is gone: it is for everybody.
    assert_eq!(waits.team, None);
    let whole = ledger.conversation(&id).await.unwrap();
    assert_eq!(whole.card, Some(wanted.card.clone()));
    assert_eq!(whole.messages.last().unwrap().role, MessageRole::Notice);
    assert_eq!((whole.acts.len(), whole.acts[0].actor.as_str()), (1, "assistant"));
    assert_eq!(ledger.count_outbox().await.unwrap().pending_mails, 2);
    let expected = json!({
        "conversation": id, "assistant": assistant, "channel": "api", "state": "waiting",
        "reason": "asks_for_human", "team": null,
    });
    assert_eq!(told(&fixture).await, [("conversation.handed_over".to_owned(), expected)]);
    let twice = ledger.hand_over_conversation(&id, &wanted).await;
    assert!(refused(twice).contains("waits for a person already"));
    // The assistant is silent, the customer is not.
    let late = ledger.add_bot_answer(&id, &answer(None, AnswerOutcome::Answered)).await;
    assert!(refused(late).contains("the assistant is silent"));
    assert_eq!(says(&fixture, &id, "Allô ?").await.conversation.state, ConversationState::Waiting);
    assert_eq!(told(&fixture).await.len(), 1);
}

#[tokio::test]
async fn a_full_queue_of_mails_keeps_nobody_from_people() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO mails SELECT 'eml_' || i, 'a', 'b', 'c', NULL, 'pending', 0, 0, 0, NULL, 0, 0 \
         FROM n",
    )
    .execute(&ledger.pool)
    .await
    .unwrap();
    let mail = NewMail {
        to: "sav@example.lan".to_owned(),
        subject: "s".to_owned(),
        text: "t".to_owned(),
        html: None,
    };
    let wanted = NewHandOver { mails: vec![mail], ..hand_over("anger") };
    let waits = ledger.hand_over_conversation(&id, &wanted).await.unwrap();
    assert_eq!(waits.state, ConversationState::Waiting);
    assert_eq!(ledger.count_outbox().await.unwrap().pending_mails, 10_000);
}

#[tokio::test]
async fn a_person_takes_answers_hands_back_and_closes() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    webhook(&fixture).await;
    let marie = person("marie");
    let failed = answer(None, AnswerOutcome::Abstained);
    ledger.add_bot_answer(&id, &failed).await.unwrap();
    ledger.hand_over_conversation(&id, &hand_over("failures")).await.unwrap();
    let early = ledger.add_human_answer(&id, &message(None, "Bonjour"), &marie).await;
    assert!(refused(early).contains("is with nobody; take it first"));
    let has = take(&fixture, &id, &marie).await.unwrap();
    assert_eq!((has.state, has.assignee.as_deref()), (ConversationState::Human, Some("usr_marie")));
    assert_eq!((has.waiting_since, has.failures), (None, 1));
    // Once more is no change, for who did not hear that they had it either.
    assert_eq!(ledger.take_conversation(&id, 1, &marie).await.unwrap(), has);
    let sent = message(Some("r-1"), "Je regarde.");
    let said = ledger.add_human_answer(&id, &sent, &marie).await.unwrap();
    // Sent again, as after a lost reply, it is said once.
    assert_eq!(ledger.add_human_answer(&id, &sent, &marie).await.unwrap(), said);
    let other = message(Some("r-1"), "Autre chose.");
    assert!(ledger.add_human_answer(&id, &other, &marie).await.is_err());
    assert_eq!((said.role, said.author.as_deref()), (MessageRole::Human, Some("usr_marie")));
    let wrote = says(&fixture, &id, "Merci").await.message.ordinal;
    let events = told(&fixture).await;
    assert_eq!(events[1].0, "conversation.message");
    assert_eq!(
        (&events[1].1["message"], &events[1].1["assignee"]),
        (&json!(wrote), &json!("usr_marie"))
    );

    let back = ledger.hand_back_conversation(&id, has.version, &marie).await.unwrap();
    assert_eq!((back.state, back.assignee, back.failures), (ConversationState::Bot, None, 0));
    ledger.add_bot_answer(&id, &answer(Some(wrote), AnswerOutcome::Answered)).await.unwrap();
    // A person may also take what the assistant has.
    let has = take(&fixture, &id, &marie).await.unwrap();
    assert_eq!(has.reason.as_deref(), Some("taken"));
    let closed = ledger.close_conversation(&id, has.version, "solved", &marie).await.unwrap();
    assert_eq!((closed.state, closed.assignee), (ConversationState::Closed, None));
    assert_eq!(
        (closed.close_reason.as_deref(), closed.closed),
        (Some("solved"), Some(fixture.now()))
    );
    let last = told(&fixture).await.pop().unwrap();
    assert_eq!((last.0.as_str(), &last.1["reason"]), ("conversation.closed", &json!("solved")));
    let acts = ledger.conversation(&id).await.unwrap().acts;
    let acts: Vec<&str> = acts.iter().map(|one| one.act.as_str()).collect();
    assert_eq!(acts, ["hand_over", "take", "hand_back", "take", "close"]);
    let stale = ledger.reopen_conversation(&id, 1, &marie).await;
    assert!(refused(stale).contains("you saw 1"));
    let again = ledger.reopen_conversation(&id, closed.version, &marie).await.unwrap();
    assert_eq!((again.state, again.closed), (ConversationState::Human, None));
}

#[tokio::test]
async fn of_two_people_who_take_at_once_one_has_it() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    ledger.hand_over_conversation(&id, &hand_over("anger")).await.unwrap();
    let seen = version(&fixture, &id).await;
    let taking = (0..10).map(|at| {
        let (ledger, id) = (ledger.clone(), id.clone());
        tokio::spawn(async move {
            ledger.take_conversation(&id, seen, &person(&at.to_string())).await.is_ok()
        })
    });
    let mut had = 0;
    for task in taking.collect::<Vec<_>>() {
        had += u32::from(task.await.unwrap());
    }
    assert_eq!(had, 1);
    let has = ledger.conversation_summary(&id).await.unwrap();
    let other = person("paul");
    assert!(refused(take(&fixture, &id, &other).await).contains("ask them to release it"));
    assert!(
        refused(ledger.add_human_answer(&id, &message(None, "a"), &other).await)
            .contains("ask them")
    );
    for refusal in [
        ledger.release_conversation(&id, has.version, &other).await,
        ledger.hand_back_conversation(&id, has.version, &other).await,
        ledger.close_conversation(&id, has.version, "solved", &other).await,
    ] {
        assert!(refused(refusal).contains("ask them"));
    }
    // An administrator may take it over.
    let has = take(&fixture, &id, &admin()).await.unwrap();
    assert_eq!(has.assignee.as_deref(), Some("usr_admin"));
    let free = ledger.release_conversation(&id, has.version, &admin()).await.unwrap();
    assert_eq!((free.state, free.assignee), (ConversationState::Waiting, None));
    // What was seen before that is out of date.
    let stale = ledger.take_conversation(&id, seen, &other).await;
    assert!(refused(stale).contains("you saw 2: somebody else took"));
    take(&fixture, &id, &other).await.unwrap();
}

#[tokio::test]
async fn the_assistant_and_a_person_do_not_both_answer() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    let marie = person("marie");
    let written = answer(None, AnswerOutcome::Answered);
    let (answered, taken) = tokio::join!(
        ledger.add_bot_answer(&id, &written),
        ledger.take_conversation(&id, 1, &marie)
    );
    taken.unwrap();
    // Either before it was taken, or not at all.
    let messages = ledger.conversation(&id).await.unwrap().messages;
    assert_eq!(messages.len(), usize::from(answered.is_ok()));
    assert!(ledger.add_bot_answer(&id, &written).await.is_err());
}

#[tokio::test]
async fn a_conversation_is_for_its_team_and_for_who_holds_its_labels() {
    let (fixture, assistant, plain) = begun().await;
    let ledger = &fixture.ledger;
    for id in ["sav", "compta"] {
        let group = GroupRequest {
            id: id.into(),
            title: id.to_owned(),
            labels: Vec::new(),
            denied: Vec::new(),
        };
        ledger.create_group(group).await.unwrap();
    }
    let of_team = open(&fixture, new(&assistant)).await;
    let to_team = NewHandOver { team: Some("compta".into()), ..hand_over("topic.invoice") };
    ledger.hand_over_conversation(&of_team, &to_team).await.unwrap();
    let labelled = NewConversation { labels: vec!["rh".to_owned()], ..new(&assistant) };
    let labelled = open(&fixture, labelled).await;
    let seen = async |reader: &Reviewer| {
        let page = ConversationPage { limit: 10, ..ConversationPage::default() };
        let listed = ledger.list_conversations(&page, reader).await.unwrap().0;
        listed.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let in_team = |team: &str| Reviewer { teams: vec![GroupId::new(team)], ..person("a") };
    assert_eq!(seen(&admin()).await, [labelled.clone(), of_team.clone(), plain.clone()]);
    assert_eq!(seen(&in_team("sav")).await, [labelled.clone(), plain.clone()]);
    assert_eq!(seen(&in_team("compta")).await.len(), 3);
    let outsider = Reviewer { access: Access::of(&["x"]), ..in_team("compta") };
    assert_eq!(seen(&outsider).await, [of_team.clone(), plain]);
    assert!(refused(ledger.get_conversation(&labelled, &outsider).await).contains("not exist"));
    assert!(refused(ledger.seen_conversation(&labelled, &outsider).await).contains("not exist"));
    assert!(refused(take(&fixture, &labelled, &outsider).await).contains("not exist"));
    // Who does not answer customers sees their own, and has no say in it.
    let asks = Reviewer { role: UserRole::Reader, ..person("reader") };
    assert_eq!(seen(&asks).await, [] as [ConversationId; 0]);
    let own = NewConversation { who: asks.who.clone(), ..new(&assistant) };
    let own = open(&fixture, own).await;
    assert_eq!(seen(&asks).await, std::slice::from_ref(&own));
    assert!(refused(take(&fixture, &own, &asks).await).contains("for others to answer"));
    // Who opened it sees it, and does not answer in it.
    let opener = Reviewer { who: "imk_12345678".to_owned(), person: None, ..person("") };
    ledger.get_conversation(&of_team, &opener).await.unwrap();
    assert!(refused(take(&fixture, &of_team, &opener).await).contains("for others to answer"));
    take(&fixture, &of_team, &in_team("compta")).await.unwrap();
}

#[tokio::test]
async fn conversations_are_listed_by_what_is_asked_for() {
    let (fixture, assistant, first) = begun().await;
    let ledger = &fixture.ledger;
    let mut ids = vec![first];
    for _ in 0..4 {
        fixture.advance(time::Duration::minutes(1));
        ids.push(open(&fixture, new(&assistant)).await);
    }
    let listed = async |page: ConversationPage| {
        let page = ConversationPage { limit: 10, ..page };
        let found = ledger.list_conversations(&page, &person("a")).await.unwrap().0;
        found.iter().map(|one| ids.iter().position(|id| *id == one.id).unwrap()).collect::<Vec<_>>()
    };
    let all = ConversationPage::default;
    ledger.hand_over_conversation(&ids[1], &hand_over("anger")).await.unwrap();
    take(&fixture, &ids[2], &person("marie")).await.unwrap();
    ledger.judge_conversation(&ids[3], Some(false)).await.unwrap();
    ledger.judge_conversation(&ids[4], Some(true)).await.unwrap();
    ledger.add_bot_answer(&ids[4], &answer(None, AnswerOutcome::Answered)).await.unwrap();
    ledger.judge_answer(&ids[4], 1, Some(false), "bof").await.unwrap();
    assert_eq!(listed(all()).await, [4, 3, 2, 1, 0]);
    let waiting = Some(ConversationState::Waiting);
    assert_eq!(listed(ConversationPage { state: waiting, ..all() }).await, [1]);
    let assignee = Some("usr_marie".to_owned());
    assert_eq!(listed(ConversationPage { assignee, ..all() }).await, [2]);
    for (feedback, expected) in [
        (FeedbackFilter::Resolved, vec![4]),
        (FeedbackFilter::Unresolved, vec![3]),
        (FeedbackFilter::ThumbUp, vec![]),
        (FeedbackFilter::ThumbDown, vec![4]),
    ] {
        assert_eq!(listed(ConversationPage { feedback: Some(feedback), ..all() }).await, expected);
    }
    let since = Some(fixture.now() - time::Duration::minutes(2));
    assert_eq!(listed(ConversationPage { since, ..all() }).await, [4, 3, 2]);
    assert_eq!(listed(ConversationPage { before: since, ..all() }).await, [1, 0]);
    let other = Some("ast_none".into());
    assert_eq!(listed(ConversationPage { assistant: other, ..all() }).await, [] as [usize; 0]);

    let mut page = ConversationPage { limit: 2, ..all() };
    let mut found = 0;
    loop {
        let (some, next) = ledger.list_conversations(&page, &admin()).await.unwrap();
        found += some.len();
        let Some(next) = next else { break };
        page.after = Some(next);
    }
    assert_eq!(found, 5);
    assert!(ledger.list_conversations(&all(), &admin()).await.is_err());
    let mine = ledger.conversations_opened_by("imk_12345678", Some(&ids[2]), 10).await.unwrap();
    assert_eq!(mine.len(), 2);
}

#[tokio::test]
async fn a_better_card_is_of_its_own_hand_over_only() {
    let (fixture, _, id) = begun().await;
    let ledger = &fixture.ledger;
    let card = |summary: &str| json!({"summary": summary});
    let handed = ledger.hand_over_conversation(&id, &hand_over("anger")).await.unwrap();
    assert!(ledger.improve_card(&id, handed.version, &card("mieux")).await.unwrap());
    // A person who took it meanwhile sees it too.
    let taken = take(&fixture, &id, &person("marie")).await.unwrap();
    assert!(ledger.improve_card(&id, handed.version, &card("encore mieux")).await.unwrap());
    let shown = ledger.conversation(&id).await.unwrap().card.unwrap();
    assert_eq!(shown, card("encore mieux"));
    // With the assistant again, and with other people later, it would be an old one.
    let back = ledger.hand_back_conversation(&id, taken.version, &person("marie")).await.unwrap();
    assert!(!ledger.improve_card(&id, back.version, &card("trop tard")).await.unwrap());
    ledger.hand_over_conversation(&id, &hand_over("failures")).await.unwrap();
    assert!(!ledger.improve_card(&id, handed.version, &card("trop tard")).await.unwrap());
}
