//! Opens tables of passages and drops those of a knowledge base.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use intramuros_types::{KnowledgeBaseId, ModelId};
use lancedb::{Connection, ObjectStoreRegistry, Session};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::schema::{describe, metadata, schema};
use crate::stale::Stale;
use crate::table::MARK;
use crate::{PassageTable, StoreError, WriteGate, maintenance};

/// What indexes keep in memory at most; beyond, they are read from files again.
const INDEX_CACHE_BYTES: usize = 1 << 30;
/// What descriptions of files keep in memory at most.
const METADATA_CACHE_BYTES: usize = 256 << 20;
/// Longest vector; far beyond any encoder.
const MAX_DIMENSION: usize = 16_384;
/// Characters of the model's id that the table's name shows.
const MODEL_CHARS: usize = 30;

/// The identity of a table: vectors of different models or lengths never meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableSpec {
    /// The knowledge base, `[a-z0-9][a-z0-9-]{0,62}`.
    pub knowledge_base: KnowledgeBaseId,
    /// The encoder of the vectors.
    pub model: ModelId,
    /// Length of the vectors, 1 to 16,384.
    pub dimension: usize,
    /// Tells apart tables of the same encoder; each index of a knowledge base has its own.
    pub generation: u32,
}

impl TableSpec {
    /// `<knowledge base>.<model>-<hash>.<dimension>[.g<generation>]`: readable, and safe as a file name whatever
    /// the model is called. The hash keeps apart models whose names look alike once cleaned.
    pub(crate) fn table_name(&self) -> Result<String, StoreError> {
        let prefix = table_prefix(&self.knowledge_base)?;
        if self.dimension == 0 || self.dimension > MAX_DIMENSION {
            let reason = format!("is {}, it must be 1 to {MAX_DIMENSION}", self.dimension);
            return Err(StoreError::invalid("dimension", reason));
        }
        let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let model: String = self.model.as_str().chars().take(MODEL_CHARS).map(safe).collect();
        let hash = hex::encode(&Sha256::digest(self.model.as_str())[..4]);
        let dimension = self.dimension;
        Ok(match self.generation {
            0 => format!("{prefix}{model}-{hash}.{dimension}"),
            later => format!("{prefix}{model}-{hash}.{dimension}.g{later}"),
        })
    }
}

/// What the names of a knowledge base's tables begin with. A slug has no dot, so no other
/// knowledge base shares it.
fn table_prefix(id: &KnowledgeBaseId) -> Result<String, StoreError> {
    let slug = id.as_str();
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let sound = slug.len() <= 63
        && slug.bytes().next().is_some_and(alphanumeric)
        && slug.bytes().all(|byte| alphanumeric(byte) || byte == b'-');
    if !sound {
        let reason = "must be 1 to 63 lower-case letters, digits or hyphens, \
                      the first one not a hyphen";
        return Err(StoreError::invalid("knowledge_base", reason));
    }
    Ok(format!("{slug}."))
}

/// A LanceDB database. Clones share everything.
///
/// One process at a time may use a location: its tables see what they write themselves, not what
/// others do, and maintenance removes the files of old versions.
#[derive(Clone)]
pub struct Store {
    connection: Connection,
    /// The folder, unless the database is an object store.
    folder: Option<PathBuf>,
    gate: WriteGate,
    /// Every table that was opened, by name, so that all handles on one share its locks. Held for a
    /// look.
    tables: Arc<Mutex<HashMap<String, PassageTable>>>,
    /// Held while a table is opened, created or dropped; these are rare. Taken before `tables`, and
    /// before the gate is passed: a backup that is waited for here keeps nobody from a table that is
    /// open.
    making: Arc<Mutex<()>>,
}

