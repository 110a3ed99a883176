//! Tests opening, migrating, sharing and checking the ledger's file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use intramuros_types::{Access, Fault, KnowledgeBaseId, ModelId};
use sqlx::Connection as _;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::Ledger;
use crate::migrations::migrations;
use crate::moment::{Clock, from_millis};
use crate::{Chunking, DocumentDetails, Inserted, LedgerError, NewDocument, NewKnowledgeBase};

/// 2026-01-01, where the time of every test stands.
const START_MILLIS: i64 = 1_767_225_600_000;

/// A ledger in its own folder, with a clock that only the test moves.
pub(crate) struct Fixture {
    pub(crate) ledger: Ledger,
    pub(crate) folder: TempDir,
    millis: Arc<AtomicI64>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let millis = Arc::new(AtomicI64::new(START_MILLIS));
        let ledger = open(&folder.path().join("ledger.sqlite"), &millis).await;
        Self { ledger, folder, millis }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        from_millis(self.millis.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: time::Duration) {
        let millis = i64::try_from(by.whole_milliseconds()).unwrap();
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Another handle on the same file, with the same clock.
    pub(crate) async fn second(&self) -> Ledger {
        open(&self.path(), &self.millis).await
    }

    pub(crate) async fn with_base(id: &str) -> Self {
        let fixture = Self::new().await;
        fixture.ledger.create_knowledge_base(new_base(id)).await.unwrap();
        fixture
    }
}

async fn open(path: &Path, millis: &Arc<AtomicI64>) -> Ledger {
    let millis = millis.clone();
    let clock = Clock::from_fn(move || from_millis(millis.load(Ordering::SeqCst)));
    Ledger::open_with_clock(path, clock).await.unwrap()
}

pub(crate) fn new_base(id: &str) -> NewKnowledgeBase {
    NewKnowledgeBase {
        id: KnowledgeBaseId::new(id),
        title: "Assistance".to_owned(),
        embedding_model: ModelId::new("multilingual-e5-small"),
        language: "fr".to_owned(),
        dimension: 384,
        chunking: Chunking { version: 1, target_tokens: 220, max_tokens: 400 },
    }
}

/// A file whose content is told apart by `content`.
pub(crate) fn new_document(base: &str, content: u8) -> NewDocument {
    NewDocument {
        knowledge_base: KnowledgeBaseId::new(base),
        file_name: format!("fichier {content}.pdf"),
        media_type: "application/pdf".to_owned(),
        bytes: 1000 + u64::from(content),
        sha256: format!("{content:02x}").repeat(32),
        details: DocumentDetails::default(),
        parent: None,
    }
}

#[tokio::test]
async fn what_was_written_survives_a_drop_without_close() {
    let fixture = Fixture::with_base("support").await;
    fixture.ledger.insert_document(new_document("support", 1)).await.unwrap();
    let path = fixture.path();
    // A copy of the files as they are while the ledger is open is what `kill -9` leaves.
    let copy = tempfile::tempdir().unwrap();
    for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
        std::fs::copy(path.with_file_name(name), copy.path().join(name)).unwrap();
    }
    drop(fixture.ledger);

    for path in [path, copy.path().join("ledger.sqlite")] {
        let ledger = Ledger::open(&path).await.unwrap();
        let counts = ledger.count_documents(&"support".into(), &Access::EVERYTHING).await.unwrap();
        assert_eq!(counts.pending, 1);
        ledger.check().await.unwrap();
        ledger.close().await;
    }
}

#[tokio::test]
async fn connections_are_durable_and_hold_references() {
    let fixture = Fixture::new().await;
    let pool = &fixture.ledger.pool;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(pool).await.unwrap();
    let references: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(pool).await.unwrap();
    assert_eq!((journal.as_str(), synchronous, references), ("wal", 2, 1));
}

#[tokio::test]
async fn two_handles_see_and_refuse_the_same() {
    let fixture = Fixture::with_base("support").await;
    let second = fixture.second().await;
    let error = second.create_knowledge_base(new_base("support")).await.unwrap_err();
    assert_eq!(error.to_string(), "knowledge base `support` already exists");

    let (ledger, new) = (&fixture.ledger, || new_document("support", 7));
    let (one, two) = tokio::join!(ledger.insert_document(new()), second.insert_document(new()));
    let is_new = |inserted: Inserted| matches!(inserted, Inserted::New(_));
    assert_ne!(is_new(one.unwrap()), is_new(two.unwrap()));
}

/// Everything but the last migration, as the version before left it.
async fn older_file(path: &Path) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let all = crate::migrations::migrations();
    let before: Vec<_> = all.iter().take(all.iter().count() - 1).cloned().collect();
    let version = before.last().unwrap().version;
    sqlx::migrate::Migrator::with_migrations(before).run(&pool).await.unwrap();
    pool.close().await;
    version
}

