//! Prices what was consumed.

use intramuros_types::Consumption;
use serde::Deserialize;

/// Prices in one currency: the company's own, or those of an outside API for comparison.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tariff {
    /// What people call it.
    pub name: String,
    /// Of a million tokens of prompts.
    pub input_per_million: f64,
    /// Of a million tokens of prompts that come from the cache; `None`: the same.
    pub cached_input_per_million: Option<f64>,
    /// Of a million tokens of answers.
    pub output_per_million: f64,
    /// Of an hour of computing.
    pub compute_hour: f64,
}

impl Tariff {
    /// What `consumption` costs.
    pub fn cost(&self, consumption: &Consumption) -> f64 {
        let cached = consumption.cached_tokens.min(consumption.prompt_tokens);
        let fresh = consumption.prompt_tokens - cached;
        let cached_price = self.cached_input_per_million.unwrap_or(self.input_per_million);
        let per_million = fresh as f64 * self.input_per_million
            + cached as f64 * cached_price
            + consumption.completion_tokens as f64 * self.output_per_million;
        per_million / 1e6 + consumption.compute.as_secs_f64() / 3600.0 * self.compute_hour
    }

    /// Whether it has prices that make sense.
    pub fn is_sound(&self) -> bool {
        let cached = self.cached_input_per_million.unwrap_or(0.0);
        let all = [self.input_per_million, cached, self.output_per_million, self.compute_hour];
        all.iter().all(|price| price.is_finite() && *price >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use intramuros_types::Consumption;

    use super::Tariff;

    #[test]
    fn tokens_and_time_have_their_price() {
        let consumption = Consumption {
            prompt_tokens: 3_000_000,
            cached_tokens: 1_000_000,
            completion_tokens: 500_000,
            compute: Duration::from_secs(1_800),
        };
        let outside = Tariff {
            input_per_million: 2.0,
            cached_input_per_million: Some(0.5),
            output_per_million: 8.0,
            ..Tariff::default()
        };
        assert!((outside.cost(&consumption) - 8.5).abs() < 1e-9);
        let own = Tariff { compute_hour: 0.4, ..Tariff::default() };
        assert!((own.cost(&consumption) - 0.2).abs() < 1e-9);
        let flat = Tariff { input_per_million: 1.0, ..Tariff::default() };
        assert!((flat.cost(&consumption) - 3.0).abs() < 1e-9);
        assert_eq!(Tariff::default().cost(&consumption), 0.0);
    }

    #[test]
    fn a_price_is_a_number_from_0_up() {
        let with = |price| Tariff { output_per_million: price, ..Tariff::default() };
        assert!(with(0.0).is_sound() && with(12.5).is_sound());
        assert!(!with(-1.0).is_sound() && !with(f64::NAN).is_sound());
    }
}
