//! Measures the signals on labelled phrases, and holds them to floors.

use super::{SmallTalk, phrase_in, signals};

/// Labels, language and text of a phrase on each line.
const GOLDEN: &str = include_str!("../../../golden/signals.tsv");
/// The same, written after the patterns.
const HELD_OUT: &str = include_str!("../../../golden/signals_held_out.tsv");

struct Row {
    labels: Vec<&'static str>,
    text: &'static str,
}

fn rows(table: &'static str) -> Vec<Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [labels, _, text] = fields[..] else { panic!("{line}") };
            let labels = labels.split(',').filter(|label| *label != "-").collect();
            Row { labels, text }
        })
        .collect()
}

/// Precision and recall of one signal over a table; says what it got wrong.
fn measure(table: &'static str, name: &str, is_found: impl Fn(&str) -> bool) -> (f64, f64) {
    let (mut hits, mut found, mut wanted) = (0, 0, 0);
    for row in rows(table) {
        let (is_wanted, is_found) = (row.labels.contains(&name), is_found(row.text));
        hits += u32::from(is_wanted && is_found);
        found += u32::from(is_found);
        wanted += u32::from(is_wanted);
        if is_wanted != is_found {
            println!("{name}: {} {}", if is_found { "unasked" } else { "missed" }, row.text);
        }
    }
    assert!(wanted >= 3, "{name} has {wanted} phrases");
    let (precision, recall) =
        (f64::from(hits) / f64::from(found.max(1)), f64::from(hits) / f64::from(wanted));
    println!(
        "{name}: precision {precision:.3}, recall {recall:.3}, {wanted} of {}",
        rows(table).len()
    );
    (precision, recall)
}

#[track_caller]
fn check(measured: (f64, f64), precision: f64, recall: f64) {
    assert!(measured.0 >= precision && measured.1 >= recall, "{measured:?}");
}

#[test]
fn the_table_is_large_and_half_of_it_is_hard() {
    let rows: Vec<Row> = [GOLDEN, HELD_OUT].into_iter().flat_map(rows).collect();
    let known = ["human", "anger", "greeting", "thanks", "resolved"];
    assert!(rows.iter().all(|row| row.labels.iter().all(|label| known.contains(label))));
    let none = rows.iter().filter(|row| row.labels.is_empty()).count();
    assert!(rows.len() >= 120 && none * 5 >= rows.len() * 2, "{none} of {}", rows.len());
    let mut texts: Vec<&str> = rows.iter().map(|row| row.text).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), rows.len());
}

#[test]
fn who_asks_for_a_person_is_heard() {
    check(measure(GOLDEN, "human", |text| signals(text).asks_for_human), 0.97, 0.97);
}

#[test]
fn anger_is_noticed() {
    check(measure(GOLDEN, "anger", |text| signals(text).anger), 0.95, 0.97);
}

#[test]
fn courtesy_is_told_from_questions() {
    let is = |kind| move |text: &str| signals(text).small_talk == Some(kind);
    check(measure(GOLDEN, "greeting", is(SmallTalk::Greeting)), 1.0, 0.9);
    check(measure(GOLDEN, "thanks", is(SmallTalk::Thanks)), 1.0, 0.9);
}

#[test]
fn who_is_done_is_told_from_who_is_not() {
    check(measure(GOLDEN, "resolved", |text| signals(text).resolved), 0.93, 0.93);
}

/// What to expect of phrases that nobody had in mind: little is found that is not there, and of what
/// is there a third of the wishes and two thirds of the anger are missed, for a model to find.
#[test]
fn phrases_that_were_written_afterwards_are_read_less_well() {
    check(measure(HELD_OUT, "human", |text| signals(text).asks_for_human), 0.95, 0.6);
    check(measure(HELD_OUT, "anger", |text| signals(text).anger), 0.7, 0.3);
}

#[test]
fn phrases_are_whole_words_without_case_accents_and_plurals() {
    let phrases = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let check = |message: &str, list: &[&str], expected: Option<&str>| {
        assert_eq!(phrase_in(message, &phrases(list)), expected, "{message}");
    };
    check("Je veux RÉSILIER mon contrat", &["résilier"], Some("résilier"));
    check("mes factures impayées", &["facture impayée"], Some("facture impayée"));
    check("la facturation", &["facture"], None);
    check("le chatbot", &["chat"], None);
    check("Qu'en est-il de l’arnaque ?", &["vol", "arnaque"], Some("arnaque"));
    check("données personnelles", &["personnelles données"], None);
    check("", &["a"], None);
    check("a", &[], None);
}

#[test]
fn what_is_empty_says_nothing() {
    for text in ["", " \n ", "???", "👍"] {
        let found = signals(text);
        assert!(!found.asks_for_human && !found.anger && found.small_talk.is_none(), "{text}");
    }
}
