//! Tests the limits of stored values.

use super::{digest, language, slug, text};

#[track_caller]
fn check(result: Result<(), crate::LedgerError>, expected: Option<&str>) {
    let message = result.err().map(|error| error.to_string());
    match expected {
        None => assert_eq!(message, None),
        Some(part) => assert!(message.as_deref().unwrap_or("").contains(part), "{message:?}"),
    }
}

#[test]
fn text_limits_are_in_characters() {
    check(text("name", "été", 3), None);
    check(text("name", "étés", 3), Some("name has 4 characters, the limit is 3"));
    check(text("name", " ", 3), Some("is empty"));
    check(text("name", "a\u{0}", 3), Some("control character"));
}

#[test]
fn slug_is_the_documented_pattern() {
    check(slug("id", "a"), None);
    check(slug("id", "support-2026"), None);
    check(slug("id", &"a".repeat(63)), None);
    for bad in ["", "-a", "A", "a_b", "a/b", "..", "é", &"a".repeat(64)] {
        check(slug("id", bad), Some("id must be"));
    }
}

#[test]
fn language_and_digest_have_fixed_shapes() {
    check(language("language", "fr"), None);
    check(language("language", "FR"), Some("ISO 639-1"));
    check(language("language", "fra"), Some("ISO 639-1"));
    check(digest("sha256", &"0a".repeat(32)), None);
    check(digest("sha256", &"0A".repeat(32)), Some("64 lower-case"));
    check(digest("sha256", "abc"), Some("64 lower-case"));
}
