//! Tests that files which are not weights are told from those that are.

use std::fs;

use super::check;

#[track_caller]
fn verdict(name: &str, contents: &[u8]) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, contents).unwrap();
    check(name, &path)
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

const HEADER: &str =
    r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

#[track_caller]
fn check_refused(name: &str, contents: &[u8], part: &str) {
    let reason = verdict(name, contents).expect_err("it should be refused");
    assert!(reason.contains(part), "{reason:?} does not contain {part:?}");
}

#[test]
fn gguf_is_known_by_its_letters_and_version() {
    assert_eq!(verdict("m.gguf", b"GGUF\x03\0\0\0rest"), Ok(()));
    assert_eq!(verdict("m.gguf", b"GGUF\x02\0\0\0"), Ok(()));
    check_refused("m.gguf", b"", "too short");
    check_refused("m.gguf", b"<!DOCTYPE html>", "does not start with GGUF");
    check_refused("m.gguf", b"GGUF\0\0\0\x03", "version is 50331648");
}

#[test]
fn safetensors_must_end_where_its_header_says() {
    assert_eq!(verdict("m.safetensors", &safetensors(HEADER, 8)), Ok(()));
    check_refused("m.safetensors", &safetensors(HEADER, 7), "its header promises");
    check_refused("m.safetensors", &safetensors(HEADER, 9), "its header promises");
    check_refused("m.safetensors", b"abc", "too short");
    check_refused("m.safetensors", &u64::MAX.to_le_bytes(), "claims");
    check_refused("m.safetensors", &safetensors("[]", 0), "not readable");
    check_refused("m.safetensors", &safetensors("{\"a\":", 0), "not readable");
}

#[test]
fn safetensors_offsets_cannot_overflow() {
    let header = format!(r#"{{"a":{{"data_offsets":[0,{}]}}}}"#, u64::MAX);
    check_refused("m.safetensors", &safetensors(&header, 0), "more than can be");
}

#[test]
fn other_files_pass() {
    assert_eq!(verdict("config.json", b"{}"), Ok(()));
}
