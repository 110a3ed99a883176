//! Opens the ledger's file, brings its schema up to date and checks it.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqlitePool};
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore, watch};

use crate::LedgerError;
use crate::error::is_damage;
use crate::migrations::migrations;
use crate::moment::{Clock, from_millis};

mod copy;

/// SQLite has one writer at a time; a few connections let readers go on beside it.
const MAX_CONNECTIONS: u32 = 4;
/// How long a statement waits for another writer. Transactions here are milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Passwords that are hashed at the same time.
const MAX_HASHING: usize = 2;
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// How large the ledger is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerSize {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its write-ahead log.
    pub log_bytes: u64,
}

/// A handle on the ledger. Clones share the connections; several handles, also in several
/// processes, may have the same file open.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) pool: SqlitePool,
    pub(crate) clock: Clock,
    /// Places for hashing passwords, which takes 19 MiB and a core each time.
    pub(crate) hashing: Arc<Semaphore>,
    /// Counts what was put into the outbox of this handle and its clones, so that who sends it need
    /// not wait for the next look. Ends with the last of them.
    pub(crate) outbox: watch::Sender<u64>,
    /// Told whenever a job may have become due, or something else be wanted of one. The runner of
    /// this process waits for it; other processes find out when they look.
    pub(crate) jobs_changed: Arc<Notify>,
    path: PathBuf,
}

