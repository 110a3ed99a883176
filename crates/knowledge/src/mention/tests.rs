use intramuros_store::PassageText;

use super::{Mentions, fold, look};

fn mentions(texts: &[&str]) -> Mentions {
    Mentions::of(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
}

#[track_caller]
fn check(wanted: &str, text: &str, expected: bool) {
    assert_eq!(mentions(&[wanted]).stand_in(text), expected, "{wanted:?} in {text:?}");
}

#[test]
fn case_accents_and_white_space_do_not_matter() {
    check("Hélène Dupré", "Chère HELENE\u{a0}\n  DUPRE,", true);
    check("jean.dupont@exemple.fr", "(Jean.Dupont@Exemple.fr)", true);
    check("d'Alembert", "M. d’Alembert", true);
    check("Jean‑Pierre", "jean-pierre", true);
    check("Dupont Jean", "Dupont Jeanne", false);
    check("Dupont", "Dupontel", false);
    check("Dupont", "MDupont", false);
    check("C-123", "le client C-123.", true);
    check("C-123", "C-1234", false);
    check("Straße", "STRASSE", false);
}

#[test]
fn within_finds_parts_of_words() {
    assert!(Mentions::within(&["Dupont".to_owned()]).stand_in("les dupontel"));
    assert!(Mentions::within(&[" ".to_owned()]).is_empty());
}

#[test]
fn too_short_and_too_many_are_refused() {
    for wrong in [vec!["ab".to_owned()], vec!["  ".to_owned()], vec!["x".repeat(201)]] {
        assert!(Mentions::of(&wrong).is_err(), "{wrong:?}");
    }
    assert!(Mentions::of(&vec!["Dupont".to_owned(); 21]).is_err());
    assert!(Mentions::of(&[]).unwrap().is_empty());
}

fn passage(document: &str, ordinal: u32, text: &str) -> PassageText {
    PassageText {
        document: document.into(),
        ordinal,
        page: Some(ordinal + 1),
        headings: Vec::new(),
        text: text.to_owned(),
    }
}

#[test]
fn what_crosses_the_border_of_passages_is_found() {
    let texts = [
        passage("doc_a", 0, "La caution de Madame Élise"),
        passage("doc_a", 1, "Moreau est de 300 euros."),
        passage("doc_b", 0, "Rien pour Élise"),
        passage("doc_c", 0, "Moreau"),
        passage("doc_d", 0, "Avec Élise Moreau en entier"),
    ];
    let hits = look(&texts, &mentions(&["Elise Moreau"]));
    let found: Vec<(&str, Vec<u32>)> = hits
        .iter()
        .map(|(document, passages)| {
            (document.as_str(), passages.iter().map(|(ordinal, _)| *ordinal).collect())
        })
        .collect();
    assert_eq!(found, [("doc_a", vec![0]), ("doc_d", vec![0])]);
}

#[test]
fn folding_keeps_words_apart() {
    assert_eq!(fold("  Été\t\n À  la\u{ad}mer "), "ete a lamer");
    assert_eq!(fold(""), "");
}
