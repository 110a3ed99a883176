//! Tests the life of knowledge bases.

use intramuros_types::{Access, Fault, KnowledgeBaseId};

use super::{KnowledgeBaseState, NewKnowledgeBase};
use crate::ledger::tests::{Fixture, new_base, new_document};
use crate::{DocumentCounts, Inserted, LedgerError};

#[tokio::test]
async fn a_knowledge_base_is_created_read_and_listed() {
    let fixture = Fixture::new().await;
    let created = fixture.ledger.create_knowledge_base(new_base("support")).await.unwrap();
    fixture.ledger.create_knowledge_base(new_base("achats")).await.unwrap();
    assert_eq!(fixture.ledger.get_knowledge_base(&"support".into()).await.unwrap(), created);
    let ids: Vec<String> = fixture
        .ledger
        .list_knowledge_bases()
        .await
        .unwrap()
        .into_iter()
        .map(|base| base.id.to_string())
        .collect();
    assert_eq!(ids, ["achats", "support"]);
}

#[tokio::test]
async fn deletion_has_two_steps() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    ledger.create_knowledge_base(new_base("autre")).await.unwrap();
    let id = KnowledgeBaseId::new("support");
    for content in [1, 2] {
        ledger.insert_document(new_document("support", content)).await.unwrap();
    }
    // The other base needs the second file too.
    ledger.insert_document(new_document("autre", 2)).await.unwrap();

    let error = ledger.forget_knowledge_base(&id).await.unwrap_err();
    assert_eq!(error.to_string(), "knowledge base `support` is in use; delete it first");
    ledger.delete_knowledge_base(&id).await.unwrap();
    ledger.delete_knowledge_base(&id).await.unwrap();
    let marked = ledger.get_knowledge_base(&id).await.unwrap();
    assert_eq!(marked.state, KnowledgeBaseState::Deleting);
    let counts = ledger.count_documents(&id, &Access::EVERYTHING).await.unwrap();
    assert_eq!(counts, DocumentCounts { deleting: 2, ..Default::default() });
    let error = ledger.insert_document(new_document("support", 3)).await.unwrap_err();
    assert_eq!(error.to_string(), "knowledge base `support` is being deleted");
    let claimed = ledger.claim_next_document().await.unwrap().unwrap();
    assert_eq!(claimed.knowledge_base.as_str(), "autre");
    assert_eq!(ledger.recover().await.unwrap().deleting_knowledge_bases, std::slice::from_ref(&id));

    assert_eq!(ledger.forget_knowledge_base(&id).await.unwrap(), ["01".repeat(32)]);
    let error = ledger.get_knowledge_base(&id).await.unwrap_err();
    assert!(matches!(error, LedgerError::NotFound { what: "knowledge base", .. }), "{error:?}");
    ledger.create_knowledge_base(new_base("support")).await.unwrap();
    let counts = ledger.count_documents(&id, &Access::EVERYTHING).await.unwrap();
    assert_eq!(counts, DocumentCounts::default());
    let inserted = ledger.insert_document(new_document("support", 1)).await.unwrap();
    assert!(matches!(inserted, Inserted::New(_)));
}

#[tokio::test]
async fn unknown_ones_are_not_found() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = KnowledgeBaseId::new("absent");
    for error in [
        ledger.get_knowledge_base(&id).await.unwrap_err(),
        ledger.delete_knowledge_base(&id).await.unwrap_err(),
        ledger.forget_knowledge_base(&id).await.unwrap_err(),
        ledger.insert_document(new_document("absent", 1)).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "knowledge base `absent` does not exist");
        assert_eq!(error.fault(), Fault::User);
    }
}

#[tokio::test]
async fn bad_values_are_refused_by_name() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let good = || new_base("support");
    for (new, name) in [
        (NewKnowledgeBase { id: "../etc".into(), ..good() }, "id"),
        (NewKnowledgeBase { title: String::new(), ..good() }, "title"),
        (NewKnowledgeBase { embedding_model: "".into(), ..good() }, "embedding_model"),
        (NewKnowledgeBase { language: "français".to_owned(), ..good() }, "language"),
    ] {
        let error = ledger.create_knowledge_base(new).await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name),
            "{error:?}"
        );
    }
}