#[tokio::test]
async fn a_migration_leaves_a_copy_until_something_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let version = older_file(&path).await;
    // Of the upgrade before: one copy is enough.
    let older = path.with_extension("sqlite.v1");
    std::fs::write(&older, "").unwrap();
    let ledger = Ledger::open(&path).await.unwrap();
    let copy = path.with_extension(format!("sqlite.v{version}"));
    assert!(copy.exists() && !older.exists());
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&copy);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let newest: i64 = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(newest, version);
    pool.close().await;

    // Nothing to migrate: nothing to copy, and the copy stays.
    ledger.close().await;
    let ledger = Ledger::open(&path).await.unwrap();
    assert!(copy.exists());
    ledger.create_knowledge_base(new_base("support")).await.unwrap();
    let inserted = ledger.insert_document(new_document("support", 1)).await.unwrap();
    let Inserted::New(document) = inserted else { panic!("{inserted:?}") };
    ledger.mark_deleting(&document.id).await.unwrap();
    ledger.forget_document(&document.id).await.unwrap();
    assert!(!copy.exists());
}

#[tokio::test]
async fn without_a_copy_nothing_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let version = older_file(&path).await;
    let in_the_way = path.with_extension("sqlite.partial");
    std::fs::create_dir(&in_the_way).unwrap();
    let error = Ledger::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("sqlite.partial"), "{error}");
    std::fs::remove_dir(&in_the_way).unwrap();
    Ledger::open(&path).await.unwrap();
    assert!(path.with_extension(format!("sqlite.v{version}")).exists());
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let fixture = Fixture::new().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'future', TRUE, x'00', 0)",
    )
    .execute(&fixture.ledger.pool)
    .await
    .unwrap();
    fixture.ledger.close().await;

    let error = Ledger::open(&fixture.path()).await.unwrap_err();
    let newest = migrations().iter().map(|migration| migration.version).max().unwrap();
    let LedgerError::Newer { found: 99, supported } = error else { panic!("{error:?}") };
    assert_eq!((supported, error.fault()), (newest, Fault::Runtime));
    let told = format!("version 99, this program supports up to {newest}");
    assert!(error.to_string().contains(&told), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    std::fs::write(&path, "not a database, but long enough to be read as one".repeat(100)).unwrap();
    let error = Ledger::open(&path).await.unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
    let left = std::fs::read_to_string(&path).unwrap();
    assert!(left.starts_with("not a database"));
}

#[tokio::test]
async fn check_finds_a_damaged_page() {
    let fixture = Fixture::with_base("support").await;
    for content in 0..200 {
        fixture.ledger.insert_document(new_document("support", content)).await.unwrap();
    }
    fixture.ledger.check().await.unwrap();
    fixture.ledger.close().await;
    let mut bytes = std::fs::read(fixture.path()).unwrap();
    // The newest pages: those of the schema, which an opening reads, come first.
    let from = bytes.len() - 8 * 4096;
    bytes[from..].fill(0xA5);
    std::fs::write(fixture.path(), bytes).unwrap();

    let ledger = Ledger::open(&fixture.path()).await.unwrap();
    let error = ledger.check().await.unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_folder_is_an_error_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let error = Ledger::open(&folder.path().join("absent/ledger.sqlite")).await.unwrap_err();
    assert!(matches!(error, LedgerError::Io { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Runtime);
}

#[tokio::test]
async fn calls_after_close_fail() {
    let fixture = Fixture::new().await;
    let clone = fixture.ledger.clone();
    fixture.ledger.close().await;
    assert!(matches!(clone.list_keys().await, Err(LedgerError::Database { .. })));
}

#[tokio::test]
async fn a_disk_that_was_full_leaves_no_connection_behind_that_fails() {
    let fixture = Fixture::new().await;
    let pool = &fixture.ledger.pool;
    // Each connection in turn meets a file that may not grow, in the middle of a transaction.
    let mut connections = Vec::new();
    for _ in 0..super::MAX_CONNECTIONS {
        connections.push(pool.acquire().await.unwrap());
    }
    for mut connection in connections {
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *connection).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        let grown = sqlx::query(
            "INSERT INTO audit_contents (seq, at, sealed) VALUES (1, 1, hex(zeroblob(4000000)))",
        )
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database("grow"));
        assert!(grown.unwrap_err().is_storage_full());
    }
    for number in 0..2 * super::MAX_CONNECTIONS {
        let written = fixture.ledger.create_group(crate::GroupRequest {
            id: format!("g{number}").as_str().into(),
            title: "g".to_owned(),
            labels: Vec::new(),
            denied: Vec::new(),
        });
        written.await.unwrap();
    }
}

#[tokio::test]
async fn a_ledger_that_another_writer_holds_is_not_writable() {
    let fixture = Fixture::new().await;
    fixture.ledger.check_writable().await.unwrap();
    let held = fixture.ledger.begin_write("hold the ledger").await.unwrap();
    let other = fixture.second().await;
    let patience = std::time::Duration::from_millis(50);
    let outcome = tokio::time::timeout(patience, other.check_writable()).await;
    assert!(outcome.is_err(), "the other one waits: {outcome:?}");
    held.rollback().await.unwrap();
    other.check_writable().await.unwrap();
    other.close().await;
    other.check_writable().await.unwrap_err();
}

#[tokio::test]
async fn the_size_is_that_of_the_files() {
    let fixture = Fixture::new().await;
    fixture.ledger.create_knowledge_base(new_base("support")).await.unwrap();
    let size = fixture.ledger.size();
    assert_eq!(size.bytes, std::fs::metadata(fixture.path()).unwrap().len());
    assert!(size.log_bytes > 0, "{size:?}");
}
