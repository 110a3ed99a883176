//! Checks that positions outside the text are found.

use intramuros_types::{ExtractedDocument, Span};

use super::is_sound;
use crate::{ExtractConfig, Extraction, extract};

#[track_caller]
fn check(change: impl FnOnce(&mut ExtractedDocument), expected: bool) {
    let pdf = include_bytes!("../../../fixtures/notice.pdf");
    let mut extraction = extract(pdf, "notice.pdf", &ExtractConfig::default()).unwrap();
    change(extraction.document.as_mut().unwrap());
    assert_eq!(is_sound(&extraction), expected);
}

#[test]
fn promises_are_checked() {
    check(|_| {}, true);
    check(|document| document.blocks.swap(0, 1), false);
    check(|document| document.blocks[0].span = Span { start: 3, end: 1 }, false);
    check(|document| document.blocks.last_mut().unwrap().span.end += 1, false);
    check(|document| document.blocks[0].page = Some(0), false);
    check(|document| document.blocks[0].page = Some(9), false);
    check(|document| document.text.truncate(40), false);
    check(|document| document.blocks.clear(), false);
    assert!(!is_sound(&Extraction { document: None, files: Vec::new(), warnings: Vec::new() }));
}
