//! Tests tokenising: prefixes, limits, and what a text must not do.

use intramuros_backend::{BackendError, EmbedCodec, InputKind};
use intramuros_types::{EncoderProfile, Fault};

use super::{e5_profile, files, installed, tiny_folder, tiny_profile};
use crate::EncoderCodec;

/// Ids of the tiny tokenizer's `<s>` and `</s>`.
const OPEN_CLOSE: (u32, u32) = (0, 2);

fn tiny(profile: &EncoderProfile) -> EncoderCodec {
    EncoderCodec::load(&files(&tiny_folder()), profile).expect("the tokenizer loads")
}

#[track_caller]
fn check_refused(codec: &EncoderCodec, text: &str, expected: &str) {
    let error = codec.encode(text, InputKind::Plain).expect_err("the text is refused");
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.fault(), Fault::User);
    assert!(matches!(error, BackendError::Input(_)));
}

#[test]
fn padding_and_truncation_of_the_tokenizer_file_are_off() {
    // tokenizer.json of the tiny model asks for both, to 16 tokens.
    let codec = tiny(&tiny_profile());
    let short = codec.encode("a", InputKind::Plain).expect("it is tokenised");
    assert!(short.len() <= 4, "padded to {}", short.len());
    let long = codec.encode(&"caution ".repeat(20), InputKind::Plain).expect("it is tokenised");
    assert!(long.len() >= 22, "cut to {}", long.len());
    assert_eq!(long.last(), Some(&OPEN_CLOSE.1));
}

#[test]
fn too_long_gives_both_counts_and_the_limit_itself_fits() {
    let codec = tiny(&tiny_profile());
    let text = "é".repeat(400);
    let tokens = codec.count_tokens(&text).expect("it is tokenised") + 2;
    check_refused(
        &codec,
        &text,
        &format!("text has {tokens} tokens, the encoder takes 200; send it in pieces"),
    );

    let fitting = EncoderProfile { max_tokens: Some(tokens as u32), ..tiny_profile() };
    check_refused(
        &tiny(&fitting),
        &text,
        &format!("text has {tokens} tokens, the encoder takes 200; send it in pieces"),
    );

    let words = "caution ".repeat(5);
    let tokens = codec.count_tokens(&words).expect("it is tokenised") as u32 + 2;
    let exact = tiny(&EncoderProfile { max_tokens: Some(tokens), ..tiny_profile() });
    assert!(exact.encode(&words, InputKind::Plain).is_ok());
    let less = tiny(&EncoderProfile { max_tokens: Some(tokens - 1), ..tiny_profile() });
    let expected =
        format!("text has {tokens} tokens, the encoder takes {}; send it in pieces", tokens - 1);
    check_refused(&less, &words, &expected);
}

#[test]
fn huge_texts_are_refused_before_they_are_tokenised() {
    let codec = tiny(&tiny_profile());
    let text = "a".repeat((1 << 20) + 1);
    check_refused(&codec, &text, "input has 1048577 bytes, at most 1048576 are embedded");
}

#[test]
fn long_texts_are_counted_in_parts() {
    let codec = tiny(&tiny_profile());
    let sentence = "La caution de l'été est encaissée après le retour. ";
    let one = codec.count_tokens(sentence).expect("it is tokenised");
    let many = codec.count_tokens(&sentence.repeat(20_000)).expect("it is tokenised");
    // Each part may begin and end with a space of its own.
    assert!(many.abs_diff(one * 20_000) <= 20_000 + 10, "{many} tokens, {one} a sentence");
    // Without a space, and with characters of several bytes at every border.
    let count = codec.count_tokens(&"é".repeat(300_000)).expect("it is tokenised");
    assert!(count >= 100_000, "{count}");
}

#[test]
fn empty_text_is_an_opening_and_a_closing_token() {
    let codec = tiny(&tiny_profile());
    let ids = codec.encode("", InputKind::Plain).expect("it is tokenised");
    assert_eq!(ids, [OPEN_CLOSE.0, OPEN_CLOSE.1]);
    assert_eq!(codec.count_tokens("").expect("it is tokenised"), 0);
}

#[test]
fn prefixes_depend_on_what_the_input_is_for() {
    let files = files(&installed("multilingual-e5-small"));
    let codec = EncoderCodec::load(&files, &e5_profile()).expect("the tokenizer loads");
    let encode = |text: &str, kind| codec.encode(text, kind).expect("it is tokenised");
    let plain = |text: &str| encode(text, InputKind::Plain);
    assert_eq!(encode("délai ?", InputKind::Query), plain("query: délai ?"));
    assert_eq!(encode("48 heures", InputKind::Passage), plain("passage: 48 heures"));
    assert_ne!(plain("délai ?"), plain("query: délai ?"));
    let counted = codec.count_tokens("délai ?").expect("it is tokenised");
    assert_eq!(counted + 2, plain("délai ?").len());
}
