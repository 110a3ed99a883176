//! Checks the removal of running headers and footers.

use super::remove;
use crate::format::pdf::row::{Row, Segment};

#[track_caller]
fn check(pages: &[&[&str]], expected: &[&[&str]]) {
    let row = |(at, text): (usize, &&str)| Row {
        segments: vec![Segment {
            text: (*text).into(),
            left: 0.0,
            right: 100.0,
            size: 10.0,
            bold: false,
        }],
        middle: 800.0 - 12.0 * at as f32,
    };
    let mut rows: Vec<Vec<Row>> =
        pages.iter().map(|page| page.iter().enumerate().map(row).collect()).collect();
    remove(rows.iter_mut().collect());
    let texts: Vec<Vec<String>> = rows
        .iter()
        .map(|page| page.iter().map(|row| row.segments[0].text.to_string()).collect())
        .collect();
    assert_eq!(texts, expected);
}

#[test]
fn what_frames_most_pages_stays_once_and_page_numbers_never() {
    check(
        &[
            &["ACME", "un", "Page 1 / 3"],
            &["ACME", "deux", "Page 2 / 3"],
            &["ACME", "trois", "Page 3 / 3"],
        ],
        &[&["ACME", "un"], &["deux"], &["trois"]],
    );
    check(
        &[&["un", "- 1 -"], &["deux", "- 2 -"], &["trois", "- 3 -"]],
        &[&["un"], &["deux"], &["trois"]],
    );
}

#[test]
fn short_documents_and_the_middle_of_pages_keep_everything() {
    check(&[&["ACME", "un"], &["ACME", "deux"]], &[&["ACME", "un"], &["ACME", "deux"]]);
    let page: &[&str] = &["a", "b", "c", "milieu", "x", "y", "z"];
    check(&[page, page, page], &[page, &["milieu"], &["milieu"]]);
    check(&[&["ACME"], &["un"], &["deux"], &["ACME"]], &[&["ACME"], &["un"], &["deux"], &["ACME"]]);
}
