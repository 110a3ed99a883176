use std::collections::BTreeMap;

use serde_json::json;
use time::OffsetDateTime;

use super::{
    EngineerFigures, JobFigures, ManagerFigures, Savings, Sureness, Times, Volumes, proposals,
};
use crate::pilot::{
    ChatDetails, Details, ExtractionDetails, FieldMatch, FieldResult, ItemResult, Job, LabelResult,
    Outcome, Part, Run, RunMeta, SearchDetails, SetName, TriageDetails, Versions,
};

pub(crate) fn run(job: Job, items: Vec<ItemResult>) -> Run {
    let set = SetName { name: "test".to_owned(), sha256: "ab".repeat(32), items: items.len() };
    Run {
        meta: RunMeta {
            job,
            set,
            versions: Versions { server: "0.1.0".to_owned(), ..Versions::default() },
            thresholds: BTreeMap::new(),
            settings: BTreeMap::new(),
            started: OffsetDateTime::from_unix_timestamp(1_795_770_000).unwrap(),
            finished: None,
            machine: "2 cœurs".to_owned(),
        },
        items,
    }
}

/// An item with nothing beside its outcome; `sure` as its confidence.
pub(crate) fn item(id: &str, outcome: Outcome, sure: f64, details: Details) -> ItemResult {
    ItemResult {
        id: id.to_owned(),
        outcome,
        handed_over: outcome == Outcome::HandedOver,
        proposal_right: match outcome {
            Outcome::Right => Some(true),
            Outcome::Wrong | Outcome::HandedOver => Some(false),
            Outcome::Failed => None,
        },
        confidence: Some(sure),
        latency_ms: 1_000,
        details,
    }
}

fn plain(outcome: Outcome) -> ItemResult {
    item("a", outcome, 0.5, Details::Triage(TriageDetails::default()))
}

/// `right`, `handed_over`, `wrong` and `failed` items.
fn counted(counts: [usize; 4]) -> Vec<ItemResult> {
    Outcome::ALL
        .into_iter()
        .zip(counts)
        .flat_map(|(outcome, count)| vec![plain(outcome); count])
        .collect()
}

const VOLUMES: Volumes =
    Volumes { per_week: 200.0, minutes_by_hand: 6.0, minutes_to_check: 1.0, hourly_rate: 30.0 };

#[track_caller]
fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

#[test]
fn a_manager_reads_shares_times_and_hours() {
    // The article's: of 200 a week, 70 of 100 done and 30 handed over; here with 5 wrong ones.
    let run = run(Job::Triage, counted([65, 30, 5, 0]));
    let figures = ManagerFigures::of(&run, Some(&VOLUMES));
    let shares = figures.shares.unwrap();
    near(shares.right.share, 0.65);
    near(shares.automatic.share, 0.70);
    near(shares.wrong_of_automatic.unwrap().share, 5.0 / 70.0);
    assert!(shares.right.low < 0.65 && shares.right.high > 0.65);
    let savings = figures.savings.unwrap();
    near(savings.done_per_week, 130.0);
    near(savings.wrong_per_week, 10.0);
    near(savings.by_hand_per_week, 60.0);
    // 130 × (6 − 1) − 10 × 1 = 640 minutes.
    near(savings.hours_per_week, 640.0 / 60.0);
    near(savings.money_per_week, 320.0);
    near(savings.money_per_year, 16_640.0);
    near(savings.share_of_work.unwrap(), 640.0 / 1_200.0);
    assert!(savings.hours_low < savings.hours_per_week);
    assert!(savings.hours_high > savings.hours_per_week);
}

#[test]
fn what_was_rightly_handed_over_is_right_and_saves_nothing() {
    let mut over = plain(Outcome::Right);
    over.handed_over = true;
    let figures = ManagerFigures::of(&run(Job::Chat, vec![over; 10]), Some(&VOLUMES));
    assert_eq!((figures.right, figures.rightly_handed_over), (10, 10));
    near(figures.shares.unwrap().automatic.share, 0.0);
    near(figures.savings.unwrap().hours_per_week, 0.0);
}

#[test]
fn checks_can_cost_more_than_they_save() {
    let savings = Savings::of(&counted([0, 0, 10, 0]), &VOLUMES).unwrap();
    near(savings.hours_per_week, -200.0 / 60.0);
    let free = Volumes { minutes_by_hand: 0.0, minutes_to_check: 0.0, ..VOLUMES };
    assert_eq!(Savings::of(&counted([1, 0, 0, 0]), &free).unwrap().share_of_work, None);
}

