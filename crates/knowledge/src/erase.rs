//! Erases documents: passages, indexes, files, records.
//!
//! An index that names erased passages is built anew, which is most of what an erasure costs: a
//! quarter of a minute at 100,000 passages, minutes at a million. So what several requests ask for
//! while one erasure runs is erased together in the next.

use std::collections::HashMap;
use std::sync::Arc;

use intramuros_ledger::{DocumentRecord, DocumentState, LedgerError};
use intramuros_store::PassageTable;
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};

use crate::{Knowledge, KnowledgeError};

/// The most documents of one request.
const MAX_DOCUMENTS: usize = 1_000;

impl Knowledge {
    /// Erases a document and the files within it: passages, files, records. It is found no more at
    /// once, and gone from the disk when this returns. Goes on when the caller leaves; a crash half
    /// way is finished at the next start.
    ///
    /// # Errors
    /// Not found, or a failure of the store or the ledger.
    pub async fn delete_document(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
        access: &Access,
    ) -> Result<(), KnowledgeError> {
        let ids = std::slice::from_ref(id);
        if self.delete_documents(base, ids, access).await?.is_empty() {
            return Ok(());
        }
        Err(LedgerError::NotFound { what: "document", id: id.to_string() }.into())
    }

    /// The same for several documents at once; gives back those that are not there, or may not be
    /// read with `access`.
    ///
    /// # Errors
    /// [`KnowledgeError::Invalid`] for none or more than 1,000; the knowledge base is not found; a
    /// failure of the store or the ledger.
    pub async fn delete_documents(
        &self,
        base: &KnowledgeBaseId,
        ids: &[DocumentId],
        access: &Access,
    ) -> Result<Vec<DocumentId>, KnowledgeError> {
        if !(1..=MAX_DOCUMENTS).contains(&ids.len()) {
            let reason = format!("has {} ids, it must have 1 to {MAX_DOCUMENTS}", ids.len());
            return Err(KnowledgeError::invalid("documents", reason));
        }
        self.get(base).await?;
        let (knowledge, base) = (self.clone(), base.clone());
        let (ids, access) = (ids.to_vec(), access.clone());
        // A task of its own: what is marked is found no more, and must not wait for the next start
        // when the one who asked has left.
        let deleting = tokio::spawn(async move {
            let (mut marked, mut missing) = (Vec::new(), Vec::new());
            let mut failed = Ok(());
            for id in ids {
                match knowledge.mark(&base, &id, &access).await {
                    Ok(documents) if documents.is_empty() => missing.push(id),
                    Ok(documents) => marked.extend(documents),
                    Err(error) => {
                        failed = Err(error);
                        break;
                    }
                }
            }
            knowledge.erase(marked).await?;
            failed.map(|()| missing)
        });
        deleting.await?
    }

    /// Marks a document and the files within it; none when it is not there, or may not be read with
    /// `access`. One that is marked already is given back too, so that its erasure is waited for.
    async fn mark(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<DocumentRecord>, KnowledgeError> {
        let ledger = &self.shared.ledger;
        let marking = async {
            let record = ledger.get_document(id).await?;
            if record.knowledge_base != *base || !access.allows(&record.details.labels) {
                return Ok(Vec::new());
            }
            if record.state == DocumentState::Deleting {
                return Ok(vec![record]);
            }
            ledger.mark_deleting(id).await
        };
        match marking.await {
            Err(LedgerError::NotFound { .. }) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }

    /// Erases documents that were marked, and what else is marked by then in their knowledge bases.
    pub(crate) async fn erase(&self, marked: Vec<DocumentRecord>) -> Result<(), KnowledgeError> {
        if marked.is_empty() {
            return Ok(());
        }
        self.shared.progress.notify_waiters();
        let knowledge = self.clone();
        // A task of its own, which goes on when the one who asked has left.
        let erasing = tokio::spawn(async move {
            let _turn = knowledge.shared.erasing.lock().await;
            let mut waiting = knowledge.shared.ledger.deleting_documents().await?;
            waiting.retain(|record| {
                marked.iter().any(|own| own.knowledge_base == record.knowledge_base)
            });
            // The turn before may have taken them with its own.
            if waiting.iter().any(|record| marked.iter().any(|own| own.id == record.id)) {
                knowledge.erase_all(&waiting).await?;
            }
            Ok(())
        });
        erasing.await?
    }

    async fn erase_all(&self, marked: &[DocumentRecord]) -> Result<(), KnowledgeError> {
        for table in self.erase_rows(marked).await? {
            table.maintain().await?;
        }
        for record in marked {
            // Uploads get in between two documents.
            let _gate = self.shared.blob_gate.lock().await;
            match self.shared.ledger.forget_document(&record.id).await {
                Ok(unused) => self.remove_blobs(unused.into_iter().collect()).await?,
                // It went with its knowledge base.
                Err(LedgerError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes the passages of `marked`; gives back the tables that may have had some.
    async fn erase_rows(
        &self,
        marked: &[DocumentRecord],
    ) -> Result<Vec<PassageTable>, KnowledgeError> {
        // A placement in progress ends first: its passages are among those that go.
        let _placing = self.shared.placing.lock().await;
        let mut by_base: HashMap<&KnowledgeBaseId, Vec<DocumentId>> = HashMap::new();
        for record in marked {
            by_base.entry(&record.knowledge_base).or_default().push(record.id.clone());
        }
        let mut touched: Vec<PassageTable> = Vec::new();
        for (base, documents) in by_base {
            for table in self.tables(base).await? {
                table.delete_documents(&documents).await?;
                touched.push(table);
            }
        }
        Ok(touched)
    }

    /// Removes those files that no document has; the caller holds the gate. What fails is tried
    /// again at the next start.
    pub(crate) async fn remove_unneeded(&self, mut digests: Vec<String>) {
        let removed = async {
            let needed = self.shared.ledger.file_digests().await?;
            digests.retain(|digest| !needed.contains(digest));
            self.remove_blobs(digests).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "files without a document were not removed");
        }
    }

    pub(crate) async fn remove_blobs(&self, digests: Vec<String>) -> Result<(), KnowledgeError> {
        let blobs = Arc::clone(&self.shared.blobs);
        let remove = move || digests.iter().try_for_each(|digest| blobs.remove(digest));
        Ok(tokio::task::spawn_blocking(remove).await??)
    }
}
