//! Puts the outcomes of a run together, and two runs beside one another.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context as _;
use intramuros_usecases::pilot::{Difference, auroc, paired, refused_at};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::measure::Outcome;
use crate::language::tr;
use crate::output;

/// The answerable that a threshold must keep when refusals are counted.
const KEPT: f64 = 0.9;

/// What a run gave.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) ranking: String,
    pub(super) questions: Vec<Outcome>,
    pub(super) unanswerable: Vec<Outcome>,
}

/// A measure of one question.
struct Measure {
    name: &'static str,
    french: &'static str,
    /// `None` where it does not apply.
    of: fn(&Outcome) -> Option<f64>,
}

const MEASURES: [Measure; 7] = [
    Measure { name: "recall@1", french: "rappel à 1", of: |found| Some(within(found, 1)) },
    Measure { name: "recall@5", french: "rappel à 5", of: |found| Some(within(found, 5)) },
    Measure { name: "recall@10", french: "rappel à 10", of: |found| Some(within(found, 10)) },
    Measure { name: "nDCG@10", french: "nDCG à 10", of: |found| Some(found.ndcg) },
    Measure { name: "MRR", french: "rang réciproque", of: |found| Some(reciprocal(found)) },
    Measure {
        name: "passage highlighted",
        french: "passage surligné",
        of: |found| found.highlighted.map(f64::from),
    },
    Measure {
        name: "passage shown",
        french: "passage montré",
        of: |found| found.shown.map(f64::from),
    },
];

fn within(found: &Outcome, limit: usize) -> f64 {
    f64::from(found.rank.is_some_and(|rank| rank <= limit))
}

fn reciprocal(found: &Outcome) -> f64 {
    found.rank.map_or(0.0, |rank| 1.0 / rank as f64)
}

