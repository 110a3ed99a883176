//! Finds the sentences of a passage that answer the question.

use std::collections::{HashMap, HashSet};

use intramuros_engine::Word as EncodedWord;
use intramuros_ingest::embedding_text;
use intramuros_store::StoredPassage;
use intramuros_types::{Chunk, PageBox, Span};

use crate::Passage;
use crate::sentences::sentences;
use crate::words::{Word, words};

/// Sentences beside the best one are shown when they have at least this share of its score.
const SECOND: f32 = 0.6;
/// The most sentences that are shown.
const MAX_SENTENCES: usize = 3;

/// A sentence of a passage that answers the question, as far as words can tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Highlight {
    /// The sentence.
    pub text: String,
    /// Where it is in the document's extracted text, in characters.
    pub span: Span,
    /// Where its lines stand on their pages, where the format has places.
    pub boxes: Vec<PageBox>,
}

/// How many characters of the text that was embedded for a passage come before its own.
pub(crate) fn context_chars(passage: &StoredPassage) -> u32 {
    let empty = Chunk { text: String::new(), ..passage.chunk.clone() };
    u32::try_from(embedding_text(&passage.title, &empty).chars().count()).unwrap_or(u32::MAX)
}

/// The best sentences in the order of the text. `shares`: how much of the question each word of
/// the passage answers, by its index in `encoded`, whose spans are those of the embedded text, in
/// which the passage begins after `context` characters. Without shares the words in common with
/// `question` decide.
pub(crate) fn highlights(
    passage: &Passage,
    question: &str,
    encoded: &[EncodedWord],
    shares: &HashMap<usize, f32>,
    context: u32,
) -> Vec<Highlight> {
    let spans = sentence_spans(&passage.text);
    let mut scored: Vec<(f32, Span)> = spans
        .into_iter()
        .map(|span| {
            let holds = |word: &EncodedWord| {
                // A word can begin with the blank before it.
                let end = word.span.end.saturating_sub(context);
                word.span.end > context && end > span.start && end <= span.end
            };
            let score = shares
                .iter()
                .filter(|(word, _)| encoded.get(**word).is_some_and(holds))
                .map(|(_, share)| share)
                .sum();
            (score, span)
        })
        .collect();
    if scored.iter().all(|(score, _)| *score <= 0.0) {
        let asked: HashSet<Word> = words(question).into_iter().collect();
        for (score, span) in &mut scored {
            let own: HashSet<Word> = words(span.slice(&passage.text)).into_iter().collect();
            *score = own.intersection(&asked).count() as f32;
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = scored.first().map_or(0.0, |(score, _)| *score);
    let shown = scored.iter().filter(|(score, _)| *score > 0.0 && *score >= best * SECOND);
    let mut chosen: Vec<Span> = shown.take(MAX_SENTENCES).map(|(_, span)| *span).collect();
    chosen.sort_by_key(|span| span.start);
    chosen.into_iter().map(|span| highlight(passage, span)).collect()
}

fn highlight(passage: &Passage, within: Span) -> Highlight {
    let start = passage.span.start;
    let span = Span::new(start + within.start, start + within.end);
    let text = within.slice(&passage.text).to_owned();
    Highlight { text, span, boxes: passage.boxes_of(span) }
}

/// Where the sentences of `text` are, in characters.
fn sentence_spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut byte, mut char) = (0, 0_u32);
    for sentence in sentences(text) {
        // They are parts of the text, in order.
        let start = sentence.as_ptr() as usize - text.as_ptr() as usize;
        char += text[byte..start].chars().count() as u32;
        let end = char + sentence.chars().count() as u32;
        spans.push(Span::new(char, end));
        (byte, char) = (start + sentence.len(), end);
    }
    spans
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use intramuros_engine::Word;
    use intramuros_types::{ChunkId, DocumentId, Span};

    use super::highlights;
    use crate::Passage;

    const TEXT: &str = "Été comme hiver. La caution est de 1 500 €. Elle est rendue au retour.";

    fn passage() -> Passage {
        Passage {
            id: ChunkId::new("doc_1:0"),
            document: DocumentId::new("doc_1"),
            title: "Location".into(),
            ordinal: 0,
            section_path: Vec::new(),
            pages: None,
            span: Span::new(100, 100 + TEXT.chars().count() as u32),
            text: TEXT.into(),
            boxes: Vec::new(),
            words: Vec::new(),
        }
    }

    #[track_caller]
    fn check(question: &str, words: &[(u32, f32)], expected: &[&str]) {
        let encoded: Vec<Word> = words
            .iter()
            .map(|(end, _)| Word { tokens: 0..1, span: Span::new(end - 2, *end), weight: 1.0 })
            .collect();
        let shares: HashMap<usize, f32> =
            words.iter().enumerate().map(|(at, (_, share))| (at, *share)).collect();
        let found = highlights(&passage(), question, &encoded, &shares, 9);
        assert_eq!(found.iter().map(|h| h.text.as_str()).collect::<Vec<_>>(), expected);
        for highlight in found {
            let span = highlight.span;
            let within = Span::new(span.start - 100, span.end - 100);
            assert_eq!(within.slice(TEXT), highlight.text);
        }
    }

    #[test]
    fn the_sentence_with_most_of_the_answer_is_shown() {
        // Characters 17 to 43 of the text are the second sentence; the context has 9.
        check("x", &[(9 + 27, 0.5), (9 + 50, 0.1)], &["La caution est de 1 500 €."]);
        check(
            "x",
            &[(9 + 27, 0.5), (9 + 50, 0.4)],
            &["La caution est de 1 500 €.", "Elle est rendue au retour."],
        );
    }

    #[test]
    fn words_in_common_decide_where_nothing_else_does() {
        check("quelle caution ?", &[], &["La caution est de 1 500 €."]);
        check("quelle caution ?", &[(5, 0.9)], &["La caution est de 1 500 €."]);
        check("rien", &[], &[]);
    }
}
