//! Makes small tables for the tests of this crate.

use std::borrow::Borrow;
use std::ops::Deref;
use std::path::Path;

use intramuros_types::{Access, Chunk, DocumentId, Span};
use tempfile::TempDir;

use crate::{
    Filter, Found, PassageDetails, PassageRow, PassageTable, Snapshot, Store, StoreError,
    StoredPassage, TableSpec,
};

pub(crate) const DIMENSION: usize = 8;

/// A store in its own folder, with one table open.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) table: PassageTable,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&location(folder.path())).await.unwrap();
        let table = store.table(&spec("support")).await.unwrap();
        Self { folder, store, table }
    }

    /// A table with one document per text, `doc_0`, `doc_1` …
    pub(crate) async fn with_texts(texts: &[&str]) -> Self {
        let fixture = Self::new().await;
        for (number, text) in texts.iter().enumerate() {
            let document = format!("doc_{number}");
            fixture.replace(&document, vec![row(&document, 0, text)]).await;
        }
        fixture
    }

    pub(crate) async fn replace(&self, document: &str, rows: Vec<PassageRow>) {
        self.table.replace_document(&document.into(), rows).await.unwrap();
    }

    /// Another process's view of the same folder.
    pub(crate) async fn reopen(&self) -> PassageTable {
        let store = Store::open(&location(self.folder.path())).await.unwrap();
        store.table(&spec("support")).await.unwrap()
    }
}

pub(crate) fn location(folder: &Path) -> String {
    folder.join("lance").to_str().unwrap().to_owned()
}

pub(crate) fn spec(knowledge_base: &str) -> TableSpec {
    TableSpec {
        knowledge_base: knowledge_base.into(),
        model: "multilingual-e5-small".into(),
        dimension: DIMENSION,
        generation: 0,
    }
}

/// A passage whose vector points along axis `ordinal`.
pub(crate) fn row(document: &str, ordinal: u32, text: &str) -> PassageRow {
    let chars = u32::try_from(text.chars().count()).unwrap();
    PassageRow {
        document: DocumentId::new(document),
        title: "Notice".to_owned(),
        chunk: Chunk {
            ordinal,
            text: text.to_owned(),
            span: Span::new(0, chars),
            pages: Some((1, 1)),
            section_path: vec!["Chapitre".to_owned()],
            words: Vec::new(),
        },
        language: Some("fr".to_owned()),
        details: PassageDetails::default(),
        tokens: Vec::new(),
        vector: axis(ordinal as usize),
    }
}

pub(crate) fn labelled(document: &str, text: &str, labels: &[&str]) -> PassageRow {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let details = PassageDetails { labels, ..PassageDetails::default() };
    PassageRow { details, ..row(document, 0, text) }
}

/// Lets everything through.
pub(crate) fn all() -> Filter {
    Filter::readable_by(Access::EVERYTHING)
}

/// The unit vector along axis `number`, modulo the dimension.
pub(crate) fn axis(number: usize) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSION];
    vector[number % DIMENSION] = 1.0;
    vector
}

/// A passage that was found, with its score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scored {
    passage: StoredPassage,
    pub(crate) score: f32,
}

impl Deref for Scored {
    type Target = StoredPassage;

    fn deref(&self) -> &StoredPassage {
        &self.passage
    }
}

impl Borrow<StoredPassage> for Scored {
    fn borrow(&self) -> &StoredPassage {
        &self.passage
    }
}

impl PassageTable {
    pub(crate) async fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Scored>, StoreError> {
        let snapshot = self.snapshot().await?;
        let found = snapshot.nearest(vector, k, filter).await?;
        scored(&snapshot, found).await
    }

    pub(crate) async fn full_text(
        &self,
        query: &str,
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Scored>, StoreError> {
        let snapshot = self.snapshot().await?;
        let found = snapshot.full_text(query, k, filter).await?;
        scored(&snapshot, found).await
    }
}

async fn scored(snapshot: &Snapshot, found: Vec<Found>) -> Result<Vec<Scored>, StoreError> {
    let rows: Vec<_> = found.iter().map(|found| found.row).collect();
    let passages = snapshot.passages(&rows).await?;
    let scores = found.into_iter().map(|found| found.score);
    Ok(passages.into_iter().zip(scores).map(|(passage, score)| Scored { passage, score }).collect())
}

/// The documents of `found`, in order.
pub(crate) fn documents(found: &[Scored]) -> Vec<&str> {
    found.iter().map(|passage| passage.document.as_str()).collect()
}
