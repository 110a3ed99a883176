//! Tests opening, identity and removal of tables.

use intramuros_types::ModelId;

use super::{Store, TableSpec};
use crate::StoreError;
use crate::fixture::{Fixture, all, axis, documents, location, row, spec};

#[tokio::test]
async fn a_reopened_table_has_what_was_stored() {
    let fixture = Fixture::with_texts(&["la pompe", "le moteur"]).await;
    fixture.table.maintain().await.unwrap();
    fixture.replace("later", vec![row("later", 0, "une vanne")]).await;
    let table = fixture.reopen().await;
    assert_eq!(table.count_rows().await.unwrap(), 3);
    for (word, expected) in [("pompe", "doc_0"), ("vanne", "later")] {
        let found = table.full_text(word, 5, &all()).await.unwrap();
        assert_eq!(documents(&found), [expected]);
    }
}

#[tokio::test]
async fn knowledge_bases_models_and_dimensions_do_not_meet() {
    let fixture = Fixture::with_texts(&["la pompe"]).await;
    let model = |name: &str| TableSpec { model: ModelId::new(name), ..spec("support") };
    let others = [
        spec("support-2"),
        TableSpec { dimension: 4, ..spec("support") },
        model("multilingual/e5/small"),
        model("multilingual-e5.small"),
        model("../../etc/passwd"),
        model(&"é".repeat(500)),
    ];
    for spec in others {
        let other = fixture.store.table(&spec).await.unwrap();
        assert_eq!(other.spec(), &spec);
        assert_eq!(other.count_rows().await.unwrap(), 0, "{spec:?}");
    }
    assert_eq!(fixture.table.count_rows().await.unwrap(), 1);
}

#[tokio::test]
async fn handles_on_one_table_share_what_they_see() {
    let fixture = Fixture::new().await;
    let again = fixture.store.table(&spec("support")).await.unwrap();
    fixture.replace("doc", vec![row("doc", 0, "la pompe")]).await;
    assert_eq!(again.count_rows().await.unwrap(), 1);
    fixture.replace("two", vec![row("two", 0, "le moteur")]).await;
    assert_eq!(again.snapshot().await.unwrap().count_rows().await.unwrap(), 2);
    assert_eq!(fixture.reopen().await.count_rows().await.unwrap(), 2);
}

#[tokio::test]
async fn a_table_of_another_schema_is_refused_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let location = location(folder.path());
    let name = spec("support").table_name().unwrap();
    let mut schema = (*crate::schema::schema(&spec("support"))).clone();
    schema.metadata.insert("intramuros.schema".to_owned(), "0".to_owned());
    let connection = lancedb::connect(&location).execute().await.unwrap();
    connection.create_empty_table(&name, schema.into()).execute().await.unwrap();

    let store = Store::open(&location).await.unwrap();
    let error = store.table(&spec("support")).await.err().unwrap();
    assert!(matches!(error, StoreError::Mismatch { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("schema 0,") && message.contains("schema 2,"), "{message}");
}

#[tokio::test]
async fn impossible_specs_are_refused() {
    let fixture = Fixture::new().await;
    for (spec, expected) in [
        (TableSpec { dimension: 0, ..spec("a") }, "dimension"),
        (TableSpec { dimension: 1 << 40, ..spec("a") }, "dimension"),
        (spec("../a"), "knowledge_base"),
        (spec(""), "knowledge_base"),
        (spec("a.b"), "knowledge_base"),
    ] {
        let error = fixture.store.table(&spec).await.err().unwrap();
        assert!(
            matches!(&error, StoreError::Invalid { name, .. } if *name == expected),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn dropping_a_knowledge_base_takes_its_tables_only() {
    let fixture = Fixture::with_texts(&["la pompe"]).await;
    let wide = TableSpec { dimension: 16, ..spec("support") };
    fixture.store.table(&wide).await.unwrap();
    let neighbour = fixture.store.table(&spec("support-2")).await.unwrap();
    neighbour.replace_document(&"doc".into(), vec![row("doc", 0, "x")]).await.unwrap();

    fixture.store.drop_knowledge_base(&"support".into()).await.unwrap();
    fixture.store.drop_knowledge_base(&"support".into()).await.unwrap();

    let error = fixture.table.nearest(&axis(0), 1, &all()).await.unwrap_err();
    assert!(matches!(error, StoreError::Dropped { .. }), "{error:?}");
    assert!(matches!(fixture.table.maintain().await, Err(StoreError::Dropped { .. })));
    let left: Vec<String> = std::fs::read_dir(location(fixture.folder.path()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("support-2."), "{left:?}");
    assert_eq!(neighbour.count_rows().await.unwrap(), 1);
    let fresh = fixture.store.table(&spec("support")).await.unwrap();
    assert_eq!(fresh.count_rows().await.unwrap(), 0);
}
