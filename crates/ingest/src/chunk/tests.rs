//! Checks the cutting of documents into passages. A token is a word here.

use std::cell::Cell;

use intramuros_types::{BlockKind, Chunk, DocumentFormat, ExtractedDocument};

use super::{ChunkConfig, chunk};
use crate::ExtractConfig;
use crate::builder::Builder;

use BlockKind::{Heading, Paragraph, TableRow};

fn document(blocks: &[(BlockKind, String)]) -> ExtractedDocument {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    for (kind, text) in blocks {
        builder.push(*kind, text).unwrap();
    }
    builder.finish(DocumentFormat::Text, "a.txt").unwrap().document.unwrap()
}

/// `count` different words that end as a sentence.
fn words(name: &str, count: usize) -> String {
    let words: Vec<String> = (1..=count).map(|at| format!("{name}{at}")).collect();
    format!("{}.", words.join(" "))
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

fn config(target_tokens: usize, max_tokens: usize) -> ChunkConfig {
    ChunkConfig { target_tokens, max_tokens, overlap_tokens: 0 }
}

#[track_caller]
fn cut(blocks: &[(BlockKind, String)], config: &ChunkConfig) -> Vec<Chunk> {
    let document = document(blocks);
    let chunks = chunk(&document, config, &count);
    for (at, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.ordinal as usize, at);
        assert_eq!(chunk.text, chunk.span.slice(&document.text));
        assert!(count(&chunk.text) <= config.max_tokens, "{} tokens", count(&chunk.text));
    }
    let all = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if config.overlap_tokens == 0 {
        let joined: Vec<String> = chunks.iter().flat_map(|chunk| all(&chunk.text)).collect();
        assert_eq!(joined, all(&document.text), "every word is in one passage");
    }
    chunks
}

/// Checks the first and last word of each passage.
#[track_caller]
fn check(blocks: &[(BlockKind, String)], config: &ChunkConfig, expected: &[(&str, &str)]) {
    let chunks = cut(blocks, config);
    let ends: Vec<(&str, &str)> = chunks
        .iter()
        .map(|chunk| {
            let mut words = chunk.text.split_whitespace();
            let first = words.next().unwrap();
            (first, words.next_back().unwrap_or(first))
        })
        .collect();
    assert_eq!(ends, expected);
}

#[test]
fn sections_are_not_mixed() {
    check(
        &[
            (Heading(1), "Un".to_owned()),
            (Paragraph, words("a", 20)),
            (Paragraph, words("b", 20)),
            (Heading(1), "Deux".to_owned()),
            (Paragraph, words("c", 20)),
        ],
        &config(100, 120),
        &[("Un", "b20."), ("Deux", "c20.")],
    );
}

#[test]
fn tiny_siblings_are_joined() {
    let blocks = [
        (Heading(1), "Un".to_owned()),
        (Heading(2), "Sous".to_owned()),
        (Paragraph, words("a", 3)),
        (Heading(2), "Aussi".to_owned()),
        (Paragraph, words("b", 3)),
        (Heading(1), "Deux".to_owned()),
        (Paragraph, words("c", 30)),
    ];
    check(&blocks, &config(80, 100), &[("Un", "b3."), ("Deux", "c30.")]);
    let chunks = cut(&blocks, &config(80, 100));
    assert_eq!(chunks[0].section_path, ["Un"]);
    assert_eq!(chunks[1].section_path, ["Deux"]);
}

#[test]
fn blocks_are_packed_up_to_the_target() {
    check(
        &[
            (Paragraph, words("a", 20)),
            (Paragraph, words("b", 20)),
            (Paragraph, words("c", 20)),
            (Paragraph, words("d", 20)),
        ],
        &config(45, 60),
        &[("a1", "b20."), ("c1", "d20.")],
    );
}

#[test]
fn headings_go_with_what_follows() {
    check(
        &[
            (Paragraph, words("a", 38)),
            (Heading(1), "Un".to_owned()),
            (Heading(2), "Sous".to_owned()),
            (Paragraph, words("b", 90)),
            (Heading(2), "Fin".to_owned()),
        ],
        &config(40, 50),
        &[("a1", "a38."), ("Un", "b30"), ("b31", "b60"), ("b61", "Fin")],
    );
    check(
        &[(Heading(1), "Un".to_owned()), (Heading(1), "Deux".to_owned())],
        &config(40, 50),
        &[("Un", "Deux")],
    );
}

