//! Writes and counts the passages of documents.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatchIterator;
use intramuros_types::DocumentId;
use lancedb::Table;
use tokio::sync::{Mutex, MutexGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::durability::Durability;
use crate::filter::{of_document, of_documents};
use crate::schema::{ID, ORDINAL, to_batch};
use crate::stale::Stale;
use crate::{
    PassageRow, PassageText, Snapshot, StoreError, StoredPassage, TableSpec, WriteGate,
    maintenance, rows,
};

/// The most text of one document, titles and headings counted once per passage. Arrow's string
/// columns end at 2 GiB, and the indexed text repeats the text.
const MAX_TEXT_BYTES: usize = 512 << 20;
/// The most passages that [`PassageTable::passages`] returns.
const MAX_PASSAGES: u32 = 10_000;
const MAX_LABEL_BYTES: usize = 200;
/// Documents that one change of the table removes; bounds its condition.
const AT_ONCE: usize = 1_000;
/// Extension of the file that says that indexes name what is gone.
pub(crate) const MARK: &str = "stale";

/// The passages of one knowledge base under one embedding model. Clones share everything.
///
/// Readers see the newest version at the start of each call, or that of their [`Snapshot`], and never
/// wait for writers, except for the moment in which maintenance removes the files of old versions.
#[derive(Clone)]
pub struct PassageTable {
    shared: Arc<Shared>,
}

struct Shared {
    spec: TableSpec,
    table: Table,
    /// The table's folder, unless it is in an object store.
    folder: Option<PathBuf>,
    /// Keeps backups apart from what changes the rows or removes files. Passed after `writer`, which
    /// may be held for minutes, and with nothing left to wait for: a backup waits for who has passed,
    /// and others for the backup. (Maintenance waits for readers behind it, who wait for nobody.)
    write_gate: WriteGate,
    /// One writer at a time: LanceDB retries writers that collide, but not for ever. Taken before
    /// `gate`.
    writer: Mutex<Writer>,
    /// Shared by every read and write; exclusive while files are removed under their feet.
    gate: Arc<RwLock<Life>>,
}

/// What only the writer needs.
struct Writer {
    stale: Stale,
    durability: Durability,
}

/// Whether the table is still there.
#[derive(Debug, Default)]
pub(crate) struct Life {
    dropped: bool,
}

impl PassageTable {
    /// `folder`: of the table, unless it is in an object store.
    pub(crate) fn new(
        spec: TableSpec,
        table: Table,
        folder: Option<PathBuf>,
        write_gate: WriteGate,
    ) -> Self {
        let mark = folder.as_ref().map(|folder| folder.with_extension(MARK));
        let durability = Durability::default();
        let writer = Mutex::new(Writer { stale: Stale::open(mark), durability });
        let gate = Arc::default();
        Self { shared: Arc::new(Shared { spec, table, folder, write_gate, writer, gate }) }
    }

    /// The table's identity.
    pub fn spec(&self) -> &TableSpec {
        &self.shared.spec
    }

    /// Puts `rows` in the place of whatever `document` had. Searches see the old passages or the
    /// new ones, never a mixture, also after a crash. Without rows the document is removed.
    ///
    /// # Errors
    /// `Invalid` for rows of another document, repeated ordinals, vectors of another length, not
    /// finite or all zero, empty labels, or too much text; `Dropped`; `Database`; `Io`.
    pub async fn replace_document(
        &self,
        document: &DocumentId,
        rows: Vec<PassageRow>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "store a document";
        check_rows(&self.shared.spec, document, &rows)?;
        if rows.is_empty() {
            return self.delete_document(document).await;
        }
        let batch = to_batch(&self.shared.spec, &rows)
            .map_err(|error| StoreError::database(OPERATION)(error.into()))?;
        drop(rows);

        let mut writer = self.shared.writer.lock().await;
        let _open = self.enter().await?;
        let _pass = self.shared.write_gate.pass().await?;
        let table = &self.shared.table;
        if self.count_of(document).await? == 0 {
            // The common case of an import, and many times cheaper than a merge.
            table.add(batch).execute().await.map_err(StoreError::database(OPERATION))?;
        } else {
            // One commit updates, inserts and removes. Deleting and adding would be two, with a
            // crash between them.
            writer.stale.set().await?;
            let schema = batch.schema();
            let mut merge = table.merge_insert(&[ID]);
            merge
                .when_matched_update_all(None)
                .when_not_matched_insert_all()
                .when_not_matched_by_source_delete(Some(of_document(document)));
            merge
                .execute(Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
                .await
                .map_err(StoreError::database(OPERATION))?;
        }
        self.sync(&mut writer).await
    }

    /// Removes the passages of `document`; none is fine. They are no longer found from now on,
    /// and gone from the disk after [`PassageTable::maintain`].
    ///
    /// # Errors
    /// `Dropped`; `Database`; `Io`.
    pub async fn delete_document(&self, document: &DocumentId) -> Result<(), StoreError> {
        self.delete_documents(std::slice::from_ref(document)).await
    }

    /// The same for several documents, in one change for every thousand.
    ///
    /// # Errors
    /// `Dropped`; `Database`; `Io`.
    pub async fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), StoreError> {
        const OPERATION: &str = "delete documents";
        let mut writer = self.shared.writer.lock().await;
        let _open = self.enter().await?;
        let _pass = self.shared.write_gate.pass().await?;
        for some in documents.chunks(AT_ONCE) {
            let condition = of_documents(some);
            let rows = self.shared.table.count_rows(Some(condition.clone())).await;
            if rows.map_err(StoreError::database(OPERATION))? == 0 {
                continue;
            }
            writer.stale.set().await?;
            let deleted = self.shared.table.delete(&condition).await;
            deleted.map_err(StoreError::database(OPERATION))?;
        }
        self.sync(&mut writer).await
    }

    /// The passages of `document` with their vectors, in order: what to store again under another
    /// document or with other details, without embedding anew.
    ///
    /// # Errors
    /// `Dropped`; `Database`; `Unreadable`.
    pub async fn rows(&self, document: &DocumentId) -> Result<Vec<PassageRow>, StoreError> {
        let _open = self.enter().await?;
        let mut rows = rows::rows(&self.shared.table, &of_document(document)).await?;
        rows.sort_unstable_by_key(|row| row.chunk.ordinal);
        Ok(rows)
    }

    /// Whether `document` has passages.
    ///
    /// # Errors
    /// `Dropped`; `Database`.
    pub async fn contains(&self, document: &DocumentId) -> Result<bool, StoreError> {
        let _open = self.enter().await?;
        Ok(self.count_of(document).await? > 0)
    }

    /// Number of passages of `document`.
    ///
    /// # Errors
    /// `Dropped`; `Database`.
    pub async fn count_of_document(&self, document: &DocumentId) -> Result<u64, StoreError> {
        let _open = self.enter().await?;
        Ok(self.count_of(document).await? as u64)
    }

    /// What the passages of `documents` say, in the order of documents and passages.
    ///
    /// # Errors
    /// `Invalid` for more than 1,000 documents; `Dropped`; `Database`; `Unreadable`.
    pub async fn texts_of(&self, documents: &[DocumentId]) -> Result<Vec<PassageText>, StoreError> {
        if documents.len() > AT_ONCE {
            let reason = format!("are {}, the limit is {AT_ONCE}", documents.len());
            return Err(StoreError::invalid("documents", reason));
        }
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let _open = self.enter().await?;
        let mut texts = rows::texts(&self.shared.table, &of_documents(documents)).await?;
        texts.sort_unstable_by(|a, b| (&a.document, a.ordinal).cmp(&(&b.document, b.ordinal)));
        Ok(texts)
    }

    /// How many versions of the table are on the disk: one when nothing of what was erased is.
    ///
    /// # Errors
    /// `Dropped`; `Database`.
    pub async fn versions(&self) -> Result<u64, StoreError> {
        let _open = self.enter().await?;
        let versions = self.shared.table.list_versions().await;
        versions
            .map(|all| all.len() as u64)
            .map_err(StoreError::database("list a table's versions"))
    }

    /// Number of passages.
    ///
    /// # Errors
    /// `Dropped`; `Database`.
    pub async fn count_rows(&self) -> Result<u64, StoreError> {
        let _open = self.enter().await?;
        let rows = self.shared.table.count_rows(None).await;
        rows.map(|rows| rows as u64).map_err(StoreError::database("count the passages"))
    }

    /// The passages of `document` whose ordinals are in `ordinals`, in order: the
    /// neighbours of a hit, for example. Ordinals that do not exist are left out. Whether the caller
    /// may read them is to be seen from any of them: a document's passages share their labels.
    ///
    /// # Errors
    /// `Invalid` for a range of more than 10,000; `Dropped`; `Database`; `Unreadable`.
    pub async fn passages(
        &self,
        document: &DocumentId,
        ordinals: Range<u32>,
    ) -> Result<Vec<StoredPassage>, StoreError> {
        let wanted = ordinals.end.saturating_sub(ordinals.start);
        if wanted > MAX_PASSAGES {
            let reason = format!("is a range of {wanted}, the limit is {MAX_PASSAGES}");
            return Err(StoreError::invalid("ordinals", reason));
        }
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let predicate = format!(
            "{} AND {ORDINAL} >= {} AND {ORDINAL} < {}",
            of_document(document),
            ordinals.start,
            ordinals.end
        );
        let _open = self.enter().await?;
        let mut passages = rows::matching(&self.shared.table, &predicate).await?;
        passages.sort_unstable_by_key(|passage| passage.chunk.ordinal);
        Ok(passages)
    }

    /// The table as it is now, to search in.
    ///
    /// # Errors
    /// `Dropped`; `Database`.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        const OPERATION: &str = "open a snapshot";
        let life = Arc::clone(&self.shared.gate).read_owned().await;
        self.alive(&life)?;
        let table = &self.shared.table;
        let dataset = table.dataset().ok_or_else(|| StoreError::Unreadable {
            table: table.name().to_owned(),
            detail: "it is in another database".to_owned(),
        })?;
        let dataset = dataset.get().await.map_err(StoreError::database(OPERATION))?;
        Ok(Snapshot::new(self.shared.spec.clone(), table.name(), dataset, life))
    }

    /// Brings the indexes up to date, merges small files and removes old versions, after which
    /// nothing of a deleted passage is on disk. Searches go on meanwhile. Call it after imports
    /// and deletions; it is cheap when there is nothing to do.
    ///
    /// # Errors
    /// `Dropped`; `Database`; `Io`. What was done stays done; call it again.
    pub async fn maintain(&self) -> Result<(), StoreError> {
        self.maintain_with(&maintenance::Policy::default()).await
    }

    /// Makes what was added since known to the indexes, without what takes long: where rows were
    /// removed, building the indexes anew is left to [`PassageTable::maintain`]. Call it now and
    /// then during a long import.
    ///
    /// # Errors
    /// As [`PassageTable::maintain`].
    pub async fn extend_indexes(&self) -> Result<(), StoreError> {
        let mut writer = self.shared.writer.lock().await;
        if !writer.stale.get() {
            drop(writer);
            return self.maintain().await;
        }
        let _open = self.enter().await?;
        maintenance::extend(&self.shared.table).await?;
        self.sync(&mut writer).await
    }

    pub(crate) async fn maintain_with(
        &self,
        policy: &maintenance::Policy,
    ) -> Result<(), StoreError> {
        let mut writer = self.shared.writer.lock().await;
        let open = self.enter().await?;
        maintenance::rewrite(&self.shared.table, policy, writer.stale.get()).await?;
        self.sync(&mut writer).await?;
        drop(open);
        // The new version is on disk: now the old files may go, while nobody reads them. The pass
        // first: searches that wait here would wait for a backup too.
        let _pass = self.shared.write_gate.pass().await?;
        let exclusive = self.shared.gate.write().await;
        self.alive(&exclusive)?;
        maintenance::prune(&self.shared.table).await?;
        self.sync(&mut writer).await?;
        self.shared.write_gate.remove_leftovers();
        writer.stale.clear().await
    }

    #[cfg(test)]
    pub(crate) async fn has_vector_index(&self) -> bool {
        maintenance::has_vector_index(&self.shared.table).await.unwrap()
    }

    /// Marks the table as dropped and keeps everybody out until the guard is dropped.
    pub(crate) async fn close(&self) -> OwnedRwLockWriteGuard<Life> {
        let writer: MutexGuard<'_, Writer> = self.shared.writer.lock().await;
        let mut gate = self.shared.gate.clone().write_owned().await;
        drop(writer);
        gate.dropped = true;
        gate
    }

    /// Keeps the table's files in place while the guard lives.
    async fn enter(&self) -> Result<RwLockReadGuard<'_, Life>, StoreError> {
        let life = self.shared.gate.read().await;
        self.alive(&life)?;
        Ok(life)
    }

    fn alive(&self, life: &Life) -> Result<(), StoreError> {
        if life.dropped {
            return Err(StoreError::Dropped { table: self.shared.table.name().to_owned() });
        }
        Ok(())
    }

    async fn count_of(&self, document: &DocumentId) -> Result<usize, StoreError> {
        let rows = self.shared.table.count_rows(Some(of_document(document))).await;
        rows.map_err(StoreError::database("look for a document"))
    }

    async fn sync(&self, writer: &mut Writer) -> Result<(), StoreError> {
        match &self.shared.folder {
            Some(folder) => writer.durability.sync(folder).await,
            None => Ok(()),
        }
    }
}

