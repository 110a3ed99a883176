//! Checks the reading of plain text.

use crate::extract::tests::read_within;
use crate::{ExtractLimits, IngestError};

#[track_caller]
fn check(raw: &str, expected: &[&str]) {
    let document = read_within(raw.as_bytes(), "note.txt", &ExtractLimits::default()).unwrap();
    let blocks: Vec<&str> = document.blocks.iter().map(|b| b.span.slice(&document.text)).collect();
    assert_eq!(blocks, expected);
}

#[test]
fn blank_lines_separate_paragraphs() {
    check("un\ndeux\n\n\ntrois", &["un\ndeux", "trois"]);
    check("\r\n\r\nun  deux\r\n \r\ntrois\r\n", &["un deux", "trois"]);
    check("seul", &["seul"]);
}

#[test]
fn white_space_alone_is_empty() {
    for raw in ["\n", " \t \r\n \u{a0}", "\u{feff}"] {
        let result = read_within(raw.as_bytes(), "note.txt", &ExtractLimits::default());
        assert_eq!(result.unwrap_err(), IngestError::Empty);
    }
}
