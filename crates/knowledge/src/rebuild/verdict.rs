//! Asks the test questions of two indexes.

use std::collections::HashSet;

use intramuros_engine::{Caller, Priority};
use intramuros_ledger::{IndexRecord, TestQuestion, Verdict};
use intramuros_types::Access;

use crate::target::Target;
use crate::{Hit, Knowledge, KnowledgeError, Ranking, Scope, SearchRequest};

/// Passages that are asked for, so that five documents are among them.
const PASSAGES: usize = 30;
const DOCUMENTS: usize = 5;

impl Knowledge {
    /// How an index answers the test questions of its knowledge base beside the active one; `None`
    /// without questions.
    pub(super) async fn verdict(&self, target: &Target) -> Result<Option<Verdict>, KnowledgeError> {
        let base = &target.index.knowledge_base;
        let mut questions = self.shared.ledger.test_questions(base).await?;
        questions.retain(|question| !question.relevant.is_empty());
        if questions.is_empty() {
            return Ok(None);
        }
        let active = self.active(base).await?;
        Ok(Some(Verdict {
            questions: u32::try_from(questions.len()).unwrap_or(u32::MAX),
            recall_at_5_before: self.recall(&active, &questions).await?,
            recall_at_5: self.recall(target, &questions).await?,
        }))
    }

    /// Share of the questions with a relevant document among the first five.
    async fn recall(
        &self,
        target: &Target,
        questions: &[TestQuestion],
    ) -> Result<f32, KnowledgeError> {
        let mut answered = 0_usize;
        for question in questions {
            let request = SearchRequest {
                query: question.query.clone(),
                limit: PASSAGES,
                per_document: None,
                scope: Scope::readable_by(Access::EVERYTHING),
                ranking: Ranking::Hybrid,
                // Indexing fills the other queue.
                caller: Caller { priority: Priority::Interactive, ..self.server("verdict") },
            };
            let hits = self.search_in(target, &request).await?;
            if self.is_answered(&target.index, question, &hits).await? {
                answered += 1;
            }
        }
        Ok(answered as f32 / questions.len().max(1) as f32)
    }

    /// Whether a document that answers `question` is among the first five of `hits`.
    pub(crate) async fn is_answered(
        &self,
        index: &IndexRecord,
        question: &TestQuestion,
        hits: &[Hit],
    ) -> Result<bool, KnowledgeError> {
        let mut seen = HashSet::new();
        for hit in hits {
            if seen.len() == DOCUMENTS && !seen.contains(&hit.passage.document) {
                break;
            }
            if !seen.insert(&hit.passage.document) {
                continue;
            }
            let Ok(record) = self.shared.ledger.get_document(&hit.passage.document).await else {
                continue;
            };
            let names = [Some(&record.file_name), record.details.external_id.as_ref()];
            let is_named = |wanted: &String| names.contains(&Some(wanted));
            if record.knowledge_base == index.knowledge_base
                && question.relevant.iter().any(is_named)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
