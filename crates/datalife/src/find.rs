//! Finds what is known of a person, so that somebody can decide what of it goes.

use std::collections::BTreeMap;

use intramuros_knowledge::{Mentioning, Mentions};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};

use crate::{DataLife, DataLifeError};

const MAX_METADATA: usize = 50;

/// What a person is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Names, addresses, numbers, as they stand in documents.
    pub texts: Vec<String>,
    /// What all documents about them have of metadata.
    pub metadata: BTreeMap<String, String>,
}

impl Person {
    /// Refuses a person of whom nothing is said.
    pub(crate) fn mentions(&self) -> Result<Mentions, DataLifeError> {
        if self.texts.is_empty() && self.metadata.is_empty() {
            return Err(DataLifeError::invalid("person", "has neither texts nor metadata"));
        }
        if self.metadata.len() > MAX_METADATA {
            let count = self.metadata.len();
            let reason = format!("has {count} entries of metadata, the limit is {MAX_METADATA}");
            return Err(DataLifeError::invalid("person", reason));
        }
        Ok(Mentions::of(&self.texts)?)
    }
}

/// What is known of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// Documents that speak of them, by knowledge base and arrival.
    pub documents: Vec<Mentioning>,
    /// Documents whose text is not known.
    pub unread: Vec<DocumentId>,
    /// Whether every document of the knowledge bases was looked at: not for who may not read all.
    pub complete: bool,
    /// Keyed hashes of the texts, as the report of an erasure has them.
    pub fingerprints: Vec<String>,
}

impl DataLife {
    /// The documents that speak of `person` in these knowledge bases, in all when none is named,
    /// as far as `access` allows to read them.
    ///
    /// # Errors
    /// `Invalid` for a person of whom nothing is said, or too much found; not found; a failure of
    /// the store or the ledger.
    pub async fn find(
        &self,
        person: &Person,
        bases: &[KnowledgeBaseId],
        access: &Access,
    ) -> Result<Findings, DataLifeError> {
        let mentions = person.mentions()?;
        let mut findings = Findings {
            documents: Vec::new(),
            unread: Vec::new(),
            complete: access.is_everything(),
            fingerprints: self.shared.ledger.fingerprints(&person.texts).await?,
        };
        for base in self.bases(bases).await? {
            let knowledge = &self.shared.knowledge;
            let found = knowledge.find_mentions(&base, &mentions, &person.metadata, access).await?;
            findings.documents.extend(found.documents);
            findings.unread.extend(found.unread);
        }
        Ok(findings)
    }

    /// The knowledge bases that are meant.
    pub(crate) async fn bases(
        &self,
        named: &[KnowledgeBaseId],
    ) -> Result<Vec<KnowledgeBaseId>, DataLifeError> {
        if !named.is_empty() {
            for base in named {
                self.shared.knowledge.get(base).await?;
            }
            return Ok(named.to_vec());
        }
        let all = self.shared.knowledge.list().await?;
        Ok(all.into_iter().map(|base| base.id).collect())
    }
}
