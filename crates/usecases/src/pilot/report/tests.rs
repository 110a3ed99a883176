use std::collections::BTreeMap;
use std::path::PathBuf;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Language, Report, ReportOptions};
use crate::pilot::figures::tests::{item, run};
use crate::pilot::{
    ChatDetails, Content, Details, ExtractionDetails, FieldMatch, FieldResult, Item, ItemResult,
    Job, LabelResult, LabelledSet, Outcome, Part, Run, SearchDetails, TriageDetails, TriageItem,
    Volumes,
};

const HOSTILE: &str =
    "</td><script>alert('x')</script> | `*_[a](http://evil.example) & \"q\"\r\n\u{202e}olleh\u{7}";

fn triage(id: &str, expected: &str, given: &str, sure: f64, outcome: Outcome) -> ItemResult {
    let label = LabelResult {
        expected: expected.to_owned(),
        given: Some(given.to_owned()),
        confidence: Some(sure),
    };
    let labels = BTreeMap::from([("category".to_owned(), label)]);
    let details = Details::Triage(TriageDetails { labels, ambiguous: false });
    ItemResult { proposal_right: Some(expected == given), ..item(id, outcome, sure, details) }
}

/// Four messages: two right, one handed over, one wrong.
fn small() -> Run {
    let items = vec![
        triage("T1", "réseau", "réseau", 0.95, Outcome::Right),
        triage("T2", "compte", "compte", 0.90, Outcome::Right),
        triage("T3", "compte", "réseau", 0.40, Outcome::HandedOver),
        triage("T4", "compte", "réseau", 0.85, Outcome::Wrong),
    ];
    let mut run = run(Job::Triage, items);
    for (at, item) in run.items.iter_mut().enumerate() {
        item.latency_ms = 100 * (at as u64 + 1);
    }
    run
}

const VOLUMES: Volumes =
    Volumes { per_week: 200.0, minutes_by_hand: 6.0, minutes_to_check: 1.0, hourly_rate: 30.0 };

fn options(language: Language) -> ReportOptions<'static> {
    ReportOptions { language, volumes: Some(VOLUMES), currency: "€", texts: None }
}

fn set_of(run: &Run, body: &str) -> LabelledSet {
    let content = Content::Triage(TriageItem {
        subject: String::new(),
        body: body.to_owned(),
        from: String::new(),
        channel: String::new(),
        category: Some("compte".to_owned()),
        urgency: None,
        team: None,
        alert: None,
        ambiguous: None,
    });
    let one = |result: &ItemResult| Item {
        id: result.id.clone(),
        content: content.clone(),
        remarks: BTreeMap::new(),
    };
    LabelledSet { job: Job::Triage, items: run.items.iter().map(one).collect() }
}

/// A run as a customer may have it: 300 messages, surer where they are right.
fn large(seed: u64, right: f64) -> Run {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let labels = ["compte", "impression", "messagerie", "réseau", "sécurité", "téléphonie"];
    let one = |at: usize| {
        let is_right = random.random::<f64>() < right;
        let spread: f64 = random.random();
        let sure = if is_right { 0.55 + 0.45 * spread.sqrt() } else { 0.3 + 0.5 * spread };
        let expected = labels[at % labels.len()];
        let other = labels[(at + 1 + at / 7 % 2) % labels.len()];
        let given = if is_right { expected } else { other };
        let outcome = match (sure < 0.6, is_right) {
            (true, _) => Outcome::HandedOver,
            (false, true) => Outcome::Right,
            (false, false) => Outcome::Wrong,
        };
        let mut item = triage(&format!("T{at:03}"), expected, given, sure, outcome);
        item.latency_ms = (400.0 + 1_500.0 * -random.random::<f64>().ln()) as u64;
        item
    };
    run(Job::Triage, (0..300).map(one).collect())
}