impl Measure {
    fn mean(&self, outcomes: &[&Outcome]) -> Option<f64> {
        let values: Vec<f64> = outcomes.iter().filter_map(|found| (self.of)(found)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

pub(super) fn read(path: &Path) -> anyhow::Result<Run> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| shown.clone())?;
    serde_json::from_str(&text).with_context(|| {
        tr(
            format!("{shown} n'a pas été écrit par « eval retrieval --out »"),
            format!("{shown} was not written by 'eval retrieval --out'"),
        )
    })
}

pub(super) fn write(path: &Path, run: &Run) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(run)?;
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

pub(super) fn to_json(run: &Run, before: Option<&Run>) -> Value {
    let all: Vec<&Outcome> = run.questions.iter().collect();
    let means = |outcomes: &[&Outcome]| -> BTreeMap<&str, Option<f64>> {
        MEASURES.iter().map(|measure| (measure.name, measure.mean(outcomes))).collect()
    };
    let styles: BTreeMap<&str, Value> = by_style(run)
        .into_iter()
        .map(|(style, found)| (style, json!({"questions": found.len(), "means": means(&found)})))
        .collect();
    let (auroc, refused) = refusals(run);
    json!({
        "ranking": run.ranking,
        "questions": run.questions.len(),
        "means": means(&all),
        "styles": styles,
        "auroc": auroc,
        "refused_at_90": refused,
        "milliseconds": {"median": time(run, 50.0), "p95": time(run, 95.0), "p99": time(run, 99.0)},
        "compared": before.map(|before| compared(run, before)),
    })
}

fn compared(run: &Run, before: &Run) -> Value {
    let rows = differences(run, before).into_iter().map(|(measure, difference)| {
        let value =
            difference.map(|d| json!({"mean": d.mean, "low": d.low, "high": d.high, "p": d.p}));
        (measure.name.to_owned(), value.unwrap_or_default())
    });
    Value::Object(rows.collect())
}

/// The differences over the questions that both runs have.
fn differences(run: &Run, before: &Run) -> Vec<(&'static Measure, Option<Difference>)> {
    let earlier: HashMap<&str, &Outcome> =
        before.questions.iter().map(|found| (found.id.as_str(), found)).collect();
    let pairs: Vec<(&Outcome, &Outcome)> = run
        .questions
        .iter()
        .filter_map(|now| earlier.get(now.id.as_str()).map(|then| (*then, now)))
        .collect();
    let difference = |measure: &Measure| {
        let both = pairs.iter().filter_map(|(then, now)| (measure.of)(then).zip((measure.of)(now)));
        let (then, now): (Vec<f64>, Vec<f64>) = both.unzip();
        paired(&then, &now)
    };
    MEASURES.iter().map(|measure| (measure, difference(measure))).collect()
}

fn by_style(run: &Run) -> BTreeMap<&str, Vec<&Outcome>> {
    let mut styles: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for found in &run.questions {
        if let Some(style) = &found.style {
            styles.entry(style).or_default().push(found);
        }
    }
    styles
}

fn refusals(run: &Run) -> (Option<f64>, Option<f64>) {
    let relevance = |outcomes: &[Outcome]| -> Vec<f64> {
        outcomes.iter().map(|found| found.relevance).collect()
    };
    let (answerable, unanswerable) = (relevance(&run.questions), relevance(&run.unanswerable));
    (auroc(&answerable, &unanswerable), refused_at(&answerable, &unanswerable, KEPT))
}

/// Nearest rank over all questions.
fn time(run: &Run, percent: f64) -> Option<f64> {
    let all = run.questions.iter().chain(&run.unanswerable);
    let mut times: Vec<f64> = all.map(|found| found.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * times.len() as f64).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied()
}

pub(super) fn print(run: &Run, before: Option<&Run>) {
    let all: Vec<&Outcome> = run.questions.iter().collect();
    let mut groups = by_style(run).into_iter().collect::<Vec<_>>();
    groups.push((tr("toutes", "all"), all));
    let header: Vec<&str> = [tr("QUESTIONS", "QUESTIONS"), "N"]
        .into_iter()
        .chain(MEASURES.iter().map(|measure| tr(measure.french, measure.name)))
        .collect();
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|(name, found)| {
            let means = MEASURES.iter().map(|measure| percent(measure.mean(found)));
            [(*name).to_owned(), found.len().to_string()].into_iter().chain(means).collect()
        })
        .collect();
    output::table(&header, &rows);
    if let (Some(auroc), Some(refused)) = refusals(run) {
        let count = run.unanswerable.len();
        let refused = percent(Some(refused));
        output::line(tr(
            format!(
                "sans réponse ({count}) : aire sous la courbe ROC {auroc:.2} ; refusées en gardant \
                 90 % des autres : {refused}"
            ),
            format!(
                "unanswerable ({count}): AUROC {auroc:.2}; refused while keeping 90 % of the \
                 others: {refused}"
            ),
        ));
    }
    if let (Some(median), Some(p95)) = (time(run, 50.0), time(run, 95.0)) {
        output::line(tr(
            format!("temps : médiane {median:.0} ms, 95e centile {p95:.0} ms"),
            format!("time: median {median:.0} ms, 95th percentile {p95:.0} ms"),
        ));
    }
    if let Some(before) = before {
        print_differences(run, before);
    }
}

fn print_differences(run: &Run, before: &Run) {
    let rows: Vec<Vec<String>> = differences(run, before)
        .into_iter()
        .filter_map(|(measure, difference)| difference.map(|found| (measure, found)))
        .map(|(measure, found)| {
            let points = |value: f64| format!("{:+.1}", value * 100.0);
            vec![
                tr(measure.french, measure.name).to_owned(),
                points(found.mean),
                format!("{} … {}", points(found.low), points(found.high)),
                format!("{:.3}", found.p),
            ]
        })
        .collect();
    let header =
        tr(["DIFFÉRENCE", "POINTS", "À 95 %", "P"], ["DIFFERENCE", "POINTS", "AT 95 %", "P"]);
    output::table(&header, &rows);
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.1} %", value * 100.0))
}
