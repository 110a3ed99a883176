//! Orders what was found by meaning and by words, and says why.

use std::collections::{HashMap, HashSet};

use intramuros_engine::{EmbedCodec, InputKind};
use intramuros_ingest::embedding_text;
use intramuros_store::StoredPassage;
use intramuros_types::ChunkId;

use crate::Passage;
use crate::fuse::{OF_LATE_INTERACTION, OF_VECTORS, convex_combination};
use crate::highlight::{Sentences, context_chars};
use crate::late::LateQuery;
use crate::search::Hit;
use crate::words::{Word, words};

/// A candidate with its scores.
pub(crate) struct Ranked {
    passage: StoredPassage,
    score: f32,
    similarity: Option<f32>,
    lexical: Option<f32>,
    late: Option<f32>,
}

/// The best `limit` of the candidates, best first. Late interaction decides where there is one,
/// with words beside it; else vectors and words.
pub(crate) fn rank(
    by_meaning: Vec<StoredPassage>,
    by_words: Vec<StoredPassage>,
    late: Option<&LateQuery>,
    limit: usize,
) -> Vec<Ranked> {
    let list = |found: &[StoredPassage]| -> Vec<(ChunkId, f32)> {
        found.iter().map(|passage| (passage.id.clone(), passage.score)).collect()
    };
    let (vectors, lexical) = (list(&by_meaning), list(&by_words));
    let mut candidates: HashMap<ChunkId, Ranked> = HashMap::new();
    for passage in by_meaning {
        let similarity = Some(passage.score);
        candidates.insert(passage.id.clone(), Ranked { similarity, ..Ranked::new(passage) });
    }
    for passage in by_words {
        let lexical = Some(passage.score);
        let id = passage.id.clone();
        candidates.entry(id).or_insert_with(|| Ranked::new(passage)).lexical = lexical;
    }
    let by_late = late.map(|late| compare(late, &mut candidates)).unwrap_or_default();
    let fused = if by_late.is_empty() {
        convex_combination(&vectors, &lexical, OF_VECTORS)
    } else {
        convex_combination(&by_late, &lexical, OF_LATE_INTERACTION)
    };
    fused
        .into_iter()
        .filter_map(|(id, score)| candidates.remove(&id).map(|found| Ranked { score, ..found }))
        .take(limit)
        .collect()
}

/// Notes the late interaction of every candidate that has words, and lists them, best first.
fn compare(late: &LateQuery, candidates: &mut HashMap<ChunkId, Ranked>) -> Vec<(ChunkId, f32)> {
    let mut found = Vec::with_capacity(candidates.len());
    for (id, candidate) in candidates {
        candidate.late = late.score(&candidate.passage);
        found.extend(candidate.late.map(|score| (id.clone(), score)));
    }
    // Equal scores by id, so that the same question has the same answer.
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found
}

impl Ranked {
    fn new(passage: StoredPassage) -> Self {
        Self { passage, score: 0.0, similarity: None, lexical: None, late: None }
    }
}

/// What is shown of a candidate: its sentences that answer, and the words in common.
pub(crate) fn to_hit(
    ranked: Ranked,
    query: &str,
    late: Option<&LateQuery>,
    codec: &dyn EmbedCodec,
) -> Hit {
    let Ranked { passage: stored, score, similarity, lexical, late: late_interaction } = ranked;
    let embedded = embedding_text(&stored.title, &stored.chunk);
    // The words were told apart in the same way when the passage was stored.
    let encoded = codec.encode_words(&embedded, InputKind::Passage).unwrap_or_default().words;
    let context = context_chars(&stored);
    let matched_words = matched_words(query, &embedded);
    let passage = Passage::from(stored.clone());
    let sentences = Sentences::new(&passage, &encoded, context);
    let scores = late.and_then(|late| late.score_parts(&stored, sentences.parts()));
    let highlights = sentences.highlights(&passage, query, scores);
    Hit { passage, score, similarity, lexical, late_interaction, matched_words, highlights }
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
