//! Checks the cleaning of text.

use super::{Layout, clean};

#[track_caller]
fn check(layout: Layout, raw: &str, expected: &str) {
    let cleaned = clean(raw, layout);
    assert_eq!(cleaned, expected);
    assert_eq!(clean(&cleaned, layout), cleaned, "cleaning twice changes nothing");
}

#[test]
fn lines_keep_line_ends_and_one_blank_line() {
    check(Layout::Lines, "a\r\nb\rc\u{2028}d", "a\nb\nc\nd");
    check(Layout::Lines, "\n\n a  b \t\n\n\n\n c \n", "a b\n\nc");
    check(Layout::Lines, " \n\u{a0}\n", "");
}

#[test]
fn line_joins_everything() {
    check(Layout::Line, " Un\n titre\t\tlong ", "Un titre long");
    check(Layout::Line, "12\u{a0}000\u{202f}€", "12\u{a0}000\u{202f}€");
    check(Layout::Line, "12 \u{a0} 000", "12 000");
}

#[test]
fn verbatim_keeps_indentation() {
    check(Layout::Verbatim, "\nif x:\n\treturn  1  \n\n\n\nend\n", "if x:\n    return  1\n\nend");
    check(Layout::Verbatim, "  a\n b", "  a\n b");
}

#[test]
fn invisible_characters_go() {
    check(Layout::Line, "a\0b\u{7}c\u{ad}d\u{200b}e\u{feff}f\u{202e}g", "abcdefg");
    check(Layout::Line, "sûr\u{e0041}\u{e0042}", "sûr");
    check(Layout::Line, "e\u{fb03}cace, \u{fb01}n", "efficace, fin");
}
