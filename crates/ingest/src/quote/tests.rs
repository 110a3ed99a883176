//! Checks what a quotation may change and what it may not.

use super::find_quote;

/// `expected` is the part of `haystack` that must be found.
#[track_caller]
fn check(haystack: &str, quote: &str, expected: Option<&str>) {
    let found = find_quote(haystack, quote).map(|span| span.slice(haystack));
    assert_eq!(found, expected);
}

#[test]
fn the_same_words_are_found() {
    check("Le délai est de 30 jours.", "délai est de 30 jours", Some("délai est de 30 jours"));
    check("Le délai est court.", "LE DÉLAI", Some("Le délai"));
    check("un deux un deux", "deux", Some("deux"));
    check("İstanbul ouvre", "ouvre", Some("ouvre"));
}

#[test]
fn typography_makes_no_difference() {
    check("l’accès\n  est  refusé", "l'accès est refusé", Some("l’accès\n  est  refusé"));
    check(
        "coût\u{a0}: 12\u{202f}000\u{a0}€",
        "coût: 12 000€",
        Some("coût\u{a0}: 12\u{202f}000\u{a0}€"),
    );
    check("dit «\u{a0}non\u{a0}» hier", "dit \"non\" hier", Some("dit «\u{a0}non\u{a0}» hier"));
    check("2024–2025 — fin", "2024-2025 - fin", Some("2024–2025 — fin"));
    check("e\u{fb03}cace et sûr", "Efficace et sûr", Some("e\u{fb03}cace et sûr"));
    check("exem\u{ad}ple", "exemple", Some("exem\u{ad}ple"));
}

#[test]
fn ellipses_and_quotation_marks_around_are_ignored() {
    check("Le délai est de 30 jours.", "… est de 30 jours...", Some("est de 30 jours"));
    check("Le délai est court.", "« délai est »", Some("délai est"));
    check("Le délai est court.", "\"délai est court.\"", Some("délai est court"));
}

#[test]
fn changed_words_and_figures_are_not_found() {
    check("Le délai est de 30 jours.", "Le délai est de 31 jours", None);
    check("Le délai est de 30 jours.", "Le délai était de 30 jours", None);
    check("Le délai est de 30 jours.", "Le délai … 30 jours", None);
    check("chaton", "chat", None);
    check("le garantie", "la garantie", None);
    check("cote", "côte", None);
}

#[test]
fn figures_are_whole() {
    for haystack in ["123", "312", "12,5 %", "3,12", "-12 °C", "12 000 €", "12\u{a0}000 €", "12.5"]
    {
        check(haystack, "12", None);
    }
    check("10 000 €", "000 €", None);
    check("en 12 mois", "12", Some("12"));
    check("12. Fin", "12", Some("12"));
    check("lot 5 12 000 pièces", "12 000 pièces", Some("12 000 pièces"));
    check("de 3 à 12, puis", "12", Some("12"));
    check("durée : 10-12 mois", "12 mois", Some("12 mois"));
    check("123 puis 12 mois", "12", Some("12"));
}

#[test]
fn nothing_is_not_found() {
    for quote in ["", "  ", "…", "« »", "...", "?"] {
        check("Le délai ? …", quote, None);
    }
    check("", "mot", None);
}

#[test]
fn every_part_of_whole_words_is_found() {
    let text = "L’« accès » aux locaux\u{a0}: 8\u{202f}h – 18 h, sauf fériés… Voir l'annexe B.";
    let words: Vec<&str> = text.split(' ').collect();
    for from in 0..words.len() {
        for to in from + 1..=words.len() {
            let quote = words[from..to].join("  ");
            if quote.chars().any(char::is_alphanumeric) {
                let span = find_quote(text, &quote).unwrap_or_else(|| panic!("{quote:?}"));
                let letters =
                    |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
                assert_eq!(letters(span.slice(text)), letters(&quote));
            }
        }
    }
}
