use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::tokens::Tokens;
use super::{JudgeRules, judge};
use crate::pilot::{
    ChatGiven, ChatItem, Content, Details, ExtractionGiven, ExtractionItem, FieldMatch, Given,
    GivenField, Guess, Item, ItemResult, Outcome, SearchGiven, SearchItem, TriageGiven, TriageItem,
};

#[track_caller]
fn check_has(text: &str, fact: &str, expected: bool) {
    assert_eq!(
        Tokens::of(text).has(fact),
        expected,
        "{:?} in {:?}",
        Tokens::of(fact),
        Tokens::of(text)
    );
}

#[test]
fn numbers_are_compared_as_numbers() {
    for written in [
        "1 234,50 €",
        "1\u{202f}234,50 €",
        "1.234,50 EUR",
        "€1,234.50",
        "1234.5 euros",
        "1'234.50 €",
    ] {
        check_has(&format!("Le prix est de {written}."), "1234,5 €", true);
        check_has(&format!("Le prix est de {written}."), "234,5 €", false);
    }
    check_has("12,5 % de remise", "12.50 %", true);
    check_has("12,5 % de remise", "12.5 €", false);
    check_has("il fait -5 degrés", "5 degrés", false);
    check_has("il fait \u{2212}5 degrés", "-5", true);
    check_has("de 2-5 jours", "5 jours", true);
    check_has("le 12/03/2024", "12/03/2024", true);
    check_has("le 12.03.2024", "12/3/2024", true);
    check_has("version 2.10.34", "2.10", false);
    check_has("soit 1,234 unités", "1234", true);
    check_has("soit 1,234 unités", "1.234", true);
    check_has("soit 0,5 litre", "5 litres", false);
    check_has("1 234 567 habitants", "1234567", true);
    check_has("en 2024 300 personnes", "300 personnes", true);
    check_has("erreur 403", "403", true);
    check_has("erreur 4031", "403", false);
    check_has("commande 12345678901234567", "12345678901234568", false);
    check_has(&"9".repeat(400), &"9".repeat(400), true);
}

#[test]
fn a_text_has_itself_whatever_is_in_it() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let pieces = [
        "1", "23", "456", ",", ".", " ", "\u{202f}", "-", "'", "€", "%", "é", "œ", "a", "\u{301}",
        "ı", "İ", "½", "٣", "字", "\u{200d}", "\n",
    ];
    for _ in 0..20_000 {
        let text: String = (0..random.random_range(1..12))
            .map(|_| pieces[random.random_range(0..pieces.len())])
            .collect();
        let tokens = Tokens::of(&text);
        assert_eq!(tokens.has(&text), !tokens.is_empty(), "{text:?}: {tokens:?}");
        assert!(tokens.equals(&Tokens::of(&text.to_uppercase())) || text.contains(['ı', 'İ', '½']));
    }
}

#[test]
fn words_are_compared_without_case_and_accents() {
    check_has("L’ŒUVRE est À L'ÉTAGE", "oeuvre est a l etage", true);
    check_has("Image → Échelle", "image echelle", true);
    check_has("cartes", "carte", false);
    check_has("", "a", false);
    check_has("a", "", false);
    check_has("a", "…", false);
}

fn item(content: Content) -> Item {
    Item { id: "a".to_owned(), content, remarks: BTreeMap::new() }
}

fn chat_item(answerable: bool, parts: &[&str], must_not: &[&str]) -> Item {
    item(Content::Chat(ChatItem {
        question: "q".to_owned(),
        answerable,
        answer_parts: parts.iter().map(|part| (*part).to_owned()).collect(),
        must_not: must_not.iter().map(|text| (*text).to_owned()).collect(),
        relevant: Vec::new(),
        history: Vec::new(),
    }))
}

fn answered(item: &Item, answer: &str, handed_over: bool) -> ItemResult {
    let given = ChatGiven { answer: answer.to_owned(), handed_over, ..ChatGiven::default() };
    judge(item, Given::Chat(given), 5, JudgeRules::default())
}

fn partly(result: &ItemResult) -> bool {
    matches!(&result.details, Details::Chat(details) if details.partly)
}

