//! Gathers what was measured and prints it.

use serde_json::{Map, Value, json};

use super::memory::Resident;
use super::metric::Metric;
use super::sample::Sample;
use super::stats::Summary;
use super::target::Target;
use super::workload::Case;
use crate::language::{Language, current, tr};
use crate::output;

/// What came of one run of a case.
#[derive(Debug)]
pub(super) enum Outcome {
    Measured(Sample),
    /// It does not fit this server; the reason.
    Skipped(String),
    /// What failed.
    Failed(String),
}

/// All runs of a case.
#[derive(Debug, Default)]
struct CaseReport {
    name: String,
    samples: Vec<Sample>,
    skipped: Option<String>,
    errors: Vec<String>,
}

/// Everything that was measured so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    url: String,
    model: String,
    seed: u64,
    cases: Vec<CaseReport>,
    pub(super) memory_before: Option<Resident>,
    pub(super) memory_after: Option<Resident>,
    /// What the server says about its memory.
    pub(super) memory_told: Option<Value>,
}

impl Report {
    pub(super) fn new(target: &Target, seed: u64, cases: &[Case]) -> Self {
        let cases = cases
            .iter()
            .map(|case| CaseReport { name: case.name.clone(), ..CaseReport::default() });
        Self {
            url: target.url.clone(),
            model: target.model.clone(),
            seed,
            cases: cases.collect(),
            ..Self::default()
        }
    }

    /// Adds one run of the `index`-th case.
    pub(super) fn add(&mut self, index: usize, outcome: Outcome) {
        let Some(case) = self.cases.get_mut(index) else { return };
        match outcome {
            Outcome::Measured(sample) => case.samples.push(sample),
            Outcome::Skipped(reason) => case.skipped = Some(reason),
            Outcome::Failed(error) => case.errors.push(error),
        }
    }

    /// Whether a run failed.
    pub(super) fn failed(&self) -> bool {
        self.cases.iter().any(|case| !case.errors.is_empty())
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            output::json(&self.to_json());
            return;
        }
        output::line(format!("{} @ {}\n", self.model, self.url));
        let header = tr(
            ["CHARGE", "MESURE", "MÉDIANE", "MIN", "MAX"],
            ["WORKLOAD", "FIGURE", "MEDIAN", "MIN", "MAX"],
        );
        output::table(&header, &self.cases.iter().flat_map(CaseReport::rows).collect::<Vec<_>>());
        for (name, memory) in [
            (tr("mémoire avant", "memory before"), self.memory_before),
            (tr("mémoire après", "memory after"), self.memory_after),
        ] {
            let Some(memory) = memory else { continue };
            let (now, peak) = (output::bytes(memory.now_bytes), output::bytes(memory.peak_bytes));
            output::line(tr(
                format!("{name} : {now}, au plus {peak}"),
                format!("{name}: {now}, at most {peak}"),
            ));
        }
        for case in &self.cases {
            if let Some(reason) = &case.skipped {
                let name = &case.name;
                output::note(tr(
                    format!("{name} passé : {reason}"),
                    format!("{name} skipped: {reason}"),
                ));
            }
            for error in &case.errors {
                output::note(tr(format!("échec de {error}"), format!("failed: {error}")));
            }
        }
    }

    fn to_json(&self) -> Value {
        let cases: Map<String, Value> =
            self.cases.iter().map(|case| (case.name.clone(), case.to_json())).collect();
        let mut report = json!({
            "url": self.url,
            "model": self.model,
            // As text: not every reader of JSON keeps 64 bits.
            "seed": self.seed.to_string(),
            "workloads": cases,
        });
        let memory = [("before", self.memory_before), ("after", self.memory_after)];
        for (name, memory) in memory {
            if let Some(memory) = memory {
                report["memory"][name] = memory.to_json();
            }
        }
        if let Some(told) = &self.memory_told {
            report["memory"]["told"] = told.clone();
        }
        report
    }
}

impl CaseReport {
    /// The figures of all runs, in the order of the first run that has them.
    fn figures(&self) -> Vec<(Metric, Vec<f64>)> {
        let mut figures: Vec<(Metric, Vec<f64>)> = Vec::new();
        for (metric, value) in self.samples.iter().flat_map(|sample| &sample.values) {
            match figures.iter_mut().find(|(known, _)| known == metric) {
                Some((_, values)) => values.push(*value),
                None => figures.push((*metric, vec![*value])),
            }
        }
        figures
    }

    fn to_json(&self) -> Value {
        let mut metrics = Map::new();
        for (metric, values) in self.figures() {
            if let Some(summary) = Summary::of(&values) {
                metrics.insert(metric.key().to_string(), summary.to_json(&values));
            }
        }
        let mut case = json!({"runs": self.samples.len(), "metrics": metrics});
        if let Some(reason) = &self.skipped {
            case["skipped"] = json!(reason);
        }
        if !self.errors.is_empty() {
            case["errors"] = json!(self.errors);
        }
        case
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let figures = self.figures().into_iter();
        let rows = figures.filter_map(|(metric, values)| {
            let summary = Summary::of(&values)?;
            let number = |value: f64| number(value, metric.decimals());
            let label = metric.label().to_string();
            let (median, min, max) =
                (number(summary.median), number(summary.min), number(summary.max));
            Some(vec![self.name.clone(), label, median, min, max])
        });
        rows.collect()
    }
}

/// A number as the language writes it.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match current() {
        Language::French => text.replace('.', ","),
        Language::English => text,
    }
}

#[cfg(test)]
mod tests;
