//! Tests that text comes out whole however the tokens cut it.

use super::{Piece, TextAssembler};

/// Pushes `pieces` one by one; `expected` are the pieces that come out, the last from `finish`
/// unless a stop text was met, which is marked by `■`.
#[track_caller]
fn check(stops: &[&str], pieces: &[&[u8]], expected: &[&str]) {
    let mut assembler = TextAssembler::new(stops.iter().map(|&stop| stop.to_owned()).collect());
    let mut out = Vec::new();
    let mut stopped = false;
    for piece in pieces {
        let Piece { text, stopped: now } = assembler.push(piece);
        out.push(if now { text + "■" } else { text });
        stopped = now;
        if now {
            break;
        }
    }
    if !stopped {
        let Piece { text, stopped: now } = assembler.finish();
        out.push(if now { text + "■" } else { text });
    }
    assert_eq!(out, expected);
}

#[test]
fn a_character_split_across_tokens_comes_out_whole() {
    check(&[], &[b"\xC3", b"\xA9t\xC3", b"\xA9"], &["", "ét", "é", ""]);
    check(&[], &[b"\xF0\x9F", b"\x91", b"\x8D!"], &["", "", "👍!", ""]);
}

#[test]
fn invalid_bytes_are_replaced_once_certain() {
    check(&[], &[b"a\xC3", b"b"], &["a", "\u{FFFD}b", ""]);
    check(&[], &[b"a\xF0\x9F"], &["a", "\u{FFFD}"]);
    check(&[], &[b"\xFF\xFE"], &["\u{FFFD}\u{FFFD}", ""]);
    check(&[], &[b"\xED\xA0\x80"], &["\u{FFFD}\u{FFFD}\u{FFFD}", ""]);
    check(&[], &[], &[""]);
}

#[test]
fn cut_anywhere_the_text_equals_the_lossy_decoding_of_all_bytes() {
    let nasty: &[u8] =
        b"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x91\x8D\xFFa\xC3(\xF0\x9F\x91b\xE2\x82\xED\xA0\x80";
    for size in 1..=nasty.len() {
        let mut assembler = TextAssembler::new(Vec::new());
        let mut text: String = nasty.chunks(size).map(|piece| assembler.push(piece).text).collect();
        text += &assembler.finish().text;
        assert_eq!(text, String::from_utf8_lossy(nasty), "pieces of {size}");
    }
}

#[test]
fn stop_text_is_found_across_tokens_and_not_sent() {
    check(&["STOP"], &[b"one ST", b"OP two"], &["one ", "■"]);
    check(&["STOP"], &[b"oneSTOPtwo"], &["one■"]);
    check(&["\n\n"], &[b"a\n", b"\n"], &["a", "■"]);
    check(&["fin"], &[b"f", b"i", b"n"], &["", "", "■"]);
}

#[test]
fn what_only_looked_like_a_stop_text_is_sent() {
    check(&["STOP"], &[b"ST", b"AY"], &["", "STAY", ""]);
    check(&["STOP"], &[b"no ST"], &["no ", "ST"]);
    check(&["aab"], &[b"a", b"a", b"a", b"b!"], &["", "", "a", "■"]);
}

#[test]
fn the_stop_text_that_is_complete_first_wins_whatever_the_cuts() {
    check(&["abcd", "bc"], &[b"abcd"], &["a■"]);
    check(&["abcd", "bc"], &[b"a", b"b", b"c", b"d"], &["", "", "a■"]);
    check(&["c", "abc"], &[b"xabc"], &["x■"]);
}

#[test]
fn stop_text_of_several_bytes_a_character_is_found_in_split_characters() {
    check(&["é!"], &[b"d\xC3", b"\xA9", b"!"], &["d", "", "■"]);
    check(&["€"], &[b"5 \xE2", b"\x82", b"\xAC"], &["5 ", "", "■"]);
}
#[test]
fn a_replacement_at_the_end_can_complete_a_stop_text() {
    check(&["\u{FFFD}"], &[b"a\xC3"], &["a", "■"]);
}