impl Ledger {
    /// Opens the file at `path`, created if missing (its folder must exist), and applies the
    /// migrations that it lacks, after a copy of it was made (`<name>.sqlite.v<version>`).
    ///
    /// # Errors
    /// `Newer` for a file of a newer version; `Damaged` for a file that is not a sound database;
    /// `Migration`; `Database`; `Io`, when the copy cannot be made.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with_clock(path, Clock::system()).await
    }

    /// Opens the file at `path` as it is, beside a server that may have it open: nothing is created
    /// and nothing is migrated, so an older file stays one.
    ///
    /// # Errors
    /// As [`Ledger::open`], also for a missing file.
    pub async fn open_as_is(path: &Path) -> Result<Self, LedgerError> {
        Self::connect(path, options(path).create_if_missing(false), Clock::system())
            .await?
            .known()
            .await
    }

    /// Opens the file at `path` to work on it beside a server that may have it open. It must be there
    /// and have this program's schema: only who has the data directory to themselves changes that.
    ///
    /// # Errors
    /// As [`Ledger::open_as_is`]; `Older`.
    pub async fn open_existing(path: &Path) -> Result<Self, LedgerError> {
        let ledger = Self::open_as_is(path).await?;
        let supported = supported();
        match ledger.schema_version().await {
            Ok(Some(found)) if found == supported => Ok(ledger),
            Ok(found) => {
                ledger.pool.close().await;
                Err(LedgerError::Older { found: found.unwrap_or(0), supported })
            }
            Err(error) => {
                ledger.pool.close().await;
                Err(error)
            }
        }
    }

    /// Opens a copy at `path`, which nobody else may write to, to read it. Neither the file nor its
    /// folder is changed, so that they may be on a disk that cannot be written.
    ///
    /// # Errors
    /// As [`Ledger::open`], also for a missing file.
    pub async fn open_copy(path: &Path) -> Result<Self, LedgerError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        Self::connect(path, options, Clock::system()).await?.known().await
    }

    /// Like [`Ledger::open`], with a clock of the caller's.
    ///
    /// # Errors
    /// Those of [`Ledger::open`].
    pub async fn open_with_clock(path: &Path, clock: Clock) -> Result<Self, LedgerError> {
        let options = options(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        make(path)?;
        let ledger = Self::connect(path, options, clock).await?;
        if let Err(error) = ledger.migrate().await {
            ledger.pool.close().await;
            return Err(error);
        }
        Ok(ledger)
    }

    async fn connect(
        path: &Path,
        options: SqliteConnectOptions,
        clock: Clock,
    ) -> Result<Self, LedgerError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // On a full disk SQLite ends a transaction by itself, and sqlx goes on believing that the
            // connection is in it: every later transaction on it would fail.
            .before_acquire(|connection, _| {
                let clean = !connection.is_in_transaction();
                Box::pin(async move { Ok(clean) })
            })
            .connect_with(options)
            .await
            .map_err(|error| damage_or_database(path, "be opened", error))?;
        let hashing = Arc::new(Semaphore::new(MAX_HASHING));
        let outbox = watch::Sender::new(0);
        let jobs_changed = Arc::default();
        Ok(Self { pool, clock, hashing, outbox, jobs_changed, path: path.to_owned() })
    }

    /// This ledger, unless a newer version wrote its file.
    async fn known(self) -> Result<Self, LedgerError> {
        let supported = supported();
        let checked = match self.schema_version().await {
            Ok(Some(found)) if found > supported => Err(LedgerError::Newer { found, supported }),
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(self.damaged("it has no tables".to_owned())),
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            self.pool.close().await;
            return Err(error);
        }
        Ok(self)
    }

    /// Writes what the ledger holds at this moment to a new file at `path`, on disk when this
    /// returns. Others may write meanwhile.
    ///
    /// # Errors
    /// `Database`, when the disk is full or the file exists for example; `Io`.
    pub async fn copy_to(&self, path: &Path) -> Result<(), LedgerError> {
        copy::write(&self.pool, path, "be copied").await
    }

    /// The time by the ledger's clock, to the millisecond.
    pub fn now(&self) -> OffsetDateTime {
        from_millis(self.clock.now())
    }

    /// Told whenever a job of this handle, or of a clone of it, may have become due, or something
    /// else be wanted of one. For one waiter.
    pub fn jobs_changed(&self) -> &Notify {
        &self.jobs_changed
    }

    /// Waits for the statements in progress, then closes the file. Further calls on any clone
    /// fail. Dropping the ledger without closing it loses nothing.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Checks the structure of the file and the references between its records; reads all of it.
    ///
    /// # Errors
    /// `Damaged` with what SQLite found; `Database`.
    pub async fn check(&self) -> Result<(), LedgerError> {
        let found: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(10)")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| damage_or_database(&self.path, "check its file", error))?;
        if found != ["ok"] {
            return Err(self.damaged(found.join("; ")));
        }
        let orphans = sqlx::query("PRAGMA foreign_key_check")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| damage_or_database(&self.path, "check its references", error))?;
        if !orphans.is_empty() {
            return Err(self.damaged(format!("{} records refer to nothing", orphans.len())));
        }
        Ok(())
    }

    /// Checks that records can be written: that the file is there, may be changed, and that no other
    /// writer holds it. Writes nothing. The caller bounds how long it waits for another writer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn check_writable(&self) -> Result<(), LedgerError> {
        const OPERATION: &str = "begin to write";
        let transaction = self.begin_write(OPERATION).await?;
        transaction.rollback().await.map_err(LedgerError::database(OPERATION))
    }

    /// How large the file is. Blocks on the file system for two looks.
    pub fn size(&self) -> LedgerSize {
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        LedgerSize { bytes: length(&self.path), log_bytes: length(Path::new(&log)) }
    }

    async fn migrate(&self) -> Result<(), LedgerError> {
        let supported = supported();
        match self.schema_version().await? {
            Some(found) if found > supported => {
                return Err(LedgerError::Newer { found, supported });
            }
            Some(found) if found < supported => copy::make(&self.pool, &self.path, found).await?,
            Some(_) | None => {}
        }
        migrations().run(&self.pool).await.map_err(LedgerError::Migration)
    }

    /// The newest migration that the file has seen; `None` for a fresh file.
    ///
    /// # Errors
    /// `Damaged`; `Database`.
    pub async fn schema_version(&self) -> Result<Option<i64>, LedgerError> {
        let failed = |error| damage_or_database(&self.path, "read its schema version", error);
        // The table of the migrations, which sqlx creates with the first one.
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'")
                .fetch_all(&self.pool)
                .await
                .map_err(failed)?;
        if tables.is_empty() {
            return Ok(None);
        }
        sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&self.pool)
            .await
            .map_err(failed)
    }

    /// Starts a transaction that is the writer from its first statement. A plain one would become
    /// it at its first write and fail there when another one wrote since.
    pub(crate) async fn begin_write(
        &self,
        operation: &'static str,
    ) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, LedgerError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(LedgerError::database(operation))
    }

    /// Empties the write-ahead log, which still has what was just erased, and removes the copy that
    /// was made before the last migration. Called after the erasure is committed, so a failure (a
    /// reader that stays, a full disk) is no failure of the erasure: the caller must still learn
    /// which files to remove. The next one does it.
    pub(crate) async fn forget_erased(&self) {
        if let Err(error) = copy::remove(&self.path) {
            tracing::warn!(%error, "an old copy of the ledger was not removed");
        }
        let emptied = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.pool)
            .await;
        match emptied {
            Ok(0) => {}
            Ok(_) => tracing::warn!("the ledger's log is in use; erased names leave it later"),
            Err(error) => tracing::warn!(%error, "the ledger's log was not emptied"),
        }
    }

    fn damaged(&self, detail: String) -> LedgerError {
        LedgerError::Damaged { path: self.path.clone(), detail }
    }
}

/// Makes the file, if there is none, for its owner only; what SQLite puts beside it follows it. In a
/// folder that others can read it would be theirs to read, too.
fn make(path: &Path) -> Result<(), LedgerError> {
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(LedgerError::Io { path: path.to_owned(), source })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// How a file that is not a mere copy is opened.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten, not only unlinked: erasure is real.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT)
}

/// The newest schema version that this program knows.
fn supported() -> i64 {
    migrations().iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn damage_or_database(path: &Path, operation: &'static str, error: sqlx::Error) -> LedgerError {
    if is_damage(&error) {
        return LedgerError::Damaged { path: path.to_owned(), detail: error.to_string() };
    }
    LedgerError::Database { operation, source: error }
}

#[cfg(test)]
pub(crate) mod tests;
