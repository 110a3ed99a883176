//! Tests that names which could leave the models directory are refused.

use super::{check_id, check_path, is_hex, is_repository};

#[track_caller]
fn check_ids(accepted: bool, ids: &[&str]) {
    for id in ids {
        assert_eq!(check_id(id).is_ok(), accepted, "id {id:?}");
    }
}

#[track_caller]
fn check_paths(accepted: bool, paths: &[&str]) {
    for path in paths {
        assert_eq!(check_path(path).is_ok(), accepted, "path {path:?}");
    }
}

#[test]
fn ids_cannot_leave_the_directory() {
    check_ids(true, &["a", "qwen2.5-coder-1.5b-instruct-q4_k_m", "0x"]);
    check_ids(false, &["", ".", "..", ".staging", "../x", "a/b", "a\\b", "A", "é", "a b", "a\0"]);
    check_ids(false, &[&"a".repeat(129)]);
    check_ids(true, &[&"a".repeat(128)]);
}

#[test]
fn paths_are_relative_and_plain() {
    check_paths(true, &["model.gguf", "1_Pooling/config.json", "a/b/c"]);
    check_paths(false, &["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a\\b"]);
    check_paths(false, &["a?b", "a#b", "a%2e", "a b", "a\nb", &"a/".repeat(300)]);
}

#[test]
fn repositories_have_an_owner_at_most() {
    assert!(is_repository("owner/name"));
    assert!(!is_repository("owner/name/more"));
    assert!(!is_repository("../name"));
}

#[test]
fn hexadecimal_is_lower_case_and_of_the_stated_length() {
    assert!(is_hex("0a", 2));
    assert!(!is_hex("0A", 2));
    assert!(!is_hex("0g", 2));
    assert!(!is_hex("0a", 3));
}
