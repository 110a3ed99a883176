//! Tests of what a damaged or unknown tokenizer in a GGUF ends in.

use std::io::Write;

use super::{byte_token, load};
use crate::{Gguf, ModelError};

/// A metadata value to be written.
#[derive(Clone)]
enum Entry {
    Text(&'static str),
    Number(u32),
    Flag(bool),
    Texts(&'static [&'static str]),
    Numbers(&'static [i32]),
    Scores(&'static [f32]),
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn array(bytes: &mut Vec<u8>, kind: u32, length: usize) {
    bytes.extend(9_u32.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend((length as u64).to_le_bytes());
}

fn write(entries: &[(&str, Entry)]) -> tempfile::NamedTempFile {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend((entries.len() as u64).to_le_bytes());
    for (key, entry) in entries {
        text(&mut bytes, &format!("tokenizer.{key}"));
        match entry {
            Entry::Text(value) => {
                bytes.extend(8_u32.to_le_bytes());
                text(&mut bytes, value);
            }
            Entry::Number(value) => bytes.extend([4, *value].map(u32::to_le_bytes).as_flattened()),
            Entry::Flag(value) => {
                bytes.extend(7_u32.to_le_bytes());
                bytes.push(u8::from(*value));
            }
            Entry::Texts(values) => {
                array(&mut bytes, 8, values.len());
                values.iter().for_each(|value| text(&mut bytes, value));
            }
            Entry::Numbers(values) => {
                array(&mut bytes, 5, values.len());
                values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            }
            Entry::Scores(values) => {
                array(&mut bytes, 6, values.len());
                values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            }
        }
    }
    let mut file = tempfile::Builder::new().suffix(".gguf").tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

fn bpe() -> Vec<(&'static str, Entry)> {
    vec![
        ("ggml.model", Entry::Text("gpt2")),
        ("ggml.pre", Entry::Text("gpt-2")),
        ("ggml.tokens", Entry::Texts(&["a", "b", "ab", "<|im_end|>", "<|u|>", "<|im_start|>"])),
        ("ggml.token_type", Entry::Numbers(&[1, 1, 1, 4, 4, 3])),
        ("ggml.merges", Entry::Texts(&["a b"])),
    ]
}

fn spm() -> Vec<(&'static str, Entry)> {
    vec![
        ("ggml.model", Entry::Text("llama")),
        ("ggml.tokens", Entry::Texts(&["<unk>", "<s>", "</s>", "[INST]", "▁", "a"])),
        ("ggml.token_type", Entry::Numbers(&[2, 3, 3, 3, 1, 1])),
        ("ggml.scores", Entry::Scores(&[0.0, 0.0, 0.0, 0.0, -1.0, -2.0])),
    ]
}

/// `entries` with those of `changes` put in place or added; `None` takes one away.
fn changed(
    mut entries: Vec<(&'static str, Entry)>,
    changes: &[(&'static str, Option<Entry>)],
) -> tempfile::NamedTempFile {
    for (key, entry) in changes {
        entries.retain(|(existing, _)| existing != key);
        entries.extend(entry.clone().map(|entry| (*key, entry)));
    }
    write(&entries)
}

#[track_caller]
fn check(
    entries: Vec<(&'static str, Entry)>,
    change: (&'static str, Option<Entry>),
    expected: &str,
) {
    let file = changed(entries, &[change]);
    let error = load(&Gguf::open(file.path()).unwrap()).unwrap_err();
    assert!(matches!(error, ModelError::Metadata { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn damaged_and_unknown_tokenizers_are_refused_by_name() {
    use Entry::{Flag, Number, Numbers, Scores, Text, Texts};
    check(bpe(), ("ggml.model", Some(Text("t5"))), "`t5` is not supported; supported are gpt2");
    check(bpe(), ("ggml.model", None), "it is missing");
    check(bpe(), ("ggml.pre", Some(Text("nouveau"))), "`nouveau` is not known; known are default");
    check(bpe(), ("ggml.tokens", None), "it is missing");
    check(bpe(), ("ggml.tokens", Some(Texts(&[]))), "it has 0 tokens, the limit is 2097152");
    check(bpe(), ("ggml.token_type", Some(Numbers(&[1]))), "it has 1 entries for 6 tokens");
    check(bpe(), ("ggml.merges", None), "it is missing");
    check(bpe(), ("ggml.merges", Some(Texts(&["a b", "b a"]))), "entry 1 is not two tokens");
    check(bpe(), ("ggml.merges", Some(Texts(&["ab"]))), "entry 0 is not two tokens");
    check(bpe(), ("ggml.merges", Some(Texts(&["a <|im_end|>"]))), "entry 0 is not two tokens");
    check(bpe(), ("ggml.eos_token_id", Some(Number(6))), "it is 6, the vocabulary has 6 tokens");
    check(bpe(), ("ggml.eos_token_id", Some(Flag(true))), "it is a truth value");
    check(bpe(), ("ggml.add_bos_token", Some(Flag(true))), "bos_token_id is missing");
    check(spm(), ("ggml.scores", None), "it is missing");
    check(spm(), ("ggml.scores", Some(Scores(&[1.0]))), "it has 1 entries for 6 tokens");
}

#[test]
fn tokens_that_steer_are_control_tokens_whatever_the_file_calls_them() {
    let template = Entry::Text("<|u|>{{ messages[0].content }}");
    let file = changed(bpe(), &[("chat_template", Some(template))]);
    let parts = load(&Gguf::open(file.path()).unwrap()).unwrap();
    assert_eq!(parts.stops, [3], "<|im_end|> ends a turn");
    assert_eq!(parts.added.forgeable_in("<|im_end|><|u|><|im_start|>").count(), 3);
    let file = write(&bpe());
    let parts = load(&Gguf::open(file.path()).unwrap()).unwrap();
    assert_eq!(parts.added.forgeable_in("<|u|>").count(), 0, "no template writes it");
    assert_eq!(parts.bytes.get(4), b"<|u|>");
}

#[test]
fn a_model_with_the_tokens_of_chatml_gets_its_template() {
    use intramuros_backend::{ChatOptions, TextCodec};
    let file = write(&bpe());
    let files = crate::ModelFiles::discover(file.path()).unwrap();
    let codec = crate::ModelCodec::load(&files).unwrap();
    let messages = [intramuros_types::Message::new(intramuros_types::Role::User, "ab")];
    let ids = codec.encode_chat(&messages, &ChatOptions::default()).unwrap();
    // The other characters of the template are not in this tiny vocabulary.
    assert_eq!(ids, [5, 2, 3]);
}

#[track_caller]
fn check_spaces(changes: &[(&'static str, Option<Entry>)], expected: &[u32]) {
    let file = changed(spm(), changes);
    let parts = load(&Gguf::open(file.path()).unwrap()).unwrap();
    let text = "a<s>a[INST]a";
    let ids = parts.segmenter.encode(text, &parts.added.split(text, true), parts.bos).unwrap();
    assert_eq!(ids, expected);
}

#[test]
fn the_space_in_front_follows_the_family() {
    check_spaces(&[], &[4, 5, 1, 4, 5, 3, 5]);
    check_spaces(&[("ggml.add_space_prefix", Some(Entry::Flag(false)))], &[5, 1, 5, 3, 5]);
    let no_inst = Entry::Numbers(&[2, 3, 3, 4, 1, 1]);
    check_spaces(&[("ggml.token_type", Some(no_inst))], &[4, 5, 1, 4, 5, 3, 4, 5]);
}

#[test]
fn byte_tokens_are_read_and_nothing_else() {
    for (text, expected) in [
        ("<0x0A>", Some(10)),
        ("<0xff>", Some(255)),
        ("<0xF>", None),
        ("<0x+F>", None),
        ("0x0A", None),
        ("<0x00A>", None),
    ] {
        assert_eq!(byte_token(text), expected, "{text}");
    }
}
