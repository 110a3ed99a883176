//! Finds the passages that answer a question: by meaning and by words, fused.

use std::collections::HashMap;

use intramuros_engine::{InputKind, Priority};
use intramuros_store::{Filter, StoredPassage};
use intramuros_types::{ChunkId, DocumentId, KnowledgeBaseId, Span};

use crate::fuse::convex_combination;
use crate::{Knowledge, KnowledgeError};

/// How far down each list is read before fusion.
const CANDIDATES: usize = 50;

/// Longest query in characters; the encoder's own limit is checked by the encoder.
const MAX_QUERY_CHARS: usize = 4_000;

/// The most hits of one search.
const MAX_HITS: usize = 100;

/// What to look for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Words or a question.
    pub query: String,
    /// The most hits, 1 to 100.
    pub limit: usize,
    /// Only in these documents; `None` for all.
    pub documents: Option<Vec<DocumentId>>,
}

/// A passage that was found, with where it stands and why it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage's stable id.
    pub id: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
    /// Headings above the passage, outermost first.
    pub section_path: Vec<String>,
    /// First and last page, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Where it is in the document's extracted text, in characters.
    pub span: Span,
    /// Its position among the document's passages.
    pub ordinal: u32,
    /// Its text.
    pub text: String,
    /// Fused score, 0 to 1; comparable within one answer only.
    pub score: f32,
    /// Cosine similarity to the query, when found by meaning.
    pub similarity: Option<f32>,
    /// BM25 score, when found by words.
    pub lexical: Option<f32>,
}

impl Knowledge {
    /// The passages of `base` that fit the query best, best first.
    ///
    /// # Errors
    /// Not found, an invalid query, an overloaded encoder, or a failure of the store.
    pub async fn search(
        &self,
        base: &KnowledgeBaseId,
        request: &SearchRequest,
    ) -> Result<Vec<Hit>, KnowledgeError> {
        validate(request)?;
        let base = self.get(base).await?;
        let table = self.table(&base).await?;
        let filter = Filter { documents: request.documents.clone(), labels: None };
        let depth = CANDIDATES.max(request.limit);

        let by_meaning = async {
            let query = vec![request.query.clone()];
            let embedded = self.shared.embed.embed(query, InputKind::Query, Priority::Interactive);
            let vectors = embedded.await?.vectors;
            let nearest = table.nearest(&vectors[0], depth, &filter).await?;
            Ok::<_, KnowledgeError>(nearest)
        };
        let by_words = async { Ok(table.full_text(&request.query, depth, &filter).await?) };
        let (by_meaning, by_words) = tokio::try_join!(by_meaning, by_words)?;
        Ok(fuse(by_meaning, by_words, request.limit))
    }
}

fn validate(request: &SearchRequest) -> Result<(), KnowledgeError> {
    check_text("query", &request.query)?;
    if !(1..=MAX_HITS).contains(&request.limit) {
        let reason = format!("is {}, it must be 1 to {MAX_HITS}", request.limit);
        return Err(KnowledgeError::invalid("limit", reason));
    }
    Ok(())
}

/// Checks what a user typed into the field `name`.
pub(crate) fn check_text(name: &'static str, text: &str) -> Result<(), KnowledgeError> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err(KnowledgeError::invalid(name, "is empty"));
    }
    if length > MAX_QUERY_CHARS {
        let reason = format!("has {length} characters, the limit is {MAX_QUERY_CHARS}");
        return Err(KnowledgeError::invalid(name, reason));
    }
    Ok(())
}

fn fuse(by_meaning: Vec<StoredPassage>, by_words: Vec<StoredPassage>, limit: usize) -> Vec<Hit> {
    let scored = |list: &[StoredPassage]| {
        list.iter().map(|hit| (hit.id.clone(), hit.score)).collect::<Vec<_>>()
    };
    let ranked = convex_combination(&scored(&by_meaning), &scored(&by_words));
    let mut hits: HashMap<ChunkId, Hit> = HashMap::new();
    for passage in by_meaning {
        let similarity = Some(passage.score);
        let hit = Hit { similarity, ..Hit::from(passage) };
        hits.insert(hit.id.clone(), hit);
    }
    for passage in by_words {
        let lexical = Some(passage.score);
        hits.entry(passage.id.clone()).or_insert_with(|| Hit::from(passage)).lexical = lexical;
    }
    ranked
        .into_iter()
        .take(limit)
        .filter_map(|(id, score)| hits.remove(&id).map(|hit| Hit { score, ..hit }))
        .collect()
}

impl From<StoredPassage> for Hit {
    fn from(passage: StoredPassage) -> Self {
        Self {
            id: passage.id,
            document: passage.document,
            title: passage.title,
            section_path: passage.chunk.section_path,
            pages: passage.chunk.pages,
            span: passage.chunk.span,
            ordinal: passage.chunk.ordinal,
            text: passage.chunk.text,
            score: 0.0,
            similarity: None,
            lexical: None,
        }
    }
}
