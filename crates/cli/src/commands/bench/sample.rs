//! Holds the figures of one run of a workload.

use std::time::Instant;

use super::chat::Answer;
use super::metric::Metric;
use super::stats;
use super::target::Counters;

/// Figures by name, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) values: Vec<(Metric, f64)>,
}

impl Sample {
    pub(super) fn add(&mut self, metric: Metric, value: f64) {
        self.values.push((metric, value));
    }

    pub(super) fn count(&mut self, metric: Metric, value: u64) {
        self.add(metric, value as f64);
    }

    /// Tokens of an answer, as the server counts them.
    pub(super) fn add_usage(&mut self, answer: &Answer) {
        self.count(Metric::PromptTokens, answer.usage.prompt_tokens);
        if let Some(cached) = answer.usage.cached_tokens {
            self.count(Metric::CachedTokens, cached);
        }
        self.count(Metric::GeneratedTokens, answer.usage.completion_tokens);
    }

    /// Percentiles of the times between pieces of streams.
    pub(super) fn add_gaps(&mut self, streams: &[&[Instant]]) {
        let gaps: Vec<f64> = streams.iter().flat_map(|stream| stats::gaps(stream)).collect();
        self.add_percentiles(&gaps, [Metric::ItlP50, Metric::ItlP95, Metric::ItlMax]);
    }

    /// The median, the 95th percentile and the highest of `values`, if there are any.
    pub(super) fn add_percentiles(&mut self, values: &[f64], metrics: [Metric; 3]) {
        for (metric, percent) in metrics.into_iter().zip([50.0, 95.0, 100.0]) {
            if let Some(value) = stats::percentile(values, percent) {
                self.add(metric, value);
            }
        }
    }

    /// What the server counted between two moments; what did not happen is left out.
    pub(super) fn add_counters(&mut self, before: &Counters, after: &Counters) {
        let grown = [
            (Metric::Passes, after.steps.saturating_sub(before.steps)),
            (Metric::DraftedTokens, after.drafted_tokens.saturating_sub(before.drafted_tokens)),
            (Metric::AcceptedTokens, after.accepted_tokens.saturating_sub(before.accepted_tokens)),
            (Metric::ForcedTokens, after.forced_tokens.saturating_sub(before.forced_tokens)),
            (Metric::Preempted, after.preempted.saturating_sub(before.preempted)),
        ];
        for (metric, count) in grown.into_iter().filter(|(_, count)| *count > 0) {
            self.count(metric, count);
        }
    }
}
