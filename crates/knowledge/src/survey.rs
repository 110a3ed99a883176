//! Says what an erasure of documents will remove, and afterwards what is left of them.

use intramuros_ledger::{DocumentRecord, ErasedDocument, LedgerError};
use intramuros_store::PassageTable;
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};

use crate::{Knowledge, KnowledgeError};

/// Length of a piece of a document that the disk is searched for.
const PHRASE_CHARS: std::ops::RangeInclusive<usize> = 12..=60;

/// What there is of a document before its erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The document in numbers.
    pub document: ErasedDocument,
    /// Pieces of its text: of the beginning, the middle and the end.
    pub phrases: Vec<String>,
}

/// What there is of erased documents in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remains {
    /// Which index.
    pub generation: u32,
    /// Passages of the documents; 0 when they are erased.
    pub passages: u64,
    /// Versions of its table on the disk; one when nothing of earlier rows is.
    pub versions: u64,
}

impl Knowledge {
    /// What there is of a document and of the files within it; nothing when it is not there.
    ///
    /// # Errors
    /// A failure of the store or the ledger.
    pub async fn survey(&self, id: &DocumentId) -> Result<Vec<Survey>, KnowledgeError> {
        let mut surveys = Vec::new();
        let mut left = vec![id.clone()];
        while let Some(id) = left.pop() {
            let record = match self.shared.ledger.get_document(&id).await {
                Ok(record) => record,
                Err(LedgerError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let parts = self.parts_of(&record.knowledge_base, &record.id).await?;
            left.extend(parts.into_iter().map(|part| part.id));
            surveys.push(self.survey_one(record).await?);
        }
        Ok(surveys)
    }

    async fn survey_one(&self, record: DocumentRecord) -> Result<Survey, KnowledgeError> {
        let (mut passages, mut indexes) = (0, 0);
        let mut phrases = Vec::new();
        for table in self.tables(&record.knowledge_base).await? {
            let count = table.count_of_document(&record.id).await?;
            passages += count;
            indexes += u32::from(count > 0);
            if phrases.is_empty() && count > 0 {
                phrases = pieces(&table, &record.id, count).await?;
            }
        }
        let document = ErasedDocument {
            id: record.id,
            knowledge_base: record.knowledge_base,
            parent: record.parent,
            sha256: record.sha256,
            bytes: record.bytes,
            passages,
            indexes,
            outcome: None,
        };
        Ok(Survey { document, phrases })
    }

    /// What there is of erased documents in the indexes of `base`.
    ///
    /// # Errors
    /// A failure of the store or the ledger.
    pub async fn remains(
        &self,
        base: &KnowledgeBaseId,
        documents: &[DocumentId],
    ) -> Result<Vec<Remains>, KnowledgeError> {
        let mut remains = Vec::new();
        for table in self.tables(base).await? {
            let mut passages = 0;
            for document in documents {
                passages += table.count_of_document(document).await?;
            }
            let generation = table.spec().generation;
            remains.push(Remains { generation, passages, versions: table.versions().await? });
        }
        Ok(remains)
    }

    /// Whether the file of this digest is still there.
    ///
    /// # Errors
    /// A failure of the disk.
    pub async fn has_file(&self, sha256: &str) -> Result<bool, KnowledgeError> {
        let (blobs, digest) = (self.shared.blobs.clone(), sha256.to_owned());
        Ok(tokio::task::spawn_blocking(move || blobs.contains(&digest)).await??)
    }

    /// Forgets what the memory of this process keeps of prompts, which may hold passages.
    pub fn forget_prompts(&self) {
        self.text.forget_prefixes();
    }

    /// Which of `ids` are there, also while they are being erased, and can be read with `access`.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn readable(
        &self,
        ids: &[DocumentId],
        access: &Access,
    ) -> Result<Vec<DocumentRecord>, KnowledgeError> {
        let mut readable = Vec::new();
        for id in ids {
            match self.shared.ledger.get_document(id).await {
                Ok(record) if access.allows(&record.details.labels) => readable.push(record),
                Ok(_) | Err(LedgerError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(readable)
    }
}

/// Pieces of the first, the middle and the last passage.
async fn pieces(
    table: &PassageTable,
    document: &DocumentId,
    count: u64,
) -> Result<Vec<String>, KnowledgeError> {
    let last = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX - 1);
    let mut ordinals = vec![0, last / 2, last];
    ordinals.dedup();
    let mut pieces = Vec::new();
    for ordinal in ordinals {
        let found = table.passages(document, ordinal..ordinal + 1).await?;
        pieces.extend(found.first().and_then(|passage| piece(&passage.chunk.text)));
    }
    pieces.sort_unstable();
    pieces.dedup();
    Ok(pieces)
}

/// The beginning of the longest line, in whole words.
fn piece(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).max_by_key(|line| line.chars().count())?;
    let mut piece = String::new();
    let mut chars = 0;
    for word in line.split(' ') {
        let more = word.chars().count() + usize::from(chars > 0);
        if chars + more > *PHRASE_CHARS.end() {
            break;
        }
        if chars > 0 {
            piece.push(' ');
        }
        piece.push_str(word);
        chars += more;
    }
    PHRASE_CHARS.contains(&chars).then_some(piece)
}

#[cfg(test)]
mod tests {
    use super::piece;

    #[test]
    fn a_piece_is_the_beginning_of_the_longest_line() {
        let long =
            "Le loyer mensuel est fixé à douze cents euros, payable d'avance le premier jour";
        let text = format!("Article 4\n{long}\nFin");
        let found = piece(&text).unwrap();
        assert!(long.starts_with(&found) && found.chars().count() <= 60, "{found}");
        assert!(!found.ends_with(' '));
        for short in ["", "a", "mot", "\n\n", &"x".repeat(70)] {
            assert_eq!(piece(short), None, "{short:?}");
        }
    }
}
