//! Makes documents of the files within a document: attachments, entries of an archive.

use std::sync::Arc;

use intramuros_ingest::EmbeddedFile;
use intramuros_ledger::{DocumentDetails, DocumentRecord, NewDocument};
use intramuros_types::{DocumentId, ReadWarning};

use super::MediaType;
use crate::{Knowledge, KnowledgeError};

impl Knowledge {
    /// Queues `files`, which were in the document of `record`: their readers are its readers. Those
    /// that are there already, from an attempt that a crash interrupted, change nothing. Returns
    /// what was left out.
    pub(super) async fn add_parts(
        &self,
        record: &DocumentRecord,
        files: Vec<EmbeddedFile>,
    ) -> Result<Vec<ReadWarning>, KnowledgeError> {
        let mut warnings = Vec::new();
        let mut kept = Vec::new();
        let max_depth = self.shared.config.max_depth;
        if !files.is_empty() && self.depth(record).await? >= max_depth {
            let count = files.len();
            let text = format!(
                "{count} files within it are not read: they are nested more than {max_depth} deep"
            );
            warnings.push(ReadWarning { code: "nested_too_deep".into(), text, page: None });
        } else {
            for file in files {
                // An empty file has no text, and the ledger has no place for it.
                if !file.bytes.is_empty() {
                    kept.push(self.add_part(record, file).await?);
                }
            }
            self.shared.work.notify_waiters();
        }
        self.erase_other_parts(record, &kept).await?;
        Ok(warnings)
    }

    /// Erases the files that were in an earlier content of a document; `kept` are in this one.
    pub(super) async fn erase_other_parts(
        &self,
        record: &DocumentRecord,
        kept: &[DocumentId],
    ) -> Result<(), KnowledgeError> {
        // Only what was replaced has an earlier content.
        if record.revision == 0 {
            return Ok(());
        }
        for part in self.parts_of(&record.knowledge_base, &record.id).await? {
            if !kept.contains(&part.id) {
                let marked = self.shared.ledger.mark_deleting(&part.id).await?;
                self.erase(marked).await?;
            }
        }
        Ok(())
    }

    async fn add_part(
        &self,
        record: &DocumentRecord,
        file: EmbeddedFile,
    ) -> Result<DocumentId, KnowledgeError> {
        let _gate = self.shared.blob_gate.lock().await;
        let blobs = Arc::clone(&self.shared.blobs);
        let EmbeddedFile { name, bytes } = file;
        let size = bytes.len() as u64;
        let sha256 = tokio::task::spawn_blocking(move || blobs.put(&bytes)).await??;
        let new = NewDocument {
            knowledge_base: record.knowledge_base.clone(),
            media_type: MediaType::of(&name).as_str().to_owned(),
            file_name: name,
            bytes: size,
            sha256: sha256.clone(),
            details: DocumentDetails { external_id: None, ..record.details.clone() },
            parent: Some(record.id.clone()),
        };
        match self.shared.ledger.insert_document(new).await {
            Ok(inserted) => Ok(inserted.record().id.clone()),
            Err(error) => {
                self.remove_unneeded(vec![sha256]).await;
                Err(error.into())
            }
        }
    }

    /// How many documents `record` is within.
    async fn depth(&self, record: &DocumentRecord) -> Result<usize, KnowledgeError> {
        let mut depth = 0;
        let mut parent = record.parent.clone();
        while let Some(id) = parent {
            depth += 1;
            if depth > self.shared.config.max_depth {
                break;
            }
            parent = self.shared.ledger.get_document(&id).await?.parent;
        }
        Ok(depth)
    }
}
