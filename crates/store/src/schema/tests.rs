//! Tests that rows come back from their columns as they went in.

use intramuros_types::{Chunk, DocumentId, Span};

use super::{from_batch, rows, to_batch, tokens};
use crate::{PassageDetails, PassageRow, TableSpec};

fn spec() -> TableSpec {
    TableSpec { knowledge_base: "support".into(), model: "e5".into(), dimension: 2, generation: 0 }
}

fn full() -> PassageRow {
    PassageRow {
        document: DocumentId::new("doc_1"),
        title: "Guide".to_owned(),
        chunk: Chunk {
            ordinal: 3,
            text: "L'été".to_owned(),
            span: Span::new(10, 15),
            pages: Some((2, 3)),
            section_path: vec!["A".to_owned(), "B".to_owned()],
            words: Vec::new(),
        },
        language: Some("fr".to_owned()),
        details: PassageDetails {
            labels: vec!["rh".to_owned(), "direction".to_owned()],
            metadata: [("service".to_owned(), "paie = cœur".to_owned())].into(),
            written: Some(20_000),
        },
        tokens: vec![1, 2, 255],
        vector: vec![1.0, 0.0],
    }
}

#[track_caller]
fn check(row: &PassageRow) {
    let batch = to_batch(&spec(), std::slice::from_ref(row)).unwrap();
    let found = from_batch(&batch).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id.as_str(), "doc_1:3");
    assert_eq!(found[0].document, row.document);
    assert_eq!(found[0].title, row.title);
    assert_eq!(found[0].chunk, row.chunk);
    assert_eq!(found[0].language, row.language);
    assert_eq!(found[0].details, row.details);
    assert_eq!(tokens(&batch).unwrap()[0], row.tokens);
    assert_eq!(rows(&batch).unwrap(), std::slice::from_ref(row));
}

#[test]
fn rows_come_back_as_they_were() {
    check(&full());
    let details = PassageDetails::default();
    let mut bare = PassageRow { language: None, details, tokens: Vec::new(), ..full() };
    bare.chunk.pages = None;
    bare.chunk.section_path = Vec::new();
    bare.chunk.text = String::new();
    check(&bare);
}

#[test]
fn a_missing_column_is_named() {
    let batch = to_batch(&spec(), &[full()]).unwrap().project(&[0, 1]).unwrap();
    let error = from_batch(&batch).unwrap_err();
    assert_eq!(error, "column `title` is missing or of another type");
}
