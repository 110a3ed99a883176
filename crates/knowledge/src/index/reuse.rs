//! Finds embeddings that were computed before.
//!
//! A file that is renamed or sent again to other readers, an attachment of ten mails, a manual of
//! which one page changed: most of their passages are embedded already, and embedding is nearly all
//! of what indexing costs.

use std::collections::HashMap;

use intramuros_engine::Embedding;
use intramuros_ingest::embedding_text;
use intramuros_ledger::DocumentRecord;
use intramuros_maxsim as maxsim;

use crate::target::Target;
use crate::{Knowledge, KnowledgeError};

/// What the encoder gave for a text.
#[derive(Clone)]
pub(super) struct Embedded {
    pub(super) vector: Vec<f32>,
    /// The token vectors, packed.
    pub(super) tokens: Vec<u8>,
}

impl Embedded {
    pub(super) fn new(embedding: Embedding) -> Self {
        let tokens = maxsim::pack(&embedding.groups, embedding.vector.len());
        Self { vector: embedding.vector, tokens }
    }
}

/// Embeddings by the text that they are of, so that none can be of another text.
pub(super) type Known = HashMap<String, Embedded>;

impl Knowledge {
    /// The embeddings of the document's earlier content, and of a document with the same content.
    pub(super) async fn known_embeddings(
        &self,
        record: &DocumentRecord,
        target: &Target,
    ) -> Result<Known, KnowledgeError> {
        let mut places = Vec::new();
        if record.revision > 0 {
            places.push((record.id.clone(), &target.table));
        }
        places.extend(target.reuse.as_ref().map(|table| (record.id.clone(), table)));
        let same = self.shared.ledger.same_content(record).await?;
        places.extend(same.map(|id| (id, &target.table)));
        let mut known = Known::new();
        for (document, table) in places {
            for row in table.rows(&document).await? {
                let text = embedding_text(&row.title, &row.chunk);
                known.insert(text, Embedded { vector: row.vector, tokens: row.tokens });
            }
        }
        Ok(known)
    }
}
