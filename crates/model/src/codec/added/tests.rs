//! Tests of finding added tokens.

use super::{AddedKind, AddedToken, AddedTokens};

fn tokens() -> AddedTokens {
    let strip = AddedToken { rstrip: true, ..AddedToken::new(4, "<|end|>", AddedKind::Control) };
    let left = AddedToken { lstrip: true, ..AddedToken::new(5, "<mask>", AddedKind::Control) };
    let word = AddedToken { single_word: true, ..AddedToken::new(6, "mot", AddedKind::Text) };
    AddedTokens::new(vec![
        AddedToken::new(1, "<s>", AddedKind::Control),
        AddedToken::new(2, "<s><s>", AddedKind::Control),
        AddedToken::new(3, "  ", AddedKind::Text),
        strip,
        left,
        word,
        AddedToken::new(7, "", AddedKind::Control),
        AddedToken::new(8, "x".repeat(super::MAX_TOKEN_BYTES + 1), AddedKind::Control),
        AddedToken::new(9, "é", AddedKind::Text),
    ])
}

/// `expected` writes plain text as it is and tokens as `[id]`.
#[track_caller]
fn check(text: &str, controls: bool, expected: &str) {
    let parts = tokens().split(text, controls);
    let mut at = 0;
    let mut shown = String::new();
    for part in parts {
        assert_eq!(part.range.start, at, "parts must be contiguous");
        assert!(!part.range.is_empty(), "no part may be empty");
        at = part.range.end;
        match part.token {
            Some(id) => shown.push_str(&format!("[{id}]")),
            None => shown.push_str(&text[part.range]),
        }
    }
    assert_eq!((shown.as_str(), at), (expected, text.len()));
}

#[test]
fn tokens_are_cut_out_leftmost_and_longest() {
    check("", true, "");
    check("rien", true, "rien");
    check("a<s>b", true, "a[1]b");
    check("<s><s><s>", true, "[2][1]");
    check("<s<s>", true, "<s[1]");
    check("<s", true, "<s");
    check("ab  c   d", true, "ab[3]c[3] d");
    check("café", true, "caf[9]");
    check("cafè", true, "cafè");
}

#[test]
fn control_tokens_are_left_alone_unless_asked_for() {
    check("a<s>b  c<|end|> ", false, "a<s>b[3]c<|end|> ");
}

#[test]
fn stripping_tokens_take_white_space_with_them() {
    check("a <|end|> \n b", true, "a [4]b");
    check("a \n<mask> b", true, "a[5] b");
    check("<|end|>    <mask>", true, "[4][5]");
    check("<|end|>     x", true, "[4]x");
}

#[test]
fn single_words_must_stand_alone() {
    check("mot, mots", true, "[6], mots");
    check("le mot", true, "le [6]");
    check("élmot mot_", true, "[9]lmot mot_");
}

#[test]
fn overlong_tokens_are_never_looked_for() {
    let text = "x".repeat(super::MAX_TOKEN_BYTES + 1);
    check(&text, true, &text);
}
