//! Says what must be beside the ledger: the passages of its documents, and their files.
//!
//! Reads few columns, which every schema from version 3 on has, so that copies of older versions can
//! be compared too.

use std::collections::HashSet;

use intramuros_types::{DocumentId, KnowledgeBaseId, ModelId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::{Ledger, LedgerError};

/// The oldest schema version whose inventory can be taken; the first that knows indexes.
const OLDEST: i64 = 3;
const OPERATION: &str = "list what belongs to it";

/// What belongs to a ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// The knowledge bases that are not being erased, by id.
    pub bases: Vec<InventoryBase>,
    /// The files of documents, by digest, without those of documents that are being erased.
    pub files: HashSet<String>,
}

/// A knowledge base with its active index.
#[derive(Debug, Clone, PartialEq)]
pub struct InventoryBase {
    /// Its id.
    pub id: KnowledgeBaseId,
    /// The encoder of its passages.
    pub embedding_model: ModelId,
    /// Length of their vectors; `None` for an index of an early version.
    pub dimension: Option<u32>,
    /// Counts the indexes of the knowledge base; from 1 on documents may have been cut again, and
    /// then [`InventoryDocument::passages`] is what the first index had.
    pub generation: u32,
    /// Its documents, those being erased included, by id.
    pub documents: Vec<InventoryDocument>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryDocument {
    /// Its id.
    pub id: DocumentId,
    /// How many passages it has; `None` while it is not ready.
    pub passages: Option<u32>,
}

impl Ledger {
    /// What belongs to the ledger at this moment.
    ///
    /// # Errors
    /// `Invalid` for a schema older than version 3; `Database`.
    pub async fn inventory(&self) -> Result<Inventory, LedgerError> {
        let version = self.schema_version().await?.unwrap_or(0);
        if version < OLDEST {
            let reason = format!("is {version}; start the server once, which brings it up to date");
            return Err(LedgerError::Invalid { name: "schema version", reason });
        }
        let failed = LedgerError::database;
        // One transaction, one moment.
        let mut moment = self.pool.begin().await.map_err(failed(OPERATION))?;
        let rows = sqlx::query(
            "SELECT k.id, i.embedding_model, i.dimension, i.generation FROM knowledge_bases k \
             JOIN indexes i ON i.knowledge_base = k.id AND i.role = 'active' \
             WHERE k.state = 'active' ORDER BY k.id",
        )
        .fetch_all(&mut *moment)
        .await
        .map_err(failed(OPERATION))?;
        let mut bases = Vec::new();
        for row in &rows {
            let mut base = base(row).map_err(failed(OPERATION))?;
            base.documents = sqlx::query(
                "SELECT id, CASE WHEN state = 'ready' THEN COALESCE(chunks, 0) END AS passages \
                 FROM documents WHERE knowledge_base = $1 ORDER BY id",
            )
            .bind(base.id.as_str())
            .fetch_all(&mut *moment)
            .await
            .map_err(failed(OPERATION))?
            .iter()
            .map(document)
            .collect::<Result<_, _>>()
            .map_err(failed(OPERATION))?;
            bases.push(base);
        }
        let files: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT sha256 FROM documents WHERE state <> 'deleting'")
                .fetch_all(&mut *moment)
                .await
                .map_err(failed(OPERATION))?;
        Ok(Inventory { bases, files: files.into_iter().collect() })
    }
}

fn base(row: &SqliteRow) -> Result<InventoryBase, sqlx::Error> {
    Ok(InventoryBase {
        id: KnowledgeBaseId::new(row.try_get::<String, _>("id")?),
        embedding_model: ModelId::new(row.try_get::<String, _>("embedding_model")?),
        dimension: row.try_get("dimension")?,
        generation: row.try_get("generation")?,
        documents: Vec::new(),
    })
}

fn document(row: &SqliteRow) -> Result<InventoryDocument, sqlx::Error> {
    Ok(InventoryDocument {
        id: DocumentId::new(row.try_get::<String, _>("id")?),
        passages: row.try_get("passages")?,
    })
}

#[cfg(test)]
mod tests {
    use intramuros_types::DocumentId;

    use crate::ledger::tests::{Fixture, new_document};
    use crate::{DocumentFacts, Inserted, InventoryDocument, Ledger, LedgerError};

    async fn insert(ledger: &Ledger, content: u8) -> DocumentId {
        let inserted = ledger.insert_document(new_document("support", content)).await.unwrap();
        let Inserted::New(record) = inserted else { panic!("{inserted:?}") };
        record.id
    }

    #[tokio::test]
    async fn a_copy_has_what_the_ledger_had_and_is_not_changed_by_reading_it() {
        let fixture = Fixture::with_base("support").await;
        let ledger = &fixture.ledger;
        let ready = insert(ledger, 1).await;
        let record = ledger.claim_next_document().await.unwrap().unwrap();
        let facts = DocumentFacts { title: "t".into(), chunks: 7, ..DocumentFacts::default() };
        ledger.finish_document(&record, facts).await.unwrap();
        let pending = insert(ledger, 2).await;
        let going = insert(ledger, 3).await;
        ledger.mark_deleting(&going).await.unwrap();

        let folder = fixture.folder.path().join("copy");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("ledger.sqlite");
        ledger.copy_to(&path).await.unwrap();
        assert!(ledger.copy_to(&path).await.is_err(), "nothing is overwritten");
        insert(ledger, 4).await;
        let bytes = std::fs::read(&path).unwrap();

        let copy = Ledger::open_copy(&path).await.unwrap();
        copy.check().await.unwrap();
        let inventory = copy.inventory().await.unwrap();
        let [base] = &inventory.bases[..] else { panic!("{inventory:?}") };
        assert_eq!((base.id.as_str(), base.dimension, base.generation), ("support", Some(384), 0));
        let expected = [(ready, Some(7)), (pending, None), (going, None)];
        let expected = expected.map(|(id, passages)| InventoryDocument { id, passages });
        assert_eq!(base.documents, expected);
        assert_eq!(inventory.files.len(), 2, "{:?}", inventory.files);
        assert!(copy.revoke_key(&"imk_x".into()).await.is_err(), "it cannot be written");
        copy.close().await;
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no log beside it");
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        for error in [
            Ledger::open_as_is(&path).await.unwrap_err(),
            Ledger::open_copy(&path).await.unwrap_err(),
        ] {
            assert!(matches!(error, LedgerError::Database { .. }), "{error:?}");
        }
        assert!(!path.exists());
        std::fs::write(&path, "").unwrap();
        let error = Ledger::open_copy(&path).await.unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
    }
}
