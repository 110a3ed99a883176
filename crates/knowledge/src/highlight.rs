//! Finds the sentences of a passage that answer the question.

use std::collections::HashSet;
use std::ops::Range;

use intramuros_engine::Word as EncodedWord;
use intramuros_ingest::{CELL_SEPARATOR, embedding_text};
use intramuros_store::StoredPassage;
use intramuros_types::{Chunk, PageBox, Span};

use crate::Passage;
use crate::sentences::sentences;
use crate::words::{Word, words};

/// Sentences are compared together with those that follow them, up to so many characters: one alone
/// seldom says what it is about. Measured on kb_gimp, where the labelled words are among the shown
/// sentences of the labelled page: 39 % by single sentences (33 % of the text shown), 58 % by 200
/// characters (38 %), 66 % by 250 (45 %), 71 % by 300 (51 %).
const WINDOW_CHARS: u32 = 300;
/// Windows beside the best one are shown when they have at least this share of its score.
const SECOND: f32 = 0.9;
/// The most windows that are shown.
const MAX_WINDOWS: usize = 2;

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

/// The sentences of a passage, in windows.
pub(crate) struct Sentences {
    /// Where they are in the passage, in characters.
    sentences: Vec<Span>,
    /// One window from each sentence on, whole sentences.
    spans: Vec<Span>,
    /// The words of each, as ranges of the encoded ones.
    parts: Vec<Range<usize>>,
}

impl Sentences {
    /// The sentences of `passage`. `encoded`: the words of the embedded text, in which the passage
    /// begins after `context` characters.
    pub(crate) fn new(passage: &Passage, encoded: &[EncodedWord], context: u32) -> Self {
        let sentences = sentence_spans(&passage.text);
        let spans: Vec<Span> =
            (0..sentences.len()).map(|at| window(&passage.text, &sentences[at..])).collect();
        let parts = spans.iter().map(|span| words_of(*span, encoded, context)).collect();
        Self { sentences, spans, parts }
    }

    /// The words of each window, as ranges of the encoded ones.
    pub(crate) fn parts(&self) -> &[Range<usize>] {
        &self.parts
    }

    /// The sentences of the windows that fit best, in the order of the text. `scores`: how well each
    /// window fits; without them the words in common with `question` decide.
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
        let mut chosen: Vec<Span> = Vec::new();
        for (score, span) in scored {
            let is_new =
                chosen.iter().all(|known| known.end <= span.start || span.end <= known.start);
            if score > 0.0 && score >= best * SECOND && is_new && chosen.len() < MAX_WINDOWS {
                chosen.push(span);
            }
        }
        let is_chosen = |sentence: &&Span| {
            chosen.iter().any(|span| span.start <= sentence.start && sentence.end <= span.end)
        };
        self.sentences.iter().filter(is_chosen).map(|span| highlight(passage, *span)).collect()
    }
}

/// The first of `sentences` and those that follow, while they are short enough.
fn window(text: &str, sentences: &[Span]) -> Span {
    let Span { start, mut end } = sentences[0];
    // A row of a table says all by itself, and its neighbours are about something else.
    let mut rows = sentences.iter().map(|span| span.slice(text).contains(CELL_SEPARATOR));
    let is_row = rows.next().unwrap_or(false);
    for (next, next_is_row) in sentences[1..].iter().zip(rows) {
        if is_row || next_is_row || next.end - start > WINDOW_CHARS {
            break;
        }
        end = next.end;
    }
    Span::new(start, end)
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

    const SHORT: &str = "Elle est rendue.";
    const NEXT: &str = "Prévenez l'agence.";
    const ROW: &str = "prix : 3 ; lot : 4";

    /// Too long to be compared together with another.
    fn long() -> String {
        format!("La caution est {}élevée.", "très ".repeat(60))
    }

    fn text() -> String {
        format!("Été comme hiver. {} {SHORT} {NEXT}\n{ROW}\n", long())
    }

    fn passage() -> Passage {
        Passage {
            id: ChunkId::new("doc_1:0"),
            document: DocumentId::new("doc_1"),
            title: "Location".into(),
            ordinal: 0,
            section_path: Vec::new(),
            pages: None,
            span: Span::new(100, 100 + text().chars().count() as u32),
            text: text(),
            boxes: Vec::new(),
            words: Vec::new(),
        }
    }

    /// The last words of these sentences, with how well each fits.
    #[track_caller]
    fn check(question: &str, words: &[(&str, f32)], expected: &[&str]) {
        const CONTEXT: u32 = 9;
        let encoded: Vec<Word> = words
            .iter()
            .map(|(sentence, _)| {
                let end = text().find(sentence).unwrap() + sentence.len();
                let end = CONTEXT + text()[..end].chars().count() as u32;
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
            assert_eq!(within.slice(&text()), highlight.text);
        }
    }

    #[test]
    fn the_sentences_that_fit_best_are_shown_with_those_that_follow() {
        let long = long();
        check("x", &[(&long, 0.5), (SHORT, 0.1)], &[&long]);
        check("x", &[(&long, 0.1), (SHORT, 0.5)], &[SHORT, NEXT]);
        check("x", &[(&long, 0.5), (SHORT, 0.48)], &[&long, SHORT, NEXT]);
    }

    #[test]
    fn rows_of_a_table_are_shown_alone() {
        check("x", &[(NEXT, 0.1), (ROW, 0.5)], &[ROW]);
        check("x", &[(NEXT, 0.5), (ROW, 0.1)], &[SHORT, NEXT]);
    }

    #[test]
    fn words_in_common_decide_where_nothing_else_does() {
        let long = long();
        check("quelle caution ?", &[], &[&long]);
        check("quelle caution ?", &[(&long, 0.0)], &[&long]);
        check("rien", &[], &[]);
    }
}
