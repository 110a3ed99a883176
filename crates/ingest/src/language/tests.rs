//! Checks the detection of languages.

use super::{detect, from_tag};

#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    assert_eq!(detect(text).as_deref(), expected);
}

#[test]
fn detect_tells_the_usual_languages() {
    check(
        "Pour remplacer la cartouche d'encre, ouvrez le capot puis attendez que le chariot \
         s'arrête avant de retirer l'ancienne.",
        Some("fr"),
    );
    check(
        "To replace the ink cartridge, open the cover and wait until the carriage has stopped \
         before you remove the old one.",
        Some("en"),
    );
    check(
        "Um die Tintenpatrone zu ersetzen, öffnen Sie die Abdeckung und warten Sie, bis der \
         Schlitten angehalten hat.",
        Some("de"),
    );
}

#[test]
fn detect_says_nothing_about_too_little() {
    check("", None);
    check("12 345,67 / 99", None);
    check("Total", None);
}

#[test]
fn from_tag_takes_the_primary_language() {
    assert_eq!(from_tag("FR-be").as_deref(), Some("fr"));
    assert_eq!(from_tag("deu"), None);
    assert_eq!(from_tag(""), None);
}
