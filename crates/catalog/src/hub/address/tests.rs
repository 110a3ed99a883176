//! Tests where redirects lead and what belongs to one origin.

use super::Address;

#[track_caller]
fn check_redirect(from: &str, location: &str, expected: Option<&str>) {
    let from = Address::parse(from).unwrap();
    assert_eq!(from.redirect(location), expected.and_then(Address::parse), "{location}");
}

#[test]
fn redirects_are_resolved_and_never_lose_encryption() {
    let from = "https://hub.example:444/a";
    check_redirect(from, "/b?c=d", Some("https://hub.example:444/b?c=d"));
    check_redirect(from, "//cdn.example/b", Some("https://cdn.example/b"));
    check_redirect(from, "https://cdn.example/b", Some("https://cdn.example/b"));
    check_redirect(from, "http://hub.example:444/b", None);
    check_redirect(from, "b", None);
    check_redirect(from, "", None);
    check_redirect("http://127.0.0.1:1/a", "https://cdn.example/b", Some("https://cdn.example/b"));
}

#[test]
fn origins_differ_by_scheme_host_and_port() {
    let hub = Address::parse("https://Hub.example/x").unwrap();
    let same = |other: &str| hub.same_origin(&Address::parse(other).unwrap());
    assert!(same("https://hub.example:443/y"));
    assert!(!same("http://hub.example/x"));
    assert!(!same("https://hub.example:444/x"));
    assert!(!same("https://hub.example.evil/x"));
}
