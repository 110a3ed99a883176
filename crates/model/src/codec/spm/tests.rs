//! Tests of SentencePiece merging; `golden/tokenizers/spm.json` compares with the library itself.

use super::{SpacePrefix, Spm, SpmVocabulary};

const UNKNOWN: u32 = 0;

fn model(prefix: SpacePrefix, unknown: Option<u32>) -> Spm {
    let pieces = [("▁", -9.0), ("a", -8.0), ("b", -8.0), ("c", -8.0), ("ab", -2.0), ("bc", -1.0)];
    let more = [("abc", -3.0), ("▁a", -4.0), ("aa", -1.0)];
    let pieces = pieces.into_iter().chain(more).enumerate();
    let pieces = pieces.map(|(i, (text, score))| (text.to_owned(), score, i as u32 + 1)).collect();
    let mut bytes = vec![None; 256];
    for (offset, byte) in "é\n".bytes().enumerate() {
        bytes[usize::from(byte)] = Some(100 + offset as u32);
    }
    Spm::new(SpmVocabulary { pieces, bytes, unknown, prefix })
}

#[track_caller]
fn check(text: &str, with_prefix: bool, expected: &[u32]) {
    let mut ids = Vec::new();
    model(SpacePrefix::Always, Some(UNKNOWN)).encode(text, with_prefix, &mut ids).unwrap();
    assert_eq!(ids, expected);
}

#[test]
fn the_best_score_merges_first_and_of_equals_the_leftmost() {
    check("abc", false, &[7]);
    check("ab", false, &[5]);
    check("aaa", false, &[9, 2]);
    check("aaaa", false, &[9, 9]);
    check("abab", false, &[5, 5]);
}

#[test]
fn spaces_become_pieces_and_go_in_front() {
    check("", true, &[]);
    check("a", true, &[8]);
    check(" a", true, &[1, 8]);
    check("a b", false, &[2, 1, 3]);
}

#[test]
fn what_is_no_piece_becomes_bytes_or_unknown() {
    check("é\n", false, &[100, 101, 102]);
    check("日", false, &[UNKNOWN]);
    let refused = model(SpacePrefix::Never, None).encode("日", false, &mut Vec::new());
    assert_eq!(refused, Err("the model's vocabulary cannot express character U+65E5".to_owned()));
}

#[test]
fn the_prefix_depends_on_what_comes_before() {
    let bos = Some(50);
    for (prefix, expected) in [
        (SpacePrefix::Never, [false; 3]),
        (SpacePrefix::First, [true, true, false]),
        (SpacePrefix::Always, [true; 3]),
    ] {
        let model = model(prefix, None);
        let got = [None, bos, Some(51)].map(|previous| model.prefixes_after(previous, bos));
        assert_eq!(got, expected, "{prefix:?}");
    }
}

#[test]
fn a_megabyte_without_spaces_is_merged_in_order_n_log_n() {
    let text = "abc".repeat(350_000);
    let mut ids = Vec::new();
    model(SpacePrefix::Never, None).encode(&text, false, &mut ids).unwrap();
    assert_eq!(ids, vec![7; 350_000]);
}