#[test]
fn answers_need_every_fact_and_nothing_forbidden() {
    let asked = chat_item(true, &["12 € | douze euros", "par mois"], &["gratuit"]);
    assert_eq!(answered(&asked, "Douze euros par mois.", false).outcome, Outcome::Right);
    let part = answered(&asked, "12,00 €", false);
    assert_eq!((part.outcome, partly(&part)), (Outcome::Wrong, true));
    let forbidden = answered(&asked, "12 € par mois, puis gratuit", false);
    assert_eq!((forbidden.outcome, partly(&forbidden)), (Outcome::Wrong, false));
    let withheld = answered(&asked, "12 € par mois", true);
    assert_eq!((withheld.outcome, withheld.proposal_right), (Outcome::HandedOver, Some(true)));
    let silent = answered(&asked, " ", true);
    assert_eq!((silent.outcome, silent.proposal_right), (Outcome::HandedOver, None));
    assert_eq!(answered(&asked, "", false).outcome, Outcome::Wrong);
}

#[test]
fn what_nothing_answers_is_right_when_handed_over() {
    let asked = chat_item(false, &[], &[]);
    let over = answered(&asked, "", true);
    assert_eq!((over.outcome, over.handed_over), (Outcome::Right, true));
    assert_eq!(answered(&asked, "C'est 12 €.", false).outcome, Outcome::Wrong);
}

#[test]
fn sources_decide_where_no_fact_is_labelled() {
    let mut asked = chat_item(true, &[], &[]);
    let Content::Chat(content) = &mut asked.content else { panic!() };
    content.relevant = vec!["Guide.pdf".to_owned()];
    let cited = |source: &str| {
        let given = ChatGiven {
            answer: "oui".to_owned(),
            sources: vec![source.to_owned()],
            ..ChatGiven::default()
        };
        judge(&asked, Given::Chat(given), 5, JudgeRules::default()).outcome
    };
    assert_eq!(cited("guide.PDF"), Outcome::Right);
    assert_eq!(cited("autre.pdf"), Outcome::Wrong);
}

#[test]
fn searches_are_right_by_their_first_documents() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let search = |relevant: &[&str], found: &[&str], refused: bool| {
        let item =
            item(Content::Search(SearchItem { query: "q".to_owned(), relevant: names(relevant) }));
        let given = SearchGiven { found: names(found), refused, confidence: Some(f64::NAN) };
        judge(&item, Given::Search(given), 5, JudgeRules { first: 2 })
    };
    assert_eq!(search(&["a"], &["x", "A"], false).outcome, Outcome::Right);
    assert_eq!(search(&["a"], &["x", "y", "a"], false).outcome, Outcome::Wrong);
    assert_eq!(search(&["a"], &["a"], true).outcome, Outcome::HandedOver);
    assert_eq!(search(&["a"], &[], false).outcome, Outcome::HandedOver);
    assert_eq!(search(&[], &["a"], false).outcome, Outcome::Wrong);
    let refused = search(&[], &["a"], true);
    assert_eq!((refused.outcome, refused.proposal_right), (Outcome::Right, Some(false)));
    // What is no number is no confidence.
    assert_eq!(refused.confidence, None);
}

fn ticket(ambiguous: Option<bool>) -> Item {
    item(Content::Triage(TriageItem {
        subject: String::new(),
        body: "b".to_owned(),
        from: String::new(),
        channel: String::new(),
        category: Some("réseau".to_owned()),
        urgency: None,
        team: None,
        alert: Some(false),
        ambiguous,
    }))
}

#[test]
fn messages_are_right_when_every_known_label_is() {
    let sorted = |item: &Item, category: &str, handed_over: bool| {
        let guess = |label: &str, confidence: f64| Guess {
            label: Some(label.to_owned()),
            confidence: Some(confidence),
        };
        let labels = BTreeMap::from([
            ("category".to_owned(), guess(category, 0.9)),
            ("alert".to_owned(), guess("false", 0.7)),
            ("team".to_owned(), guess("x", 0.1)),
        ]);
        let given = TriageGiven { labels, handed_over, confidence: None };
        judge(item, Given::Triage(given), 5, JudgeRules::default())
    };
    let right = sorted(&ticket(None), "réseau", false);
    assert_eq!((right.outcome, right.confidence), (Outcome::Right, Some(0.7)));
    assert_eq!(sorted(&ticket(None), "Réseau", false).outcome, Outcome::Wrong);
    assert_eq!(sorted(&ticket(None), "réseau", true).outcome, Outcome::HandedOver);
    assert_eq!(sorted(&ticket(Some(true)), "autre", true).outcome, Outcome::Right);
    assert_eq!(sorted(&ticket(Some(true)), "autre", false).outcome, Outcome::Wrong);
    let none =
        judge(&ticket(None), Given::Triage(TriageGiven::default()), 5, JudgeRules::default());
    assert_eq!((none.outcome, none.proposal_right), (Outcome::Wrong, None));
}

