//! Orders what was found by meaning and by words, and says why.

use std::collections::{HashMap, HashSet};

use intramuros_engine::{EmbedCodec, InputKind};
use intramuros_ingest::embedding_text;
use intramuros_store::{Found, Row, StoredPassage};

use crate::Passage;
use crate::fuse::{OF_LATE_INTERACTION, OF_VECTORS, convex_combination};
use crate::highlight::{Sentences, context_chars};
use crate::late::LateQuery;
use crate::search::Hit;
use crate::words::{Word, words};

/// A passage that was found, with its scores.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) row: Row,
    score: f32,
    similarity: Option<f32>,
    lexical: Option<f32>,
    late: Option<f32>,
    cross_encoder: Option<f32>,
    /// What late interaction compares; empty before it does.
    tokens: Vec<u8>,
}

impl Candidate {
    /// Whether words found it.
    pub(crate) fn has_words(&self) -> bool {
        self.lexical.is_some()
    }

    pub(crate) fn score(&self) -> f32 {
        self.score
    }

    /// Takes the cross-encoder's score.
    pub(crate) fn judged(&mut self, score: f32) {
        self.score = score;
        self.cross_encoder = Some(score);
    }

    /// Lowers the score to `most`.
    pub(crate) fn cap(&mut self, most: f32) {
        self.score = self.score.min(most);
    }
}

/// What was found by meaning and by words, the best `limit` first by both.
pub(crate) fn shortlist(by_meaning: &[Found], by_words: &[Found], limit: usize) -> Vec<Candidate> {
    let mut similarities: HashMap<Row, f32> = scores(by_meaning).into_iter().collect();
    let mut lexical: HashMap<Row, f32> = scores(by_words).into_iter().collect();
    let fused = convex_combination(&scores(by_meaning), &scores(by_words), OF_VECTORS);
    let candidate = |(row, score)| Candidate {
        row,
        score,
        similarity: similarities.remove(&row),
        lexical: lexical.remove(&row),
        late: None,
        cross_encoder: None,
        tokens: Vec::new(),
    };
    fused.into_iter().take(limit).map(candidate).collect()
}

/// Orders the candidates by late interaction, with words beside it. `tokens` are theirs, in their
/// order. When none of them can be compared, they stay as they are.
pub(crate) fn compare(
    mut candidates: Vec<Candidate>,
    tokens: Vec<Vec<u8>>,
    late: &LateQuery,
) -> Vec<Candidate> {
    for (candidate, tokens) in candidates.iter_mut().zip(tokens) {
        candidate.late = late.score(&tokens);
        candidate.tokens = tokens;
    }
    let listed = |score: fn(&Candidate) -> Option<f32>| -> Vec<(Row, f32)> {
        candidates.iter().filter_map(|one| Some((one.row, score(one)?))).collect()
    };
    let (by_late, by_words) = (listed(|one| one.late), listed(|one| one.lexical));
    if by_late.is_empty() {
        return candidates;
    }
    let fused = convex_combination(&by_late, &by_words, OF_LATE_INTERACTION);
    let mut known: HashMap<Row, Candidate> =
        candidates.into_iter().map(|candidate| (candidate.row, candidate)).collect();
    let ordered = fused.into_iter().filter_map(|(row, score)| {
        known.remove(&row).map(|candidate| Candidate { score, ..candidate })
    });
    ordered.collect()
}

/// Orders the candidates by the cosine of `vector` with theirs, which are in their order.
pub(crate) fn by_cosine(
    mut candidates: Vec<Candidate>,
    vectors: &[Vec<f32>],
    vector: &[f32],
) -> Vec<Candidate> {
    for (candidate, other) in candidates.iter_mut().zip(vectors) {
        candidate.score = cosine(vector, other);
        candidate.similarity = Some(candidate.score);
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let lengths = dot(a, a).sqrt() * dot(b, b).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

fn scores(found: &[Found]) -> Vec<(Row, f32)> {
    found.iter().map(|found| (found.row, found.score)).collect()
}

/// What is shown of a candidate: its sentences that answer, and the words in common.
pub(crate) fn to_hit(
    candidate: Candidate,
    stored: StoredPassage,
    query: &str,
    asked: Option<&LateQuery>,
    codec: &dyn EmbedCodec,
) -> Hit {
    let Candidate { score, similarity, lexical, late, cross_encoder, tokens, .. } = candidate;
    let embedded = embedding_text(&stored.title, &stored.chunk);
    // The words were told apart in the same way when the passage was stored.
    let encoded = codec.encode_words(&embedded, InputKind::Passage).unwrap_or_default().words;
    let context = context_chars(&stored);
    let matched_words = matched_words(query, &embedded);
    let passage = Passage::from(stored);
    let sentences = Sentences::new(&passage, &encoded, context);
    let scores = asked.and_then(|asked| asked.score_parts(&tokens, sentences.parts()));
    let highlights = sentences.highlights(&passage, query, scores);
    Hit {
        passage,
        score,
        similarity,
        lexical,
        late_interaction: late,
        cross_encoder,
        likelihood: None,
        matched_words,
        highlights,
    }
}

/// The words of `query`, as they are written there, of which `text` has some form.
fn matched_words(query: &str, text: &str) -> Vec<String> {
    let held: HashSet<Word> = words(text).into_iter().collect();
    let mut found: Vec<String> = Vec::new();
    for written in query.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '’')) {
        let written = written.trim_matches(|c: char| !c.is_alphanumeric());
        let own = words(written);
        let is_held = !own.is_empty() && own.iter().all(|word| held.contains(word));
        if is_held && !found.iter().any(|known| known == written) {
            found.push(written.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::matched_words;

    #[test]
    fn words_in_common_are_told_as_they_were_asked() {
        let text = "Tarifs\nLa caution de la mini-pelle MP-18 est rendue.";
        let found = matched_words("Quelles cautions pour l'MP-18, caution ?", text);
        assert_eq!(found, ["cautions", "MP-18", "caution"]);
        assert!(matched_words("où est le chat ?", text).is_empty());
    }
}