#[test]
fn volumes_that_no_company_has_are_refused() {
    let bad = Volumes { hourly_rate: f64::NAN, ..VOLUMES };
    assert_eq!(bad.check().unwrap_err().name, "hourly_rate");
    assert!(Savings::of(&counted([1, 0, 0, 0]), &bad).is_none());
    let negative = Volumes { per_week: -1.0, ..VOLUMES };
    let message = negative.check().unwrap_err().to_string();
    assert_eq!(message, "'per_week' is -1; it takes a number from 0 to 1000000000");
    assert!(Volumes { minutes_by_hand: f64::INFINITY, ..VOLUMES }.check().is_err());
}

#[test]
fn times_are_ones_that_items_took() {
    let mut items = counted([20, 0, 0, 1]);
    for (at, item) in items.iter_mut().enumerate() {
        item.latency_ms = at as u64 + 1;
    }
    // The failed one took 21 and does not count.
    assert_eq!(Times::of(&items), Some(Times { median_ms: 10, p95_ms: 19, max_ms: 20 }));
    assert_eq!(Times::of(&[]), None);
}

#[test]
fn empty_and_one_sided_runs_have_figures() {
    for job in Job::ALL {
        for counts in [[0; 4], [3, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 3], [0, 3, 0, 0]] {
            let run = run(job, counted(counts));
            let manager = ManagerFigures::of(&run, Some(&VOLUMES));
            let engineer = EngineerFigures::of(&run);
            assert_eq!(manager.shares.is_none(), counts == [0; 4]);

            let text = format!("{manager:?}{engineer:?}");
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

#[test]
fn confidence_is_judged_over_proposals() {
    let mut items = Vec::new();
    for at in 0..10 {
        let outcome = if at < 8 { Outcome::Right } else { Outcome::Wrong };
        let sure = if at < 8 { 0.9 } else { 0.3 };
        items.push(item(&at.to_string(), outcome, sure, Details::Triage(TriageDetails::default())));
    }
    items.push(plain(Outcome::Failed));
    let sureness = Sureness::of(&items).unwrap();
    assert_eq!(sureness.items, 10);
    // 8 of 10 are off by 0.1, 2 of 10 by 0.3.
    near(sureness.calibration_error, 0.14);
    assert_eq!(sureness.auroc, Some(1.0));
    assert_eq!(sureness.coverage[0], (0.9, 0.8));
    let points: Vec<(f64, f64, f64)> = sureness
        .curve
        .iter()
        .map(|point| (point.threshold, point.coverage, point.precision))
        .collect();
    assert_eq!(points, [(0.9, 8.0 / 11.0, 1.0), (0.3, 10.0 / 11.0, 0.8)]);
    assert_eq!(Sureness::of(&[plain(Outcome::Failed)]), None);
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn searches_have_recall_and_order() {
    let searched = |relevant: &[&str], found: &[&str], sure: f64| {
        let details = SearchDetails { relevant: names(relevant), found: names(found) };
        item("a", Outcome::Right, sure, Details::Search(details))
    };
    let run = run(
        Job::Search,
        vec![
            searched(&["a"], &["A", "a", "x"], 0.9),
            searched(&["a", "b"], &["x", "b"], 0.8),
            searched(&[], &["x"], 0.1),
            plain(Outcome::Failed),
        ],
    );
    let JobFigures::Search(figures) = JobFigures::of(&run) else { panic!("another job") };
    assert_eq!((figures.answerable, figures.unanswerable), (2, 1));
    near(figures.found_at[0].unwrap().share, 0.5);
    near(figures.recall_at[0].unwrap(), 0.5);
    near(figures.recall_at[1].unwrap(), 0.75);
    near(figures.mrr.unwrap(), 0.75);
    // The second: gain 1 at place 2, of 2 at 1 and 1 at 2.
    let second = (1.0 / 3.0_f64.log2()) / (2.0 + 1.0 / 3.0_f64.log2());
    near(figures.ndcg.unwrap(), f64::midpoint(1.0, second));
    assert_eq!((figures.auroc, figures.refused_at_90), (Some(1.0), Some(1.0)));
}

#[test]
fn answers_are_counted_by_facts() {
    let answered = |answerable: bool, found: &[bool], outcome: Outcome| {
        let part = |found: &bool| Part { expected: "x".to_owned(), found: *found };
        let details = ChatDetails {
            answerable,
            parts: found.iter().map(part).collect(),
            partly: found.contains(&true) && found.contains(&false),
            ..ChatDetails::default()
        };
        item("a", outcome, 0.5, Details::Chat(details))
    };
    let mut over = answered(false, &[], Outcome::Right);
    over.handed_over = true;
    let run = run(
        Job::Chat,
        vec![
            answered(true, &[true, true], Outcome::Right),
            answered(true, &[true, false], Outcome::Wrong),
            answered(true, &[false], Outcome::HandedOver),
            answered(false, &[], Outcome::Wrong),
            over,
        ],
    );
    let JobFigures::Chat(figures) = JobFigures::of(&run) else { panic!("another job") };
    near(figures.answered.unwrap().share, 2.0 / 3.0);
    near(figures.right_of_answered.unwrap().share, 0.5);
    near(figures.partly_of_answered.unwrap().share, 0.5);
    near(figures.facts.unwrap().share, 0.75);
    near(figures.handed_over.unwrap().share, 0.5);
    assert_eq!(ManagerFigures::of(&run, None).partly, 1);
}

#[test]
fn labels_are_counted_by_field() {
    let sorted = |expected: &str, given: Option<&str>, ambiguous: bool, outcome: Outcome| {
        let label = LabelResult {
            expected: expected.to_owned(),
            given: given.map(str::to_owned),
            confidence: None,
        };
        let labels = BTreeMap::from([("alert".to_owned(), label)]);
        item("a", outcome, 0.5, Details::Triage(TriageDetails { labels, ambiguous }))
    };
    let mut over = sorted("true", Some("true"), true, Outcome::Right);
    over.handed_over = true;
    let run = run(
        Job::Triage,
        vec![
            sorted("true", Some("true"), false, Outcome::Right),
            sorted("true", None, false, Outcome::Wrong),
            over,
        ],
    );
    let JobFigures::Triage(figures) = JobFigures::of(&run) else { panic!("another job") };
    assert_eq!((figures.alerts, figures.alerts_missed, figures.ambiguous), (3, 1, 1));
    near(figures.ambiguous_handed_over.unwrap().share, 1.0);
    near(figures.clear_right.unwrap().share, 0.5);
    assert!(figures.without_confidence.contains("alert"));
    // Whole items have a confidence here, labels have none.
    assert_eq!(proposals(&run.items, None)[1], (Some(0.5), false));
    let mut failed = run.items.clone();
    failed.push(plain(Outcome::Failed));
    failed.push(item("b", Outcome::Right, 0.9, Details::Triage(TriageDetails::default())));
    let of_alerts = proposals(&failed, Some("alert"));
    assert_eq!(of_alerts, [(None, true), (None, false), (None, true)]);
    let alert = &figures.fields["alert"];
    near(alert.accuracy.unwrap().share, 2.0 / 3.0);
    assert_eq!(alert.confusion["true"][super::NONE], 1);
}

#[test]
fn values_are_counted_by_field_whatever_their_line() {
    let field = |name: &str, outcome: FieldMatch, flagged: bool| FieldResult {
        name: name.to_owned(),
        expected: json!(1),
        given: json!(1),
        outcome,
        flagged,
    };
    let details = ExtractionDetails {
        document_type: None,
        fields: vec![
            field("lines[0].total", FieldMatch::Right, false),
            field("lines[1].total", FieldMatch::Different, true),
            field("lines[2].total", FieldMatch::Missing, false),
            field("iban", FieldMatch::RightlyEmpty, false),
            field("siren", FieldMatch::Invented, false),
        ],
    };
    let run =
        run(Job::Extraction, vec![item("a", Outcome::Wrong, 0.5, Details::Extraction(details))]);
    let JobFigures::Extraction(figures) = JobFigures::of(&run) else { panic!("another job") };
    let total = figures.fields["lines.total"];
    assert_eq!((total.support, total.given, total.right), (3, 2, 1));
    assert_eq!((total.wrong, total.wrong_flagged, total.invented), (2, 1, 0));
    near(total.precision, 0.5);
    near(total.recall, 1.0 / 3.0);
    near(total.f1, 0.4);
    near(figures.fields["iban"].f1, 1.0);
    near(figures.fields["siren"].f1, 0.0);
    near(figures.macro_f1, 1.4 / 3.0);
    // Of all: 1 right of 3 given and 3 there.
    near(figures.micro.f1, 1.0 / 3.0);
}
