//! Finds the sentences of a passage that answer the question.

use std::collections::HashSet;
use std::ops::Range;

use intramuros_engine::Word as EncodedWord;
use intramuros_ingest::embedding_text;
use intramuros_store::StoredPassage;
use intramuros_types::{Chunk, PageBox, Span};

use crate::Passage;
use crate::sentences::sentences;
use crate::words::{Word, words};

/// Sentences beside the best one are shown when they have at least this share of its score.
const SECOND: f32 = 0.85;
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

/// The sentences of a passage.
pub(crate) struct Sentences {
    /// Where they are in the passage, in characters.
    spans: Vec<Span>,
    /// The words of each, as ranges of the encoded ones.
    parts: Vec<Range<usize>>,
}

impl Sentences {
    /// The sentences of `passage`. `encoded`: the words of the embedded text, in which the passage
    /// begins after `context` characters.
    pub(crate) fn new(passage: &Passage, encoded: &[EncodedWord], context: u32) -> Self {
        let spans = sentence_spans(&passage.text);
        let parts = spans.iter().map(|span| words_of(*span, encoded, context)).collect();
        Self { spans, parts }
    }

    /// The words of each sentence, as ranges of the encoded ones.
    pub(crate) fn parts(&self) -> &[Range<usize>] {
        &self.parts
    }

    /// The sentences that fit best, in the order of the text. `scores`: how well each fits; without
    /// them the words in common with `question` decide.
    pub(crate) fn highlights(
        self,
        passage: &Passage,
        question: &str,
        scores: Option<Vec<f32>>,
    ) -> Vec<Highlight> {
        let scores = scores.filter(|scores| scores.iter().any(|score| *score > 0.0));
        let scores = scores.unwrap_or_else(|| in_common(passage, &self.spans, question));
        let mut scored: Vec<(f32, Span)> = scores.into_iter().zip(self.spans).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = scored.first().map_or(0.0, |(score, _)| *score);
        let shown = scored.iter().filter(|(score, _)| *score > 0.0 && *score >= best * SECOND);
        let mut chosen: Vec<Span> = shown.take(MAX_SENTENCES).map(|(_, span)| *span).collect();
        chosen.sort_by_key(|span| span.start);
        chosen.into_iter().map(|span| highlight(passage, span)).collect()
    }
}

/// The words of a sentence of the passage.
fn words_of(sentence: Span, encoded: &[EncodedWord], context: u32) -> Range<usize> {
    // A word can begin with the blank before it, so its end decides.
    let ends_by = |limit: u32| encoded.partition_point(|word| word.span.end <= limit);
    ends_by(context + sentence.start)..ends_by(context + sentence.end)
}

/// How many words each sentence has in common with the question.
fn in_common(passage: &Passage, spans: &[Span], question: &str) -> Vec<f32> {
    let asked: HashSet<Word> = words(question).into_iter().collect();
    let common = |span: &Span| {
        let own: HashSet<Word> = words(span.slice(&passage.text)).into_iter().collect();
        own.intersection(&asked).count() as f32
    };
    spans.iter().map(common).collect()
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
    use std::ops::Range;

    use intramuros_engine::Word;
    use intramuros_types::{ChunkId, DocumentId, Span};

    use super::Sentences;
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

    /// Words that end at these characters of the text, with how well each fits.
    #[track_caller]
    fn check(question: &str, words: &[(u32, f32)], expected: &[&str]) {
        const CONTEXT: u32 = 9;
        let encoded: Vec<Word> = words
            .iter()
            .map(|(end, _)| {
                let end = CONTEXT + end;
                Word { tokens: 0..1, span: Span::new(end - 2, end), weight: 1.0 }
            })
            .collect();
        let best = |part: &Range<usize>| {
            words[part.clone()].iter().map(|(_, fit)| *fit).fold(0.0, f32::max)
        };
        let sentences = Sentences::new(&passage(), &encoded, CONTEXT);
        let scores = sentences.parts().iter().map(best).collect();
        let found = sentences.highlights(&passage(), question, Some(scores));
        assert_eq!(found.iter().map(|h| h.text.as_str()).collect::<Vec<_>>(), expected);
        for highlight in found {
            let span = highlight.span;
            let within = Span::new(span.start - 100, span.end - 100);
            assert_eq!(within.slice(TEXT), highlight.text);
        }
    }

    #[test]
    fn the_sentences_that_fit_best_are_shown() {
        // Characters 17 to 43 of the text are the second sentence.
        check("x", &[(27, 0.5), (50, 0.1)], &["La caution est de 1 500 €."]);
        check(
            "x",
            &[(5, 0.1), (27, 0.5), (50, 0.45)],
            &["La caution est de 1 500 €.", "Elle est rendue au retour."],
        );
    }

    #[test]
    fn words_in_common_decide_where_nothing_else_does() {
        check("quelle caution ?", &[], &["La caution est de 1 500 €."]);
        check("quelle caution ?", &[(27, 0.0)], &["La caution est de 1 500 €."]);
        check("rien", &[], &[]);
    }
}