fn check_rows(
    spec: &TableSpec,
    document: &DocumentId,
    rows: &[PassageRow],
) -> Result<(), StoreError> {
    let mut ordinals = HashSet::with_capacity(rows.len());
    let mut bytes = 0_usize;
    for row in rows {
        if row.document != *document {
            let reason = format!("holds a passage of `{}`, not of `{document}`", row.document);
            return Err(StoreError::invalid("rows", reason));
        }
        if !ordinals.insert(row.chunk.ordinal) {
            let reason = format!("repeats ordinal {}", row.chunk.ordinal);
            return Err(StoreError::invalid("rows", reason));
        }
        if row.details.labels.iter().any(|label| label.is_empty() || label.len() > MAX_LABEL_BYTES)
        {
            let reason = format!("holds a label that is empty or beyond {MAX_LABEL_BYTES} bytes");
            return Err(StoreError::invalid("labels", reason));
        }
        check_vector(spec, &row.vector)?;
        let headings: usize = row.chunk.section_path.iter().map(String::len).sum();
        let text = row.title.len() + headings + row.chunk.text.len();
        // The text is stored once more as it is indexed.
        bytes = bytes.saturating_add(text.max(row.tokens.len()).max(row.chunk.words.len() * 16));
    }
    if bytes > MAX_TEXT_BYTES {
        let reason = format!("hold {bytes} bytes of text, the limit is {MAX_TEXT_BYTES}");
        return Err(StoreError::invalid("rows", reason));
    }
    Ok(())
}

pub(crate) fn check_vector(spec: &TableSpec, vector: &[f32]) -> Result<(), StoreError> {
    let reason = if vector.len() != spec.dimension {
        format!("has {} values, the table's dimension is {}", vector.len(), spec.dimension)
    } else if vector.iter().any(|value| !value.is_finite()) {
        "holds a value that is not finite".to_owned()
    } else if vector.iter().all(|value| *value == 0.0) {
        "is all zero, which has no direction to compare".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::invalid("vector", reason))
}

#[cfg(test)]
mod tests;
