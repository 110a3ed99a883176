//! Checks that words keep their places through what happens to a block's text.

use intramuros_types::PageBox;

use super::PlacedText;
use crate::normalise::{Layout, clean};

/// A place that can be told from others by its left edge.
fn at(left: f32) -> PageBox {
    PageBox { page: 1, left, top: 0.0, right: left + 0.05, bottom: 0.1 }
}

/// Words at 0.0, 0.1, and so on, with a blank between them.
fn text(words: &[&str]) -> PlacedText {
    let mut text = PlacedText::default();
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            text.push_str(" ");
        }
        text.push_word(word, at(number as f32 / 10.0));
    }
    text
}

#[track_caller]
fn check(text: &PlacedText, expected: &[(&str, f32)]) {
    let cleaned = clean(text, Layout::Lines);
    let words = text.spans_in(&cleaned, 0);
    let words: Vec<(&str, f32)> =
        words.iter().map(|word| (word.span.slice(&cleaned), word.place.left)).collect();
    assert_eq!(words, expected);
}

#[test]
fn cleaning_moves_words() {
    let mut raw = text(&["e\u{fb03}cace", "\u{ad}", "\u{feff}le", "n°\u{200b}"]);
    raw.push_str("  \u{a0} ");
    raw.push_word("fin", at(0.9));
    check(&raw, &[("efficace", 0.0), ("le", 0.2), ("n°", 0.3), ("fin", 0.9)]);
    check(&PlacedText::from("sans place"), &[]);
    check(&PlacedText::default(), &[]);
}

#[test]
fn decorations_have_no_place() {
    let mut row = PlacedText::from("Total: ");
    row.append(&text(&["Total", "2"]), true);
    row.push_str(" ; Prix: ");
    row.append(&text(&["3"]), true);
    check(&row, &[("Total", 0.0), ("2", 0.1), ("3", 0.0)]);
}

#[test]
fn parts_of_words_stay_apart_only_when_divided() {
    let mut divided = text(&["la", "premi-"]);
    divided.pop();
    divided.append(&text(&["ère", "fois"]), false);
    check(&divided, &[("la", 0.0), ("premi", 0.1), ("ère", 0.0), ("fois", 0.1)]);
    let mut touching = text(&["un", "d"]);
    touching.append(&text(&["eux"]), true);
    check(&touching, &[("un", 0.0), ("deux", 0.0)]);
}

#[test]
fn ends_are_cut() {
    let mut raw = PlacedText::from("  ");
    raw.append(&text(&["•point", "ici"]), true);
    raw.push_str(" \n");
    let mut raw = raw.trimmed();
    assert_eq!(&*raw, "•point ici");
    raw.without_start("•".len());
    check(&raw, &[("point", 0.0), ("ici", 0.1)]);
    raw.without_start("point ".len());
    check(&raw, &[("ici", 0.1)]);
}
