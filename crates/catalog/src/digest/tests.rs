//! Tests digests against values computed by `sha256sum` and `git hash-object`.

use super::{Expected, Hasher};

const HELLO_SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const HELLO_GIT: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

#[track_caller]
fn check(expected: &Expected, contents: &[u8], agrees: bool) {
    let mut hasher = Hasher::for_expected(expected, contents.len() as u64);
    hasher.update(contents);
    assert_eq!(hasher.compare(expected).is_ok(), agrees);
}

#[test]
fn contents_are_compared_with_what_was_announced() {
    check(&Expected::Sha256(HELLO_SHA256.into()), b"hello\n", true);
    check(&Expected::Sha256(HELLO_SHA256.into()), b"hello", false);
    check(&Expected::GitBlob(HELLO_GIT.into()), b"hello\n", true);
    check(&Expected::GitBlob(HELLO_GIT.into()), b"hallo\n", false);
    check(&Expected::Unknown, b"anything", true);
}

#[test]
fn entity_tags_are_told_apart_by_their_form() {
    let upper = HELLO_SHA256.to_uppercase();
    assert_eq!(Expected::from_etag(&format!("\"{upper}\"")), Expected::Sha256(HELLO_SHA256.into()));
    assert_eq!(
        Expected::from_etag(&format!("W/\"{HELLO_GIT}\"")),
        Expected::GitBlob(HELLO_GIT.into())
    );
    assert_eq!(Expected::from_etag("\"5f3a-17\""), Expected::Unknown);
    assert_eq!(Expected::from_etag(""), Expected::Unknown);
}
