//! Puts passages into the store and their document into the ledger, as one step for everybody else.
//!
//! The store and the ledger have no transaction in common. One placement at a time, and revisions:
//! what was read under another revision is not placed, and what a crash left under an earlier one
//! is placed anew at the next start. So no passage can be found by those who may no longer read it.

use intramuros_ledger::{
    DocumentDetails, DocumentFacts, DocumentRecord, DocumentState, LedgerError, Page,
};
use intramuros_store::{PassageDetails, PassageRow};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use time::Date;
use time::format_description::well_known::Iso8601;

use super::{is_same, reason};
use crate::knowledge::check_labels;
use crate::target::Target;
use crate::{Knowledge, KnowledgeError};

impl Knowledge {
    /// Stores the passages of a document in work, which were made for `target`, and declares it
    /// ready.
    pub(super) async fn place(
        &self,
        record: &DocumentRecord,
        target: &Target,
        rows: Vec<PassageRow>,
        facts: DocumentFacts,
    ) -> Result<(), KnowledgeError> {
        let _placing = self.shared.placing.lock().await;
        match self.shared.ledger.get_document(&record.id).await {
            Ok(now) if is_same(&now, record) => {}
            Ok(_) | Err(LedgerError::NotFound { .. }) => return Err(KnowledgeError::Abandoned),
            Err(error) => return Err(error.into()),
        }
        let active = self.shared.ledger.active_index(&record.knowledge_base).await?;
        if active.generation != target.index.generation {
            // Another index took the place of the one that these passages are for.
            self.shared.ledger.requeue_document(record).await?;
            self.shared.work.notify_waiters();
            return Err(KnowledgeError::Abandoned);
        }
        let table = &target.table;
        table.replace_document(&record.id, rows).await?;
        match self.shared.ledger.finish_document(record, facts).await {
            // It is being deleted since; whoever deletes it waits for this placement and erases.
            Err(LedgerError::Conflict { .. } | LedgerError::NotFound { .. }) => {
                table.delete_document(&record.id).await?;
                Err(KnowledgeError::Abandoned)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Declares a document in work failed; what was found of an earlier content is not any more.
    pub(super) async fn fail(
        &self,
        record: &DocumentRecord,
        error: &KnowledgeError,
    ) -> Result<(), KnowledgeError> {
        let _placing = self.shared.placing.lock().await;
        self.erase_passages(record).await?;
        match self.shared.ledger.fail_document(record, reason(error)).await {
            Err(LedgerError::Conflict { .. } | LedgerError::NotFound { .. }) => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    /// Changes what the owner says about a document, and about the files within it; from then on
    /// searches go by it.
    ///
    /// # Errors
    /// Not found, also for who may not read it; an invalid detail; a failure of the store.
    pub async fn update_document(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
        details: DocumentDetails,
        access: &Access,
    ) -> Result<DocumentRecord, KnowledgeError> {
        self.document(base, id, access).await?;
        check_labels(&details.labels, access)?;
        let _placing = self.shared.placing.lock().await;
        let updated = self.shared.ledger.update_details(id, details).await?;
        self.replace_details(&updated).await?;
        self.pass_on_details(&updated).await?;
        self.shared.work.notify_waiters();
        Ok(updated)
    }

    /// Sees to what a document had before an upload took its place: until the new content is read
    /// the old one is found, but by its new readers only.
    pub(crate) async fn settle_replaced(
        &self,
        record: &DocumentRecord,
    ) -> Result<(), KnowledgeError> {
        let _placing = self.shared.placing.lock().await;
        for table in self.tables(&record.knowledge_base).await? {
            let first = table.passages(&record.id, 0..1).await?;
            let same = |labels: &[String]| labels == record.details.labels.as_slice();
            if first.first().is_some_and(|passage| !same(&passage.details.labels)) {
                table.delete_document(&record.id).await?;
            }
        }
        self.pass_on_details(record).await
    }

    /// Takes the passages of a document out of every index; the caller holds the lock.
    async fn erase_passages(&self, record: &DocumentRecord) -> Result<(), KnowledgeError> {
        for table in self.tables(&record.knowledge_base).await? {
            table.delete_document(&record.id).await?;
        }
        Ok(())
    }

    /// Gives the files within a document its details; the caller holds the lock.
    async fn pass_on_details(&self, record: &DocumentRecord) -> Result<(), KnowledgeError> {
        let mut parents = vec![record.id.clone()];
        while let Some(parent) = parents.pop() {
            for part in self.parts_of(&record.knowledge_base, &parent).await? {
                parents.push(part.id.clone());
                let external_id = part.details.external_id.clone();
                let details = DocumentDetails { external_id, ..record.details.clone() };
                if part.details != details {
                    let updated = self.shared.ledger.update_details(&part.id, details).await?;
                    self.replace_details(&updated).await?;
                }
            }
        }
        Ok(())
    }

    /// The files within a document.
    pub(crate) async fn parts_of(
        &self,
        base: &KnowledgeBaseId,
        parent: &DocumentId,
    ) -> Result<Vec<DocumentRecord>, KnowledgeError> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let page = Page { after, parent: Some(parent.clone()), ..Page::of(Page::MAX_LIMIT) };
            let found = self.shared.ledger.list_documents(base, page, &Access::EVERYTHING).await?;
            parts.extend(found.documents);
            after = found.next;
            if after.is_none() {
                return Ok(parts);
            }
        }
    }

    /// Gives the passages of a ready document the details of `record`; the caller holds the lock.
    async fn replace_details(&self, record: &DocumentRecord) -> Result<(), KnowledgeError> {
        if record.state != DocumentState::Ready {
            // It is read anew under its new details; what an earlier content had goes at once.
            return self.erase_passages(record).await;
        }
        let table = self.active(&record.knowledge_base).await?.table;
        let mut rows = table.rows(&record.id).await?;
        for row in &mut rows {
            row.details = details(record, record.written.as_deref());
        }
        table.replace_document(&record.id, rows).await?;
        Ok(self.shared.ledger.note_placed(&record.id, record.revision).await?)
    }

    /// Finishes changes of details that a crash interrupted.
    pub(super) async fn place_anew(&self) -> Result<(), KnowledgeError> {
        let _placing = self.shared.placing.lock().await;
        for record in self.shared.ledger.misplaced_documents().await? {
            self.replace_details(&record).await?;
        }
        Ok(())
    }
}

/// What the passages of a document have of it. `written`: what the document says of its date.
pub(super) fn details(record: &DocumentRecord, written: Option<&str>) -> PassageDetails {
    PassageDetails {
        labels: record.details.labels.clone(),
        metadata: record.details.metadata.clone(),
        written: written.and_then(day),
    }
}

/// The day of a date in the form `YYYY-MM-DD`, whatever follows it, in days since 1970-01-01.
pub(crate) fn day(date: &str) -> Option<i32> {
    let date = Date::parse(date.get(..10)?, &Iso8601::DATE).ok()?;
    let epoch = time::OffsetDateTime::UNIX_EPOCH.date();
    i32::try_from((date - epoch).whole_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_counted_from_the_epoch() {
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("2026-03-12T10:32:00+01:00"), Some(20_524));
        assert_eq!(day("1969-12-31"), Some(-1));
        for wrong in ["", "2026", "2026-13-01", "12/03/2026", "été 2026-01"] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
