//! Tests drafts, versions, and what goes with an assistant.

use serde_json::json;

use super::{AssistantChanges, NewAssistant};
use crate::ledger::tests::Fixture;
use crate::{Ledger, LedgerError};

fn new(slug: &str) -> NewAssistant {
    NewAssistant {
        slug: slug.to_owned(),
        name: format!("Assistant {slug}"),
        config: json!({"persona": "aimable"}),
        retention_days: Some(90),
        by: "usr_marie".to_owned(),
    }
}

async fn check_refused(ledger: &Ledger, name: &'static str, new: NewAssistant) {
    let error = ledger.create_assistant(new).await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name),
        "{error}"
    );
}

fn changed(version: u32, config: serde_json::Value) -> AssistantChanges {
    AssistantChanges { version, config: Some(config), ..AssistantChanges::default() }
}

#[tokio::test]
async fn an_assistant_is_drafted_published_and_brought_back() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let made = ledger.create_assistant(new("sav")).await.unwrap();
    let id = made.summary.id.clone();
    assert!(id.as_str().starts_with("ast_"));
    assert_eq!((made.summary.version, made.summary.published), (1, None));
    assert_eq!(made.summary.retention_days, Some(90));
    let hidden = ledger.published_assistant("sav").await.unwrap_err();
    assert_eq!(hidden.to_string(), "published assistant `sav` does not exist");

    let first = ledger.publish_assistant(&id, 1, "ouverture", "usr_marie").await.unwrap();
    assert_eq!((first.number, first.note.as_str(), first.restores), (1, "ouverture", None));
    let changes = AssistantChanges {
        retention_days: Some(Some(10)),
        ..changed(1, json!({"persona": "brève"}))
    };
    let drafted = ledger.update_assistant(&id, changes, "usr_paul").await.unwrap();
    assert_eq!((drafted.summary.version, drafted.summary.published), (2, Some(1)));
    // What is published stays as it is, its retention too.
    assert_eq!(
        (drafted.draft_retention_days, drafted.summary.retention_days),
        (Some(10), Some(90))
    );
    let (_, answers) = ledger.published_assistant("sav").await.unwrap();
    assert_eq!(answers.config, json!({"persona": "aimable"}));

    fixture.advance(time::Duration::hours(1));
    let second = ledger.publish_assistant(&id, 2, "", "usr_paul").await.unwrap();
    assert_eq!((second.number, second.published), (2, fixture.now()));
    assert_eq!(ledger.get_assistant(&id).await.unwrap().summary.retention_days, Some(10));
    let third = ledger.restore_assistant(&id, 1, "retour", "usr_marie").await.unwrap();
    assert_eq!((third.number, third.restores), (3, Some(1)));
    assert_eq!(third.config, first.config);
    let (found, answers) = ledger.published_assistant("sav").await.unwrap();
    assert_eq!((found.published, found.retention_days, &answers), (Some(3), Some(90), &third));
    // The draft is not touched by that.
    assert_eq!(ledger.get_assistant(&id).await.unwrap().draft, json!({"persona": "brève"}));
    assert_eq!(ledger.assistant_version(&id, 1).await.unwrap(), first);
    let listed = ledger.list_assistant_versions(&id, None, 10).await.unwrap();
    assert_eq!(listed, [third, second, first.clone()]);
    assert_eq!(ledger.list_assistant_versions(&id, Some(2), 10).await.unwrap(), [first]);
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn nobody_changes_or_publishes_what_they_did_not_see() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = ledger.create_assistant(new("sav")).await.unwrap().summary.id;
    ledger.update_assistant(&id, changed(1, json!({"a": 1})), "usr_paul").await.unwrap();
    let stale = ledger.update_assistant(&id, changed(1, json!({"b": 1})), "usr_marie").await;
    let stale = stale.unwrap_err().to_string();
    assert!(stale.contains("at version 2, you saw 1: usr_paul changed it"), "{stale}");
    let unseen = ledger.publish_assistant(&id, 1, "", "usr_marie").await.unwrap_err();
    assert!(matches!(unseen, LedgerError::Conflict { .. }), "{unseen}");
    ledger.publish_assistant(&id, 2, "", "usr_marie").await.unwrap();
    let same = ledger.restore_assistant(&id, 1, "", "usr_marie").await.unwrap_err().to_string();
    assert!(same.contains("answers with version 1 already"), "{same}");
    let missing = ledger.restore_assistant(&id, 7, "", "usr_marie").await.unwrap_err();
    assert!(matches!(missing, LedgerError::NotFound { what: "version", .. }), "{missing}");
    // Of two who change the same draft at once one does.
    let (one, two) = tokio::join!(
        ledger.update_assistant(&id, changed(2, json!(1)), "a"),
        ledger.update_assistant(&id, changed(2, json!(2)), "b"),
    );
    assert_ne!(one.is_ok(), two.is_ok());
}

