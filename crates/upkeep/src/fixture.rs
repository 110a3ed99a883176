//! Makes small data directories for the tests of this crate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use intramuros_ledger::{
    Chunking, DocumentDetails, DocumentFacts, INGEST, Inserted, Ledger, NewDocument,
    NewKnowledgeBase,
};
use intramuros_store::{
    Blobs, PassageDetails, PassageRow, PassageTable, Store, TableSpec, WriteGate,
};
use intramuros_types::{Chunk, DocumentId, KnowledgeBaseId, ModelId, Span};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::{BackupReport, BackupRequest, UpkeepError, create};

const DIMENSION: u32 = 8;
const MINUTE: Duration = Duration::from_secs(60);

/// A data directory with one knowledge base, as a server has it, and a place for backups.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        std::fs::create_dir(&data_dir).unwrap();
        let ledger = Ledger::open(&data_dir.join("ledger.sqlite")).await.unwrap();
        let gate = WriteGate::open(&data_dir).unwrap();
        let lance = data_dir.join("lance");
        let store = Store::open(lance.to_str().unwrap()).await.unwrap().with_gate(gate.clone());
        let blobs = Blobs::open(&data_dir.join("blobs")).unwrap().with_gate(gate);
        let new = NewKnowledgeBase {
            id: KnowledgeBaseId::new("support"),
            title: "Assistance".to_owned(),
            embedding_model: ModelId::new("multilingual-e5-small"),
            language: "fr".to_owned(),
            dimension: DIMENSION,
            chunking: Chunking { version: 1, target_tokens: 220, max_tokens: 400 },
        };
        ledger.create_knowledge_base(new).await.unwrap();
        Self { folder, ledger, store, blobs }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn destination(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    pub(crate) async fn table(&self) -> PassageTable {
        let spec = TableSpec {
            knowledge_base: KnowledgeBaseId::new("support"),
            model: ModelId::new("multilingual-e5-small"),
            dimension: DIMENSION as usize,
            generation: 0,
        };
        self.store.table(&spec).await.unwrap()
    }

    /// A document that is ready, with `passages` of the words `text`.
    pub(crate) async fn add(&self, text: &str, passages: u32) -> DocumentId {
        let sha256 = self.blobs.put(text.as_bytes()).unwrap();
        let new = NewDocument {
            knowledge_base: KnowledgeBaseId::new("support"),
            file_name: format!("{text}.txt"),
            media_type: "text/plain".to_owned(),
            bytes: text.len() as u64,
            sha256,
            details: DocumentDetails::default(),
            parent: None,
        };
        let base = new.knowledge_base.clone();
        let inserted = self.ledger.insert_document(new).await.unwrap();
        assert!(matches!(inserted, Inserted::New(_)), "{text} is there already");
        let claimed = self.ledger.claim_job("test", &[INGEST], MINUTE).await.unwrap();
        let (lease, _) = claimed.expect("the document has a job");
        let record = self.ledger.claim_document(&lease, &base, None).await.unwrap().unwrap();
        let rows = (0..passages).map(|ordinal| row(&record.id, ordinal, text)).collect();
        self.table().await.replace_document(&record.id, rows).await.unwrap();
        let facts =
            DocumentFacts { title: text.to_owned(), chunks: passages, ..DocumentFacts::default() };
        self.ledger.finish_document(&record, facts).await.unwrap();
        assert!(self.ledger.finish_ingest(&lease, &base).await.unwrap());
        record.id
    }

    /// A backup at the second `at`.
    pub(crate) async fn back_up(
        &self,
        at: i64,
        keep: Option<usize>,
    ) -> Result<BackupReport, UpkeepError> {
        create(BackupRequest {
            data_dir: self.data_dir(),
            destination: self.destination(),
            keep,
            now: OffsetDateTime::from_unix_timestamp(1_767_225_600 + at).unwrap(),
        })
        .await
    }
}

fn row(document: &DocumentId, ordinal: u32, text: &str) -> PassageRow {
    let chars = u32::try_from(text.chars().count()).unwrap();
    let mut vector = vec![0.1; DIMENSION as usize];
    vector[ordinal as usize % DIMENSION as usize] = 1.0;
    PassageRow {
        document: document.clone(),
        title: "Notice".to_owned(),
        chunk: Chunk {
            ordinal,
            text: text.to_owned(),
            span: Span::new(0, chars),
            pages: None,
            section_path: Vec::new(),
            words: Vec::new(),
        },
        language: Some("fr".to_owned()),
        details: PassageDetails::default(),
        tokens: Vec::new(),
        vector,
    }
}

/// The names directly in `folder`, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}