#[track_caller]
fn is_harmless(html: &str) {
    for bad in ["<script", "src=", "href=", "url(", "@import", "\u{202e}", "NaN"] {
        assert!(!html.contains(bad), "{bad}");
    }
    assert!(html.contains("default-src 'none'"));
    // Each element that is opened is closed.
    for name in ["table", "tr", "td", "th", "figure", "svg", "section", "dl", "dd", "p", "div"] {
        let opened =
            html.matches(&format!("<{name}>")).count() + html.matches(&format!("<{name} ")).count();
        assert_eq!(opened, html.matches(&format!("</{name}>")).count(), "{name}");
    }
    let plots = html.matches("<svg").count();
    assert_eq!(plots, html.matches("<title id=").count());
    assert_eq!(plots, html.matches("<desc id=").count());
}

#[test]
fn a_small_run_is_written_as_it_always_was() {
    let markdown = Report::of_run(&small(), &options(Language::French)).markdown();
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/report.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &markdown).unwrap();
    }
    let expected = std::fs::read_to_string(golden).unwrap();
    assert!(markdown == expected, "with BLESS=1 it is written anew; now it is\n{markdown}");
}

#[test]
fn the_first_page_has_the_arithmetic() {
    let report = Report::of_run(&small(), &options(Language::English)).markdown();
    for line in [
        "Of 4 messages, 50% are done right, 25% are handed over to a person and 25% are wrong.",
        "100 right without a person × (6 − 1) min = 500 min saved.",
        "50 wrong × 1 min of checking = 50 min lost.",
        "50 done by a person (handed over or failed): nothing saved.",
        "500 − 50 = 450 min, that is 7.5 h a week.",
        "That is few",
        "Nothing can be promised with this set",
    ] {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
    let without = ReportOptions { volumes: None, ..options(Language::English) };
    assert!(!Report::of_run(&small(), &without).markdown().contains("Time saved"));
}

#[test]
fn hostile_texts_are_only_texts() {
    let mut run = small();
    run.meta.set.name = HOSTILE.to_owned();
    run.meta.machine = HOSTILE.to_owned();
    run.meta.settings.insert(HOSTILE.to_owned(), HOSTILE.into());
    run.items.push(triage(HOSTILE, HOSTILE, HOSTILE, 0.9, Outcome::Wrong));
    run.items.push(item("f", Outcome::Failed, 0.1, Details::Failed { code: HOSTILE.to_owned() }));
    let set = set_of(&run, HOSTILE);
    for texts in [None, Some(&set)] {
        let options = ReportOptions { texts, currency: HOSTILE, ..options(Language::French) };
        let report = Report::of_run(&run, &options);
        is_harmless(&report.html());
        let compared = Report::of_comparison(&run, &run, &options).unwrap();
        is_harmless(&compared.html());
        for markdown in [report.markdown(), compared.markdown()] {
            assert!(!markdown.contains("<script"), "{markdown}");
            assert!(!markdown.contains("http://"));
            assert!(!markdown.replace("\\](", "").contains("]("), "{markdown}");
            // A row of a table is a row, whatever is in it.
            let rows: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
            assert!(rows.iter().all(|line| line.ends_with('|')), "{markdown}");
        }
    }
}

#[test]
fn texts_are_there_only_when_asked_for() {
    let run = small();
    let set = set_of(&run, "un texte secret");
    let with = ReportOptions { texts: Some(&set), ..options(Language::French) };
    assert!(Report::of_run(&run, &with).html().contains("un texte secret"));
    assert!(!Report::of_run(&run, &options(Language::French)).html().contains("secret"));
}

/// Items of every job whose answers have a secret in them.
fn secrets() -> Vec<(Job, Details)> {
    let secret = || "secret".to_owned();
    vec![
        (
            Job::Search,
            Details::Search(SearchDetails { relevant: vec![secret()], found: vec![secret()] }),
        ),
        (
            Job::Chat,
            Details::Chat(ChatDetails {
                answerable: true,
                answer: secret(),
                parts: vec![Part { expected: secret(), found: false }],
                forbidden: vec![secret()],
                relevant: vec![secret()],
                sources: vec![secret()],
                partly: false,
            }),
        ),
        (
            Job::Extraction,
            Details::Extraction(ExtractionDetails {
                document_type: None,
                fields: vec![FieldResult {
                    name: "iban".to_owned(),
                    expected: "secret".into(),
                    given: "secret".into(),
                    outcome: FieldMatch::Different,
                    flagged: true,
                }],
            }),
        ),
    ]
}

#[test]
fn answers_and_values_are_texts_too() {
    for (job, details) in secrets() {
        let run = run(job, vec![item("a", Outcome::Wrong, 0.9, details)]);
        for language in [Language::French, Language::English] {
            let report = Report::of_run(&run, &options(language));
            assert!(!report.html().contains("secret") && !report.markdown().contains("secret"));
            let set = LabelledSet { job, items: Vec::new() };
            let with = ReportOptions { texts: Some(&set), ..options(language) };
            assert!(Report::of_run(&run, &with).markdown().contains("secret"));
        }
    }
}

#[test]
fn every_run_has_a_report() {
    for job in Job::ALL {
        for outcome in Outcome::ALL {
            let of = |details: Details| vec![item("a", outcome, 0.5, details); 3];
            let mut runs = vec![run(job, Vec::new())];
            runs.push(run(job, of(Details::Failed { code: "x".to_owned() })));
            runs.extend(secrets().into_iter().map(|(_, details)| run(job, of(details))));
            for run in &runs {
                let report = Report::of_run(run, &options(Language::French));
                is_harmless(&report.html());
                assert!(!report.markdown().contains("NaN"));
            }
        }
    }
}

#[test]
fn two_runs_are_compared_honestly() {
    let (before, after) = (large(1, 0.75), large(2, 0.9));
    let report = Report::of_comparison(&before, &after, &options(Language::French)).unwrap();
    is_harmless(&report.html());
    let markdown = report.markdown();
    assert!(markdown.contains("Le deuxième essai est meilleur"), "{markdown}");
    let same = Report::of_comparison(&before, &before, &options(Language::English)).unwrap();
    assert!(same.markdown().contains("Both runs have the same outcome for every item"));
    let near = Report::of_comparison(&small(), &small(), &options(Language::French)).unwrap();
    assert!(near.markdown().contains("Aucun."));
}

#[test]
fn examples_are_written_for_people_to_look_at() {
    let mut run = large(1, 0.85);
    run.meta.versions.generator = Some("qwen2.5-1.5b-instruct Q4_K_M".to_owned());
    run.meta.thresholds.insert("category".to_owned(), 0.6);
    let set = set_of(&run, "Bonjour, je n’arrive plus à me connecter depuis ce matin.");
    let options = ReportOptions { texts: Some(&set), ..options(Language::French) };
    let folder = std::env::current_exe().unwrap().parent().unwrap().join("pilot-reports");
    std::fs::create_dir_all(&folder).unwrap();
    let report = Report::of_run(&run, &options);
    is_harmless(&report.html());
    let compared = Report::of_comparison(&run, &large(2, 0.9), &options).unwrap();
    for (name, text) in [
        ("run.html", report.html()),
        ("run.md", report.markdown()),
        ("comparison.html", compared.html()),
    ] {
        std::fs::write(folder.join(name), &text).unwrap();
        assert!(text.len() < 1 << 20);
    }
}

#[test]
fn numbers_are_written_as_the_language_has_them() {
    use super::words::{money, number, percent, points};
    let (french, english) = (Language::French, Language::English);
    assert_eq!(number(french, 1_234_567.5, 1), "1\u{202f}234\u{202f}567,5");
    assert_eq!(number(english, 1_234.0, 1), "1,234");
    assert_eq!(number(french, -0.04, 1), "0");
    assert_eq!(number(french, -0.5, 1), "−0,5");
    assert_eq!(number(french, f64::NAN, 1), "–");
    assert_eq!(percent(french, 0.725), "72,5\u{202f}%");
    assert_eq!(percent(english, 1.0), "100%");
    assert_eq!(points(french, 0.05), "+5");
    assert_eq!(money(french, 16_640.0, ""), "16\u{202f}640\u{202f}€");
    assert_eq!(money(english, 12.5, "CHF"), "12.5\u{202f}CHF");
}