#[tokio::test]
async fn names_and_slugs_are_of_one_assistant_each() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = ledger.create_assistant(new("sav")).await.unwrap().summary.id;
    let other = ledger.create_assistant(new("rh")).await.unwrap().summary.id;
    let same_name = NewAssistant { name: "Assistant sav".to_owned(), ..new("c") };
    for (taken, what) in [(new("sav"), "slug"), (same_name, "name")] {
        let error = ledger.create_assistant(taken).await.unwrap_err().to_string();
        assert_eq!(error, format!("assistant `{id}` has this {what} already; choose another"));
    }
    let slug = AssistantChanges {
        version: 1,
        slug: Some("sav".to_owned()),
        ..AssistantChanges::default()
    };
    assert!(ledger.update_assistant(&other, slug, "a").await.is_err());
    let own = AssistantChanges {
        version: 1,
        slug: Some("service".to_owned()),
        ..AssistantChanges::default()
    };
    ledger.update_assistant(&id, own, "a").await.unwrap();
    assert_eq!(ledger.find_assistant("service").await.unwrap().id, id);
    assert!(matches!(ledger.find_assistant("sav").await, Err(LedgerError::NotFound { .. })));
    let listed = ledger.list_assistants().await.unwrap();
    assert_eq!(listed.into_iter().map(|one| one.slug).collect::<Vec<_>>(), ["rh", "service"]);
}

#[tokio::test]
async fn what_is_beyond_its_limits_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    for slug in ["", "Sav", "-sav", "s v"] {
        check_refused(ledger, "slug", NewAssistant { name: "a".to_owned(), ..new(slug) }).await;
    }
    check_refused(ledger, "name", NewAssistant { name: "n".repeat(101), ..new("a") }).await;
    let config = json!("x".repeat(256 << 10));
    check_refused(ledger, "config", NewAssistant { config, ..new("a") }).await;
    for days in [0, 3_651] {
        let wrong = NewAssistant { retention_days: Some(days), ..new("a") };
        check_refused(ledger, "retention_days", wrong).await;
    }
    let id = ledger.create_assistant(new("a")).await.unwrap().summary.id;
    let note = ledger.publish_assistant(&id, 1, &"n".repeat(1_001), "a").await.unwrap_err();
    assert!(matches!(note, LedgerError::Invalid { name: "note", .. }));
    let missing = ledger.get_assistant(&"ast_none".into()).await.unwrap_err();
    assert_eq!(missing.to_string(), "assistant `ast_none` does not exist");
}

#[tokio::test]
async fn a_retired_assistant_begins_nothing_and_a_deleted_one_leaves_nothing() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = ledger.create_assistant(new("sav")).await.unwrap().summary.id;
    ledger.publish_assistant(&id, 1, "", "a").await.unwrap();
    assert!(ledger.retire_assistant(&id, true).await.unwrap().summary.retired.is_some());
    assert!(ledger.published_assistant("sav").await.is_err());
    assert_eq!(ledger.retire_assistant(&id, false).await.unwrap().summary.retired, None);
    ledger.published_assistant("sav").await.unwrap();
    assert_eq!(ledger.delete_assistant(&id).await.unwrap(), 0);
    assert!(ledger.delete_assistant(&id).await.is_err());
    let versions: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM assistant_versions")
        .fetch_one(&ledger.pool)
        .await
        .unwrap();
    assert_eq!(versions, 0);
}