#[track_caller]
fn check_field(expected: Value, given: Value, outcome: FieldMatch) {
    let shown = format!("{expected} and {given}");
    let result = extracted(&[("f", expected)], &[("f", given)]);
    let Details::Extraction(details) = &result.details else { panic!() };
    assert_eq!(details.fields[0].outcome, outcome, "{shown}");
}

fn extracted(expected: &[(&str, Value)], given: &[(&str, Value)]) -> ItemResult {
    let item = item(Content::Extraction(ExtractionItem {
        document: "f.pdf".to_owned(),
        document_type: None,
        fields: expected.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }));
    let field =
        |value: &Value| GivenField { value: value.clone(), confidence: Some(0.5), flagged: true };
    let given = ExtractionGiven {
        fields: given.iter().map(|(name, value)| ((*name).to_owned(), field(value))).collect(),
        ..ExtractionGiven::default()
    };
    judge(&item, Given::Extraction(given), 5, JudgeRules::default())
}

#[test]
fn values_are_compared_by_what_they_say() {
    use FieldMatch::{Different, Invented, Missing, Right, RightlyEmpty};
    check_field(json!("SOUPAPES CARREL SA"), json!("Soupapes-Carrel, S.A."), Right);
    check_field(json!("327 481 057 00021"), json!("32748105700021"), Right);
    check_field(json!(1320.0), json!(1320), Right);
    check_field(json!(1320.0), json!("1 320,00 €"), Right);
    check_field(json!("12,50"), json!(12.5), Right);
    check_field(json!("-5"), json!("5"), Different);
    check_field(json!("1,5"), json!("15"), Different);
    check_field(json!("0123"), json!("123"), Different);
    check_field(json!("0123"), json!("01 23"), Right);
    check_field(json!(12345678901234_i64), json!("12345678901235"), Different);
    check_field(json!(12345678901234_i64), json!("12345678901234"), Right);
    check_field(json!(12345678901234_i64), json!(12345678901235_i64), Different);
    check_field(json!(true), json!("oui"), Right);
    check_field(json!("2026-04-09"), json!("2026-04-10"), Different);
    check_field(json!(null), json!(""), RightlyEmpty);
    check_field(json!(null), json!("x"), Invented);
    check_field(json!("x"), json!(null), Missing);
    check_field(json!(["Excel", "SAP"]), json!(["sap", "excel"]), Right);
    check_field(json!(["Excel", "SAP"]), json!(["sap", "sap"]), Different);
    check_field(json!(["a"]), json!(["a", "b"]), Different);
    check_field(json!("…"), json!("!"), Different);
}

#[test]
fn lines_of_documents_are_compared_one_by_one() {
    let lines = json!([{"t": 1, "d": "x"}, {"t": 2, "d": "y"}]);
    let given = json!([{"t": 1, "d": "X", "more": 3}]);
    let result =
        extracted(&[("lines", lines), ("n", json!(1))], &[("lines", given), ("n", json!(1))]);
    let Details::Extraction(details) = &result.details else { panic!() };
    let found: Vec<(&str, FieldMatch)> =
        details.fields.iter().map(|field| (field.name.as_str(), field.outcome)).collect();
    assert_eq!(
        found,
        [
            ("lines[0].t", FieldMatch::Right),
            ("lines[0].d", FieldMatch::Right),
            ("lines[1]", FieldMatch::Missing),
            ("n", FieldMatch::Right),
        ]
    );
    assert_eq!((result.outcome, result.confidence), (Outcome::Wrong, Some(0.5)));
}

#[test]
fn errors_and_answers_of_other_jobs_are_failures() {
    let failed = judge(
        &chat_item(false, &[], &[]),
        Given::Failed { code: "timeout".to_owned() },
        5,
        JudgeRules::default(),
    );
    assert_eq!((failed.outcome, failed.handed_over), (Outcome::Failed, false));
    let other = judge(
        &chat_item(false, &[], &[]),
        Given::Search(SearchGiven::default()),
        5,
        JudgeRules::default(),
    );
    assert_eq!(other.details, Details::Failed { code: "other_job".to_owned() });
    let json = serde_json::to_string(&other).unwrap();
    assert_eq!(serde_json::from_str::<ItemResult>(&json).unwrap(), other);
}
