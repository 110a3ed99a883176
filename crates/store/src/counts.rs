//! Counts the passages of a table's documents, without changing anything on disk.

use std::collections::HashMap;
use std::path::Path;

use arrow_array::StringArray;
use futures::TryStreamExt as _;
use intramuros_types::DocumentId;
use lance::dataset::builder::DatasetBuilder;

use crate::schema::{DOCUMENT, column};
use crate::{StoreError, TableSpec};

/// How many passages each document has in the table of `spec` below `location`, a folder; `None`
/// when there is no such table. Reads the newest version, also from a disk that cannot be written.
///
/// # Errors
/// `Invalid` for an impossible specification; `Database`, also for damaged files; `Unreadable`.
pub async fn passages_by_document(
    location: &Path,
    spec: &TableSpec,
) -> Result<Option<HashMap<DocumentId, u64>>, StoreError> {
    let failed =
        |error: lance::Error| StoreError::database("count the passages of documents")(error.into());
    let name = spec.table_name()?;
    let folder = location.join(format!("{name}.lance"));
    if !folder.is_dir() {
        return Ok(None);
    }
    let address = folder.to_string_lossy();
    let dataset = DatasetBuilder::from_uri(&address).load().await.map_err(failed)?;
    let mut scanner = dataset.scan();
    scanner.project(&[DOCUMENT]).map_err(failed)?;
    let mut stream = scanner.try_into_stream().await.map_err(failed)?;
    let mut counts: HashMap<DocumentId, u64> = HashMap::new();
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        let documents = column::<StringArray>(&batch, DOCUMENT)
            .map_err(|detail| StoreError::Unreadable { table: name.clone(), detail })?;
        for document in documents.iter().flatten() {
            *counts.entry(DocumentId::new(document)).or_default() += 1;
        }
    }
    Ok(Some(counts))
}

#[cfg(test)]
mod tests {
    use super::passages_by_document;
    use crate::fixture::{Fixture, row, spec};

    #[tokio::test]
    async fn documents_are_counted_as_the_newest_version_has_them() {
        let fixture = Fixture::with_texts(&["la pompe", "le moteur"]).await;
        let rows = vec![row("doc_0", 0, "la pompe"), row("doc_0", 1, "une vanne")];
        fixture.replace("doc_0", rows).await;
        fixture.table.delete_document(&"doc_1".into()).await.unwrap();
        let folder = fixture.folder.path().join("lance");
        let counts = passages_by_document(&folder, &spec("support")).await.unwrap().unwrap();
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("doc_0".into(), 2)]);
        assert!(passages_by_document(&folder, &spec("other")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_damaged_table_is_an_error() {
        let fixture = Fixture::with_texts(&["la pompe"]).await;
        let folder = fixture.folder.path().join("lance");
        let name = spec("support").table_name().unwrap();
        let data = folder.join(format!("{name}.lance")).join("data");
        for file in std::fs::read_dir(data).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        assert!(passages_by_document(&folder, &spec("support")).await.is_err());
    }
}
