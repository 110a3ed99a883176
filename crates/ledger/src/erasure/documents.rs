//! Erases sealed contents that stand on documents, and tells who else has a file.

use std::collections::HashSet;

use intramuros_types::{DocumentId, ErasureId, KnowledgeBaseId};

use super::records::count;
use crate::job::holds;
use crate::{Lease, Ledger, LedgerError};

/// Entries that are looked at together.
const PAGE: i64 = 500;
/// What the ids of documents begin with, and how long they are.
const PREFIX: &str = "doc_";
const ID_CHARS: usize = 36;

impl Ledger {
    /// Erases the sealed contents of audit entries that name one of `documents`: what was asked of
    /// them and answered from them. The entries stay.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn erase_contents_about(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        documents: &HashSet<String>,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "erase contents about documents";
        let mut after = 0_i64;
        loop {
            let rows: Vec<(i64, String)> = sqlx::query_as(
                "SELECT audit.seq, target || ' | ' || details FROM audit_contents JOIN audit \
                 ON audit.seq = audit_contents.seq WHERE audit_contents.seq > $1 \
                 ORDER BY audit_contents.seq LIMIT $2",
            )
            .bind(after)
            .bind(PAGE)
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            let about =
                rows.iter().filter(|(_, text)| document_ids(text).any(|id| documents.contains(id)));
            let about: Vec<i64> = about.map(|(seq, _)| *seq).collect();
            if !about.is_empty() {
                let mut transaction = self.begin_write(OPERATION).await?;
                holds(&mut transaction, lease).await?;
                let mut removed = 0;
                for seq in about {
                    let done = sqlx::query("DELETE FROM audit_contents WHERE seq = $1")
                        .bind(seq)
                        .execute(&mut *transaction)
                        .await
                        .map_err(LedgerError::database(OPERATION))?;
                    removed += done.rows_affected();
                }
                count(&mut transaction, erasure, "audit_contents", removed).await?;
                transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
            }
            tokio::task::yield_now().await;
        }
        self.forget_erased().await;
        Ok(())
    }

    /// Up to `limit` documents that have the file of this digest, with their knowledge bases.
    ///
    /// # Errors
    /// `Database`.
    pub async fn documents_with_file(
        &self,
        sha256: &str,
        limit: u32,
    ) -> Result<Vec<(DocumentId, KnowledgeBaseId)>, LedgerError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT id, knowledge_base FROM documents WHERE sha256 = $1 AND state <> 'deleting' \
             ORDER BY id LIMIT $2",
        )
        .bind(sha256)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("look for the documents of a file"))?;
        let ids = |(id, base): (String, String)| (DocumentId::new(id), KnowledgeBaseId::new(base));
        Ok(rows.into_iter().map(ids).collect())
    }
}

/// The ids of documents in `text`.
pub fn document_ids(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(PREFIX).filter_map(|(at, _)| text.get(at..at + ID_CHARS))
}
