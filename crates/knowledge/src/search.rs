//! Finds the passages that answer a question: by meaning and by words, fused.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use intramuros_engine::{Caller, EmbedEngine, Embedding, InputKind};
use intramuros_store::{Filter, Row, Snapshot, StoredPassage};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};

use crate::highlight::Highlight;
use crate::judge::{Judgement, PASSAGES};
use crate::language::Language;
use crate::late::LateQuery;
use crate::likelihood::READ;
use crate::rank::{Candidate, by_cosine, compare, shortlist, to_hit};
use crate::request::{Ranking, SearchRequest, validate};
use crate::target::Target;
use crate::{Knowledge, KnowledgeError, Passage};

/// How far down each list is read, and how many of both are compared word by word.
const CANDIDATES: usize = 100;

/// A passage that was found, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub passage: Passage,
    /// Fused score, 0 to 1; comparable within one answer only.
    pub score: f32,
    /// Cosine similarity to the query, when found by meaning.
    pub similarity: Option<f32>,
    /// BM25 score, when found by words.
    pub lexical: Option<f32>,
    /// Similarity word by word, -1 to 1; what mainly orders the hits.
    pub late_interaction: Option<f32>,
    /// What the cross-encoder says, 0 to 1, where one is served and read the passage; then it
    /// orders the hits.
    pub cross_encoder: Option<f32>,
    /// How likely the generator finds the question after the passage: nats a token, below 0, where
    /// it was asked and read the passage.
    pub likelihood: Option<f32>,
    /// Words of the query that the passage, its title or its headings have in some form.
    pub matched_words: Vec<String>,
    /// The sentences that answer, as far as words can tell, in the order of the text.
    pub highlights: Vec<Highlight>,
}

impl Hit {
    /// A hit of the document called `document`, with nothing but its text.
    pub(crate) fn of(document: &str, text: &str) -> Self {
        let passage = Passage {
            id: intramuros_types::ChunkId::new(format!("{document}:0")),
            document: document.into(),
            title: String::new(),
            ordinal: 0,
            section_path: Vec::new(),
            pages: None,
            span: intramuros_types::Span::new(0, 1),
            text: text.to_owned(),
            boxes: Vec::new(),
            words: Vec::new(),
        };
        Self {
            passage,
            score: 1.0,
            similarity: None,
            lexical: None,
            late_interaction: None,
            cross_encoder: None,
            likelihood: None,
            matched_words: Vec::new(),
            highlights: Vec::new(),
        }
    }
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
        let hits = self.find(base, request).await?;
        if hits.is_empty() {
            self.note_gap(base, request).await;
        }
        Ok(hits)
    }

    /// The same, with the generator's judgement whether the best of them answer.
    ///
    /// # Errors
    /// Those of [`search`](Self::search); no generator, or one that is overloaded.
    pub async fn search_judged(
        &self,
        base: &KnowledgeBaseId,
        request: &SearchRequest,
    ) -> Result<(Vec<Hit>, Judgement), KnowledgeError> {
        validate(request)?;
        let more = SearchRequest { limit: request.limit.max(PASSAGES), ..request.clone() };
        let mut hits = self.find(base, &more).await?;
        let judgement = self.judge(base, &request.query, &hits, &request.caller).await?;
        if !judgement.answers() {
            self.note_gap(base, request).await;
        }
        hits.truncate(request.limit);
        Ok((hits, judgement))
    }

    async fn note_gap(&self, base: &KnowledgeBaseId, request: &SearchRequest) {
        if let Some(gap) = self.gap(base, &request.query, &request.scope) {
            gap.note().await;
        }
    }

    /// The same without a note when nothing is found.
    pub(crate) async fn find(
        &self,
        base: &KnowledgeBaseId,
        request: &SearchRequest,
    ) -> Result<Vec<Hit>, KnowledgeError> {
        validate(request)?;
        let base = self.get(base).await?;
        let target = self.active(&base.id).await?;
        if request.ranking != Ranking::Likelihood {
            return self.measured(&target, request).await;
        }
        let more = SearchRequest { limit: request.limit.max(2 * READ), ..request.clone() };
        let hits = self.measured(&target, &more).await?;
        let language = Language::detect(&request.query, &base.language);
        let mut hits =
            self.order_by_likelihood(&request.query, hits, language, &request.caller).await?;
        hits.truncate(request.limit);
        Ok(hits)
    }

    /// The same as [`search_in`](Self::search_in), for somebody who waits for it.
    async fn measured(
        &self,
        target: &Target,
        request: &SearchRequest,
    ) -> Result<Vec<Hit>, KnowledgeError> {
        let started = Instant::now();
        let hits = self.search_in(target, request).await?;
        self.shared.figures.searched(started.elapsed());
        Ok(hits)
    }

    /// The passages of an index that fit the query best, best first.
    pub(crate) async fn search_in(
        &self,
        target: &Target,
        request: &SearchRequest,
    ) -> Result<Vec<Hit>, KnowledgeError> {
        let encoder = &target.encoder;
        let snapshot = target.table.snapshot().await?;
        let filter = request.scope.to_filter()?;
        let started = Instant::now();
        let embedding = match request.ranking {
            Ranking::Words => Embedding::default(),
            Ranking::Hybrid | Ranking::Likelihood | Ranking::Vectors => {
                embed_query(encoder, &request.query, &request.caller).await?
            }
        };
        let embedded = started.elapsed();
        let candidates = candidates(&snapshot, request, &embedding, &filter).await?;
        let listed = started.elapsed();
        let late = match request.ranking {
            Ranking::Hybrid | Ranking::Likelihood => {
                self.late_query(encoder, &snapshot, &request.query, &embedding).await?
            }
            Ranking::Vectors | Ranking::Words => None,
        };
        let (mut candidates, late) = order(&snapshot, candidates, late, &embedding).await?;
        let reranked = if request.ranking == Ranking::Hybrid { self.reranked() } else { 0 };
        if request.per_document.is_none() {
            candidates.truncate(request.limit.max(reranked));
        }
        let rows: Vec<Row> = candidates.iter().map(|candidate| candidate.row).collect();
        let passages = snapshot.passages(&rows).await?;
        drop(snapshot);
        let mut found: Vec<(Candidate, StoredPassage)> =
            candidates.into_iter().zip(passages).collect();
        if reranked > 0 {
            found = self.rerank(&request.query, &request.caller, found).await?;
        }
        if let Some(most) = request.per_document {
            bound_documents(&mut found, most);
        }
        found.truncate(request.limit);
        let ordered = started.elapsed();
        let codec = Arc::clone(encoder.codec());
        let query = request.query.clone();
        let sees_all = request.scope.access.is_everything();
        // The log line belongs to the request, whichever thread writes it.
        let span = tracing::Span::current();
        let show = move || {
            let _request = span.entered();
            let hit = |(candidate, passage)| {
                to_hit(candidate, passage, &query, late.as_ref(), codec.as_ref())
            };
            let mut hits: Vec<Hit> = found.into_iter().map(hit).collect();
            if !sees_all {
                compare_words(&mut hits);
            }
            tracing::debug!(
                embedded_us = embedded.as_micros(),
                found_us = listed.as_micros(),
                ordered_us = ordered.as_micros(),
                shown_us = started.elapsed().as_micros(),
                "searched"
            );
            hits
        };
        Ok(tokio::task::spawn_blocking(show).await?)
    }
}

