//! Lets a cross-encoder order the best candidates, where one is served.

use intramuros_engine::{Caller, Relevance};
use intramuros_ingest::embedding_text;
use intramuros_store::StoredPassage;

use crate::rank::Candidate;
use crate::{Knowledge, KnowledgeError};

impl Knowledge {
    /// How many candidates the cross-encoder reads; none without one.
    pub(crate) fn reranked(&self) -> usize {
        match self.shared.encoders.reranker() {
            Some(_) => self.shared.config.rerank_candidates,
            None => 0,
        }
    }

    /// Orders the first `reranked` of `found` by the cross-encoder; the others follow as they
    /// were. Passages are read with their titles and headings, as they were embedded.
    pub(crate) async fn rerank(
        &self,
        query: &str,
        caller: &Caller,
        mut found: Vec<(Candidate, StoredPassage)>,
    ) -> Result<Vec<(Candidate, StoredPassage)>, KnowledgeError> {
        let Some(reranker) = self.shared.encoders.reranker() else { return Ok(found) };
        let first = found.len().min(self.shared.config.rerank_candidates);
        if first == 0 {
            return Ok(found);
        }
        let text =
            |(_, stored): &(Candidate, StoredPassage)| embedding_text(&stored.title, &stored.chunk);
        let texts = found[..first].iter().map(text).collect();
        let scored = reranker.score(query.to_owned(), texts, true, caller).await?;
        apply(&mut found, &scored);
        Ok(found)
    }
}

/// Notes the scores and orders by them. What was not read comes after, with no better score.
fn apply(found: &mut [(Candidate, StoredPassage)], scored: &Relevance) {
    let (read, others) = found.split_at_mut(scored.scores.len());
    for ((candidate, _), score) in read.iter_mut().zip(&scored.scores) {
        candidate.judged(*score);
    }
    read.sort_by(|(a, _), (b, _)| b.score().total_cmp(&a.score()));
    let lowest = read.last().map_or(1.0, |(candidate, _)| candidate.score());
    for (candidate, _) in others {
        candidate.cap(lowest);
    }
}
