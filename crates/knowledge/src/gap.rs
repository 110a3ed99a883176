//! Notes questions that the documents did not answer, for those who write the documents.

use std::time::Duration;

use intramuros_ledger::{Ledger, LedgerError, Unanswered};
use intramuros_types::KnowledgeBaseId;
use sha2::{Digest as _, Sha256};

use crate::request::Scope;
use crate::words::{Word, words};
use crate::{Knowledge, KnowledgeError};

/// The most questions of one list.
const MAX_LISTED: u32 = 1_000;
/// Bytes of a digest that tell questions apart.
const ID_BYTES: usize = 8;

/// A question that may turn out not to be answered.
pub(crate) struct Gap {
    ledger: Ledger,
    base: KnowledgeBaseId,
    question: String,
    kept: Duration,
}

impl Gap {
    /// Notes that there was no answer. A failure is logged: the asker has an answer all the same.
    pub(crate) async fn note(self) {
        let Some(id) = id(&self.question) else { return };
        let Self { ledger, base, question, kept } = self;
        if let Err(error) = ledger.note_unanswered(&base, &id, &question, kept).await {
            tracing::warn!(%error, "a question without answer was not noted");
        }
    }
}

impl Knowledge {
    /// `None` when nothing is to be noted: it is switched off, or the asker looked in a part of the
    /// documents only.
    pub(crate) fn gap(&self, base: &KnowledgeBaseId, question: &str, scope: &Scope) -> Option<Gap> {
        let kept = self.shared.config.unanswered_kept?;
        let narrowed = scope.documents.is_some()
            || !scope.metadata.is_empty()
            || scope.written_from.is_some()
            || scope.written_to.is_some();
        (!narrowed).then(|| Gap {
            ledger: self.shared.ledger.clone(),
            base: base.clone(),
            question: question.to_owned(),
            kept,
        })
    }

    /// The questions of `base` that the documents did not answer, the most asked first.
    ///
    /// # Errors
    /// Not found, an invalid limit, or a failure of the ledger.
    pub async fn unanswered(
        &self,
        base: &KnowledgeBaseId,
        limit: u32,
    ) -> Result<Vec<Unanswered>, KnowledgeError> {
        self.get(base).await?;
        if !(1..=MAX_LISTED).contains(&limit) {
            let reason = format!("is {limit}, it must be 1 to {MAX_LISTED}");
            return Err(KnowledgeError::invalid("limit", reason));
        }
        let Some(kept) = self.shared.config.unanswered_kept else { return Ok(Vec::new()) };
        Ok(self.shared.ledger.unanswered(base, kept, limit).await?)
    }

    /// Forgets the question `id`, or all of `base`.
    ///
    /// # Errors
    /// Not found, or a failure of the ledger.
    pub async fn forget_unanswered(
        &self,
        base: &KnowledgeBaseId,
        id: Option<&str>,
    ) -> Result<(), KnowledgeError> {
        self.get(base).await?;
        let forgotten = self.shared.ledger.forget_unanswered(base, id).await?;
        match id {
            Some(id) if forgotten == 0 => {
                Err(LedgerError::NotFound { what: "question", id: id.to_owned() }.into())
            }
            _ => Ok(()),
        }
    }
}

/// The same for questions of the same words, whatever their order and form; `None` for one that
/// says nothing.
fn id(question: &str) -> Option<String> {
    let mut said: Vec<String> = words(question)
        .into_iter()
        .map(|word| match word {
            Word::Content(word) | Word::Number(word) => word,
        })
        .collect();
    said.sort_unstable();
    said.dedup();
    let digest = Sha256::digest(said.join(" "));
    (!said.is_empty()).then(|| hex::encode(&digest[..ID_BYTES]))
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn questions_of_the_same_words_are_one() {
        let one = id("Combien coûte la location du quai ?").unwrap();
        assert_eq!(id("location du quai : combien ça coûte").unwrap(), one);
        assert_ne!(id("Combien coûte la location de la grue ?").unwrap(), one);
        assert_eq!(id("?!"), None);
    }
}
