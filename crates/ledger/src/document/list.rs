//! Lists and counts documents, as far as the caller may read them.

use std::collections::BTreeMap;

use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use sqlx::{QueryBuilder, Sqlite};

use super::details::from_json;
use super::records::{record, state};
use crate::{DocumentCounts, DocumentPage, Ledger, LedgerError, Page};

impl Ledger {
    /// A page of a knowledge base's documents that `access` allows to read, oldest first, those
    /// being deleted left out. An unknown knowledge base has none.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`Page::MAX_LIMIT`]; `Database`.
    pub async fn list_documents(
        &self,
        knowledge_base: &KnowledgeBaseId,
        page: Page,
        access: &Access,
    ) -> Result<DocumentPage, LedgerError> {
        const OPERATION: &str = "list the documents";
        if page.limit == 0 || page.limit > Page::MAX_LIMIT {
            let reason = format!("is {}, it must be 1 to {}", page.limit, Page::MAX_LIMIT);
            return Err(LedgerError::Invalid { name: "limit", reason });
        }
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT * FROM documents WHERE state <> 'deleting'");
        query.push(" AND knowledge_base = ").push_bind(knowledge_base.as_str());
        query.push(" AND id > ").push_bind(page.after.as_ref().map_or("", DocumentId::as_str));
        if let Some(source) = &page.source {
            query.push(" AND source = ").push_bind(source);
        }
        if let Some(external_id) = &page.external_id {
            query.push(" AND external_id = ").push_bind(external_id);
        }
        if let Some(parent) = &page.parent {
            query.push(" AND parent = ").push_bind(parent.as_str());
        }
        if let Some(readable) = self.readable_audiences(knowledge_base, access).await? {
            query.push(" AND labels IN (");
            let mut list = query.separated(", ");
            for audience in readable {
                list.push_bind(audience);
            }
            query.push(")");
        }
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY id LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows =
            query.build().fetch_all(&self.pool).await.map_err(LedgerError::database(OPERATION))?;
        let mut documents = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let more = documents.len() > page.limit as usize;
        documents.truncate(page.limit as usize);
        let next = documents.last().filter(|_| more).map(|last| last.id.clone());
        Ok(DocumentPage { documents, next })
    }

    /// How many documents that `access` allows to read the knowledge base has in each state; zeros
    /// for an unknown one.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_documents(
        &self,
        knowledge_base: &KnowledgeBaseId,
        access: &Access,
    ) -> Result<DocumentCounts, LedgerError> {
        const OPERATION: &str = "count the documents";
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT state, labels, COUNT(*) FROM documents WHERE knowledge_base = $1 \
             GROUP BY state, labels",
        )
        .bind(knowledge_base.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut counts = DocumentCounts::default();
        for (name, labels, count) in rows {
            if allows(access, &labels)? {
                *counts.of(state(&name)?) += count.unsigned_abs();
            }
        }
        Ok(counts)
    }

    /// How many documents every knowledge base has in each state, by id; those without any are left
    /// out. Asks two indexes and no record of a document that is ready, so that it takes
    /// milliseconds where there are 100,000.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_all_documents(
        &self,
    ) -> Result<Vec<(KnowledgeBaseId, DocumentCounts)>, LedgerError> {
        const OPERATION: &str = "count all documents";
        let totals: Vec<(String, i64)> = sqlx::query_as(
            "SELECT knowledge_base, COUNT(*) FROM documents GROUP BY knowledge_base \
             ORDER BY knowledge_base",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let others: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT state, knowledge_base, COUNT(*) FROM documents \
             WHERE state IN ('pending', 'indexing', 'failed', 'deleting') \
             GROUP BY state, knowledge_base",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut all = BTreeMap::new();
        for (base, total) in totals {
            let counts = DocumentCounts { ready: total.unsigned_abs(), ..Default::default() };
            all.insert(base, counts);
        }
        for (name, base, count) in others {
            let count = count.unsigned_abs();
            let counts = all.entry(base).or_default();
            *counts.of(state(&name)?) += count;
            // Between the two statements documents may have come.
            counts.ready = counts.ready.saturating_sub(count);
        }
        Ok(all.into_iter().map(|(base, counts)| (KnowledgeBaseId::new(base), counts)).collect())
    }

    /// The stored sets of labels that `access` allows to read; `None` when it allows all.
    async fn readable_audiences(
        &self,
        knowledge_base: &KnowledgeBaseId,
        access: &Access,
    ) -> Result<Option<Vec<String>>, LedgerError> {
        if access.is_everything() {
            return Ok(None);
        }
        let audiences: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT labels FROM documents WHERE knowledge_base = $1")
                .bind(knowledge_base.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database("list who may read"))?;
        let mut readable = Vec::new();
        for audience in audiences {
            if allows(access, &audience)? {
                readable.push(audience);
            }
        }
        Ok(Some(readable))
    }
}

fn allows(access: &Access, stored: &str) -> Result<bool, LedgerError> {
    let labels: Vec<String> =
        from_json(stored).map_err(LedgerError::database("read a document's labels"))?;
    Ok(access.allows(&labels))
}
