//! Tests which words count as references.

use super::{references, with_references};

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(references(text).collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn references_are_joined() {
    check("erreur E-403 (voir FT-2041/B).", &["E403", "FT2041B"]);
    check("l'E-403 et d’A.12", &["E403", "A12"]);
    check("facture 2026-0142, le 12/05/2026", &["20260142", "12052026"]);
}

#[test]
fn words_and_numbers_are_not_references() {
    check("porte-monnaie 3.14 10-12 E403 a/b -- ", &[]);
    check("https://example.org/a-1", &[]);
    check(&format!("A-{}", "1".repeat(40)), &[]);
    check("", &[]);
}

#[test]
fn text_without_references_stays_as_it_is() {
    assert_eq!(with_references("bonjour"), "bonjour");
    assert_eq!(with_references("code E-403"), "code E-403 E403");
}