impl Store {
    /// Opens the database in the folder `location`, which is created if missing, or at an
    /// object-store address such as `s3://bucket/path`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn open(location: &str) -> Result<Self, StoreError> {
        let connection = lancedb::connect(location)
            // Its handles see what they write themselves, and nobody else writes: no look for a
            // newer version at each read.
            .session(Arc::new(Session::new(
                INDEX_CACHE_BYTES,
                METADATA_CACHE_BYTES,
                Arc::new(ObjectStoreRegistry::default()),
            )))
            .execute()
            .await
            .map_err(StoreError::database("open its folder"))?;
        let path = location.strip_prefix("file://").unwrap_or(location);
        let folder = (!path.contains("://")).then(|| PathBuf::from(path));
        if let Some(parent) = folder.as_deref().and_then(Path::parent) {
            sync_folder(parent).await?;
        }
        let gate = WriteGate::default();
        let (tables, making) = (Arc::default(), Arc::default());
        Ok(Self { connection, folder, gate, tables, making })
    }

    /// The same database, of whose tables nothing changes while `gate` is shut. To be called before
    /// tables are opened.
    #[must_use]
    pub fn with_gate(self, gate: WriteGate) -> Self {
        Self { gate, ..self }
    }

    /// Opens the table of `spec`, which is created if missing.
    ///
    /// # Errors
    /// `Invalid` for a knowledge base that is not a slug or an impossible dimension; `Mismatch`
    /// for a table of another schema version; `Database`; `Io`.
    pub async fn table(&self, spec: &TableSpec) -> Result<PassageTable, StoreError> {
        let name = spec.table_name()?;
        if let Some(table) = self.open_table(&name).await {
            return Ok(table);
        }
        let _making = self.making.lock().await;
        if let Some(table) = self.open_table(&name).await {
            return Ok(table);
        }
        // It may have to be made.
        let _pass = self.gate.pass().await?;
        let inner = match self.connection.open_table(&name).execute().await {
            Ok(inner) => inner,
            Err(lancedb::Error::TableNotFound { .. }) => self
                .connection
                .create_empty_table(&name, schema(spec))
                .execute()
                .await
                .map_err(StoreError::database("create a table"))?,
            Err(error) => return Err(StoreError::database("open a table")(error)),
        };
        let found = inner.schema().await.map_err(StoreError::database("read a table's schema"))?;
        check_schema(&name, spec, &found)?;
        // A crash may have come between the table and its index.
        maintenance::ensure_full_text_index(&inner).await?;
        let folder = self.folder.as_deref().map(|folder| folder.join(format!("{name}.lance")));
        if let Some(folder) = &self.folder {
            sync_folder(folder).await?;
        }
        let table = PassageTable::new(spec.clone(), inner, folder, self.gate.clone());
        self.tables.lock().await.insert(name, table.clone());
        Ok(table)
    }

    async fn open_table(&self, name: &str) -> Option<PassageTable> {
        self.tables.lock().await.get(name).cloned()
    }

    /// Erases every table of the knowledge base, whatever its model; none is fine. Handles that
    /// are still held answer `Dropped` from now on.
    ///
    /// # Errors
    /// `Invalid` for an id that is not a slug; `Database`; `Io`.
    pub async fn drop_knowledge_base(&self, id: &KnowledgeBaseId) -> Result<(), StoreError> {
        let prefix = table_prefix(id)?;
        self.drop_tables(|name| name.starts_with(&prefix)).await
    }

    /// Erases the table of `spec`; none is fine. Handles that are still held answer `Dropped` from
    /// now on.
    ///
    /// # Errors
    /// `Invalid` for an impossible specification; `Database`; `Io`.
    pub async fn drop_table(&self, spec: &TableSpec) -> Result<(), StoreError> {
        let wanted = spec.table_name()?;
        self.drop_tables(|name| name == wanted).await
    }

    async fn drop_tables(&self, is_wanted: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let _making = self.making.lock().await;
        for name in self.table_names().await? {
            if !is_wanted(&name) {
                continue;
            }
            let open = self.tables.lock().await.remove(&name);
            // Waits for the reads and writes in progress; later ones see that the table is gone.
            let gate = match &open {
                Some(table) => Some(table.close().await),
                None => None,
            };
            // Not before: a writer that is waited for may be waiting for a backup itself.
            let _pass = self.gate.pass().await?;
            let dropped = self.connection.drop_table(&name, &[]).await;
            drop(gate);
            dropped.map_err(StoreError::database("drop a table"))?;
            if let Some(folder) = &self.folder {
                Stale::open(Some(folder.join(format!("{name}.{MARK}")))).clear().await?;
            }
        }
        if let Some(folder) = &self.folder {
            sync_folder(folder).await?;
        }
        Ok(())
    }

    async fn table_names(&self) -> Result<Vec<String>, StoreError> {
        const PAGE: u32 = 1000;
        let mut names: Vec<String> = Vec::new();
        loop {
            let mut request = self.connection.table_names().limit(PAGE);
            if let Some(last) = names.last() {
                request = request.start_after(last);
            }
            let page = request.execute().await.map_err(StoreError::database("list its tables"))?;
            if page.is_empty() {
                return Ok(names);
            }
            names.extend(page);
        }
    }
}

fn check_schema(
    name: &str,
    spec: &TableSpec,
    found: &arrow_schema::Schema,
) -> Result<(), StoreError> {
    let expected = schema(spec);
    let wanted = metadata(spec);
    let same = wanted.iter().all(|(key, value)| found.metadata().get(key) == Some(value));
    if same && found.fields() == expected.fields() {
        return Ok(());
    }
    let mut description = describe(found.metadata());
    if same {
        description.push_str(" with other columns");
    }
    Err(StoreError::Mismatch {
        table: name.to_owned(),
        found: description,
        expected: describe(&wanted),
    })
}

/// Makes the appearance and the removal of what is directly in `folder` durable.
async fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    // The parent of a relative path of one part is empty.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned();
    let opened = folder.clone();
    tokio::task::spawn_blocking(move || std::fs::File::open(opened)?.sync_all())
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(StoreError::io("synchronise", &folder))
}

#[cfg(test)]
mod tests;
