use intramuros_types::{ChunkId, DocumentId, Span};

use super::{Evidence, Support};
use crate::Passage;
use crate::search::Hit;

fn hit(text: &str) -> Hit {
    let passage = Passage {
        id: ChunkId::new("doc_1:0"),
        document: DocumentId::new("doc_1"),
        title: "Grille tarifaire 2026".into(),
        section_path: vec!["Mini-pelles".into()],
        pages: None,
        span: Span::new(100, 100 + u32::try_from(text.chars().count()).unwrap()),
        ordinal: 0,
        text: text.into(),
        boxes: Vec::new(),
        words: Vec::new(),
    };
    Hit {
        passage,
        score: 1.0,
        similarity: None,
        lexical: None,
        late_interaction: None,
        cross_encoder: None,
        likelihood: None,
        matched_words: Vec::new(),
        highlights: Vec::new(),
    }
}

const PASSAGE: &str = "Mini-pelle 1,8 t : 145 € par jour, 580 € par semaine.\n\
                       La garantie des pièces est de 2 ans.\n\
                       Une caution de 1500 € est demandée au départ.";

/// Expected quotation, or `None` for an unsupported sentence.
#[track_caller]
fn check(question: &str, sentence: &str, quoted: Option<&str>) {
    let hits = [hit(PASSAGE)];
    match (Evidence::new(question, &hits).check(sentence), quoted) {
        (Support::Supported(citation), Some(quoted)) => {
            assert_eq!(citation.quote, quoted);
            let within = Span::new(citation.span.start - 100, citation.span.end - 100);
            assert_eq!(within.slice(PASSAGE), quoted);
        }
        (Support::Unsupported, None) => {}
        (support, _) => panic!("{sentence}: {support:?}"),
    }
}

#[test]
fn supported_sentences_quote_the_line_that_proves_them() {
    let question = "prix mini-pelle semaine ?";
    check(
        question,
        "La mini-pelle de 1,8 t coûte 580 € par semaine.",
        Some("Mini-pelle 1,8 t : 145 € par jour, 580 € par semaine."),
    );
    check(
        "caution ?",
        "Une caution de 1500 € est demandée.",
        Some("Une caution de 1500 € est demandée au départ."),
    );
}

#[test]
fn a_number_that_no_passage_has_is_not_supported() {
    check("garantie ?", "La garantie des pièces est de 5 ans.", None);
    // Repeating the question's number proves nothing.
    check("garantie 5 ans ?", "Oui, la garantie des pièces est de 5 ans.", None);
}

#[test]
fn a_name_that_no_passage_has_is_not_supported() {
    let question = "quelle est la caution de Zorglub Kervadec ?";
    check(question, "La caution de Zorglub Kervadec est de 1500 €, demandée au départ.", None);
    check(question, "La caution d'Zorglub est de 1500 €, demandée au départ.", None);
    let quoted = "Une caution de 1500 € est demandée au départ.";
    // Capitals that come from where a word stands, and names that the passages have.
    check(question, "« Une caution de 1500 € est demandée au départ. »", Some(quoted));
    check(question, "L'Avance : Une Caution de 1500 € est demandée au départ.", Some(quoted));
}

#[test]
fn the_price_of_another_row_is_not_supported() {
    let text = "Référence: MP-08 ; Jour: 98 € ; Caution: 1 500 €\n\
                Référence: MP-18 ; Jour: 135 € ; Caution: 2 500 €";
    let hits = [hit(text)];
    let evidence = Evidence::new("prix et caution de la MP-18 ?", &hits);
    let right = "La MP-18 coûte 135 € par jour, avec une caution de 2500 €.";
    assert!(matches!(evidence.check(right), Support::Supported(_)));
    let wrong = "La MP-18 coûte 98 € par jour, avec une caution de 1 500 €.";
    assert_eq!(evidence.check(wrong), Support::Unsupported);
}

#[test]
fn other_topics_are_not_supported() {
    check("assurance ?", "L'assurance dommages couvre les catastrophes naturelles.", None);
}

#[test]
fn lead_ins_claim_nothing() {
    let hits = [hit(PASSAGE)];
    let evidence = Evidence::new("prix ?", &hits);
    assert_eq!(evidence.check("Voici les tarifs demandés :"), Support::NoClaim);
    assert_eq!(evidence.check("C'est là."), Support::NoClaim);
}

#[test]
fn fragments_without_a_word_do_not_pass() {
    let hits = [hit(PASSAGE)];
    let evidence = Evidence::new("prix ?", &hits);
    for fragment in ["...", "[f]", "x", "[T] - "] {
        assert_eq!(evidence.check(fragment), Support::Unsupported, "{fragment}");
    }
}

/// Whether a sentence that goes to customers passes, over these passages.
#[track_caller]
fn check_strict(passages: &[&str], sentence: &str, expected: bool) {
    let hits: Vec<Hit> = passages.iter().map(|text| hit(text)).collect();
    let support = Evidence::strict("et alors ?", &hits).check(sentence);
    assert_eq!(matches!(support, Support::Supported(_)), expected, "{sentence}: {support:?}");
}

#[test]
fn customers_are_told_nothing_that_stands_in_two_passages_by_halves() {
    let two = ["Le forfait Atlas est livré avec une malette.", "Le forfait Bora dure 3 mois."];
    check_strict(&two, "Le forfait Bora dure 3 mois.", true);
    check_strict(&two, "Le forfait Atlas dure 3 mois.", false);
    check_strict(&two, "Le forfait Bora dure 3 ans.", false);
    check_strict(&two, "Nous vous livrerons le forfait Atlas avec une malette.", false);
}

#[test]
fn what_a_document_denies_is_not_affirmed() {
    let passage = ["Les articles soldés ne sont pas repris. Les autres articles sont repris."];
    check_strict(&passage, "Les articles soldés sont repris.", false);
    check_strict(&passage, "Les articles soldés ne sont pas repris.", true);
    check_strict(&passage, "Les autres articles sont repris.", true);
}

#[test]
fn what_is_put_badly_is_not_invented() {
    let hits = [hit(PASSAGE)];
    let evidence = Evidence::strict("garantie ?", &hits);
    assert!(evidence.is_invented("La garantie des pièces est de 5 ans."));
    assert!(evidence.is_invented("La garantie de Zorglub est de 2 ans, chez Zorglub."));
    assert!(!evidence.is_invented("Cela couvre certaines choses assez longtemps."));
}