#[test]
fn large_blocks_are_cut_at_sentences_of_equal_parts() {
    let text = format!("{} {} {}", words("A", 10), words("B", 10), words("C", 10));
    check(&[(Paragraph, text)], &config(20, 25), &[("A1", "A10."), ("B1", "B10."), ("C1", "C10.")]);
    let abbreviated = "Voir M. Dupont au no. 3 pour la suite. Ensuite appelez le support.";
    check(
        &[(Paragraph, abbreviated.to_owned())],
        &config(9, 10),
        &[("Voir", "suite."), ("Ensuite", "support.")],
    );
}

#[test]
fn a_tail_of_a_few_words_is_not_left_alone() {
    check(
        &[(Paragraph, words("a", 39)), (Paragraph, words("b", 3))],
        &config(40, 50),
        &[("a1", "b3.")],
    );
    check(
        &[(Paragraph, words("a", 24)), (Paragraph, words("b", 15)), (Paragraph, words("c", 3))],
        &config(40, 41),
        &[("a1", "a24."), ("b1", "c3.")],
    );
}

#[test]
fn table_rows_stay_whole() {
    let row = |name: &str| (TableRow, format!("Code: {name} ; Sens: refus de {name}"));
    let rows = ["r1", "r2", "r3", "r4", "r5"].map(row);
    for chunk in cut(&rows, &config(16, 20)) {
        assert!(chunk.text.lines().all(|l| l.starts_with("Code: ") && l.contains("refus de")));
    }
}

#[test]
fn text_without_borders_is_cut_anywhere() {
    let document = document(&[(Paragraph, "é".repeat(100_000))]);
    let chunks = chunk(&document, &config(500, 600), &|text| text.chars().count());
    assert!(chunks.iter().all(|chunk| chunk.text.chars().count() <= 600));
    assert_eq!(chunks.iter().map(|chunk| chunk.span.len()).sum::<u32>(), 100_000);
}

#[test]
fn the_tokenizer_is_not_called_too_often() {
    let blocks: Vec<(BlockKind, String)> =
        (0..300).map(|at| (Paragraph, words(&format!("p{at}x"), 5 + at % 90))).collect();
    let document = document(&blocks);
    let counted = Cell::new(0);
    let tokens = |text: &str| {
        counted.set(counted.get() + text.len());
        count(text)
    };
    chunk(&document, &config(40, 50), &tokens);
    assert!(
        counted.get() < 6 * document.text.len(),
        "{} of {}",
        counted.get(),
        document.text.len()
    );
}

#[test]
fn overlap_repeats_whole_sentences() {
    let text = |name: &str| format!("{} {} {}", words(name, 8), words(name, 4), words(name, 5));
    let blocks = [(Paragraph, text("A")), (Paragraph, text("B"))];
    let config = ChunkConfig { target_tokens: 20, max_tokens: 30, overlap_tokens: 10 };
    let chunks = cut(&blocks, &config);
    assert_eq!(chunks.len(), 2);
    assert!(chunks[1].text.starts_with("A1 A2 A3 A4. A1 A2 A3 A4 A5.\n\nB1"), "{}", chunks[1].text);
}

#[test]
fn pages_are_those_touched() {
    let reading = ExtractConfig::default();
    let mut builder = Builder::new(&reading);
    builder.pages = Some(3);
    for page in 1..=3 {
        builder.page = Some(page);
        builder.push(Paragraph, &words("a", 20)).unwrap();
    }
    let document = builder.finish(DocumentFormat::Pdf, "a.pdf").unwrap().document.unwrap();
    let pages: Vec<_> =
        chunk(&document, &config(45, 50), &count).into_iter().map(|chunk| chunk.pages).collect();
    assert_eq!(pages, [Some((1, 2)), Some((3, 3))]);
}

#[test]
fn strange_sizes_do_no_harm() {
    let blocks = [(Heading(1), words("h", 30)), (Paragraph, words("a", 30))];
    let document = document(&blocks);
    for (target, max, overlap) in [(0, 0, 0), (1, 1, 9), (50, 3, 2), (usize::MAX, usize::MAX, 7)] {
        let config =
            ChunkConfig { target_tokens: target, max_tokens: max, overlap_tokens: overlap };
        let chunks = chunk(&document, &config, &count);
        assert!(chunks.iter().all(|chunk| count(&chunk.text) <= max.max(1)));
    }
    assert!(chunk(&document, &config(5, 5), &|_| 0).len() == 1);
}