/// Tells scores by words as shares of the best one. How rare a word is counts in all documents, also
/// those that the caller may not read: the bare figure would tell how many of them have it.
fn compare_words(hits: &mut [Hit]) {
    let best = hits.iter().filter_map(|hit| hit.lexical).fold(0.0, f32::max);
    if best > 0.0 {
        for hit in hits {
            hit.lexical = hit.lexical.map(|lexical| lexical / best);
        }
    }
}

/// Keeps the first `most` passages of each document.
fn bound_documents(found: &mut Vec<(Candidate, StoredPassage)>, most: usize) {
    let mut counts: HashMap<DocumentId, usize> = HashMap::new();
    found.retain(|(_, passage)| {
        let count = counts.entry(passage.document.clone()).or_default();
        *count += 1;
        *count <= most
    });
}

async fn embed_query(
    encoder: &EmbedEngine,
    query: &str,
    caller: &Caller,
) -> Result<Embedding, KnowledgeError> {
    let (query, kind) = (vec![query.to_owned()], InputKind::Query);
    let embedded = encoder.embed_words(query, kind, caller).await?;
    Ok(embedded.into_iter().next().unwrap_or_default())
}

/// What meaning and words find, the best first by both.
async fn candidates(
    snapshot: &Snapshot,
    request: &SearchRequest,
    embedding: &Embedding,
    filter: &Filter,
) -> Result<Vec<Candidate>, KnowledgeError> {
    let depth = CANDIDATES.max(request.limit);
    let by_meaning = async {
        match request.ranking {
            Ranking::Words => Ok(Vec::new()),
            Ranking::Hybrid | Ranking::Likelihood | Ranking::Vectors => {
                snapshot.nearest(&embedding.vector, depth, filter).await
            }
        }
    };
    let by_words = async {
        match request.ranking {
            Ranking::Vectors => Ok(Vec::new()),
            Ranking::Hybrid | Ranking::Likelihood | Ranking::Words => {
                snapshot.full_text(&request.query, depth, filter).await
            }
        }
    };
    let (by_meaning, by_words) = tokio::try_join!(by_meaning, by_words)?;
    Ok(shortlist(&by_meaning, &by_words, depth))
}

/// The candidates in their final order, which late interaction decides where there is one, and
/// what it compared with.
async fn order(
    snapshot: &Snapshot,
    candidates: Vec<Candidate>,
    late: Option<LateQuery>,
    embedding: &Embedding,
) -> Result<(Vec<Candidate>, Option<LateQuery>), KnowledgeError> {
    let rows: Vec<Row> = candidates.iter().map(|candidate| candidate.row).collect();
    if let Some(late) = late {
        let tokens = snapshot.tokens(&rows).await?;
        // A few milliseconds of arithmetic; other requests have the thread meanwhile.
        let compared = tokio::task::spawn_blocking(move || {
            let candidates = compare(candidates, tokens, &late);
            (candidates, Some(late))
        });
        return Ok(compared.await?);
    }
    if candidates.iter().any(Candidate::has_words) || embedding.vector.is_empty() {
        return Ok((candidates, None));
    }
    // The scores of a large table are estimates.
    let vectors = snapshot.vectors(&rows).await?;
    Ok((by_cosine(candidates, &vectors, &embedding.vector), None))
}

impl Knowledge {
    /// The passages of a document at `ordinals`, in order: the neighbours of a hit, for example.
    ///
    /// # Errors
    /// Not found, also for a document that may not be read with `access`; a failure of the store.
    pub async fn passages(
        &self,
        base: &KnowledgeBaseId,
        document: &DocumentId,
        ordinals: Range<u32>,
        access: &Access,
    ) -> Result<Vec<Passage>, KnowledgeError> {
        self.document(base, document, access).await?;
        let base = self.get(base).await?;
        let found = self.active(&base.id).await?.table.passages(document, ordinals).await?;
        Ok(found.into_iter().map(Passage::from).collect())
    }
}
